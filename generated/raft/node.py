# A procedure may have changed what a type checker believes to know of a variable.
# mypy: disable-error-code="comparison-overlap"
"""The steps of a node in raft: Leader election of the Raft consensus algorithm (Ongaro and Ousterhout 2014,
section 5.2).

Emitted from raft.elect by Oneleader; change the spec and generate again.

Nothing here reads a clock, talks to a network or writes to a disk: a step is a function of a state and an event, and
says what is to be done.

Each handler of the spec is a function here, over `now`, the process as it is at that moment of the step; it returns
whether it takes the event. What others call are the functions at the end.
"""

from __future__ import annotations

import msgspec

from runtime.process import Confirmation, Everyone, Process, Timer
from runtime.steps import Step, Turn

from .messages import KINDS, MESSAGES, PROTOCOL, SPEC_SHA256, Heartbeat, HeartbeatAck, Message, RequestVote, Role, Vote


class State(msgspec.Struct, frozen=True):
    """What a node knows, and which of its timers are armed. On disk: term, voted_for."""

    term: int = 0
    voted_for: int | None = None
    role: Role = "follower"
    votes: frozenset[int] = frozenset()
    answered: frozenset[int] = frozenset()
    armed: frozenset[str] = frozenset()


class Now(Turn[Message]):
    """A node in the middle of a step."""

    __slots__ = (
        "answered",
        "everyone",
        "role",
        "term",
        "voted_for",
        "votes",
    )

    def __init__(self, me: int, everyone: Everyone, state: State) -> None:
        super().__init__(me, state.armed)
        self.everyone = everyone
        self.term: int = state.term
        self.voted_for: int | None = state.voted_for
        self.role: Role = state.role
        self.votes: frozenset[int] = state.votes
        self.answered: frozenset[int] = state.answered

    def done(self) -> Step[State, Message]:
        """The step, at its end."""
        state = State(
            term=self.term,
            voted_for=self.voted_for,
            role=self.role,
            votes=self.votes,
            answered=self.answered,
            armed=self.armed,
        )
        return Step(state, tuple(self.effects))


# Definitions and procedures


def quorum(now: Now, s: frozenset[int]) -> bool:
    """More than half of all."""
    return 2 * len(s) > len(now.everyone["node"])


def catch_up(now: Now, t: int) -> None:
    """raft.elect:74

    procedure catch_up(t: nat):
        term := t
        voted_for := none
        step_down()
    """
    now.term = t
    now.voted_for = None
    step_down(now)


def step_down(now: Now) -> None:
    """raft.elect:79

    procedure step_down():
        role := follower
        votes := {}
        answered := {}
        stop heartbeat
    """
    now.role = "follower"
    now.votes = frozenset()
    now.answered = frozenset()
    now.stop("heartbeat")


# Handlers


def on_start(now: Now) -> bool:
    """raft.elect:24

    on start:                                 # also after a restart
        reset election
    """
    now.reset("election")
    return True


def on_timeout_election_1(now: Now) -> bool:
    """raft.elect:27

    on timeout election if role != leader:
        term := term + 1
        role := candidate
        voted_for := self
        votes := {self}
        broadcast request_vote(term)
        reset election
    """
    if now.role == "leader":
        return False
    now.term = now.term + 1
    now.role = "candidate"
    now.voted_for = now.me
    now.votes = frozenset({now.me})
    now.broadcast("node", now.everyone["node"] - {now.me}, RequestVote(term=now.term))
    now.reset("election")
    return True


def on_timeout_election_2(now: Now) -> bool:
    """raft.elect:36

    on timeout election if role == leader:
        if quorum(answered):
            answered := {self}
        else:
            step_down()
        reset election
    """
    if now.role != "leader":
        return False
    if quorum(now, now.answered):
        now.answered = frozenset({now.me})
    else:
        step_down(now)
    now.reset("election")
    return True


def on_timeout_heartbeat(now: Now) -> bool:
    """raft.elect:43

    on timeout heartbeat if role == leader:
        broadcast heartbeat(term)
        reset heartbeat
    """
    if now.role != "leader":
        return False
    now.broadcast("node", now.everyone["node"] - {now.me}, Heartbeat(term=now.term))
    now.reset("heartbeat")
    return True


def on_request_vote(now: Now, candidate: int, t: int) -> bool:
    """raft.elect:47

    on request_vote(t) from candidate:
        if t > term:
            catch_up(t)
        if t == term and voted_for in {none, candidate}:
            voted_for := candidate
            send vote(term) to candidate
            reset election
    on vote(t) from voter if role == candidate and t == term:
    """
    if t > now.term:
        catch_up(now, t)
    if t == now.term and now.voted_for in (None, candidate):
        now.voted_for = candidate
        now.send("node", candidate, Vote(term=now.term))
        now.reset("election")
    return True


