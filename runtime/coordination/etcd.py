"""A lock kept by etcd: a key that is there while somebody holds the lock, and goes with its holder's lease.

**What is asked of the server** (etcd's API version 3, through its JSON gateway, 3.4 or newer):

- `/v3/kv/range`: the key, linearizable, so that a quorum has confirmed what is read.
- `/v3/lease/grant` and `/v3/lease/keepalive`: a lease, which belongs to the client and outlives a grant.
- `/v3/kv/txn`: if the key has no create revision (it is not there), put it, bound to the lease, with a value that
  only this client knows. To release: if it has the create revision that is the token, delete it.
- `/v3/watch`: deletions of the key.
- `/v3/lease/revoke`, when the client ends. `/v3/auth/authenticate`, where a user is given.

**The token is the create revision of the key.** The revision is one counter of the whole store, raised by each
transaction that writes; a key's create revision is that of the transaction that made it. Each grant makes the key,
and a release or the end of a lease deletes it first, so each grant has a greater one. The *id of a lease* will not
do: it is drawn so as to be unique, not to grow. A store that is restored from an older backup counts again from
there.

**A renewal** is a keepalive *and* a look at the key: the lease may live on while somebody has deleted the key.

**What can go wrong.**

- etcd grants whole seconds, and at least one and a half election timeouts of its own: at its default (1 s), 2 s are
  granted where 1 s was asked. Requests are rounded up. It looks for leases that are over twice a second.
- When etcd elects a leader, all leases begin anew. A holder that has died then keeps the lock for longer.
- A keepalive is answered by the leader alone. One that has been cut off, and does not know yet, answers, too; the
  look at the key then finds no quorum. That a new leader gives each lease an election timeout on top is for the case
  in between. Versions before 3.4.28 and 3.5.10 can revoke leases that were kept alive, when the disk of a former
  leader stands still (https://github.com/etcd-io/etcd/issues/15247): the lock is lost early, and only the token
  tells.
- When the lock is freed, all who wait are told at once, and all but one ask in vain.
- Who can write the key can take the lock away. Give its prefix to one role.
"""

from __future__ import annotations

import asyncio
import base64
import math
import secrets
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress

import msgspec

from runtime.coordination.client import WATCH, Calls, asked_seconds
from runtime.coordination.http import Endpoints, Reply, read_json, with_repeat
from runtime.coordination.service import Grant, Unavailable

NOT_FOUND, UNAUTHENTICATED = 5, 16
"""Codes of gRPC, which the gateway hands on."""
ATTEMPTS = 3


class _Key(msgspec.Struct):
    value: str = ""
    create_revision: int = 0
    lease: int = 0


class _Range(msgspec.Struct):
    kvs: list[_Key] = []


class _Response(msgspec.Struct):
    response_range: _Range | None = None


class _Txn(msgspec.Struct):
    succeeded: bool = False
    responses: list[_Response] = []


class _Lease(msgspec.Struct):
    id: int = msgspec.field(name="ID", default=0)
    time_to_live: int = msgspec.field(name="TTL", default=0)


class _KeptAlive(msgspec.Struct):
    result: _Lease


class _Event(msgspec.Struct):
    type: str = "PUT"


class _Told(msgspec.Struct):
    created: bool = False
    canceled: bool = False
    events: list[_Event] = []


class _Watched(msgspec.Struct):
    result: _Told | None = None


class _Error(msgspec.Struct):
    code: int = 0


class _Authenticated(msgspec.Struct):
    token: str


