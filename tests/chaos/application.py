"""A service on a node: while it leads it writes its token into a table that is guarded by a fence.

python -m tests.chaos.application NODE.TOML WRITES.DB
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from pathlib import Path

from generated.raft.node import PROCESS
from runtime.config import read_config, settings_of
from runtime.fencing import TABLE, Fenced, fenced
from runtime.node import Node, open_node
from runtime.trace import recording

PERIOD = 0.01
RESOURCE = "orders"


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5.0, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")  # not what is tested here
    connection.executescript(TABLE)
    connection.execute("CREATE TABLE IF NOT EXISTS writes (number INTEGER PRIMARY KEY, token INTEGER, node TEXT)")
    return connection


async def serve(node: Node, connection: sqlite3.Connection) -> None:
    name = str(node.settings.me)
    async for term in node.leadership():
        async with term as token:
            while True:
                with contextlib.suppress(Fenced, sqlite3.OperationalError), fenced(connection, RESOURCE, token):
                    connection.execute("INSERT INTO writes (token, node) VALUES (?, ?)", (token, name))
                await asyncio.sleep(PERIOD)


async def main(config: Path, writes: Path) -> None:
    settings = settings_of(read_config(config), {"node": PROCESS})
    connection = opened(writes)
    record = recording(Path(settings.config.trace or "trace.ndjson"), settings, PROCESS)
    async with open_node(settings, PROCESS, record) as node:
        await serve(node, connection)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
