"""Distributions of times: how long a message, a store or a pause takes. All times are seconds.

Each is known by its quantile function, from which it is drawn. One uniform number gives one time, so that whoever draws
the number from elsewhere than from everywhere alike knows by how much he has to weigh what comes of it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import NormalDist

_STANDARD = NormalDist()
_TIME = r"([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|min|h)"
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
FORMS = (
    "`1 ms`, `0.5 ms .. 1 ms` (uniform), `exponential 2 ms` (the mean; `exponential 2 ms from 1 ms`: beyond 1 ms), "
    "or `lognormal 1 ms, sigma 0.5` (the median, and the deviation of the logarithm)"
)


class BadDistribution(Exception):
    """A text that describes no distribution of times, or a file that holds none; says what was expected."""


@dataclass(frozen=True)
class Constant:
    """Always the same."""

    seconds: float

    def quantile(self, part: float) -> float:
        return self.seconds

    def __str__(self) -> str:
        return shown(self.seconds)


@dataclass(frozen=True)
class Uniform:
    """Anything between the two alike."""

    shortest: float
    longest: float

    def quantile(self, part: float) -> float:
        return self.shortest + part * (self.longest - self.shortest)

    def __str__(self) -> str:
        return f"{shown(self.shortest)} .. {shown(self.longest)}"


@dataclass(frozen=True)
class Exponential:
    """A least time, and beyond it an exponential one with this mean."""

    mean: float
    least: float = 0.0

    def quantile(self, part: float) -> float:
        return self.least - self.mean * math.log1p(-min(part, _BELOW_ONE))

    def __str__(self) -> str:
        return f"exponential {shown(self.mean)}" + (f" from {shown(self.least)}" if self.least else "")


@dataclass(frozen=True)
class Lognormal:
    """Its logarithm is normal: with this median, and this deviation of the (natural) logarithm."""

    median: float
    sigma: float

    def quantile(self, part: float) -> float:
        part = min(max(part, 1.0 - _BELOW_ONE), _BELOW_ONE)
        return self.median * math.exp(self.sigma * _STANDARD.inv_cdf(part))

    def __str__(self) -> str:
        return f"lognormal {shown(self.median)}, sigma {self.sigma:g}"


@dataclass(frozen=True)
class Empirical:
    """One of the times that were measured, each alike. Nothing longer than the longest of them ever comes."""

    sorted_seconds: tuple[float, ...]
    source: str = "measured"

    def quantile(self, part: float) -> float:
        count = len(self.sorted_seconds)
        return self.sorted_seconds[min(int(part * count), count - 1)]

    def __str__(self) -> str:
        return f"{len(self.sorted_seconds):,} measured in {self.source}"


Distribution = Constant | Uniform | Exponential | Lognormal | Empirical
_BELOW_ONE = 1.0 - 2.0**-53


def draw(distribution: Distribution, random: Random) -> float:
    """A time of the distribution, by one number that is uniform from 0 to 1."""
    return distribution.quantile(random.random())


def scaled(distribution: Distribution, factor: float) -> Distribution:
    """With all times so many times as long."""
    match distribution:
        case Constant(seconds):
            return Constant(seconds * factor)
        case Uniform(shortest, longest):
            return Uniform(shortest * factor, longest * factor)
        case Exponential(average, least):
            return Exponential(average * factor, least * factor)
        case Lognormal(median, sigma):
            return Lognormal(median * factor, sigma)
        case Empirical(times, source):
            return Empirical(tuple(one * factor for one in times), source)


def shown(seconds: float) -> str:
    """A time as it is written: 1.5 ms, 2 s."""
    if seconds == 0:
        return "0 ms"
    if seconds < 0.001:
        return f"{seconds * 1e6:.4g} us"
    if seconds < 1:
        return f"{seconds * 1000:.4g} ms"
    for unit in ("h", "min"):
        if seconds >= UNITS[unit] and (seconds / UNITS[unit]).is_integer():
            return f"{seconds / UNITS[unit]:g} {unit}"
    return f"{seconds:.4g} s"


def parsed(text: str, where: str) -> Distribution:
    """The distribution that a text describes. Raises BadDistribution."""
    stripped = text.strip()
    if (found := re.fullmatch(_TIME, stripped)) is not None:
        return Constant(_seconds(found[1], found[2]))
    if (found := re.fullmatch(rf"{_TIME}\s*\.\.\s*{_TIME}", stripped)) is not None:
        least, most = _seconds(found[1], found[2]), _seconds(found[3], found[4])
        if least > most:
            raise BadDistribution(f"{where}: {text!r} ends before it begins")
        return Uniform(least, most)
    if (found := re.fullmatch(rf"exponential\s+{_TIME}(?:\s+from\s+{_TIME})?", stripped)) is not None:
        least = _seconds(found[3], found[4]) if found[3] is not None else 0.0
        return Exponential(_seconds(found[1], found[2]), least)
    if (found := re.fullmatch(rf"lognormal\s+{_TIME}\s*,\s*sigma\s+([0-9]+(?:\.[0-9]+)?)", stripped)) is not None:
        median = _seconds(found[1], found[2])
        if not median > 0:
            raise BadDistribution(f"{where}: {text!r}: the median has to be more than 0")
        return Lognormal(median, float(found[3]))
    raise BadDistribution(f"{where}: {text!r} describes no times; expected {FORMS}")


def of_round_trips(lines: Sequence[str], name: str, where: str) -> Empirical:
    """One-way times, from the lines of a file of measured round trips: each has one, in milliseconds or with its unit,
    and takes twice as long as one way. Blank lines and those that begin with # say nothing. Raises BadDistribution."""
    times = []
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        found = re.fullmatch(rf"{_TIME}|([0-9]+(?:\.[0-9]+)?)", stripped)
        if found is None:
            raise BadDistribution(
                f"{where}: {name}:{number}: {stripped[:40]!r} is no round trip; expected milliseconds (`0.42`), or a "
                "time with its unit (`420 us`, `0.42 ms`)"
            )
        seconds = float(found[3]) / 1000 if found[3] is not None else _seconds(found[1], found[2])
        times.append(seconds / 2)
    if not times:
        raise BadDistribution(f"{where}: {name}: there is no round trip in it; expected one on each line")
    return Empirical(tuple(sorted(times)), name)


def measured(path: Path, where: str) -> Empirical:
    """As `of_round_trips`, of a file. Raises BadDistribution."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadDistribution(f"{where}: {path}: this is no UTF-8 text") from None
    except OSError as problem:
        raise BadDistribution(f"{where}: {path}: {problem.strerror or problem}") from None
    return of_round_trips(text.splitlines(), path.name, where)


def _seconds(number: str, unit: str) -> float:
    return float(number) * UNITS[unit]
