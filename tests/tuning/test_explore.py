"""Sweeps: what is looked at longer, what is chosen, and that it is the same on any number of cores."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest

from bench.published_experiments import processes_of
from generated.raft.node import PROCESS
from oneleader.tuning.advice import choice
from oneleader.tuning.distributions import Constant, Uniform
from oneleader.tuning.explore import WINDOWS, Progress, bound_of_false, explore, front, is_acceptable
from oneleader.tuning.forced import Windows
from oneleader.tuning.measured import COUNTED, FORCED, NONE_SEEN, UNSTABLE, Measured, Sample, forced_rate
from oneleader.tuning.pool import Task, workers
from oneleader.tuning.probe import Ground, Probe
from oneleader.tuning.roles import Roles
from oneleader.tuning.settings import Setting
from oneleader.tuning.trials import Election, Idle
from oneleader.tuning.verdict import verdict
from oneleader.tuning.words import advice, how_often
from oneleader.tuning.world import Pauses, World

ROLES = Roles("election", "heartbeat", "as you say")
WORLD = World(Uniform(0.001, 0.002), loss=0.001, pauses=Pauses(60.0, Uniform(0.0, 0.3)))
GROUND = Ground({"node": 3}, WORLD, ROLES, True, 1)


def here(tasks: Sequence[Task[Any]]) -> Iterator[Any]:
    return (task({"node": PROCESS}) for task in tasks)


def measured(
    start: float, seconds: float, per_day: float, messages: int = 10, count: int = 400, windows: int = 300
) -> Measured:
    """A setting whose failovers take about so long, with windows that weigh so many false elections a day."""
    random = Random(f"{start} {seconds}")
    elections = tuple(
        Election(seconds * random.uniform(0.9, 1.1), 1, 0.0, split=False, messages=1) for _ in range(count)
    )
    weights = (per_day / 86_400 * windows / 50,) * 50
    sample = Sample(elections, (Windows(weights, windows, float(windows)),), (Idle(10.0, messages * 10, 0, 10.0),))
    return Measured(Setting(start, 0.1, 0.01), sample)


def test_false_elections_are_counted_weighed_or_not_seen() -> None:
    weighed = measured(1.0, 1.0, 2.0)
    assert weighed.false_elections.how == FORCED
    assert weighed.false_elections.per_day.value == pytest.approx(2.0)
    often = Measured(weighed.setting, weighed.sample + Sample(idle=(Idle(1000.0, 1, 7, 990.0),)))
    assert often.false_elections.how == COUNTED
    assert often.false_elections.per_day.value == pytest.approx(7 / 1010 * 86_400)
    few = Measured(weighed.setting, Sample(weighed.sample.elections, idle=weighed.sample.idle))
    assert few.false_elections.how == NONE_SEEN
    assert few.false_elections.per_day.high == pytest.approx(3.689 / 10 * 86_400, rel=1e-3)
    assert Measured(weighed.setting, Sample(unstable=True)).false_elections.how == UNSTABLE


def test_what_waiting_shows_counts_more_than_what_weighing_misses() -> None:
    missed = measured(1.0, 1.0, 1e-6)
    seen = Measured(missed.setting, missed.sample + Sample(idle=(Idle(100.0, 1, 2, 100.0),)))
    assert seen.false_elections.how == COUNTED
    assert seen.false_elections.per_day.value == pytest.approx(2 / 110 * 86_400)


def test_too_few_weights_are_no_estimate() -> None:
    assert forced_rate((Windows((1.0,) * 9, 100, 100.0),)) is None
    alike = forced_rate((Windows((1.0,) * 50, 50, 100.0),))
    assert alike is not None
    assert (alike.low, alike.value, alike.high) == (43_200, 43_200, 43_200)  # each window the same: nothing is open


def test_the_front_has_what_nothing_is_better_than() -> None:
    quick, middle, worse, slow = (
        measured(1.0, 0.1, 10.0), measured(2.0, 0.5, 1.0), measured(3.0, 0.6, 5.0), measured(4.0, 1.0, 0.1),
    )  # fmt: skip
    unstable = Measured(Setting(5.0, 0.1, 0.01), Sample(unstable=True))
    assert front([slow, worse, unstable, quick, middle]) == (quick, middle, slow)


def test_the_quickest_with_few_enough_false_elections_is_taken() -> None:
    found = [measured(1.0, 0.1, 10.0), measured(2.0, 0.5, 0.1), measured(3.0, 1.0, 0.001)]
    taken = choice(found, 1.0).taken
    assert taken is found[1]
    assert choice(found, 0.01).taken is found[2]
    assert choice(found, 1e-6).taken is None


def test_of_those_that_are_as_quick_the_one_with_clearly_fewer_messages_is_taken() -> None:
    found = [measured(1.0, 0.5, 0.1, messages=100), measured(2.0, 0.5, 0.1, messages=50)]
    assert choice(found, 1.0).taken is found[1]
    alike = [measured(1.0, 0.5, 0.1, messages=100), measured(2.0, 0.5, 0.1, messages=95)]
    assert choice(alike, 1.0).taken is min(alike, key=lambda one: one.slow.high)


def test_what_has_hardly_been_looked_at_is_not_acceptable() -> None:
    assert is_acceptable(measured(1.0, 0.5, 0.1), 1.0)
    assert not is_acceptable(measured(1.0, 0.5, 0.1, windows=WINDOWS - 1), 1.0)
    assert not is_acceptable(measured(1.0, 0.5, 0.1, count=100), 1.0)  # the 99th percentile has no bound
    few = Measured(
        Setting(1.0, 0.1, 0.01), Sample(measured(1.0, 0.5, 0.1).sample.elections, idle=(Idle(9.0, 9, 0, 9.0),))
    )
    assert not is_acceptable(few, 1.0)
    nothing = Measured(few.setting, few.sample + Sample(nothing_rare=True))
    assert is_acceptable(nothing, 1.0)
    assert bound_of_false(nothing) == 0.0


def test_a_sweep_finds_the_same_on_any_number_of_cores() -> None:
    protocol, files = processes_of(ordered=False)
    settings = (Setting(0.1, 0.1, 0.05, own=True), Setting(0.3, 0.1, 0.1))
    probes = [Probe(GROUND, setting, part, 3, 3, 1) for setting in settings for part in range(2)]
    with workers(protocol, files, 1) as work:
        alone = list(work(probes))
    with workers(protocol, files, 2) as work:
        assert list(work(probes)) == alone
    assert len({one.elections for one in alone}) == 4


def test_a_sweep_looks_longer_at_what_may_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three settings one is much too short for the pauses, and one is needlessly long."""
    for name, fewer in {"FAILOVERS": 60, "WINDOWS": 240, "ELSEWHERE_FAILOVERS": 20, "ELSEWHERE_WINDOWS": 20}.items():
        monkeypatch.setattr(f"oneleader.tuning.verdict.{name}", fewer)
    settings = (Setting(0.05, 0.05, 0.02, own=True), Setting(0.6, 0.2, 0.2), Setting(3.0, 1.0, 1.0))
    told: list[Progress] = []
    found = explore(here, GROUND, settings, 0.01, told.append)
    assert [one.setting for one in found] == list(settings)
    short, fitting, long = found
    assert short.false_elections.per_day.low > 0.01
    assert fitting.windows >= WINDOWS
    assert len(fitting.sample.elections) >= 400
    assert long.windows <= fitting.windows
    assert told[0].settings == 3
    assert told[-1].done == told[-1].tasks
    chosen = verdict(here, GROUND, found, 0.01, 3, lambda _: None)
    assert chosen.choice.taken is not None
    assert chosen.choice.taken.setting.start >= 0.6
    assert chosen.again is not None
    assert chosen.again.sample.elections != chosen.choice.taken.sample.elections[:60]
    assert chosen.another_down is None  # two of three would be down
    words = "\n".join(advice(GROUND, chosen, front(found), found[0], 0.01, 3))
    assert f"take {chosen.choice.taken.setting}" in words
    assert "the timers of the spec, 50 ms .. 100 ms, heartbeat 20 ms" in words


def test_a_world_in_which_no_leader_lasts_is_unstable() -> None:
    slow = Ground({"node": 3}, World(Constant(0.5)), ROLES, True, 1)
    (found,) = [Measured(Setting(0.1, 0.1, 0.05), Probe(slow, Setting(0.1, 0.1, 0.05), 0, 5)({"node": PROCESS}))]
    assert found.is_unstable
    assert math.isinf(found.false_elections.per_day.value)


@pytest.mark.parametrize(
    ("per_day", "wanted"),
    [
        (0.0, "never"),
        (1e-9, "less than one in a thousand years"),
        (0.001, "one in 3 years"),
        (0.1, "one in 10 days"),
        (6.0, "one in 4 hours"),
        (480.0, "one in 3 minutes"),
        (8640.0, "one in 10 seconds"),
        (1e6, "more than one in two seconds"),
    ],
)
def test_rates_are_told_in_a_fitting_unit(per_day: float, wanted: str) -> None:
    assert how_often(per_day) == wanted
