# A procedure may have changed what a type checker believes to know of a variable.
# mypy: disable-error-code="comparison-overlap"
"""The steps of a client in lease: A lock that expires, with fencing tokens.

Emitted from lease.elect by Oneleader; change the spec and generate again.

Nothing here reads a clock, talks to a network or writes to a disk: a step is a function of a state and an event, and
says what is to be done.

Each handler of the spec is a function here, over `now`, the process as it is at that moment of the step; it returns
whether it takes the event. What others call are the functions at the end.
"""

from __future__ import annotations

import msgspec

from runtime.process import Everyone, Process, Timer
from runtime.steps import Step, Turn, within

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
    Write,
)


class State(msgspec.Struct, frozen=True):
    """What a client knows, and which of its timers are armed. On disk: life."""

    life: int = 0
    asking: bool = False
    round: int = 0
    late: bool = False
    holding: bool = False
    token: int = 0
    armed: frozenset[str] = frozenset()


class Now(Turn[Message]):
    """A client in the middle of a step."""

    __slots__ = (
        "asking",
        "everyone",
        "holding",
        "late",
        "life",
        "round",
        "token",
    )

    def __init__(self, me: int, everyone: Everyone, state: State) -> None:
        super().__init__(me, state.armed)
        self.everyone = everyone
        self.life: int = state.life
        self.asking: bool = state.asking
        self.round: int = state.round
        self.late: bool = state.late
        self.holding: bool = state.holding
        self.token: int = state.token

    def done(self) -> Step[State, Message]:
        """The step, at its end."""
        state = State(
            life=self.life,
            asking=self.asking,
            round=self.round,
            late=self.late,
            holding=self.holding,
            token=self.token,
            armed=self.armed,
        )
        return Step(state, tuple(self.effects))


# Definitions and procedures


def ask(now: Now) -> None:
    """lease.elect:65

    procedure ask() at client:
        if not asking:
            asking := true
            round := 1 - round
            late := false
            reset asked
        if holding:
            broadcast renew(token, life, round)
        else:
            broadcast acquire(life, round)
        reset pace
    """
    if not now.asking:
        now.asking = True
        now.round = within(1 - now.round, 0, 1)
        now.late = False
        now.reset("asked")
    if now.holding:
        now.broadcast(
            "lock_service", now.everyone["lock_service"], Renew(token=now.token, life=now.life, round=now.round)
        )
    else:
        now.broadcast("lock_service", now.everyone["lock_service"], Acquire(life=now.life, round=now.round))
    now.reset("pace")


def drop(now: Now) -> None:
    """lease.elect:126

    procedure drop() at client:
        holding := false
        stop deadline
    """
    now.holding = False
    now.stop("deadline")


# Handlers


def on_start(now: Now) -> bool:
    """lease.elect:56

    on start at client:
        life := life + 1
        ask()
    """
    now.life = now.life + 1
    ask(now)
    return True


def on_timeout_pace(now: Now) -> bool:
    """lease.elect:77

    on timeout pace at client:
        ask()
    """
    ask(now)
    return True


def on_freed(now: Now, service: int) -> bool:
    """lease.elect:80

    on freed() from service if not holding and not asking:
        ask()
    """
    if not (not now.holding and not now.asking):
        return False
    ask(now)
    return True


def on_granted(now: Now, service: int, new_token: int, of_life: int, of_round: int) -> bool:
    """lease.elect:105

    on granted(new_token, of_life, of_round) from service if asking
            and of_life == life
            and of_round == round:
        asking := false
        if not late:
            holding := true
            token := new_token
            reset deadline since asked
            stop asked
    on timeout asked:
    """
    if not (now.asking and of_life == now.life and of_round == now.round):
        return False
    now.asking = False
    if not now.late:
        now.holding = True
        now.token = new_token
        now.reset("deadline", "asked")
        now.stop("asked")
    return True


def on_timeout_asked(now: Now) -> bool:
    """lease.elect:115

    on timeout asked:
        late := true
    """
    now.late = True
    return True


