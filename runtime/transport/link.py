"""The way to a peer: the connection to it while there is one, and the payloads that wait for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from runtime.transport.limits import Limits
from runtime.transport.stats import Dropped, Stats


class Outlet(Protocol):
    """A connection, as far as a link needs it."""

    @property
    def writable(self) -> bool:
        """Whether the connection takes more now; when it does so again, the link is to be flushed."""
        ...

    def write(self, body: bytes) -> None:
        """Sends a frame with the body."""
        ...


class Link:
    """At most `waiting` payloads wait, and each for `waiting_seconds` at most; but for as long as it takes until the
    peer is there for the first time, for a protocol may say something once, at its start. They are never reordered."""

    def __init__(self, limits: Limits, stats: Stats, clock: Callable[[], float]) -> None:
        self.outlet: Outlet | None = None
        self.wanted = asyncio.Event()
        """Set when there is reason to dial at once: the peer has just shown that it is there."""
        self._waiting: deque[tuple[float, bytes]] = deque()
        """Each with the time at which it began to wait."""
        self._limits = limits
        self._stats = stats
        self._clock = clock
        self._met = False
        """Whether there was a connection before."""

    def send(self, payload: bytes) -> None:
        """Sends a payload now or, if that cannot be, later; drops the oldest if too many wait."""
        outlet = self.outlet
        if outlet is not None and not self._waiting and outlet.writable:
            outlet.write(payload)
            self._stats.sent += 1
            return
        self._forget_stale()
        self._waiting.append((self._clock(), payload))
        if len(self._waiting) > self._limits.waiting:
            self._waiting.popleft()
            self._stats.dropped[Dropped.QUEUE_FULL] += 1

    def flush(self) -> None:
        """Sends what waits, as far as the connection takes it."""
        self._forget_stale()
        outlet = self.outlet
        while outlet is not None and self._waiting and outlet.writable:
            outlet.write(self._waiting.popleft()[1])
            self._stats.sent += 1
        self._met = self._met or outlet is not None

    def _forget_stale(self) -> None:
        if not self._waiting or not self._met:
            return
        since = self._clock() - self._limits.waiting_seconds
        while self._waiting and self._waiting[0][0] < since:
            self._waiting.popleft()
            self._stats.dropped[Dropped.STALE] += 1
