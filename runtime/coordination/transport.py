"""What carries an emitted lease client's messages to a lock service that is no process of its protocol.

The client is the one that was checked: it asks, is answered, counts and believes as its spec says. Its messages to the
spec's lock service become calls of a `LockService`, and what that says becomes the messages of the spec's lock service
to the client. A call that is not answered is a message that was lost.

    acquire(..)         -> granted(token, ..) or refused(..)
    renew(token, ..)    -> granted(token, ..) or refused(..)
    release(token)      -> no answer
                           freed(), whenever the lock may have become free

What else a request carries (`..`) comes back with its answer, so that the client knows which of its requests that is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Final

from runtime.coordination import SERVICE
from runtime.coordination.service import MAX_TOKEN, Grant, LockService, Unavailable
from runtime.process import Name, Process
from runtime.transport import Received
from runtime.transport.stats import Dropped, Stats
from runtime.wire import Letter, codec_of, codec_reading

log = logging.getLogger("oneleader")

REQUESTS: Final = ("acquire", "renew", "release")
ANSWERS: Final = ("granted", "refused", "freed")
WAITING: Final = 16
"""Requests that wait for the one before; what is more than that is lost."""
AGAIN: Final = 1.0
"""Seconds after which what has gone wrong in a way that nobody thought of is tried again."""
CLOSE_ENOUGH: Final = 1e-3
"""Seconds by which a time to live may be another one than was asked for: a service rounds to milliseconds."""


class NotAClient(ValueError):
    """The process is no client of a lock service, or of one that says other things."""


class CoordinationTransport:
    """A transport (see `runtime.transport`) whose only peer is a lock service.

    `time_to_live` is what is asked for, in seconds: that of the spec's lock service. Raises NotAClient."""

    def __init__(
        self, service: LockService, process: Process[Any, Any], time_to_live: float, received: Received, where: str
    ) -> None:
        for name in (*REQUESTS, *ANSWERS):
            if name not in process.message_types:
                raise NotAClient(f"{process.protocol} has no message `{name}`: its {process.kind} is no lease client")
        for name in ANSWERS:
            if process.receives.get(name) != SERVICE.kind:
                raise NotAClient(f"a {process.kind} of {process.protocol} takes no `{name}` from a {SERVICE.kind}")
        if not time_to_live > 0:
            raise NotAClient(f"{process.protocol} does not say for how long a {SERVICE.kind} grants its lock")
        self.address = where
        self._service = service
        self._time_to_live = time_to_live
        self._received = received
        self._types = process.message_types
        self._codec = codec_of(process)
        self._requests = codec_reading(tuple(process.message_types[name] for name in REQUESTS))
        self._stats = Stats()
        self._waiting: deque[Letter] = deque()
        self._more = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._number = 0
        self._granted: Any = None
        """The request that was granted last: it may come again, late, when the client holds what it was granted."""
        self._answered: bool | None = None
        self._closed = False
        self._warned = False

    @property
    def stats(self) -> Stats:
        """See `Transport`."""
        return self._stats

    async def start(self) -> None:
        """See `Transport`."""
        loop = asyncio.get_running_loop()
        self._tasks = loop.create_task(self._work()), loop.create_task(self._watch())

    async def close(self) -> None:
        """See `Transport`. What is held is given back, where the service can be reached."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._service.close()

    def send(self, to: Name, payload: bytes) -> None:
        """See `Transport`. What goes to anybody but the lock service goes nowhere: a service writes to its storage by
        itself, with the token. A request that waits already does not wait twice."""
        if self._closed or to != SERVICE:
            self._stats.dropped[Dropped.CLOSED] += 1
        elif len(self._waiting) >= WAITING:
            self._stats.dropped[Dropped.QUEUE_FULL] += 1
        else:
            letter = self._requests.decode(payload)
            if not self._waiting or self._waiting[-1].message != letter.message:
                self._waiting.append(letter)
                self._more.set()

    def connected(self, peer: Name) -> bool:
        """Whether the lock service has answered the last request."""
        return peer == SERVICE and self._answered is True

    def reload(self) -> None:
        """Raises ValueError: whoever made the lock service's client holds its certificates."""
        raise ValueError("the certificates of a lock service's client are read when it is opened")

    # The requests, one after another

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            letter = self._waiting.popleft()
            try:
                answer = await self._answer(letter.message)
            except Unavailable as problem:
                self._fails(str(problem))
            except Exception as problem:  # a client that asks no more, and says nothing of it, would be worse
                log.debug("what went wrong at the lock service", exc_info=True)
                self._fails(f"{type(problem).__name__}: {problem}")
            else:
                if self._answered is False:
                    log.info("the lock service at %s answers again", self.address)
                self._answered = True
                if answer is not None:
                    self._tell(answer, letter.number)

    def _fails(self, how: str) -> None:
        if self._answered is not False:
            log.warning("the lock service at %s does not answer: %s", self.address, how)
        self._answered = False

    async def _answer(self, request: Any) -> Any:
        """The spec's lock service's answer. Raises Unavailable."""
        match type(request).__struct_config__.tag:
            case "acquire":
                grant = await self._service.acquire(self._time_to_live)
                if grant is None or not await self._is_taken(grant, request):
                    return self._said("refused", request)
                self._granted = request
                return self._said("granted", request, grant.token)
            case "renew":
                renewed = await self._service.renew(request.token)
                # Where it is too short, it is not given back: the client believes to hold it until it is told. Then it
                # asks anew, and what it is granted then is.
                held = renewed is not None and self._is_enough(renewed)
                return self._said("granted" if held else "refused", request, request.token)
            case _:
                await self._service.release(request.token)
                return None

    async def _is_taken(self, grant: Grant, request: Any) -> bool:
        """Whether a grant is one that the client counts on; if not, it is given back, unless the client may hold it."""
        if not 0 <= grant.token <= MAX_TOKEN:
            raise Unavailable(f"{grant.token} was granted, which is no token")
        enough = self._is_enough(grant.time_to_live)
        if not enough and request != self._granted:
            await self._service.release(grant.token)
        return enough

    def _is_enough(self, granted: float) -> bool:
        """Whether a lock is granted for as long as the client counts on."""
        wanted = self._time_to_live
        if abs(granted - wanted) > CLOSE_ENOUGH and not self._warned:
            self._warned = True
            meant = "a holder that dies is replaced as much later" if granted > wanted else "the lock is not taken"
            said = "the lock service at %s grants the lock for %g s where %g s were asked for: %s"
            log.log(logging.WARNING if granted > wanted else logging.ERROR, said, self.address, granted, wanted, meant)
        return granted >= wanted - CLOSE_ENOUGH

    def _said(self, name: str, request: Any, token: int = 0) -> Any:
        of = self._types[name]
        carried = {"token": token, **{field: getattr(request, field) for field in request.__struct_fields__}}
        return of(**{field: (token if field == "token" else carried[field]) for field in of.__struct_fields__})

    # Its answers

    async def _watch(self) -> None:
        """Tells the client whenever the lock may have become free."""
        while not self._closed:
            try:
                async for _ in self._service.freed():
                    self._tell(self._types["freed"](), 0)
                return
            except Exception as problem:
                log.warning(
                    "the lock service at %s tells nothing: %s: %s", self.address, type(problem).__name__, problem
                )
                log.debug("what went wrong at the lock service", exc_info=True)
                await asyncio.sleep(AGAIN)

    def _tell(self, message: Any, answers: int) -> None:
        if self._closed:
            return
        self._number += 1
        self._received(SERVICE, self._codec.encode(Letter(self._number, answers, message)))
