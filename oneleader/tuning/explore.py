"""A sweep: every setting is looked at a little, and those that may be worth it as long as it takes to know them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from oneleader.tuning.estimates import Estimate
from oneleader.tuning.measured import COUNTED, NONE_SEEN, Measured
from oneleader.tuning.pool import Workers, done
from oneleader.tuning.probe import IN_ONE_CLUSTER, Ground, Probe
from oneleader.tuning.settings import Setting

MEAN_WITHIN, SLOW_WITHIN = 0.03, 0.12
"""A mean and a 99th percentile of failovers are known well enough when their intervals reach no further than this part
of them in either direction."""
FALSE_WITHIN = 2.0
"""False elections are known well enough when their interval reaches no further than this many times the estimate."""
FAILOVERS, WINDOWS = 400, 240
"""Whatever the intervals say, what may be taken has been looked at so often at least: the interval of a 99th percentile
has no end with fewer than 368, and that of false elections covers less than it says with fewer windows."""
ROUNDS = 7
FIRST_FAILOVERS, FIRST_WINDOWS = 100, 60
MOST_FAILOVERS, MOST_WINDOWS = 1600, 1920
WINDOWS_IN_A_PROBE = 30


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: which round, how many of its tasks are done."""

    round: int
    settings: int
    done: int
    tasks: int


def explore(
    work: Workers, ground: Ground, settings: Sequence[Setting], allowed: float, told: Callable[[Progress], None]
) -> tuple[Measured, ...]:
    """Measures all settings, in their order. `allowed` is how many false elections a day are acceptable. In each round
    those settings are measured on of which it is open whether they belong to the front, and which are not known well
    enough; what is not worth it is left as it is, with wide intervals."""
    found = [Measured(setting) for setting in settings]
    parts = [0] * len(found)
    wanted = [(FIRST_FAILOVERS, FIRST_WINDOWS, 1)] * len(found)
    for number in range(ROUNDS):
        probes: list[tuple[int, Probe]] = []
        for place, (failovers, windows, stretches) in enumerate(wanted):
            for probe in _probes(ground, found[place].setting, parts[place], failovers, windows, stretches):
                probes.append((place, probe))
                parts[place] += 1
        if not probes:
            break
        concerned = len({place for place, _ in probes})
        told(Progress(number, concerned, 0, len(probes)))
        results = done(work, [probe for _, probe in probes])
        for count, ((place, _), sample) in enumerate(zip(probes, results, strict=True), 1):
            found[place] = replace(found[place], sample=found[place].sample + sample)
            told(Progress(number, concerned, count, len(probes)))
        wanted = [_wanted(one, found, allowed) for one in found]
    return tuple(found)


def more(
    work: Workers, ground: Ground, setting: Setting, failovers: int, windows: int, stretches: int, part: int
) -> Measured:
    """A setting measured anew, with seeds of its own."""
    probes = _probes(ground, setting, part, failovers, windows, stretches)
    found = Measured(setting)
    for sample in done(work, probes):
        found = replace(found, sample=found.sample + sample)
    return found


def _probes(ground: Ground, setting: Setting, part: int, failovers: int, windows: int, stretches: int) -> list[Probe]:
    """The trials of a setting in pieces that take a fraction of a second each, so that all cores have some."""
    found = []
    for number in range(max(-(-failovers // IN_ONE_CLUSTER), -(-windows // WINDOWS_IN_A_PROBE), stretches)):
        some = min(IN_ONE_CLUSTER, failovers - number * IN_ONE_CLUSTER)
        looks = min(WINDOWS_IN_A_PROBE, windows - number * WINDOWS_IN_A_PROBE)
        found.append(Probe(ground, setting, part + number, max(some, 0), max(looks, 0), int(number < stretches)))
    return found


def _wanted(one: Measured, all_of_them: Sequence[Measured], allowed: float) -> tuple[int, int, int]:
    """How much more of a setting is to be looked at: failovers, windows, stretches."""
    on_front = one in front(all_of_them)
    if one.is_unstable or not (_may_be_taken(one, all_of_them, allowed) or on_front):
        return 0, 0, 0
    failovers = windows = 0
    count = len(one.sample.elections)
    known = count >= FAILOVERS and one.failover.half_width <= MEAN_WITHIN and _within(one.slow, SLOW_WITHIN)
    if not known and count < MOST_FAILOVERS and one.limited <= count // 4:
        failovers = count
    looked = one.windows
    open_still = not _false_known(one, allowed) or (on_front and looked < WINDOWS)
    if open_still and one.false_elections.how != COUNTED and looked < MOST_WINDOWS and not one.sample.nothing_rare:
        windows = max(looked, WINDOWS_IN_A_PROBE)
    return failovers, windows, int(windows > 0)


def _within(estimate: Estimate, part: float) -> bool:
    most = part * estimate.value
    return estimate.high - estimate.value <= most and estimate.value - estimate.low <= most


def _false_known(one: Measured, allowed: float) -> bool:
    found = one.false_elections.per_day
    if one.false_elections.how == COUNTED or found.low > allowed:
        return True
    if one.false_elections.how == NONE_SEEN or one.windows < WINDOWS:
        return False
    near = found.low <= FALSE_WITHIN * allowed and found.high >= allowed / FALSE_WITHIN
    return not near or (found.high <= FALSE_WITHIN * found.value and found.low >= found.value / FALSE_WITHIN)


def _may_be_taken(one: Measured, all_of_them: Sequence[Measured], allowed: float) -> bool:
    """Whether a setting may have few enough false elections, and no other one that has them for sure is quicker."""
    if one.false_elections.per_day.low > allowed:
        return False
    return not any(is_acceptable(other, allowed) and other.slow.high < one.slow.low for other in all_of_them)


def front(found: Sequence[Measured]) -> tuple[Measured, ...]:
    """Those than which no other has both fewer false elections and quicker failovers, by their estimates: the Pareto
    front, from the quickest on."""
    stable = [one for one in found if not one.is_unstable]
    best: list[Measured] = []
    for one in sorted(stable, key=lambda one: (one.slow.value, one.false_elections.per_day.value)):
        if not best or one.false_elections.per_day.value < best[-1].false_elections.per_day.value:
            best.append(one)
    return tuple(best)


def is_acceptable(one: Measured, allowed: float) -> bool:
    """Whether a setting has no more false elections a day than are allowed, up to the end of the interval, and has been
    looked at often enough for that to be believed."""
    enough = one.sample.nothing_rare or one.windows >= WINDOWS
    return not one.is_unstable and enough and bound_of_false(one) <= allowed and one.slow.high < math.inf


def bound_of_false(one: Measured) -> float:
    """How many false elections a day there are at most. Where nothing that is rare can go wrong, and waiting has shown
    none, there are none."""
    found = one.false_elections
    if found.how == NONE_SEEN and one.sample.nothing_rare:
        return 0.0
    return found.per_day.high
