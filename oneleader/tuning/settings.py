"""Which timeouts are tried: the ranges of the sweep, and one setting of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from oneleader.tuning.distributions import shown
from oneleader.tuning.roles import Roles
from oneleader.tuning.trials import TAIL
from oneleader.tuning.world import World

STARTS = 6
SPREADS = (0.25, 0.5, 1.0)
"""As parts of the start."""
HEARTBEATS = (1 / 2, 1 / 3, 1 / 5, 1 / 10)
"""As parts of the start."""
SHORTEST, LONGEST = 5, 80
"""The shortest and the longest start, in broadcast times."""
PAUSED = 3
"""And the longest start is at least so many times as long as all pauses but one in a thousand."""


@dataclass(frozen=True, order=True)
class Setting:
    """A range of the timer that elects, from `start` on and `spread` wide, and the time of the heartbeat, if the spec
    has one; in seconds. `own` is the one that the spec has itself."""

    start: float
    spread: float
    heartbeat: float | None
    own: bool = False

    def timers(self, roles: Roles) -> dict[str, tuple[float, float]]:
        found = {roles.election: (self.start, self.start + self.spread)}
        if roles.heartbeat is not None and self.heartbeat is not None:
            found[roles.heartbeat] = (self.heartbeat, self.heartbeat)
        return found

    def __str__(self) -> str:
        election = shown(self.start) + (f" .. {shown(self.start + self.spread)}" if self.spread else "")
        return election + (f", heartbeat {shown(self.heartbeat)}" if self.heartbeat is not None else "")


def broadcast_time(world: World) -> float:
    """How long a request to all and the answers of most of them take, with a store on either side, where all but one
    in a hundred are quicker; in seconds."""
    return 2 * world.delay.quantile(TAIL) + 2 * world.store.quantile(TAIL)


def sweep(
    world: World,
    own: Setting,
    starts: Sequence[float] | None,
    spreads: Sequence[float] | None,
    heartbeats: Sequence[float] | None,
    *,
    one_elector: bool,
) -> tuple[Setting, ...]:
    """All settings to try, the spec's own first. What is not given follows from the world: the start from how long a
    broadcast and pauses take, spread and heartbeat from the start. A heartbeat that is not quicker than the start makes
    no setting. Where `one_elector` alone has the timer that elects, there is nothing to spread."""
    found = []
    for start in starts or default_starts(world, own):
        wide: Sequence[float] = spreads if spreads is not None else [rounded(start * part) for part in SPREADS]
        if one_elector and spreads is None:
            wide = [0.0]
        beats: Sequence[float | None] = [None]
        if own.heartbeat is not None:
            beats = heartbeats if heartbeats is not None else [rounded(start * part) for part in HEARTBEATS]
        found += [Setting(start, spread, beat) for spread, beat in product(wide, beats) if beat is None or beat < start]
    return (own, *(one for one in dict.fromkeys(found) if (one.start, one.spread, one.heartbeat) != _times(own)))


def _times(setting: Setting) -> tuple[float, float, float | None]:
    return setting.start, setting.spread, setting.heartbeat


def default_starts(world: World, own: Setting) -> list[float]:
    """So many starts, each so many times as long as the one before it."""
    broadcast = max(broadcast_time(world), own.start / 1000)
    paused = world.pauses.lasting.quantile(0.999) if world.pauses is not None else 0.0
    shortest = SHORTEST * broadcast
    longest = max(LONGEST * broadcast, PAUSED * paused)
    ratio = (longest / shortest) ** (1 / (STARTS - 1))
    return [rounded(shortest * ratio**step) for step in range(STARTS)]


def rounded(seconds: float) -> float:
    """To two digits."""
    places = 1 - math.floor(math.log10(seconds))
    return round(seconds, places)
