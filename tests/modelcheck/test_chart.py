"""What a chart looks like is in the golden files; that it never overflows is asked of all of them."""

from pathlib import Path

import pytest

from modelcheck.chart import chart, coloured_chart
from modelcheck.trace import Trace
from tests.golden import assert_golden
from tests.modelcheck.behaviours import forgetful_trace, locks_trace, split_trace, witness_trace

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "trace"),
    [
        ("forgetful", forgetful_trace()),
        ("split", split_trace()),
        ("split_of_five", split_trace(5)),
        ("split_of_twelve", split_trace(12)),
        ("locks", locks_trace()),
        ("witness", witness_trace()),
    ],
)
@pytest.mark.parametrize("width", [80, 100])
def test_a_chart_reads_well(name: str, trace: Trace, width: int) -> None:
    assert_golden(GOLDEN / f"chart_{name}_{width}.txt", chart(trace, width))


def test_a_chart_needs_nothing_but_ascii() -> None:
    text = chart(split_trace(), 80, ascii_only=True)
    assert text.isascii()
    assert_golden(GOLDEN / "chart_split_80_ascii.txt", text)


def test_where_lifelines_do_not_fit_the_steps_are_listed() -> None:
    text = chart(split_trace(20), 80)
    assert "│" not in text
    assert_golden(GOLDEN / "chart_split_of_twenty_80.txt", text)


@pytest.mark.parametrize("nodes", [3, 5, 6, 9, 12, 16])
@pytest.mark.parametrize("width", [60, 72, 80, 100, 132])
def test_no_line_is_too_wide(nodes: int, width: int) -> None:
    lines = chart(split_trace(nodes), width).splitlines()
    assert max(len(line) for line in lines) <= width
    assert all(line == line.rstrip() for line in lines)


@pytest.mark.parametrize("nodes", [3, 4, 5])
def test_up_to_five_processes_are_named_over_their_lifelines(nodes: int) -> None:
    for width in (80, 100):
        header = chart(split_trace(nodes), width).splitlines()[2]
        assert header.split() == [f"node{number}" for number in range(1, nodes + 1)]


def test_every_step_is_numbered_and_told() -> None:
    trace = forgetful_trace()
    numbers = [line.split()[0] for line in chart(trace).splitlines() if line[:6].strip().isdigit()]
    assert numbers == [str(number) for number in range(1, len(trace) + 1)]


def test_colours_add_nothing_to_the_text() -> None:
    coloured = coloured_chart(split_trace(), 90)
    plain = "\n".join(line.rstrip() for line in coloured.plain.split("\n"))
    assert plain == chart(split_trace(), 90)
    assert "bold red" in {str(span.style) for span in coloured.spans}
