"""What is forced and weighed gives what would be found by waiting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from generated.raft.node import PROCESS
from oneleader.tuning.distributions import Constant, Empirical, Exponential, Lognormal, Uniform
from oneleader.tuning.estimates import per_time
from oneleader.tuning.forced import PLAIN, Tilt, Windows, longer_than, tilt_of, windows
from oneleader.tuning.trials import idle
from oneleader.tuning.world import Pauses, World

RAFT: Mapping[str, Any] = {"node": PROCESS}
FIXED = Constant(0.001)


def rate(found: Windows | None) -> tuple[float, float]:
    """Elections a second, and the deviation of that as a part of it."""
    assert found is not None
    total = sum(found.weights)
    squares = sum(weight**2 for weight in found.weights)
    return total / found.seconds, math.sqrt(squares / total**2 - 1 / found.count)


def by_hand(nodes: int, shortest: float, longest: float, period: float, loss: float) -> float:
    """Elections a second where each message is lost alike and all take the same time: after each heartbeat that it
    has received, a follower runs out if all those are lost that come before its timer does, which is drawn once."""
    steps = 20_000
    durations = (shortest + (longest - shortest) * (step + 0.5) / steps for step in range(steps))
    runs_out = sum(loss ** math.floor(duration / period) for duration in durations) / steps
    return (nodes - 1) * (1 - loss) / period * runs_out


@pytest.mark.parametrize(
    ("nodes", "timers", "loss"),
    [
        (3, {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}, 0.05),
        (5, {"election": (0.3, 0.5), "heartbeat": (0.1, 0.1)}, 0.001),
        (3, {"election": (0.3, 0.4), "heartbeat": (0.05, 0.05)}, 0.0001),
    ],
)
def test_lost_heartbeats_cost_as_many_elections_as_by_hand(
    nodes: int, timers: dict[str, tuple[float, float]], loss: float
) -> None:
    """From some an hour to one in a thousand million million years."""
    found, deviation = rate(windows(RAFT, {"node": nodes}, World(FIXED, loss), timers, 1, 300, "election"))
    wanted = by_hand(nodes, *timers["election"], timers["heartbeat"][0], loss)
    assert deviation < 0.5
    assert found == pytest.approx(wanted, rel=4 * deviation)


@pytest.mark.parametrize(
    "world",
    [
        World(FIXED, pauses=Pauses(5.0, Exponential(0.1))),
        World(FIXED, loss=0.15, pauses=Pauses(20.0, Uniform(0.0, 0.5))),
        World(Exponential(0.05), loss=0.05),
    ],
)
def test_it_finds_what_is_found_by_waiting(world: World) -> None:
    timers = {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}
    found, deviation = rate(windows(RAFT, {"node": 3}, world, timers, 2, 300, "election"))
    waited = idle(RAFT, {"node": 3}, world, timers, 1, 200.0)
    limits = per_time(waited.false_elections, waited.seconds, 0.9999)
    assert waited.false_elections >= 5
    assert limits.low <= found * (1 + 3 * deviation)
    assert found * (1 - 3 * deviation) <= limits.high


def test_no_window_weighs_more_than_the_inverse_of_how_often_nothing_is_forced() -> None:
    timers = {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}
    found = windows(RAFT, {"node": 3}, World(loss=0.2, pauses=Pauses(5.0, Constant(0.3))), timers, 3, 200)
    assert found is not None
    assert found.hits > 20
    assert max(found.weights) <= 1 / PLAIN


def test_one_seed_gives_the_same_windows() -> None:
    timers = {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}
    world = World(loss=0.05, pauses=Pauses(5.0, Exponential(0.1)))
    one = windows(RAFT, {"node": 3}, world, timers, 4, 30)
    assert one == windows(RAFT, {"node": 3}, world, timers, 4, 30)
    assert one != windows(RAFT, {"node": 3}, world, timers, 5, 30)


def test_where_nothing_can_go_wrong_there_is_nothing_to_force() -> None:
    timers = {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}
    assert windows(RAFT, {"node": 3}, World(), timers, 1, 5) is None


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
