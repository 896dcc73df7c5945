"""Nodes talk over real sockets: payloads arrive in order, peers come and go, and those who do not belong stay out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random

import pytest

from runtime.process import Name
from runtime.transport.addresses import Address
from runtime.transport.limits import Limits
from runtime.transport.sockets import InsecureAddress
from runtime.transport.tcp import TcpTransport
from tests.runtime.transport.nodes import (
    NONSENSE,
    ONE,
    THREE,
    TWO,
    eventually,
    hello,
    joined,
    made,
    member,
    reserved,
    started,
)

Addresses = dict[Name, Address]


def run(scene: Callable[[Addresses], Awaitable[None]], *names: Name) -> None:
    """Plays a scene on the addresses of these nodes."""

    async def play() -> None:
        with reserved(*names) as addresses:
            await scene(addresses)

    asyncio.run(play())


def test_payloads_arrive_once_and_in_order_with_their_sender() -> None:
    async def scene(addresses: Addresses) -> None:
        async with (
            started(member(ONE, addresses)) as one,
            started(member(TWO, addresses)) as two,
            started(member(THREE, addresses)) as three,
        ):
            await joined(one, two, three)
            sent = [b"%d" % number * (1 + number * 40) for number in range(1, 200)]
            for burst in (sent[:60], sent[60:]):
                for payload in burst:
                    one.transport.send(TWO, payload)
                    await asyncio.sleep(0)
                three.transport.send(TWO, burst[0])
            await eventually(lambda: len(two.got) == 201)
            assert [payload for sender, payload in two.got if sender == ONE] == sent
            assert [payload for sender, payload in two.got if sender == THREE] == [sent[0], sent[60]]
            assert one.got == three.got == []
            assert (one.transport.stats.sent, two.transport.stats.received) == (199, 201)

    run(scene, ONE, TWO, THREE)


def test_what_is_sent_to_a_peer_that_is_away_waits_and_the_oldest_is_dropped() -> None:
    async def scene(addresses: Addresses) -> None:
        async with started(member(ONE, addresses), limits=Limits(waiting=5)) as one:
            for number in range(20):
                one.transport.send(TWO, b"%d" % number)
            assert not one.transport.connected(TWO)
            assert one.transport.stats.dropped["queue_full"] == 15
            await eventually(lambda: one.transport.stats.failed_dials > 0)
            async with started(member(TWO, addresses)) as two:
                await eventually(lambda: len(two.got) == 5)
                assert two.got == [(ONE, b"%d" % number) for number in range(15, 20)]

    run(scene, ONE, TWO)


def test_a_peer_that_reads_nothing_costs_no_more_than_what_may_wait() -> None:
    async def scene(addresses: Addresses) -> None:
        async with started(member(ONE, addresses), limits=Limits(waiting=5)) as one:
            host, port = addresses[TWO]
            accepted: list[asyncio.StreamWriter] = []

            async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                accepted.append(writer)
                await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
                writer.write(hello(TWO, ONE))

            async with await asyncio.start_server(silent, host, port, limit=1024):
                await eventually(lambda: one.transport.connected(TWO))
                for _ in range(3000):
                    one.transport.send(TWO, b"x" * 60_000)
                assert not one.transport.connected(TWO)
                stats = one.transport.stats
                assert stats.dropped["queue_full"] > 2000
                assert stats.sent + stats.dropped["queue_full"] + 5 == 3000
                for writer in accepted:
                    writer.transport.abort()
                await eventually(lambda: one.broken == [TWO])

    run(scene, ONE, TWO)


def test_a_broken_connection_is_told_once_and_a_restarted_peer_is_found_again() -> None:
    async def scene(addresses: Addresses) -> None:
        async with started(member(ONE, addresses)) as one:
            for round_ in (1, 2, 3):
                async with started(member(TWO, addresses)) as two:
                    await joined(one, two)
                    one.transport.send(TWO, b"%d" % round_)
                    await eventually(lambda two=two: len(two.got) == 1)  # type: ignore[misc]
                    two.transport.send(ONE, b"back")
                    await eventually(lambda round_=round_: len(one.got) == round_)  # type: ignore[misc]
                await eventually(lambda: not one.transport.connected(TWO))
                failed = one.transport.stats.failed_dials
                await eventually(lambda failed=failed: one.transport.stats.failed_dials > failed + 2)  # type: ignore[misc]
                assert one.broken == [TWO] * round_
                assert two.broken == []  # it closed of its own accord
            assert one.transport.stats.reconnects == 2

    run(scene, ONE, TWO)


def test_a_peer_that_shows_itself_is_dialled_at_once() -> None:
    async def scene(addresses: Addresses) -> None:
        patient = Limits(shortest_delay=3600, longest_delay=3600)
        async with started(member(ONE, addresses), limits=patient) as one:
            await eventually(lambda: one.transport.stats.failed_dials > 0)
            async with started(member(TWO, addresses)) as two:
                await joined(one, two)

    run(scene, ONE, TWO)


def test_a_second_node_by_the_same_name_takes_the_place_of_the_first() -> None:
    async def scene(addresses: Addresses) -> None:
        with reserved(THREE) as elsewhere:
            async with started(member(ONE, addresses)) as one, started(member(TWO, addresses)) as two:
                await joined(one, two)
                double = replace(member(TWO, addresses), listen=elsewhere[THREE])
                async with started(double) as other:
                    await eventually(lambda: other.transport.connected(ONE))
                    await eventually(lambda: one.transport.stats.replaced > 0)
                    await eventually(lambda: two.broken == [ONE])

    run(scene, ONE, TWO)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("cluster", {"name": "payments"}),
        ("protocol", {"protocol": "bully"}),
        ("spec", {"spec_sha256": "00" * 32}),
        ("stranger", {"peers": {}}),
    ],
)
def test_a_node_that_does_not_belong_is_refused_on_both_sides(
    reason: str, changes: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(addresses: Addresses) -> None:
        wrong = replace(member(TWO, addresses), **changes)  # type: ignore[arg-type]
        async with started(member(ONE, addresses)) as one, started(wrong) as two:
            one.transport.send(TWO, b"secret")
            await eventually(lambda: two.transport.stats.refused[reason] > 0)
            await eventually(lambda: one.transport.stats.refused_by_peer[reason] > 0)
            if "peers" not in changes:
                await eventually(lambda: one.transport.stats.refused[reason] > 0)
                await eventually(lambda: two.transport.stats.refused_by_peer[reason] > 0)
            assert not one.transport.connected(TWO)
            assert (one.got, two.got, one.broken, two.broken) == ([], [], [], [])

    with caplog.at_level(logging.WARNING):
        run(scene, ONE, TWO)
    logged = {(record.__dict__["by"], record.__dict__["reason"]) for record in caplog.records}
    assert logged == {("peer", reason), ("this node", reason)}


def test_a_node_at_the_address_of_another_is_refused() -> None:
    async def scene(addresses: Addresses) -> None:
        at_two = replace(member(THREE, addresses), listen=addresses[TWO])
        async with started(member(ONE, addresses)) as one, started(at_two) as three:
            await eventually(lambda: three.transport.stats.refused["addressee"] > 0)
            await eventually(lambda: one.transport.stats.refused_by_peer["addressee"] > 0)
            assert not one.transport.connected(TWO)

    run(scene, ONE, TWO, THREE)


def test_what_is_no_message_closes_its_connection_and_another_one_is_made() -> None:
    async def scene(addresses: Addresses) -> None:
        async with started(member(ONE, addresses)) as one, started(member(TWO, addresses)) as two:
            await joined(one, two)
            one.transport.send(TWO, NONSENSE)
            await eventually(lambda: one.transport.stats.reconnects == 1)
            one.transport.send(TWO, b"sense")
            await eventually(lambda: two.got == [(ONE, b"sense")])
            assert two.transport.stats.dropped["malformed"] == 1
            assert two.broken == []  # it was its own doing
            assert one.broken == [TWO]

    run(scene, ONE, TWO)


def test_a_payload_that_is_too_large_is_dropped_where_it_is_sent_and_where_it_comes_in() -> None:
    async def scene(addresses: Addresses) -> None:
        small = Limits(frame_bytes=100)
        async with started(member(ONE, addresses)) as one, started(member(TWO, addresses), limits=small) as two:
            await joined(one, two)
            two.transport.send(ONE, b"x" * 101)
            two.transport.send(ONE, b"")
            assert two.transport.stats.dropped["too_large"] == 2
            one.transport.send(TWO, b"x" * 101)
            await eventually(lambda: two.transport.stats.dropped["oversize"] == 1)
            await eventually(lambda: one.transport.stats.reconnects == 1)
            one.transport.send(TWO, b"x" * 100)
            await eventually(lambda: two.got == [(ONE, b"x" * 100)])

    run(scene, ONE, TWO)


def test_after_close_nothing_is_sent_and_nothing_is_told() -> None:
    async def scene(addresses: Addresses) -> None:
        async with started(member(TWO, addresses)) as two:
            async with started(member(ONE, addresses)) as one:
                await joined(one, two)
                one.transport.send(TWO, b"last")
            one.transport.send(TWO, b"too late")
            await eventually(lambda: two.broken == [ONE])
            assert two.got == [(ONE, b"last")]
            assert one.transport.stats.dropped["closed"] == 1
            assert one.broken == []

    run(scene, ONE, TWO)


def test_nobody_but_a_peer_is_sent_to() -> None:
    async def scene(addresses: Addresses) -> None:
        node = made(member(ONE, addresses))
        with pytest.raises(ValueError, match="node3 is no peer of node1"):
            node.transport.send(THREE, b"hello")
        with pytest.raises(ValueError, match="no TLS files"):
            node.transport.reload()
        assert not node.transport.connected(THREE)
        await node.transport.close()

    run(scene, ONE, TWO)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_others_are_let_in_without_tls_only_if_one_says_so(host: str) -> None:
    async def scene(addresses: Addresses) -> None:
        open_to_all = replace(member(ONE, addresses), listen=Address(host, 0))
        node = made(open_to_all)
        with pytest.raises(InsecureAddress, match="without TLS anyone there can claim to be a peer"):
            await node.transport.start()
        await node.transport.close()
        if host == "0.0.0.0":
            insecure = TcpTransport(open_to_all, lambda _, __: None, lambda _: None, Random(0), insecure=True)
            await insecure.start()
            assert insecure.address.port > 0
            await insecure.close()

    run(scene, ONE, TWO)
