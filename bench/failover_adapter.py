"""Our node, for a harness that measures failover of several systems side by side:

    python failover.py --plugin bench/failover_adapter.py --cluster oneleader:n=3,min=150,max=300,hb=50 ...

To measure it alone or beside etcd no harness is needed: see `bench.failover`.

The harness starts real processes on loopback, ends or stops the one that leads, and asks the others who leads now. It
is a module `failover` that loads this file, and then finds in its `ADAPTERS["oneleader"]` a class that says how nodes
are run and asked. All that is taken from it: a base class `Cluster` with `n`, how many nodes there are; `port`, the
first of `2 * n` ports that are free; `opt`, the options above; `dir(i)`, a folder for node `i`; and `conn(i).open()`, a
connection to `port_of_status(i)` that is kept, as reader and writer; `View(leader, term, token)`, what a node says; and
`FOLLOWS`, the leader that a node names which follows somebody and does not say whom.

Options: `min` and `max` of the election timeout and `hb` of the heartbeat, in milliseconds; `hints=0` lets nobody give
up early on a leader whose connections break.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import failover  # type: ignore[import-not-found]

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the harness knows this file by its path alone

from bench.members import QUESTION, Timers, body_of, config_text, node_command, told  # noqa: E402

if TYPE_CHECKING:
    Base = Any
else:
    Base = failover.Cluster


class Oneleader(Base):  # type: ignore[misc]
    kind = "oneleader"
    defaults = {"min": 150, "max": 300, "hb": 50, "hints": 1}  # noqa: RUF012 - as the harness has it

    def port_of_status(self, i: int) -> int:
        return int(self.port) + 2 * i + 1

    def file(self, i: int) -> Path:
        return Path(self.dir(i), "node.toml")

    def prepare(self, i: int) -> None:
        members = [f"127.0.0.1:{self.port + 2 * k}" for k in range(self.n)]
        timers = Timers(self.opt["min"], self.opt["max"], self.opt["hb"])
        http = f"127.0.0.1:{self.port_of_status(i)}"
        text = config_text(i + 1, members, self.file(i).parent, http, timers, bool(self.opt["hints"]))
        self.file(i).write_text(text, encoding="utf-8")
        os.environ["PYTHONPATH"] = str(ROOT)

    def argv(self, i: int) -> list[str]:
        return node_command(self.file(i))

    async def view(self, i: int) -> Any:
        reader, writer = await self.conn(i).open()
        writer.write(QUESTION)
        said = told(await body_of(reader))
        named = i if said.leader is not None else failover.FOLLOWS if said.settled else None
        return failover.View(named, said.term, said.term if said.leader is not None else None)


failover.ADAPTERS["oneleader"] = Oneleader
