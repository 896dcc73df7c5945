# A procedure may have changed what a type checker believes to know of a variable.
# mypy: disable-error-code="comparison-overlap"
"""The steps of a storage in lease: A lock that expires, with fencing tokens.

Emitted from lease.elect by Oneleader; change the spec and generate again.

Nothing here reads a clock, talks to a network or writes to a disk: a step is a function of a state and an event, and
says what is to be done.

Each handler of the spec is a function here, over `now`, the process as it is at that moment of the step; it returns
whether it takes the event. What others call are the functions at the end.
"""

from __future__ import annotations

import msgspec

from runtime.process import Everyone, Process
from runtime.steps import Step, Turn

from .messages import (
    KINDS,
    MESSAGES,
    PROTOCOL,
    SPEC_SHA256,
    Message,
    Write,
)


class State(msgspec.Struct, frozen=True):
    """What a storage knows, and which of its timers are armed. On disk: newest."""

    newest: int = 0
    armed: frozenset[str] = frozenset()


class Now(Turn[Message]):
    """A storage in the middle of a step."""

    __slots__ = (
        "everyone",
        "newest",
    )

    def __init__(self, me: int, everyone: Everyone, state: State) -> None:
        super().__init__(me, state.armed)
        self.everyone = everyone
        self.newest: int = state.newest

    def done(self) -> Step[State, Message]:
        """The step, at its end."""
        state = State(
            newest=self.newest,
            armed=self.armed,
        )
        return Step(state, tuple(self.effects))


# Definitions and procedures


# Handlers


def on_write(now: Now, writer: int, with_token: int) -> bool:
    """lease.elect:144

    on write(with_token) from writer if with_token >= newest:
        newest := with_token
    """
    if with_token < now.newest:
        return False
    now.newest = with_token
    return True


# What a node calls


def initial(everyone: Everyone) -> State:
    """A storage that was never there before."""
    return State()


def restarted(everyone: Everyone, state: State) -> State:
    """What is left of a state after a crash: what is on disk."""
    return State(
        newest=state.newest,
    )


def start(me: int, everyone: Everyone, state: State) -> Step[State, Message]:
    """The step of a storage that begins, or begins anew."""
    now = Now(me, everyone, state)
    _ = False
    return now.done()


def receive(me: int, everyone: Everyone, state: State, sender: int, message: Message) -> Step[State, Message]:
    """The step of a storage that receives a message. One that no handler takes changes nothing."""
    now = Now(me, everyone, state)
    match message:
        case Write():
            _ = on_write(now, sender, message.token)
        case _:
            raise TypeError(f"a storage receives no {type(message).__name__}")
    return now.done()


def timeout(me: int, everyone: Everyone, state: State, timer: str) -> Step[State, Message]:
    """The step of a storage whose timer fires, which disarms it first."""
    raise TypeError(f"a storage has no timer {timer}")


def leader(me: int, everyone: Everyone, state: State) -> int | None:
    """The token with which a storage leads in a state; None where it does not."""
    return None


PROCESS: Process[State, Message] = Process(
    protocol=PROTOCOL,
    kind="storage",
    spec_sha256=SPEC_SHA256,
    kinds=KINDS,
    initial=initial,
    state_type=State,
    message_types=MESSAGES,
    receives={
        "write": "client",
    },
    durable=("newest",),
    names={},
    timers={},
    restarted=restarted,
    start=start,
    receive=receive,
    timeout=timeout,
    leader=leader,
    timed=True,
)
