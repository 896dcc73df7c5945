"""Traces in the forms that the command line offers."""

from __future__ import annotations

import json
import shutil
import sys

from modelcheck.chart import chart, coloured_chart
from modelcheck.itf import itf
from modelcheck.mermaid import mermaid
from modelcheck.svg import svg
from modelcheck.trace import Trace
from modelcheck.trace_json import trace_to_json

CHART = "chart"
WIDEST = 100


def as_text(trace: Trace, form: str) -> str:
    """The trace in a form for files and for other tools."""
    match form:
        case "json":
            return json.dumps(trace_to_json(trace), indent=2) + "\n"
        case "itf":
            return itf(trace)
        case "mermaid":
            return mermaid(trace)
        case "svg":
            return svg(trace)
        case _:
            return chart(trace, WIDEST, ascii_only=not _draws_lines())


def show_trace(trace: Trace, form: str) -> None:
    """Prints a trace; a chart in colours, where that is a terminal, and as wide as that."""
    if form != CHART or not sys.stdout.isatty():
        print(as_text(trace, form), end="")
        return
    from rich.console import Console

    width = min(WIDEST, shutil.get_terminal_size().columns)
    drawn = coloured_chart(trace, width, ascii_only=not _draws_lines())
    Console(soft_wrap=True, highlight=False).print(drawn, end="")


def _draws_lines() -> bool:
    """Whether standard output can take the characters that lines are drawn with."""
    try:
        "│┃╎╏·─╌├┠┤┨┼╂↻⊘✗▲●".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
