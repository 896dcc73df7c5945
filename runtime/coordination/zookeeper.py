"""A lock kept by ZooKeeper: its lock recipe. Whoever wants the lock makes a node that goes with its session; nodes are
numbered in the order in which they were made, and the lowest holds the lock.

**What is asked of the server** (through `kazoo`, one session for each client):

- `create`, ephemeral and sequential, under the lock's path; the path itself, where it is not there.
- `sync` and `getChildren`, to see which node is the lowest; `sync` and `exists` of the own node, to renew.
- `exists` with a watch on the node *before* the own one: each who waits is told when the one before is gone, and
  nobody else is.
- `delete` of the own node, to release. Closing the session, when the client ends.

**The token is the czxid of the holder's node**, the number of the transaction that made it. Transactions have one
order in the ensemble, over all elections of it (the upper half of the number is the epoch of its leader). The numbers
in the names grow in the same order, so whoever is the lowest later has the greater czxid. Those numbers themselves
will not do: they begin anew when the path is deleted and made again. An ensemble whose data was lost counts anew.

**A renewal** is answered by the leader: `sync` goes through it, and what is read after it is no older. kazoo keeps
the session alive from a thread of its own, with pings of which this program sees nothing. So the time to live begins
anew when a *renewal* is sent that is answered, not with those pings.

**The time to live is the session timeout that the server has agreed to, less half a tick**; so half a tick more is
asked for. It is agreed on when a session begins, and lies within the server's limits: without other configuration
between 2 and 20 ticks. The first `acquire` asks for it; what a later one asks for counts only when a new session
begins. The half tick: a server that is not the leader tells it only twice a tick which sessions it has heard from. If
it is cut off before it does, the leader counts from what it was told before. `tick_time` must be that of the ensemble;
0 is right for a server that is alone.

**A client that does not go on is dropped.** The pings would keep a session alive whose program has long stopped to
renew, and the lock with it. So a thread of this client's own ends the session when it has the lock, or is next, and
neither renews nor asks within the time to live.

**What can go wrong.**

- kazoo draws up to 0.4 s of each pause between pings at random. Sessions below 1 s were seen to end by themselves,
  those of 0.2 s all the time.
- `sync` is not confirmed by a quorum: a leader that has lost its followers answers until it notices, at most
  `syncLimit` ticks later. That the next leader gives all sessions their whole time again is for that case. It is enough
  unless the next one was elected sooner than the former noticed; then the token tells them apart.
- The half tick is what ZooKeeper means to take. A server that is slow to tell the leader can take longer.
- A new leader gives all sessions their whole time again. A holder that has died then keeps the lock for longer.
- Who waits keeps its place in the queue. A client that waits, and is told, has the time to live to ask.
- The numbers in the names go up to 2147483647. When that many were made under one path, choose another.
- kazoo is not told of an `ssl.SSLContext`; it takes files.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from runtime.coordination.client import Calls, asked_seconds, library
from runtime.coordination.service import Grant, Unavailable
from runtime.coordination.zookeeper_session import Session, in_loop
from runtime.transport.tls import TlsFiles

PREFIX = "lock-"
DIGITS = 10
"""Of the number that ZooKeeper puts behind a sequential node's name."""
RECONNECTING = {"max_tries": -1, "delay": 0.05, "backoff": 2, "max_delay": 1.0}
LOOKS = 10


class _Place(NamedTuple):
    """The own node, and the one before it, if any."""

    path: str
    czxid: int
    before: str | None


