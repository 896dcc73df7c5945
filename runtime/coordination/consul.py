"""A lock kept by Consul: a key that a session holds.

**What is asked of the server** (the HTTP API of a local agent, or of a server):

- `PUT /v1/session/create`: a session with a TTL, a lock delay, a behaviour, and without health checks.
- `PUT /v1/kv/KEY?acquire=SESSION`: holds the key, if no other session does.
- `GET /v1/kv/KEY?consistent`: which session holds it, confirmed by a quorum; with `index` and `wait`, as soon as the
  key has changed.
- `PUT /v1/session/renew/SESSION`, and a look at the key.
- `PUT /v1/kv/KEY?release=SESSION` and `PUT /v1/session/destroy/SESSION`, to release. With an ACL, the token needs
  `session:write` for the agent's node and `key:write` for the key.

**The token is the key's `ModifyIndex`** as it is when the lock was acquired. Consul numbers its writes by the index
of its Raft log, which only grows, also when keys are deleted. Each grant is a write of the key after all former
grants were written, so each has a greater token. The others are not monotonic: `LockIndex`, which Consul's own advice
for fencing names, counts the holders of one key, and begins at 1 again when the key was deleted (which the behaviour
`delete` does by itself) and at 0 when somebody writes to the key without a session. `CreateIndex` stays the same for
as long as the key is there. The token is remembered, for a write to the key changes its `ModifyIndex` and not who holds
it; that the grant still stands is known from session, `CreateIndex` and `LockIndex`. So a holder whose key is written
to by somebody else takes its grant for lost, and is given a greater token when it asks again. A snapshot that is
restored, there or in a new cluster, takes the index back to that of the snapshot: fences must be reset with it.

**A session's grant is released once.** What was released takes its session with it: a request to release that comes
late finds a session that is gone, and cannot release what was granted later.

**What can go wrong.**

- A TTL is 10 s to 86400 s; what is below or above is raised or lowered to these, and said in the grant. The TTL is a
  lower bound: Consul ends a session up to two TTLs after it was renewed (its servers wait for all of the two), and
  later when it elects a leader, for then all sessions begin anew. A holder that dies is replaced after 10 s to 20 s at
  the least. Consul may answer a renewal with a longer TTL than was asked for, when it is under load.
- A renewal that comes just when those two TTLs are over can be answered although the session is being ended. So whoever
  is that late may be told of a renewal, and be replaced right after it; the token tells them apart.
- Sessions usually end as well when the agent's node fails its health check (`serfHealth`), whatever is left of the
  TTL: then the lock would be lost before the time that was granted. So sessions are made without checks here.
- *Lock delay*: for that long after a session has ended by itself, nobody can acquire what it held. Consul's default
  of 15 s is for holders that do not count their time; here it is 0 unless another one is given. It does not follow a
  release.
- Locks are advisory: who can write the key can write it, delete it, or release it, whoever holds it.
- Newer releases refuse keys with other characters than letters, digits and `,-_./`, and some endings such as `.json`.
- A session that was asked for in vain, when its answer was lost, is there until its TTL is over. It holds nothing.
"""

from __future__ import annotations

import asyncio
import math
import re
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from typing import Literal, NamedTuple
from urllib.parse import quote

import msgspec

from runtime.coordination.client import WATCH, Calls, asked_seconds
from runtime.coordination.http import Endpoints, with_repeat
from runtime.coordination.service import Grant, Unavailable

SHORTEST, LONGEST = 10, 86400
"""Seconds that a TTL can be."""
LONGEST_DELAY = 60.0
ATTEMPTS = 3
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(rf"(\d+\.?\d*)({'|'.join(UNITS)})")
DURATION = re.compile(rf"(?:{PART.pattern})+")


class _Session(msgspec.Struct):
    id: str = msgspec.field(name="ID")
    time_to_live: str = msgspec.field(name="TTL", default="")


class _Key(msgspec.Struct, rename="pascal"):
    create_index: int
    modify_index: int
    lock_index: int
    session: str = ""


