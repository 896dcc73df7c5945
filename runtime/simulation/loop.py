"""A clock that does not tick: time goes to whatever is to happen next."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Due:
    """Something that is to happen at a moment."""

    __slots__ = ("_arguments", "_callback", "_when")

    def __init__(self, when: float, callback: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._when = when
        self._callback: Callable[..., Any] | None = callback
        self._arguments = arguments

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        self._callback = None

    def happen(self) -> None:
        if self._callback is not None:
            self._callback(*self._arguments)


class VirtualLoop:
    """What happens at one moment happens in the order in which it was asked for. Nothing is waited for, and nothing but
    what is called here happens."""

    def __init__(self) -> None:
        self._now = 0.0
        self._due: list[tuple[float, int, Due]] = []
        self._count = 0

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Due:
        due = Due(max(when, self._now), callback, args)
        self._count += 1
        heapq.heappush(self._due, (due._when, self._count, due))
        return due

    def call_later(self, delay: float, callback: Callable[..., Any], *args: Any) -> Due:
        return self.call_at(self._now + delay, callback, *args)

    def run(self, until: float, enough: Callable[[], bool] = lambda: False) -> bool:
        """Lets happen what is to happen up to a moment, or until it is enough. Whether it was."""
        while not enough():
            if not self._due or self._due[0][0] > until:
                self._now = max(self._now, until)
                return enough()
            self._now, _, due = heapq.heappop(self._due)
            due.happen()
        return True
