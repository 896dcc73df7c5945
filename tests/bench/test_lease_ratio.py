"""The bench of LeaseDuration against drift: its formulas, and that the checker finds what they say."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bench.lease_ratio import COMMAND, DOCUMENT, SPEC, Found, Timers, differing, holds, main, search, table
from bench.tables import block_of
from spec.check import load
from tests.compiler import needs_compiler

SHIPPED = Timers(renew=10_000, retry=2_000, delay=500, tick=500, drift=10)


def test_the_formulas_are_those_of_the_spec() -> None:
    assert SHIPPED.documented == Fraction(110_000, 9)
    assert SHIPPED.formula == (Fraction(12_000 * 10, 9) + 500) * Fraction(11, 10)
    assert Timers(10_000, 2_000, 500, 500, 0).formula == 12_500


def test_rounding_asks_for_up_to_four_ticks_more() -> None:
    """The leader's timers take 5 and 23 ticks, rounded up, the message one; the lease takes 30, by a fast clock 33."""
    assert SHIPPED.rounded == 33 * 500
    for tick in (500, 250, 100, 50, 10):
        timers = Timers(10_000, 2_000, 500, tick, 10)
        assert 0 < timers.rounded - timers.formula <= 4 * tick * Fraction(11, 10) + tick


@needs_compiler
@pytest.mark.parametrize("drift", [0, 10, 3])
def test_the_checker_finds_what_the_formula_says(drift: int) -> None:
    protocol, _ = load(SPEC)
    timers = Timers(renew=4_000, retry=1_000, delay=1_000, tick=1_000, drift=drift)
    found = search(protocol, timers)
    assert found.shortest == timers.rounded
    assert holds(protocol, timers, found.shortest - timers.tick) is None
    assert differing([found]) == []


def test_what_differs_is_said() -> None:
    wrong = Found(SHIPPED, SHIPPED.rounded + 500, 10)
    assert differing([wrong, Found(SHIPPED, SHIPPED.rounded, 10)]) == [wrong]


def test_a_row_has_all_that_was_found() -> None:
    last = table([Found(SHIPPED, 16_500, 1_305_170)]).splitlines()[-1]
    assert [cell.strip() for cell in last.strip("|").split("|")] == [
        "1 in 10",
        "12.22 s",
        "15.22 s",
        "16.50 s",
        "1.65",
        "1,305,170",
    ]


def test_the_document_has_the_table_of_the_shipped_timers() -> None:
    shown = block_of(DOCUMENT.read_text(encoding="utf-8"), COMMAND)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines() if " s " in line]
    drifts = {"none": 0} | {f"1 in {drift}": drift for drift in (100, 50, 20, 10, 5, 4)}
    found = {drifts[row[0]]: row[3] for row in rows if row[0] in drifts}
    assert found == {drift: f"{Timers(10_000, 2_000, 500, 500, drift).rounded / 1000:.2f} s" for drift in found}
    assert len(found) == 7


@pytest.mark.parametrize("words", [["--renew", "ten"], ["--tick", "0.0001"], ["--drift", "1"], ["--delay", "0"]])
def test_what_is_no_duration_and_no_drift_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert words[1] in capsys.readouterr().err
