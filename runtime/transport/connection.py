"""One TCP connection: its handshake, then frames, until it breaks or is closed."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Protocol, cast

from runtime.process import Name
from runtime.transport.frames import Frames, frame
from runtime.transport.handshake import HANDSHAKE_BYTES, Handshake, Refusal, heard, opening
from runtime.transport.limits import Limits
from runtime.transport.sockets import is_itself, tune
from runtime.transport.stats import Dropped, Reason

_READ_BYTES = 8 * 1024
_WRITE_BYTES = 64 * 1024
"""When so much waits within a connection, the rest waits in the link, where it is counted and bounded."""
_IN_HANDSHAKE = {
    Dropped.OVERSIZE: Reason.OVERSIZE,
    Dropped.MALFORMED: Reason.MALFORMED,
    Dropped.UNFINISHED: Reason.TIMEOUT,
}


class Owner(Protocol):
    """Whom a connection tells what happens to it. All of this is called by the event loop."""

    def opened(self, connection: Connection) -> None:
        """There is a connection, though nobody knows yet to whom."""
        ...

    def established(self, connection: Connection) -> None:
        """The handshake was done; `connection.peer` says with whom."""
        ...

    def arrived(self, connection: Connection, payload: bytes) -> None:
        """A payload came in."""
        ...

    def writable(self, connection: Connection) -> None:
        """The established connection takes more again."""
        ...

    def spoiled(self, connection: Connection, reason: Dropped) -> None:
        """The other side sent what cannot be right. The connection has been closed."""
        ...

    def ended(self, connection: Connection, broken: bool) -> None:
        """A connection that was opened is no more; `broken` if it was established and not closed here."""
        ...


class Connection(asyncio.BufferedProtocol):
    """Payloads go from the node that dialled to the one that was dialled, and never back.

    It reads into a small buffer of its own: asyncio would take 256 KiB from the system for each message."""

    def __init__(self, owner: Owner, limits: Limits, begin: Callable[[Any], Handshake]) -> None:
        """`begin` makes the handshake from the other side's certificate, as `SSLSocket.getpeercert` gives it."""
        self.peer: Name | None = None
        self.dialled = False
        self.remote = "?"
        self.settled: asyncio.Future[Name | Refusal] = asyncio.get_running_loop().create_future()
        """What the handshake came to."""
        self.gone = asyncio.Event()
        self._owner = owner
        self._limits = limits
        self._begin = begin
        self._handshake: Handshake | None = None
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self._paused = False
        self._frames = Frames(HANDSHAKE_BYTES)
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._unfinished: asyncio.TimerHandle | None = None

    # For the owner

    @property
    def made(self) -> bool:
        """Whether there was a connection at all, with TLS if that is wanted."""
        return self._transport is not None

    @property
    def writable(self) -> bool:
        """Whether what is written leaves soon."""
        return self.peer is not None and not self._closing and not self._paused

    def write(self, body: bytes) -> None:
        """Sends a frame with the body."""
        assert self._transport is not None
        self._transport.write(frame(body))

    def close(self) -> None:
        """Sends what is still to be sent, and closes. The owner is not told that it broke."""
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Closes at once. The owner is not told that it broke."""
        self._closing = True
        self._abort()

    # For the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands, and so does TLS if there is any."""
        self._transport = cast("asyncio.Transport", transport)
        self._owner.opened(self)
        if self._closing:
            self._abort()
            return
        underneath = transport.get_extra_info("socket")
        try:
            self.remote = address_text(underneath.getpeername())
            itself = is_itself(underneath)
            tune(underneath, self._limits.dead_link_seconds)
        except OSError:  # it has gone already
            self._abort()
            return
        if itself:
            self._settle(Refusal(Reason.GONE, "nobody listens there"))
            self.abort()
            return
        self._transport.set_write_buffer_limits(high=_WRITE_BYTES)
        self._handshake = self._begin(transport.get_extra_info("peercert"))
        self.dialled = self._handshake.dialled is not None
        if (greeting := opening(self._handshake)) is not None:
            self.write(greeting)

    def get_buffer(self, sizehint: int) -> memoryview:
        """A view, because asyncio's TLS cuts what it gets, and would write into a copy of a bytearray."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came in."""
        if self._closing:
            return
        self._frames.add(self._buffer[:nbytes])
        whole = False
        while not self._is_closing() and (body := self._frames.take()) is not None:
            whole = True
            if self._handshake is not None:
                self._hear(self._handshake, body)
            elif self.dialled:
                self._spoil(Dropped.MALFORMED)  # nothing is to come this way
            else:
                self._owner.arrived(self, body)
        if not self._is_closing():
            if self._frames.spoiled is not None:
                self._spoil(Dropped.OVERSIZE if self._frames.spoiled else Dropped.MALFORMED)
            else:
                self._watch(whole)

    def pause_writing(self) -> None:
        """The other side reads too slowly."""
        self._paused = True

    def resume_writing(self) -> None:
        """The other side reads again."""
        self._paused = False
        if self.writable:
            self._owner.writable(self)

    def eof_received(self) -> None:
        """The other side sends no more, so it is of no use to wait until it has read everything."""
        if self._closing:  # asyncio's TLS calls this in the middle of `close`, and fails if that is undone under it
            asyncio.get_running_loop().call_soon(self._abort)
        else:
            self._abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        self._frames = Frames(0)
        if self._unfinished is not None:
            self._unfinished.cancel()
        reason = Reason.TLS if isinstance(exc, ssl.SSLError) else Reason.GONE
        self._settle(Refusal(reason, str(exc or "closed without a word")))
        self.gone.set()
        self._owner.ended(self, broken=self.peer is not None and not self._closing)

    def _is_closing(self) -> bool:
        return self._closing

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _hear(self, handshake: Handshake, body: bytes) -> None:
        turn = heard(handshake, body)
        if turn.say is not None:
            self.write(turn.say)
        match turn.then:
            case Handshake():
                self._handshake = turn.then
            case Refusal():
                self._settle(turn.then)
                self.close()
            case Name():
                self.peer = turn.then
                self._handshake = None
                self._frames.limit = self._limits.frame_bytes
                self._settle(turn.then)
                self._owner.established(self)

    def _settle(self, outcome: Name | Refusal) -> None:
        if not self.settled.done():
            self.settled.set_result(outcome)

    def _watch(self, whole: bool) -> None:
        """Sees to it that a frame that has begun also ends."""
        if self._unfinished is not None and (whole or not self._frames.held):
            self._unfinished.cancel()
            self._unfinished = None
        if self._frames.held and self._unfinished is None:
            loop = asyncio.get_running_loop()
            self._unfinished = loop.call_later(self._limits.frame_seconds, self._spoil, Dropped.UNFINISHED)

    def _spoil(self, reason: Dropped) -> None:
        self.abort()
        if self.peer is None:
            self._settle(Refusal(_IN_HANDSHAKE[reason], "no handshake"))
        else:
            self._owner.spoiled(self, reason)


def address_text(address: object) -> str:
    """As text; the address of a TCP connection has a host and a port, and more in IPv6."""
    match address:
        case (str() as host, int() as port, *_):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        case _:
            return "?"
