"""A network that can be cut: a TCP proxy on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator


class Proxy:
    """What is sent while the network is cut waits, and arrives when it is healed: late, as it does with TCP."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self.heal()

    def cut(self) -> None:
        self._there.clear()
        self._back.clear()

    def cut_answers(self) -> None:
        """Requests arrive."""
        self._back.clear()

    def heal(self) -> None:
        self._there.set()
        self._back.set()

    def reset(self) -> None:
        """All connections break off, and what is on its way is lost."""
        for connection in self._connections:
            connection.cancel()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        other: asyncio.StreamWriter | None = None
        try:
            answers, other = await asyncio.open_connection("127.0.0.1", self.target)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pump(reader, other, self._there))
                both.create_task(_pump(answers, writer, self._back))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            for each in (writer, other):
                if each is not None:
                    each.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event) -> None:
    while data := await reader.read(65536):
        await flows.wait()
        writer.write(data)
        await writer.drain()
    await flows.wait()
    raise ConnectionResetError  # ends the other direction, too


@contextlib.asynccontextmanager
async def proxy_to(port: int) -> AsyncGenerator[Proxy, None]:
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.reset()
        await asyncio.sleep(0)
