"""How bodies are told apart in a stream of bytes: each has its length before it, four bytes, the highest first.

No input and no output happens here, and no bytes whatsoever make it raise.
"""

from __future__ import annotations

_HEADER = 4
LARGEST_LIMIT = 2 ** (8 * _HEADER) - 1


def frame(body: bytes) -> bytes:
    """The body as it travels. It has 1 to `LARGEST_LIMIT` bytes."""
    return len(body).to_bytes(_HEADER, "big") + body


class Frames:
    """Takes the bytes of a stream as they come, and gives the bodies in it.

    `limit` is the greatest length of a body; it may be changed between two calls of `take`. A greater length, or an
    empty body, spoils the stream: nobody knows where the next frame begins. It gives and holds nothing from then on.
    What is held is never more than one unfinished frame and the bytes added last."""

    __slots__ = ("_at", "_held", "limit", "spoiled")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spoiled: int | None = None
        """The length for which the stream was given up."""
        self._held = bytearray()
        self._at = 0

    def add(self, data: bytes | bytearray | memoryview) -> None:
        """The next bytes of the stream."""
        if self.spoiled is None:
            self._held += data

    def take(self) -> bytes | None:
        """The next whole body; None if there is none yet, or never will be."""
        begin = self._at + _HEADER
        if len(self._held) < begin:
            self._forget()
            return None
        length = int.from_bytes(self._held[self._at : begin], "big")
        if not 0 < length <= self.limit:
            self.spoiled = length
            self._at = len(self._held)
            self._forget()
            return None
        end = begin + length
        if len(self._held) < end:
            self._forget()
            return None
        self._at = end
        return bytes(memoryview(self._held)[begin:end])

    @property
    def held(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return len(self._held) - self._at

    def _forget(self) -> None:
        """Lets go of what was given. Once per added bytes, lest a chunk of many frames be moved for each of them."""
        if self._at:
            del self._held[: self._at]
            self._at = 0
