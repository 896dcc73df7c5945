"""The search in plain Python, with the reference semantics itself: for a machine without a C compiler, and to hold
the native explorer against. It uses neither symmetry nor reductions."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from modelcheck.explore import uncollected
from modelcheck.model import Model, State, Successor
from modelcheck.outcome import Hit, Limits, Outcome, Progress, Status
from modelcheck.properties import FAILURE, checked, found_in_state, found_in_step
from modelcheck.semantics import attempts, initial, steps
from modelcheck.trace import Trace

PROGRESS_SECONDS = 0.2


class PythonSearch:
    """One run. All states are kept, each with the step by which it was found first."""

    def __init__(self, model: Model, limits: Limits) -> None:
        self.model = model
        self.limits = limits
        self._parents: dict[State, tuple[State, Successor] | None] = {}
        self._items = checked(model)
        self._hits: dict[str, Hit] = {}
        self._covered: set[int] = set()
        self._reached: set[str] = set()
        self._steps = 0
        self._levels: list[int] = []
        self._bytes = 0

    def run(self, watch: Callable[[Progress], None] | None = None) -> Outcome:
        """Searches to the end, or until a limit, or until it is interrupted (Ctrl-C)."""
        began = time.monotonic()
        try:
            with uncollected():
                status = self._search(began, watch)
        except KeyboardInterrupt:
            status = Status.CANCELLED
        return Outcome(
            status,
            len(self._parents),
            self._steps,
            tuple(self._levels),
            tuple(self._hits[item.name] for item in self._items if item.name in self._hits),
            frozenset(self._covered),
            frozenset(self._reached),
            time.monotonic() - began,
            self._bytes,
        )

    def trace(self, hit: Hit) -> Trace:
        """The behaviour that leads to a hit; a step that violates something is its last."""
        taken: list[Successor] = []
        state: State = hit.state
        while (parent := self._parents[state]) is not None:
            state, step = parent
            taken.append(step)
        taken.reverse()
        if hit.checked.in_step:
            bad = (s for s in steps(self.model, hit.state) if self._violates(hit, s))
            taken.append(next(bad))
        return Trace(self.model, state, tuple(taken))

    def _violates(self, hit: Hit, successor: Successor) -> bool:
        if hit.checked.name == FAILURE and hit.checked.declared is None:
            return successor.failure is not None
        if successor.state is None or successor.beyond is not None:
            return False
        return found_in_step(self.model, hit.checked, hit.state, successor.state)

    def _search(self, began: float, watch: Callable[[Progress], None] | None) -> Status:
        start = initial(self.model)
        self._covered |= start.taken
        if start.state is None:
            raise AssertionError("the initial step fails; the caller has to look at that first")
        frontier = [start.state]
        self._parents[start.state] = None
        self._look_at(start.state, 0)
        told = began
        while frontier:
            depth = len(self._levels)
            self._levels.append(len(frontier))
            if self.limits.stop_at_violation and any(hit.checked.is_violation for hit in self._hits.values()):
                return Status.VIOLATION
            if self.limits.max_depth is not None and depth >= self.limits.max_depth:
                return Status.DEPTH
            following: list[State] = []
            for state in frontier:
                self._expand(state, depth, following)
                now = time.monotonic()
                if now - told > PROGRESS_SECONDS:
                    told = now
                    self._bytes = len(self._parents) * _size_of(state)
                    if self.limits.seconds and now - began > self.limits.seconds:
                        return Status.TIME
                    if self.limits.memory_bytes and self._bytes > self.limits.memory_bytes:
                        return Status.MEMORY
                    if watch is not None:
                        watch(Progress(len(self._parents), len(following), depth, self._bytes))
            self._bytes = len(self._parents) * _size_of(frontier[0])
            frontier = following
        if any(hit.checked.is_violation for hit in self._hits.values()):
            return Status.VIOLATION
        return Status.EXHAUSTED

    def _expand(self, state: State, depth: int, following: list[State]) -> None:
        for successor in attempts(self.model, state):
            if successor.beyond is not None:
                self._reached.add(successor.beyond)
                continue
            self._covered |= successor.taken
            if successor.state == state:
                continue
            if successor.failure is not None:
                self._hit(FAILURE, depth + 1, state)
                continue
            after = successor.state
            assert after is not None
            self._steps += 1
            for item in self._items:
                if item.in_step and found_in_step(self.model, item, state, after):
                    self._hit(item.name, depth + 1, state)
            if after not in self._parents:
                self._parents[after] = (state, successor)
                following.append(after)
                self._look_at(after, depth + 1)

    def _look_at(self, state: State, depth: int) -> None:
        for item in self._items:
            if not item.in_step and item.name not in self._hits and found_in_state(self.model, item, state):
                self._hit(item.name, depth, state)

    def _hit(self, name: str, length: int, state: State) -> None:
        item = next(item for item in self._items if item.name == name)
        self._hits.setdefault(name, Hit(item, length, state))


def _size_of(state: State) -> int:
    """About how many bytes a state takes in Python: its own objects; what it shares with others counts again."""
    total = 0
    waiting: list[object] = [state]
    while waiting:
        part = waiting.pop()
        total += sys.getsizeof(part)
        if isinstance(part, tuple | frozenset):
            waiting.extend(part)
    return total
