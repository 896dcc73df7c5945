"""Distributions of times: their quantiles, their texts, and files of round trips."""

from __future__ import annotations

import math
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean, median, stdev

import pytest

from oneleader.tuning.distributions import (
    BadDistribution,
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Lognormal,
    Uniform,
    draw,
    measured,
    of_round_trips,
    parsed,
    shown,
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1 ms", Constant(0.001)),
        ("0 ms", Constant(0.0)),
        ("250 us .. 1.5 ms", Uniform(0.00025, 0.0015)),
        ("exponential 2 ms", Exponential(0.002)),
        ("exponential 2 ms from 1 s", Exponential(0.002, 1.0)),
        ("lognormal 1 ms, sigma 0.5", Lognormal(0.001, 0.5)),
    ],
)
def test_a_text_is_read_and_shown_again(text: str, wanted: Distribution) -> None:
    assert parsed(text, "--delay") == wanted
    assert parsed(str(wanted), "--delay") == wanted


@pytest.mark.parametrize("text", ["", "1", "2 ms .. 1 ms", "-1 ms", "normal 1 ms", "lognormal 0 ms, sigma 1", "1 m"])
def test_what_describes_no_times_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(BadDistribution, match=r"^--delay: "):
        parsed(text, "--delay")


def test_a_uniform_time_lies_between_its_ends() -> None:
    random = Random(1)
    sample = [draw(Uniform(1.0, 3.0), random) for _ in range(1000)]
    assert 1.0 <= min(sample) < 1.05 < 2.95 < max(sample) <= 3.0


def test_an_exponential_time_has_its_mean_beyond_the_least() -> None:
    random = Random(2)
    sample = [draw(Exponential(0.5, 2.0), random) for _ in range(20_000)]
    assert min(sample) >= 2.0
    assert fmean(sample) == pytest.approx(2.5, abs=4 * 0.5 / math.sqrt(20_000))


def test_a_lognormal_time_has_its_median_and_the_deviation_of_its_logarithm() -> None:
    random = Random(3)
    sample = [draw(Lognormal(0.01, 0.7), random) for _ in range(20_000)]
    assert median(sample) == pytest.approx(0.01, rel=0.03)
    assert stdev(map(math.log, sample)) == pytest.approx(0.7, rel=0.03)
    assert Lognormal(1.0, 0.5).quantile(0.975) == pytest.approx(math.exp(0.5 * NormalDist().inv_cdf(0.975)))


@pytest.mark.parametrize("one", [Exponential(1.0), Lognormal(1.0, 1.0), Uniform(0.0, 1.0), Empirical((1.0, 2.0))])
def test_the_ends_of_a_distribution_are_finite_times(one: Distribution) -> None:
    assert 0 <= one.quantile(0.0) <= one.quantile(0.5) <= one.quantile(1.0) < math.inf


def test_one_way_takes_half_of_a_measured_round_trip() -> None:
    lines = ["# ping", "", "2", " 1.5 ms", "3000 us", "0.004 s"]
    assert of_round_trips(lines, "rtt.txt", "--delay").sorted_seconds == pytest.approx((0.00075, 0.001, 0.0015, 0.002))


def test_each_measured_time_is_drawn_alike() -> None:
    random = Random(4)
    drawn = [draw(Empirical((1.0, 2.0, 3.0, 4.0)), random) for _ in range(8000)]
    for value in (1.0, 2.0, 3.0, 4.0):
        assert drawn.count(value) == pytest.approx(2000, abs=4 * math.sqrt(8000 * 0.25 * 0.75))


def test_a_line_that_is_no_round_trip_is_told_with_its_number(tmp_path: Path) -> None:
    file = tmp_path / "rtt.txt"
    file.write_text("1.0\n64 bytes from 10.0.0.2\n", encoding="utf-8")
    with pytest.raises(BadDistribution, match=r"^--round-trips: rtt.txt:2: '64 bytes from 10.0.0.2' is no round trip"):
        measured(file, "--round-trips")
    file.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(BadDistribution, match="there is no round trip in it"):
        measured(file, "--round-trips")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadDistribution, match="UTF-8"):
        measured(file, "--round-trips")
    with pytest.raises(BadDistribution, match="No such file"):
        measured(tmp_path / "none", "--round-trips")


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (0.0, "0 ms"),
        (2.5e-05, "25 us"),
        (0.0015, "1.5 ms"),
        (0.25, "250 ms"),
        (2.0, "2 s"),
        (90.0, "90 s"),
        (600.0, "10 min"),
    ],
)
def test_times_are_shown_in_a_fitting_unit(seconds: float, wanted: str) -> None:
    assert shown(seconds) == wanted
