"""Recorded runs for tests: simulated ones of real nodes, and hand-made ones; and what can be done to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from generated.raft.node import PROCESS
from modelcheck.conformance.recorded import read_traces
from modelcheck.conformance.traces import Validated, validate
from runtime.simulation.cluster import Cluster, cluster_of
from runtime.simulation.record import Recorder
from runtime.simulation.world import Link
from spec.check import check, load
from spec.protocol import Protocol
from spec.source import Source

ROOT = Path(__file__).parents[3]
RAFT = load(ROOT / "spec" / "protocols" / "raft.elect")[0]

Files = dict[str, bytes]
Happening = Callable[[Cluster, Random], None]


def crash(cluster: Cluster, random: Random) -> None:
    name = random.choice(list(cluster.members))
    cluster.kill(name, seen=random.random() < 0.5)
    cluster.run(random.uniform(0, 1))
    cluster.start(name)


def partition(cluster: Cluster, random: Random) -> None:
    names = list(cluster.members)
    some = frozenset(random.sample(names, random.randrange(1, len(names))))
    cluster.network.separate(some, frozenset(names) - some)
    cluster.run(random.uniform(0, 2))
    cluster.network.heal()


def pause(cluster: Cluster, random: Random) -> None:
    loop = random.choice(list(cluster.members.values())).loop
    loop.pause()
    cluster.run(random.uniform(0, 1))
    loop.resume()


def simulated(
    seed: int,
    nodes: int = 3,
    times: int = 6,
    happenings: tuple[Happening, ...] = (crash, partition, pause),
    link: Link = Link(loss=0.05, duplication=0.05),  # noqa: B008 - immutable
) -> Files:
    """The files of a run of Raft's nodes to which so many things happen."""
    processes, sizes = {"node": PROCESS}, {"node": nodes}
    recorder = Recorder(processes, sizes)
    cluster = cluster_of(processes, sizes, seed, link, seen=recorder)
    random = Random(seed)
    for _ in range(times):
        cluster.run(random.uniform(0, 1.5))
        if happenings:
            random.choice(happenings)(cluster, random)
    cluster.run(1)
    cluster.close()
    return recorder.files()


def validated(files: Mapping[str, bytes], protocol: Protocol = RAFT) -> Validated:
    return validate(protocol, read_traces(files.items(), protocol))


def refused_at(files: Mapping[str, bytes], protocol: Protocol = RAFT) -> tuple[str, int, str]:
    """The file, the line and why."""
    refusal = validated(files, protocol).refusal
    assert refusal is not None
    return refusal.place.file, refusal.place.line, refusal.reason


def lines_of(files: Mapping[str, bytes]) -> dict[str, list[dict[str, Any]]]:
    return {file: [json.loads(line) for line in text.splitlines()] for file, text in files.items()}


def text_of(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def changed(files: Files, file: str, number: int, change: Callable[[dict[str, Any]], object]) -> Files:
    """The files with a line of one of them changed; lines count from 1."""
    lines = lines_of({file: files[file]})[file]
    change(lines[number - 1])
    return {**files, file: text_of(lines)}


def protocol_of(text: str) -> Protocol:
    return check(Source("small.elect", text))[0]


def hand_made(protocol: Protocol, kind: str, sizes: dict[str, int], lines: dict[int, list[dict[str, Any]]]) -> Files:
    """Files of processes of one kind, with headers for each `start`."""
    files = {}
    for number, steps in lines.items():
        header = {
            "oneleader-trace": 1,
            "protocol": protocol.name,
            "spec_sha256": protocol.source.sha256,
            "cluster": "hand",
            "process": [kind, number],
            "sizes": sizes,
        }
        whole: list[dict[str, Any]] = []
        count = 0
        for step in steps:
            if step["event"] == "start":
                whole.append(header)
                count = 0
            count += 1
            whole.append({"step": count, **step})
        files[f"{kind}{number + 1}.ndjson"] = text_of(whole)
    return files
