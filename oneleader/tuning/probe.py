"""One task of a sweep: some trials of one setting. It depends on nothing but what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from oneleader.tuning.forced import Windows, windows
from oneleader.tuning.measured import ENOUGH_COUNTED, Sample
from oneleader.tuning.roles import Roles
from oneleader.tuning.settings import Setting
from oneleader.tuning.trials import Election, NeverSettled, Processes, elections_after_crashes, idle
from oneleader.tuning.world import World

IN_ONE_CLUSTER = 25
"""So many trials one after the other."""
PERIODS = 400
"""A stretch without a crash is so many heartbeats long, or that many times as long as the spec's quickest timer."""
PATIENCE = 20
"""An election is waited for as long as so many of its longest timeouts."""


@dataclass(frozen=True)
class Ground:
    """What all settings of a sweep have in common. `restarts` is whether a process may be started again."""

    sizes: Mapping[str, int]
    world: World
    roles: Roles
    restarts: bool
    seed: int
    down: int = 0


@dataclass(frozen=True)
class Probe:
    """Trials of a setting: so many failovers, windows in which bad luck is forced, and stretches of waiting. `part` is
    the number of this probe among those of the setting; no two have the same seeds."""

    ground: Ground
    setting: Setting
    part: int
    failovers: int
    windows: int = 0
    stretches: int = 0

    def __call__(self, processes: Processes) -> Sample:
        ground, timers = self.ground, self.setting.timers(self.ground.roles)
        seeds = Random(f"{ground.seed} {self.setting} {ground.down} {self.part}")
        limit = PATIENCE * (self.setting.start + self.setting.spread)
        try:
            stretches = tuple(
                idle(processes, ground.sizes, ground.world, timers, seeds.getrandbits(48), self.stretch(), limit=limit)
                for _ in range(self.stretches)
            )
            found: tuple[Windows, ...] = ()
            nothing_rare = False
            if self.windows and sum(one.false_elections for one in stretches) < ENOUGH_COUNTED:
                forced = windows(
                    processes,
                    ground.sizes,
                    ground.world,
                    timers,
                    seeds.getrandbits(48),
                    self.windows,
                    ground.roles.election,
                    limit=limit,
                )
                found, nothing_rare = ((forced,), False) if forced is not None else ((), True)
            elections: list[Election] = []
            together = IN_ONE_CLUSTER if ground.restarts else 1
            for done in range(0, self.failovers, together):
                elections += list(
                    elections_after_crashes(
                        processes,
                        ground.sizes,
                        ground.world,
                        timers,
                        seeds.getrandbits(48),
                        min(together, self.failovers - done),
                        limit=limit,
                        down=ground.down,
                    )
                )
        except NeverSettled:
            return Sample(unstable=True)
        return Sample(tuple(elections), found, stretches, nothing_rare)

    def stretch(self) -> float:
        return PERIODS * (self.setting.heartbeat or self.setting.start)
