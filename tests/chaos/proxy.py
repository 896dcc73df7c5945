"""Nodes on loopback, with a proxy on each way from one to another: it can be cut, cut in one direction, or slow."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from random import Random

from tests.chaos.faults import Fault

DELAYS = (0.02, 0.1, 0.2)
PORTS = range(20000, 32000)
"""Below those that systems choose for outgoing connections: a port is free again when its node is started anew."""


@dataclass
class Link:
    """A TCP proxy in front of one node, for one other. While it is cut, connections stay open and nothing passes; what
    was under way is lost with its connection when it heals, as a peer's kernel would give up on it. While the node is
    dead nobody listens, as at its own port."""

    target: int
    cut: bool = False
    delay: float = 0.0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def up(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]  # one that was free, where none was asked for

    def down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()

    def close(self) -> None:
        self.down()
        for task in tuple(self._tasks):
            task.cancel()

    def drop(self) -> bool:
        """Breaks all connections. Whether there were any."""
        writers = tuple(self._writers)
        for writer in writers:
            writer.transport.abort()
        return bool(writers)

    def heal(self) -> None:
        if self.cut:
            self.cut = False
            self.drop()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(back)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if self.delay:
                    await asyncio.sleep(self.delay)
                if not self.cut:
                    sink.write(data)
                    await sink.drain()
        sink.transport.abort()
        self._writers.discard(sink)


@dataclass
class Proxies:
    """A `faults.Network`: `links[one, other]` is how one node reaches the other."""

    count: int
    random: Random
    ports: list[int] = field(default_factory=list)
    links: dict[tuple[int, int], Link] = field(default_factory=dict)
    told = ("proxies on loopback, which lose whole connections, and no packets",)

    async def open(self) -> None:
        pairs = [(one, other) for one in range(self.count) for other in range(self.count) if one != other]
        found = free_ports(self.count + len(pairs))
        self.ports = found[: self.count]
        self.links = {
            (one, other): Link(self.ports[other], port=port)
            for (one, other), port in zip(pairs, found[self.count :], strict=True)
        }

    def addresses(self, node: int) -> list[str]:
        ports = [self.ports[other] if other == node else self.links[node, other].port for other in range(self.count)]
        return [f"127.0.0.1:{port}" for port in ports]

    def command(self, node: int) -> list[str]:
        return []

    async def started(self, node: int) -> None:
        for (_, to), link in self.links.items():
            if to == node:
                await link.up()

    async def ended(self, node: int) -> None:
        for (_, to), link in self.links.items():
            if to == node:
                link.down()

    def faults(self) -> list[Fault]:
        return [
            Fault("link cut one way", 2, self._cut_one_way),
            Fault("node cut off", 1, self._cut_off),
            Fault("network split", 1, self._split),
            Fault("connections dropped", 2, self._drop),
            Fault("link slow", 1, self._slow),
        ]

    async def mend(self) -> None:
        for link in self.links.values():
            link.heal()
            link.delay = 0.0

    async def close(self) -> None:
        for link in self.links.values():
            link.close()

    def _link(self) -> Link:
        return self.random.choice(list(self.links.values()))

    def _cut(self, links: list[Link]) -> bool:
        changed = [link for link in links if not link.cut]
        for link in changed:
            link.cut = True
        return bool(changed)

    async def _cut_one_way(self) -> bool:
        # A connection carries messages one way, and there is another one for the other.
        return self._cut([self._link()])

    async def _cut_off(self) -> bool:
        node = self.random.randrange(self.count)
        return self._cut([link for ends, link in self.links.items() if node in ends])

    async def _split(self) -> bool:
        some = set(self.random.sample(range(self.count), self.random.randint(1, self.count - 1)))
        return self._cut([link for (one, other), link in self.links.items() if (one in some) != (other in some)])

    async def _drop(self) -> bool:
        return self._link().drop()

    async def _slow(self) -> bool:
        self._link().delay = self.random.choice(DELAYS)
        return True


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in Random().sample(PORTS, len(PORTS)):
            if len(found) == count:
                break
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
                found.append(port)
    return found
