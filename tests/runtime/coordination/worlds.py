"""The back ends, each with a server, as the tests that all of them have to pass see them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bench.servers import Server
from runtime.coordination.consul import ConsulLock
from runtime.coordination.etcd import EtcdLock
from runtime.coordination.hosted import HostedLock
from runtime.coordination.kubernetes import KubernetesLock
from runtime.coordination.service import Grant, LockService, Unavailable
from runtime.coordination.zookeeper import ZooKeeperLock
from runtime.transport.addresses import Address

AnswerT = TypeVar("AnswerT")
PATIENCE = 60.0
"""Seconds after which a test has failed, whatever the machine does."""
LOCKS = itertools.count()


class Pausable(Protocol):
    port: int

    def pause(self) -> None: ...

    def resume(self) -> None: ...


@dataclass(frozen=True)
class World:
    """A server and how to make a client of a lock that it keeps."""

    name: str
    server: Pausable
    make: Callable[[int, str, float], LockService]
    """From a port, the name of a lock, and a timeout."""
    short: float
    """A time to live that a test can wait for."""
    long: float
    """One that is not over before the test is."""
    speed: float = 1.0
    """How much faster time passes at the server."""
    again: bool = True
    """Whether a server that is started again grants the lock before a test has lost its patience."""

    @property
    def restartable(self) -> Server | None:
        return self.server if isinstance(self.server, Server) and self.again else None

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncGenerator[Callable[..., LockService], None]:
        """Makes clients of a lock of its own, and closes them."""
        name = f"lock{next(LOCKS)}-{os.getpid()}"
        made: list[LockService] = []

        def client(port: int = self.server.port, timeout: float = 10.0) -> LockService:
            made.append(self.make(port, name, timeout))
            return made[-1]

        try:
            yield client
        finally:
            await asyncio.gather(*(each.close() for each in made))


def etcd(server: Pausable) -> World:
    return World(
        "etcd", server, lambda port, name, timeout: EtcdLock([_url(port)], name, timeout=timeout), short=1, long=60
    )


def zookeeper(server: Pausable) -> World:
    def make(port: int, name: str, timeout: float) -> LockService:
        return ZooKeeperLock(f"127.0.0.1:{port}", f"/locks/{name}", tick_time=0.0, timeout=timeout)

    return World("zookeeper", server, make, short=1, long=30)


def kubernetes(server: Pausable) -> World:
    def make(port: int, name: str, timeout: float) -> LockService:
        return KubernetesLock(_url(port), "default", name, timeout=timeout)

    return World("kubernetes", server, make, short=1, long=60)


def consul(server: Pausable, speed: float) -> World:
    def make(port: int, name: str, timeout: float) -> LockService:
        return ConsulLock(_url(port), f"locks/{name}", timeout=timeout, behavior="delete")

    return World("consul", server, make, short=10, long=60 * speed, speed=speed)


def hosted(server: Pausable) -> World:
    def make(port: int, name: str, timeout: float) -> LockService:
        return HostedLock([Address("127.0.0.1", port)], name, timeout=timeout)

    return World("hosted", server, make, short=1, long=20, again=False)


@contextlib.asynccontextmanager
async def closing(*clients: LockService) -> AsyncGenerator[None, None]:
    """Closes them in the end."""
    try:
        yield
    finally:
        await asyncio.gather(*(each.close() for each in clients))


async def granted(client: LockService, time_to_live: float) -> Grant:
    """The grant that there has to be."""
    grant = await client.acquire(time_to_live)
    assert grant is not None
    return grant


async def granted_in_time(client: LockService, time_to_live: float) -> Grant:
    """The grant that there is when others have lost theirs."""
    while True:
        with contextlib.suppress(Unavailable):
            if (grant := await client.acquire(time_to_live)) is not None:
                return grant
        await asyncio.sleep(0.02)


async def answered(call: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """What a call comes to as soon as the service can be reached again."""
    while True:
        with contextlib.suppress(Unavailable):
            return await call()
        await asyncio.sleep(0.02)


async def taken_when_told(client: LockService, time_to_live: float) -> Grant:
    """Asks only when told."""
    async for _ in client.freed():
        if (grant := await answered(lambda: client.acquire(time_to_live))) is not None:
            return grant
    raise AssertionError("the client was closed")


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"
