"""What all back ends share: calls with a deadline, hints, libraries that are not there, endpoints in turn."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from bench.servers import free_ports
from runtime.coordination.client import Calls, library
from runtime.coordination.consul import ConsulLock
from runtime.coordination.etcd import EtcdLock
from runtime.coordination.http import Endpoints
from runtime.coordination.kubernetes import KubernetesLock
from runtime.coordination.service import LockService, Unavailable
from runtime.coordination.zookeeper import ZooKeeperLock
from tests.runtime.coordination.standin_http import Asked, Said, Standin

MAKERS: dict[str, Callable[[], LockService]] = {
    "etcd": lambda: EtcdLock(["http://127.0.0.1:1"], "key"),
    "zookeeper": lambda: ZooKeeperLock("127.0.0.1:1", "/path"),
    "kubernetes": lambda: KubernetesLock("http://127.0.0.1:1", "default", "lock"),
    "consul": lambda: ConsulLock("http://127.0.0.1:1", "key"),
}


@pytest.mark.parametrize("name", MAKERS)
async def test_without_its_library_a_back_end_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = "kazoo" if name == "zookeeper" else "httpx"
    monkeypatch.setitem(sys.modules, needed, None)
    with pytest.raises(ModuleNotFoundError, match=f"a lock kept by {name} needs {needed}.*extra `{name}`"):
        MAKERS[name]()


def test_what_a_library_itself_lacks_is_not_taken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy_library.py").write_text("import no_such_library_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_library_at_all'"):
        library("needy_library", "needy")


@pytest.mark.parametrize("name", MAKERS)
async def test_one_that_was_never_used_can_be_closed(name: str) -> None:
    await MAKERS[name]().close()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: EtcdLock([], "key"), "no endpoint"),
        (lambda: EtcdLock(["127.0.0.1:2379"], "key"), "begins with http"),
        (lambda: EtcdLock(["http://127.0.0.1:2379"], ""), "not empty"),
        (lambda: EtcdLock(["http://127.0.0.1:2379"], "key", timeout=0), "timeout"),
        (lambda: ZooKeeperLock("127.0.0.1:2181", "locks"), "begins with a slash"),
        (lambda: ZooKeeperLock("127.0.0.1:2181", "/"), "begins with a slash"),
        (lambda: ZooKeeperLock("127.0.0.1:2181", "/locks", tick_time=-1), "tick time"),
        (lambda: ConsulLock("http://127.0.0.1:8500", "/key"), "begins with no slash"),
        (lambda: ConsulLock("http://127.0.0.1:8500", "key", lock_delay=61), "lock delay"),
        (lambda: ConsulLock("http://127.0.0.1:8500", "key", behavior="keep"), "behavior"),  # type: ignore[arg-type]
    ],
)
async def test_what_makes_no_sense_is_refused(make: Callable[[], LockService], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


# Calls ---------------------------------------------------------------------------------------------------------------


async def test_calls_are_taken_one_after_another() -> None:
    calls, under_way, most = Calls(10.0), 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with calls.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            under_way -= 1

    await asyncio.gather(*(one() for _ in range(10)))
    assert most == 1


async def test_hints_that_nobody_took_yet_come_as_one() -> None:
    calls, told = Calls(10.0), asyncio.Event()

    async def watch(tell: Callable[[], None]) -> None:
        for _ in range(5):
            tell()
        told.set()
        await asyncio.Event().wait()

    hints = calls.hints(watch)
    await anext(hints)
    await told.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await anext(hints)


async def test_a_watch_that_fails_is_begun_again() -> None:
    calls, begun = Calls(10.0), 0

    async def watch(tell: Callable[[], None]) -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise Unavailable
        tell()
        await asyncio.Event().wait()

    await anext(calls.hints(watch))
    assert begun == 3


async def test_a_watch_that_is_wrong_is_not_hidden() -> None:
    async def watch(_: Callable[[], None]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await anext(Calls(10.0).hints(watch))


# Endpoints -----------------------------------------------------------------------------------------------------------


class Answering(Standin):
    """Says the same to all."""

    def __init__(self, said: Said) -> None:
        self.said = said
        super().__init__()

    def answer(self, asked: Asked) -> Said:
        return self.said


@contextlib.asynccontextmanager
async def endpoints(*ports: int, timeout: float = 10.0) -> AsyncGenerator[Endpoints, None]:
    made = Endpoints([f"http://127.0.0.1:{port}" for port in ports], "test", timeout, None, dict)
    try:
        yield made
    finally:
        await made.close()


async def test_an_endpoint_that_fails_is_left_for_the_next() -> None:
    sick, well = Answering(Said(503, "no leader")), Answering(Said(200, {"a": 1}))
    try:
        async with endpoints(free_ports(1)[0], sick.port, well.port) as servers:
            for _ in range(3):
                assert (await servers.ask("GET", "/")).read(dict[str, int]) == {"a": 1}
        assert len(sick.requests) == 1
        assert len(well.requests) == 3
    finally:
        sick.kill()
        well.kill()


async def test_an_endpoint_that_stands_still_has_its_share_of_the_time() -> None:
    still, well = Answering(Said(200, {"a": 1})), Answering(Said(200, {"a": 2}))
    still.pause()
    try:
        async with endpoints(still.port, well.port, timeout=0.5) as servers:
            assert (await servers.ask("GET", "/")).read(dict[str, int]) == {"a": 2}
    finally:
        still.kill()
        well.kill()


async def test_when_all_fail_it_says_why() -> None:
    sick = Answering(Said(503, "no leader"))
    try:
        async with endpoints(sick.port) as servers:
            with pytest.raises(Unavailable, match=r"503.*no leader"):
                await servers.ask("GET", "/")
    finally:
        sick.kill()


async def test_an_answer_that_makes_no_sense_is_none() -> None:
    strange = Answering(Said(200, ["what?"]))
    try:
        async with endpoints(strange.port) as servers:
            reply = await servers.ask("GET", "/")
            with pytest.raises(Unavailable, match="cannot be understood"):
                reply.read(dict[str, int])
        async with contextlib.AsyncExitStack() as clients:
            for client in (
                EtcdLock([f"http://127.0.0.1:{strange.port}"], "key", timeout=2.0),
                KubernetesLock(f"http://127.0.0.1:{strange.port}", "default", "lock", timeout=2.0),
                ConsulLock(f"http://127.0.0.1:{strange.port}", "key", timeout=2.0),
            ):
                clients.push_async_callback(client.close)
                with pytest.raises(Unavailable, match="cannot be understood"):
                    await client.acquire(10)
    finally:
        strange.kill()
