"""How far clocks count: as far as what is asked of them needs, or what is asked is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelcheck.check import Options, run_check
from modelcheck.verdict import Verdict
from spec import clock_limits
from spec.check import check
from spec.diagnostics import SpecError
from spec.source import Source
from tests.timed import HOLDING

SLEEPS = """
protocol sleeps
process node:
    holding: bool = false
    timer rest: 2 s
    timer long: 5 s
timed: tick 1 s
network: loss
faults: pause
on start:
    reset rest
    reset long
    holding := true
on timeout rest:
    holding := false
on timeout long:
    reset long
CLAIM
check all: 1 node
"""
COUNTS_ON = """
protocol counts_on
process node:
    late: bool = false
    timer asked: 6 s
    timer deadline: 2 s
message go()
timed: tick 1 s
network: loss
on start:
    reset asked
    broadcast go()
on timeout asked:
    late := true
on go() from n if not late:
    reset deadline since asked
on timeout deadline:
    stop asked
CLAIM
check all: 2 nodes, channel <= 1
"""


def verdict(text: str, claim: str) -> Verdict:
    protocol, _ = check(Source("p.elect", text.replace("CLAIM", claim)))
    return run_check(protocol, protocol.checks[0], Options())


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        (SLEEPS, "safety in_time: holding implies elapsed(rest) <= 2"),
        (SLEEPS, "safety in_time: not holding or 5 > elapsed(rest)"),
        (SLEEPS, "safety in_time: elapsed(rest) != 7"),
        (COUNTS_ON, "safety young: armed(deadline) implies elapsed(deadline) <= 2"),
        (COUNTS_ON, "safety young: elapsed(deadline) < 5"),
        (COUNTS_ON, "define young(): elapsed(deadline) < 4\nsafety all_young: forall n in node: n.young()"),
    ],
)
def test_a_count_goes_on_beyond_its_timer_s_duration(text: str, claim: str) -> None:
    """While a process is paused, and where a timer counts from when another one was reset."""
    assert verdict(text, claim).exit_status == 1


def test_what_is_asked_of_two_counts_that_go_on_together_holds() -> None:
    same = "armed(deadline) and armed(asked) implies elapsed(deadline) == elapsed(asked)"
    assert verdict(COUNTS_ON.replace("    stop asked\n", "    late := true\n"), f"safety same: {same}").exit_status == 0
    same = "armed(rest) and armed(long) implies elapsed(rest) == elapsed(long)"
    assert verdict(SLEEPS, f"safety same without pause: {same}").exit_status == 0


@pytest.mark.parametrize("claim", ["elapsed(rest) == elapsed(long)", "elapsed(rest) <= max(3, 4)"])
def test_what_compares_counts_that_may_go_on_for_any_time_is_refused(claim: str) -> None:
    with pytest.raises(SpecError) as refused:
        verdict(SLEEPS, f"safety same: {claim}")
    assert {problem.code for problem in refused.value.diagnostics} == {"E0509"}
    assert "for its process may be paused" in refused.value.diagnostics[0].label


def test_what_counts_from_a_free_timer_has_no_limit_either() -> None:
    claim = "safety same: elapsed(deadline) <= max(3, 4)"
    assert verdict(COUNTS_ON, claim).exit_status == 1
    with pytest.raises(SpecError) as refused:
        verdict(COUNTS_ON.replace("tick 1 s", "tick 1 s, free asked"), claim)
    assert "for it counts from another timer" in refused.value.diagnostics[0].label


def further(original: Any, by: int) -> Any:
    """Tops that are higher by so many ticks."""

    def tops(*given: Any) -> Mapping[tuple[str, str], int]:
        found: Mapping[tuple[str, str], int] = original(*given)
        return {place: top + by for place, top in found.items()}

    return tops


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_counts_that_go_on_for_longer_give_the_same_answers(data: st.DataObject) -> None:
    text = HOLDING[data.draw(st.sampled_from(sorted(HOLDING)))]
    protocol, _ = check(Source("p.elect", text))
    assert protocol.timing is not None
    timers = [(k.name, t.name) for k in protocol.kinds for t in k.timers if t.name not in protocol.timing.free]
    kind, timer = data.draw(st.sampled_from(timers))
    sign, number = data.draw(st.sampled_from(["==", "<=", "<", ">", ">=", "!="])), data.draw(st.integers(0, 8))
    claim = f"\nreachable asked_of_time: exists n in {kind}: n.elapsed({timer}) {sign} {number}\n"
    protocol, _ = check(Source("p.elect", text + claim))
    found = run_check(protocol, protocol.checks[0], Options())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock_limits, "_tops", further(clock_limits._tops, 5))
        expected = run_check(protocol, protocol.checks[0], Options())
    assert [replace(one, text="") for e in found.explorations for one in e.properties] == [
        replace(one, text="") for e in expected.explorations for one in e.properties
    ]
