"""A store that takes writes with fencing tokens, and remembers what it took and what it refused."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import msgspec

from runtime.fencing import Fence, Fenced


class Write(msgspec.Struct, frozen=True):
    """`believed` is whether the writer knew, as far as it can, that it held the lock when it sent this."""

    node: str
    token: int
    believed: bool


@dataclass(frozen=True)
class Seen:
    """A write that has arrived, when, and whether it was taken."""

    write: Write
    at: float
    taken: bool


@dataclass
class Store:
    """All that has arrived, in order."""

    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    connected: int = 0
    _fence: Fence = field(default_factory=Fence)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        try:
            while line := await reader.readline():
                self._take(msgspec.json.decode(line, type=Write))
                writer.write(b"\n")
        except (ConnectionError, msgspec.DecodeError):
            pass  # whoever wrote was killed
        finally:
            self.connected -= 1
            writer.close()

    def _take(self, write: Write) -> None:
        try:
            self._fence.check(write.token)
            taken = True
        except Fenced:
            taken = False
        self.seen.append(Seen(write, time.monotonic(), taken))
        self._more.set()

    async def first_taken(self, after: int, above: int) -> Seen:
        """The first write that is taken, after so many that had arrived, with a token greater than that."""
        while True:
            for seen in self.seen[after:]:
                if seen.taken and seen.write.token > above:
                    return seen
            after = len(self.seen)
            self._more.clear()
            await self._more.wait()

    def in_order(self) -> bool:
        """Whether no write was taken with an older token after one with a newer one."""
        tokens = [seen.write.token for seen in self.seen if seen.taken]
        return tokens == sorted(tokens)
