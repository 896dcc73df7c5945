"""A cluster of real replicas in a simulated world. One seed gives one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from runtime.process import Everyone, Name, Process, Timer
from runtime.replica import Replica, Took, World
from runtime.simulation.loop import VirtualLoop
from runtime.simulation.world import Disk, Link, Network, ProcessLoop
from runtime.steps import Impossible


class TwoLeaders(Exception):
    """Two processes have led with one token."""


class DidTheImpossible(Exception):
    """A process has done what its protocol says can never happen."""

    def __init__(self, name: Name, problem: Impossible) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem

    def __reduce__(self) -> tuple[type[DidTheImpossible], tuple[Name, Impossible]]:
        """What makes another one of it, in another process: its own arguments, and not the text."""
        return type(self), (self.name, self.problem)


@dataclass
class Member:
    """A process of the cluster, or what is left of it while it is down."""

    name: Name
    process: Process[Any, Any]
    disk: Disk
    loop: ProcessLoop
    replica: Replica | None = None
    starts: int = 0
    elected_before: int = 0
    """How often it has begun to lead in the runs that have ended."""

    @property
    def elected(self) -> int:
        """How often it has begun to lead."""
        return self.elected_before + (self.replica.counts.elections.ended["won"] if self.replica is not None else 0)


@dataclass
class Cluster:
    """Processes, and what happens to them. `led` is who has led with which token, over the whole run: a second process
    with the same token raises TwoLeaders at once, a step that is impossible DidTheImpossible. `seen` is told of every
    step."""

    seed: int
    loop: VirtualLoop
    network: Network
    members: dict[Name, Member]
    everyone: Everyone
    led: dict[int, Name] = field(default_factory=dict)
    seen: Callable[[Name, Took], None] | None = None

    def start(self, name: Name) -> None:
        """Starts a process that is down, from what it has on disk; one that has stopped for good, anew."""
        member = self.members[name]
        if member.replica is not None and member.replica.failure is None:
            return
        self.kill(name)
        member.disk.cut = None
        member.starts += 1
        if member.loop.is_paused:
            member.loop.resume()

        def send(to: Name, payload: bytes) -> None:
            self.network.send(name, to, payload, member.disk.wait())

        def changed() -> None:
            if (token := replica.token) is not None and self.led.setdefault(token, name) != name:
                raise TwoLeaders(
                    f"{self.led[token]} and {name} have both led with {token}, at {self.loop.time():.6f} s"
                )

        def failed(problem: Exception) -> None:
            if isinstance(problem, Impossible):
                raise DidTheImpossible(name, problem)

        seen = self.seen
        world = World(
            member.loop,
            Random(f"{self.seed} {name} {member.starts}"),
            member.disk,
            send,
            changed,
            failed,
            record=None if seen is None else lambda took: seen(name, took),
        )
        replica = member.replica = Replica(member.process, name.number, self.everyone, world)

        def received(sender: Name, payload: bytes) -> None:
            if member.replica is replica:
                member.loop.happens(lambda: member.replica is replica and replica.received(sender, payload))

        self.network.receivers[name] = received
        member.loop.died = lambda: self.kill(name)
        member.loop.happens(replica.start)

    def start_all(self) -> None:
        for name in self.members:
            self.start(name)

    def kill(self, name: Name, *, seen: bool = False) -> None:
        """Ends a process, as `kill -9` does; with `seen`, the others find that their connections to it have broken.
        What its disk holds, it holds: see `Disk.forget` for a loss of power."""
        member = self.members[name]
        if member.replica is None:
            return
        member.elected_before = member.elected
        member.replica.close()
        member.replica = None
        member.disk.busy_until = 0.0
        del self.network.receivers[name]
        if seen:
            for other in self.members.values():
                if other.replica is not None and (other.name, name) not in self.network.cut:
                    delay = self.network.link.delay(self.network.random)
                    self.loop.call_later(delay, self._told, other, other.replica, name)

    def ask(self, name: Name, what: str, *arguments: Any) -> None:
        """A service asks its process for an input or an action."""
        member = self.members[name]
        replica = member.replica
        if replica is not None:
            member.loop.happens(lambda: member.replica is replica and replica.ask(what, *arguments))

    def _told(self, member: Member, replica: Replica, died: Name) -> None:
        if member.replica is replica:
            member.loop.happens(lambda: replica.died(died))

    def leaders(self) -> dict[Name, int]:
        """Who leads by the protocol now, with which token."""
        found = {}
        for member in self.members.values():
            if member.replica is not None and (token := member.replica.token) is not None:
                found[member.name] = token
        return found

    def knowing(self) -> dict[Name, int]:
        """Who knows now that it leads."""
        awake = [one for one in self.members.values() if one.replica is not None and not one.loop.is_paused]
        told = {one.name: one.replica.leading() for one in awake if one.replica is not None}
        return {name: token for name, token in told.items() if token is not None}

    def run(self, seconds: float, enough: Callable[[], bool] = lambda: False) -> bool:
        """Lets time pass, or until it is enough. Whether it was."""
        return self.loop.run(self.loop.time() + seconds, enough)

    def close(self) -> None:
        for name in list(self.members):
            self.kill(name)


def cluster_of(
    processes: Mapping[str, Process[Any, Any]],
    sizes: Mapping[str, int],
    seed: int,
    link: Link = Link(),  # noqa: B008 - immutable
    timers: Mapping[str, tuple[float, float]] | None = None,
    latency: Callable[[Random], float] = lambda _: 0.0,
    rates: Callable[[Random], float] = lambda _: 1.0,
    seen: Callable[[Name, Took], None] | None = None,
    *,
    lies: bool = False,
    started: bool = True,
) -> Cluster:
    """A cluster with so many processes of each kind, all of them started unless that is not wanted. `timers` are
    durations in seconds instead of the spec's; `latency` draws how long a store takes, `rates` at what rate a clock
    runs; disks may lie."""
    random = Random(seed)
    loop = VirtualLoop()
    network = Network(loop, Random(random.getrandbits(64)), link)
    everyone = {kind: frozenset(range(sizes[kind])) for kind in processes}
    members = {}
    for kind, process in processes.items():
        tuned = {
            name: Timer(name, *timers[name]) if timers is not None and name in timers else timer
            for name, timer in process.timers.items()
        }
        for number in range(sizes[kind]):
            name = Name(kind, number)
            own = Random(random.getrandbits(64))
            disk = Disk(loop.time, lambda own=own: latency(own), lies=lies)  # type: ignore[misc]
            members[name] = Member(name, replace(process, timers=tuned), disk, ProcessLoop(loop, rates(own)))
    cluster = Cluster(seed, loop, network, members, everyone, seen=seen)
    if started:
        cluster.start_all()
    return cluster
