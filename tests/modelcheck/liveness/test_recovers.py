"""What is within reach of every state, and what is not, of protocols that are small enough to see it."""

from __future__ import annotations

import pytest

from modelcheck.check import Options, run_check
from modelcheck.engines import Choice, Wanted
from modelcheck.liveness.phases import Phase
from modelcheck.liveness.recovers import asked_of, groups_of
from modelcheck.liveness.replayed import shown
from modelcheck.trace import is_behaviour
from modelcheck.verdict import Answer, Result
from spec.check import check
from spec.source import Source
from tests.compiler import needs_compiler
from tests.modelcheck.liveness.specs import RAFT, changed, claim_of, model, recovered

FORKS = """\
protocol forks
process node:
    holds: int 0..2 = 0
    ate: bool = false
    timer hunger: 1 s
message want()
message have()
on start:
    reset hunger
on timeout hunger if holds == 0:
    holds := 1
    broadcast want()
on want() from other if holds == 0:
    send have() to other
on have() from other if holds == 1:
    holds := 2
    ate := true
safety nothing: true
reachable somebody_eats: exists n in node: n.ate
recovers eats: exists n in node: n.ate
recovers mine: ate
check quick: 2 nodes
"""
"""Both take one and wait for the other's, for ever."""

COUNTS = """\
protocol counts
process node:
    count: nat = 0
action more:
    count := count + 1
safety nothing: true
recovers high: exists n in node: n.count >= 5
check low: 1 node, count <= 2
check higher: 1 node, count <= 3
check enough: 1 node, count <= 5
"""

engines = pytest.mark.parametrize("native", [pytest.param(True, marks=needs_compiler), False])


@engines
def test_a_deadlock_is_out_of_reach(native: bool) -> None:
    of = model(FORKS, "2 nodes", network="reliable")
    found = recovered(of, "eats", native=native)
    assert found.is_violated and not found.cut and not found.holds
    assert found.native is native
    assert found.trace is not None and is_behaviour(found.trace)
    assert len(found.trace) == 2, "the shortest way into it"
    assert found.trace.violation is not None
    assert found.trace.violation.property == "eats"
    assert any("never comes about again" in clause for clause in found.trace.violation.clauses)
    assert shown(found.trace, claim_of(of, "eats")).property == "eats"


@engines
def test_a_goal_of_each_process_is_one_of_all_at_once(native: bool) -> None:
    # The first to eat does not give back, so that not both do.
    of = model(FORKS, "2 nodes", network="reliable")
    found = recovered(of, "mine", native=native)
    assert found.is_violated and found.lost == found.asked


@engines
def test_a_bound_that_stops_what_may_recover_is_not_known(native: bool) -> None:
    low = recovered(model(COUNTS, "1 node, count <= 2"), "high", native=native)
    assert not low.holds and not low.is_violated and low.cut == 3
    assert low.more == 2 and low.bounds == ("count <= 4",)
    raised = recovered(model(COUNTS, "1 node, count <= 3"), "high", native=native)
    assert raised.holds and raised.more == 2, "raised by 2, where 1 was not enough"
    enough = recovered(model(COUNTS, "1 node, count <= 5"), "high", native=native)
    assert enough.holds and enough.more == 1 and enough.bounds == ()


@pytest.mark.parametrize("wanted", [pytest.param(Wanted.NATIVE, marks=needs_compiler), Wanted.PYTHON])
def test_the_verdict_is_unknown_where_a_bound_stopped_steps(wanted: Wanted) -> None:
    protocol, _ = check(Source("p.elect", COUNTS))
    options = Options(choice=Choice(wanted))
    low, higher, _ = (run_check(protocol, one, options) for one in protocol.checks)
    assert (low.answer, low.exit_status) == (Answer.UNKNOWN, 3)
    assert "high: not found from 3 of 3 states (count <= 4)" in low.reason
    assert low.explorations[0].properties[-1].result is Result.UNDECIDED
    assert higher.answer is Answer.HOLDS


@needs_compiler
@pytest.mark.parametrize(("nodes", "gone"), [(3, 1), (4, 1), (5, 2)])
def test_a_quorum_of_raft_can_elect(nodes: int, gone: int) -> None:
    of = model(RAFT, f"{nodes} nodes, term <= 1")
    found = recovered(of, "a_leader_emerges")
    assert found.holds and found.gone == gone


@needs_compiler
@pytest.mark.parametrize("nodes", [3, pytest.param(4, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.slow)])
def test_a_quorum_that_needs_one_more_cannot(nodes: int) -> None:
    # Whoever counts on more votes than there are left is never elected. The votes of all are enough.
    stubborn = changed(RAFT, ("if quorum(votes):", "if votes == node:"))
    of = model(stubborn, f"{nodes} nodes, term <= 1")
    found = recovered(of, "a_leader_emerges")
    assert not found.holds
    assert found.lost or found.cut
    everybody = model(changed(stubborn, (" with a quorum:", ":")), f"{nodes} nodes, term <= 1")
    assert recovered(everybody, "a_leader_emerges").holds


@needs_compiler
@pytest.mark.parametrize("faults", ["crash up to 1", "crash, partition up to 1", "restart, crash up to 2"])
def test_a_quorum_that_stays_is_up_and_connected(faults: str) -> None:
    assert recovered(model(RAFT, "3 nodes, term <= 1", faults=faults), "a_leader_emerges").holds


@engines
def test_what_is_down_comes_up_in_the_calm(native: bool) -> None:
    waiting = changed(FORKS, ("recovers mine: ate", "recovers all_up: forall n in node: up(n)"))
    of = model(waiting, "2 nodes", network="reliable", faults="crash up to 1, partition up to 1")
    assert recovered(of, "all_up", native=native).holds


def test_least_quorums() -> None:
    def gone(nodes: int, rule: str = "") -> list[int]:
        of = model(RAFT + rule, f"{nodes} nodes, term <= 1")
        return sorted(len(group) for group in groups_of(of, "node"))

    assert gone(1) == [0]
    assert gone(3) == [1, 1, 1]
    assert gone(4) == [1] * 4
    assert gone(5) == [2] * 10
    assert gone(3, "define quorum(s: set of node): s == node\n") == [0]
    assert gone(3, "define quorum(s: set of node): size(s) >= 1\n") == [2, 2, 2]


def test_where_everybody_is_needed_nobody_is_gone() -> None:
    of = model(RAFT + "define quorum(s: set of node): s == node\n", "3 nodes, term <= 1")
    assert asked_of(of, claim_of(of, "a_leader_emerges")) == (((),), Phase.CALM)
    impossible = model(RAFT + "define quorum(s: set of node): size(s) > 9\n", "3 nodes, term <= 1")
    assert asked_of(impossible, claim_of(impossible, "a_leader_emerges")) == (((),), Phase.CALM)


@needs_compiler
def test_where_there_is_no_quorum_at_all_nobody_can_be_elected() -> None:
    impossible = model(RAFT + "define quorum(s: set of node): size(s) > 9\n", "3 nodes, term <= 1")
    assert not recovered(impossible, "a_leader_emerges").holds


@needs_compiler
def test_both_engines_say_the_same_of_raft() -> None:
    for faults in ("restart", "crash up to 1"):
        of = model(RAFT, "2 nodes, term <= 1", faults=faults)
        native, plain = (recovered(of, "a_leader_emerges", native=one) for one in (True, False))
        assert native.holds and plain.holds
        assert native.asked < plain.asked, "one counts up to symmetry"
