"""What is forced and weighed gives what would be found by waiting."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest

from generated.raft.node import PROCESS
from oneleader.tuning.distributions import Constant, Exponential, Uniform
from oneleader.tuning.estimates import per_time
from oneleader.tuning.forced import PLAIN, Windows, windows
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
        pytest.param(World(Exponential(0.05), loss=0.05), marks=pytest.mark.slow),
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
