"""How long to wait before a peer is dialled again."""

from __future__ import annotations

from random import Random


def delay(attempt: int, shortest: float, longest: float, random: Random) -> float:
    """The seconds to wait after so many vain attempts. They double with each, up to the longest, and between half and
    all of that is drawn, so that nodes that lost each other at once do not all come back at once."""
    most = min(longest, shortest * 2.0 ** min(attempt, 64))
    return most * random.uniform(0.5, 1.0)
