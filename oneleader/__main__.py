"""The entry point of the `oneleader` command."""

from importlib.metadata import version
from typing import Annotated

import typer

app = typer.Typer(name="oneleader", no_args_is_help=True, add_completion=False)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"oneleader {version('oneleader')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Check leader elections, and generate the nodes that run them."""


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
