"""Guards for downstream writers. SQLite is the real one, also between processes. The adapter for PostgreSQL runs on a
DB-API connection made here: on one that writes down what it is asked for, and, where a server is installed, on one that
talks to a real server (slow). No driver is tested. The middleware is driven by hand, without a server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.fencing import (
    MAX_TOKEN,
    TABLE,
    Fence,
    Fenced,
    FencingMiddleware,
    MemoryTokens,
    Message,
    Receive,
    Scope,
    Send,
    SQLiteTokens,
    TokenStore,
    fenced,
    fenced_postgresql,
    token_of,
)
from tests.runtime.disk import child

# In memory -----------------------------------------------------------------------------------------------------------


def test_a_token_may_come_again_but_no_older_one() -> None:
    fence = Fence("orders")
    for token in (0, 3, 3, 7, 7):
        fence.check(token)
    with pytest.raises(Fenced, match="Token 6 for `orders` is older than 7") as refused:
        fence.check(6)
    assert (refused.value.resource, refused.value.token, refused.value.newest) == ("orders", 6, 7)
    fence.check(7)


@pytest.mark.parametrize("token", [-1, MAX_TOKEN + 1])
def test_what_is_no_token_is_refused_everywhere(token: int, database: sqlite3.Connection) -> None:
    with pytest.raises(ValueError, match="A fencing token is a number"):
        Fence().check(token)
    with pytest.raises(ValueError, match="A fencing token is a number"), fenced(database, "orders", token):
        pass
    with pytest.raises(ValueError, match="A fencing token is a number"):
        run_fenced_postgresql(Recorded(()), token)


def test_the_largest_token_can_be_kept(database: sqlite3.Connection) -> None:
    write(database, MAX_TOKEN)
    assert written(database) == [MAX_TOKEN]


# SQLite --------------------------------------------------------------------------------------------------------------


def opened(path: Path) -> sqlite3.Connection:
    """As applications open one: Python begins transactions by itself."""
    return sqlite3.connect(path, timeout=30)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    connection = opened(tmp_path / "orders")
    connection.execute("CREATE TABLE written (token)")
    connection.close()
    return tmp_path / "orders"


@pytest.fixture
def database(path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(path)
    yield connection
    connection.close()


def write(connection: sqlite3.Connection, token: int, resource: str = "orders") -> None:
    with fenced(connection, resource, token):
        connection.execute("INSERT INTO written VALUES (?)", (token,))


def written(connection: sqlite3.Connection) -> list[int]:
    return [token for (token,) in connection.execute("SELECT token FROM written ORDER BY rowid")]


def test_a_write_with_an_older_token_is_not_made(database: sqlite3.Connection) -> None:
    write(database, 3)
    write(database, 5)
    with pytest.raises(Fenced, match="Token 4 for `orders` is older than 5"):
        write(database, 4)
    write(database, 5)
    write(database, 1, "another resource")
    assert written(database) == [3, 5, 5, 1]
    assert not database.in_transaction


def test_a_block_that_fails_writes_nothing_and_does_not_fence(database: sqlite3.Connection) -> None:
    def failing() -> None:
        with fenced(database, "orders", 9):
            database.execute("INSERT INTO written VALUES (9)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    write(database, 1)
    assert written(database) == [1]


def test_the_fence_survives_the_connection(path: Path) -> None:
    for token in (5, 4):
        connection = opened(path)
        try:
            write(connection, token)
        except Fenced:
            assert token == 4
        connection.close()


def test_an_open_transaction_is_not_taken_over(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO written VALUES (0)")
    with pytest.raises(ValueError, match="A transaction is open"):
        write(database, 1)
    database.rollback()
    assert written(database) == []


def test_a_block_that_goes_on_in_another_transaction_is_told_and_undone(database: sqlite3.Connection) -> None:
    """One has begun by itself, since the connection was used again."""

    def going_on() -> None:
        with fenced(database, "orders", 1):
            database.execute("INSERT INTO written VALUES (1)")
            database.commit()
            database.execute("INSERT INTO written VALUES (2)")

    with pytest.raises(RuntimeError, match="was ended inside the block"):
        going_on()
    assert written(database) == [1]
    assert not database.in_transaction


def test_a_block_may_have_savepoints(database: sqlite3.Connection) -> None:
    with fenced(database, "orders", 1):
        database.execute("SAVEPOINT own")
        database.execute("INSERT INTO written VALUES (1)")
        database.execute("ROLLBACK TO own")
        database.execute("INSERT INTO written VALUES (2)")
    assert written(database) == [2]


def test_a_block_that_commits_by_itself_is_told(database: sqlite3.Connection) -> None:
    def committing() -> None:
        with fenced(database, "orders", 1):
            database.commit()

    with pytest.raises(RuntimeError, match="was ended inside the block"):
        committing()


def test_the_late_write_of_a_paused_leader_is_refused(path: Path) -> None:
    """The older leader is a process that stops where it knows that it leads and is about to write."""
    program = """
