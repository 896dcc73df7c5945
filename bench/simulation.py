"""How fast the simulator is: elections of 5 nodes a second, and how much faster than real time an idle cluster runs.

    python -m bench.simulation [--elections 1000] [--seconds 300] [--runs 5]

One processor; the real replicas and emitted steps, with delays of 0.5 to 1 ms. What limits it is Python: about half of
the time is in the steps and the order of their effects, the rest in making clusters and in the queue of what is to be.
"""

from __future__ import annotations

import argparse
import statistics
import time

from generated.raft.node import PROCESS
from runtime.simulation.cluster import Cluster, cluster_of

TIMERS = {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}


def cluster(nodes: int, seed: int) -> Cluster:
    return cluster_of({"node": PROCESS}, {"node": nodes}, seed, timers=TIMERS)


def elections(count: int) -> tuple[float, float]:
    """Elections a second of CPU, from the start of 5 nodes to a leader that knows it; and virtual seconds for each."""
    began, passed = time.process_time(), 0.0
    for seed in range(count):
        one = cluster(5, seed)
        assert one.run(60.0, lambda one=one: bool(one.knowing()))  # type: ignore[misc]
        passed += one.loop.time()
        one.close()
    spent = time.process_time() - began
    return count / spent, passed / spent


def idle(nodes: int, seconds: float) -> float:
    """Virtual seconds for each second of CPU, of a cluster with a leader."""
    one = cluster(nodes, 1)
    assert one.run(60.0, lambda: bool(one.knowing()))
    began = time.process_time()
    one.run(seconds)
    return seconds / (time.process_time() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    rates = [elections(given.elections) for _ in range(given.runs)]
    print(f"elections of 5 nodes: {statistics.median(rate for rate, _ in rates):,.0f} a second of CPU")
    print(f"  while they last:    {statistics.median(times for _, times in rates):,.0f} times real time")
    for nodes in (3, 5):
        times = statistics.median(idle(nodes, given.seconds) for _ in range(given.runs))
        print(f"{nodes} nodes with a leader: {times:,.0f} times real time")


if __name__ == "__main__":
    main()
