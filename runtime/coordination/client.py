"""What the clients of all services share: calls one after another with a deadline, hints, and libraries that may not be
installed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from random import Random
from types import ModuleType

from runtime.coordination.service import Unavailable
from runtime.transport.backoff import delay

WATCH = 60.0
"""A watch is begun anew after so many seconds, and the lock looked at: a connection whose other end has vanished says
nothing for ever."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds to wait before a watch that failed is tried again."""


class Calls:
    """The calls of one client."""

    def __init__(self, timeout: float) -> None:
        if not 0 < timeout < math.inf:
            raise ValueError(f"the timeout is a number of seconds above 0, not {timeout}")
        self.timeout = timeout
        self.closed = False
        self.why = ""
        """What is known of why there is no answer."""
        self._one = asyncio.Lock()
        self._watches: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """One call: waits for those before it. Raises Unavailable when the time is over."""
        if self.closed:
            raise RuntimeError("this client of a lock was closed")
        try:
            async with asyncio.timeout(self.timeout), self._one:
                yield
        except TimeoutError as error:
            known = f": {self.why}" if self.why else ""
            raise Unavailable(f"no answer within {self.timeout:g} s{known}") from error

    async def hints(self, watch: Callable[[Callable[[], None]], Awaitable[None]]) -> AsyncIterator[None]:
        """What `freed` yields. `watch` looks at the lock, calls what it is given whenever the lock may be free, and
        comes to an end now and then, with Unavailable where the service cannot be reached; it is begun again."""
        if self.closed:
            return
        told = asyncio.Event()
        watching = asyncio.create_task(_again_and_again(watch, told.set))
        self._watches.add(watching)
        try:
            while True:
                waiting = asyncio.create_task(told.wait())
                try:
                    await asyncio.wait({waiting, watching}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
                if watching.done():
                    if not watching.cancelled():
                        watching.result()
                    return
                told.clear()
                yield
        finally:
            self._watches.discard(watching)
            watching.cancel()

    def end(self) -> bool:
        """No more calls and no more hints. False if that was so before."""
        if self.closed:
            return False
        self.closed = True
        for watching in self._watches:
            watching.cancel()
        return True


async def _again_and_again(watch: Callable[[Callable[[], None]], Awaitable[None]], tell: Callable[[], None]) -> None:
    loop, random, vain = asyncio.get_running_loop(), Random(), 0
    while True:
        begun = loop.time()
        try:
            await watch(tell)
        except Unavailable:
            vain = 0 if loop.time() - begun > LONGEST_PAUSE else vain + 1
            await asyncio.sleep(delay(vain, SHORTEST_PAUSE, LONGEST_PAUSE, random))


def asked_seconds(time_to_live: float) -> float:
    """What a caller asks for, if it can be. Raises ValueError."""
    if not 0 < time_to_live < math.inf:
        raise ValueError(f"the time to live is a number of seconds above 0, not {time_to_live}")
    return time_to_live


def library(name: str, extra: str) -> ModuleType:
    """A library that only some back ends need. Raises ModuleNotFoundError, which says how to get it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        raise ModuleNotFoundError(
            f"a lock kept by {extra} needs {name}, which is not installed here: pip install {name} (or install this "
            f"package with its extra `{extra}`)",
            name=name,
        ) from None
