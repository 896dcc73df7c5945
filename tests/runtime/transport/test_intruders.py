"""What those do who are no nodes, or broken ones: they are cut off, counted, and disturb nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from runtime.transport.frames import frame
from runtime.transport.limits import Limits
from tests.runtime.transport.nodes import ONE, TWO, Node, eventually, hello, joined, member, reserved, started

HELLO = hello(TWO, ONE)
READY = frame(msgspec.msgpack.encode(["ready"]))
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
SOON = Limits(handshake_seconds=0.2, frame_seconds=0.2, unauthenticated=4)
LATE = Limits(handshake_seconds=60, frame_seconds=60, unauthenticated=4)


def disturb(limits: Limits, how: Callable[[Node, Callable[[], Awaitable[Streams]]], Awaitable[None]]) -> None:
    """Disturbs node 1, and sees that node 2 can still talk to it."""

    async def play() -> None:
        with reserved(ONE, TWO) as addresses:
            async with started(member(ONE, addresses), limits=limits) as one:
                opened: list[asyncio.StreamWriter] = []

                async def connect() -> Streams:
                    reader, writer = await asyncio.open_connection(*addresses[ONE])
                    opened.append(writer)
                    return reader, writer

                await how(one, connect)
                one.got.clear()
                async with started(member(TWO, addresses)) as two:
                    await joined(one, two)
                    two.transport.send(ONE, b"still there?")
                    await eventually(lambda: one.got == [(TWO, b"still there?")])
                for writer in opened:
                    writer.transport.abort()

    asyncio.run(play())


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What is said until the connection is closed."""
    said = b""
    try:
        async with asyncio.timeout(15):
            while more := await reader.read(1000):
                said += more
    except ConnectionError:
        pass
    return said


@pytest.mark.parametrize(
    ("said", "reason", "answered"),
    [
        (b"GET / HTTP/1.1\r\nHost: node1\r\n\r\n", "oversize", False),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "oversize", False),
        (b"\0\0\0\0", "malformed", False),
        (frame(b"\xc1"), "malformed", True),
        (READY, "malformed", True),
        (frame(b"\x91" * 4096), "malformed", True),
        (frame(b"\x91" * 4097), "oversize", False),
        (frame(msgspec.msgpack.encode(["hello", 2])), "version", True),
        (HELLO + HELLO, "malformed", True),
    ],
)
def test_what_is_no_handshake_is_cut_off(said: bytes, reason: str, answered: bool) -> None:
    async def how(one: Node, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(said)
        answer = await closed(reader)
        assert (b"refuse" in answer) == answered
        await eventually(lambda: one.transport.stats.refused[reason] == 1)
        assert one.broken == []

    disturb(LATE, how)


@pytest.mark.parametrize("said", [b"", HELLO[:3], HELLO[:-1], HELLO])
def test_a_handshake_that_does_not_end_is_cut_off(said: bytes) -> None:
    async def how(one: Node, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(said)
        await closed(reader)
        await eventually(lambda: one.transport.stats.refused["timeout"] == 1)
        assert one.broken == []

    disturb(SOON, how)


def test_who_hangs_up_during_the_handshake_is_counted() -> None:
    async def how(one: Node, connect: Callable[[], Awaitable[Streams]]) -> None:
        for said in (b"", HELLO[:10], HELLO):
            _, writer = await connect()
            writer.write(said)
            writer.write_eof()
        await eventually(lambda: one.transport.stats.refused["gone"] == 3)

    disturb(LATE, how)


def test_half_a_frame_is_cut_off() -> None:
    async def how(one: Node, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(HELLO + READY + frame(b"whole") + frame(b"not whole")[:-1])
        await eventually(lambda: one.got == [(TWO, b"whole")])
        await closed(reader)
        assert one.transport.stats.dropped["unfinished"] == 1

    disturb(SOON, how)


@pytest.mark.parametrize("length", [0, 2**16 + 1, 2**32 - 1])
def test_a_length_that_cannot_be_is_cut_off(length: int) -> None:
    async def how(one: Node, connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(HELLO + READY + frame(b"whole") + length.to_bytes(4, "big") + b"x" * 1000)
        await closed(reader)
        assert one.got == [(TWO, b"whole")]
        assert one.transport.stats.dropped["oversize" if length else "malformed"] == 1

    disturb(LATE, how)


def test_a_largest_payload_may_follow_the_handshake_at_once_and_come_byte_by_byte() -> None:
    async def how(one: Node, connect: Callable[[], Awaitable[Streams]]) -> None:
        _, writer = await connect()
        writer.write(HELLO + READY + frame(b"x" * 2**16))
        await eventually(lambda: one.got == [(TWO, b"x" * 2**16)])
        for byte in frame(b"slow"):
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.001)
        await eventually(lambda: one.got[1:] == [(TWO, b"slow")])

    disturb(LATE, how)


def test_too_many_strangers_drive_out_the_oldest_of_them() -> None:
    async def how(one: Node, connect: Callable[[], Awaitable[Streams]]) -> None:
        strangers = [await connect() for _ in range(10)]
        for reader, _ in strangers[:6]:
            assert await closed(reader) == b""
        assert one.transport.stats.refused["crowded"] == 6
        reader, writer = strangers[-1]
        writer.write(HELLO)
        assert await reader.read(4) == HELLO[:4]

    disturb(LATE, how)


def test_who_is_dialled_has_nothing_to_send_that_way() -> None:
    async def play() -> None:
        with reserved(ONE, TWO) as addresses:

            async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readexactly(len(HELLO))
                writer.write(hello(TWO, ONE))
                await reader.readexactly(len(READY))
                writer.write(frame(b"no"))
                await closed(reader)
                writer.transport.abort()

            async with (
                await asyncio.start_server(talkative, *addresses[TWO]),
                started(member(ONE, addresses)) as one,
            ):
                await eventually(lambda: one.transport.stats.dropped["malformed"] > 0)
                assert one.got == []

    asyncio.run(play())