import sqlite3
from runtime.fencing import Fenced, fenced
connection = sqlite3.connect(sys.argv[1])
print("I lead with 3", flush=True)
sys.stdin.readline()  # paused
try:
    with fenced(connection, "orders", 3):
        connection.execute("INSERT INTO written VALUES (3)")
except Fenced as error:
    print(error)
"""
    with subprocess.Popen(child(program, str(path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as older:
        assert older.stdout is not None
        assert older.stdout.readline() == "I lead with 3\n"
        connection = opened(path)
        write(connection, 4)
        said, _ = older.communicate("\n")
        assert said == "Token 3 for `orders` is older than 4, which was seen before.\n"
        assert written(connection) == [4]
        connection.close()


def test_a_leader_that_is_paused_inside_its_write_is_not_overtaken(path: Path) -> None:
    inside, resume, order = threading.Event(), threading.Event(), []

    def older() -> None:
        connection = opened(path)
        with fenced(connection, "orders", 3):
            inside.set()
            resume.wait()
            connection.execute("INSERT INTO written VALUES (3)")
            order.append(3)
        connection.close()

    def newer() -> None:
        connection = opened(path)
        inside.wait()
        impatient = sqlite3.connect(path, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            write(impatient, 4)
        impatient.close()
        resume.set()
        write(connection, 4)
        order.append(4)
        connection.close()

    threads = [threading.Thread(target=older), threading.Thread(target=newer)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection = opened(path)
    assert written(connection) == [3, 4] == order
    connection.close()


def test_tokens_never_go_backwards_however_leaders_race(path: Path) -> None:
    def lead(tokens: range) -> None:
        connection = opened(path)
        for token in tokens:
            with contextlib.suppress(Fenced):
                write(connection, token)
        connection.close()

    threads = [threading.Thread(target=lead, args=(range(first, 30, 3),)) for first in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection = opened(path)
    assert written(connection) == sorted(written(connection))
    assert written(connection)[-1] == 29
    connection.close()


# PostgreSQL ----------------------------------------------------------------------------------------------------------


class Recorded:
    """A DB-API connection, and its cursor, that writes down what it is asked for, and answers what it was given."""

    def __init__(self, answers: tuple[Any, ...], autocommit: bool = False) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.answers = list(answers)
        self.autocommit = autocommit

    def cursor(self) -> Recorded:
        return self

    def execute(self, statement: str, parameters: tuple[object, ...], /) -> None:
        self.asked.append((" ".join(statement.split()), *parameters))

    def fetchone(self) -> Any:
        return self.answers.pop(0)

    def close(self) -> None: ...

    def commit(self) -> None:
        self.asked.append(("commit",))

    def rollback(self) -> None:
        self.asked.append(("rollback",))


ADVANCE = (
    "INSERT INTO fences (resource, token) VALUES (%s, %s) ON CONFLICT (resource) DO UPDATE "
    "SET token = excluded.token WHERE fences.token <= excluded.token RETURNING token"
)


def run_fenced_postgresql(connection: Recorded, token: int = 3, fails: bool = False) -> None:
    with fenced_postgresql(connection, "orders", token):
        connection.execute("the write", ())
        if fails:
            raise ZeroDivisionError


def test_postgresql_is_asked_in_the_transaction_of_the_write() -> None:
    connection = Recorded(((3,),))
    run_fenced_postgresql(connection)
    assert connection.asked == [(ADVANCE, "orders", 3), ("the write",), ("commit",)]


def test_postgresql_refuses_an_older_token() -> None:
    connection = Recorded((None, (5,)))
    with pytest.raises(Fenced, match="Token 3 for `orders` is older than 5"):
        run_fenced_postgresql(connection)
    newest = "SELECT token FROM fences WHERE resource = %s"
    assert connection.asked == [(ADVANCE, "orders", 3), (newest, "orders"), ("rollback",)]


def test_postgresql_rolls_back_a_block_that_fails() -> None:
    connection = Recorded(((3,),))
    with pytest.raises(ZeroDivisionError):
        run_fenced_postgresql(connection, fails=True)
    assert connection.asked[-1] == ("rollback",)


def test_postgresql_needs_a_transaction() -> None:
    connection = Recorded((), autocommit=True)
    with pytest.raises(ValueError, match="autocommit"):
        run_fenced_postgresql(connection)
    assert connection.asked == []


class Psql:
    """A DB-API connection, and its cursor, that talks to a server through `psql`. Parameters are plain words."""

    def __init__(self, folder: Path) -> None:
        arguments = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=0", "-h", str(folder), "postgres", "postgres"]
        self._psql = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._begun = False
        self._rows: list[str] = []

    def send(self, statement: str) -> None:
        assert self._psql.stdin is not None
        self._psql.stdin.write(f"{statement};\n\\echo done\n")
        self._psql.stdin.flush()

    def answer(self) -> list[str]:
        assert self._psql.stdout is not None
        lines: list[str] = []
        while (line := self._psql.stdout.readline().rstrip("\n")) != "done":
            assert line and "ERROR" not in line, line
            lines.append(line)
        return lines

    def ask(self, statement: str) -> list[str]:
        self.send(statement)
        return self.answer()

    def cursor(self) -> Psql:
        return self

    def execute(self, statement: str, parameters: tuple[object, ...] = (), /) -> None:
        if not self._begun:
            self.ask("BEGIN")
            self._begun = True
        assert all(re.fullmatch(r"\w+", str(parameter)) for parameter in parameters)
        self._rows = self.ask(statement % tuple(f"'{parameter}'" for parameter in parameters))

    def fetchone(self) -> tuple[int] | None:
        return (int(self._rows.pop(0)),) if self._rows else None

    def close(self) -> None: ...

    def commit(self) -> None:
        self.ask("COMMIT")
        self._begun = False

    def rollback(self) -> None:
        self.ask("ROLLBACK")
        self._begun = False

    def end(self) -> None:
        self._psql.communicate("\\q\n")


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    """The folder with the socket of a server that lives as long as the tests here."""
    if any(shutil.which(tool) is None for tool in ("initdb", "pg_ctl", "psql")):
        pytest.skip("no PostgreSQL server is installed")
    folder = Path(tempfile.mkdtemp())
    user = None
    if os.getuid() == 0:
        user = "nobody"  # a server does not run with the rights of root
        shutil.chown(folder, user)

    def run(*arguments: str) -> None:
        subprocess.run(arguments, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    options = f"-k {folder} -c listen_addresses= -c fsync=off"
    data = str(folder / "data")
    try:
        run("initdb", "-N", "-A", "trust", "-U", "postgres", data)
        run("pg_ctl", "-w", "-D", data, "-l", str(folder / "log"), "-o", options, "start")
        yield folder
        run("pg_ctl", "-w", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.mark.slow
def test_on_a_real_server_an_older_token_is_refused_even_when_it_has_waited(server: Path) -> None:
    older, newer = Psql(server), Psql(server)
    older.ask(TABLE)
    older.ask("CREATE TABLE written (place serial, token bigint)")
    for token in (1, 2, 2):
        with fenced_postgresql(older, "orders", token):
            older.execute("INSERT INTO written (token) VALUES (%s)", (token,))

    def late() -> None:
        with fenced_postgresql(older, "orders", 2):
            older.execute("INSERT INTO written (token) VALUES (2)")

    refusals: list[Fenced] = []

    def waiting() -> None:
        try:
            late()
        except Fenced as refused:
            refusals.append(refused)

    with fenced_postgresql(newer, "orders", 3):
        newer.execute("INSERT INTO written (token) VALUES (3)")
        thread = threading.Thread(target=waiting)
        thread.start()
        # The older leader waits for the row by now, or will; it must not get through either way.
        watcher = Psql(server)
        while watcher.ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") != ["1"]:
            assert thread.is_alive()
        watcher.end()
    thread.join()
    assert [(refused.token, refused.newest) for refused in refusals] == [(2, 3)]
    assert newer.ask("SELECT token FROM written ORDER BY place") == ["1", "2", "2", "3"]
    older.end()
    newer.end()


# Web services --------------------------------------------------------------------------------------------------------


class Service:
    """An application that writes down the tokens that reach it, each when it is told to go on."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.arrived: dict[str, asyncio.Event] = {}
        self.may_go_on: dict[str, asyncio.Event] = {}

    def hold(self, token: str) -> None:
        self.arrived[token], self.may_go_on[token] = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = dict(scope.get("headers", ())).get(b"fencing-token", b"-").decode()
        if token in self.arrived:
            self.arrived[token].set()
            await self.may_go_on[token].wait()
        self.written.append(token)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def receive() -> Message:
    raise AssertionError("nobody reads the request")


