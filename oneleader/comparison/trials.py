"""What emitted nodes do in a simulated world: elections after the crash of a leader, and nothing at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oneleader.tuning.estimates import Estimate, mean, percentile, rate
from oneleader.tuning.trials import NeverSettled, Processes, Timings, election_after_crash, idle
from oneleader.tuning.world import World


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
    are infinite as far as there was none within the limit, which was so in `limited` trials. `split` is how often one
    attempt was not enough; `messages` are those that arrived for one election."""

    trials: int
    limited: int
    limit: float
    median: Estimate
    percentile_99: Estimate
    worst: float
    split: Estimate
    messages: Estimate


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


Told = Callable[[int, int], None]
"""How many trials of how many are done."""


def measured(
    processes: Processes,
    sizes: Mapping[str, int],
    world: World,
    timers: Timings,
    plan: Plan,
    told: Told = lambda done, of: None,
) -> Measured:
    """The same plan gives the same figures."""
    elections = None
    try:
        quiet = [
            idle(processes, sizes, world, timers, plan.seed + number, plan.seconds) for number in range(plan.stretches)
        ]
        calm = Idle(
            plan.stretches * plan.seconds,
            mean([one.messages_per_second for one in quiet]),
            sum(one.false_elections for one in quiet),
        )
        elections = _elections(processes, sizes, world, timers, plan, told)
    except NeverSettled as problem:
        return Measured(None, None, str(problem))
    return Measured(elections, calm)


def _elections(
    processes: Processes, sizes: Mapping[str, int], world: World, timers: Timings, plan: Plan, told: Told
) -> Elections:
    found = []
    for number in range(plan.trials):
        found.append(election_after_crash(processes, sizes, world, timers, plan.seed + number, limit=plan.limit))
        told(number + 1, plan.trials)
    times = sorted(math.inf if one.limited else one.seconds for one in found)
    return Elections(
        plan.trials,
        sum(one.limited for one in found),
        plan.limit,
        percentile(times, 0.5),
        percentile(times, 0.99),
        times[-1],
        rate(sum(one.split for one in found), plan.trials),
        mean([float(one.messages) for one in found]),
    )
