"""A link between two nodes, as a proxy that can be cut without a firewall."""

from __future__ import annotations

import asyncio
import contextlib

CHUNK = 64 * 1024


class Link:
    """Carries what one node sends to another. Where it is cut, nothing passes, and nobody is told: it is as silent as a
    cable that was pulled. Where it is down, nobody listens, as on a machine whose process has died."""

    def __init__(self, to_port: int) -> None:
        self.cut = False
        self.port = 0
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()

    async def up(self) -> None:
        """Listens, at the same port each time."""
        if self._server is None:
            self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Listens no more, and closes what it carried."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._closed()

    def sever(self) -> None:
        """From now on nothing passes."""
        self.cut = True
        self._open.clear()

    async def heal(self) -> None:
        """What was held up is closed, so that the nodes connect anew."""
        if self.cut:
            self.cut = False
            self._open.set()
            await self._closed()

    async def _closed(self) -> None:
        passing = tuple(self._passing)
        for task in passing:
            task.cancel()
        if passing:
            await asyncio.wait(passing)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            await self._carried(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._passing.discard(task)
            writer.transport.abort()

    async def _carried(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
        ways = {asyncio.ensure_future(self._one_way(reader, back)), asyncio.ensure_future(self._one_way(there, writer))}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            back.transport.abort()

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
