"""Trials of emitted nodes: what they measure, on clusters of which the outcome is known."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import correlation
from typing import Any

import pytest

from generated.raft.node import PROCESS
from oneleader.tuning.distributions import Constant, Uniform
from oneleader.tuning.trials import (
    NeverSettled,
    election_after_crash,
    elections_after_crashes,
    idle,
    silenced,
)
from oneleader.tuning.world import Pauses, World

RAFT: Mapping[str, Any] = {"node": PROCESS}
TIMERS = {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}
EXACT = World(Constant(0.01))


def test_one_seed_gives_one_trial() -> None:
    world = World(Uniform(0.001, 0.02), loss=0.05, duplication=0.05, store=Uniform(0.0, 0.01))
    one = [election_after_crash(RAFT, {"node": 3}, world, TIMERS, seed) for seed in range(5)]
    assert one == [election_after_crash(RAFT, {"node": 3}, world, TIMERS, seed) for seed in range(5)]
    assert len({found.seconds for found in one}) == 5
    several = list(elections_after_crashes(RAFT, {"node": 3}, world, TIMERS, 0, 5))
    assert several[0] == one[0]
    assert several == list(elections_after_crashes(RAFT, {"node": 3}, world, TIMERS, 0, 5))


def test_a_trial_takes_a_timeout_and_two_round_trips() -> None:
    """With fixed times all is known: a follower has the last heartbeat 10 ms after it was sent and runs out 200 to 400
    ms later; its request, the vote, its heartbeat and the answer take 10 ms each. The crash is in that heartbeat."""
    timers = {"election": (0.2, 0.4), "heartbeat": (0.05, 0.05)}
    found = [election_after_crash(RAFT, {"node": 3}, EXACT, timers, seed, after_heartbeat=True) for seed in range(20)]
    alone = [one for one in found if not one.split]
    assert len(alone) > 10
    for one in alone:
        assert 0.01 + 0.2 + 0.04 <= one.seconds <= 0.01 + 0.4 + 0.04
        assert one.rounds == 1


def test_without_any_randomness_there_is_a_first_leader_and_never_a_second() -> None:
    timers = {"election": (0.2, 0.2), "heartbeat": (0.05, 0.05)}
    found = election_after_crash(RAFT, {"node": 5}, EXACT, timers, 1, limit=5.0)
    assert found.limited
    assert found.split
    assert found.seconds == pytest.approx(5.0)
    assert found.rounds == 0  # nobody has led


def test_what_a_store_takes_is_in_the_time() -> None:
    """The candidate's vote and the voter's are stored one after the other before what they send leaves."""
    wide = {"election": (0.2, 0.4), "heartbeat": (0.05, 0.05)}
    slow = World(Constant(0.001), store=Constant(0.03))
    found = [election_after_crash(RAFT, {"node": 3}, slow, wide, seed, after_heartbeat=True) for seed in range(20)]
    alone = [one.seconds for one in found if not one.split]
    assert min(alone) >= 0.001 + 0.2 + 0.06 + 0.004


def test_the_crash_comes_at_any_moment_of_the_heartbeat_period() -> None:
    """So that it takes as much less than right after a heartbeat, on average, as half a period."""
    timers = {"election": (0.3, 0.6), "heartbeat": (0.1, 0.1)}
    count = 400
    anywhere = list(elections_after_crashes(RAFT, {"node": 5}, EXACT, timers, 1, count))
    after = list(elections_after_crashes(RAFT, {"node": 5}, EXACT, timers, 2, count, after_heartbeat=True))
    earlier = sum(one.seconds for one in after) / count - sum(one.seconds for one in anywhere) / count
    assert earlier == pytest.approx(0.05, abs=0.025)


def test_trials_in_one_cluster_do_not_depend_on_each_other() -> None:
    times = [one.seconds for one in elections_after_crashes(RAFT, {"node": 3}, World(), TIMERS, 3, 600)]
    assert abs(correlation(times[:-1], times[1:])) < 4 / 600**0.5


def test_with_two_of_five_down_it_takes_longer() -> None:
    def average(down: int) -> float:
        found = list(elections_after_crashes(RAFT, {"node": 5}, EXACT, TIMERS, 4, 200, down=down))
        return sum(one.seconds for one in found) / len(found)

    assert average(1) > average(0)


def test_a_process_whose_connections_break_is_missed_at_once() -> None:
    found = election_after_crash(RAFT, {"node": 3}, World(seen=True), TIMERS, 1)
    assert found.seconds < 0.05


def test_nothing_happens_to_a_cluster_that_is_well() -> None:
    found = idle(RAFT, {"node": 3}, World(), TIMERS, 1, 20.0)
    assert found.false_elections == 0
    assert found.led == 20.0
    assert found.messages_per_second == pytest.approx(2 * 2 / 0.05, rel=0.02)


def test_long_pauses_and_lost_heartbeats_cost_the_lead() -> None:
    paused = idle(RAFT, {"node": 3}, World(pauses=Pauses(2.0, Constant(0.5))), TIMERS, 1, 60.0)
    assert paused.false_elections > 3
    assert paused.led < 60.0
    lossy = idle(RAFT, {"node": 3}, World(loss=0.3), TIMERS, 1, 60.0)
    assert lossy.false_elections > 3


def test_a_cluster_that_cannot_have_a_leader_is_told() -> None:
    with pytest.raises(NeverSettled, match="no process has led"):
        idle(RAFT, {"node": 3}, World(loss=1.0), TIMERS, 1, 1.0)


def test_trials_are_silent(caplog: pytest.LogCaptureFixture) -> None:
    with silenced():
        election_after_crash(RAFT, {"node": 3}, World(), TIMERS, 1)
    assert not caplog.records
