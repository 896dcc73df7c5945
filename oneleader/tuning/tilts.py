"""Drawing bad luck more often than it comes, and by how much more."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from random import Random

from oneleader.tuning.distributions import Distribution

FACTOR, DEGREES, RARE = 3.0, 10, 1e-12
"""Degrees of rarity are so many times apart, if that makes no more of them than these; what is rarer than the last by
that much is not sought."""


@dataclass(frozen=True)
class Tilt:
    """How numbers from 0 to 1, of which the small ones mean bad luck, are drawn instead of alike: by an interval that
    is chosen with these chances, and within it alike."""

    edges: tuple[float, ...]
    chances: tuple[float, ...]

    def drawn(self, random: Random) -> float:
        place = random.choices(range(len(self.chances)), self.chances)[0]
        return random.uniform(self.edges[place], self.edges[place + 1])

    def ratio(self, number: float) -> float:
        """By how much likelier a number has become."""
        place = min(max(bisect_right(self.edges, number) - 1, 0), len(self.chances) - 1)
        return self.chances[place] / (self.edges[place + 1] - self.edges[place])


def tilt_of(distribution: Distribution, never: float, least: float, most: float, bad: float) -> Tilt | None:
    """So that with this chance, `bad`, something never comes or takes longer than the least time that may matter. What
    is longer is shared out evenly among degrees of rarity, up to the most that may be needed: which of them counts is
    not known, and any that is left out would be missed. None where nothing of that can be, or is as likely anyhow."""
    late = [longer_than(distribution, seconds) for seconds in (most, least)]
    edges = sorted({0.0, never, 1.0} | {never + (1 - never) * part for part in _degrees(*late)})
    if never >= 1 or edges[-2] >= bad or len(edges) == 2:
        return None
    lost = int(never > 0)
    pieces = len(edges) - 2 - lost
    share = bad / (lost + 1) if pieces else bad
    late_shares = [(bad - share * lost) / pieces for _ in range(pieces)]
    return Tilt(tuple(edges), (*[share] * lost, *late_shares, 1 - bad))


def _degrees(rarest: float, likeliest: float) -> list[float]:
    """Probabilities from one to the other, each a few times as large as the one before it."""
    if not likeliest:
        return []
    lowest = max(rarest, likeliest * RARE)
    steps = min(math.ceil(math.log(likeliest / lowest) / math.log(FACTOR)), DEGREES)
    return [likeliest * (lowest / likeliest) ** (step / max(steps, 1)) for step in range(steps + 1)]


def longer_than(distribution: Distribution, seconds: float) -> float:
    """How likely a time is longer than this."""
    if distribution.quantile(1.0) <= seconds:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):  # in powers of ten at first: what is rare may be very rare
        middle = math.sqrt(max(low, 1e-18) * high) if high > 4 * low else (low + high) / 2
        if distribution.quantile(1 - middle) > seconds:
            low = middle
        else:
            high = middle
    return high
