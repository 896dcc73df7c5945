"""A service that leads where it holds a lock that expires, for measurements: while it holds it, it writes to a store,
with its token. So would a careless one do for a while longer, which did not look at the clock.

    python -m bench.lease_service CLIENT.TOML HOST:PORT

Each write is a line to the store (`bench.lease_store`), and each is answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.lease_store import Write
from generated.lease.client import PROCESS
from generated.lease.lock_service import PROCESS as LOCK_SERVICE
from generated.lease.storage import PROCESS as STORAGE
from runtime.config import read_config, settings_of
from runtime.node import Node, open_node
from runtime.process import Process
from runtime.trace import recording
from runtime.transport.addresses import parse_address

KINDS: dict[str, Process[Any, Any]] = {"client": PROCESS, "lock_service": LOCK_SERVICE, "storage": STORAGE}
PERIOD = 0.005
"""Seconds between writes."""
LATE_WRITES = 10


class Store:
    """The store, from its client's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._one = asyncio.Lock()

    async def write(self, node: Node, token: int) -> None:
        """A write is on its way when this is entered, whatever the node knows when it arrives."""
        async with self._one:
            write = Write(str(node.settings.me), token, node.token() == token)
            self._writer.write(msgspec.json.encode(write) + b"\n")
            await self._reader.readline()


async def serve(node: Node, store: Store) -> None:
    late: set[asyncio.Task[None]] = set()
    async for term in node.leadership():
        async with term as token:
            while True:
                await store.write(node, token)
                await asyncio.sleep(PERIOD)
        task = asyncio.create_task(_carelessly(node, store, term.token))
        late.add(task)
        task.add_done_callback(late.discard)


async def _carelessly(node: Node, store: Store, token: int) -> None:
    """What a holder would do that does not look at the clock."""
    for _ in range(LATE_WRITES):
        await store.write(node, token)
        await asyncio.sleep(PERIOD)


async def main(config: Path, store: str) -> None:
    settings = settings_of(read_config(config), KINDS)
    host, port = parse_address(store)
    reader, writer = await asyncio.open_connection(host, port)
    trace = settings.config.trace
    record = recording(Path(trace), settings, PROCESS) if trace is not None else None
    async with open_node(settings, PROCESS, record) as node:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)  # type: ignore[union-attr]
        await serve(node, Store(reader, writer))


def end_with_parent() -> None:
    """Where the system can do that: nothing is left of a run that was killed, not even what it had stopped."""
    if sys.platform == "linux":
        parent_died = 1
        ctypes.CDLL(None).prctl(parent_died, signal.SIGKILL)


if __name__ == "__main__":
    end_with_parent()
    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
