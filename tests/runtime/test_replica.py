"""A process at work: the order in which a step takes effect, and what follows when a part of it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from generated.raft.messages import Heartbeat, HeartbeatAck, RequestVote, Vote
from generated.raft.node import PROCESS, State
from runtime.process import Everyone, Name
from runtime.replica import Replica, World
from runtime.simulation.loop import VirtualLoop
from runtime.steps import Send, Step
from runtime.storage import StorageFailed
from runtime.wire import Letter, TooLarge, codec_of

EVERYONE = {"node": frozenset(range(3))}
ONE, TWO, THREE = (Name("node", number) for number in range(3))
CODEC = codec_of(PROCESS)


class Scene:
    """A replica whose world writes down what is asked of it."""

    def __init__(self, stored: Mapping[str, bytes] | None = None, me: int = 0, seed: int = 1) -> None:
        self.happened: list[Any] = []
        self.loop = VirtualLoop()
        self.fields = dict(stored or {})
        self.is_full = False
        self.failures: list[Exception] = []
        world = World(
            self.loop,
            Random(seed),
            self,
            self._send,
            lambda: self.happened.append(("changed", self.replica.token)),
            self.failures.append,
        )
        self.replica = Replica(PROCESS, me, EVERYONE, world)

    def load(self) -> dict[str, bytes]:
        return dict(self.fields)

    def store(self, changed: Mapping[str, bytes]) -> None:
        if self.is_full:
            raise StorageFailed("no space")
        self.happened.append(("store", sorted(changed)))
        self.fields |= changed

    def close(self) -> None:
        """Nothing is open."""

    def _send(self, to: Name, payload: bytes) -> None:
        self.happened.append(("send", to, CODEC.decode(payload)))

    def sent(self) -> list[tuple[Name, Any]]:
        return [(one[1], one[2].message) for one in self.happened if one[0] == "send"]

    def letters(self) -> list[Letter]:
        return [one[2] for one in self.happened if one[0] == "send"]

    def give(self, sender: Name, message: Any, answers: int = 0, number: int = 1) -> bool:
        return self.replica.received(sender, CODEC.encode(Letter(number, answers, message)))

    def elect(self) -> None:
        """Makes this process the leader of term 1."""
        self.replica.start()
        self.loop.run(1.0, lambda: bool(self.happened))
        self.give(TWO, Vote(1))


def test_what_is_durable_is_stored_before_anything_is_sent() -> None:
    scene = Scene()
    scene.replica.start()
    scene.loop.run(1.0, lambda: bool(scene.happened))
    assert scene.happened[0] == ("store", ["term", "voted_for"])
    assert scene.sent() == [(TWO, RequestVote(1)), (THREE, RequestVote(1))]


def test_only_what_has_changed_is_stored() -> None:
    scene = Scene()
    scene.replica.start()
    scene.give(TWO, Heartbeat(3))
    assert scene.happened[0] == ("store", ["term"])
    scene.happened.clear()
    scene.give(TWO, Heartbeat(3), number=2)
    assert [one[0] for one in scene.happened] == ["send"]


def test_the_application_is_told_last() -> None:
    scene = Scene()
    scene.elect()
    assert scene.happened[-1] == ("changed", 1)
    assert scene.happened[-2][0] == "send"


def test_a_step_that_cannot_be_stored_sends_nothing_and_is_the_last() -> None:
    scene = Scene()
    scene.replica.start()
    scene.is_full = True
    scene.give(TWO, RequestVote(1))
    assert scene.sent() == []
    assert len(scene.failures) == 1
    assert isinstance(scene.failures[0], StorageFailed)
    scene.is_full = False
    scene.give(TWO, RequestVote(1), number=2)
    scene.loop.run(10.0)
    assert scene.sent() == []
    assert scene.replica.token is None


LARGEST = 2**64 - 1
"""Of the numbers that are stored and sent."""


def test_a_number_that_has_no_room_stops_the_process_before_anything_of_the_step_is_done() -> None:
    scene = Scene()
    scene.replica.start()
    scene.give(TWO, Heartbeat(LARGEST))
    scene.happened.clear()
    scene.loop.run(10.0)  # an election, in the term after the last
    assert [type(one) for one in scene.failures] == [TooLarge]
    assert scene.happened == [("changed", None)]
    assert scene.replica.state.term == LARGEST


def test_a_letter_that_has_no_room_is_found_before_anything_is_stored() -> None:
    scene = Scene()

    def too_much(me: int, everyone: Everyone, state: State, sender: int, message: Any) -> Step[State, Any]:
        after = State(term=5)
        return Step(after, (Send("node", 1, Vote(1)), Send("node", 2, Vote(LARGEST + 1))))

    scene.replica.process = replace(PROCESS, receive=too_much)
    scene.give(TWO, RequestVote(1))
    assert [type(one) for one in scene.failures] == [TooLarge]
    assert scene.happened == [("changed", None)]
    assert scene.replica.state.term == 0


def test_what_is_asked_for_and_cannot_be_stored_was_not_done() -> None:
    scene = Scene()

    def stand(me: int, everyone: Everyone, state: State) -> Step[State, Any]:
        return PROCESS.timeout(me, everyone, state, "election")

    scene.replica.process = replace(PROCESS, inputs={"stand": stand})
    scene.replica.start()
    assert scene.replica.ask("stand")
    scene.is_full = True
    assert not scene.replica.ask("stand")


def test_a_process_that_stops_says_so_though_its_service_fails_when_it_is_told() -> None:
    scene = Scene()
    scene.replica.start()
    scene.is_full = True

    def fails() -> None:
        raise ZeroDivisionError

    scene.replica._world = replace(scene.replica._world, changed=fails)
    with pytest.raises(ZeroDivisionError):
        scene.give(TWO, RequestVote(1))
    assert [type(one) for one in scene.failures] == [StorageFailed]


def test_a_vote_survives_a_restart() -> None:
    scene = Scene()
    scene.replica.start()
    scene.give(TWO, RequestVote(1))
    assert scene.sent() == [(TWO, Vote(1))]
    again = Scene(scene.fields)
    again.replica.start()
    again.give(THREE, RequestVote(1))
    assert again.sent() == []
    again.give(TWO, RequestVote(1), number=2)
    assert again.sent() == [(TWO, Vote(1))]


def test_what_is_volatile_does_not_survive() -> None:
    scene = Scene()
    scene.elect()
    again = Scene(scene.fields)
    assert again.replica.state.role == "follower"
    assert again.replica.state.term == 1
    assert again.replica.token is None


def test_a_leader_is_confirmed_by_answers_to_what_it_sent_in_this_leadership() -> None:
    scene = Scene()
    scene.elect()
    assert scene.replica.token == 1
    assert scene.replica.leading() is None
    heartbeat = scene.letters()[-1]
    assert isinstance(heartbeat.message, Heartbeat)
    scene.give(TWO, HeartbeatAck(1), answers=heartbeat.number + 100, number=2)
    assert scene.replica.leading() is None
    sent_at = scene.loop.time()
    scene.give(TWO, HeartbeatAck(1), answers=heartbeat.number, number=3)
    assert scene.replica.leading() == 1
    assert scene.replica.leads_until() == sent_at + PROCESS.timers["election"].shortest


def test_a_leader_that_was_paused_does_not_know_any_more() -> None:
    scene = Scene()
    scene.elect()
    scene.give(TWO, HeartbeatAck(1), answers=scene.letters()[-1].number, number=2)
    assert scene.replica.leading() == 1
    scene.replica._timers.close()  # nothing happens in it, but time goes on
    scene.loop.run(1.0)
    assert scene.replica.token == 1
    assert scene.replica.leading() is None


def test_a_message_of_another_kind_or_of_no_kind_is_refused_and_counted() -> None:
    scene = Scene()
    scene.replica.start()
    assert not scene.replica.received(TWO, b"\xc1\x00")
    assert not scene.replica.received(TWO, b"")
    assert not scene.give(Name("client", 0), RequestVote(1))
    assert scene.replica.counts.unreadable == 3
    assert scene.happened == []


def test_the_death_of_the_leader_hastens_an_election_and_another_death_does_not() -> None:
    scene = Scene()
    scene.replica.start()
    scene.give(THREE, Heartbeat(1))
    scene.happened.clear()
    scene.replica.died(TWO)
    scene.loop.run(scene.loop.time() + 0.29)
    assert scene.happened == []
    scene.give(THREE, Heartbeat(1), number=2)
    scene.happened.clear()
    began = scene.loop.time()
    scene.replica.died(THREE)
    scene.loop.run(began + 1.0, lambda: bool(scene.sent()))
    assert scene.loop.time() - began <= 0.04  # the next after node3 is node1: at once


def test_numbers_of_letters_are_not_those_of_an_earlier_run() -> None:
    first, second = Scene(seed=1), Scene(seed=2)
    for scene in (first, second):
        scene.replica.start()
        scene.loop.run(1.0, lambda scene=scene: bool(scene.sent()))  # type: ignore[misc]
    assert {one.number for one in first.letters()}.isdisjoint({one.number for one in second.letters()})
