"""Locks that expire, hosted by the leader of a group of nodes: see spec/protocols/hosted_lock.elect.

    async with open_node(settings, PROCESS) as node, hosting(node, parse_address("127.0.0.1:7201"), longest=10.0):
        ...

Each node of the group answers; the one that leads grants. Two things make it safe, whoever else believes to lead:

- A request counts only when a quorum has answered what this node sent *after* the request came. So each lease was asked
  for before the next leader was elected. (What `confirmed by` says of a leader is what this is told from.)
- A node that comes to lead waits for the longest lease that one before it may have granted, before it grants one.
- A node that loses touch and leads again in the same term goes on counting its grants. One that was started again has
  to lead in a later term, if ever: so it is in Raft's spec, where nobody votes twice in a term.

A client counts its lease from when it asked, and gives up some time before it ends, as long as the clocks need.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from runtime.coordination.hosted_table import Table
from runtime.coordination.hosted_wire import LONGEST_LINE, Answer, Request
from runtime.node import Node
from runtime.transport.addresses import Address
from runtime.transport.sockets import listen
from runtime.transport.tls import TlsFiles, contexts

log = logging.getLogger("oneleader")

LOOKS: Final = 0.002
"""Seconds between two looks at whether a quorum has answered."""
CONFIRMED_WITHIN: Final = 5.0
WATCHED: Final = 20.0
"""So long a watch is kept waiting."""


class NotAHost(ValueError):
    """The process says nowhere how its leader is confirmed, so that it cannot know that it still leads; or the node
    hosts already."""


@dataclass
class _Past:
    """What has to be known of what a node granted, whoever has asked it to host since."""

    longest: float = 0.0
    table: Table | None = None
    """That of the last term in which it led."""
    hosts: bool = False


_PASTS: WeakKeyDictionary[Node, _Past] = WeakKeyDictionary()


class Host:
    """The locks of one node, for as long as it leads. `longest` is the longest time to live that is granted, in
    seconds; it must be the same on all nodes of a group. It may be another one only after all of them were stopped, and
    a shorter one only when the longer is over since."""

    def __init__(self, node: Node, longest: float) -> None:
        confirmation = node.replica.process.confirmation
        if confirmation is None:
            raise NotAHost(f"a {node.replica.process.kind} of {node.replica.process.protocol} has no `confirmed by`")
        if not longest > 0:
            raise ValueError(f"the longest time to live is a number of seconds above 0, not {longest}")
        self._node = node
        self._longest = longest
        self._past = _PASTS.setdefault(node, _Past())
        self._past.longest = max(longest, self._past.longest)
        self._lasts = node.settings.timers[confirmation.within].shortest
        self._loop = asyncio.get_running_loop()
        self._table: Table | None = None
        self._hosts = False
        self._freed = asyncio.Event()
        self.requests = 0

    def begin(self) -> None:
        """From now on it grants locks when the node leads. Raises NotAHost where another does that for the node."""
        if self._past.hosts:
            raise NotAHost(f"{self._node.settings.me} hosts locks already: it takes one to count the grants of a term")
        self._past.hosts = self._hosts = True
        self._node.on_change(self.changed)
        self.changed(self._node.token())

    def end(self) -> None:
        """It grants no more."""
        self._past.hosts = self._hosts = False
        self.changed(None)

    def changed(self, token: int | None) -> None:
        """Who leads has changed: another term begins with an empty table, and waits."""
        if token is None or not self._hosts:
            self._table = None
        elif self._table is None or self._table.term != token:
            before = self._past.table
            count = before.count if before is not None and before.term == token else 0
            self._table = Table(token, self._loop.time() + self._past.longest, count=count)
            self._past.table = self._table
            log.info("%s grants locks in %g s: others may still hold some", self._node.settings.me, self._past.longest)
        self._wake()

    async def answer(self, request: Request) -> Answer:
        came = self._loop.time()
        table = self._table
        if table is None or self._node.token() != table.term:
            return Answer(is_host=False)
        if request.what == "watch":
            await self._watch(table, request.lock)
            return Answer(is_host=self._table is table)
        if not await self._confirmed(table, came):
            return Answer(is_host=False)
        self.requests += 1
        lasts, now = min(request.time_to_live, self._longest), self._loop.time()
        match request.what:
            case "acquire":
                held = table.acquire(request.lock, request.client, lasts, now)
                return Answer(True, held is not None, held.token if held is not None else 0, lasts)
            case "renew":
                return Answer(True, table.renew(request.lock, request.client, request.token, lasts, now), 0, lasts)
            case _:
                released = table.release(request.lock, request.client, request.token, now)
                if released:
                    self._wake()
                return Answer(True, released)

    async def _confirmed(self, table: Table, since: float) -> bool:
        """Waits until a quorum has answered something that was sent since; whether it has, in the same term."""
        deadline = since + CONFIRMED_WITHIN
        while self._table is table and self._node.token() == table.term:
            if self._node.replica.leads_until() - self._lasts >= since:
                return True
            if self._loop.time() > deadline:
                return False
            await asyncio.sleep(LOOKS)
        return False

    async def _watch(self, table: Table, lock: str) -> None:
        """Waits until a lock may be had, or the term is over, or for a while."""
        until = self._loop.time() + WATCHED
        while self._table is table and (now := self._loop.time()) < until:
            free = table.free_at(lock, now)
            if free <= now:
                return
            freed = self._freed
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(free, until) - now):
                    await freed.wait()

    def _wake(self) -> None:
        self._freed.set()
        self._freed = asyncio.Event()


@contextlib.asynccontextmanager
async def hosting(
    node: Node, where: Address, longest: float, tls: TlsFiles | None = None, *, insecure: bool = False
) -> AsyncIterator[tuple[Host, Address]]:
    """Grants locks at an address for as long as the context lasts, whenever the node leads. With TLS both sides show a
    certificate of one authority. Raises NotAHost, OSError where it cannot listen, InsecureAddress where others than
    this machine could ask without TLS, and BadTlsFiles."""
    host = Host(node, longest)
    host.begin()
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while line := await reader.readline():
                answer = await host.answer(msgspec.json.decode(line, type=Request))
                writer.write(msgspec.json.encode(answer) + b"\n")
                await writer.drain()
        except (OSError, ValueError, msgspec.MsgspecError):
            pass  # whoever asked has gone, or has said what is no request
        finally:
            writers.discard(writer)
            writer.close()

    context = None if tls is None else contexts(tls).accepting
    servers: list[asyncio.Server] = []
    try:
        sockets = await listen(where, tls is None and not insecure)
        servers += [await asyncio.start_server(serve, sock=one, limit=LONGEST_LINE, ssl=context) for one in sockets]
        yield host, Address(where.host, servers[0].sockets[0].getsockname()[1])
    finally:
        host.end()
        for server in servers:
            server.close()
        for writer in tuple(writers):
            writer.transport.abort()
