"""The nodes' processes, and what goes wrong with them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO

from tests.chaos.application import STORE_FAILED, made, written
from tests.chaos.faults import Disks, Fault, Network

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "spec" / "protocols" / "raft.elect"
APPLICATION = ("tests.chaos.application",)
FAULTS_A_SECOND = 4.0
SETTLING_SECONDS = 30.0
TOLD_LINES = 20


@dataclass
class World:
    """Nodes, numbered from 0, with their network and their disks. `application` is the module that they run, and what
    that is given first."""

    folder: Path
    count: int
    random: Random
    network: Network
    disks: Disks
    application: Sequence[str] = APPLICATION
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    pipes: dict[int, list[subprocess.Popen[bytes]]] = field(default_factory=dict)
    paused: set[int] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    stores_failed: int = 0
    mended: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def writes(self) -> Path:
        return self.folder / "writes.db"

    def trace(self, node: int) -> Path:
        return self.folder / f"node{node + 1}.ndjson"

    def log(self, node: int) -> Path:
        return self.folder / f"node{node + 1}.log"

    async def open(self) -> None:
        """Starts all nodes; of network and disks, that they are open is taken for granted."""
        made(self.writes)
        for node in range(self.count):
            await self.start(node)

    async def start(self, node: int) -> bool:
        if node in self.running:
            return False
        await self.network.started(node)
        self.disks.prepare(node)
        command = [*self.network.command(node), sys.executable, "-m", *self.application]
        command += [str(self._configuration(node)), str(self.writes)]
        with contextlib.ExitStack() as files:
            error: IO[bytes] = files.enter_context(self.log(node).open("ab"))
            out: IO[bytes] = files.enter_context(self.trace(node).open("ab"))
            if self.disks.pipes:
                self.pipes[node] = [subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=to) for to in (error, out)]
                error, out = (files.enter_context(pipe.stdin) for pipe in self.pipes[node] if pipe.stdin)
            self.running[node] = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                start_new_session=True,  # Ctrl-C is for the run, which ends them
            )
        self.disks.started(node, self.running[node].pid)
        self.starts += 1
        return True

    def _configuration(self, node: int) -> Path:
        path = self.folder / f"node{node + 1}.toml"
        trace = "" if self.disks.pipes else f'trace = "{self.trace(node)}"\n'
        members = "".join(f'node{n} = "{where}"\n' for n, where in enumerate(self.network.addresses(node), 1))
        path.write_text(
            f'cluster = "chaos"\nnode = "node{node + 1}"\nstate = "{self.disks.state(node)}"\ninsecure = true\n'
            f'{trace}[members]\n{members}[timers]\nelection = "150 ms .. 300 ms"\nheartbeat = "50 ms"\n',
            encoding="utf-8",
        )
        return path

    async def kill(self, node: int) -> bool:
        process = self.running.get(node)
        if process is None:
            return False
        process.kill()
        await self._ended(node)
        return True

    async def _ended(self, node: int) -> None:
        """Clears up after a process that has ended, or is about to."""
        process = self.running.pop(node)
        self.paused.discard(node)
        await self.network.ended(node)
        process.wait()
        for pipe in self.pipes.pop(node, []):
            pipe.wait()
        self.disks.ended(node)

    async def look(self) -> None:
        """Notes which nodes have ended by themselves. None may, but for one whose disk fails."""
        for node, process in tuple(self.running.items()):
            status = process.poll()
            if status is None:
                continue
            if status == STORE_FAILED and self.disks.failing(node):
                self.stores_failed += 1
            else:
                said = self.log(node).read_text(encoding="utf-8", errors="replace").splitlines()[-TOLD_LINES:]
                self.problems.append("\n  ".join([f"node{node + 1} has ended with status {status}:", *said]))
            await self._ended(node)

    async def pause(self) -> bool:
        node = self.random.randrange(self.count)
        if node not in self.running or node in self.paused:
            return False
        self.running[node].send_signal(signal.SIGSTOP)
        self.paused.add(node)
        return True

    def resume(self, node: int) -> None:
        if node in self.paused:
            self.running[node].send_signal(signal.SIGCONT)
            self.paused.discard(node)

    async def mend(self) -> None:
        """All is well again."""
        self.mended += 1
        await self.network.mend()
        self.disks.mend()
        for node in range(self.count):
            if self.disks.lost(node):
                await self.kill(node)
            self.resume(node)
            await self.start(node)

    async def suffer(self, seconds: float, stop: asyncio.Event) -> None:
        """Runs the nodes under faults for so long, or until it is told to stop, and lets them settle at the end."""
        began = time.monotonic()
        faults = [
            Fault("node killed", 3, lambda: self.kill(self.random.randrange(self.count))),
            Fault("node paused", 2, self.pause),
            *self.network.faults(),
            *self.disks.faults(),
        ]
        weights = [fault.weight for fault in faults]
        mending = sum(weights)  # as often as anything goes wrong
        while time.monotonic() < began + seconds and not stop.is_set():
            await asyncio.sleep(self.random.expovariate(FAULTS_A_SECOND))
            await self.look()
            match self.random.choices(("fault", "mend", "start"), (mending, 0.3 * mending, 0.9 * mending))[0]:
                case "fault":
                    (fault,) = self.random.choices(faults, weights)
                    self.faults[fault.name] += await fault.happens()
                case "mend":
                    await self.mend()
                case "start":
                    node = self.random.randrange(self.count)
                    self.resume(node)
                    await self.start(node)
        self.seconds = time.monotonic() - began
        await self._settle()

    async def _settle(self) -> None:
        await self.look()
        await self.mend()
        before = written(self.writes)
        limit = time.monotonic() + SETTLING_SECONDS
        while written(self.writes) <= before:
            if time.monotonic() > limit:
                self.problems.append(f"nobody leads {SETTLING_SECONDS:g} s after everything was mended")
                return
            await asyncio.sleep(0.05)
            await self.look()
            for node in range(self.count):
                await self.start(node)

    async def close(self) -> None:
        """Ends all nodes. Network and disks are left open."""
        for node in list(self.running):
            await self.kill(node)
