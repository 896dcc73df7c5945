"""What the runtime knows of an emitted protocol: a kind of process as plain functions, from which a node is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from runtime.steps import Step

StateT = TypeVar("StateT")
MessageT = TypeVar("MessageT")

Everyone = Mapping[str, frozenset[int]]
"""The numbers of all processes, by their kind."""

Spontaneous = Callable[..., "Step[StateT, MessageT] | None"]


class Name(NamedTuple):
    """A process: its kind, and its number within that, from 0."""

    kind: str
    number: int

    def __str__(self) -> str:
        """As specs and traces count: from 1."""
        return f"{self.kind}{self.number + 1}"


@dataclass(frozen=True)
class Timer:
    """How long a timer runs, in seconds: a duration between the two is drawn at each reset."""

    name: str
    shortest: float
    longest: float


@dataclass(frozen=True)
class Confirmation:
    """What a leader has to have heard lately to know that it leads: a message from a quorum, in answer to what it sent
    less than the shortest duration of a timer ago."""

    message: str
    within: str
    is_quorum: Callable[[Everyone, frozenset[int]], bool]
    """Of the processes of the leader's kind, the leader among them."""


Accepted = tuple[type[bool] | range | frozenset[str] | str | None, ...]
"""What an argument of an input may be, one of these: true or false, a number in a range, one of some words, the number
of a process of a kind, or None."""

Named = str | tuple[str, str | None]
"""Which processes a variable names, by their kind; of a map, which are its keys, and which its entries, if any."""


@dataclass(frozen=True)
class Process(Generic[StateT, MessageT]):
    """A kind of process. Its functions are pure; `me` is the number of the process within its kind.

    `initial` is the state of a process that was never there before, `restarted` what a crash leaves of one. `start` is
    the first step from either. `receive` is given the sender's number within its kind. Where no handler takes an event,
    the state is the same but for a timer that has fired."""

    protocol: str
    kind: str
    spec_sha256: str
    kinds: tuple[str, ...]
    """All kinds of process of the protocol."""
    initial: Callable[[Everyone], StateT]
    state_type: type[StateT]
    message_types: Mapping[str, type[Any]]
    """All messages of the protocol, by name."""
    receives: Mapping[str, str]
    """The messages that it receives, each with the kind of process that sends it."""
    durable: tuple[str, ...]
    names: Mapping[str, Named]
    """The variables with names of processes in them, which are numbers within their kind there."""
    timers: Mapping[str, Timer]
    restarted: Callable[[Everyone, StateT], StateT]
    start: Callable[[int, Everyone, StateT], Step[StateT, MessageT]]
    receive: Callable[[int, Everyone, StateT, int, MessageT], Step[StateT, MessageT]]
    timeout: Callable[[int, Everyone, StateT, str], Step[StateT, MessageT]]
    leader: Callable[[int, Everyone, StateT], int | None]
    """The token with which a process leads in a state."""
    confirmation: Confirmation | None = None
    until: str | None = None
    """The timer that says until when a leader knows that it leads: it does not when that is due or is not armed,
    whether or not the process has come to take that step."""
    counts_from: tuple[str, ...] = ()
    """The timers that this one counts from, where it is not reset to now: they may take as long."""
    timed: bool = False
    """Whether what was checked rests on how long timers take: then none runs out early, whoever has died."""
    inputs: Mapping[str, Spontaneous[StateT, MessageT]] = field(default_factory=dict)
    """What the application may ask for: `(me, everyone, state, *arguments)`; None where it may not be asked now."""
    arguments: Mapping[str, tuple[Accepted, ...]] = field(default_factory=dict)
    """What the arguments of inputs may be; an input that is not here has none."""
    actions: Mapping[str, Spontaneous[StateT, MessageT]] = field(default_factory=dict)
    """What a process may do of its own accord; None where it may not now."""
