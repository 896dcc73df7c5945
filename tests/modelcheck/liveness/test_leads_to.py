"""What comes about in every fair run, and the runs in which it does not."""

from __future__ import annotations

import pytest

from modelcheck.check import Options, run_check
from modelcheck.engines import Choice, Wanted
from modelcheck.liveness.led import EVERY, SOME, STOPS_SHORT, UNFAIR, VACUOUS
from modelcheck.liveness.replayed import shown
from modelcheck.trace import is_behaviour
from modelcheck.verdict import Answer
from spec.check import check
from spec.source import Source
from tests.compiler import needs_compiler
from tests.modelcheck.liveness.specs import CLAIMS, RAFT, TURNS, changed, claim_of, led_to, model

engines = pytest.mark.parametrize("native", [pytest.param(True, marks=needs_compiler), False])


def reason(text: str, row: str, name: str, fairness: str, native: bool, *, network: str = "", faults: str = "") -> str:
    """What came of it; a trace is a behaviour that the reference semantics finds to be against the property, too."""
    of = model(text, row, fairness, network, faults)
    found = led_to(of, name, native=native)
    assert found.engine == ("native" if native else "python")
    assert found.holds is {EVERY: True, SOME: False, VACUOUS: False}.get(found.reason)
    if native and found.reason == SOME:
        assert found.trace is not None and is_behaviour(found.trace)
        assert shown(found.trace, claim_of(of, name)) == found.trace.violation
    return found.reason


@engines
@pytest.mark.parametrize(
    ("fairness", "all_served", "ready_served"),
    [
        ("none", SOME, SOME),
        ("weak timeout", SOME, SOME),
        ("weak action", SOME, SOME),
        # The action is possible now and then only: weak fairness is kept by a run that never takes it.
        ("weak timeout, weak action", SOME, SOME),
        ("weak timeout, strong action", EVERY, EVERY),
        # Without a promise of timeouts, a node that was ready once need not be again.
        ("strong action", SOME, SOME),
        ("strong timeout, strong action serve", EVERY, EVERY),
    ],
)
def test_weak_and_strong_fairness_differ(fairness: str, all_served: str, ready_served: str, native: bool) -> None:
    assert reason(TURNS, "2 nodes", "all_served", fairness, native) == all_served
    assert reason(TURNS, "2 nodes", "ready_served", fairness, native) == ready_served


STARVES = """\
protocol starves
process node:
    inside: bool = false
    wants: bool = true
message enter()
message leave()
action go if wants and not inside:
    inside := true
    wants := false
action out if inside:
    inside := false
    wants := true
safety nothing: true
leads_to everybody: true ~> inside
leads_to somebody: true ~> exists n in node: n.inside
"""


@engines
def test_a_promise_is_kept_to_each_process_by_itself(native: bool) -> None:
    """In a graph of orbits, one node in and out for ever would look as if it were everybody's turn now and then."""
    assert reason(STARVES, "3 nodes", "everybody", "weak action", native) == EVERY
    assert reason(STARVES, "3 nodes", "everybody", "weak action out", native) == SOME
    assert reason(STARVES, "3 nodes", "somebody", "weak action out", native) == SOME
    assert reason(STARVES, "3 nodes", "somebody", "weak action go", native) == EVERY


TURN_TAKING = """\
protocol turn_taking
process node:
    mine: bool = false
    done: bool = false
message token()
on token() from other if not mine:
    mine := true
action pass_on if mine and not done:
    mine := false
    broadcast token()
action finish if mine and not done:
    done := true
action begin if not mine and not done:
    mine := true
safety nothing: true
leads_to finished: true ~> done
"""


@engines
def test_two_that_take_turns_are_not_one(native: bool) -> None:
    """Symmetric states that follow each other: `finish` is possible for one of two, in turn, in every state."""
    fair = "weak action begin, weak action pass_on, weak action finish"
    assert reason(TURN_TAKING, "2 nodes", "finished", fair, native) == SOME
    assert (
        reason(TURN_TAKING, "2 nodes", "finished", fair.replace("weak action finish", "strong action finish"), native)
        == EVERY
    )


