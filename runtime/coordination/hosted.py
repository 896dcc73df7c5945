"""A lock kept by the leader of a group of Oneleader's own nodes, which host it (`runtime.coordination.hosting`).

**What is asked of the group**: acquire, renew, release, and to be told when the lock may be had; each of a node at a
time, until one answers as the host that a quorum has confirmed since it was asked.

**The token is the host's term and the number of its grant in that term.** A later host has a later term, whatever it
knows of the grants before.

**What can go wrong.** A host that dies takes the leases with it: the next one waits for the longest time to live before
it grants any. A holder whose host has died can renew nowhere, gives up in time, and asks the next one, as everybody
else does. The term of a group that has lost its disks counts anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from runtime.coordination.client import WATCH, Calls, asked_seconds
from runtime.coordination.hosted_wire import LONGEST_LINE, Answer, Request
from runtime.coordination.service import Grant, Unavailable
from runtime.transport.addresses import Address

SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 0.2
"""Seconds between two rounds of asking all nodes who hosts: longer from round to round."""
WATCHED = 5.0
"""Seconds after which another node is asked, too, when one has not answered yet that the lock may be had."""


class HostedLock:
    """A client of the lock of this name, of a group whose nodes host locks at these addresses."""

    def __init__(
        self, nodes: Sequence[Address], lock: str, *, timeout: float = 5.0, tls: ssl.SSLContext | None = None
    ) -> None:
        if not nodes:
            raise ValueError("a group has nodes")
        if not lock:
            raise ValueError("a lock's name is not empty")
        self._calls = Calls(timeout)
        self._nodes, self._lock, self._tls = tuple(nodes), lock, tls
        self._me = secrets.token_hex(16)
        self._last = 0
        self._token: int | None = None
        self._given_up: Request | None = None
        """What is to be released, by the name under which it was granted."""
        self._time_to_live = 0.0

    async def acquire(self, time_to_live: float) -> Grant | None:
        self._time_to_live = asked_seconds(time_to_live)
        async with self._calls.turn():
            await self._give_back()
            me = self._me
            answer = await self._ask(Request("acquire", self._lock, me, time_to_live=time_to_live))
            if not answer.done:
                return None
            if me == self._me:
                self._token = answer.token
            return Grant(answer.token, answer.time_to_live)

    async def renew(self, token: int) -> float | None:
        async with self._calls.turn():
            answer = await self._ask(Request("renew", self._lock, self._me, token, self._time_to_live))
        return answer.time_to_live if answer.done else None

    async def release(self, token: int) -> None:
        if token == self._token:
            # Before its turn, which may never come. An acquire that is late must not be taken for one after this:
            # whoever asks again is another client.
            self._given_up = Request("release", self._lock, self._me, token)
            self._me, self._token = secrets.token_hex(16), None
        async with self._calls.turn():
            if self._given_up is not None and self._given_up.token == token:
                await self._give_back()

    async def _give_back(self) -> None:
        """What was to be released and, as far as we know, is not."""
        if (given_up := self._given_up) is not None:
            await self._ask(given_up)
            self._given_up = None

    def freed(self) -> AsyncIterator[None]:
        return self._calls.hints(self._watch)

    async def close(self) -> None:
        token = self._token if self._given_up is None else self._given_up.token
        if token is not None and not self._calls.closed:
            with contextlib.suppress(Unavailable):
                await self.release(token)
        self._calls.end()

    # Asking

    async def _ask(self, request: Request) -> Answer:
        """The host's answer. A node that says nothing, as one that is stopped or cut off, is waited for while the
        others are asked. Raises Unavailable where nobody answers as the host in time."""
        patience = WATCHED if request.what == "watch" else self._calls.timeout / len(self._nodes)
        pending: dict[asyncio.Task[Answer | str], int] = {}
        said = dict.fromkeys(self._nodes, "says nothing")
        in_vain, pause = 0, SHORTEST_PAUSE
        try:
            for turn in itertools.count(self._last):
                at = turn % len(self._nodes)
                if at not in pending.values():
                    pending[asyncio.create_task(self._one(self._nodes[at], request))] = at
                answered, _ = await asyncio.wait(pending, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                for task in answered:
                    at = pending.pop(task)
                    answer = task.result()
                    if isinstance(answer, Answer) and answer.is_host:
                        self._last, self._calls.why = at, ""
                        return answer
                    said[self._nodes[at]] = answer if isinstance(answer, str) else "grants no locks now"
                    in_vain += 1
                if request.what != "watch":
                    self._calls.why = "; ".join(f"{node} {what}" for node, what in said.items())
                if in_vain >= len(self._nodes):
                    await asyncio.sleep(pause)
                    in_vain, pause = 0, min(2 * pause, LONGEST_PAUSE)
            raise AssertionError
        finally:
            for task in pending:
                task.cancel()

    async def _one(self, node: Address, request: Request) -> Answer | str:
        """The answer of one node; or, in words, why there is none."""
        writer = None
        try:
            reader, writer = await asyncio.open_connection(node.host, node.port, limit=LONGEST_LINE, ssl=self._tls)
            writer.write(msgspec.json.encode(request) + b"\n")
            return msgspec.json.decode(await reader.readline(), type=Answer)
        except OSError as problem:
            return f"cannot be reached ({problem.strerror or type(problem).__name__})"
        except (ValueError, msgspec.MsgspecError):
            return "does not speak as a host of locks (is this the address after `locks`?)"
        finally:
            if writer is not None:
                writer.transport.abort()

    async def _watch(self, tell: Callable[[], None]) -> None:
        """Tells when the host has said so; comes to an end after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WATCH):
                await self._ask(Request("watch", self._lock, self._me))
                tell()
                await asyncio.sleep(SHORTEST_PAUSE)
