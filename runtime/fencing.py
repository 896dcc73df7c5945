"""Guards for what a leader writes to: once a newer leader has written, an older one cannot.

A leader may be paused between the moment when it knew that it leads and the moment when its write arrives. So whoever
takes the write has to compare tokens, and has to do it in the same step as the write. Each guard here keeps, for each
resource, the newest token that it has seen, and refuses what comes with an older one. The same token may come again.

A resource is what is written as a whole, by any name: all writes that must not overtake each other share one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

MAX_TOKEN: Final = 2**63 - 1
"""The largest that a database keeps."""


class Fenced(Exception):
    """The token is older than one that was seen: its leader has been succeeded. Nothing was written. The leader should
    stop to act as one, and not try again."""

    def __init__(self, resource: str, token: int, newest: int) -> None:
        super().__init__(f"Token {token} for `{resource}` is older than {newest}, which was seen before.")
        self.resource = resource
        self.token = token
        self.newest = newest


def expect_token(token: int) -> int:
    """The token. Raises ValueError where it is none."""
    if not 0 <= token <= MAX_TOKEN:
        raise ValueError(f"A fencing token is a number from 0 to {MAX_TOKEN}, and not {token}.")
    return token


# In memory -----------------------------------------------------------------------------------------------------------


class Fence:
    """A guard of one resource that lasts as long as the process: for a writer that loses what was written, too, when it
    ends. Threads may share it.

    The check and the write are two steps. Where another thread may write in between, hold a lock over both."""

    def __init__(self, resource: str = "resource") -> None:
        self._resource = resource
        self._newest = 0
        self._lock = threading.Lock()

    def check(self, token: int) -> None:
        """Remembers the token. Raises Fenced where a newer one was seen, ValueError where it is none."""
        expect_token(token)
        with self._lock:
            if token < self._newest:
                raise Fenced(self._resource, token, self._newest)
            self._newest = token


# In a database, in the transaction of the write ----------------------------------------------------------------------

TABLE: Final = "CREATE TABLE IF NOT EXISTS fences (resource text PRIMARY KEY, token bigint NOT NULL)"
"""For SQLite and PostgreSQL."""
ADVANCE: Final = """
INSERT INTO fences (resource, token) VALUES ({0}, {0})
ON CONFLICT (resource) DO UPDATE SET token = excluded.token WHERE fences.token <= excluded.token
"""
# No row is changed where the condition fails. PostgreSQL locks the row before it looks at the condition, so that two
# leaders wait for each other's transactions, and the later one sees the earlier one's token.
GUARDED: Final = "oneleader_guarded"
NEWEST: Final = "SELECT token FROM fences WHERE resource = {0}"
SQLITE_ADVANCE, SQLITE_NEWEST = ADVANCE.format("?"), NEWEST.format("?")
POSTGRESQL_ADVANCE, POSTGRESQL_NEWEST = f"{ADVANCE.format('%s')}RETURNING token", NEWEST.format("%s")


@contextlib.contextmanager
def fenced(connection: sqlite3.Connection, resource: str, token: int) -> Iterator[None]:
    """A SQLite transaction whose writes are made only where no newer token was seen for the resource:

        with fenced(connection, "orders", leadership.token):
            connection.execute("UPDATE ...")

    It is committed at the end, and rolled back where an exception leaves the block. The table `fences` is made where it
    is not there. Nobody else writes to the database meanwhile, so that a leader that is paused inside the block has
    not been overtaken: another waits for it, or gets `database is locked`.

    Raises Fenced, before the block; ValueError where the token is none, or a transaction is open already; RuntimeError
    where the block ended the transaction itself, and what it wrote after that was not guarded; sqlite3.Error."""
    expect_token(token)
    if _is_open(connection):
        raise ValueError("A transaction is open. Commit it before, and do not use connections with autocommit=False.")
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(TABLE)
        if connection.execute(SQLITE_ADVANCE, (resource, token)).rowcount == 0:
            raise Fenced(resource, token, _newest(connection, resource))
        connection.execute(f"SAVEPOINT {GUARDED}")
        yield
        if not _is_guarded(connection):
            raise RuntimeError("The transaction was ended inside the block, so not all that was written was guarded.")
        connection.execute("COMMIT")
    except BaseException:
        if _is_open(connection):
            connection.execute("ROLLBACK")
        raise


def _newest(connection: sqlite3.Connection, resource: str) -> int:
    """Whatever rows are made into for others on this connection."""
    cursor = connection.cursor()
    cursor.row_factory = None
    ((newest,),) = cursor.execute(SQLITE_NEWEST, (resource,)).fetchall()
    return int(newest)


def _is_open(connection: sqlite3.Connection) -> bool:
    return connection.in_transaction


def _is_guarded(connection: sqlite3.Connection) -> bool:
    """Whether this is the transaction in which the token was looked at: a savepoint ends with its transaction, and
    another may have begun by itself since."""
    try:
        connection.execute(f"RELEASE {GUARDED}")
    except sqlite3.OperationalError:
        return False
    return True


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    def execute(self, statement: str, parameters: tuple[object, ...], /) -> object: ...
    def fetchone(self) -> Any: ...
    def close(self) -> object: ...


class Connection(Protocol):
    """What is used of a DB-API connection, such as psycopg's."""

    def cursor(self) -> Cursor: ...
    def commit(self) -> object: ...
    def rollback(self) -> object: ...


