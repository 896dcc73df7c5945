"""The network, the disks and the clocks of a simulated cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from runtime.process import Name
from runtime.simulation.loop import Due, VirtualLoop
from runtime.storage import StorageFailed


@dataclass(frozen=True)
class Link:
    """How messages fare on their way. Times are seconds; `loss` and `duplication` are how often, from 0 to 1. A delay
    is drawn for each message anew, so that one may overtake another."""

    shortest: float = 0.0005
    longest: float = 0.001
    loss: float = 0.0
    duplication: float = 0.0


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
            delay = after + self.random.uniform(link.shortest, link.longest)
            self.loop.call_later(delay, self._arrive, sender, to, payload)

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


@dataclass
class Disk:
    """What a process has stored, which outlives it. A store takes `latency` seconds; a full disk stores nothing."""

    latency: Callable[[], float] = lambda: 0.0
    is_full: bool = False
    fields: dict[str, bytes] = field(default_factory=dict)
    busy: float = 0.0
    """Seconds that stores have taken and that have not been waited for yet."""

    def load(self) -> dict[str, bytes]:
        return dict(self.fields)

    def store(self, changed: Mapping[str, bytes]) -> None:
        if self.is_full:
            raise StorageFailed("the simulated disk is full")
        self.fields |= changed
        self.busy += self.latency()

    def waited(self) -> float:
        """The seconds that stores have taken since this was asked last."""
        busy, self.busy = self.busy, 0.0
        return busy

    def close(self) -> None:
        """Nothing: the disk outlives the process."""


class ProcessLoop:
    """The clock of one process: it may run at a rate of its own, and while the process is paused nothing happens in it,
    though time goes on. What was to happen happens when it wakes."""

    def __init__(self, loop: VirtualLoop, rate: float = 1.0) -> None:
        self._loop = loop
        self._rate = rate
        self._waiting: list[Callable[[], object]] | None = None

    def time(self) -> float:
        return self._loop.time() * self._rate

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Due:
        due = Due(when, callback, args)
        self._loop.call_at(when / self._rate, self.happens, due.happen)
        return due

    def happens(self, what: Callable[[], object]) -> None:
        """Does something now, or when the process wakes."""
        if self._waiting is None:
            what()
        else:
            self._waiting.append(what)

    @property
    def is_paused(self) -> bool:
        return self._waiting is not None

    def pause(self) -> None:
        if self._waiting is None:
            self._waiting = []

    def resume(self) -> None:
        waiting, self._waiting = self._waiting or [], None
        for what in waiting:
            what()
