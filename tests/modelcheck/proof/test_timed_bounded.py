"""Bounded model checking with time: a shortest violation is found where the reference semantics has one, and it is
of as many steps."""

import pytest

from modelcheck.model import Model
from modelcheck.proof.bounded import Ended, Limits, search
from modelcheck.proof.scope import assumptions_of, proof_setting
from modelcheck.proof.setting import Setting
from modelcheck.properties import checked, found_in_state
from modelcheck.semantics import initial, steps
from spec.check import check
from spec.source import Source
from tests.modelcheck.proof.timed_specs import SPECS

pytest.importorskip("z3")

WRONG = [
    ("ranges", "forall n in node: n.count < 2"),
    ("ranges", "forall a, b in node: a.elapsed(quick) != 1 or b.elapsed(slow) < 3"),
    ("drift", "forall n in node: not n.given_up"),
    ("since", "forall n in node: not n.held"),
    ("free", "forall n in node: n.turns < 2 or not n.armed(last)"),
    ("pauses", "forall n in node: n.elapsed(t) < 2 or not paused(n)"),
    ("limited_pauses", "forall n in node: not paused(n) or n.elapsed(t) < 2"),
    ("limited_pauses", "forall n in node: forall o in other: not paused(n) or up(o) or n.elapsed(t) < 1"),
    ("delay", "forall m(a, b) from s to r before m(c, d): a <= c"),
    ("delay", "forall n in node: n.x == 0"),
    ("delay_loss", "forall n in node: n.elapsed(t) < 1 or n.x == 0"),
    ("delay_reordering", "forall n in node: n.x < 1"),
    ("delay_duplication", "forall n in node: n.x < 2 or paused(n)"),
]


def setting_of(name: str, claim: str) -> Setting:
    text = "\n".join(line for line in SPECS[name].splitlines() if not line.startswith("safety"))
    protocol, _ = check(Source(f"{name}.elect", f"{text}\nsafety claimed: {claim}\n"))
    sizes = tuple(2 if kind.name == "node" else 1 for kind in protocol.kinds)
    return proof_setting(protocol, sizes, assumptions_of(protocol))


def shortest(model: Model, within: int) -> int | None:
    """The length of the shortest violation of the only property, by the reference semantics."""
    (claimed,) = (item for item in checked(model) if item.name == "claimed")
    start = initial(model).state
    assert start is not None
    seen, level = {start}, [start]
    for length in range(within + 1):
        if any(found_in_state(model, claimed, state) for state in level):
            return length
        after = {one.state for state in level for one in steps(model, state) if one.state is not None} - seen
        seen |= after
        level = list(after)
    return None


@pytest.mark.parametrize(("name", "claim"), WRONG)
def test_the_shortest_violation_is_as_long_as_the_reference_s(name: str, claim: str) -> None:
    setting = setting_of(name, claim)
    outcome = search(setting, Limits(depth=6))
    expected = shortest(setting.model, 6)
    if expected is None:
        assert outcome.ended is Ended.CLEAN
        assert outcome.steps == 6
        return
    assert outcome.ended is Ended.VIOLATED, (expected, outcome)
    assert outcome.trace is not None
    assert len(outcome.trace) == expected