class _Held(NamedTuple):
    """A grant, and how it is known that it still stands."""

    token: int
    session: str
    create_index: int
    lock_index: int

    def stands(self, key: _Key | None) -> bool:
        return key is not None and (key.session, key.create_index, key.lock_index) == self[1:]


class ConsulLock:
    """A client of the lock that the key `key` stands for. `agent` is a URL, mostly `http://127.0.0.1:8500`. `token` is
    one of Consul's ACL; `tls` is for https. `behavior` is what becomes of the key when its holder's session ends by
    itself; what is released stays there in either case, held by nobody. `lock_delay` is in seconds, up to 60."""

    def __init__(
        self,
        agent: str,
        key: str,
        *,
        timeout: float = 5.0,
        lock_delay: float = 0.0,
        behavior: Literal["release", "delete"] = "release",
        tls: ssl.SSLContext | None = None,
        token: str | None = None,
    ) -> None:
        if not key or key.startswith("/"):
            raise ValueError(f"the key of a lock is not empty and begins with no slash, unlike {key!r}")
        if not 0 <= lock_delay <= LONGEST_DELAY:
            raise ValueError(f"a lock delay is 0 to {LONGEST_DELAY:g} s, not {lock_delay}")
        if behavior not in ("release", "delete"):
            raise ValueError(f"the behavior is release or delete, not {behavior!r}")
        self._calls = Calls(timeout)
        self._sent: Mapping[str, str] = {} if token is None else {"X-Consul-Token": token}
        self._agent = Endpoints([agent], "consul", timeout, tls, lambda: self._sent)
        self._path = f"/v1/kv/{quote(key)}"
        self._name = f"lock {key}"
        self._value = f"oneleader {secrets.token_hex(8)}".encode()
        self._lock_delay, self._behavior = lock_delay, behavior
        self._session: _Session | None = None
        self._asked = 0
        self._held: _Held | None = None
        self._leaving: str | None = None
        """The session of a grant that is to be released."""

    async def acquire(self, time_to_live: float) -> Grant | None:
        seconds = min(max(SHORTEST, math.ceil(asked_seconds(time_to_live))), LONGEST)

        async def attempt() -> tuple[Grant | None] | None:
            held = await self._look()
            if held is not None and held.session and (self._session is None or held.session != self._session.id):
                return (None,)
            session, granted = await self._renewed(seconds, keep=held is not None and bool(held.session))
            if held is None or held.session != session:
                if not await self._taken(session):
                    return (None,)
                held = await self._look()
            if held is None or held.session != session:
                return None  # the session has ended meanwhile, or somebody has deleted the key
            if self._held is None or not self._held.stands(held):
                self._held = _Held(held.modify_index, session, held.create_index, held.lock_index)
            return (Grant(self._held.token, granted),)

        async with self._calls.turn():
            await self._leave()
            (grant,) = await with_repeat(attempt, ATTEMPTS, "acquiring the lock")
            return grant

    async def renew(self, token: int) -> float | None:
        async with self._calls.turn():
            held = self._held
            if held is None or held.token != token or held.session == self._leaving:
                return None
            granted = await self._renew(held.session)
            return granted if granted is not None and held.stands(await self._look()) else None

    async def release(self, token: int) -> None:
        if self._held is not None and self._held.token == token:
            self._leaving = self._held.session  # before its turn, which may never come: it is not granted again
        async with self._calls.turn():
            await self._leave()

    async def freed(self) -> AsyncGenerator[None, None]:
        async for _ in self._calls.hints(self._watch):
            yield

    async def close(self) -> None:
        if self._calls.closed:
            return
        with suppress(Unavailable):
            async with self._calls.turn():
                await self._leave()
                if self._session is not None:
                    self._leaving = self._session.id
                    await self._leave()
        self._calls.end()
        await self._agent.close()

    # Sessions -------------------------------------------------------------------------------------------------------

    async def _renewed(self, seconds: int, *, keep: bool) -> tuple[str, float]:
        """A session whose time has just begun, and for how long. One that was made with another TTL is left to run out,
        unless it is to be kept, for it holds the key."""
        if self._session is not None and (self._asked == seconds or keep):
            granted = await self._renew(self._session.id)
            if granted is not None:
                return self._session.id, granted
        wanted = {
            "Name": self._name,
            "TTL": f"{seconds}s",
            "LockDelay": f"{round(self._lock_delay * 1000)}ms",
            "Behavior": self._behavior,
            "Checks": [],  # what older releases call NodeChecks
            "NodeChecks": [],
        }
        reply = await self._agent.ask("PUT", "/v1/session/create", wanted)
        if reply.status != 200:
            raise reply.unexpected("creating a session")
        self._session, self._asked, self._held = reply.read(_Session), seconds, None
        return self._session.id, float(seconds)

    async def _renew(self, session: str) -> float | None:
        reply = await self._agent.ask("PUT", f"/v1/session/renew/{session}")
        if reply.status == 404:
            if self._session is not None and self._session.id == session:
                self._session = self._held = None
            return None
        if reply.status != 200:
            raise reply.unexpected("renewing a session")
        renewed = reply.read(list[_Session])
        if len(renewed) != 1:
            raise reply.unexpected("renewing a session")
        return _seconds(renewed[0].time_to_live)

    async def _leave(self) -> None:
        """Releases first, for then no lock delay follows; then ends the session, and late requests have no effect."""
        if self._leaving is None:
            return
        for path, params in (
            (self._path, {"release": self._leaving}),
            (f"/v1/session/destroy/{self._leaving}", None),
        ):
            reply = await self._agent.ask("PUT", path, params=params)
            if reply.status not in (200, 404):
                raise reply.unexpected("releasing the lock")
        if self._held is not None and self._held.session == self._leaving:
            self._held = None
        if self._session is not None and self._session.id == self._leaving:
            self._session = None
        self._leaving = None

    # The key --------------------------------------------------------------------------------------------------------

    async def _look(self) -> _Key | None:
        reply = await self._agent.ask("GET", self._path, params={"consistent": ""})
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise reply.unexpected("reading the key")
        keys = reply.read(list[_Key])
        if len(keys) != 1:
            raise reply.unexpected("reading the key")
        return keys[0]

    async def _taken(self, session: str) -> bool:
        reply = await self._agent.ask("PUT", self._path, content=self._value, params={"acquire": session})
        if reply.status != 200:
            raise reply.unexpected("acquiring the lock")
        return reply.body.strip() == b"true"

    async def _watch(self, tell: Callable[[], None]) -> None:
        """Blocking queries. Consul's server adds up to a sixteenth to the wait."""
        index = 0
        while True:
            params = {"consistent": "", **({} if index == 0 else {"index": str(index), "wait": f"{WATCH:g}s"})}
            reply = await self._agent.ask("GET", self._path, params=params, share=WATCH * 17 / 16 + self._calls.timeout)
            if reply.status not in (200, 404):
                raise reply.unexpected("watching the key")
            keys = reply.read(list[_Key]) if reply.status == 200 else []
            if not keys or not keys[0].session:
                tell()
                if self._lock_delay:  # nobody tells when that is over
                    await asyncio.sleep(self._lock_delay)
                    tell()
            try:
                now = int(reply.headers.get("X-Consul-Index", "0"))
            except ValueError as error:
                raise Unavailable("an X-Consul-Index that is no number") from error
            if now <= 0:
                raise Unavailable("an answer without X-Consul-Index")
            index = 0 if now < index else now  # it may go back, when the servers were restored


def _seconds(duration: str) -> float:
    """A duration as Go writes it, such as `1m30s`. Raises Unavailable."""
    if not DURATION.fullmatch(duration):
        raise Unavailable(f"a TTL that cannot be understood: {duration!r}")
    return sum(float(number) * UNITS[unit] for number, unit in PART.findall(duration))
