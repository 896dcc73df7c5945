"""`oneleader graph`."""

from __future__ import annotations

from pathlib import Path

from modelcheck.graph import TooManyStatesError, dot, graphml, materialise
from modelcheck.graph_svg import graph_svg
from oneleader.console import fail, read, write
from oneleader.instance import model_within

FORMS = {"dot": dot, "graphml": graphml, "svg": graph_svg}


def graph(spec: Path, within: str | None, to: str, out: Path | None, limit: int) -> None:
    """Writes or prints the graph of all reachable states."""
    if limit < 1:
        fail("--limit: expected 1 or more")
    model = model_within(read(spec), within)
    try:
        found = materialise(model, limit)
    except (TooManyStatesError, ValueError) as problem:
        fail(str(problem))
    text = FORMS[to](found)
    if out is None:
        print(text, end="")
    else:
        write(out, text)
        print(f"{out}: {found.number_of_nodes()} states, {found.number_of_edges()} edges")
