"""Schedules of faults: drawn, played and shrunk."""

from __future__ import annotations

from collections import Counter

import pytest

from generated.raft.node import PROCESS
from runtime.process import Name
from runtime.simulation.cluster import Cluster
from runtime.simulation.schedule import (
    DEADLY,
    MENDS,
    Fault,
    Happening,
    Schedule,
    asked,
    drawn,
    happen,
    play,
    shrunk,
)
from tests.runtime.simulation.test_cluster import LOSSY, raft
from tests.runtime.test_seeded_bugs import forget_the_vote

NAMES = tuple(Name("node", number) for number in range(3))


def test_one_seed_gives_one_schedule() -> None:
    assert drawn(3, NAMES, 5.0) == drawn(3, NAMES, 5.0)
    assert drawn(3, NAMES, 5.0) != drawn(4, NAMES, 5.0)
    assert all(0 < one.at < 5.0 for one in drawn(3, NAMES, 5.0))


@pytest.mark.parametrize("seed", range(5))
def test_a_right_node_survives_any_schedule(seed: int) -> None:
    assert play(raft(seed, 3, LOSSY), drawn(seed, NAMES, 20.0), 20.0) is None


def test_shrinking_leaves_what_is_needed() -> None:
    whole = tuple(Happening(float(at), Fault.HEAL) for at in range(50))
    needed = {7.0, 31.0, 32.0}
    left = shrunk(whole, lambda some: needed <= {one.at for one in some})
    assert {one.at for one in left} == needed


def test_a_run_that_needs_no_fault_shrinks_to_none() -> None:
    assert shrunk(drawn(1, NAMES, 5.0), lambda _: True) == ()


def test_a_failing_run_is_shrunk_to_a_few_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that does not store its vote needs one restart at the right moment."""
    forget_the_vote(monkeypatch)
    faults = (Fault.KILL, Fault.CUT)

    def run(seed: int, schedule: Schedule) -> Cluster | None:
        cluster = raft(seed, 3, LOSSY)
        return cluster if play(cluster, schedule, 8.0) is not None else None

    seed = next(seed for seed in range(200) if run(seed, drawn(seed, NAMES, 8.0, 0.05, faults)))
    whole = drawn(seed, NAMES, 8.0, 0.05, faults)
    left = shrunk(whole, lambda some: run(seed, some) is not None)
    assert run(seed, left) is not None
    assert len(left) < len(whole) / 5
    assert {Fault.KILL, Fault.START} <= {one.fault for one in left}


def test_each_fault_ends() -> None:
    schedule = drawn(1, NAMES, 500.0)
    count = Counter(one.fault for one in schedule)
    for fault in (Fault.KILL, Fault.PAUSE):
        assert 0 <= count[fault] - count[MENDS[fault][0]] <= 10
    assert [one.at for one in schedule] == sorted(one.at for one in schedule)


def test_there_are_no_more_of_a_fault_than_there_may_be() -> None:
    schedule = drawn(1, NAMES, 100.0, faults=(Fault.KILL, Fault.PAUSE, Fault.WIPE), most=[(DEADLY, 3)])
    assert sum(one.fault in DEADLY for one in schedule) == 3
    assert sum(one.fault is Fault.PAUSE for one in schedule) > 100
    assert len(drawn(1, NAMES, 100.0, faults=(Fault.KILL,), most=[(DEADLY, 3)])) <= 6


def test_services_ask() -> None:
    schedule = asked(1, [(NAMES[0], "call", (1,)), (NAMES[1], "stop", ())], 10.0, 0.1)
    assert 50 < len(schedule) < 200
    assert {str(one).split("ms")[1] for one in schedule} == {"  ask node1 for call(1)", "  ask node2 for stop()"}
    assert asked(1, [], 10.0) == ()


@pytest.mark.parametrize("fault", [Fault.BEFORE_STORE, Fault.AFTER_STORE])
def test_the_power_is_cut_in_the_middle_of_a_store(fault: Fault) -> None:
    """A candidate has stored its term, or not; its request for votes never leaves."""
    cluster = raft(1)
    for name in NAMES:
        happen(cluster, Happening(0.0, fault, (name,)))
    cluster.run(1.0)
    assert all(member.replica is None for member in cluster.members.values())
    assert cluster.network.carried == 0
    assert [bool(member.disk.fields) for member in cluster.members.values()] == [fault is Fault.AFTER_STORE] * 3


def test_a_disk_that_lies_forgets_and_one_that_does_not_keeps() -> None:
    for lies in (True, False):
        cluster = raft(1, lies=lies)
        assert cluster.run(5.0, lambda cluster=cluster: bool(cluster.leaders()))  # type: ignore[misc]
        (leader,) = cluster.leaders()
        happen(cluster, Happening(0.0, Fault.FORGET, (leader,)))
        assert bool(cluster.members[leader].disk.fields) is not lies


def test_a_disk_is_wiped() -> None:
    cluster = raft(1)
    assert cluster.run(5.0, lambda: bool(cluster.leaders()))
    (leader,) = cluster.leaders()
    happen(cluster, Happening(0.0, Fault.WIPE, (leader,)))
    assert cluster.members[leader].disk.fields == {}


def test_a_process_that_has_stopped_for_good_is_started_anew() -> None:
    cluster = raft(1)
    for name in NAMES:
        happen(cluster, Happening(0.0, Fault.FILL, (name,)))
    cluster.run(2.0)
    assert all(member.replica is not None and member.replica.failure for member in cluster.members.values())
    for name in NAMES:
        happen(cluster, Happening(0.0, Fault.EMPTY, (name,)))
        happen(cluster, Happening(0.0, Fault.START, (name,)))
    assert cluster.run(5.0, lambda: bool(cluster.leaders()))
    assert sum(member.elected for member in cluster.members.values()) == 1
    assert PROCESS.kind == "node"
