"""What emitted nodes do in a simulated world: elections after the crash of a leader, and nothing at all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oneleader.tuning.estimates import Estimate, mean, percentile, rate
from oneleader.tuning.trials import Election, NeverSettled, Processes, Timings, election_after_crash, idle
from oneleader.tuning.trials import Idle as Stretch
from oneleader.tuning.world import World
from runtime.simulation.cluster import DidTheImpossible, TwoLeaders

AT_ONCE = 50
"""Crashes in one task."""


@dataclass(frozen=True)
class Plan:
    """So many crashes, with seeds from `seed` on, each waited out for `limit` simulated seconds at most; and so many
    `stretches` of so many simulated `seconds` in which nothing crashes."""

    trials: int = 1000
    seed: int = 1
    limit: float = 60.0
    stretches: int = 10
    seconds: float = 20.0


@dataclass(frozen=True)
class Elections:
    """What became of `trials` crashes of a leader. Times are simulated seconds until another knew that it led; they
    are infinite as far as there was none within the limit, which was so in `limited` trials. Of the others, `split` is
    how often one attempt was not enough, and `messages` are those that arrived; None where there are no others."""

    trials: int
    limited: int
    limit: float
    median: Estimate
    percentile_99: Estimate
    worst: float
    split: Estimate | None
    messages: Estimate | None


@dataclass(frozen=True)
class Idle:
    """Messages a second that arrive while a leader leads, over so many simulated `seconds` in all; how often one began
    to lead all the same."""

    seconds: float
    messages_per_second: Estimate
    false_elections: int


@dataclass(frozen=True)
class Measured:
    """Either may be missing; `problem` says why."""

    elections: Elections | None
    idle: Idle | None
    problem: str = ""


@dataclass(frozen=True)
class Crashes:
    """A task: a leader crashes, once for each seed."""

    sizes: Mapping[str, int]
    world: World
    timers: Timings
    seeds: range
    limit: float

    def __call__(self, processes: Processes) -> list[Election]:
        given = processes, self.sizes, self.world, self.timers
        return [election_after_crash(*given, seed, limit=self.limit) for seed in self.seeds]


@dataclass(frozen=True)
class Quiet:
    """A task: nothing crashes, for so many simulated seconds."""

    sizes: Mapping[str, int]
    world: World
    timers: Timings
    seed: int
    seconds: float

    def __call__(self, processes: Processes) -> Stretch:
        return idle(processes, self.sizes, self.world, self.timers, self.seed, self.seconds)


def tasks(sizes: Mapping[str, int], world: World, timers: Timings, plan: Plan) -> list[Crashes | Quiet]:
    """All that a plan asks for, of one size, in parts for several cores."""
    quiet = [Quiet(sizes, world, timers, plan.seed + number, plan.seconds) for number in range(plan.stretches)]
    end = plan.seed + plan.trials
    starts = range(plan.seed, end, AT_ONCE)
    return [
        *quiet,
        *(Crashes(sizes, world, timers, range(one, min(one + AT_ONCE, end)), plan.limit) for one in starts),
    ]


def measured(results: Iterator[list[Election] | Stretch], plan: Plan) -> Measured:
    """What the results of the tasks of a plan come to."""
    quiet: list[Stretch] = []
    found: list[Election] = []
    try:
        for one in results:
            if isinstance(one, Stretch):
                quiet.append(one)
            else:
                found += one
    except (NeverSettled, TwoLeaders, DidTheImpossible) as problem:
        return Measured(None, None, str(problem))
    return Measured(_elections(found, plan), _idle(quiet))


def _idle(quiet: list[Stretch]) -> Idle:
    return Idle(
        sum(one.seconds for one in quiet),
        mean([one.messages_per_second for one in quiet]),
        sum(one.false_elections for one in quiet),
    )


def _elections(found: list[Election], plan: Plan) -> Elections:
    times = sorted(math.inf if one.limited else one.seconds for one in found)
    elected = [one for one in found if not one.limited]
    return Elections(
        len(found),
        len(found) - len(elected),
        plan.limit,
        percentile(times, 0.5),
        percentile(times, 0.99),
        times[-1],
        rate(sum(one.split for one in elected), len(elected)) if elected else None,
        mean([float(one.messages) for one in elected]) if elected else None,
    )
