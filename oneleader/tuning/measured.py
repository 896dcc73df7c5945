"""What has been found out about one setting, and what that says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist

from oneleader.tuning.estimates import CONFIDENCE, Estimate, mean, per_time, percentile, rate
from oneleader.tuning.forced import Windows
from oneleader.tuning.settings import Setting
from oneleader.tuning.trials import Election, Idle

DAY = 86_400.0
ENOUGH_COUNTED = 5
"""With so many elections counted by waiting, nothing has to be forced."""
ENOUGH_FORCED = 10
"""With fewer windows in which one was forced, what they weigh says nothing."""
COUNTED, FORCED, NONE_SEEN, UNSTABLE = "counted", "forced", "none seen", "unstable"
"""How false elections were found out: by waiting; by forcing bad luck and weighing it; not one was found, by either;
there were so many that no leader ever lasted."""


@dataclass(frozen=True)
class FalseElections:
    """How many there are in a day, and how that is known."""

    per_day: Estimate
    how: str


@dataclass(frozen=True)
class Sample:
    """What trials of one setting found; two of them add up."""

    elections: tuple[Election, ...] = ()
    windows: tuple[Windows, ...] = ()
    idle: tuple[Idle, ...] = ()
    nothing_rare: bool = False
    """Nothing can go wrong in this world that is rare enough to be forced."""
    unstable: bool = False

    def __add__(self, other: Sample) -> Sample:
        return Sample(
            self.elections + other.elections,
            self.windows + other.windows,
            self.idle + other.idle,
            self.nothing_rare or other.nothing_rare,
            self.unstable or other.unstable,
        )


@dataclass(frozen=True)
class Measured:
    """A setting and its sample. Times are seconds."""

    setting: Setting
    sample: Sample = field(default_factory=Sample)

    @property
    def is_unstable(self) -> bool:
        return self.sample.unstable or not self.sample.elections

    @cached_property
    def ordered(self) -> Sequence[float]:
        return sorted(one.seconds for one in self.sample.elections)

    @cached_property
    def failover(self) -> Estimate:
        """The mean time."""
        return mean(self.ordered)

    @cached_property
    def median(self) -> Estimate:
        return percentile(self.ordered, 0.5)

    @cached_property
    def slow(self) -> Estimate:
        """What one failover in a hundred exceeds. Infinite above where the sample is too small, or one of those above
        was cut short by the limit."""
        found = percentile(self.ordered, 0.99)
        limited = sum(one.limited for one in self.sample.elections)
        return Estimate(found.value, found.low, math.inf) if limited else found

    @cached_property
    def split(self) -> Estimate:
        """How often one attempt was not enough."""
        return rate(sum(one.split for one in self.sample.elections), len(self.sample.elections))

    @cached_property
    def rounds(self) -> Estimate:
        """How many attempts there were."""
        return mean([float(one.rounds) for one in self.sample.elections if not one.limited] or [math.inf])

    @property
    def windows(self) -> int:
        """How many windows have been looked at in which bad luck was forced."""
        return sum(one.count for one in self.sample.windows)

    @property
    def waited(self) -> float:
        """For how many seconds it has been waited for an election without a crash."""
        return sum(one.seconds for one in self.sample.idle)

    @property
    def counted(self) -> int:
        """How many there were in these."""
        return sum(one.false_elections for one in self.sample.idle)

    @property
    def limited(self) -> int:
        """Of how many failovers the end was not waited for."""
        return sum(one.limited for one in self.sample.elections)

    @cached_property
    def messages_per_second(self) -> float:
        """With a leader that is well."""
        return sum(one.messages for one in self.sample.idle) / self.waited if self.waited else math.nan

    @cached_property
    def false_elections(self) -> FalseElections:
        """By waiting, if that has shown enough of them, or shows more than weighing does; else by weighing."""
        if self.is_unstable:
            return FalseElections(Estimate(math.inf, math.inf, math.inf), UNSTABLE)
        count, waited = self.counted, per_time(self.counted, self.waited / DAY)
        weighed = forced_rate(self.sample.windows)
        if count < ENOUGH_COUNTED and weighed is not None and weighed.high >= waited.low:
            return FalseElections(weighed, FORCED)
        return FalseElections(waited, COUNTED if count else NONE_SEEN)


def forced_rate(windows: Sequence[Windows], confidence: float = CONFIDENCE) -> Estimate | None:
    """Elections a day, by the weights of windows; None where too few have any. The interval takes the logarithm to be
    normal, as suits sums of weights that differ by powers of ten; it is widened as for a sample of as many values as
    the weights amount to (L. Kish's effective size)."""
    weights = [weight for one in windows for weight in one.weights]
    if len(weights) < ENOUGH_FORCED:
        return None
    count = sum(one.count for one in windows)
    total, squares = sum(weights), sum(weight**2 for weight in weights)
    value = total / sum(one.seconds for one in windows) * DAY
    relative = math.sqrt(max(squares / total**2 - 1 / count, 0.0))
    effective = total**2 / squares
    factor = 1 + 4 / effective
    spread = math.sqrt(math.log1p(relative**2)) * NormalDist().inv_cdf((1 + confidence) / 2) * factor
    return Estimate(value, value * math.exp(-spread), value * math.exp(spread))