@engines
def test_what_begins_nowhere_says_nothing(native: bool) -> None:
    never = changed(TURNS, ("ready ~> served", "ready and served and not served ~> served"))
    assert reason(never, "1 node", "ready_served", "weak timeout, strong action", native) == VACUOUS


@engines
def test_an_action_that_does_nothing_changes_no_answer(native: bool) -> None:
    idle = f"{TURNS}action idle:\n    pass\n"
    for fairness, expected in (("weak timeout, strong action serve", EVERY), ("weak timeout, weak action", SOME)):
        assert reason(idle, "2 nodes", "all_served", fairness, native) == expected
        assert reason(idle, "2 nodes", "all_served", f"{fairness}, strong timeout", native) == expected


@engines
def test_two_that_contradict_each_other_do_not_both_hold(native: bool) -> None:
    switch = """\
protocol switch
process node:
    full: bool = false
action put if not full:
    full := true
action idle:
    full := full
safety nothing: true
leads_to filled: true ~> full
leads_to emptied: true ~> not full
"""
    assert reason(switch, "1 node", "filled", "weak action", native) == EVERY
    assert reason(switch, "1 node", "emptied", "weak action", native) == SOME


COUNTS = """\
protocol counts
process node:
    count: nat = 0
    odd: bool = false
action more:
    count := count + 1
    odd := not odd
safety nothing: true
leads_to far: true ~> count >= 9
leads_to oddly: true ~> odd
"""


@engines
def test_a_bound_ends_no_run(native: bool) -> None:
    assert reason(COUNTS, "1 node, count <= 3", "far", "weak action", native) == STOPS_SHORT
    assert reason(COUNTS, "1 node, count <= 3", "far", "none", native) == SOME


@needs_compiler
def test_what_a_bound_would_end_goes_on_where_only_order_matters() -> None:
    of = model(COUNTS, "1 node, count <= 3", "weak action")
    found = led_to(of, "oddly")
    assert found.rebased == ("count",) and found.holds is True
    plain = led_to(of, "oddly", native=False)
    assert plain.holds is None and plain.reason in (UNFAIR, STOPS_SHORT), "the reference counts numbers as they are"


def test_the_verdict_is_unknown_where_a_bound_stopped_a_run() -> None:
    protocol, _ = check(Source("p.elect", f"{COUNTS}fairness: weak action\ncheck low: 1 node, count <= 3\n"))
    (one,) = protocol.checks
    verdict = run_check(protocol, one, Options(choice=Choice(Wanted.PYTHON)))
    assert (verdict.answer, verdict.exit_status) == (Answer.UNKNOWN, 3)
    assert STOPS_SHORT in verdict.reason


@engines
@pytest.mark.parametrize(
    ("fairness", "expected"),
    [
        ("weak timeout, weak delivery", SOME),
        # Whoever is down need not come up, also in the calm.
        ("eventually calm, weak timeout, weak delivery", SOME),
        ("eventually calm, weak timeout, weak delivery, weak recovery", EVERY),
        # It goes down and comes up for ever: what it is sent can be delivered now and then.
        ("weak timeout, weak delivery, weak recovery", SOME),
        ("strong timeout, strong delivery, weak recovery", EVERY),
    ],
)
def test_in_the_calm_nothing_goes_wrong(fairness: str, expected: str, native: bool) -> None:
    word = """\
protocol word
process node:
    knows: bool = false
    timer tell: 1 s
message word()
on start:
    reset tell
on timeout tell:
    broadcast word()
    reset tell
on word() from other:
    knows := true
safety nothing: true
leads_to told: true ~> knows
"""
    assert reason(word, "2 nodes", "told", fairness, native, faults="crash") == expected


