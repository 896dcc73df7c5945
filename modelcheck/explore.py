"""The plain explorer: breadth-first search with the reference semantics, in Python.

Every other engine is held against this one, and it does the job where there is no C compiler.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from modelcheck.model import Model, State, Successor
from modelcheck.semantics import initial, steps


@dataclass(frozen=True)
class Graph:
    """The reachable states by number of steps from the initial one, and each one's successors within the bounds."""

    levels: tuple[tuple[State, ...], ...]
    successors: dict[State, tuple[Successor, ...]]


def reachable(model: Model, limit: int | None = None) -> Graph:
    """The whole reachable graph; at most about `limit` states of it. The initial step must not fail."""
    start = initial(model).state
    assert start is not None
    seen: dict[State, tuple[Successor, ...]] = {}
    levels: list[tuple[State, ...]] = []
    frontier: dict[State, None] = {start: None}
    with uncollected():
        while frontier and (limit is None or len(seen) < limit):
            levels.append(tuple(frontier))
            following: dict[State, None] = {}
            for state in frontier:
                seen[state] = tuple(steps(model, state))
                for successor in within(seen[state]):
                    following[successor] = None
            frontier = {state: None for state in following if state not in seen and state not in frontier}
    return Graph(tuple(levels), seen)


@contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the garbage collector out of a search. States are trees, which are freed without it; to look for circles
    in all of them again and again takes a third of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def within(successors: tuple[Successor, ...]) -> Iterator[State]:
    """The states that are explored further."""
    return (s.state for s in successors if s.state is not None and s.beyond is None)
