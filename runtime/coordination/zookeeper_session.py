"""A session with ZooKeeper, as `runtime.coordination.zookeeper` needs it: what happens in kazoo's threads, told in our
event loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Session:
    """A session, from the moment at which a client is started. kazoo connects by itself, as often as it takes; when the
    session has run out meanwhile, this one has ended all the same."""

    def __init__(self, client: Any, tell: Callable[[], None]) -> None:
        self.client = client
        self.connected = asyncio.Event()
        """Set as well when the session has ended, for there is nothing to wait for any more."""
        self.watchdog = _Watchdog(self.end)
        self._loop = asyncio.get_running_loop()
        self._tell = tell
        self._lock = threading.Lock()
        self._number: int | None = None
        self._negotiated: float | None = None
        self._ended = False
        self._listen_for_the_timeout()
        client.add_listener(self._changed)
        client.start_async()

    def ended(self) -> bool:
        return self._ended

    def number(self) -> int | None:
        return self._number

    def negotiated(self) -> float:
        """The session timeout, in seconds."""
        if self._negotiated is None:
            raise RuntimeError("this release of kazoo does not tell which session timeout the server has agreed to")
        return self._negotiated

    def told(self, _event: object) -> None:
        """A watch has fired. Called in a thread of kazoo's. We may be the next, and have to ask within our time."""
        self.watchdog.wind(self.negotiated())
        in_loop(self._loop, self._tell)

    def end(self) -> None:
        """Closes the session; without an answer, it gets no more pings and runs out. Blocks: for a thread."""
        self._over()
        self.watchdog.stop()
        with self._lock, suppress(Exception):  # kazoo raises various things when it is stopped while it connects
            self.client.stop()
            self.client.close()

    def _over(self) -> None:
        self._ended = True
        in_loop(self._loop, self.connected.set)
        in_loop(self._loop, self._tell)

    def _changed(self, state: str) -> None:
        """Called in a thread of kazoo's."""
        if state == "CONNECTED":
            number = self.client.client_id[0]
            if self._number is None:
                self._number = number
            if number != self._number:
                self._over()
            else:
                in_loop(self._loop, self.connected.set)
        elif state == "LOST":
            if self._number is not None:
                self._over()
        elif not self._ended:
            in_loop(self._loop, self.connected.clear)

    def _listen_for_the_timeout(self) -> None:
        """kazoo keeps to itself what the server answers to the request for a session; we read it as it comes in."""
        connection = self.client._connection
        invoke = connection._invoke

        def listening(*arguments: Any, **named: Any) -> Any:
            answer = invoke(*arguments, **named)
            agreed = getattr(answer[0], "time_out", None) if isinstance(answer, tuple) else None
            if agreed:
                self._negotiated = agreed / 1000
            return answer

        connection._invoke = listening


class _Watchdog:
    """Calls something, in a thread of its own, when it was wound up and not again in time."""

    def __init__(self, bite: Callable[[], None]) -> None:
        self._bite = bite
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None

    def wind(self, seconds: float) -> None:
        with self._changed:
            self._deadline = time.monotonic() + seconds
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="lock watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()

    def unwind(self) -> None:
        with self._changed:
            self._deadline = None
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                left = None if self._deadline is None else self._deadline - time.monotonic()
                if left is not None and left <= 0:
                    break
                self._changed.wait(left)
            if self._stopped:
                return
        self._bite()


def in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended, and whoever would have been told with it
        loop.call_soon_threadsafe(call)
