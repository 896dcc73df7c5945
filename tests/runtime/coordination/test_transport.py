"""An emitted lease client on a lock service that is no process of its protocol."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from generated.lease.client import PROCESS
from generated.lease.lock_service import PROCESS as LOCK_SERVICE
from generated.lease.storage import PROCESS as STORAGE
from generated.raft.node import PROCESS as RAFT
from runtime.config import BadConfig, Config, Settings, settings_of
from runtime.coordination import SERVICE
from runtime.coordination.service import Grant, Unavailable
from runtime.coordination.transport import CoordinationTransport, NotAClient
from runtime.node import Node, open_node
from runtime.process import Process
from runtime.wire import Letter, codec_of

KINDS: dict[str, Process[Any, Any]] = {"client": PROCESS, "lock_service": LOCK_SERVICE, "storage": STORAGE}
TIMERS = {"lease": "400 ms", "deadline": "250 ms", "asked": "250 ms", "pace": "50 ms"}
SECONDS = 20.0
"""For anything that has to happen at all."""


@dataclass
class Lock:
    """What the clients of one lock share."""

    holder: object | None = None
    token: int = 0
    expires: float = 0.0
    grants_for: float | None = None
    """Another time to live than is asked for."""
    reachable: bool = True
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[str] = field(default_factory=list)

    def held(self) -> bool:
        return self.holder is not None and time.monotonic() < self.expires


class InMemory:
    """One client of a lock in memory."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock

    async def acquire(self, time_to_live: float) -> Grant | None:
        self._called("acquire")
        if self.lock.held() and self.lock.holder is not self:
            return None
        if not self.lock.held():
            self.lock.holder, self.lock.token = self, self.lock.token + 1
        return Grant(self.lock.token, self._lasts(time_to_live))

    async def renew(self, token: int) -> float | None:
        self._called("renew")
        held = self.lock.held() and self.lock.holder is self and token == self.lock.token
        return self._lasts(0.4) if held else None

    async def release(self, token: int) -> None:
        self._called("release")
        if self.lock.holder is self and token == self.lock.token:
            self.lock.holder = None
            self.lock.freed.set()

    async def freed(self) -> AsyncIterator[None]:
        while True:
            await self.lock.freed.wait()
            self.lock.freed = asyncio.Event()
            yield

    async def close(self) -> None:
        await self.release(self.lock.token)

    def _lasts(self, wanted: float) -> float:
        lasts = self.lock.grants_for or wanted
        self.lock.expires = time.monotonic() + lasts
        return lasts

    def _called(self, name: str) -> None:
        if not self.lock.reachable:
            raise Unavailable("cut off")
        self.lock.calls.append(name)


def settings(folder: Path, number: int, timers: dict[str, str] | None = None) -> Settings:
    config = Config(
        cluster="test",
        node=f"client{number}",
        state=str(folder / f"client{number}.db"),
        timers=timers or TIMERS,
        coordination="etcd://127.0.0.1:1/test",
    )
    return settings_of(config, KINDS)


@contextlib.asynccontextmanager
async def client(folder: Path, lock: Lock, number: int = 1) -> AsyncIterator[Node]:
    async with asyncio.timeout(SECONDS):
        async with open_node(settings(folder, number), PROCESS, service=InMemory(lock)) as node:
            yield node


async def leading(*nodes: Node) -> Node:
    while True:
        for node in nodes:
            if node.token() is not None:
                return node
        await asyncio.sleep(0.002)


def test_one_leads_and_the_other_follows_when_it_is_gone(tmp_path: Path) -> None:
    async def main() -> None:
        lock = Lock()
        async with client(tmp_path, lock, 2) as second:
            async with client(tmp_path, lock, 1) as first:
                holder = await leading(first, second)
                other = second if holder is first else first
                assert holder.token() == 1
                for _ in range(20):  # renewed again and again, well beyond the lease
                    await asyncio.sleep(0.05)
                    assert (holder.token(), other.token()) == (1, None)
                assert holder.ask("give_up")
                assert holder.token() is None
                await leading(first, second)
                assert lock.token == 2
            await leading(second)
            assert second.token() == lock.token

    asyncio.run(main())


def test_belief_ends_at_the_deadline_without_any_step(tmp_path: Path) -> None:
    """As after a pause: no handler has run yet, and the clock says that the time is over."""

    async def main() -> None:
        lock = Lock()
        async with client(tmp_path, lock) as node:
            await leading(node)
            time.sleep(0.3)  # the loop stands still
            assert node.replica.state.holding
            assert node.token() is None

    asyncio.run(main())