class ZooKeeperLock:
    """A client of the lock that the path `path` stands for. `hosts` are as in `zk1:2181,zk2:2181/base`; `tick_time` is
    the ensemble's, in seconds. `auth` is schemes and credentials, such as `[("digest", "user:password")]`: then only
    who has these can change the nodes."""

    def __init__(
        self,
        hosts: str,
        path: str,
        *,
        tick_time: float = 2.0,
        timeout: float = 5.0,
        auth: Sequence[tuple[str, str]] = (),
        tls: TlsFiles | None = None,
    ) -> None:
        if not path.startswith("/") or path.endswith("/"):
            raise ValueError(f"a lock's path begins with a slash, ends with none, and is not empty, unlike {path!r}")
        if any(part in ("", ".", "..") or not part.isprintable() for part in path[1:].split("/")):
            raise ValueError(f"ZooKeeper has no node with the path {path!r}")
        if tick_time < 0:
            raise ValueError(f"the tick time is a number of seconds, not {tick_time}")
        library("kazoo", "zookeeper")
        self._errors: Any = library("kazoo.exceptions", "zookeeper")
        self._calls = Calls(timeout)
        self._hosts, self._path, self._slack = hosts, path, tick_time / 2
        self._auth, self._tls = list(auth), tls
        self._me = PREFIX + secrets.token_hex(16) + "-"
        self._session: Session | None = None
        self._perhaps_free = asyncio.Event()
        self._granted: _Place | None = None
        self._given_up: str | None = None
        self._in_line = False
        """Behind somebody else, and told when that one is gone."""

    async def acquire(self, time_to_live: float) -> Grant | None:
        asked_seconds(time_to_live)
        async with self._calls.turn():
            session = await self._connected(time_to_live + self._slack)
            session.watchdog.wind(session.negotiated())
            self._in_line = False
            for _ in range(LOOKS):
                if self._given_up is not None:
                    await self._delete(session, self._given_up)
                    self._given_up = self._granted = None
                place = await self._place(session)
                if place is None:
                    await self._stand_in_line(session)
                elif place.before is None:
                    self._granted = place
                    session.watchdog.wind(session.negotiated())
                    return Grant(place.czxid, self._lease(session))
                elif await self._watched(session, place.before):
                    session.watchdog.unwind()
                    self._in_line = True
                    return None
            raise Unavailable("the nodes before the own one changed each time they were looked at")

    async def renew(self, token: int) -> float | None:
        async with self._calls.turn():
            granted, session = self._granted, self._session
            if granted is None or session is None or granted.czxid != token or granted.path == self._given_up:
                return None
            if not await self._connection(session):
                return None
            client = session.client
            _, found = await self._both(client.sync_async(self._path), client.exists_async(granted.path))
            if found is None or found.czxid != token:
                return None
            session.watchdog.wind(session.negotiated())
            return self._lease(session)

    async def release(self, token: int) -> None:
        if self._granted is not None and self._granted.czxid == token:
            self._given_up = self._granted.path  # before its turn, which may never come: it is not granted again
        async with self._calls.turn():
            granted, session = self._granted, self._session
            if granted is None or session is None or granted.czxid != token:
                return
            if await self._connection(session):
                await self._delete(session, granted.path)
            self._given_up = self._granted = None
            session.watchdog.unwind()
            self._tell()

    async def freed(self) -> AsyncGenerator[None, None]:
        """Who does not stand in the queue is told at once. So ask, when told: that is how to hear of the next time."""
        async for _ in self._calls.hints(self._watch):
            yield

    async def close(self) -> None:
        if not self._calls.end():
            return
        if (ending := self._end_session()) is not None:
            # Where it takes longer, the thread goes on until the server answers or the session is over.
            await asyncio.wait({ending}, timeout=self._calls.timeout)

    # The session --------------------------------------------------------------------------------------------------

    async def _connected(self, time_to_live: float) -> Session:
        """The session, which begins where there is none, and has reached a server."""
        if self._session is not None and self._session.ended():
            self._end_session()
        if self._session is None:
            self._session = Session(self._client(time_to_live), self._tell)
        if not await self._connection(self._session):
            raise Unavailable("the session with ZooKeeper has ended")
        return self._session

    async def _connection(self, session: Session) -> bool:
        """Waits until a server is reached. False where the session has ended: all that it held is lost."""
        await session.connected.wait()
        return not session.ended()

    def _client(self, time_to_live: float) -> Any:
        security = library("kazoo.security", "zookeeper")
        files: dict[str, object] = {}
        if self._tls is not None:
            files = {
                "use_ssl": True,
                "certfile": str(self._tls.certificate),
                "keyfile": str(self._tls.key),
                "ca": str(self._tls.authority),
            }
        return library("kazoo.client", "zookeeper").KazooClient(
            self._hosts,
            timeout=time_to_live,
            connection_retry=RECONNECTING,
            auth_data=self._auth,
            default_acl=security.CREATOR_ALL_ACL if self._auth else None,
            **files,
        )

    def _end_session(self) -> asyncio.Future[None] | None:
        """Begins to end it, in a thread that nobody has to wait for."""
        session, self._session = self._session, None
        self._granted, self._given_up, self._in_line = None, None, False
        if session is None:
            return None
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def end() -> None:
            session.end()
            in_loop(loop, lambda: None if ended.done() else ended.set_result(None))

        threading.Thread(target=end, name="lock session end", daemon=True).start()
        return ended

    def _lease(self, session: Session) -> float:
        return max(0.0, session.negotiated() - self._slack)

    # The queue ----------------------------------------------------------------------------------------------------

    async def _place(self, session: Session) -> _Place | None:
        """The own node's place in the queue, if it is there."""
        client = session.client
        try:
            _, names = await self._both(client.sync_async(self._path), client.get_children_async(self._path))
        except self._errors.NoNodeError:
            return None
        queue = sorted((name for name in names if _number(name) is not None), key=lambda name: _number(name) or 0)
        for at, name in enumerate(queue):
            if name.startswith(self._me):
                path = f"{self._path}/{name}"
                found = await self._answer(client.exists_async(path))
                # One of a former session that has not ended yet is somebody else's.
                if found is not None and found.owner_session_id == session.number():
                    return _Place(path, found.czxid, f"{self._path}/{queue[at - 1]}" if at else None)
        return None

    async def _stand_in_line(self, session: Session) -> None:
        await self._answer(
            session.client.create_async(f"{self._path}/{self._me}", ephemeral=True, sequence=True, makepath=True)
        )

    async def _watched(self, session: Session, before: str) -> bool:
        """Whether the node before the own one is still there; if so, we hear of its end."""
        self._perhaps_free.clear()
        return await self._answer(session.client.exists_async(before, watch=session.told)) is not None

    async def _delete(self, session: Session, path: str) -> None:
        with suppress(self._errors.NoNodeError):
            await self._answer(session.client.delete_async(path))

    async def _watch(self, tell: Callable[[], None]) -> None:
        if not self._in_line:
            tell()
        while True:
            await self._perhaps_free.wait()
            self._perhaps_free.clear()
            tell()

    def _tell(self) -> None:
        self._perhaps_free.set()

    # kazoo's threads ----------------------------------------------------------------------------------------------

    async def _both(self, first: Any, second: Any) -> tuple[Any, Any]:
        """Two requests that were sent right after each other, on one connection."""
        both = await asyncio.gather(self._answer(first), self._answer(second), return_exceptions=True)
        for result in both:
            if isinstance(result, BaseException):
                raise result
        return both[0], both[1]

    async def _answer(self, result: Any) -> Any:
        """What a request of kazoo's comes to, in our loop. Raises Unavailable; NoNodeError is an answer."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def settle() -> None:
            if answer.done():
                return
            if result.exception is None:
                answer.set_result(result.value)
            else:
                answer.set_exception(result.exception)

        result.rawlink(lambda _: in_loop(loop, settle))
        try:
            return await answer
        except self._errors.NoNodeError:
            raise
        except (self._errors.KazooException, OSError) as error:
            raise Unavailable(f"ZooKeeper: {str(error) or type(error).__name__}") from error


def _number(name: str) -> int | None:
    digits = name[-DIGITS:]
    return int(digits) if name.startswith(PREFIX) and digits.isdigit() else None
