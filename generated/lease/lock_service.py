# A procedure may have changed what a type checker believes to know of a variable.
# mypy: disable-error-code="comparison-overlap"
"""The steps of a lock_service in lease: A lock that expires, with fencing tokens.

Emitted from lease.elect by Oneleader; change the spec and generate again.

Nothing here reads a clock, talks to a network or writes to a disk: a step is a function of a state and an event, and
says what is to be done.

Each handler of the spec is a function here, over `now`, the process as it is at that moment of the step; it returns
whether it takes the event. What others call are the functions at the end.
"""

from __future__ import annotations

import msgspec

from runtime.process import Everyone, Process, Timer
from runtime.steps import Step, Turn

from .messages import (
    KINDS,
    MESSAGES,
    PROTOCOL,
    SPEC_SHA256,
    Acquire,
    Freed,
    Granted,
    Message,
    Refused,
    Release,
    Renew,
)


class State(msgspec.Struct, frozen=True):
    """What a lock_service knows, and which of its timers are armed. On disk: last_token, holder."""

    last_token: int = 0
    holder: int | None = None
    armed: frozenset[str] = frozenset()


class Now(Turn[Message]):
    """A lock_service in the middle of a step."""

    __slots__ = (
        "everyone",
        "holder",
        "last_token",
    )

    def __init__(self, me: int, everyone: Everyone, state: State) -> None:
        super().__init__(me, state.armed)
        self.everyone = everyone
        self.last_token: int = state.last_token
        self.holder: int | None = state.holder

    def done(self) -> Step[State, Message]:
        """The step, at its end."""
        state = State(
            last_token=self.last_token,
            holder=self.holder,
            armed=self.armed,
        )
        return Step(state, tuple(self.effects))


# Definitions and procedures


# Handlers


def on_start(now: Now) -> bool:
    """lease.elect:60

    on start at lock_service:
        reset lease                           # whoever holds the lock gets a whole lease more
    """
    now.reset("lease")
    return True


def on_acquire(now: Now, asker: int, of_life: int, of_round: int) -> bool:
    """lease.elect:83

    on acquire(of_life, of_round) from asker:
        if holder == none:
            last_token := last_token + 1
            holder := asker
        if holder == asker:
            reset lease
            send granted(last_token, of_life, of_round) to asker
        else:
            send refused(of_life, of_round) to asker
    on renew(current, of_life, of_round) from owner:
    """
    if now.holder is None:
        now.last_token = now.last_token + 1
        now.holder = asker
    if now.holder == asker:
        now.reset("lease")
        now.send("client", asker, Granted(token=now.last_token, life=of_life, round=of_round))
    else:
        now.send("client", asker, Refused(life=of_life, round=of_round))
    return True


def on_renew(now: Now, owner: int, current: int, of_life: int, of_round: int) -> bool:
    """lease.elect:93

    on renew(current, of_life, of_round) from owner:
        if holder == owner and current == last_token:
            reset lease
            send granted(current, of_life, of_round) to owner
        else:
            send refused(of_life, of_round) to owner
    # The holder has not renewed in time: the lock is free, whatever the holder believes.
    on timeout lease if holder != none:
    """
    if now.holder == owner and current == now.last_token:
        now.reset("lease")
        now.send("client", owner, Granted(token=current, life=of_life, round=of_round))
    else:
        now.send("client", owner, Refused(life=of_life, round=of_round))
    return True


def on_timeout_lease(now: Now) -> bool:
    """lease.elect:101

    on timeout lease if holder != none:
        holder := none
        broadcast freed()
    """
    if now.holder is None:
        return False
    now.holder = None
    now.broadcast("client", now.everyone["client"], Freed())
    return True


def on_release(now: Now, former: int, old_token: int) -> bool:
    """lease.elect:136

    on release(old_token) from former if holder == former and old_token == last_token:
        holder := none
        stop lease
        broadcast freed()
    """
    if not (now.holder == former and old_token == now.last_token):
        return False
    now.holder = None
    now.stop("lease")
    now.broadcast("client", now.everyone["client"], Freed())
    return True


# What a node calls


def initial(everyone: Everyone) -> State:
    """A lock_service that was never there before."""
    return State()


def restarted(everyone: Everyone, state: State) -> State:
    """What is left of a state after a crash: what is on disk."""
    return State(
        last_token=state.last_token,
        holder=state.holder,
    )


def start(me: int, everyone: Everyone, state: State) -> Step[State, Message]:
    """The step of a lock_service that begins, or begins anew."""
    now = Now(me, everyone, state)
    _ = on_start(now)
    return now.done()


def receive(me: int, everyone: Everyone, state: State, sender: int, message: Message) -> Step[State, Message]:
    """The step of a lock_service that receives a message. One that no handler takes changes nothing."""
    now = Now(me, everyone, state)
    match message:
        case Acquire():
            _ = on_acquire(now, sender, message.life, message.round)
        case Renew():
            _ = on_renew(now, sender, message.token, message.life, message.round)
        case Release():
            _ = on_release(now, sender, message.token)
        case _:
            raise TypeError(f"a lock_service receives no {type(message).__name__}")
    return now.done()


def timeout(me: int, everyone: Everyone, state: State, timer: str) -> Step[State, Message]:
    """The step of a lock_service whose timer fires, which disarms it first."""
    now = Now(me, everyone, state)
    now.armed -= {timer}
    match timer:
        case "lease":
            _ = on_timeout_lease(now)
        case _:
            raise TypeError(f"a lock_service has no timer {timer}")
    return now.done()


def leader(me: int, everyone: Everyone, state: State) -> int | None:
    """The token with which a lock_service leads in a state; None where it does not."""
    return None


PROCESS: Process[State, Message] = Process(
    protocol=PROTOCOL,
    kind="lock_service",
    spec_sha256=SPEC_SHA256,
    kinds=KINDS,
    initial=initial,
    state_type=State,
    message_types=MESSAGES,
    receives={
        "acquire": "client",
        "renew": "client",
        "release": "client",
    },
    durable=(
        "last_token",
        "holder",
    ),
    names={
        "holder": "client",
    },
    timers={
        "lease": Timer("lease", 20.0, 20.0),
    },
    restarted=restarted,
    start=start,
    receive=receive,
    timeout=timeout,
    leader=leader,
    timed=True,
)
