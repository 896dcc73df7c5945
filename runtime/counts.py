"""What is counted in a process and in a node, in plain numbers: nothing here costs more than an addition or two."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from runtime.confirmation import NEVER

STORE_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)
ELECTION_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Durations:
    """How many were no longer than each bound and longer than the one before it, in seconds; those longer than all
    bounds come last."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds


class Elections:
    """How elections ended, as far as a process can know by itself. One begins when its election timer, that within
    which a leader has to be confirmed, runs out while it does not lead. It is `won` when the process leads by the
    protocol, `lost` when it confirms another leader, and tried `again` when the timer runs out once more before either.

    A protocol without such a timer has those that are won only."""

    def __init__(self) -> None:
        self.ended = {"won": 0, "lost": 0, "again": 0}
        self.took = Durations(ELECTION_BOUNDS)
        """From the first time that the timer ran out to the moment at which the process knew that it led."""
        self.since: float | None = None
        """When the timer ran out first; None where no election is under way, and none was won that is not known yet."""

    def ran_out(self, now: float) -> None:
        if self.since is None:
            self.since = now
        else:
            self.ended["again"] += 1

    def won(self) -> None:
        self.ended["won"] += 1

    def known(self, now: float) -> None:
        """That the process, which leads, knows it."""
        if self.since is not None:
            self.took.add(now - self.since)
            self.since = None

    def lost(self) -> None:
        self.ended["lost"] += 1
        self.since = None

    def resigned(self) -> None:
        """That the process leads no more; perhaps it never knew that it did."""
        self.since = None


@dataclass
class Counts:
    """What has happened in a process so far."""

    steps: Counter[str] = field(default_factory=Counter)
    timeouts: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    stores: Durations = field(default_factory=lambda: Durations(STORE_BOUNDS))
    elections: Elections = field(default_factory=Elections)
    hastened: int = 0


class Led:
    """For how long a node has known that it leads."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since: float | None = None
        self._until = NEVER

    def look(self, now: float, until: float) -> None:
        """At this moment it is known until when, if nothing more is heard. To be called whenever that changes: what was
        known before ended no later than was known then, however late this call is."""
        if self._since is not None:
            self.seconds += max(0.0, min(now, self._until) - self._since)
        self._since, self._until = (now, until) if until > now else (None, NEVER)
