"""Members of a cluster as real processes on loopback, for the benches: ours, and etcd's. How they are started, and what
they say of who leads."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.measure import ROOT

PACKAGE = "generated.raft"
QUESTION = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
ETCD_QUESTION = b"POST /v3/maintenance/status HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
POLL_SECONDS = 0.02
"""While nothing is measured."""
UNANSWERED = (OSError, EOFError, ValueError, KeyError, TimeoutError, asyncio.LimitOverrunError)


class NoLeader(Exception):
    """A cluster does not agree on a leader."""


class View(NamedTuple):
    """What a member says: who it is, whom it names as the leader, and whether it is content with that. Our nodes name
    themselves, when they know that they lead; else they follow, and say no name."""

    me: str
    leader: str | None
    term: int
    settled: bool


class Timers(NamedTuple):
    """Milliseconds: the bounds of the election timeout, and the heartbeat."""

    shortest: int
    longest: int
    heartbeat: int

    def __str__(self) -> str:
        return f"{self.shortest}-{self.longest}/{self.heartbeat}"


@dataclass(frozen=True)
class System:
    """How the members of a cluster are run and asked. Member `i` has the ports `2 * i`, for its peers, and `2 * i + 1`,
    for questions, of those that the cluster is given; `reach` says at which port one member reaches another."""

    label: str
    size: int
    longest: float
    """Seconds: the longest election timeout."""
    command: Callable[[Path, int, Sequence[int], Callable[[int, int], int]], list[str]]
    """Writes what a member needs into its folder, and says what runs it."""
    question: bytes
    read: Callable[[bytes], View]


# Ours -----------------------------------------------------------------------------------------------------------------


def config_text(
    number: int,
    members: Sequence[str],
    folder: Path,
    http: str,
    timers: Timers,
    hints: bool = True,
    traced: bool = False,
) -> str:
    """The configuration of a node, counted from 1, given the addresses of all and a folder for its files."""
    named = "".join(f'node{each} = "{address}"\n' for each, address in enumerate(members, start=1))
    trace = f'trace = "{folder}/trace.ndjson"\n' if traced else ""
    return (
        f'cluster = "bench"\nnode = "node{number}"\nstate = "{folder}/state.db"\nhttp = "{http}"\n'
        f"hints = {'true' if hints else 'false'}\n{trace}[members]\n{named}[timers]\n"
        f'election = "{timers.shortest} ms .. {timers.longest} ms"\nheartbeat = "{timers.heartbeat} ms"\n'
    )


def node_command(config: Path) -> list[str]:
    return [sys.executable, "-m", PACKAGE, str(config)]


def told(body: bytes) -> View:
    """What /status of a node says."""
    said = json.loads(body)
    leads = said["token"] is not None
    settled = leads or said["state"]["role"] == "follower"
    return View(said["node"], said["node"] if leads else None, said["state"]["term"], settled)


def oneleader(size: int, timers: Timers, hints: bool = True, traced: bool = False) -> System:
    def command(folder: Path, me: int, ports: Sequence[int], reach: Callable[[int, int], int]) -> list[str]:
        members = [f"127.0.0.1:{ports[2 * me] if each == me else reach(me, each)}" for each in range(size)]
        http = f"127.0.0.1:{ports[2 * me + 1]}"
        file = folder / "node.toml"
        file.write_text(config_text(me + 1, members, folder, http, timers, hints, traced), encoding="utf-8")
        return node_command(file)

    label = f"oneleader {timers}{'' if hints else ', no hints'}"
    return System(label, size, timers.longest / 1000, command, QUESTION, told)


# etcd -----------------------------------------------------------------------------------------------------------------


def told_by_etcd(body: bytes) -> View:
    said = json.loads(body)
    leader = said.get("leader", "0")
    named = None if leader == "0" else str(leader)
    return View(str(said["header"]["member_id"]), named, int(said["header"]["raft_term"]), named is not None)


def etcd(size: int, heartbeat: int, election: int) -> System:
    """etcd draws its timeouts between the one it is given and twice that."""

    def command(folder: Path, me: int, ports: Sequence[int], reach: Callable[[int, int], int]) -> list[str]:
        peers = [f"http://127.0.0.1:{ports[2 * each] if each == me else reach(me, each)}" for each in range(size)]
        client = f"http://127.0.0.1:{ports[2 * me + 1]}"
        given = {
            "name": f"n{me}",
            "data-dir": str(folder / "data"),
            "logger": "zap",
            "log-level": "error",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peers[me],
            "initial-advertise-peer-urls": peers[me],
            "initial-cluster": ",".join(f"n{each}={url}" for each, url in enumerate(peers)),
            "initial-cluster-state": "new",
            "heartbeat-interval": str(heartbeat),
            "election-timeout": str(election),
        }
        return ["etcd", *(word for name, value in given.items() for word in (f"--{name}", value))]

    return System(f"etcd {election}/{heartbeat}", size, 2 * election / 1000, command, ETCD_QUESTION, told_by_etcd)


def etcd_version() -> str | None:
    """Which etcd is installed, if any."""
    with contextlib.suppress(OSError):
        said = subprocess.run(["etcd", "--version"], capture_output=True, text=True, check=False).stdout
        if found := re.search(r"etcd Version: (\S+)", said):
            return found[1]
    return None


# All of them ----------------------------------------------------------------------------------------------------------


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in opened]


async def body_of(reader: asyncio.StreamReader) -> bytes:
    """The body of an HTTP answer. Raises EOFError, ValueError."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if found := re.search(rb"content-length: *(\d+)", head):
        return await reader.readexactly(int(found[1]))
    body = b""
    while length := int(await reader.readline(), 16):
        body += (await reader.readexactly(length + 2))[:-2]
    await reader.readline()
    return body


