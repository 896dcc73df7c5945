"""What the trials of a published experiment come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.published_experiments import Result
from oneleader.tuning.estimates import Estimate, mean, percentile, quantile, rate

PARTS = (*(part / 200 for part in range(1, 198)), *(0.99 + step / 1000 for step in range(10)), 0.9995, 1.0)
"""At which parts of all trials a curve is kept."""


@dataclass(frozen=True)
class Found:
    """Of one line of an experiment. Times are seconds."""

    experiment: str
    line: str
    trials: int
    limited: int
    """How many were cut short by the limit."""
    mean: Estimate
    median: Estimate
    p99: Estimate
    p999: Estimate
    worst: float
    rounds: dict[int, int]
    """How many trials took so many rounds; those that were cut short took 0."""
    curve: tuple[float, ...]
    """The quantiles at PARTS."""

    @property
    def split(self) -> Estimate:
        """How often one round was not enough."""
        return rate(sum(count for number, count in self.rounds.items() if number != 1), self.trials)

    @property
    def average_rounds(self) -> Estimate:
        return mean([float(number) for number, count in self.rounds.items() for _ in range(count)])

    def more_than(self, rounds: int) -> Estimate:
        """How often so many rounds were not enough."""
        return rate(sum(count for number, count in self.rounds.items() if number > rounds), self.trials)


def found_of(experiment: str, line: str, results: Sequence[Result]) -> Found:
    ordered = sorted(second for one in results for second in one.seconds)
    return Found(
        experiment,
        line,
        len(ordered),
        sum(one.limited for one in results),
        _rounded(mean(ordered)),
        _rounded(percentile(ordered, 0.5)),
        _rounded(percentile(ordered, 0.99)),
        _rounded(percentile(ordered, 0.999)),
        round(ordered[-1], 6),
        dict(sorted(Counter(number for one in results for number in one.rounds).items())),
        tuple(round(quantile(ordered, part), 6) for part in PARTS),
    )


def _rounded(estimate: Estimate) -> Estimate:
    """To a microsecond; an interval without an end ends at more than any time."""
    return Estimate(round(estimate.value, 6), round(estimate.low, 6), round(min(estimate.high, ENDLESS), 6))


ENDLESS = 1e9
