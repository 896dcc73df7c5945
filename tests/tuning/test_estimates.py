"""Intervals: known values, and that they cover what they say they cover."""

from __future__ import annotations

import math
from random import Random

import pytest

from oneleader.tuning.estimates import Estimate, mean, per_time, percentile, quantile, rate


def test_a_quantile_is_one_of_the_sample() -> None:
    assert quantile([1, 2, 3, 4], 0.5) == 2
    assert quantile([1, 2, 3, 4], 0.51) == 3
    assert quantile([1, 2, 3, 4], 0.99) == 4
    assert quantile([7], 0.01) == 7


def test_the_interval_of_a_median_is_that_of_the_tables() -> None:
    """For 20 values it is from the 6th to the 15th (David and Nagaraja; the sign test), which covers 95.9 %."""
    assert percentile(range(1, 21), 0.5) == Estimate(10, 6, 15)


def test_a_sample_that_is_too_small_bounds_no_high_percentile() -> None:
    assert percentile(range(1, 101), 0.99).high == math.inf
    assert percentile(range(1, 1001), 0.99).high < 1001


def test_wilsons_interval_has_its_known_values() -> None:
    """Of 1 in 10, and of none (R. G. Newcombe, Statistics in Medicine 17, 1998, has these of 0 in 20 and 1 in 29)."""
    none = rate(0, 20)
    assert [none.low, none.high] == pytest.approx([0.0, 0.1611], abs=5e-5)
    one = rate(1, 29)
    assert [one.low, one.high] == pytest.approx([0.0061, 0.1718], abs=5e-5)


def test_poissons_limits_have_their_known_values() -> None:
    """Garwood's: 0 gives 0 and 3.689; 10 gives 4.795 and 18.39."""
    assert per_time(0, 1.0).low == 0
    assert per_time(0, 1.0).high == pytest.approx(3.6889, abs=1e-3)
    ten = per_time(10, 2.0)
    assert [ten.value, ten.low, ten.high] == pytest.approx([5.0, 2.3977, 9.195], abs=1e-3)


@pytest.mark.parametrize(("part", "true"), [(0.5, math.log(2)), (0.9, math.log(10))])
def test_intervals_of_percentiles_cover_as_often_as_they_say(part: float, true: float) -> None:
    """Of exponential times: not less than 95 %, but for what 1,000 samples leave to chance (4 deviations)."""
    random = Random(5)
    covered = 0
    for _ in range(1000):
        found = percentile(sorted(random.expovariate(1.0) for _ in range(150)), part)
        covered += found.low <= true <= found.high
    assert covered >= 950 - 4 * math.sqrt(1000 * 0.95 * 0.05)


def test_intervals_of_rates_and_means_cover_about_as_often_as_they_say() -> None:
    random = Random(6)
    rates = means = 0
    for _ in range(1000):
        sample = [float(random.random() < 0.1) for _ in range(200)]
        found = rate(int(sum(sample)), 200)
        rates += found.low <= 0.1 <= found.high
        found = mean([random.random() for _ in range(50)])
        means += found.low <= 0.5 <= found.high
    for covered in (rates, means):
        assert covered >= 950 - 4 * math.sqrt(1000 * 0.95 * 0.05)


def test_one_value_bounds_no_mean() -> None:
    assert mean([3.0]) == Estimate(3.0, 0.0, math.inf)
    assert Estimate(0.0, 0.0, 1.0).half_width == math.inf
    assert Estimate(2.0, 1.0, 3.0).half_width == 0.5
