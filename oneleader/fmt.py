"""`oneleader fmt`."""

from __future__ import annotations

from pathlib import Path

import typer

from modelcheck.verdict import BAD_INPUT
from oneleader.console import problems_told, tell, write
from spec.diagnostics import SpecError
from spec.format import format_source
from spec.source import Source


def fmt(specs: tuple[Path, ...], check: bool) -> None:
    """Rewrites what is not in canonical form; with `check`, only says so, with status 1. What cannot be read is left
    as it is, and the others are formatted all the same."""
    unformatted = broken = False
    for path in specs:
        with problems_told():
            text = path.read_bytes().decode()
        source = Source(str(path), text.removeprefix("\ufeff"))
        try:
            formatted = format_source(source)
        except SpecError as problem:
            tell(source, problem.diagnostics)
            broken = True
            continue
        if formatted != text:
            unformatted = True
            if check:
                print(f"{path} is not in canonical form")
            else:
                write(path, formatted)
                print(f"{path} rewritten")
    if broken:
        raise typer.Exit(BAD_INPUT)
    if check and unformatted:
        raise typer.Exit(1)
