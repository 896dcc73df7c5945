"""An HTTP server in threads of this process, for stand-ins of services that cannot be installed here."""

from __future__ import annotations

import contextlib
import enum
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit


class Asked(NamedTuple):
    method: str
    path: str
    query: Mapping[str, str]
    headers: Message[str, str]
    body: bytes


class Said(NamedTuple):
    status: int
    body: object
    """Sent as JSON, but for bytes; one after another, line by line, for an iterator."""
    headers: Mapping[str, str] = {}


class Fate(enum.Enum):
    """What becomes of a request. The connection breaks off in all cases but the first."""

    ANSWERED = enum.auto()
    LOST = enum.auto()
    """Never done."""
    UNANSWERED = enum.auto()
    """Done at once."""
    LATE = enum.auto()
    """Done when `deliver` is called."""


class BrokenOff(Exception):
    """There is no answer."""


class Standin:
    """Answers on loopback until it is killed. While it is paused, requests arrive and nothing happens."""

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.fate: Callable[[Asked], Fate] = lambda _: Fate.ANSWERED
        self.instead: Said | None = None
        """Said to every request, which is not done."""
        self._late: list[Asked] = []
        self.changed = threading.Condition()
        """Guards the state, and is notified when it changes."""
        self.requests: list[Asked] = []
        self._running = threading.Event()
        self._running.set()
        self._server = _Server(("127.0.0.1", port), _handler(self), tls)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, asked: Asked) -> Said:
        raise NotImplementedError

    def handle(self, asked: Asked) -> Said:
        self._running.wait()
        self.requests.append(asked)
        if self.instead is not None:
            return self.instead
        fate = self.fate(asked)
        if fate is Fate.LATE:
            self._late.append(asked)
        if fate in (Fate.LATE, Fate.LOST):
            raise BrokenOff
        said = self.answer(asked)
        self._running.wait()
        if fate is Fate.UNANSWERED:
            raise BrokenOff
        return said

    def deliver(self) -> list[int]:
        """What was late arrives, in the order in which it was sent. The statuses that nobody hears of."""
        late, self._late = self._late, []
        return [self.answer(asked).status for asked in late]

    def pause(self) -> None:
        self._running.clear()

    def resume(self) -> None:
        self._running.set()

    def kill(self) -> None:
        self.resume()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, handler)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.connections: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none."""

    def server_close(self) -> None:
        super().server_close()
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _handler(standin: Standin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _any(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            try:
                said = standin.handle(Asked(self.command, unquote(url.path), query, self.headers, body))
            except BrokenOff:
                self.close_connection = True
                return
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if isinstance(said.body, Iterator):
                self.send_header("Connection", "close")
                self.end_headers()
                self.close_connection = True
                for line in said.body:
                    self.wfile.write(json.dumps(line).encode() + b"\n")
                    self.wfile.flush()
                return
            text = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST = do_DELETE = _any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
