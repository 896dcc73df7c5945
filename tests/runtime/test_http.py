"""What a node answers over HTTP, with prometheus-client and without."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from generated.raft.node import PROCESS
from runtime.config import Config, settings_of
from runtime.http import serving
from runtime.node import Node, open_node
from runtime.transport.addresses import Address
from tests.runtime.test_node import ports

__all__ = ["ports"]  # a fixture

ANYWHERE = Address("127.0.0.1", 0)


async def ask(where: Address, path: str) -> tuple[str, str]:
    """The first line of an answer, and its body."""
    reader, writer = await asyncio.open_connection(*where)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head.partition("\r\n")[0], body


def alone(folder: Path, look: Callable[[Node], Awaitable[None]]) -> None:
    """Looks at a node whose peers are not there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        members = {"node1": "127.0.0.1:0"} | {f"node{n}": f"127.0.0.{n}:{held.getsockname()[1]}" for n in (2, 3)}
        config = Config(cluster="test", node="node1", members=members, state=str(folder / "state"))

        async def main() -> None:
            async with asyncio.timeout(20), open_node(settings_of(config, {"node": PROCESS}), PROCESS) as node:
                await look(node)

        asyncio.run(main())


def test_whoever_keeps_a_connection_open_does_not_keep_the_node(tmp_path: Path) -> None:
    """From Python 3.12 on, a server that is closed waits for those who are still connected."""

    async def look(node: Node) -> None:
        async with serving(node, ANYWHERE) as where:
            reader, writer = await asyncio.open_connection(*where)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        assert await reader.read() == b""
        writer.close()

    alone(tmp_path, look)
