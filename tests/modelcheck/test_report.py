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


def test_an_invariant_that_fails_first_is_told_to_be_one() -> None:
    """It may be there for a proof only, and is no promise of the protocol."""
    wrong = APART.replace("reachable asleep", "invariant never: forall c in client: not c.holds\nreachable asleep")
    said = report(verdict(wrong))
    assert (
        "never is an `invariant`, from which others are proved; they may hold still: look for those alone with" in said
    )
    assert "--property who_pauses_is_up" in said
    assert "is an `invariant`" not in report(verdict(APART.replace("implies up(c)", "implies not c.holds")))
