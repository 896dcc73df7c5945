"""What is drawn otherwise is weighed for just that."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from oneleader.tuning.distributions import Constant, Empirical, Exponential, Lognormal, Uniform
from oneleader.tuning.tilts import Tilt, longer_than, tilt_of

FIXED = Constant(0.001)


@pytest.mark.parametrize(
    ("distribution", "never"),
    [(FIXED, 0.01), (Lognormal(0.01, 1.0), 0.0), (Lognormal(0.01, 1.0), 0.001), (Uniform(0.0, 0.11), 0.3)],
)
def test_what_is_drawn_otherwise_is_weighed_for_just_that(distribution: Any, never: float) -> None:
    tilt = tilt_of(distribution, never, 0.1, 0.2, 0.8)
    assert tilt is not None
    widths = [high - low for low, high in zip(tilt.edges, tilt.edges[1:], strict=False)]
    assert min(widths) > 0
    assert sum(tilt.chances) == pytest.approx(1.0)
    middles = [(high + low) / 2 for low, high in zip(tilt.edges, tilt.edges[1:], strict=False)]
    assert sum(tilt.ratio(middle) * width for middle, width in zip(middles, widths, strict=True)) == pytest.approx(1.0)
    random = Random(1)
    drawn = [tilt.drawn(random) for _ in range(20_000)]
    for chance, low, high in zip(tilt.chances, tilt.edges, tilt.edges[1:], strict=False):
        share = sum(low <= number < high for number in drawn) / len(drawn)
        assert share == pytest.approx(chance, abs=4 * math.sqrt(chance * (1 - chance) / len(drawn)))
    # The mean of the inverse ratio is 1: likelihoods of the one are weights of the other.
    assert sum(1 / tilt.ratio(number) for number in drawn) / len(drawn) == pytest.approx(1.0, rel=0.2)
    assert sum(number < tilt.edges[-2] for number in drawn) / len(drawn) == pytest.approx(0.8, abs=0.02)


def test_how_likely_a_time_is_longer_is_found_however_rare_that_is() -> None:
    assert longer_than(Exponential(1.0), 2.0) == pytest.approx(math.exp(-2.0))
    assert longer_than(Exponential(1.0), 25.0) == pytest.approx(math.exp(-25.0), rel=0.01)
    assert longer_than(Uniform(0.0, 1.0), 0.25) == pytest.approx(0.75)
    assert longer_than(Empirical((1.0, 2.0, 3.0, 4.0)), 2.5) == pytest.approx(0.5)
    assert longer_than(FIXED, 0.0) == 1.0
    assert longer_than(FIXED, 0.001) == 0.0


def test_a_time_that_is_never_long_is_not_forced() -> None:
    assert tilt_of(Uniform(0.0, 0.05), 0.0, 0.1, 0.2, 0.8) is None
    assert tilt_of(FIXED, 0.0, 0.1, 0.2, 0.8) is None
    assert tilt_of(FIXED, 1.0, 0.1, 0.2, 0.8) is None
    assert isinstance(tilt_of(FIXED, 0.5, 0.1, 0.2, 0.8), Tilt)