def test_the_deadline_counts_from_the_request(tmp_path: Path) -> None:
    async def main() -> None:
        lock = Lock()
        asked: list[float] = []

        class Slow(InMemory):
            async def acquire(self, time_to_live: float) -> Grant | None:
                asked.append(time.monotonic())
                found = await super().acquire(time_to_live)
                await asyncio.sleep(0.15)  # granted at once, and told late
                return found

            async def renew(self, token: int) -> float | None:
                raise Unavailable("cut off")

        async with asyncio.timeout(SECONDS):
            async with open_node(settings(tmp_path, 1), PROCESS, service=Slow(lock)) as node:
                await leading(node)
                until = node.replica.leads_until()
                assert asked[0] + 0.15 < until <= asked[0] + 0.25 + 0.01  # when it was sent, a moment before

    asyncio.run(main())


def test_who_is_cut_off_gives_up_in_time(tmp_path: Path) -> None:
    async def main() -> None:
        lock = Lock()
        async with client(tmp_path, lock) as node:
            await leading(node)
            lock.reachable = False
            while node.token() is not None:
                assert lock.held()
                await asyncio.sleep(0.002)
            assert not node.transport.connected(node.settings.peers[0])
            lock.reachable = True
            await leading(node)

    asyncio.run(main())


def test_less_than_was_asked_for_is_not_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        lock = Lock(grants_for=0.3)
        async with client(tmp_path, lock) as node:
            while lock.calls.count("release") < 2:
                await asyncio.sleep(0.005)
                assert node.token() is None

    asyncio.run(main())
    assert "grants the lock for 0.3 s where 0.4 s were asked for: the lock is not taken" in caplog.text


def test_what_a_renewal_cuts_short_is_given_back_when_the_client_has_given_it_up(tmp_path: Path) -> None:
    """Not before: another would be granted it, and the client believes to hold it until it is told."""

    async def main() -> None:
        lock = Lock()

        class Watched(InMemory):
            async def release(self, token: int) -> None:
                assert node.token() is None
                await super().release(token)

        async with asyncio.timeout(SECONDS):
            async with open_node(settings(tmp_path, 1), PROCESS, service=Watched(lock)) as node:
                await leading(node)
                lock.grants_for = 0.3
                while "release" not in lock.calls:
                    await asyncio.sleep(0.002)

    asyncio.run(main())


def test_what_was_granted_is_not_given_back_for_a_request_that_comes_again() -> None:
    """The client holds it by then."""

    async def main() -> None:
        lock = Lock()
        told: list[bytes] = []
        transport = CoordinationTransport(InMemory(lock), PROCESS, 0.4, lambda _, payload: told.append(payload), "x")
        request = codec_of(PROCESS).encode(Letter(1, 0, PROCESS.message_types["acquire"](life=1, round=1)))
        await transport.start()
        for grants_for, answers in ((None, 1), (0.3, 2)):
            lock.grants_for = grants_for
            transport.send(SERVICE, request)
            while len(told) < answers:
                await asyncio.sleep(0.002)
        assert lock.calls == ["acquire", "acquire"]
        await transport.close()

    asyncio.run(main())


def test_a_request_that_waits_does_not_wait_twice() -> None:
    async def main() -> None:
        lock = Lock()
        transport = CoordinationTransport(InMemory(lock), PROCESS, 0.4, lambda sender, payload: None, "x")
        encode, types = codec_of(PROCESS).encode, PROCESS.message_types
        for number in range(5):
            transport.send(SERVICE, encode(Letter(number, 0, types["acquire"](life=1, round=1))))
        transport.send(SERVICE, encode(Letter(5, 0, types["release"](token=1))))
        transport.send(SERVICE, encode(Letter(6, 0, types["acquire"](life=1, round=1))))
        await transport.start()
        while len(lock.calls) < 3:
            await asyncio.sleep(0.002)
        assert lock.calls == ["acquire", "release", "acquire"]
        await transport.close()

    asyncio.run(main())


