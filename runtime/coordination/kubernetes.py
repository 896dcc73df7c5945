"""A lock kept by Kubernetes: a Lease of `coordination.k8s.io/v1`, which says who holds it and for how long. Nobody in
Kubernetes ends a Lease. Whoever wants it watches whether its holder still renews it.

**What is asked of the server**, at `/apis/coordination.k8s.io/v1/namespaces/NAMESPACE/leases`:

- `GET` of the Lease, `POST` where there is none. The service account needs `get`, `create`, `update` and `watch`.
- `PUT` with the `resourceVersion` that was read: the server refuses it (409) if the Lease was changed since.
- `GET` with `watch=1`, for this one Lease.

**When another's Lease is over** is found out as client-go does: when *this process* has seen the very same record for
`leaseDurationSeconds` on its own monotonic clock. Clocks of other hosts play no part: `acquireTime` and `renewTime`
are there for people. So who has just started waits for a whole duration, however long ago the holder was gone.

**The token is `leaseTransitions` + 1.** Each change of holder, and each taking after a release, is one `PUT` that
raises the number by 1, and of several that were made from the same record one succeeds. Nobody lowers it. So the
token grows with each grant, **for as long as the Lease is there**: if somebody deletes it, the next one begins at 1
again, and so does it in a new cluster. Give nobody `delete` on it; the fence of whoever is written to then refuses
the new holders, rather than take old writes. client-go itself hands out no fencing token: its leaders know only that
they lead. Do not share a Lease with it for this reason: it would raise the number as well, and renew without a token.

**A renewal** is a `PUT` of the own record with a new `renewTime`.

**What can go wrong.**

- A holder that is late to renew, and that nobody has replaced, renews all the same, with the same token.
- A duration is whole seconds, at least 1; requests are rounded up. The number of transitions ends at 2147483647.
- With several API servers, a `GET` may be old. What counts is decided by `PUT`.
- If the watch is served late, the lock is taken late.
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from runtime.coordination.client import WATCH, Calls, asked_seconds
from runtime.coordination.http import Endpoints, read_json, with_repeat
from runtime.coordination.service import Grant, Unavailable

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its service account."""
ATTEMPTS = 5


class _Spec(msgspec.Struct, rename="camel", omit_defaults=True):
    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class _Lease(msgspec.Struct, rename="camel"):
    metadata: dict[str, Any]
    """As the server has it: who writes a Lease writes all of it."""
    spec: _Spec = msgspec.field(default_factory=_Spec)
    api_version: str = "coordination.k8s.io/v1"
    kind: str = "Lease"

    def token(self) -> int:
        return (self.spec.lease_transitions or 0) + 1


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Observed(NamedTuple):
    """A record of somebody else, and since when it was seen unchanged."""

    spec: _Spec
    since: float

    def over(self) -> float:
        """When it is over, on the same clock."""
        return self.since + (self.spec.lease_duration_seconds or 0)


