"""What tests with a stand-in share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from runtime.coordination.service import Grant, LockService, Unavailable

AnswerT = TypeVar("AnswerT")
PATIENCE = 60.0
"""Seconds after which a test has failed, whatever the machine does."""


def played(scenario: Coroutine[Any, Any, AnswerT]) -> AnswerT:
    """What a scenario comes to."""

    async def within_its_time() -> AnswerT:
        async with asyncio.timeout(PATIENCE):
            return await scenario

    return asyncio.run(within_its_time())


@contextlib.asynccontextmanager
async def closing(*clients: LockService) -> Any:
    """Closes them."""
    try:
        yield
    finally:
        await asyncio.gather(*(client.close() for client in clients))


async def held(client: LockService, time_to_live: float) -> Grant:
    """The grant that there has to be."""
    grant = await client.acquire(time_to_live)
    assert grant is not None
    return grant


async def held_in_time(client: LockService, time_to_live: float) -> Grant:
    """The grant that there is sooner or later."""
    while (grant := await client.acquire(time_to_live)) is None:
        await asyncio.sleep(0.02)
    return grant


async def answered(call: Callable[[], Awaitable[AnswerT]]) -> AnswerT:
    """What a call comes to that is made again for as long as it takes."""
    while True:
        with contextlib.suppress(Unavailable):
            return await call()


async def told(client: LockService) -> None:
    """Waits for a hint."""
    async for _ in client.freed():
        return
    raise AssertionError("the client was closed")
