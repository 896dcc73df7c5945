"""HTTP and JSON, as services speak it that keep locks: several endpoints, tried in turn."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from runtime.coordination.client import library
from runtime.coordination.service import Unavailable

if TYPE_CHECKING:
    import httpx

AnswerT = TypeVar("AnswerT")
ROUNDS = 2
"""How often all endpoints are tried. A connection that was kept open is often found broken only when it is used."""
LONGEST_SAID = 200
"""How much of an error's text is handed on."""
LONGEST_LINE = 1024 * 1024


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    def read(self, kind: type[AnswerT]) -> AnswerT:
        """The body. Numbers may be written as strings. Raises Unavailable."""
        return read_json(self.body, kind)

    def unexpected(self, what: str) -> Unavailable:
        """For an answer that none of the documented ones is."""
        said = self.body.decode("utf-8", "replace").strip()[:LONGEST_SAID]
        return Unavailable(f"{what} was answered with status {self.status}: {said}")


Headers = Callable[[], Mapping[str, str]]


class Endpoints:
    """The servers of one service. A request that fails at one is tried at the next: so it may be done twice, and has to
    be such that this does no harm."""

    def __init__(
        self, urls: Sequence[str], extra: str, timeout: float, tls: ssl.SSLContext | None, headers: Headers
    ) -> None:
        if not urls:
            raise ValueError("no endpoint is given")
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"an endpoint begins with http:// or https://, unlike {url!r}")
        self._httpx = library("httpx", extra)
        self._urls = [url.rstrip("/") for url in urls]
        self._now = 0
        self._share = timeout / len(urls)
        self._headers = headers
        # Proxies that the environment names are for other traffic, and timeouts are those of whole calls.
        self._client: httpx.AsyncClient = self._httpx.AsyncClient(
            verify=tls or ssl.create_default_context(), timeout=None, trust_env=False
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        share: float | None = None,
    ) -> Reply:
        """One request, within the caller's own deadline; `share` is how many seconds one endpoint has. An answer that
        says that the server cannot do it now (5xx, or 429) counts as none. Raises Unavailable."""
        content = content if body is None else msgspec.json.encode(body)
        why = "no endpoint"
        for _ in range(ROUNDS * len(self._urls)):
            url = self._urls[self._now]
            try:
                async with asyncio.timeout(share or self._share):
                    answer = await self._client.request(
                        method, url + path, content=content, params=params, headers=self._sent(content)
                    )
            except (self._httpx.HTTPError, OSError) as error:  # TimeoutError is one of the latter
                why = f"{url}: {_said(error)}"
            else:
                reply = Reply(answer.status_code, answer.content, answer.headers)
                if answer.status_code < 500 and answer.status_code != 429:
                    return reply
                why = f"{url}: {reply.unexpected(f'{method} {path}')}"
            self._now = (self._now + 1) % len(self._urls)
        raise Unavailable(why)

    @contextlib.asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of an answer that goes on, from one endpoint. Raises Unavailable, also when it breaks off."""
        content = None if body is None else msgspec.json.encode(body)
        url = self._urls[self._now]
        try:
            request = self._client.build_request(
                method, url + path, content=content, params=params, headers=self._sent(content)
            )
            async with asyncio.timeout(self._share):
                answer = await self._client.send(request, stream=True)
            try:
                if answer.status_code != 200:
                    async with asyncio.timeout(self._share):
                        raise Reply(answer.status_code, await answer.aread(), answer.headers).unexpected(path)
                yield _lines(answer.aiter_bytes())
            finally:
                await answer.aclose()
        except (self._httpx.HTTPError, OSError, Unavailable) as error:
            self._now = (self._now + 1) % len(self._urls)
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"{url}: {_said(error)}") from error

    async def close(self) -> None:
        await self._client.aclose()

    def _sent(self, content: bytes | None) -> dict[str, str]:
        return {**({} if content is None else {"Content-Type": "application/json"}), **self._headers()}


def read_json(text: bytes, kind: type[AnswerT]) -> AnswerT:
    """Raises Unavailable: an answer that cannot be read says nothing."""
    try:
        return msgspec.json.decode(text, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:  # also where it does not fit the type
        said = text.decode("utf-8", "replace")[:LONGEST_SAID]
        raise Unavailable(f"an answer that cannot be understood ({error}): {said}") from error


async def with_repeat(attempt: Callable[[], Awaitable[AnswerT | None]], times: int, what: str) -> AnswerT:
    """What the first attempt gives that is not None: for requests that others can get in the way of."""
    for _ in range(times):
        if (answer := await attempt()) is not None:
            return answer
    raise Unavailable(f"{what}: others got in the way {times} times")


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
        if len(rest) > LONGEST_LINE:
            raise Unavailable("a line of an answer is too long")


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
