"""What an emitted protocol is written with: a step being taken, what it leads to, and checks of what it stores."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

MessageT = TypeVar("MessageT")
StateT = TypeVar("StateT")
Item = TypeVar("Item")


class Impossible(Exception):
    """A step does what its protocol says can never happen. Nothing of the step has been done."""


class Send(NamedTuple, Generic[MessageT]):
    """A message to a process of another kind or the same, by its kind and its number within that."""

    kind: str
    to: int
    message: MessageT


class Reset(NamedTuple):
    """The timer is armed, with a duration drawn anew, whether it was armed before or not. It counts from now on, or
    from when the timer `since` was reset."""

    timer: str
    since: str | None = None


class Stop(NamedTuple):
    """The timer is not armed any more."""

    timer: str


class Step(NamedTuple, Generic[StateT, MessageT]):
    """What an event leads to: the state after it, and what is to be done, in this order."""

    state: StateT
    effects: tuple[Send[MessageT] | Reset | Stop, ...]


class Turn(Generic[MessageT]):
    """A step being taken. Emitted subclasses add the process's variables, as they are at this moment of the step."""

    __slots__ = ("armed", "effects", "me")

    def __init__(self, me: int, armed: frozenset[str]) -> None:
        self.me = me
        self.armed = armed
        self.effects: list[Send[MessageT] | Reset | Stop] = []

    def send(self, kind: str, to: int | None, message: MessageT) -> None:
        """To nobody, where `to` is None."""
        if to is not None:
            self.effects.append(Send(kind, to, message))

    def broadcast(self, kind: str, to: Iterable[int], message: MessageT) -> None:
        self.effects.extend(Send(kind, one, message) for one in sorted(to))

    def reset(self, timer: str, since: str | None = None) -> None:
        """Raises Impossible where it is to count from when a timer was reset that is not armed."""
        if since is not None and since not in self.armed:
            raise Impossible(f"{timer} counts from when {since} was reset, which is not armed")
        self.armed |= {timer}
        self.effects.append(Reset(timer, since))

    def stop(self, timer: str) -> None:
        self.armed -= {timer}
        self.effects.append(Stop(timer))


# What is stored and sent ---------------------------------------------------------------------------------------------


def natural(value: int) -> int:
    """The value, if it is a natural number. Raises Impossible."""
    if value < 0:
        raise Impossible(f"{value} is no natural number")
    return value


def within(value: int, low: int, high: int) -> int:
    """The value, if it is in the range. Raises Impossible."""
    if not low <= value <= high:
        raise Impossible(f"{value} is not in {low}..{high}")
    return value


def optional_natural(value: int | None) -> int | None:
    """As `natural`, for a value or None."""
    return None if value is None else natural(value)


def optional_within(value: int | None, low: int, high: int) -> int | None:
    """As `within`, for a value or None."""
    return None if value is None else within(value, low, high)


def replaced(entries: tuple[Item, ...], at: int, entry: Item) -> tuple[Item, ...]:
    """The entries with another one at a place."""
    return (*entries[:at], entry, *entries[at + 1 :])
