"""`oneleader show`."""

from __future__ import annotations

from pathlib import Path

from oneleader.console import problems_told
from spec.highlight import highlight


def show(spec: Path) -> None:
    """Prints a spec as it is, in colours where that is a terminal."""
    from rich.console import Console

    with problems_told():
        text = spec.read_text(encoding="utf-8-sig")
    Console(soft_wrap=True, highlight=False).print(highlight(text), end="")
