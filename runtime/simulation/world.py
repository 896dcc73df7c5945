"""The network, the disks and the clocks of a simulated cluster."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any

from runtime.process import Name
from runtime.simulation.loop import Due, VirtualLoop
from runtime.storage import StorageFailed


@dataclass(frozen=True)
class Link:
    """How messages fare on their way. Times are seconds; `loss`, `duplication` and `late` are how often, from 0 to 1;
    what is late takes up to `latest`. A delay
    is drawn for each message anew, so that one may overtake another, but for a link that is `in_order`. `draw` gives
    delays of any distribution instead of those between the shortest and the longest; what it lets take forever is
    lost."""

    shortest: float = 0.0005
    longest: float = 0.001
    loss: float = 0.0
    duplication: float = 0.0
    late: float = 0.0
    latest: float = 1.0
    in_order: bool = False
    draw: Callable[[Random], float] | None = None

    def delay(self, random: Random, *, is_late: bool = False) -> float:
        """How long a message takes, in seconds."""
        if self.draw is not None and not is_late:
            return self.draw(random)
        return random.uniform(self.shortest, max(self.shortest, self.latest if is_late else self.longest))


@dataclass
class Network:
    """Links between all processes; a cut one loses what is sent in its direction."""

    loop: VirtualLoop
    random: Random
    link: Link = field(default_factory=Link)
    cut: set[tuple[Name, Name]] = field(default_factory=set)
    links: dict[tuple[Name, Name], Link] = field(default_factory=dict)
    receivers: dict[Name, Callable[[Name, bytes], None]] = field(default_factory=dict)
    carried: int = 0
    latest: dict[tuple[Name, Name], float] = field(default_factory=dict)
    """Of each link that is in order: when the last of what was sent arrives."""

    def send(self, sender: Name, to: Name, payload: bytes, after: float = 0.0) -> None:
        if (sender, to) in self.cut:
            return
        link = self.links.get((sender, to), self.link)
        copies = 1
        if link.loss and self.random.random() < link.loss:
            copies = 0
        if link.duplication and self.random.random() < link.duplication:
            copies += 1
        for _ in range(copies):
            is_late = bool(link.late) and self.random.random() < link.late
            when = self.loop.time() + after + link.delay(self.random, is_late=is_late)
            if when == math.inf:
                continue
            if link.in_order:
                when = self.latest[sender, to] = max(when, self.latest.get((sender, to), 0.0))
            self.loop.call_at(when, self._arrive, sender, to, payload)

    def _arrive(self, sender: Name, to: Name, payload: bytes) -> None:
        receiver = self.receivers.get(to)
        if receiver is not None and (sender, to) not in self.cut:
            self.carried += 1
            receiver(sender, payload)

    def separate(self, some: frozenset[Name], others: frozenset[Name]) -> None:
        """Cuts all links between the two, in both directions."""
        self.cut |= {pair for one in some for other in others for pair in ((one, other), (other, one))}

    def heal(self) -> None:
        self.cut.clear()


class PowerCut(BaseException):
    """A process has lost its power in the middle of a store. No handler of errors may stop it, as none could."""


class Cut(Enum):
    """What becomes of a store in the middle of which the power is lost. A store is a transaction: there is no third."""

    BEFORE = "before"
    """Nothing of it is on the disk."""
    AFTER = "after"
    """All of it is, and the process has not come to know."""


@dataclass
class Disk:
    """What a process has stored, which outlives it. A store takes `latency` seconds, one after the other; a full disk
    stores nothing; one that `lies` says that it has stored what a power cut makes it forget."""

    now: Callable[[], float] = lambda: 0.0
    latency: Callable[[], float] = lambda: 0.0
    is_full: bool = False
    lies: bool = False
    cut: Cut | None = None
    """The power is lost in the middle of the next store."""
    fields: dict[str, bytes] = field(default_factory=dict)
    busy_until: float = 0.0
    before: dict[str, bytes] = field(default_factory=dict)
    """What it held before the last store."""

    def load(self) -> dict[str, bytes]:
        return dict(self.fields)

    def store(self, changed: Mapping[str, bytes]) -> None:
        if self.is_full:
            raise StorageFailed("the simulated disk is full")
        cut, self.cut = self.cut, None
        if cut is Cut.BEFORE:
            raise PowerCut
        self.before = self.fields
        self.fields = {**self.fields, **changed}
        self.busy_until = max(self.busy_until, self.now()) + self.latency()
        if cut is Cut.AFTER:
            raise PowerCut

    def forget(self) -> None:
        """The power is lost: the last store to a disk that lies was never written."""
        if self.lies:
            self.fields = self.before

    def wait(self) -> float:
        """How many seconds it takes until all is stored. What is sent leaves then."""
        return max(0.0, self.busy_until - self.now())

    def close(self) -> None:
        """Nothing: the disk outlives the process."""


class ProcessLoop:
    """The clock of one process: it may run at a rate of its own, and while the process is paused nothing happens in it,
    though time goes on. What was to happen happens when it wakes: in the order in which it was to, or, with
    `timers_last`, what has come in before what was due at a time, as in an event loop that reads from its sockets
    before it looks at its timers."""

    def __init__(self, loop: VirtualLoop, rate: float = 1.0) -> None:
        self.timers_last = False
        self.died: Callable[[], None] = lambda: None
        """Is called when the power is lost in the middle of what happens."""
        self._loop = loop
        self._rate = rate
        self._waiting: list[Callable[[], object]] | None = None
        self._due: list[Due] = []

    def time(self) -> float:
        return self._loop.time() * self._rate

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Due:
        due = Due(when, callback, args)
        self._loop.call_at(when / self._rate, self._comes_due, due)
        return due

    def _comes_due(self, due: Due) -> None:
        if self._waiting is not None and self.timers_last:
            self._due.append(due)
        else:
            self.happens(due.happen)

    def happens(self, what: Callable[[], object]) -> None:
        """Does something now, or when the process wakes."""
        if self._waiting is not None:
            self._waiting.append(what)
            return
        try:
            what()
        except PowerCut:
            self.died()

    @property
    def is_paused(self) -> bool:
        return self._waiting is not None

    def pause(self) -> None:
        if self._waiting is None:
            self._waiting = []

    def resume(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        due, self._due = self._due, []
        for what in (*waiting, *(one.happen for one in due)):
            self.happens(what)
