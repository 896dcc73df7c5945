"""What the recording of a trace costs a node.

    python -m bench.recorder [--runs 9] [--seconds 20] [--steps 50000] [--save docs/recorder.json] [--shown FILE]
                             [--document]

*A step* is that of one replica that follows: it takes a heartbeat of its leader and answers it, with no network and
no disk behind it. In turns, its steps are recorded into a file; or not; or there is no recorder in it, as if there were
no such thing. *A node*: two clusters of three real nodes on loopback run at the same time, with a heartbeat each 50 ms,
and one of them records; the processor time is that of all its processes. Ratios are those of each turn. Needs Linux.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, NamedTuple

import runtime.replica
from bench.measure import ROOT, machine
from bench.members import Running, Timers, free_ports, oneleader, running
from bench.processes import cpu_seconds
from bench.tables import markdown_table, replace_block
from generated.raft.messages import Heartbeat
from generated.raft.node import PROCESS
from runtime.config import Config, settings_of
from runtime.process import Name
from runtime.replica import Replica, Took, World
from runtime.storage import MemoryStorage
from runtime.trace import recording
from runtime.wire import Letter, codec_of

COMMAND = "python -m bench.recorder"
DOCUMENT = ROOT / "docs" / "performance.md"
TIMERS = Timers(150, 300, 50)
NODES = 3
STEP, NODE = "a step", "three nodes"
ON, OFF, BEFORE = "on", "off", "none in it"
MOST = 1.05
"""How many times as much a node may use with recording on."""


@dataclass(frozen=True)
class Run:
    """Seconds of processor time: of a step, or of all three nodes for each second that passed."""

    what: str
    recorder: str
    spent: float


@dataclass(frozen=True)
class Results:
    machine: str
    seconds: float
    steps: int
    runs: tuple[Run, ...]


# A step ---------------------------------------------------------------------------------------------------------------


class Later(NamedTuple):
    """A call that never comes."""

    at: float

    def cancel(self) -> None: ...

    def when(self) -> float:
        return self.at


class Clock:
    """The time, without a loop."""

    time = staticmethod(time.monotonic)

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Later:
        return Later(when)


def without_recorder() -> type[Replica]:
    """The class as it would be if nothing could be recorded: where a step is recorded, if that is wanted, is cut out of
    its text. Raises ValueError where there is no such place."""
    tree = ast.parse(Path(runtime.replica.__file__).read_text(encoding="utf-8"))

    class Cut(ast.NodeTransformer):
        found = 0

        def visit_If(self, node: ast.If) -> ast.AST:
            if ast.unparse(node.test) != "self._world.record is not None":
                return self.generic_visit(node)
            self.found += 1
            return ast.Pass()

    cut = Cut()
    tree = ast.fix_missing_locations(cut.visit(tree))
    if cut.found != 1:
        raise ValueError(f"a step is recorded at {cut.found} places of runtime/replica.py")
    module = sys.modules["replica_without_recorder"] = ModuleType("replica_without_recorder")
    exec(compile(tree, "<replica without recorder>", "exec", dont_inherit=True), module.__dict__)
    found: type[Replica] = module.Replica
    return found


def step_seconds(kind: type[Replica], steps: int, record: Callable[[Took], None] | None) -> float:
    """Of processor time, for a follower that takes a heartbeat and answers it."""
    payload = codec_of(PROCESS).encode(Letter(1, 0, Heartbeat(term=1)))
    world = World(Clock(), Random(1), MemoryStorage(), lambda to, sent: None, record=record)
    replica = kind(PROCESS, 0, {"node": frozenset(range(NODES))}, world)
    replica.start()
    leader = Name("node", 1)
    replica.received(leader, payload)
    began = time.process_time()
    for _ in range(steps):
        replica.received(leader, payload)
    return (time.process_time() - began) / steps


def measure_steps(runs: int, steps: int, folder: Path) -> list[Run]:
    members = {f"node{each + 1}": f"127.0.0.1:{each + 1}" for each in range(NODES)}
    settings = settings_of(Config("bench", "node1", str(folder / "state.db"), members), {"node": PROCESS})
    before = without_recorder()
    found = []
    for turn in range(runs):
        found.append(Run(STEP, BEFORE, step_seconds(before, steps, None)))
        found.append(Run(STEP, OFF, step_seconds(Replica, steps, None)))
        with recording(folder / f"{turn}.ndjson", settings, PROCESS) as record:
            found.append(Run(STEP, ON, step_seconds(Replica, steps, record)))
    return found


# Nodes ----------------------------------------------------------------------------------------------------------------


async def measure_nodes(runs: int, seconds: float, folder: Path) -> list[Run]:
    """Both clusters run at the same time, so that whatever else the machine does falls on both. Raises NoLeader."""
    found = []
    for turn in range(runs):
        ports = free_ports(4 * NODES)
        async with (
            running(oneleader(NODES, TIMERS, traced=True), folder / f"on{turn}", ports[: 2 * NODES]) as on,
            running(oneleader(NODES, TIMERS), folder / f"off{turn}", ports[2 * NODES :]) as off,
        ):
            clusters = {ON: on, OFF: off}
            terms = [await cluster.agreed() for cluster in clusters.values()]
            for cluster in clusters.values():
                for member in cluster.everyone:
                    cluster.hang_up(member)
            before, began = {name: _used(cluster) for name, cluster in clusters.items()}, time.monotonic()
            await asyncio.sleep(seconds)
            spent = {name: _used(cluster) - before[name] for name, cluster in clusters.items()}
            passed = time.monotonic() - began
            if terms != [await cluster.agreed() for cluster in clusters.values()]:
                continue  # an election in one of them is work that the other did not have
            found += [Run(NODE, name, used / passed) for name, used in spent.items()]
    return found


def _used(cluster: Running) -> float:
    return sum(cpu_seconds(process.pid) for process in cluster.processes.values())


# What is shown --------------------------------------------------------------------------------------------------------


def ratios(runs: Sequence[Run], what: str, recorder: str, base: str) -> list[float]:
    """What the one took in each turn for one of the other."""
    of = {name: [one.spent for one in runs if (one.what, one.recorder) == (what, name)] for name in (recorder, base)}
    return [one / other for one, other in zip(of[recorder], of[base], strict=True)]


def shown(results: Results) -> str:
    """All of it as Markdown."""
    rows = []
    for what, unit, scale in ((STEP, "us", 1e6), (NODE, "ms a second", 1e3)):
        base = BEFORE if what == STEP else OFF
        for recorder in (BEFORE, OFF, ON):
            spent = [one.spent * scale for one in results.runs if (one.what, one.recorder) == (what, recorder)]
            if not spent:
                continue
            figures = [f"{each:.3g}" for each in (statistics.median(spent), min(spent), max(spent))]
            ratio = ratios(results.runs, what, recorder, base)
            spread = ["1", ""] if recorder == base else [f"{statistics.median(ratio):.3f}", _spread(ratio)]
            rows.append((what, recorder, str(len(spent)), unit, *figures, *spread))
    titles = ("what", "recorder", "runs", "CPU", "median", "least", "most", "ratio", "of single turns")
    judged = [(goal, measured, "yes" if holds else "**no**") for goal, measured, holds in goals(results.runs)]
    return (
        f"{results.steps:,} steps, {results.seconds:g} s of three nodes. {results.machine}.\n\n"
        + markdown_table(titles, rows)
        + "\n"
        + markdown_table(("goal", "measured", "holds"), judged)
    )


def _spread(ratio: Sequence[float]) -> str:
    return f"{min(ratio):.3f} to {max(ratio):.3f}"


def goals(runs: Sequence[Run]) -> list[tuple[str, str, bool]]:
    """What was wanted, what was measured, and whether that is enough."""
    found = []
    if off := ratios(runs, STEP, OFF, BEFORE):
        least, most = min(off), max(off)
        middle = statistics.median(off)
        what = "a step costs the same where nothing is recorded: within 2 %, or within the spread of single turns"
        found.append((what, f"{middle:.3f} ({least:.3f} to {most:.3f})", middle <= 1.02 or least <= 1.0))
    if on := ratios(runs, NODE, ON, OFF):
        middle = statistics.median(on)
        found.append((f"a node with recording uses at most {MOST:g} times as much", f"{middle:.3f}", middle <= MOST))
    return found


def results_from(text: str) -> Results:
    """Results that were saved as JSON."""
    given = json.loads(text)
    return Results(**{**given, "runs": tuple(Run(**one) for one in given["runs"])})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=20.0, help="of three nodes, in each run")
    parser.add_argument("--steps", type=int, default=50_000, help="of one replica, in each run")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the runs as JSON")
    parser.add_argument("--shown", type=Path, metavar="FILE", help="measure nothing: show what was saved")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/performance.md")
    given = parser.parse_args(arguments)
    if given.shown is not None:
        results = results_from(given.shown.read_text(encoding="utf-8"))
    else:
        with tempfile.TemporaryDirectory(prefix="recorder-") as root:
            runs = measure_steps(given.runs, given.steps, Path(root))
            runs += asyncio.run(measure_nodes(given.runs, given.seconds, Path(root)))
        results = Results(machine(), given.seconds, given.steps, tuple(runs))
    if given.save is not None:
        given.save.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    if given.document:
        replace_block(DOCUMENT, COMMAND, shown(results))
    print(shown(results))
    return 0 if all(holds for _, _, holds in goals(results.runs)) else 1


if __name__ == "__main__":
    sys.exit(main())
