"""A service on a node: while it leads it writes its token into a table that is guarded by a fence, and for a moment
longer, as one that was paused would.

python -m tests.chaos.application NODE.TOML WRITES.DB

Without a file for the trace, it goes to standard output.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from generated.raft.node import PROCESS
from runtime.config import Settings, read_config, settings_of
from runtime.fencing import TABLE, Fenced, fenced
from runtime.node import Node, NodeFailed, open_node
from runtime.replica import Took
from runtime.storage import StorageFailed, StorageInUse
from runtime.trace import header_of, line_of, recording

PERIOD = 0.01
LATE_WRITES = 20
RESOURCE = "orders"
STORE_FAILED = 3
"""The status with which a node ends whose disk has failed."""
TABLES = """
CREATE TABLE IF NOT EXISTS writes (number INTEGER PRIMARY KEY, token INTEGER, node TEXT);
CREATE TABLE IF NOT EXISTS rejected (number INTEGER PRIMARY KEY, token INTEGER, node TEXT);
"""


def opened(path: Path) -> sqlite3.Connection:
    # A node that is stopped in the middle of a write holds up the others: they do not wait for it for long.
    connection = sqlite3.connect(path, timeout=0.05, isolation_level=None)
    with contextlib.suppress(sqlite3.OperationalError):  # a node may have no room even for that, and goes on
        connection.execute("PRAGMA synchronous = OFF")  # not what is tested here
    return connection


def made(path: Path) -> None:
    """Makes the tables, before there is any node."""
    with contextlib.closing(opened(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(TABLE + ";" + TABLES)


def write(connection: sqlite3.Connection, token: int, name: str) -> None:
    """One write behind the fence, or a note that it was refused."""
    with contextlib.suppress(sqlite3.OperationalError):  # locked, or its disk is full
        try:
            with fenced(connection, RESOURCE, token):
                connection.execute("INSERT INTO writes (token, node) VALUES (?, ?)", (token, name))
        except Fenced:
            connection.execute("INSERT INTO rejected (token, node) VALUES (?, ?)", (token, name))


def written(path: Path) -> int:
    """How many writes were taken."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM writes").fetchone()[0])


async def serve(node: Node, connection: sqlite3.Connection) -> None:
    name = str(node.settings.me)
    late: set[asyncio.Task[None]] = set()
    async for term in node.leadership():
        async with term as token:
            while True:
                write(connection, token, name)
                await asyncio.sleep(PERIOD)
        task = asyncio.create_task(_too_late(connection, term.token, name))
        late.add(task)
        task.add_done_callback(late.discard)


async def _too_late(connection: sqlite3.Connection, token: int, name: str) -> None:
    """What a leader would do that has not looked at the clock."""
    for _ in range(LATE_WRITES):
        write(connection, token, name)
        await asyncio.sleep(2 * PERIOD)


@contextlib.contextmanager
def piped(settings: Settings) -> Iterator[Callable[[Took], None]]:
    """As `recording`, to standard output."""
    encode = msgspec.json.Encoder(order="deterministic").encode

    def put(line: object) -> None:
        rest = encode(line) + b"\n"
        while rest:
            rest = rest[os.write(1, rest) :]

    def record(took: Took) -> None:
        put(line_of(took))

    put(header_of(PROCESS, settings.config.cluster, settings.me, settings.sizes))
    yield record


async def main(config: Path, writes: Path) -> int:
    settings = settings_of(read_config(config), {"node": PROCESS})
    trace = settings.config.trace
    record = recording(Path(trace), settings, PROCESS) if trace is not None else piped(settings)
    node: Node | None = None
    try:
        with contextlib.closing(opened(writes)) as connection:
            async with open_node(settings, PROCESS, record) as node:
                await serve(node, connection)
    except StorageInUse:
        raise
    except StorageFailed as problem:
        print(problem, file=sys.stderr)
        return STORE_FAILED
    except NodeFailed as problem:
        if node is None or not isinstance(node.replica.failure, StorageFailed):
            raise
        print(problem, file=sys.stderr)
        return STORE_FAILED
    return 0


def end_with_parent() -> None:
    """Where the system can do that: nothing is left of a run that was killed, not even what it had stopped."""
    if sys.platform == "linux":
        parent_died = 1
        ctypes.CDLL(None).prctl(parent_died, signal.SIGKILL)


if __name__ == "__main__":
    end_with_parent()
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]))))
