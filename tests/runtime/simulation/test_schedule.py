"""Schedules of faults: drawn, played and shrunk."""

from __future__ import annotations

import pytest

from generated.raft.node import PROCESS
from runtime.process import Name
from runtime.simulation.cluster import Cluster
from runtime.simulation.schedule import Fault, Happening, Schedule, drawn, play, shrunk
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
    faults = (Fault.KILL, Fault.START, Fault.START, Fault.CUT, Fault.HEAL)

    def run(seed: int, schedule: Schedule) -> Cluster | None:
        cluster = raft(seed, 3, LOSSY)
        return cluster if play(cluster, schedule, 20.0) is not None else None

    seed = next(seed for seed in range(200) if run(seed, drawn(seed, NAMES, 20.0, 0.05, faults)))
    whole = drawn(seed, NAMES, 20.0, 0.05, faults)
    left = shrunk(whole, lambda some: run(seed, some) is not None)
    assert run(seed, left) is not None
    assert len(left) < len(whole) / 5
    assert {Fault.KILL, Fault.START} <= {one.fault for one in left}
    assert PROCESS.kind == "node"
