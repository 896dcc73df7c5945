"""A lock kept by Kubernetes: a Lease of `coordination.k8s.io/v1`, which says who holds it and for how long. Nobody in
Kubernetes ends a Lease. Whoever wants it watches whether its holder still renews it.

**What is asked of the server**, at `/apis/coordination.k8s.io/v1/namespaces/NAMESPACE/leases`:

- `GET` of the Lease, `POST` where there is none. The service account needs `get`, `create`, `update` and `watch`.
- `PUT` with the `resourceVersion` that was read: the server refuses it (409) if the Lease was changed since.
- `GET` with `watch=1`, for this one Lease.

**When another's Lease is over** is found out as client-go does: when *this process* has seen the very same record for
`leaseDurationSeconds` on its own monotonic clock. Clocks of other hosts play no part: `acquireTime` and `renewTime`
are there for people. So who has just started waits for a whole duration, however long ago the holder was gone. The
holder wrote the record before it could be seen, and counts from before it wrote it: it is the first to be through,
if the clocks of the two run equally fast. A duration is never shortened while a grant lasts, for the holder may not
hear that it was.

**The token is `leaseTransitions` + 1.** Each change of holder, and each taking after a release, is one `PUT` that
raises the number, and of several that were made from the same record one succeeds. Nobody lowers it. So the token
grows with each grant, **for as long as the Lease is there**. If somebody deletes it (also by an `ownerReference`, with
its owner), a client that has seen it goes on above all that it saw, and waits until the last holder's time is over; but
one that has just started begins at 1 again, at once, and so does everybody in a new cluster. A fence then refuses the
new holders, rather than take old writes. So give nobody `delete` on it. client-go itself hands out no fencing token:
its leaders know only that they lead. Do not share a Lease with it, nor with the coordinated leader election of the
control plane: what a Lease says besides its five older fields is not kept here.

**A renewal** is a `PUT` of the own record with a new `renewTime`.

**What can go wrong.**

- A holder that is late to renew, and that nobody has replaced, renews all the same, with the same token.
- A duration is whole seconds, at least 1; requests are rounded up. The number of transitions ends at 2147483647.
- A `GET` without a version is the latest there is, and a watch may be late: then the lock is taken late, never early.
- The API server refuses requests when it has too many (429), and is busy with other things: this is no lock for less
  than some seconds.
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from runtime.coordination.client import WATCH, Calls, asked_seconds
from runtime.coordination.http import Endpoints, read_json, with_repeat
from runtime.coordination.kubernetes_lease import Event, Lease, Observed, Spec, now
from runtime.coordination.service import Grant, Unavailable

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its service account."""
ATTEMPTS = 5


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
        self._observed: Observed | None = None
        self._seen = 0
        """The greatest token that was seen, whoever held it, and so the number of transitions for the next."""
        self._held: Lease | None = None
        """The own record, as it was written last."""
        self._tried = False
        self._granted, self._given_up = -1, -1
        """The token granted last, and the one released last: that grant is not to be had any more."""

    async def acquire(self, time_to_live: float) -> Grant | None:
        seconds = max(1, math.ceil(asked_seconds(time_to_live)))

        async def attempt() -> tuple[Grant | None] | None:
            found = await self._look()
            if found is None:
                if self._observed is not None and time.monotonic() < self._observed.over() < math.inf:
                    return (None,)
                fresh = Lease({"name": self._name, "namespace": self._namespace}, self._taken(seconds))
                return self._grant(await self._write("POST", self._all, fresh, "creating the Lease"))
            if self._is_mine(found):
                return self._grant(await self._put(found, self._renewed(found.spec, seconds)))
            if not self._may_take(found):
                return (None,)
            return self._grant(await self._put(found, self._taken(seconds)))

        async with self._calls.turn():
            self._tried = True
            (grant,) = await with_repeat(attempt, ATTEMPTS, "acquiring the Lease")
            return grant

    async def renew(self, token: int) -> float | None:
        async def attempt() -> tuple[float | None] | None:
            held = self._held or await self._look()
            self._held = None
            if held is None or not self._is_mine(held) or held.token() != token:
                return (None,)
            self._held = await self._put(held, self._renewed(held.spec, 1))
            return None if self._held is None else (self._held.seconds(),)

        async with self._calls.turn():
            if token != self._granted or token == self._given_up:
                return None
            (granted,) = await with_repeat(attempt, ATTEMPTS, "renewing the Lease")
            return granted

    async def release(self, token: int) -> None:
        given_up = token == self._granted
        if given_up:
            self._given_up = token  # before its turn, which may never come: it is not granted again
        async with self._calls.turn():
            if given_up:
                self._held = None
                await self._release()

    async def freed(self) -> AsyncGenerator[None, None]:
        async for _ in self._calls.hints(self._watch):
            yield

    async def close(self) -> None:
        if self._calls.closed:
            return
        with suppress(Unavailable):
            async with self._calls.turn():
                if self._tried:
                    await self._release()
        self._calls.end()
        await self._server.close()

    async def _release(self) -> None:
        """Whatever is ours: also what was granted without our hearing of it."""

        async def attempt() -> bool | None:
            found = await self._look()
            if found is None or found.spec.holder_identity != self._me:
                return True
            free = Spec("", 1, now(), now(), found.spec.lease_transitions)
            return None if await self._put(found, free) is None else True

        await with_repeat(attempt, ATTEMPTS, "releasing the Lease")

    # Who holds it, and for how long ---------------------------------------------------------------------------------

    def _is_mine(self, lease: Lease) -> bool:
        """Whether it is a grant of ours that we have not given up."""
        return lease.spec.holder_identity == self._me and lease.token() != self._given_up

    def _may_take(self, lease: Lease) -> bool:
        if not lease.spec.holder_identity or lease.spec.holder_identity == self._me:
            return True
        return time.monotonic() >= self._observe(lease.spec).over()

    def _observe(self, spec: Spec) -> Observed:
        """To be called after the record has arrived: what was seen then was written before."""
        if self._observed is None or self._observed.spec != spec:
            self._observed = Observed(spec, time.monotonic())
        return self._observed

    def _taken(self, seconds: int) -> Spec:
        return Spec(self._me, seconds, now(), now(), self._seen)

    def _renewed(self, before: Spec, seconds: int) -> Spec:
        """Never for a shorter time than before: if we do not hear of it, we still count on the former."""
        longer = max(seconds, before.lease_duration_seconds or 0)
        return Spec(self._me, longer, before.acquire_time, now(before.renew_time), before.lease_transitions)

    def _grant(self, written: Lease | None) -> tuple[Grant | None] | None:
        if written is None:
            return None
        self._held, self._granted = written, written.token()
        return (Grant(written.token(), written.seconds()),)

    # The server -----------------------------------------------------------------------------------------------------

    async def _look(self) -> Lease | None:
        reply = await self._server.ask("GET", self._one)
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise reply.unexpected("reading the Lease")
        return self._noted(reply.read(Lease))

    async def _put(self, found: Lease, record: Spec) -> Lease | None:
        """Writes a record in the place of the one that was found, if that is still there."""
        return await self._write("PUT", self._one, Lease(found.metadata, record), "writing the Lease")

    async def _write(self, method: str, path: str, lease: Lease, what: str) -> Lease | None:
        """None where somebody was faster, or the Lease is not there any more."""
        reply = await self._server.ask(method, path, lease)
        if reply.status == 409 or (reply.status == 404 and method == "PUT"):
            return None
        if reply.status not in (200, 201):
            raise reply.unexpected(what)
        return self._noted(reply.read(Lease))

    def _noted(self, lease: Lease) -> Lease:
        self._seen = max(self._seen, lease.token())
        if lease.spec.holder_identity in (None, "", self._me):
            self._observed = None
        return lease

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
                event = read_json(said, Event)
                if event.type == "ERROR":  # the version is too old
                    return
                if event.type in ("ADDED", "MODIFIED", "DELETED"):
                    changed = None if event.type == "DELETED" else self._noted(read_json(bytes(event.object), Lease))
                    over = self._ends(changed, tell)

    def _ends(self, lease: Lease | None, tell: Callable[[], None]) -> float:
        """When a Lease is over, unless it is renewed. Tells at once if it is free."""
        if lease is None or not lease.spec.holder_identity:
            tell()
            return math.inf if lease is not None or self._observed is None else self._observed.over()
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
