"""Our node for the failover harness, beside etcd, ZooKeeper and PySyncObj:

    python failover.py --plugin bench/failover_adapter.py --cluster oneleader:n=3,min=150,max=300,hb=50 ...

The harness starts real processes on loopback, ends or stops the one that leads, and asks the others who leads now.
Options: `min` and `max` of the election timeout and `hb` of the heartbeat, in milliseconds; `hints=0` lets nobody give
up early on a leader whose connections break.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import failover  # type: ignore[import-not-found]

if TYPE_CHECKING:
    Base = Any
else:
    Base = failover.Cluster

ROOT = Path(__file__).parents[1]
NAME = "generated.raft"


class Oneleader(Base):  # type: ignore[misc]
    kind = "oneleader"
    defaults = {"min": 150, "max": 300, "hb": 50, "hints": 1}  # noqa: RUF012 - as the harness has it

    def port_of_status(self, i: int) -> int:
        return int(self.port) + 2 * i + 1

    def prepare(self, i: int) -> None:
        members = "".join(f'node{k + 1} = "127.0.0.1:{self.port + 2 * k}"\n' for k in range(self.n))
        text = (
            f'cluster = "bench"\nnode = "node{i + 1}"\nstate = "{self.dir(i)}/state.db"\n'
            f'http = "127.0.0.1:{self.port_of_status(i)}"\nhints = {"true" if self.opt["hints"] else "false"}\n'
            f"[members]\n{members}[timers]\n"
            f'election = "{self.opt["min"]} ms .. {self.opt["max"]} ms"\nheartbeat = "{self.opt["hb"]} ms"\n'
        )
        Path(self.dir(i), "node.toml").write_text(text, encoding="utf-8")
        os.environ["PYTHONPATH"] = str(ROOT)

    def argv(self, i: int) -> list[str]:
        return [sys.executable, "-m", NAME, str(Path(self.dir(i), "node.toml"))]

    async def view(self, i: int) -> Any:
        reader, writer = await self.conn(i).open()
        writer.write(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        said = json.loads(await reader.readexactly(length))
        leads = said["token"] is not None
        follows = said["state"]["role"] == "follower"
        named = i if leads else failover.FOLLOWS if follows else None
        return failover.View(named, said["state"]["term"], said["token"])


failover.ADAPTERS["oneleader"] = Oneleader
