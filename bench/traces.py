"""How many recorded steps a second `validate-trace` checks: of a simulated cluster of five nodes whose network loses
messages, and whose nodes crash.

    python -m bench.traces [--steps 200000] [--seed 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from random import Random

from generated.raft.node import PROCESS
from modelcheck.conformance.recorded import read_traces
from modelcheck.conformance.traces import validate
from runtime.simulation.cluster import cluster_of
from runtime.simulation.record import Recorder
from runtime.simulation.world import Link
from spec.check import load

SPEC = Path(__file__).parents[1] / "spec" / "protocols" / "raft.elect"
NODES = 5
BETWEEN_CRASHES = 5.0
"""Seconds from one crash to the next, on average; a node is down for up to two seconds."""


def recorded(steps: int, seed: int) -> dict[str, bytes]:
    """The files of a run of at least so many steps."""
    processes, sizes = {"node": PROCESS}, {"node": NODES}
    recorder = Recorder(processes, sizes)
    cluster = cluster_of(processes, sizes, seed, Link(loss=0.02, duplication=0.01), seen=recorder)
    random = Random(seed)
    while sum(map(len, recorder.lines.values())) < steps:
        cluster.run(random.uniform(0, 2 * BETWEEN_CRASHES))
        name = random.choice(list(cluster.members))
        cluster.kill(name)
        cluster.run(random.uniform(0, 2))
        cluster.start(name)
    cluster.close()
    return recorder.files()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    protocol, _ = load(SPEC)
    files = recorded(given.steps, given.seed)
    rates, steps = [], 0
    for _ in range(given.runs):
        began = time.process_time()
        found = validate(protocol, read_traces(files.items(), protocol))
        rates.append(found.steps / (time.process_time() - began))
        steps = found.steps
        assert found.refusal is None, found.refusal
    print(f"{steps:,} steps of {NODES} processes, {sum(map(len, files.values())) / 1e6:.1f} MB:", end=" ")
    print(f"{statistics.median(rates):,.0f} steps a second on one core, reading included")


if __name__ == "__main__":
    main()
