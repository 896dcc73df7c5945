"""Nodes as real processes, killed, stopped and cut off at random for some time; then what they did is looked at.

    python -m tests.chaos [--seconds 3600] [--nodes 3] [--seed N] [--folder FOLDER]

Every token was led with by one node; every write behind the fence is in the order of tokens; every trace is a behaviour
of the model; and somebody led most of the time that a quorum was there.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.proxy import Link

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec" / "protocols" / "raft.elect"


@dataclass
class World:
    """The nodes' processes, and the links between them: `links[one, other]` is how one reaches the other."""

    folder: Path
    count: int
    random: Random
    ports: list[int] = field(default_factory=list)
    links: dict[tuple[int, int], Link] = field(default_factory=dict)
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    stopped: set[int] = field(default_factory=set)
    faults: int = 0

    @property
    def writes(self) -> Path:
        return self.folder / "writes.db"

    def trace(self, node: int) -> Path:
        return self.folder / f"node{node + 1}.ndjson"

    async def open(self) -> None:
        self.ports = _free_ports(self.count)
        for one in range(self.count):
            for other in range(self.count):
                if one != other:
                    link = self.links[one, other] = Link(self.ports[other])
                    await link.open()
        for node in range(self.count):
            self.start(node)

    def start(self, node: int) -> None:
        if node in self.running:
            return
        members = "".join(
            f'node{other + 1} = "127.0.0.1:{self.ports[other] if other == node else self.links[node, other].port}"\n'
            for other in range(self.count)
        )
        config = self.folder / f"node{node + 1}.toml"
        config.write_text(
            f'cluster = "chaos"\nnode = "node{node + 1}"\nstate = "{self.folder}/node{node + 1}.db"\n'
            f'trace = "{self.trace(node)}"\n[members]\n{members}'
            '[timers]\nelection = "150 ms .. 300 ms"\nheartbeat = "50 ms"\n',
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "tests.chaos.application", str(config), str(self.writes)]
        with (self.folder / f"node{node + 1}.log").open("ab") as log:
            self.running[node] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=dict(os.environ))

    def kill(self, node: int) -> None:
        process = self.running.pop(node, None)
        self.stopped.discard(node)
        if process is not None:
            process.kill()
            process.wait()

    def stop(self, node: int) -> None:
        if node in self.running and node not in self.stopped:
            self.running[node].send_signal(signal.SIGSTOP)
            self.stopped.add(node)

    def resume(self, node: int) -> None:
        if node in self.stopped:
            self.running[node].send_signal(signal.SIGCONT)
            self.stopped.discard(node)

    def fault(self) -> None:
        """Something goes wrong, or is mended."""
        self.faults += 1
        node = self.random.randrange(self.count)
        link = self.random.choice(list(self.links.values()))
        match self.random.randrange(10):
            case 0 | 1:
                self.kill(node)
            case 2:
                self.stop(node)
            case 3:
                link.cut = True  # in one direction of messages: the other has a link of its own
            case 4:
                for (one, other), each in self.links.items():
                    each.cut = each.cut or node in (one, other)
            case 5:
                link.drop()
            case 6:
                link.delay = self.random.choice((0.0, 0.02, 0.2))
            case 7:
                self.mend()
            case _:
                self.start(node)
                self.resume(node)

    def mend(self) -> None:
        for link in self.links.values():
            link.heal()
            link.delay = 0.0
        for node in range(self.count):
            self.resume(node)
            self.start(node)

    async def close(self) -> None:
        for node in list(self.running):
            self.kill(node)
        for link in self.links.values():
            await link.close()


def _free_ports(count: int) -> list[int]:

    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


async def suffer(folder: Path, seconds: float, nodes: int, seed: int) -> World:
    """Runs nodes under faults for so long, and lets them settle at the end."""
    world = World(folder, nodes, Random(seed))
    await world.open()
    try:
        await asyncio.sleep(1.5)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(world.random.expovariate(4.0))
            world.fault()
        world.mend()
        before = written(world.writes)
        limit = time.monotonic() + 30.0
        while written(world.writes) <= before and time.monotonic() < limit:
            await asyncio.sleep(0.05)
        if written(world.writes) <= before:
            raise AssertionError("nobody leads, though all nodes are there and nothing is cut")
    finally:
        await world.close()
    return world


def written(path: Path) -> int:
    if not path.exists():
        return 0
    with sqlite3.connect(path) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM writes").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def judged(world: World) -> str:
    """What is wrong with what the nodes did; nothing, if all is well. Raises AssertionError."""
    with sqlite3.connect(world.writes) as connection:
        rows = connection.execute("SELECT token, node FROM writes ORDER BY number").fetchall()
    owners: dict[int, str] = {}
    newest = 0
    for token, node in rows:
        assert token >= newest, f"a write of token {token} came after one of {newest}"
        assert owners.setdefault(token, node) == node, f"{owners[token]} and {node} have both written with {token}"
        newest = token
    traces = [str(world.trace(node)) for node in range(world.count)]
    command = [sys.executable, "-m", "oneleader", "validate-trace", str(SPEC), *traces]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return f"{world.faults} faults, {len(rows)} writes with {len(owners)} tokens; {done.stdout.strip()}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {given.seed}, in {folder}", flush=True)
    try:
        print(judged(asyncio.run(suffer(folder, given.seconds, given.nodes, given.seed))))
    except AssertionError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
