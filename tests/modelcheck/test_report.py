"""What a verdict in words says of a check that looks twice at one size, and of what was found first."""

from __future__ import annotations

from modelcheck.check import Options, run_check
from modelcheck.report import report
from modelcheck.verdict import Verdict
from spec.check import check
from spec.source import Source
from tests.timed import HOLDING

APART = HOLDING["lease with pauses"]


def verdict(text: str) -> Verdict:
    protocol, _ = check(Source("timed.elect", text))
    return run_check(protocol, protocol.checks[0], Options())


def test_two_explorations_of_one_size_are_told_apart() -> None:
    """They differ in their faults alone."""
    (with_pauses, without) = [
        line for line in report(verdict(APART)).splitlines() if line.startswith("  2 clients, 1 owner, ")
    ]
    assert with_pauses == "  2 clients, 1 owner, channel <= 1: holds within bounds"
    assert without == "  2 clients, 1 owner, channel <= 1, without pause: violated"


def test_what_a_property_is_stated_without_is_told_with_it_and_where_it_is_alone() -> None:
    protocol, _ = check(Source("timed.elect", APART))
    said = report(run_check(protocol, protocol.checks[0], Options(only=frozenset({"one_holds"}))))
    assert "  2 clients, 1 owner, channel <= 1, without pause: violated\n" in said
    assert "    safety one_holds  violated, stated without pause\n" in said


TWO = """
protocol two
process client:
    done: bool = false
    timer lease: 4 s
process server:
    done: bool = false
    timer lease: 5 s
timed: tick 1 s, pause 1500 ms, delay 700 ms
network: loss
faults: pause
on start at client:
    reset lease
on start at server:
    reset lease
on timeout lease at client:
    done := true
on timeout lease at server:
    done := true
safety either at client: done or not done
check small: 1 client, 1 server
"""


def test_limits_are_told_as_they_are_in_whole_ticks_and_timers_of_one_name_with_their_kinds() -> None:
    said = report(verdict(TWO))
    assert "a pause lasts at most 2 s (1.5 s in whole ticks)" in said
    assert "a message takes at most 1 s (700 ms in whole ticks)" in said
    assert "timers take: client.lease 4 s, server.lease 5 s" in said


def test_time_stops_where_a_bound_is_reached() -> None:
    counts = APART.replace("    holds: bool", "    n: nat = 0\n    holds: bool").replace(
        "    holds := true", "    n := n + 1\n    holds := true"
    )
    said = report(verdict(counts.replace("check small: 2 clients", "check small: n <= 1, 1 client")))
    assert "the bound n <= 1 was reached: nothing is said of runs that pass it, and time may stop there" in said


def test_an_invariant_that_fails_first_is_told_to_be_one() -> None:
    """It may be there for a proof only, and is no promise of the protocol."""
    wrong = APART.replace("reachable asleep", "invariant never: forall c in client: not c.holds\nreachable asleep")
    said = report(verdict(wrong))
    assert (
        "never is an `invariant`, from which others are proved; they may hold still: look for those alone with" in said
    )
    assert "--property who_pauses_is_up" in said
    assert "is an `invariant`" not in report(verdict(APART.replace("implies up(c)", "implies not c.holds")))
