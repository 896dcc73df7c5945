"""How a run that goes on for ever is drawn, and what files for other tools say of it."""

from __future__ import annotations

import json

from modelcheck.chart import chart
from modelcheck.itf import itf
from modelcheck.mermaid import mermaid
from modelcheck.story import FOR_EVER, story
from modelcheck.svg import svg
from tests.compiler import needs_compiler
from tests.modelcheck.liveness.test_replayed import made

pytestmark = needs_compiler


def test_what_is_wrong_is_said_in_one_phrase() -> None:
    assert story(made("terms rise")).ending.verdict == "after step 6 there_is_a_leader can be put off for ever"
    assert story(made("a dead end")).ending.verdict == "after step 2 eats cannot come about any more"


def test_a_chart_shows_where_steps_begin_to_be_repeated() -> None:
    trace = made("terms rise")
    assert trace.loop == 3
    for width in (100, 60):
        lines = chart(trace, width).splitlines()
        (at,) = (number for number, line in enumerate(lines) if FOR_EVER in line)
        assert lines[at + 1].lstrip().startswith("4 ")
    assert FOR_EVER not in chart(made("a dead end"))
    assert FOR_EVER in svg(trace) and FOR_EVER not in svg(made("it stops"))


def test_mermaid_has_a_loop_for_it() -> None:
    lines = [line.strip() for line in mermaid(made("terms rise")).splitlines()]
    begin, end = lines.index("loop for ever"), lines.index("end")
    assert lines[begin + 1].startswith("Note over node") and ": 4. " in lines[begin + 1]
    assert ": 6. " in lines[end - 1]
    assert "loop for ever" not in mermaid(made("it stops"))


def test_itf_has_a_loop_where_it_is_closed() -> None:
    closed, rising = (json.loads(itf(made(name))) for name in ("no terms", "terms rise"))
    assert closed["loop"] == closed["#meta"]["repeats_from"] == made("no terms").loop
    without = [{key: value for key, value in state.items() if key != "#meta"} for state in closed["states"]]
    assert without[closed["loop"]] == without[-1]
    # Terms are higher after each round: it is no loop of states.
    assert "loop" not in rising and rising["#meta"]["repeats_from"] == 3