@pytest.mark.parametrize("wrong", [ValueError("no such path"), UnicodeEncodeError("ascii", "é", 0, 1, "no"), None])
def test_a_client_asks_again_whatever_went_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wrong: Exception | None
) -> None:
    async def main() -> None:
        lock = Lock()
        failed: list[str] = []

        class Wrong(InMemory):
            async def acquire(self, time_to_live: float) -> Grant | None:
                if len(failed) < 2:
                    failed.append("acquire")
                    if wrong is None:
                        return Grant(2**63, time_to_live)
                    raise wrong
                return await super().acquire(time_to_live)

            async def freed(self) -> AsyncIterator[None]:
                if "freed" not in failed:
                    failed.append("freed")
                    raise RecursionError("nested too deeply")
                async for _ in super().freed():
                    yield

        async with asyncio.timeout(SECONDS):
            async with open_node(settings(tmp_path, 1), PROCESS, service=Wrong(lock)) as node:
                await leading(node)

    asyncio.run(main())
    said = "9223372036854775808 was granted, which is no token" if wrong is None else str(wrong)
    assert f"does not answer: {'' if wrong is None else type(wrong).__name__ + ': '}{said}" in caplog.text
    assert "tells nothing: RecursionError: nested too deeply" in caplog.text


def test_a_member_that_is_given_a_lock_service_asks_it_for_the_lease(tmp_path: Path) -> None:
    async def main() -> None:
        lock = Lock()
        config = Config(
            cluster="test",
            node="client1",
            state=str(tmp_path / "client1.db"),
            timers=TIMERS,
            members={"client1": "127.0.0.1:1", "lock_service1": "127.0.0.1:2"},
        )
        async with asyncio.timeout(SECONDS):
            async with open_node(settings_of(config, KINDS), PROCESS, service=InMemory(lock)) as node:
                await leading(node)
                assert lock.expires < time.monotonic() + 0.5

    asyncio.run(main())


def test_more_than_was_asked_for_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        lock = Lock(grants_for=2.0)
        async with client(tmp_path, lock) as node:
            await leading(node)
            assert node.replica.leads_until() < time.monotonic() + 0.25

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert (
        "grants the lock for 2 s where 0.4 s were asked for: a holder that dies is replaced as much later"
        in caplog.text
    )


def test_what_is_freed_is_asked_for_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        lock = Lock(holder=object(), expires=time.monotonic() + 3600)
        slow = {"lease": "3800 s", "deadline": "3700 s", "asked": "3700 s", "pace": "3600 s"}
        async with asyncio.timeout(SECONDS):
            async with open_node(settings(tmp_path, 1, slow), PROCESS, service=InMemory(lock)) as node:
                while not lock.calls:
                    await asyncio.sleep(0.002)
                lock.holder = None
                lock.freed.set()
                await leading(node)

    asyncio.run(main())


def test_what_is_no_lease_client_is_refused() -> None:
    lock = Lock()
    with pytest.raises(NotAClient, match="raft has no message `acquire`"):
        CoordinationTransport(InMemory(lock), RAFT, 1.0, lambda sender, payload: None, "nowhere")
    with pytest.raises(NotAClient, match="lease does not say for how long"):
        CoordinationTransport(InMemory(lock), PROCESS, 0.0, lambda sender, payload: None, "nowhere")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"members": {"client1": "127.0.0.1:1"}}, "members: whoever is coordinated by a lock service has none"),
        ({"listen": "127.0.0.1:1"}, "listen: nobody connects"),
        ({"locks": "127.0.0.1:1"}, "locks: a node that is coordinated by a lock service grants none itself"),
        ({"http": "nonsense"}, "http: "),
        ({"node": "lock_service1"}, "node: a lock_service is no client of a lock_service"),
        ({"node": "storage1"}, "node: a storage is no client of a lock_service"),
        ({"timers": {"deadline": "10 s", "lease": "10 s"}}, r"deadline \(10 s\) has to be shorter than lease"),
    ],
)
def test_what_a_coordinated_client_cannot_be_told(changed: dict[str, object], said: str) -> None:
    given = {"cluster": "c", "node": "client1", "state": "x.db", "coordination": "etcd://h:1/k", **changed}
    with pytest.raises(BadConfig, match=said):
        settings_of(Config(**given), KINDS)  # type: ignore[arg-type]


def test_a_protocol_without_a_lock_service_cannot_be_coordinated() -> None:
    config = Config(cluster="c", node="node1", state="x.db", coordination="etcd://h:1/k")
    with pytest.raises(BadConfig, match="raft has no lock_service with a timer `lease`"):
        settings_of(config, {"node": RAFT})