async def request(guarded: FencingMiddleware, *tokens: str, method: str = "POST", path: str = "/") -> tuple[int, str]:
    """The status of the answer, and its text."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"example"), *((b"fencing-token", token.encode()) for token in tokens)]
    await guarded({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
    start, body = sent
    return start["status"], body["body"].decode()


@pytest.fixture(params=["memory", "file"])
def tokens(request: pytest.FixtureRequest, tmp_path: Path) -> TokenStore:
    return MemoryTokens() if request.param == "memory" else SQLiteTokens(tmp_path / "tokens")


def test_requests_with_the_newest_token_pass(tokens: TokenStore) -> None:
    service = Service()
    guarded = FencingMiddleware(service, tokens)

    async def scenario() -> None:
        for token in ("3", "3", "5"):
            assert await request(guarded, token) == (204, "")
        status, text = await request(guarded, "4")
        assert (status, text) == (412, "Token 4 for `all` is older than 5, which was seen before.\n")
        assert await request(guarded, " 5\t") == (204, "")

    asyncio.run(scenario())
    assert service.written == ["3", "3", "5", " 5\t"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [((), 428), (("",), 400), (("-1",), 400), (("1.5",), 400), (("²",), 400), (("1", "2"), 400), (("9" * 30,), 400)],
)
def test_requests_without_a_good_token_do_not_pass(sent: tuple[str, ...], status: int) -> None:
    service = Service()
    answer = asyncio.run(request(FencingMiddleware(service, MemoryTokens()), *sent))
    assert answer[0] == status
    assert "Fencing-Token" in answer[1]
    assert service.written == []


def test_what_a_header_may_say() -> None:
    assert [token_of(value) for value in (b"0", b"007", b"%d" % MAX_TOKEN)] == [0, 7, MAX_TOKEN]
    assert [token_of(value) for value in (b"1_0", b"+1", b"0x1", b"%d" % (MAX_TOKEN + 1))] == [None] * 4


def test_reading_needs_no_token_unless_told() -> None:
    guarded = FencingMiddleware(Service(), MemoryTokens())
    assert asyncio.run(request(guarded, method="GET"))[0] == 204
    guarded = FencingMiddleware(Service(), MemoryTokens(), unguarded=frozenset())
    assert asyncio.run(request(guarded, method="GET"))[0] == 428


def test_resources_are_guarded_one_by_one(tokens: TokenStore) -> None:
    guarded = FencingMiddleware(Service(), tokens, lambda scope: str(scope["path"]))

    async def scenario() -> None:
        assert await request(guarded, "5", path="/a") == (204, "")
        assert await request(guarded, "4", path="/b") == (204, "")
        assert (await request(guarded, "4", path="/a"))[0] == 412

    asyncio.run(scenario())


def test_web_sockets_are_refused_and_the_lifespan_passes() -> None:
    service = Service()
    guarded = FencingMiddleware(service, MemoryTokens())
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(guarded({"type": "websocket", "headers": []}, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]
    asyncio.run(guarded({"type": "lifespan"}, receive, send))
    assert service.written == ["-"]


def test_the_newest_token_survives_a_restart(tmp_path: Path) -> None:
    first = FencingMiddleware(Service(), SQLiteTokens(tmp_path / "tokens"))
    assert asyncio.run(request(first, "5"))[0] == 204
    second = FencingMiddleware(Service(), SQLiteTokens(tmp_path / "tokens"))
    assert asyncio.run(request(second, "4"))[0] == 412


def test_a_newer_request_waits_until_older_ones_are_done(tokens: TokenStore) -> None:
    """The older one was let in, and is paused before it writes. It writes before the newer one, or not at all."""
    service = Service()
    guarded = FencingMiddleware(service, tokens)

    async def scenario() -> None:
        service.hold("3")
        older = asyncio.create_task(request(guarded, "3"))
        await service.arrived["3"].wait()
        newer = asyncio.create_task(request(guarded, "5"))
        with contextlib.suppress(Fenced):
            while True:  # until the newer token has been seen
                await tokens.advance("all", 4)
                await asyncio.sleep(0)
        assert (await request(guarded, "4"))[0] == 412
        assert not newer.done()
        service.may_go_on["3"].set()
        assert [await older, await newer] == [(204, "")] * 2

    asyncio.run(scenario())
    assert service.written == ["3", "5"]


def test_a_newer_request_does_not_wait_for_one_that_was_cancelled_or_failed() -> None:
    service = Service()
    guarded = FencingMiddleware(service, MemoryTokens())

    async def scenario() -> None:
        service.hold("3")
        older = asyncio.create_task(request(guarded, "3"))
        await service.arrived["3"].wait()
        newer = asyncio.create_task(request(guarded, "5"))
        older.cancel()
        with pytest.raises(asyncio.CancelledError):
            await older
        assert await newer == (204, "")

    asyncio.run(scenario())
    assert service.written == ["5"]


def test_what_the_application_raises_is_its_own() -> None:
    async def raising(scope: Scope, receive: Receive, send: Send) -> None:
        raise Fenced("its own", 1, 2)

    with pytest.raises(Fenced, match="its own"):
        asyncio.run(request(FencingMiddleware(raising, MemoryTokens()), "1"))


def test_whatever_rows_are_made_into_on_a_connection(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "data.db")) as connection:
        with fenced(connection, "orders", 7):
            pass
        connection.row_factory = lambda cursor, row: {"first": row[0]}
        with pytest.raises(Fenced) as refused, fenced(connection, "orders", 3):
            pass
        assert refused.value.newest == 7