def on_refused(now: Now, service: int, of_life: int, of_round: int) -> bool:
    """lease.elect:118

    on refused(of_life, of_round) from service if asking and of_life == life and of_round == round:
        asking := false
        stop asked
        drop()
    """
    if not (now.asking and of_life == now.life and of_round == now.round):
        return False
    now.asking = False
    now.stop("asked")
    drop(now)
    return True


def on_timeout_deadline(now: Now) -> bool:
    """lease.elect:123

    on timeout deadline:
        drop()
    """
    drop(now)
    return True


def on_give_up(now: Now) -> bool:
    """lease.elect:130

    input give_up() at client if holding:
        drop()
        late := true                          # a renewal that is under way is not to be taken for a new grant
        broadcast release(token)
    """
    if not now.holding:
        return False
    drop(now)
    now.late = True
    now.broadcast("lock_service", now.everyone["lock_service"], Release(token=now.token))
    return True


def on_save(now: Now) -> bool:
    """lease.elect:141

    input save() at client if holding:
        broadcast write(token)
    """
    if not now.holding:
        return False
    now.broadcast("storage", now.everyone["storage"], Write(token=now.token))
    return True


# What a node calls


def initial(everyone: Everyone) -> State:
    """A client that was never there before."""
    return State()


def restarted(everyone: Everyone, state: State) -> State:
    """What is left of a state after a crash: what is on disk."""
    return State(
        life=state.life,
    )


def start(me: int, everyone: Everyone, state: State) -> Step[State, Message]:
    """The step of a client that begins, or begins anew."""
    now = Now(me, everyone, state)
    _ = on_start(now)
    return now.done()


def receive(me: int, everyone: Everyone, state: State, sender: int, message: Message) -> Step[State, Message]:
    """The step of a client that receives a message. One that no handler takes changes nothing."""
    now = Now(me, everyone, state)
    match message:
        case Granted():
            _ = on_granted(now, sender, message.token, message.life, message.round)
        case Refused():
            _ = on_refused(now, sender, message.life, message.round)
        case Freed():
            _ = on_freed(now, sender)
        case _:
            raise TypeError(f"a client receives no {type(message).__name__}")
    return now.done()


def timeout(me: int, everyone: Everyone, state: State, timer: str) -> Step[State, Message]:
    """The step of a client whose timer fires, which disarms it first."""
    now = Now(me, everyone, state)
    now.armed -= {timer}
    match timer:
        case "asked":
            _ = on_timeout_asked(now)
        case "deadline":
            _ = on_timeout_deadline(now)
        case "pace":
            _ = on_timeout_pace(now)
        case _:
            raise TypeError(f"a client has no timer {timer}")
    return now.done()


def give_up(me: int, everyone: Everyone, state: State) -> Step[State, Message] | None:
    """What the application asks for; None where no handler takes it."""
    now = Now(me, everyone, state)
    return now.done() if on_give_up(now) else None


def save(me: int, everyone: Everyone, state: State) -> Step[State, Message] | None:
    """What the application asks for; None where no handler takes it."""
    now = Now(me, everyone, state)
    return now.done() if on_save(now) else None


def leader(me: int, everyone: Everyone, state: State) -> int | None:
    """The token with which a client leads in a state; None where it does not."""
    now = Now(me, everyone, state)
    return now.token if now.holding else None


PROCESS: Process[State, Message] = Process(
    protocol=PROTOCOL,
    kind="client",
    spec_sha256=SPEC_SHA256,
    kinds=KINDS,
    initial=initial,
    state_type=State,
    message_types=MESSAGES,
    receives={
        "granted": "lock_service",
        "refused": "lock_service",
        "freed": "lock_service",
    },
    durable=("life",),
    names={},
    timers={
        "asked": Timer("asked", 5.0, 5.0),
        "deadline": Timer("deadline", 5.0, 5.0),
        "pace": Timer("pace", 2.0, 2.0),
    },
    restarted=restarted,
    start=start,
    receive=receive,
    timeout=timeout,
    leader=leader,
    until="deadline",
    counts_from=("asked",),
    timed=True,
    inputs={
        "give_up": give_up,
        "save": save,
    },
)
