"""Accepts connections, and bounds those that have not yet said who they are."""

from __future__ import annotations

import asyncio
import logging
import socket

from runtime.transport.connection import Connection, address_text
from runtime.transport.dialling import TLS_CLOSING_SECONDS, Meeting, meet
from runtime.transport.handshake import Refusal
from runtime.transport.notices import Notices
from runtime.transport.stats import Reason

_PAUSE_SECONDS = 0.1
"""After a failure to accept: mostly there are no file descriptors left, and it would fail again at once."""


class Acceptor:
    """Accepts connections, and has a task for each whose handshake is not done."""

    def __init__(self, meeting: Meeting, notices: Notices) -> None:
        self.port = 0
        self._meeting = meeting
        self._notices = notices
        self._listening: list[socket.socket] = []
        self._retry: dict[socket.socket, asyncio.TimerHandle] = {}
        self._strangers: dict[asyncio.Task[None], str] = {}
        """Each is a connection without a peer yet, the oldest first."""

    def start(self, listening: list[socket.socket]) -> None:
        """Accepts on these sockets from now on."""
        self.port = listening[0].getsockname()[1]
        self._listening = listening
        for each in listening:
            asyncio.get_running_loop().add_reader(each, self._accept, each)

    async def stop(self) -> None:
        """Accepts no more, and closes what has no peer yet."""
        for each in self._listening:
            asyncio.get_running_loop().remove_reader(each)
            each.close()
        for handle in self._retry.values():
            handle.cancel()
        await asyncio.sleep(0)  # so that all tasks have begun, and close what they were given
        tasks = tuple(self._strangers)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _accept(self, listening: socket.socket) -> None:
        """Takes one connection. There is no `await` in it, for a cancelled `sock_accept` may lose what it accepted."""
        loop = asyncio.get_running_loop()
        try:
            accepted, address = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            self._notices.say(logging.ERROR, "cannot_accept", reason=error.strerror)
            loop.remove_reader(listening)
            self._retry[listening] = loop.call_later(
                _PAUSE_SECONDS, loop.add_reader, listening, self._accept, listening
            )
            return
        accepted.setblocking(False)
        self._admit(accepted, address_text(address))

    def _admit(self, accepted: socket.socket, address: str) -> None:
        if len(self._strangers) >= self._meeting.limits.unauthenticated:
            oldest = next(iter(self._strangers))
            oldest.cancel()
            self._meeting.refused(None, self._strangers.pop(oldest), Refusal(Reason.CROWDED, "too many strangers"))
        connection = self._meeting.connection(None)
        task = asyncio.get_running_loop().create_task(self._welcome(accepted, address, connection))
        self._strangers[task] = address
        task.add_done_callback(lambda done: self._strangers.pop(done, None))

    async def _welcome(self, accepted: socket.socket, address: str, connection: Connection) -> None:
        tls = self._meeting.tls()
        connecting = asyncio.get_running_loop().connect_accepted_socket(
            lambda: connection,
            accepted,
            ssl=None if tls is None else tls.accepting,
            ssl_handshake_timeout=None if tls is None else self._meeting.limits.handshake_seconds,
            ssl_shutdown_timeout=None if tls is None else TLS_CLOSING_SECONDS,
        )
        try:
            outcome = await meet(self._meeting.limits, connection, connecting)
        except OSError as error:
            outcome = Refusal(Reason.GONE, str(error))
        if isinstance(outcome, Refusal):
            self._meeting.refused(None, address, outcome)
