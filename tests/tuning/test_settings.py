"""Which timeouts are tried."""

from __future__ import annotations

import pytest

from oneleader.tuning.distributions import Constant, Exponential, Uniform
from oneleader.tuning.roles import Roles
from oneleader.tuning.settings import Setting, broadcast_time, default_starts, rounded, sweep
from oneleader.tuning.world import Pauses, World

OWN = Setting(0.3, 0.2, 0.1, own=True)
WORLD = World(Constant(0.001), store=Constant(0.002))


def test_a_broadcast_is_two_ways_and_two_stores() -> None:
    assert broadcast_time(WORLD) == pytest.approx(0.006)


def test_the_starts_follow_from_the_world() -> None:
    starts = default_starts(WORLD, OWN)
    assert starts == sorted(starts)
    assert starts[0] == pytest.approx(0.03)
    assert starts[-1] == pytest.approx(0.48)
    paused = World(Constant(0.001), pauses=Pauses(60.0, Exponential(0.5)))
    assert default_starts(paused, OWN)[-1] > 3 * Exponential(0.5).quantile(0.99)
    far = World(Uniform(0.05, 0.1))
    assert default_starts(far, OWN)[0] > 5 * 0.1


def test_the_specs_own_setting_is_the_first_and_is_there_once() -> None:
    found = sweep(WORLD, OWN, [0.3], [0.2], [0.1, 0.15], one_elector=False)
    assert found == (OWN, Setting(0.3, 0.2, 0.15))
    assert len(set(sweep(WORLD, OWN, None, None, None, one_elector=False))) == 73


def test_a_heartbeat_is_quicker_than_the_start() -> None:
    found = sweep(WORLD, OWN, [0.1, 0.2], [0.1], [0.1, 0.05], one_elector=False)
    assert [(one.start, one.heartbeat) for one in found[1:]] == [(0.1, 0.05), (0.2, 0.1), (0.2, 0.05)]


def test_a_single_process_that_elects_has_no_range() -> None:
    assert {one.spread for one in sweep(WORLD, OWN, [0.2], None, None, one_elector=True)[1:]} == {0.0}
    assert {one.spread for one in sweep(WORLD, OWN, [0.2], [0.1], None, one_elector=True)[1:]} == {0.1}


def test_without_a_heartbeat_none_is_tried() -> None:
    found = sweep(WORLD, Setting(0.3, 0.2, None, own=True), [0.2], [0.1], None, one_elector=False)
    assert [one.heartbeat for one in found] == [None, None]


def test_a_setting_gives_the_timers_of_a_node() -> None:
    roles = Roles("election", "heartbeat", "")
    assert OWN.timers(roles) == {"election": (0.3, 0.5), "heartbeat": (0.1, 0.1)}
    assert OWN.timers(Roles("election", None, "")) == {"election": (0.3, 0.5)}
    assert str(OWN) == "300 ms .. 500 ms, heartbeat 100 ms"
    assert str(Setting(10.0, 0.0, None)) == "10 s"


def test_numbers_are_rounded_to_two_digits() -> None:
    assert [rounded(value) for value in (0.0123, 0.987, 12.34)] == [0.012, 0.99, 12.0]
