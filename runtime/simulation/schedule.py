"""Faults at moments: drawn from a seed, played, and made fewer while a run still fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random

from runtime.process import Name
from runtime.simulation.cluster import Cluster, TwoLeaders
from runtime.steps import Impossible


class Fault(Enum):
    KILL = "kill"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    SEPARATE = "separate"
    """Some processes from all others, in both directions."""
    CUT = "cut"
    """One direction of one link."""
    HEAL = "heal"
    FILL = "fill the disk of"
    EMPTY = "empty the disk of"


@dataclass(frozen=True)
class Happening:
    """A fault, and the moment of it: seconds from the start of the run."""

    at: float
    fault: Fault
    names: tuple[Name, ...] = ()

    def __str__(self) -> str:
        return f"{self.at * 1000:8.1f} ms  {self.fault.value} {', '.join(map(str, self.names))}".rstrip()


Schedule = tuple[Happening, ...]
FREQUENT = (Fault.KILL, Fault.START, Fault.START, Fault.PAUSE, Fault.RESUME, Fault.SEPARATE, Fault.CUT, Fault.HEAL)


def drawn(
    seed: int, names: Sequence[Name], seconds: float, each: float = 0.1, faults: Sequence[Fault] = FREQUENT
) -> Schedule:
    """Faults for so many seconds, `each` seconds apart on average."""
    random = Random(f"schedule {seed}")
    found: list[Happening] = []
    at = random.expovariate(1 / each)
    while at < seconds:
        fault = random.choice(list(faults))
        match fault:
            case Fault.HEAL:
                chosen: tuple[Name, ...] = ()
            case Fault.CUT:
                chosen = tuple(random.sample(list(names), 2))
            case Fault.SEPARATE:
                chosen = tuple(sorted(random.sample(list(names), random.randint(1, len(names) - 1))))
            case _:
                chosen = (random.choice(list(names)),)
        found.append(Happening(at, fault, chosen))
        at += random.expovariate(1 / each)
    return tuple(found)


def play(cluster: Cluster, schedule: Schedule, seconds: float) -> TwoLeaders | Impossible | None:
    """Runs a cluster under a schedule; what is wrong with the run, if anything is."""
    try:
        for one in schedule:
            cluster.run(one.at - cluster.loop.time())
            happen(cluster, one)
        cluster.run(seconds - cluster.loop.time())
    except TwoLeaders as problem:
        return problem
    for member in cluster.members.values():
        if member.replica is not None and isinstance(member.replica.failure, Impossible):
            return member.replica.failure
    return None


def happen(cluster: Cluster, one: Happening) -> None:
    """Does a fault to a cluster."""
    match one.fault, one.names:
        case Fault.KILL, (name,):
            cluster.kill(name)
        case Fault.START, (name,):
            cluster.start(name)
        case Fault.PAUSE, (name,):
            cluster.members[name].loop.pause()
        case Fault.RESUME, (name,):
            cluster.members[name].loop.resume()
        case Fault.FILL, (name,):
            cluster.members[name].disk.is_full = True
        case Fault.EMPTY, (name,):
            cluster.members[name].disk.is_full = False
        case Fault.CUT, (one_end, other):
            cluster.network.cut.add((one_end, other))
        case Fault.SEPARATE, some:
            cluster.network.separate(frozenset(some), frozenset(cluster.members) - set(some))
        case _:
            cluster.network.heal()


def shrunk(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """A schedule that still fails, from which no single happening can be left out; delta debugging (Zeller and
    Hildebrandt, 2002)."""
    pieces = 2
    while len(schedule) >= 1:
        size = max(len(schedule) // pieces, 1)
        for start in range(0, len(schedule), size):
            rest = schedule[:start] + schedule[start + size :]
            if fails(rest):
                schedule, pieces = rest, max(pieces - 1, 2)
                break
        else:
            if size == 1:
                return schedule
            pieces = min(pieces * 2, len(schedule))
    return schedule
