"""What a simulated cluster is, and what may happen to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from modelcheck.model import Caps, Model
from modelcheck.semantics import values_of
from runtime.process import Name
from runtime.simulation.schedule import DEADLY, Fault, Schedule, asked, drawn
from runtime.simulation.world import Link
from spec.protocol import FaultKind, OnInput, Protocol

FAULTS = {
    "kill": (Fault.KILL,),
    "power": (Fault.BEFORE_STORE, Fault.AFTER_STORE),
    "full": (Fault.FILL,),
    "wipe": (Fault.WIPE,),
    "lie": (Fault.FORGET,),
    "pause": (Fault.PAUSE,),
    "cut": (Fault.CUT,),
    "partition": (Fault.SEPARATE,),
}
"""What may go wrong, by the words of the command line."""
NOT_BY_DEFAULT = {"lie"}
"""What no spec allows for: to see what becomes of a protocol whose disks do not do what they say."""
RESTARTING = {"kill", "power", "full", "lie"}


@dataclass(frozen=True)
class World:
    """A cluster and its surroundings. Times are seconds: `seconds` is how long a run is, `every` how far apart faults
    are on average, `lasting` how long each lasts, `asks` how far apart what services ask for; `store` is how long a
    store takes, at least and at most; clocks run up to `drift` faster or slower than time, as a part of it."""

    sizes: tuple[int, ...]
    seconds: float
    faults: tuple[str, ...]
    every: float
    lasting: float
    asks: float
    link: Link
    store: tuple[float, float]
    drift: float
    timers: Mapping[str, tuple[float, float]]


def objection_to(word: str, protocol: Protocol, sizes: tuple[int, ...]) -> str | None:
    """Why a fault is not among what a spec says may happen to so many processes; None where it is."""
    kinds = {fault.kind for fault in protocol.faults}
    if word in RESTARTING and not kinds & {FaultKind.RESTART, FaultKind.CRASH}:
        return "processes of this spec do not crash: it has neither the fault `restart` nor `crash`"
    if word == "wipe" and FaultKind.DISK_LOSS not in kinds:
        return "the spec has no fault `disk loss`"
    if word in RESTARTING | {"wipe", "cut", "partition"} and not protocol.network.loss:
        return "what is on its way is lost with it, and the network of this spec loses nothing"
    if word in {"cut", "partition"} and sum(sizes) < 2:
        return "one process alone has no links"
    return None


def possible_faults(protocol: Protocol, sizes: tuple[int, ...]) -> tuple[str, ...]:
    """All that a spec says may happen to so many processes."""
    return tuple(word for word in FAULTS if word not in NOT_BY_DEFAULT and objection_to(word, protocol, sizes) is None)


def names_in(protocol: Protocol, sizes: tuple[int, ...]) -> tuple[Name, ...]:
    return tuple(Name(kind.name, n) for kind, size in zip(protocol.kinds, sizes, strict=True) for n in range(size))


def schedule_of(protocol: Protocol, world: World, seed: int) -> Schedule:
    """What happens in a run, by its seed."""
    names = names_in(protocol, world.sizes)
    faults = tuple(fault for word in world.faults for fault in FAULTS[word])
    restarts = [fault.up_to for fault in protocol.faults if fault.kind in (FaultKind.RESTART, FaultKind.CRASH)]
    wipes = [fault.up_to for fault in protocol.faults if fault.kind is FaultKind.DISK_LOSS]
    most = [
        (some, sum(limit for limit in limits if limit is not None))
        for some, limits in ((DEADLY - {Fault.WIPE} | {Fault.FILL}, restarts), (frozenset({Fault.WIPE}), wipes))
        if limits and None not in limits
    ]
    happening = drawn(seed, names, world.seconds, world.every, faults, world.lasting, most)
    asking = asked(seed, _asks(protocol, world.sizes), world.seconds, world.asks)
    return tuple(sorted(happening + asking, key=lambda one: one.at))


def _asks(protocol: Protocol, sizes: tuple[int, ...]) -> tuple[tuple[Name, str, tuple[Any, ...]], ...]:
    """All that services may ask for."""
    model = Model(protocol, sizes, Caps({}, {}, 0), protocol.network, (), 0)
    found: list[tuple[Name, str, tuple[Any, ...]]] = []
    for name in names_in(protocol, sizes):
        for event in model.spontaneous[name.kind]:
            parameters = event.parameters if isinstance(event, OnInput) else ()
            universe = [values_of(model, parameter.type) for parameter in parameters]
            found += [(name, event.name, arguments) for arguments in product(*universe)]
    return tuple(found)