class KubernetesLock:
    """A client of the lock that the Lease `name` stands for. `server` is the API server's URL; `token` its bearer
    token, or a function that gives the one of the moment; `tls` may carry a client certificate instead. In a pod,
    `in_cluster` finds these. `identity` is what others see of the holder, before something that makes it this client's
    alone: who starts anew is another one."""

    def __init__(
        self,
        server: str,
        namespace: str,
        name: str,
        *,
        identity: str = "oneleader",
        timeout: float = 5.0,
        tls: ssl.SSLContext | None = None,
        token: str | Callable[[], str] | None = None,
    ) -> None:
        self._calls = Calls(timeout)
        self._bearer = token
        self._server = Endpoints([server], "kubernetes", timeout, tls, self._headers)
        self._all = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace, safe='')}/leases"
        self._one = f"{self._all}/{quote(name, safe='')}"
        self._namespace, self._name = namespace, name
        self._me = f"{identity}_{secrets.token_hex(16)}"
        self._observed: _Observed | None = None
        self._held: _Lease | None = None
        """The own record, as it was written last."""
        self._granted, self._given_up = -1, -1
        """The token granted last, and the one released last: that grant is not to be had any more."""

    async def acquire(self, time_to_live: float) -> Grant | None:
        seconds = max(1, math.ceil(asked_seconds(time_to_live)))

        async def attempt() -> tuple[Grant | None] | None:
            found = await self._look()
            if found is None:
                fresh = _Lease({"name": self._name, "namespace": self._namespace}, self._record(None, seconds))
                return self._grant(await self._write("POST", self._all, fresh, "creating the Lease"))
            if not self._may_take(found):
                return (None,)
            again = found.spec.holder_identity == self._me and found.token() != self._given_up
            record = self._record(found.spec, seconds, again=again)
            return self._grant(await self._put(found, record))

        async with self._calls.turn():
            (grant,) = await with_repeat(attempt, ATTEMPTS, "acquiring the Lease")
            return grant

    async def renew(self, token: int) -> float | None:
        async def attempt() -> tuple[float | None] | None:
            held = self._held or await self._look()
            self._held = None
            if held is None or held.spec.holder_identity != self._me or held.token() != token:
                return (None,)
            seconds = held.spec.lease_duration_seconds or 1
            self._held = await self._put(held, self._record(held.spec, seconds, again=True))
            return None if self._held is None else (float(seconds),)

        async with self._calls.turn():
            if token != self._granted or token == self._given_up:
                return None
            (granted,) = await with_repeat(attempt, ATTEMPTS, "renewing the Lease")
            return granted

    async def release(self, token: int) -> None:
        async with self._calls.turn():
            if token != self._granted:
                return
            self._given_up, self._held = token, None
            await self._release(token)

    async def freed(self) -> AsyncIterator[None]:
        async for _ in self._calls.hints(self._watch):
            yield

    async def close(self) -> None:
        if self._calls.closed:
            return
        with suppress(Unavailable):
            async with self._calls.turn():
                if self._granted >= 0:
                    await self._release(self._granted)
        self._calls.end()
        await self._server.close()

    async def _release(self, token: int) -> None:
        async def attempt() -> bool | None:
            found = await self._look()
            if found is None or found.spec.holder_identity != self._me or found.token() != token:
                return True
            free = msgspec.structs.replace(
                found.spec, holder_identity="", lease_duration_seconds=1, renew_time=_now(), acquire_time=_now()
            )
            return None if await self._put(found, free) is None else True

        await with_repeat(attempt, ATTEMPTS, "releasing the Lease")

    # Who holds it, and for how long ---------------------------------------------------------------------------------

    def _may_take(self, lease: _Lease) -> bool:
        if not lease.spec.holder_identity or lease.spec.holder_identity == self._me:
            return True
        return time.monotonic() >= self._observe(lease.spec).over()

    def _observe(self, spec: _Spec) -> _Observed:
        """To be called after the record has arrived: what was seen then was written before."""
        if self._observed is None or self._observed.spec != spec:
            self._observed = _Observed(spec, time.monotonic())
        return self._observed

    def _record(self, before: _Spec | None, seconds: int, *, again: bool = False) -> _Spec:
        """What the holder writes: the first time, or `again`."""
        now = _now()
        return _Spec(
            holder_identity=self._me,
            lease_duration_seconds=seconds,
            acquire_time=before.acquire_time if before is not None and again else now,
            renew_time=now,
            lease_transitions=0 if before is None else (before.lease_transitions or 0) + (0 if again else 1),
        )

    def _grant(self, written: _Lease | None) -> tuple[Grant | None] | None:
        if written is None:
            return None
        self._held, self._granted = written, written.token()
        return (Grant(written.token(), float(written.spec.lease_duration_seconds or 0)),)

    # The server -----------------------------------------------------------------------------------------------------

    async def _look(self) -> _Lease | None:
        reply = await self._server.ask("GET", self._one)
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise reply.unexpected("reading the Lease")
        return reply.read(_Lease)

    async def _put(self, found: _Lease, record: _Spec) -> _Lease | None:
        """Writes a record in the place of the one that was found, if that is still there."""
        return await self._write("PUT", self._one, _Lease(found.metadata, record), "writing the Lease")

    async def _write(self, method: str, path: str, lease: _Lease, what: str) -> _Lease | None:
        """None where somebody was faster, or the Lease is not there any more."""
        reply = await self._server.ask(method, path, lease)
        if reply.status == 409 or (reply.status == 404 and method == "PUT"):
            return None
        if reply.status not in (200, 201):
            raise reply.unexpected(what)
        return reply.read(_Lease)

    async def _watch(self, tell: Callable[[], None]) -> None:
        """What the server tells, and what it does not: that a record has been there unchanged for too long."""
        found = await self._look()
        version = None if found is None else found.metadata.get("resourceVersion")
        params = {"watch": "1", "fieldSelector": f"metadata.name={self._name}", "timeoutSeconds": f"{WATCH:g}"}
        if version is not None:
            params["resourceVersion"] = version
        over = self._ends(found, tell)
        begun = time.monotonic()
        async with self._server.stream("GET", self._all, params=params) as lines:
            while time.monotonic() - begun < WATCH:
                until = min(over, begun + WATCH)
                line = asyncio.ensure_future(anext(lines, None))
                try:
                    while not (await asyncio.wait({line}, timeout=max(0.0, until - time.monotonic())))[0]:
                        if time.monotonic() >= over:
                            tell()
                            over = math.inf
                        until = begun + WATCH
                        if time.monotonic() >= until:
                            return
                finally:
                    line.cancel()
                    await asyncio.wait({line})
                said = line.result()
                if said is None:
                    return
                event = read_json(said, _Event)
                if event.type == "ERROR":  # the version is too old
                    return
                if event.type in ("ADDED", "MODIFIED", "DELETED"):
                    changed = None if event.type == "DELETED" else read_json(bytes(event.object), _Lease)
                    over = self._ends(changed, tell)

    def _ends(self, lease: _Lease | None, tell: Callable[[], None]) -> float:
        """When a Lease is over, unless it is renewed. Tells at once if it is free."""
        if lease is None or not lease.spec.holder_identity:
            tell()
            return math.inf
        if lease.spec.holder_identity == self._me:
            return math.inf
        return self._observe(lease.spec).over()

    def _headers(self) -> Mapping[str, str]:
        token = self._bearer() if callable(self._bearer) else self._bearer
        return {"Accept": "application/json", **({} if token is None else {"Authorization": f"Bearer {token}"})}


def in_cluster(
    name: str, *, namespace: str | None = None, identity: str = "oneleader", timeout: float = 5.0
) -> KubernetesLock:
    """A client in a pod, with the pod's service account, whose token is read anew for each request, for it is replaced
    now and then. Raises OSError outside of a pod."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT_HTTPS", "443")
    if not host:
        raise OSError("this is no pod of Kubernetes: KUBERNETES_SERVICE_HOST is not set")
    return KubernetesLock(
        f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace or (ACCOUNT / "namespace").read_text().strip(),
        name,
        identity=identity,
        timeout=timeout,
        tls=ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")),
        token=lambda: (ACCOUNT / "token").read_text().strip(),
    )


def _now() -> str:
    """As Kubernetes writes it, to the microsecond."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
