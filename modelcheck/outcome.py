"""What a search is given and what comes out of it, whichever engine runs it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from modelcheck.properties import Checked


class Status(Enum):
    """How a search ended. The numbers are those of the C core."""

    EXHAUSTED = 0
    VIOLATION = 1
    MEMORY = 2
    TIME = 3
    CANCELLED = 4
    DEPTH = 5


@dataclass(frozen=True)
class Limits:
    """0 or None is no limit."""

    threads: int = 1
    memory_bytes: int = 0
    seconds: float = 0.0
    max_depth: int | None = None
    stop_at_violation: bool = True


@dataclass(frozen=True)
class Progress:
    """How far a running search is. `bytes` is what its table takes."""

    states: int
    frontier: int
    depth: int
    bytes: int


@dataclass(frozen=True)
class Hit:
    """A property found (violated, or witnessed) after `length` steps. `state` is the engine's own form of the state;
    for what a step violates, of the state before it (`length` counts the step, too)."""

    checked: Checked
    length: int
    state: Any


@dataclass(frozen=True)
class Outcome:
    """`levels` has the number of new states at each depth. `steps` counts the changing steps of explored states;
    `reached` names the bounds that stopped steps; `covered` has the coverage points taken."""

    status: Status
    states: int
    steps: int
    levels: tuple[int, ...]
    hits: tuple[Hit, ...]
    covered: frozenset[int]
    reached: frozenset[str]
    seconds: float
    bytes: int

    @property
    def depth(self) -> int:
        """The largest number of steps that a state of those found is away from the initial one."""
        return len(self.levels) - 1

    @property
    def violations(self) -> tuple[Hit, ...]:
        """The shortest first; of equal length, the first by the properties' order."""
        return tuple(sorted((h for h in self.hits if h.checked.is_violation), key=lambda h: h.length))

    @property
    def witnesses(self) -> tuple[Hit, ...]:
        return tuple(h for h in self.hits if not h.checked.is_violation)
