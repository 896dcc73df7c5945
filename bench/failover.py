"""How soon another node leads when the leader is gone: real processes on loopback, beside etcd where that is installed.

    python -m bench.failover [--trials 30] [--nodes 3 5] [--flaps 3] [--flap-seconds 30] [--without-etcd]
                             [--save docs/failover.json] [--shown FILE] [--document] [--seed 1]

The leader is killed, stopped (and let go on later), told to end, or cut off from all others; then whoever is left is
asked every 5 ms who leads. In each round each cluster has one trial of each kind, in an order drawn anew; only one
cluster runs at a time, and it begins anew in each round. Last, all connections of the leader are broken every 200 ms
for some time, and for as long nothing is done to another cluster, to see which elections had another cause.

Debian has etcd as `etcd-server`. Takes about 3 s a trial: 40 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random

from bench.failover_tables import OURS, Results, goals, shown
from bench.measure import ROOT, machine
from bench.members import NoLeader, System, Timers, etcd, etcd_version, free_ports, oneleader, running
from bench.tables import replace_block
from bench.trials import ALONE, CUT_OFF, END, FLAP, KILL, STOP, Trial, flapping, links, trial

COMMAND = "python -m bench.failover"
DOCUMENT = ROOT / "docs" / "performance.md"
TIMERS = (Timers(150, 300, 50), Timers(50, 100, 15))
"""Milliseconds. The heartbeat has to be below half of the shortest election timeout, or one lost message is enough for
a new election."""
ETCD_HEARTBEAT, ETCD_ELECTION = 10, 50
"""The shortest that etcd takes: its election timeout has to be five heartbeats at least."""
KINDS = (KILL, STOP, END, CUT_OFF)


def systems(nodes: Sequence[int], with_etcd: bool) -> list[System]:
    ours = [oneleader(size, timers) for size in nodes for timers in TIMERS]
    return [*ours, *(etcd(size, ETCD_HEARTBEAT, ETCD_ELECTION) for size in nodes if with_etcd)]


async def one_round(system: System, folder: Path, random: Random, say: Callable[[str], None]) -> list[Trial]:
    """A trial of each kind, with a cluster that is started for them."""
    found: list[Trial] = []
    async with running(system, folder, free_ports(2 * system.size)) as cluster:
        for how in random.sample(KINDS, len(KINDS)):
            try:
                found.append(await trial(cluster, how, random))
            except NoLeader as problem:
                say(f"{how}: {problem}")
                break
    return found


async def one_flap(system: System, folder: Path, how: str, seconds: float) -> Trial:
    ports = free_ports(2 * system.size)
    async with (
        links(system.size, ports) as between,
        running(system, folder, ports, lambda one, other: between[one, other].port) as cluster,
    ):
        return await flapping(cluster, between, how, seconds)


async def measure(given: argparse.Namespace, say: Callable[[str], None]) -> list[Trial]:
    """All trials."""
    random = Random(given.seed)
    clusters = systems(given.nodes, not given.without_etcd and etcd_version() is not None)
    found: list[Trial] = []
    with tempfile.TemporaryDirectory(prefix="failover-") as root:
        folder = Path(root, "cluster")
        for turn in range(given.trials):
            for system in random.sample(clusters, len(clusters)):
                found += await one_round(system, folder, random, say)
                shutil.rmtree(folder)
            say(f"round {turn + 1} of {given.trials}")
        for turn in range(given.flaps):
            for system in [one for one in clusters if one.label.startswith(OURS)]:
                for how in random.sample((FLAP, ALONE), 2):
                    found.append(await one_flap(system, folder, how, given.flap_seconds))
                    shutil.rmtree(folder)
            say(f"flapping links, round {turn + 1} of {given.flaps}")
    return found


def results_from(text: str) -> Results:
    """Results that were saved as JSON."""
    given = json.loads(text)
    return Results(**{**given, "trials": tuple(Trial(**one) for one in given["trials"])})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=30, help="of each kind, with each cluster")
    parser.add_argument("--nodes", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--flaps", type=int, default=3, help="runs with a flapping link, with each cluster of ours")
    parser.add_argument("--flap-seconds", type=float, default=30.0)
    parser.add_argument("--without-etcd", action="store_true", help="leave etcd out, though it is installed")
    parser.add_argument("--seed", type=int, default=1, help="of the order of trials and of their moments")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the trials as JSON")
    parser.add_argument("--shown", type=Path, metavar="FILE", help="measure nothing: show what was saved")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/performance.md")
    given = parser.parse_args(arguments)
    if given.shown is not None:
        results = results_from(given.shown.read_text(encoding="utf-8"))
    else:
        trials = asyncio.run(measure(given, lambda text: print(text, file=sys.stderr, flush=True)))
        version = None if given.without_etcd else etcd_version()
        results = Results(machine(), version, given.flap_seconds, tuple(trials))
    if given.save is not None:
        given.save.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    if given.document:
        replace_block(DOCUMENT, COMMAND, shown(results))
    print(shown(results))
    return 0 if all(goal.holds for goal in goals(results.trials)) else 1


if __name__ == "__main__":
    sys.exit(main())