class EtcdLock:
    """A client of the lock that the key `key` stands for. `endpoints` are URLs, such as `https://etcd1:2379`, tried in
    turn. `tls` is for https, with a certificate of the client's own where the servers want one; `user` is a name and a
    password, where they have authentication switched on."""

    def __init__(
        self,
        endpoints: Sequence[str],
        key: str,
        *,
        timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        user: tuple[str, str] | None = None,
    ) -> None:
        if not key:
            raise ValueError("the key of a lock is not empty")
        self._calls = Calls(timeout)
        self._servers = Endpoints(endpoints, "etcd", timeout, tls, self._headers)
        self._key = _base64(key)
        self._me = _base64(secrets.token_hex(16))
        self._user = user
        self._session_token: str | None = None
        self._lease: int | None = None
        self._asked = 0
        self._granted, self._given_up = -1, -1
        """The token granted last, and the one released last: that grant is not to be had any more."""

    async def acquire(self, time_to_live: float) -> Grant | None:
        seconds = max(1, math.ceil(asked_seconds(time_to_live)))
        async with self._calls.turn():
            held = await self._look()
            if held is not None and held.value != self._me:
                return None
            if held is not None and held.create_revision == self._given_up:
                await self._delete(held.create_revision)

            async def take() -> tuple[Grant | None] | None:
                lease, granted = await self._leased(seconds, may_be_longer=held is not None)
                return await self._take(lease, granted)

            (grant,) = await with_repeat(take, ATTEMPTS, "acquiring the lock")
            self._granted = self._granted if grant is None else grant.token
            return grant

    async def renew(self, token: int) -> float | None:
        async with self._calls.turn():
            if self._lease is None or token != self._granted or token == self._given_up:
                return None
            granted = await self._kept_alive(self._lease)
            if granted is None:
                return None
            held = await self._look()
            mine = held is not None and (held.create_revision, held.value, held.lease) == (token, self._me, self._lease)
            return granted if mine else None

    async def release(self, token: int) -> None:
        if token == self._granted:
            self._given_up = token  # before its turn, which may never come: it is not granted again
        async with self._calls.turn():
            if token == self._given_up:
                await self._delete(token)

    async def freed(self) -> AsyncGenerator[None, None]:
        async for _ in self._calls.hints(self._watch):
            yield

    async def close(self) -> None:
        if self._calls.closed:
            return
        with suppress(Unavailable):
            async with self._calls.turn():
                if self._lease is not None:
                    await self._ask("/v3/lease/revoke", {"ID": str(self._lease)})
        self._calls.end()
        await self._servers.close()

    async def _look(self) -> _Key | None:
        """The key as it is, if it is there."""
        keys = (await self._ask("/v3/kv/range", {"key": self._key})).read(_Range).kvs
        return keys[0] if keys else None

    async def _leased(self, seconds: int, *, may_be_longer: bool) -> tuple[int, float]:
        """A lease that has just begun, and for how long. One that was made for another time is left to run out; unless
        the lock is held with it: where the answer is lost, the client counts on what it was granted before."""
        if self._lease is not None and (self._asked == seconds or (may_be_longer and self._asked > seconds)):
            granted = await self._kept_alive(self._lease)
            if granted is not None:
                return self._lease, granted
        made = (await self._ask("/v3/lease/grant", {"TTL": str(seconds)})).read(_Lease)
        self._lease, self._asked = made.id, seconds
        return made.id, float(made.time_to_live)

    async def _kept_alive(self, lease: int) -> float | None:
        reply = await self._ask("/v3/lease/keepalive", {"ID": str(lease)})
        granted = reply.read(_KeptAlive).result.time_to_live
        if granted <= 0:
            self._lease = None
            return None
        return float(granted)

    async def _take(self, lease: int, granted: float) -> tuple[Grant | None] | None:
        """Makes the key, or finds out whose it is. None where that has to be tried again."""
        put = {"request_put": {"key": self._key, "value": self._me, "lease": str(lease)}}
        look = {"request_range": {"key": self._key}}
        taken = await self._transaction(0, [put, look], [look])
        if taken is None:
            self._lease = None
            return None
        held = _key_in(taken)
        if held is None or held.value != self._me:
            return (None,)
        if held.lease != lease:  # a former request, whose answer was lost, bound it to a former lease
            bound = await self._transaction(held.create_revision, [put], [])
            if bound is None or not bound.succeeded:
                return None
        return (Grant(held.create_revision, granted),)

    async def _delete(self, revision: int) -> None:
        await self._transaction(revision, [{"request_delete_range": {"key": self._key}}], [])

    async def _transaction(self, revision: int, then: list[object], otherwise: list[object]) -> _Txn | None:
        """If the key has this create revision, 0 for a key that is not there. None where the lease is not there."""
        compared = {"key": self._key, "target": "CREATE", "result": "EQUAL", "create_revision": str(revision)}
        body = {"compare": [compared], "success": then, "failure": otherwise}
        reply = await self._ask("/v3/kv/txn", body, but=NOT_FOUND)
        return reply.read(_Txn) if reply.status == 200 else None

    async def _watch(self, tell: Callable[[], None]) -> None:
        await self._authenticated()
        wanted = {"create_request": {"key": self._key, "filters": ["NOPUT"]}}
        try:
            async with asyncio.timeout(WATCH), self._servers.stream("POST", "/v3/watch", wanted) as lines:
                async for line in lines:
                    told = read_json(line, _Watched).result
                    if told is None or told.canceled:
                        self._session_token = None  # perhaps it is too old
                        raise Unavailable(f"the watch was refused: {line.decode('utf-8', 'replace')}")
                    if told.created and await self._look() is None:
                        tell()
                    if any(event.type == "DELETE" for event in told.events):
                        tell()
        except TimeoutError:
            return
        raise Unavailable("the watch broke off")

    async def _ask(self, path: str, body: Mapping[str, object], *, but: int | None = None) -> Reply:
        """An answer that is none of an error, unless it has this code."""
        await self._authenticated()
        reply = await self._servers.ask("POST", path, body)
        if reply.status != 200 and self._user is not None and reply.read(_Error).code == UNAUTHENTICATED:
            self._session_token = None  # it has run out
            await self._authenticated()
            reply = await self._servers.ask("POST", path, body)
        if reply.status != 200 and reply.read(_Error).code != but:
            raise reply.unexpected(path)
        return reply

    async def _authenticated(self) -> None:
        if self._user is None or self._session_token is not None:
            return
        name, password = self._user
        reply = await self._servers.ask("POST", "/v3/auth/authenticate", {"name": name, "password": password})
        if reply.status != 200:
            raise reply.unexpected("/v3/auth/authenticate")
        self._session_token = reply.read(_Authenticated).token

    def _headers(self) -> Mapping[str, str]:
        return {} if self._session_token is None else {"Authorization": self._session_token}


def _key_in(done: _Txn) -> _Key | None:
    for response in done.responses:
        if response.response_range is not None and response.response_range.kvs:
            return response.response_range.kvs[0]
    return None


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
