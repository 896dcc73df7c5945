"""What the lease client does for a reason, left out: each time, something is found, in so many steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelcheck.check import Options, run_check
from modelcheck.verdict import Answer
from spec.check import check
from spec.overrides import timing_from
from spec.source import Source
from tests.compiler import needs_compiler

SPEC = (Path(__file__).parents[2] / "spec/protocols/lease.elect").read_text(encoding="utf-8")

pytestmark = [needs_compiler, pytest.mark.usefixtures("quickly_compiled")]


def shortest(text: str, name: str, checked: str, timed: str = "") -> int | None:
    """The length of the shortest violation of a property; None where there is none within the bounds."""
    protocol, _ = check(Source("lease.elect", text))
    (wanted,) = (one for one in protocol.checks if one.name == checked)
    timing = timing_from(timed, protocol, "--timed") if timed else None
    verdict = run_check(protocol, wanted, Options(only=frozenset({name}), timing=timing))
    trace = verdict.explorations[-1].trace
    assert (trace is None) == (verdict.answer is not Answer.VIOLATED)
    return None if trace is None else len(trace)


@pytest.mark.parametrize(
    ("without", "instead", "name", "checked", "timed", "steps"),
    [
        ("if with_token >= newest:", ":", "writes_follow_tokens", "quick", "", 11),
        (" and of_life == life", "", "one_believes", "restarts", "", 14),
        ("reset deadline since asked", "reset deadline", "one_believes", "quick", "deadline 15 s", 12),
        ("of_round == round", "of_round >= 0", "one_believes", "quick", "deadline 15 s", 16),
        ("    late := true  ", "    pass  ", "one_believes", "quick", "", 10),
        ("on timeout deadline:\n    drop()", "on timeout deadline:\n    pass", "one_believes", "quick", "", 13),
        ("        last_token := last_token + 1\n", "", "one_leader_per_token", "quick", "", 7),
    ],
)
def test_each_part_of_it_is_needed(without: str, instead: str, name: str, checked: str, timed: str, steps: int) -> None:
    assert without in SPEC
    assert shortest(SPEC.replace(without, instead), name, checked, timed) == steps


@pytest.mark.parametrize(
    ("timed", "steps"),
    [
        ("deadline 15 s", None),
        ("deadline 20 s", 12),  # both at one moment
        ("deadline 15 s, drift 1 in 10", None),
    ],
)
def test_the_deadline_has_to_come_before_the_lease_ends(timed: str, steps: int | None) -> None:
    assert shortest(SPEC, "one_believes", "quick", timed) == steps


@pytest.mark.parametrize(
    ("timed", "steps"), [("lease 15 s", 8), ("deadline 15 s, asked 15 s", 9), ("drift 9 in 10", 8)]
)
def test_the_deadline_has_to_come_first_whatever_the_clocks_do(timed: str, steps: int) -> None:
    """A deadline of 5 s by a slow clock comes within 10 s, in whole ticks; a lease of 15 s by a fast one ends then."""
    assert shortest(SPEC, "one_believes", "full", timed) == steps
