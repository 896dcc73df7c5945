"""How often intervals of false elections cover what is true, as far as that is known: by many more windows.

    python -m bench.intervals [--parts 240] [--jobs N]

For each of some settings so many parts of 30 windows are looked at. All of them together stand for the truth; samples
of a few parts each have an interval that covers it, or does not."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.tables import markdown_table
from codegen.python.package import package_of
from oneleader.tuning.distributions import Exponential, Uniform
from oneleader.tuning.forced import Windows, windows
from oneleader.tuning.measured import forced_rate
from oneleader.tuning.pool import done, workers
from oneleader.tuning.trials import Processes
from oneleader.tuning.world import Pauses, World
from spec.check import load

SPECS = Path(__file__).parent.parent / "spec" / "protocols"
WORLD = World(Uniform(0.0005, 0.001), 0.001, store=Uniform(0.0, 0.002), pauses=Pauses(600.0, Exponential(0.05)))
"""The default of `oneleader tune`."""
IN_A_PART = 30
SAMPLES = (60, 120, 240, 480)


@dataclass(frozen=True)
class Setting:
    """A cluster and its timers, in milliseconds."""

    spec: str
    nodes: int
    election: tuple[float, float]
    heartbeat: float

    def __str__(self) -> str:
        low, high = self.election
        return f"{self.spec}, {self.nodes} nodes, {low:g}-{high:g} ms, heartbeat {self.heartbeat:g} ms"


SETTINGS = (
    Setting("raft", 3, (250, 370), 50),
    Setting("raft", 5, (510, 640), 100),
    Setting("prevote", 3, (300, 500), 100),
    Setting("prevote", 3, (250, 500), 120),
)


@dataclass(frozen=True)
class Part:
    """Some windows of a setting: a task for a worker."""

    setting: Setting
    seed: int

    def __call__(self, processes: Processes) -> Windows | None:
        low, high = self.setting.election
        beat = self.setting.heartbeat / 1000
        timers = {"election": (low / 1000, high / 1000), "heartbeat": (beat, beat)}
        return windows(processes, {"node": self.setting.nodes}, WORLD, timers, self.seed, IN_A_PART, "election")


def row(setting: Setting, found: Sequence[Windows]) -> tuple[str, ...]:
    """What samples of each size say. Raises ValueError where all windows together say nothing."""
    whole = forced_rate(found)
    if whole is None:
        raise ValueError(f"{setting}: too few elections in {len(found)} parts")
    cells = [str(setting), f"{whole.value:.3g} [{whole.low:.3g}, {whole.high:.3g}]"]
    for size in SAMPLES:
        step = size // IN_A_PART
        estimates = [forced_rate(found[at : at + step]) for at in range(0, len(found) - step + 1, step)]
        some = [one for one in estimates if one is not None]
        covering = sum(one.low <= whole.value <= one.high for one in some)
        cells.append(f"{covering} of {len(some)}")
    return tuple(cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.intervals", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--parts", type=int, default=240)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    rows = []
    for setting in SETTINGS:
        protocol, _ = load(SPECS / f"{setting.spec}.elect")
        files = {one.name: one.text for one in package_of(protocol, "runtime")}
        with workers(protocol, files, given.jobs) as work:
            parts = [part for part in done(work, [Part(setting, seed) for seed in range(given.parts)]) if part]
        rows.append(row(setting, parts))
    print(markdown_table(("", "false elections a day", *(f"{size} windows" for size in SAMPLES)), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