@contextlib.contextmanager
def fenced_postgresql(connection: Connection, resource: str, token: int) -> Iterator[None]:
    """As `fenced`, for PostgreSQL, by a connection whose parameters are written `%s` (psycopg, psycopg2, pg8000).

    Make the table `fences` first, with the text of `TABLE`. Begin with no transaction open: what is open is committed
    along with the block. Do not end the transaction inside the block: what is written after that is not guarded, and
    unlike `fenced` this does not find out.

    A leader that is paused inside the block holds the row of its resource, and its successor waits. Bound that with
    `idle_in_transaction_session_timeout`: then the server ends the paused leader's transaction, and its commit fails.

    Raises Fenced, before the block; ValueError where the token is none, or the connection commits by itself; what the
    driver raises, among it a serialization failure at the levels above READ COMMITTED, which may be tried again."""
    expect_token(token)
    if getattr(connection, "autocommit", False) is True:
        raise ValueError("The connection has autocommit set, so the check would be in a transaction of its own.")
    try:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(POSTGRESQL_ADVANCE, (resource, token))
            if cursor.fetchone() is None:
                cursor.execute(POSTGRESQL_NEWEST, (resource,))
                (newest,) = cursor.fetchone()
                raise Fenced(resource, token, newest)
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


# At a web service ----------------------------------------------------------------------------------------------------


class TokenStore(Protocol):
    """Where the newest tokens are kept."""

    async def advance(self, resource: str, token: int) -> None:
        """Remembers the token, before it returns. Raises Fenced where a newer one was seen."""


class MemoryTokens:
    """Newest tokens that are forgotten when the process ends. An older leader may then write until a newer one has."""

    def __init__(self) -> None:
        self._fences: dict[str, Fence] = {}

    async def advance(self, resource: str, token: int) -> None:
        self._fences.setdefault(resource, Fence(resource)).check(token)


