"""What is counted: how elections ended and how long they took, and for how long a node knew that it led."""

from __future__ import annotations

import pytest

from generated.raft.messages import Heartbeat, HeartbeatAck, Vote
from runtime.counts import Durations, Led
from tests.runtime.test_replica import THREE, TWO, Scene


def test_a_duration_is_counted_with_the_first_bound_that_it_does_not_exceed() -> None:
    durations = Durations((1.0, 2.0))
    for seconds in (0.5, 1.0, 1.5, 3.0):
        durations.add(seconds)
    assert (durations.counts, durations.total) == ([2, 1, 1], 6.0)


def candidate() -> Scene:
    """Whose election timer has just run out for the first time."""
    scene = Scene()
    scene.replica.start()
    scene.loop.run(1.0, lambda: bool(scene.happened))
    return scene


def test_an_election_is_won_and_takes_until_the_leader_knows() -> None:
    scene = candidate()
    began = scene.loop.time()
    elections = scene.replica.counts.elections
    scene.loop.run(2.0, lambda: scene.replica.counts.timeouts["election"] == 2)
    scene.give(TWO, Vote(2))
    assert elections.ended == {"won": 1, "lost": 0, "again": 1}
    assert sum(elections.took.counts) == 0
    heartbeat = scene.letters()[-1]
    for number in (2, 3):
        scene.give(TWO, HeartbeatAck(2), answers=heartbeat.number, number=number)
    assert sum(elections.took.counts) == 1
    assert elections.took.total == scene.loop.time() - began


def test_an_election_is_lost_when_another_leader_is_confirmed_and_not_before() -> None:
    scene = candidate()
    elections = scene.replica.counts.elections
    scene.give(THREE, Heartbeat(0))  # of an earlier term, so it is not answered
    assert elections.ended["lost"] == 0
    scene.give(THREE, Heartbeat(1))
    scene.give(THREE, Heartbeat(1), number=2)
    assert elections.ended == {"won": 0, "lost": 1, "again": 0}


def test_a_leader_that_never_knew_begins_its_next_election_anew() -> None:
    scene = candidate()
    scene.give(TWO, Vote(1))
    scene.give(THREE, Heartbeat(2))
    elections = scene.replica.counts.elections
    assert elections.ended == {"won": 1, "lost": 0, "again": 0}
    assert elections.since is None
    assert sum(elections.took.counts) == 0


@pytest.mark.parametrize("late", [5.0, 50.0])
def test_a_leader_is_not_said_to_have_led_while_it_was_paused(late: float) -> None:
    led = Led()
    led.look(1.0, 3.0)
    led.look(2.0, 4.0)
    led.look(late, late + 1.0)  # woken by what confirms it again
    assert led.seconds == 3.0
    led.look(late + 0.5, float("-inf"))
    led.look(late + 9.0, float("-inf"))
    assert led.seconds == 3.5