def on_vote(now: Now, voter: int, t: int) -> bool:
    """raft.elect:55

    on vote(t) from voter if role == candidate and t == term:
        votes := votes + {voter}
        if quorum(votes):
            role := leader
            votes := {}
            answered := {self}
            broadcast heartbeat(term)
            reset heartbeat
    on heartbeat(t) from sender if t >= term:
    """
    if not (now.role == "candidate" and t == now.term):
        return False
    now.votes = now.votes | frozenset({voter})
    if quorum(now, now.votes):
        now.role = "leader"
        now.votes = frozenset()
        now.answered = frozenset({now.me})
        now.broadcast("node", now.everyone["node"] - {now.me}, Heartbeat(term=now.term))
        now.reset("heartbeat")
    return True


def on_heartbeat(now: Now, sender: int, t: int) -> bool:
    """raft.elect:64

    on heartbeat(t) from sender if t >= term:
        if t > term:
            catch_up(t)
        step_down()
        send heartbeat_ack(term) to sender
        reset election
    """
    if t < now.term:
        return False
    if t > now.term:
        catch_up(now, t)
    step_down(now)
    now.send("node", sender, HeartbeatAck(term=now.term))
    now.reset("election")
    return True


def on_heartbeat_ack(now: Now, follower_of_mine: int, t: int) -> bool:
    """raft.elect:71

    on heartbeat_ack(t) from follower_of_mine if role == leader and t == term:
        answered := answered + {follower_of_mine}
    """
    if not (now.role == "leader" and t == now.term):
        return False
    now.answered = now.answered | frozenset({follower_of_mine})
    return True


# What a node calls


def initial(everyone: Everyone) -> State:
    """A node that was never there before."""
    return State()


def restarted(everyone: Everyone, state: State) -> State:
    """What is left of a state after a crash: what is on disk."""
    return State(
        term=state.term,
        voted_for=state.voted_for,
    )


def start(me: int, everyone: Everyone, state: State) -> Step[State, Message]:
    """The step of a node that begins, or begins anew."""
    now = Now(me, everyone, state)
    _ = on_start(now)
    return now.done()


def receive(me: int, everyone: Everyone, state: State, sender: int, message: Message) -> Step[State, Message]:
    """The step of a node that receives a message. One that no handler takes changes nothing."""
    now = Now(me, everyone, state)
    match message:
        case RequestVote():
            _ = on_request_vote(now, sender, message.term)
        case Vote():
            _ = on_vote(now, sender, message.term)
        case Heartbeat():
            _ = on_heartbeat(now, sender, message.term)
        case HeartbeatAck():
            _ = on_heartbeat_ack(now, sender, message.term)
        case _:
            raise TypeError(f"a node receives no {type(message).__name__}")
    return now.done()


def timeout(me: int, everyone: Everyone, state: State, timer: str) -> Step[State, Message]:
    """The step of a node whose timer fires, which disarms it first."""
    now = Now(me, everyone, state)
    now.armed -= {timer}
    match timer:
        case "election":
            _ = on_timeout_election_1(now) or on_timeout_election_2(now)
        case "heartbeat":
            _ = on_timeout_heartbeat(now)
        case _:
            raise TypeError(f"a node has no timer {timer}")
    return now.done()


def leader(me: int, everyone: Everyone, state: State) -> int | None:
    """The token with which a node leads in a state; None where it does not."""
    now = Now(me, everyone, state)
    return now.term if now.role == "leader" else None


def is_quorum(everyone: Everyone, some: frozenset[int]) -> bool:
    """Whether those who have answered are enough for a leader to know that it leads."""
    return quorum(Now(0, everyone, initial(everyone)), some)


PROCESS: Process[State, Message] = Process(
    protocol=PROTOCOL,
    kind="node",
    spec_sha256=SPEC_SHA256,
    kinds=KINDS,
    initial=initial,
    state_type=State,
    message_types=MESSAGES,
    receives={
        "request_vote": "node",
        "vote": "node",
        "heartbeat": "node",
        "heartbeat_ack": "node",
    },
    durable=(
        "term",
        "voted_for",
    ),
    names={
        "voted_for": "node",
        "votes": "node",
        "answered": "node",
    },
    timers={
        "election": Timer("election", 0.3, 0.5),
        "heartbeat": Timer("heartbeat", 0.1, 0.1),
    },
    restarted=restarted,
    start=start,
    receive=receive,
    timeout=timeout,
    leader=leader,
    confirmation=Confirmation("heartbeat_ack", "election", is_quorum),
)
