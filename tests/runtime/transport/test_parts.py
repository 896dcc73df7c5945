"""The small parts: what waits for a peer, when it is dialled again, what is logged, what is counted."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.transport.addresses import Address
from runtime.transport.backoff import delay
from runtime.transport.cluster import Cluster
from runtime.transport.limits import Limits
from runtime.transport.link import Link
from runtime.transport.notices import Notices
from runtime.transport.sockets import InsecureAddress, is_itself, listen
from runtime.transport.stats import Stats
from tests.runtime.transport.nodes import ONE, SPEC, made


class Pipe:
    """Takes as many bodies as it is told to."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.out: list[bytes] = []

    @property
    def writable(self) -> bool:
        return self.room > 0

    def write(self, body: bytes) -> None:
        self.room -= 1
        self.out.append(body)


def test_the_oldest_are_dropped_and_counted() -> None:
    stats = Stats()
    link = Link(Limits(waiting=3), stats, lambda: 0.0)
    for number in range(10):
        link.send(b"%d" % number)
    link.outlet = pipe = Pipe(100)
    link.flush()
    assert pipe.out == [b"7", b"8", b"9"]
    assert (stats.sent, stats.dropped["queue_full"]) == (3, 7)


def test_what_has_waited_for_too_long_is_dropped_and_counted() -> None:
    now = 0.0
    stats = Stats()
    link = Link(Limits(waiting=3, waiting_seconds=2.0), stats, lambda: now)
    link.outlet = Pipe(0)
    link.flush()
    for at in range(5):
        now = float(at)
        link.send(b"%d" % at)
    assert (stats.dropped["stale"], stats.dropped["queue_full"]) == (2, 0)
    now = 5.5
    link.outlet = pipe = Pipe(100)
    link.flush()
    assert pipe.out == [b"4"]
    assert (stats.sent, stats.dropped["stale"]) == (1, 4)


def test_what_is_said_before_a_peer_is_there_for_the_first_time_waits_for_it() -> None:
    now = 0.0
    stats = Stats()
    link = Link(Limits(waiting_seconds=2.0), stats, lambda: now)
    link.send(b"once")
    now = 3600.0
    link.outlet = pipe = Pipe(100)
    link.flush()
    assert (pipe.out, stats.dropped["stale"]) == ([b"once"], 0)


@given(st.lists(st.one_of(st.just("send"), st.integers(0, 4)), max_size=60))
def test_nothing_overtakes_and_nothing_is_lost_uncounted(events: list[str | int]) -> None:
    stats = Stats()
    link = Link(Limits(waiting=3), stats, lambda: 0.0)
    link.outlet = pipe = Pipe(0)
    sent = 0
    for event in events:
        if isinstance(event, int):
            pipe.room += event
            link.flush()
        else:
            link.send(b"%d" % sent)
            sent += 1
    pipe.room = 100
    link.flush()
    numbers = [int(body) for body in pipe.out]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == stats.sent == sent - stats.dropped["queue_full"]


def test_a_delay_doubles_up_to_the_longest() -> None:
    delays = [[delay(attempt, 0.01, 1.0, Random(seed)) for seed in range(200)] for attempt in (0, 1, 5, 7, 1000)]
    most = [0.01, 0.02, 0.32, 1.0, 1.0]
    for drawn, bound in zip(delays, most, strict=True):
        assert all(bound / 2 <= one <= bound for one in drawn)
        assert len(set(drawn)) > 100


def test_what_goes_on_is_logged_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    times = iter((0.0, 1.0, 9.9, 10.0, 11.0, 11.0))
    notices = Notices(logging.getLogger("of a test"), lambda: next(times), every=10.0)
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            notices.say(logging.INFO, "refused", ("node2",), peer="node2")
        notices.say(logging.INFO, "refused", ("node3",), peer="node3")
    assert caplog.messages == ["refused peer=node2", "refused peer=node2 left_out=2", "refused peer=node3"]
    assert caplog.records[1].__dict__["left_out"] == 2


def test_counters_have_a_name_each() -> None:
    counters = Stats(sent=3).counters()
    assert counters["sent"] == 3
    assert counters["dropped.queue_full"] == 0
    assert counters["refused_by_peer.spec"] == 0
    assert all(type(value) is int for value in counters.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"frame_bytes": 0},
        {"frame_bytes": 2**32},
        {"waiting": 0},
        {"waiting_seconds": 0},
        {"shortest_delay": 2.0},
        {"frame_seconds": -1},
    ],
)
def test_limits_make_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_others_reach_is_refused(host: str) -> None:
    with pytest.raises(InsecureAddress, match="insecure=True"):
        asyncio.run(listen(Address(host, 0), loopback_only=True))


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            asyncio.run(listen(Address("127.0.0.1", port), loopback_only=True))


class Exhausted(socket.socket):
    """Fails to accept at first, as when there are no file descriptors left."""

    failures = 2

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_what_cannot_be_accepted_now_is_accepted_later(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> None:
        node = made(Cluster("orders", "raft", SPEC, ONE, Address("127.0.0.1", 0), {}))
        listening = Exhausted()
        listening.setblocking(False)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        node.transport._acceptor.start([listening])
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(b"GET /")
        assert await reader.read() == b""
        assert listening.failures == 0
        writer.close()
        await node.transport.close()

    asyncio.run(play())
    assert "cannot_accept reason=Too many open files" in caplog.messages


def test_a_connection_to_itself_is_recognised() -> None:
    with socket.socket() as alone:
        alone.bind(("127.0.0.1", 0))
        alone.connect(alone.getsockname())
        assert is_itself(alone)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as other:
        assert not is_itself(other)
