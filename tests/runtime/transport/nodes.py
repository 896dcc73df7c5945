"""Nodes of a small cluster on this machine, for tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from random import Random

import msgspec

from runtime.process import Name
from runtime.transport import Malformed, Transport
from runtime.transport.addresses import Address
from runtime.transport.cluster import Cluster
from runtime.transport.frames import frame
from runtime.transport.limits import Limits
from runtime.transport.tcp import TcpTransport
from runtime.transport.tls import TlsFiles

ONE, TWO, THREE = (Name("node", number) for number in range(3))
SPEC = "5e" * 32
NONSENSE = b"nonsense"
"""What the nodes of these tests take for no message."""


@contextmanager
def reserved(*names: Name) -> Iterator[dict[Name, Address]]:
    """A port for each, which nobody else is given meanwhile, though nobody listens on it yet."""
    held = {name: socket.socket() for name in names}
    try:
        for each in held.values():
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            each.bind(("127.0.0.1", 0))
        yield {name: Address("127.0.0.1", each.getsockname()[1]) for name, each in held.items()}
    finally:
        for each in held.values():
            each.close()


def hello(sender: Name, to: Name) -> bytes:
    """A frame in which a node of the cluster `orders` says who it is."""
    return frame(msgspec.msgpack.encode(["hello", 1, "orders", "raft", SPEC, list(sender), list(to)]))


def member(me: Name, addresses: dict[Name, Address]) -> Cluster:
    """A node of the cluster `orders`."""
    peers = {name: address for name, address in addresses.items() if name != me}
    return Cluster("orders", "raft", SPEC, me, addresses[me], peers)


@dataclass
class Node:
    """A transport, and what it told."""

    transport: TcpTransport
    got: list[tuple[Name, bytes]] = field(default_factory=list)
    broken: list[Name] = field(default_factory=list)


def made(cluster: Cluster, tls: TlsFiles | None = None, limits: Limits | None = None, seed: int = 0) -> Node:
    """A node that is not started."""

    def received(sender: Name, payload: bytes) -> None:
        if payload == NONSENSE:
            raise Malformed
        node.got.append((sender, payload))

    transport = TcpTransport(
        cluster, received, lambda peer: node.broken.append(peer), Random(seed), tls=tls, limits=limits
    )
    node = Node(transport)
    _: Transport = transport  # it is one, says mypy
    return node


@asynccontextmanager
async def started(cluster: Cluster, tls: TlsFiles | None = None, limits: Limits | None = None) -> AsyncIterator[Node]:
    """A node that runs, until the end of the block."""
    node = made(cluster, tls, limits, seed=cluster.me.number)
    await node.transport.start()
    try:
        yield node
    finally:
        await node.transport.close()


async def eventually(what: Callable[[], bool]) -> None:
    """Waits until something is so; for so long as to end a test that would never end."""
    async with asyncio.timeout(15):
        while not what():
            await asyncio.sleep(0.002)


async def joined(*nodes: Node) -> None:
    """Waits until each is connected to all its peers among them."""
    names = [node.transport.cluster.me for node in nodes]
    for node in nodes:
        for name in names:
            if name != node.transport.cluster.me:
                await eventually(lambda node=node, name=name: node.transport.connected(name))  # type: ignore[misc]