@dataclass
class Running:
    """The processes of a cluster, by number from 0."""

    system: System
    folder: Path
    ports: list[int]
    reach: Callable[[int, int], int]
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    """What the members have called themselves."""
    _asked: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=dict)

    @property
    def everyone(self) -> list[int]:
        return list(range(self.system.size))

    def start(self, member: int) -> None:
        folder = self.folder / f"{member}"
        folder.mkdir(exist_ok=True)
        command = self.system.command(folder, member, self.ports, self.reach)
        environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
        with (folder / "log").open("ab") as log:
            self.processes[member] = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    def signal(self, member: int, number: int) -> None:
        self.processes[member].send_signal(number)

    def restart(self, member: int) -> None:
        """Starts a process that has been told to end, when it has."""
        self.processes[member].wait(10)
        self.hang_up(member)
        self.start(member)

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        for member in self.everyone:
            self.hang_up(member)

    async def view(self, member: int, seconds: float = 1.0) -> View | None:
        """What a member says; None where it does not answer."""
        try:
            async with asyncio.timeout(seconds):
                if member not in self._asked:
                    self._asked[member] = await asyncio.open_connection("127.0.0.1", self.ports[2 * member + 1])
                reader, writer = self._asked[member]
                writer.write(self.system.question)
                view = self.system.read(await body_of(reader))
        except asyncio.CancelledError:
            self.hang_up(member)  # its answer may be under way
            raise
        except UNANSWERED:
            self.hang_up(member)
            return None
        self.names[member] = view.me
        return view

    def hang_up(self, member: int) -> None:
        if (asked := self._asked.pop(member, None)) is not None:
            asked[1].transport.abort()

    async def agreed(self, settle: float = 0.3, limit: float = 60.0) -> tuple[int, int]:
        """Who leads and in which term, once all members have agreed on that for some seconds. Raises NoLeader."""
        end, since, last = time.monotonic() + limit, time.monotonic(), None
        while time.monotonic() < end:
            views = [view for view in await asyncio.gather(*map(self.view, self.everyone)) if view is not None]
            named, terms = {view.leader for view in views} - {None}, {view.term for view in views}
            whole = len(views) == self.system.size and all(view.settled for view in views)
            now = (named.pop(), terms.pop()) if whole and len(named) == len(terms) == 1 else None
            if now is None or now != last:
                since, last = time.monotonic(), now
            elif time.monotonic() - since >= settle:
                return next(member for member, name in self.names.items() if name == now[0]), now[1]
            await asyncio.sleep(POLL_SECONDS)
        raise NoLeader(f"{self.system.label}, {self.system.size} nodes: no leader that all agree on in {limit:g} s")


@contextlib.asynccontextmanager
async def running(
    system: System, folder: Path, ports: list[int], reach: Callable[[int, int], int] | None = None
) -> AsyncIterator[Running]:
    """A cluster, all of whose members have been started; none is left behind."""
    folder.mkdir(parents=True)
    cluster = Running(system, folder, ports, reach or (lambda _, to: ports[2 * to]))
    try:
        for member in cluster.everyone:
            cluster.start(member)
        yield cluster
    finally:
        cluster.close()
