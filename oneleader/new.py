"""`oneleader new`."""

from __future__ import annotations

from pathlib import Path

from oneleader.console import fail, write
from spec.template import new_spec


def new(name: str, out: Path | None) -> None:
    """Writes a spec to begin with; never over a file that is there."""
    path = out or Path(f"{name}.elect")
    try:
        text = new_spec(name)
    except ValueError as problem:
        fail(str(problem))
    if path.exists():
        fail(f"{path} is there already; nothing was written")
    write(path, text)
    print(f"{path} written; try: oneleader check {path}")
