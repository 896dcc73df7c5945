"""What a run may be counted on to do: the words of `fairness:`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from spec.source import NOWHERE, Span


class Strength(Enum):
    """How much fairness promises of an action. `WEAK`: one that can always be taken from some time on is taken again
    and again; `STRONG`: so is one that can be taken again and again."""

    WEAK = "weak"
    STRONG = "strong"


class Fairly(Enum):
    """Which actions a promise of fairness is about."""

    DELIVERY = "delivery"
    TIMEOUT = "timeout"
    RECOVERY = "recovery"
    ACTION = "action"
    INPUT = "input"


@dataclass(frozen=True, slots=True)
class Promise:
    """Of every process, and of every link for itself. `name` is that of a message, timer, action or input; empty for
    all of them."""

    strength: Strength
    what: Fairly
    name: str = ""
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        of = " of " if self.what is Fairly.DELIVERY else " "
        return f"{self.strength.value} {self.what.value}" + (f"{of}{self.name}" if self.name else "")


@dataclass(frozen=True, slots=True)
class Fairness:
    """What a `leads_to` may count on. `calm`: from some time on nothing goes wrong any more. `apart`: from then on no
    timer fires while a message is under way that would change something."""

    calm: bool
    apart: bool
    promises: tuple[Promise, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    def __str__(self) -> str:
        said = [*(["eventually calm"] if self.calm else []), *map(str, self.promises)]
        return ", ".join([*said, *(["timers apart"] if self.apart else [])])
