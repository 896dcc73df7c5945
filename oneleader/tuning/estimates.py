"""What a sample says of what it was drawn from, with intervals. All are of 95 % unless another part is asked for.

None takes a shape of the distribution for granted, but for `mean`, of which that is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value, and the interval that covers the true one in so many of all samples. `high` is infinite where the
    sample is too small to bound it."""

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """As a part of the value; infinite where that is 0."""
        return (self.high - self.low) / 2 / self.value if self.value else math.inf


def quantile(ordered: Sequence[float], part: float) -> float:
    """The smallest of an ordered sample that so large a part of it does not exceed."""
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]


def percentile(ordered: Sequence[float], part: float, confidence: float = CONFIDENCE) -> Estimate:
    """A quantile, between two of the ordered sample themselves: how many of it are below the true one is binomial,
    whatever the distribution (H. A. David and H. N. Nagaraja, Order Statistics, 3rd edition, section 7.1)."""
    count = len(ordered)
    tail = (1 - confidence) / 2
    below = _last_within(count, part, tail)
    above = _first_beyond(count, part, tail)
    return Estimate(
        quantile(ordered, part),
        ordered[below - 1] if below else 0.0,
        ordered[above - 1] if above <= count else math.inf,
    )


def _last_within(count: int, part: float, tail: float) -> int:
    """The largest r such that the r-th of the ordered sample exceeds the quantile with at most this probability; 0
    where there is none: P(fewer than r are below the quantile)."""
    return sum(1 for passed in _cumulative(count, part) if passed <= tail)


def _first_beyond(count: int, part: float, tail: float) -> int:
    """The smallest s such that the s-th of the ordered sample is below the quantile with at most this probability."""
    return next((number + 1 for number, passed in enumerate(_cumulative(count, part)) if passed >= 1 - tail), count + 1)


def _cumulative(count: int, part: float) -> list[float]:
    """P(a binomial number is at most k), for k from 0 to count - 1."""
    found, total = [], 0.0
    for k in range(count):
        total += math.exp(_log_binomial(count, k, part))
        found.append(total)
    return found


def _log_binomial(count: int, k: int, part: float) -> float:
    choose = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
    return choose + k * math.log(part) + (count - k) * math.log1p(-part)


def rate(successes: int, count: int, confidence: float = CONFIDENCE) -> Estimate:
    """A probability, with Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and
    statistical inference", JASA 22, 1927)."""
    deviation = NormalDist().inv_cdf((1 + confidence) / 2)
    part = successes / count
    scale = 1 + deviation**2 / count
    centre = (part + deviation**2 / (2 * count)) / scale
    half = deviation / scale * math.sqrt(part * (1 - part) / count + deviation**2 / (4 * count**2))
    return Estimate(part, max(centre - half, 0.0) if successes else 0.0, min(centre + half, 1.0))


def per_time(count: int, exposure: float, confidence: float = CONFIDENCE) -> Estimate:
    """How often something happens in a unit of time that happened so often in so much of it, at moments that do not
    depend on each other: exact limits of Poisson's distribution (F. Garwood, Biometrika 28, 1936)."""
    tail = (1 - confidence) / 2
    low = _solved(lambda mean: 1 - _poisson_below(count, mean) - tail, 0.0, float(count)) if count else 0.0
    high = _solved(lambda mean: tail - _poisson_below(count + 1, mean), float(count), 2.0 * count + 40.0)
    return Estimate(count / exposure, low / exposure, high / exposure)


def _poisson_below(count: int, mean: float) -> float:
    """P(fewer than so many), of a Poisson number with this mean."""
    if mean == 0:
        return 1.0 if count else 0.0
    return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count))


def _solved(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing function is 0, between the two."""
    for _ in range(80):
        middle = (low + high) / 2
        if function(middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def mean(sample: Sequence[float], confidence: float = CONFIDENCE) -> Estimate:
    """The mean, with an interval that takes it to be normal, as that of a large sample of bounded values nearly is."""
    centre = fmean(sample)
    if len(sample) < 2:
        return Estimate(centre, 0.0, math.inf)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * stdev(sample) / math.sqrt(len(sample))
    return Estimate(centre, centre - half, centre + half)
