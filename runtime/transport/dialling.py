"""Keeps a connection to a peer: dials, and dials again when it breaks."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from runtime.process import Name
from runtime.transport.addresses import Address
from runtime.transport.backoff import delay
from runtime.transport.connection import Connection
from runtime.transport.handshake import Refusal
from runtime.transport.limits import Limits
from runtime.transport.link import Link
from runtime.transport.stats import Reason, Stats
from runtime.transport.tls import Contexts

TLS_CLOSING_SECONDS = 1.0


@dataclass(frozen=True)
class Meeting:
    """What is needed to come to know another node. `connection` makes one, to the peer dialled or, given None, for a
    socket that was accepted; `tls` is asked each time, for the files may have been read anew; `refused` is told of
    handshakes that came to nothing: the peer dialled or None, the other side's address, and why."""

    limits: Limits
    stats: Stats
    connection: Callable[[Name | None], Connection]
    tls: Callable[[], Contexts | None]
    refused: Callable[[Name | None, str, Refusal], None]


async def meet(limits: Limits, connection: Connection, connecting: Awaitable[Any]) -> Name | Refusal:
    """Whom a connection turns out to lead to, or why that came to nothing; then it is closed. Raises OSError where
    there was no connection in the first place."""
    try:
        async with asyncio.timeout(limits.handshake_seconds):
            await connecting
            return await asyncio.shield(connection.settled)
    except ssl.SSLError as error:
        failed = Refusal(Reason.TLS, str(error))
    except TimeoutError:
        failed = Refusal(Reason.TIMEOUT, f"no handshake within {limits.handshake_seconds:g} s")
    except BaseException:
        if connection.peer is None:
            connection.abort()
        raise
    if connection.peer is not None:  # at the last moment
        return connection.peer
    connection.abort()
    return failed


class Dialler:
    """The task that keeps the connection to one peer."""

    def __init__(self, meeting: Meeting, peer: Name, address: Address, link: Link, random: Random) -> None:
        self._meeting = meeting
        self._peer = peer
        self._address = address
        self._link = link
        self._random = random
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to dial."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def stop(self) -> None:
        """Dials no more. An established connection stays."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _keep(self) -> None:
        """A connection resets the delay, unless it was soon lost again: two nodes that both go by one name would drive
        each other out without end."""
        loop, limits, stats = asyncio.get_running_loop(), self._meeting.limits, self._meeting.stats
        known = False
        vain = fleeting = 0
        while True:
            self._link.wanted.clear()
            connection = await self._dial()
            if connection is None:
                vain += 1
            else:
                stats.connects += 1
                stats.reconnects += known
                known = True
                since = loop.time()
                await connection.gone.wait()
                vain, fleeting = 0, 0 if loop.time() - since >= limits.settled_seconds else fleeting + 1
                self._link.wanted.clear()
            pause = delay(vain + fleeting, limits.shortest_delay, limits.longest_delay, self._random)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._link.wanted.wait()

    async def _dial(self) -> Connection | None:
        """An established connection; None where nobody answers, or not as the peer."""
        tls = self._meeting.tls()
        connection = self._meeting.connection(self._peer)
        connecting = asyncio.get_running_loop().create_connection(
            lambda: connection,
            self._address.host,
            self._address.port,
            ssl=None if tls is None else tls.dialling,
            server_hostname=None if tls is None else "",
            ssl_handshake_timeout=None if tls is None else self._meeting.limits.handshake_seconds,
            ssl_shutdown_timeout=None if tls is None else TLS_CLOSING_SECONDS,
        )
        try:
            outcome = await meet(self._meeting.limits, connection, connecting)
        except (OSError, UnicodeError):  # the latter for a host name that cannot be
            self._meeting.stats.failed_dials += 1
            return None
        if not isinstance(outcome, Refusal):
            return connection
        if outcome.reason is Reason.TIMEOUT and not connection.made:
            self._meeting.stats.failed_dials += 1
        else:
            self._meeting.refused(self._peer, str(self._address), outcome)
        return None