class SQLiteTokens:
    """Newest tokens in a SQLite file, which several processes of one machine may share. They survive a power cut.

    The file is written when a newer token comes, and only read otherwise."""

    def __init__(self, path: str | Path, busy_seconds: float = 5.0) -> None:
        self._path = path
        self._busy_seconds = busy_seconds

    async def advance(self, resource: str, token: int) -> None:
        """As of TokenStore. Raises sqlite3.Error as well."""
        await asyncio.to_thread(self._advance, resource, token)

    def _advance(self, resource: str, token: int) -> None:
        with contextlib.closing(sqlite3.connect(self._path, self._busy_seconds, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("PRAGMA fullfsync = ON")
            if _seen(connection, resource) != token:
                with fenced(connection, resource, token):
                    pass


def _seen(connection: sqlite3.Connection, resource: str) -> int | None:
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'fences'").fetchone() is None:
        return None
    found = connection.execute(SQLITE_NEWEST, (resource,)).fetchone()
    return None if found is None else int(found[0])


Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER: Final = b"fencing-token"
READING: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that write nothing."""
# The token is a condition that the client puts on its request, "if no newer leader was here", and 412 is what HTTP says
# where such a condition does not hold; 428 says that one is required. 409 would invite to resolve a conflict and to try
# again, and an older leader never must.
BAD_REQUEST, PRECONDITION_FAILED, PRECONDITION_REQUIRED = 400, 412, 428


@dataclass
class _Passing:
    """The requests of one resource that the application is at work on, by their token."""

    at_work: dict[int, int] = field(default_factory=dict)
    one_is_done: asyncio.Event = field(default_factory=asyncio.Event)


class FencingMiddleware:
    """An ASGI application around another, which gets only requests that carry the newest `Fencing-Token`.

    A request with an older token gets 412, one without a token 428, one whose token is no number, or that has several,
    400, each with a line of text that says why. Requests by methods that write nothing pass without a token. Web
    sockets are refused, as a token at their opening says nothing about what comes later.

    `resource` names what a request writes to; by default all requests write to one. A token is remembered in `store`
    before its request reaches the application, and the request then waits until those of older tokens are done, so
    that none of these writes late. That holds within one process, and for writes that are done when the application
    returns. Where several processes serve, or work goes on in the background, use `fenced` around the write as well.
    The server's own limits must end requests that hang, since a newer leader waits for them."""

    def __init__(
        self,
        application: Application,
        store: TokenStore,
        resource: Callable[[Scope], str] = lambda scope: "all",
        unguarded: frozenset[str] = READING,
    ) -> None:
        self._application = application
        self._store = store
        self._resource = resource
        self._unguarded = unguarded
        self._passing: dict[str, _Passing] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http" or scope["method"] in self._unguarded:
            await self._application(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        values = [value for name, value in scope["headers"] if name.lower() == HEADER]
        if not values:
            await _refuse(send, PRECONDITION_REQUIRED, "This needs the header Fencing-Token, with the leader's token.")
            return
        token = token_of(values[0]) if len(values) == 1 else None
        if token is None:
            await _refuse(send, BAD_REQUEST, f"Fencing-Token has to be one number from 0 to {MAX_TOKEN}.")
            return
        try:
            async with self._turn(self._resource(scope), token):
                await self._application(scope, receive, send)
        except _Refused as refused:
            await _refuse(send, PRECONDITION_FAILED, str(refused.fenced))

    @contextlib.asynccontextmanager
    async def _turn(self, resource: str, token: int) -> AsyncIterator[None]:
        """While a request is at work. Raises _Refused, before it is."""
        passing = self._passing.setdefault(resource, _Passing())
        # It counts from before its token is looked at: a newer one that comes in between waits for it.
        passing.at_work[token] = passing.at_work.get(token, 0) + 1
        try:
            try:
                await self._store.advance(resource, token)
            except Fenced as refusal:
                raise _Refused(refusal) from refusal
            while min(passing.at_work) < token:
                await passing.one_is_done.wait()
            yield
        finally:
            self._done(resource, passing, token)

    def _done(self, resource: str, passing: _Passing, token: int) -> None:
        passing.at_work[token] -= 1
        if passing.at_work[token] == 0:
            del passing.at_work[token]
        if not passing.at_work:
            del self._passing[resource]
        passing.one_is_done.set()
        passing.one_is_done = asyncio.Event()


class _Refused(Exception):
    """Tells the middleware's own refusal from a `Fenced` that the application raises."""

    def __init__(self, refusal: Fenced) -> None:
        super().__init__(str(refusal))
        self.fenced = refusal


def token_of(value: bytes) -> int | None:
    """The token in the header's value; None where it is none."""
    text = value.strip(b" \t")
    if not text.isdigit() or len(text) > len(str(MAX_TOKEN)):
        return None
    token = int(text)
    return token if token <= MAX_TOKEN else None


async def _refuse(send: Send, status: int, why: str) -> None:
    body = f"{why}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
