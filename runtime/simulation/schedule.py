"""Faults at moments: drawn from a seed, played, and made fewer while a run still fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any

from runtime.process import Name
from runtime.simulation.cluster import Cluster, DidTheImpossible, TwoLeaders
from runtime.simulation.world import Cut


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
    BEFORE_STORE = "cut the power before the next store of"
    AFTER_STORE = "cut the power after the next store of"
    """The store is done, and nothing that was to come after it."""
    FORGET = "cut the power and forget the last store of"
    """Where disks lie; else as KILL."""
    WIPE = "kill and wipe the disk of"
    ASK = "ask"
    """For an input or an action of the protocol, as the service does."""


@dataclass(frozen=True)
class Happening:
    """A fault, and the moment of it: seconds from the start of the run."""

    at: float
    fault: Fault
    names: tuple[Name, ...] = ()
    asked: str = ""
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        asked = f" for {self.asked}({', '.join(map(str, self.arguments))})" if self.asked else ""
        return f"{self.at * 1000:8.1f} ms  {self.fault.value} {', '.join(map(str, self.names))}".rstrip() + asked


Schedule = tuple[Happening, ...]
DEADLY = frozenset({Fault.KILL, Fault.BEFORE_STORE, Fault.AFTER_STORE, Fault.FORGET, Fault.WIPE})
MENDS = {
    **dict.fromkeys(DEADLY, (Fault.START,)),
    Fault.PAUSE: (Fault.RESUME,),
    Fault.SEPARATE: (Fault.HEAL,),
    Fault.CUT: (Fault.HEAL,),
    Fault.FILL: (Fault.EMPTY, Fault.START),
}
"""What ends a fault."""


def drawn(
    seed: int,
    names: Sequence[Name],
    seconds: float,
    each: float = 0.1,
    faults: Sequence[Fault] = (Fault.KILL, Fault.PAUSE, Fault.SEPARATE, Fault.CUT),
    lasting: float = 0.2,
    most: Sequence[tuple[frozenset[Fault], int]] = (),
) -> Schedule:
    """Faults for so many seconds, `each` seconds apart on average, and what ends each of them, after `lasting` seconds
    on average. `most` says of some faults how many there may be at most. One process alone has no links to be cut."""
    random = Random(f"schedule {seed}")
    found: list[Happening] = []
    if len(names) < 2:
        faults = [fault for fault in faults if fault not in (Fault.CUT, Fault.SEPARATE)]
    at = random.expovariate(1 / each)
    while at < seconds:
        done = [one.fault for one in found]
        spent = {fault for some, count in most if sum(one in some for one in done) >= count for fault in some}
        possible = [fault for fault in faults if fault not in spent]
        if not possible:
            break
        fault = random.choice(possible)
        match fault:
            case Fault.CUT:
                chosen = tuple(random.sample(list(names), 2))
            case Fault.SEPARATE:
                chosen = tuple(sorted(random.sample(list(names), random.randint(1, len(names) - 1))))
            case _:
                chosen = (random.choice(list(names)),)
        found.append(Happening(at, fault, chosen))
        ends = at + random.expovariate(1 / lasting)
        found += [Happening(ends, one, () if one is Fault.HEAL else chosen) for one in MENDS[fault] if ends < seconds]
        at += random.expovariate(1 / each)
    return tuple(sorted(found, key=lambda one: one.at))


def asked(seed: int, asks: Sequence[tuple[Name, str, tuple[Any, ...]]], seconds: float, each: float = 0.05) -> Schedule:
    """What services ask their processes for, `each` seconds apart on average: who is asked for what."""
    random = Random(f"asked {seed}")
    found: list[Happening] = []
    at = random.expovariate(1 / each)
    while asks and at < seconds:
        name, what, arguments = random.choice(asks)
        found.append(Happening(at, Fault.ASK, (name,), what, arguments))
        at += random.expovariate(1 / each)
    return tuple(found)


def play(cluster: Cluster, schedule: Schedule, seconds: float) -> TwoLeaders | DidTheImpossible | None:
    """Runs a cluster under a schedule; what is wrong with the run, if anything is."""
    try:
        for one in schedule:
            cluster.run(one.at - cluster.loop.time())
            happen(cluster, one)
        cluster.run(seconds - cluster.loop.time())
    except (TwoLeaders, DidTheImpossible) as problem:
        return problem
    return None


def happen(cluster: Cluster, one: Happening) -> None:
    """Does a fault to a cluster."""
    match one.fault, one.names:
        case Fault.KILL, (name,):
            cluster.kill(name)
        case Fault.FORGET, (name,):
            cluster.kill(name)
            cluster.members[name].disk.forget()
        case Fault.WIPE, (name,):
            cluster.kill(name)
            cluster.members[name].disk.fields = {}
        case Fault.ASK, (name,):
            cluster.ask(name, one.asked, *one.arguments)
        case Fault.BEFORE_STORE, (name,):
            cluster.members[name].disk.cut = Cut.BEFORE
        case Fault.AFTER_STORE, (name,):
            cluster.members[name].disk.cut = Cut.AFTER
        case Fault.START, (name,):
            cluster.members[name].disk.cut = None  # the power was to be cut, and there was no store
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
