"""What trials come to."""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterator

import pytest

from generated.raft.node import PROCESS
from oneleader.comparison.trials import Crashes, Plan, Quiet, measured, tasks
from oneleader.tuning.trials import Election, NeverSettled, silenced
from oneleader.tuning.trials import Idle as Stretch
from oneleader.tuning.world import World
from runtime.process import Name
from runtime.simulation.cluster import DidTheImpossible, TwoLeaders
from runtime.steps import Impossible

PLAN = Plan(trials=120, seed=5, stretches=2, seconds=5.0)


def test_a_plan_is_done_in_parts_and_each_seed_once() -> None:
    parts = tasks({"node": 3}, World(), {}, PLAN)
    seeds = [seed for part in parts if isinstance(part, Crashes) for seed in part.seeds]
    assert seeds == list(range(5, 125))
    assert [part.seed for part in parts if isinstance(part, Quiet)] == [5, 6]


def test_raft_sends_a_heartbeat_and_an_answer_for_each_follower() -> None:
    """Every 100 ms, to and from each of the followers; and an election takes a request, a vote, a heartbeat and its
    answer for each node that is left beside the winner, or a few less, if it knows that it leads before the last."""
    with silenced():
        for nodes in (3, 5):
            parts = tasks({"node": nodes}, World(), {}, PLAN)
            found = measured(iter([part({"node": PROCESS}) for part in parts]), PLAN)
            assert found.idle is not None and found.elections is not None
            assert found.idle.messages_per_second.value == pytest.approx(20 * (nodes - 1), rel=0.03)
            assert found.idle.seconds == 10.0
            elections = found.elections
            assert elections.trials == 120 and elections.limited == 0
            assert elections.messages is not None
            assert 2 * (nodes - 2) <= elections.messages.value <= 6 * (nodes - 2)
            assert elections.median.low <= elections.median.value <= elections.percentile_99.value <= elections.worst


def election(seconds: float, messages: int = 10, *, split: bool = False, limited: bool = False) -> Election:
    return Election(seconds, 0 if limited else 1, seconds, split, messages, limited)


def test_a_trial_without_a_leader_never_ends_and_counts_for_nothing_else() -> None:
    never = election(60.0, 0, limited=True)
    found = measured(iter([Stretch(10.0, 50, 1, 10.0), [election(0.2), election(0.4, 20, split=True)], [never]]), PLAN)
    assert found.elections is not None and found.idle is not None
    assert (found.elections.trials, found.elections.limited) == (3, 1)
    assert found.elections.median.value == 0.4
    assert math.isinf(found.elections.worst)
    assert found.elections.messages is not None and found.elections.messages.value == 15
    assert found.elections.split is not None and found.elections.split.value == 0.5
    assert found.idle.messages_per_second.value == 5.0
    assert found.idle.false_elections == 1
    none = measured(iter([Stretch(1.0, 0, 0, 1.0), [never]]), PLAN).elections
    assert none is not None
    assert none.messages is None and none.split is None


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (NeverSettled("no process has led for long"), "no process has led for long"),
        (TwoLeaders("node2 and node1 have both led with 1"), "node2 and node1 have both led with 1"),
        (DidTheImpossible(Name("node", 0), Impossible("unreachable")), "node1: unreachable"),
    ],
)
def test_where_nothing_can_be_measured_it_is_told_why(problem: Exception, said: str) -> None:
    def results() -> Iterator[Stretch]:
        yield Stretch(1.0, 0, 0, 1.0)
        # As it comes from another process.
        raise pickle.loads(pickle.dumps(problem))

    found = measured(results(), PLAN)
    assert (found.elections, found.idle, found.problem) == (None, None, said)