@engines
def test_whoever_is_down_need_not_come_up_unless_it_is_promised(native: bool) -> None:
    simple = changed(TURNS, ("true ~> served", "true ~> up(self)"), ("ready ~> served", "ready ~> up(self)"))
    for fairness, expected in (
        ("eventually calm", SOME),
        ("eventually calm, weak recovery", EVERY),
        ("weak recovery", EVERY),
    ):
        assert reason(simple, "2 nodes", "all_served", fairness, native, faults="crash") == expected


@needs_compiler
def test_the_split_vote_and_what_excludes_it() -> None:
    base = "eventually calm, weak delivery, weak timeout"
    for fairness, expected in (
        (base, SOME),
        (base.replace("weak delivery", "strong delivery"), SOME),
        (f"{base}, timers apart", EVERY),
        ("eventually calm, weak timeout, timers apart", SOME),
        ("weak delivery, weak timeout", SOME),
    ):
        assert reason(RAFT, "3 nodes, term <= 1", "there_is_a_leader", fairness, True) == expected, fairness


@needs_compiler
def test_whoever_claims_more_leads_again_and_again() -> None:
    """Terms rise for ever: within a bound there would be no run to speak of."""
    for fairness in ("weak timeout", "weak timeout, weak delivery", "eventually calm, weak timeout, strong delivery"):
        assert reason(CLAIMS, "2 nodes, term <= 2", "nobody", fairness, True) == SOME
    assert reason(CLAIMS, "2 nodes, term <= 2", "one", "none", True) == SOME


@needs_compiler
def test_a_run_that_stops_is_told_as_one() -> None:
    of = model(TURNS, "1 node", "weak action")
    found = led_to(of, "all_served")
    assert found.trace is not None and found.trace.loop is None and len(found.trace) == 0
    assert found.trace.violation is not None
    assert found.trace.violation.clauses[0] == "here the run may stop"


@needs_compiler
def test_a_trace_begins_with_a_shortest_way() -> None:
    of = model(TURNS, "2 nodes", "none")
    found = led_to(of, "ready_served")
    assert found.trace is not None and len(found.trace) == 1


@needs_compiler
def test_both_engines_say_the_same_of_raft() -> None:
    for fairness in ("none", "eventually calm, weak delivery, weak timeout election, timers apart"):
        of = model(RAFT, "2 nodes, term <= 1", fairness)
        native, plain = (led_to(of, "there_is_a_leader", native=one) for one in (True, False))
        assert (native.holds, native.reason) == (plain.holds, plain.reason)


@engines
@pytest.mark.parametrize("first", ["true", "not odd or odd"])
def test_where_no_run_is_fair_nothing_is_said(first: str, native: bool) -> None:
    """What comes after the second half counts, too: the bound ends every run that is to go on."""
    counts = changed(COUNTS, ("true ~> odd", f"{first} ~> count >= 0"))
    of = model(counts, "1 node, count <= 3", "weak action")
    found = led_to(of, "oddly", native=native)
    assert (found.holds, found.reason) == (None, UNFAIR)


CLIMBS = """\
protocol climbs
process node:
    durable high: nat = 0
    durable low: nat = 0
    phase: int 0..6 = 0
    bad: bool = false
    timer tick: 1 s
message late(high: nat)
on start:
    reset tick
    send late(high) to self
on timeout tick if phase == 6:
    pass
on timeout tick if high >= low + 3:
    low := high
    phase := phase + 1
    reset tick
on timeout tick:
    high := high + 1
    reset tick
on late(n) from sender if phase == 6 and n <= high:
    bad := true
leads_to stays_good: true ~> not bad
leads_to turns_bad: phase == 6 ~> bad
"""


@needs_compiler
def test_a_message_that_matters_far_beyond_the_bounds_is_not_forgotten() -> None:
    # It matters when numbers are 18 apart, which is more than all that is added anywhere, and is within no bound.
    fairness = "eventually calm, weak delivery, weak timeout"
    row = "1 node, high <= 3, low <= 3"
    assert led_to(model(CLIMBS, row, fairness), "stays_good").reason in (STOPS_SHORT, UNFAIR)
    assert led_to(model(CLIMBS, row, fairness), "turns_bad").trace is None
