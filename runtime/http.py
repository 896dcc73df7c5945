"""What a node tells over HTTP: whether it is well, what it knows, and its metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

import msgspec

from runtime.node import Node
from runtime.transport.addresses import Address

SECONDS = 30.0
"""The next request has to come, and its answer to be taken, within this time."""
LONGEST = 8 * 1024
NO_METRICS = (
    b"metrics need prometheus-client, which is not installed here: pip install prometheus-client (or the wheel of this "
    b"node with its extra `metrics`)\n"
)
Answer = tuple[HTTPStatus, str, bytes]


@contextlib.asynccontextmanager
async def serving(node: Node, where: Address) -> AsyncIterator[Address]:
    """Answers `GET /healthz`, `/status` and `/metrics` for as long as the context lasts; the address it listens at.
    Raises OSError."""
    metrics = metrics_answer()
    answers: dict[str, Callable[[], Answer]] = {
        "/healthz": lambda: _health(node),
        "/status": lambda: (HTTPStatus.OK, "application/json", _json(node.status())),
        "/metrics": lambda: metrics(node),
    }

    writers: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            goes_on = True
            while goes_on:
                async with asyncio.timeout(SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    goes_on = head.startswith((b"GET ", b"HEAD ")) and b"connection: close" not in head.lower()
                    writer.write(_response(head, answers, goes_on))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writers.discard(writer)
            writer.close()

    try:
        server = await asyncio.start_server(answer, where.host, where.port, limit=LONGEST)
    except (OSError, UnicodeError) as error:  # the latter for a host name that cannot be
        raise OSError(f"cannot answer over HTTP at {where}: {getattr(error, 'strerror', None) or error}") from error
    async with server:
        try:
            yield Address(where.host, server.sockets[0].getsockname()[1])
        finally:
            for writer in tuple(writers):  # or Python 3.12 waits for those who keep theirs open, and the node leads on
                writer.transport.abort()


def metrics_answer() -> Callable[[Node], Answer]:
    """What answers `/metrics`. To be called first before any node is at work: what it imports takes longer to come than
    some heartbeats."""
    try:
        from runtime.metrics import CONTENT_TYPE, metrics_of
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != "prometheus_client":
            raise
        return lambda _: (HTTPStatus.NOT_IMPLEMENTED, "text/plain", NO_METRICS)
    return lambda node: (HTTPStatus.OK, CONTENT_TYPE, metrics_of(node))


def _response(head: bytes, answers: dict[str, Callable[[], Answer]], goes_on: bool) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
    if method not in (b"GET", b"HEAD"):
        status, kind, body = HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET is answered here\n"
    elif (found := answers.get(path)) is None:
        status, kind, body = HTTPStatus.NOT_FOUND, "text/plain", " ".join(answers).encode() + b"\n"
    else:
        status, kind, body = found()
    said = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\nConnection: {'keep-alive' if goes_on else 'close'}\r\n\r\n"
    )
    return said.encode("latin-1") + (body if method == b"GET" else b"")


def _health(node: Node) -> Answer:
    """A node that follows is as well as one that leads."""
    if node.replica.failure is not None:
        return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{node.replica.failure}\n".encode()
    return HTTPStatus.OK, "text/plain", b"ok\n"


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
