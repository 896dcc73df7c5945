"""Throws bytes at an accepted connection: whatever comes in, nothing is raised and little is held.

    python -m tests.runtime.transport.fuzz_frames [arguments of libFuzzer]

runs for as long as it is let with atheris (`pip install atheris`); without it, with a mutator of its own:
`[seed [inputs]]`.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from random import Random
from typing import Any, cast

import msgspec

from runtime.transport import Malformed
from runtime.transport.connection import Connection
from runtime.transport.frames import frame
from runtime.transport.handshake import HANDSHAKE_BYTES, Handshake, Terms
from runtime.transport.limits import Limits
from runtime.transport.stats import Dropped
from tests.runtime.transport.nodes import NONSENSE, ONE, SPEC, THREE, TWO, hello

TERMS = Terms("orders", "raft", SPEC, ONE, frozenset({TWO, THREE}))
LIMITS = Limits(frame_bytes=300)
READY = frame(msgspec.msgpack.encode(["ready"]))
REFUSE = frame(msgspec.msgpack.encode(["refuse", 1, "spec", "another"]))
SEEDS = (
    hello(TWO, ONE) + READY + frame(b"payload") + frame(b"x" * 300),
    hello(THREE, ONE) + READY + frame(b"x" * 301),
    hello(ONE, TWO) + REFUSE,
    hello(TWO, ONE) + READY + frame(NONSENSE) + frame(b"more"),
    REFUSE,
    b"\0\0\0\0",
)


class Socket:
    """Stands in for the socket of a connection."""

    def getpeername(self) -> tuple[str, int]:
        return "127.0.0.1", 2

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 1

    def setsockopt(self, *_: int) -> None:
        pass


class Wire:
    """Stands in for the transport of a connection."""

    def __init__(self) -> None:
        self.said = 0
        self.closed = False

    def get_extra_info(self, name: str) -> Socket | None:
        return Socket() if name == "socket" else None

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.said += len(data)

    def close(self) -> None:
        self.closed = True

    abort = close


class Owner:
    """Takes what comes in, and sees that none of it comes too early, too late or too large."""

    def __init__(self) -> None:
        self.peers = 0
        self.over = False

    def opened(self, connection: Connection) -> None:
        assert self.peers == 0

    def established(self, connection: Connection) -> None:
        assert connection.peer in TERMS.peers
        self.peers += 1

    def arrived(self, connection: Connection, payload: bytes) -> None:
        assert self.peers == 1 and not self.over
        assert 0 < len(payload) <= LIMITS.frame_bytes
        if payload == NONSENSE:
            try:
                raise Malformed
            except Malformed:
                self.over = True
                connection.abort()

    def writable(self, connection: Connection) -> None:
        raise AssertionError("nothing was ever held back")

    def spoiled(self, connection: Connection, reason: Dropped) -> None:
        assert not self.over
        self.over = True

    def ended(self, connection: Connection, broken: bool) -> None:
        assert broken <= (self.peers == 1)


async def throw(data: bytes) -> None:
    """One input: the first byte says how the rest is cut into chunks, and who dialled."""
    first, rest = (data[0], data[1:]) if data else (0, b"")
    size = 1 + (first >> 1) * 4
    dialled = TWO if first & 1 else None
    wire, owner = Wire(), Owner()
    connection = Connection(owner, LIMITS, lambda _: Handshake(TERMS, dialled, None))
    connection.connection_made(cast("asyncio.Transport", wire))
    for start in range(0, len(rest), size):
        chunk = rest[start : start + size]
        connection.get_buffer(-1)[: len(chunk)] = chunk
        connection.buffer_updated(len(chunk))
    assert wire.said < 3 * HANDSHAKE_BYTES
    connection.eof_received()
    connection.connection_lost(None)
    assert connection.settled.done()


def mutated(random: Random) -> bytes:
    """A seed, or two of them run together, with some bytes changed, taken out or put in."""
    data = bytearray(b"".join(random.choices(SEEDS, k=random.randint(1, 2))))
    for _ in range(random.choice((0, 0, 1, 1, 2, 5, 20))):
        at = random.randrange(len(data) + 1)
        match random.randrange(3):
            case 0:
                data[at : at + 1] = bytes((random.choice((0, 1, 127, 128, 255, random.randrange(256))),))
            case 1:
                del data[at : at + random.randint(1, 8)]
            case _:
                data[at:at] = random.randbytes(random.randint(1, 8))
    return bytes((random.randrange(256),)) + bytes(data)


async def throw_mutated(seed: int, inputs: int) -> None:
    """So many inputs, drawn from the seed."""
    random = Random(seed)
    for _ in range(inputs):
        await throw(mutated(random))


def main() -> None:
    """Fuzzes, with what there is to do it with."""
    try:
        atheris: Any = importlib.import_module("atheris")
    except ImportError:
        seed, inputs = (*map(int, sys.argv[1:3]), *(0, 100_000)[len(sys.argv) - 1 :])
        asyncio.run(throw_mutated(seed, inputs))
        print(f"threw {inputs} inputs, seed {seed}; atheris is not installed")
        return
    atheris.instrument_all()
    with asyncio.Runner() as runner:
        atheris.Setup(sys.argv, lambda data: runner.run(throw(data)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
