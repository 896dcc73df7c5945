"""The nodes of a demonstration: real processes on this machine, and what is done to them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from oneleader.demonstration import asking
from oneleader.demonstration.links import Link
from oneleader.demonstration.script import Act, Verb

Condition = Literal["runs", "paused", "dead"]
ANSWER_SECONDS = 1.0
POLL_SECONDS = 0.05
ENDED_BY_ITSELF = (1, 2)
"""The statuses of a node that has failed, or that cannot run with what it was told."""


class CannotStart(Exception):
    """A node ended as soon as it had been started; says what it said."""


@dataclass
class Member:
    """A node: its process, and what it said last."""

    number: int
    name: str
    port: int
    http: int
    process: asyncio.subprocess.Process | None = None
    condition: Condition = "dead"
    status: dict[str, Any] | None = None
    sent: int = 0
    received: int = 0
    cut: bool = False
    signals: int = 0
    """How often it was paused, or went on."""

    @property
    def token(self) -> int | None:
        """With which it says that it leads."""
        return None if self.status is None else self.status["token"]


@dataclass
class Cluster:
    """All nodes, by number from 1, and the links between any two."""

    package: Path
    members: dict[int, Member]
    links: dict[tuple[int, int], Link]

    def leader(self) -> Member | None:
        """The node that says that it leads, with the greatest token of those that do."""
        leading = [one for one in self.members.values() if one.token is not None and one.condition == "runs"]
        return max(leading, key=lambda one: one.token or 0, default=None)

    def numbers(self, act: Act) -> list[int]:
        """Whom an act is about; nobody, where nobody leads."""
        if act.whom == "all":
            return list(self.members)
        if act.whom == "leader":
            leader = self.leader()
            return [] if leader is None else [leader.number]
        return [act.whom]

    async def do(self, verb: Verb, number: int) -> bool:
        """Does something to a node. Whether that made any sense: what is dead is not paused."""
        member = self.members[number]
        match verb:
            case "kill":
                lived = member.process is not None
                await self.kill(number)
                return lived
            case "pause":
                return self._signal(number, signal.SIGSTOP, "runs", "paused")
            case "resume":
                return self._signal(number, signal.SIGCONT, "paused", "runs")
            case "restart":
                await self.kill(number)
                await self.start(number)
            case "cut":
                whole, member.cut = not member.cut, True
                for link in self._of(number):
                    link.sever()
                return whole
            case "heal":
                cut, member.cut = member.cut, False
                for (one, other), link in self.links.items():
                    if number in (one, other) and not (self.members[one].cut or self.members[other].cut):
                        await link.heal()
                return cut
        return True

    async def start(self, number: int) -> None:
        """Starts a node. Its log is beside its configuration."""
        member = self.members[number]
        for (_, to), link in self.links.items():
            if to == number:
                await link.up()
        with (self.package.parent / f"{member.name}.log").open("ab") as log:
            member.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                asking.__file__,
                self.package.name,
                f"{member.name}.toml",
                cwd=self.package.parent,
                env={**os.environ, "PYTHONPATH": str(self.package.parent)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demonstration, which ends them
            )
        member.condition = "runs"

    async def kill(self, number: int) -> None:
        """As `kill -9`; nobody listens at its address any more."""
        member = self.members[number]
        if member.process is not None:
            with contextlib.suppress(ProcessLookupError):
                member.process.kill()
            await member.process.wait()
        member.process, member.condition, member.status = None, "dead", None
        for (_, to), link in self.links.items():
            if to == number:
                await link.down()

    def _signal(self, number: int, sign: signal.Signals, before: Condition, after: Condition) -> bool:
        member = self.members[number]
        if member.process is None or member.condition != before:
            return False
        member.process.send_signal(sign)
        member.condition, member.status = after, None
        member.signals += 1
        return True

    def _of(self, number: int) -> Iterator[Link]:
        return (link for ends, link in self.links.items() if number in ends)

    async def watch(self, number: int) -> None:
        """Asks a node again and again. Raises CannotStart."""
        member = self.members[number]
        while True:
            process = member.process
            if process is not None and process.returncode in ENDED_BY_ITSELF and member.status is None:
                log = (self.package.parent / f"{member.name}.log").read_text(encoding="utf-8", errors="replace")
                raise CannotStart(f"{member.name} has ended: {log.strip().splitlines()[-1]}")
            if process is not None and process.returncode is not None:
                await self.kill(number)
            if process is not None and member.condition == "runs":
                signals = member.signals
                said = await ask(member.http, "/status")
                # What it said before it was paused says nothing of what it knows when it goes on.
                if said and member.process is process and member.signals == signals:
                    status = member.status = json.loads(said)
                    member.sent, member.received = sum(status["sent"].values()), sum(status["received"].values())
            await asyncio.sleep(POLL_SECONDS)


async def ask(port: int, path: str) -> str:
    """What a node answers; nothing, where it does not."""
    writer = None
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            return body.decode() if b" 200 " in head.partition(b"\r\n")[0] else ""
    except (OSError, TimeoutError):
        return ""
    finally:
        if writer is not None:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def running(package: Path, names: Sequence[str]) -> AsyncIterator[Cluster]:
    """A cluster of nodes of a package, all of them started. None is left when the context ends, whatever
    happens. Raises OSError."""
    ports, size = free_ports(2 * len(names)), len(names)
    members = {n: Member(n, name, ports[n - 1], ports[size + n - 1]) for n, name in enumerate(names, 1)}
    links = {(one, other): Link(members[other].port) for one in members for other in members if one != other}
    cluster = Cluster(package, members, links)
    try:
        for link in links.values():
            await link.up()
        for member in members.values():
            text = _configuration(cluster, member)
            (package.parent / f"{member.name}.toml").write_text(text, encoding="utf-8")
        for number in members:
            await cluster.start(number)
        yield cluster
    finally:
        await asyncio.gather(*(cluster.kill(number) for number in members), return_exceptions=True)


def _configuration(cluster: Cluster, member: Member) -> str:
    """The others are reached over links, each node over its own."""
    lines = [
        'cluster = "demo"',
        f'node = "{member.name}"',
        'state = "{node}.state"',
        f'http = "127.0.0.1:{member.http}"',
        "[members]",
    ]
    for number, other in cluster.members.items():
        port = member.port if other is member else cluster.links[member.number, number].port
        lines.append(f'{other.name} = "127.0.0.1:{port}"')
    return "".join(f"{line}\n" for line in lines)


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]
