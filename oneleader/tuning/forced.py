"""How often elections happen for no reason where that is too rare to be waited for: importance sampling.

In short windows of time bad luck is made likely: several messages in a row of the leader to some others are lost or
late, processes are paused. How much likelier each window has been made is known, since all that was drawn is known, and
what happens in it counts for so much less. The expectation is that of plain sampling, whatever is made likely.

What is drawn for a window is a mixture: in each window one kind of bad luck, or none, is chosen, and the likelihood
ratio is that against the whole mixture. So it never exceeds the inverse of how often none is chosen, and no estimate is
ruined by one window (T. Hesterberg, "Weighted average importance sampling and defensive mixture distributions",
Technometrics 37, 1995).

That windows are shared out among the kinds of luck evenly, and not drawn, leaves the expectation as it is (E. Veach
and L. J. Guibas, "Optimally combining sampling techniques for Monte Carlo rendering", SIGGRAPH 1995)."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random

from oneleader.tuning.tilts import Tilt, tilt_of
from oneleader.tuning.trials import LIMIT, Processes, Timings, Trial
from oneleader.tuning.world import World
from runtime.process import Name

PLAIN = 0.1
"""In such a part of the windows nothing is made likely."""
GOLDEN = (math.sqrt(5) - 1) / 2
"""Its multiples, without their whole parts, fill the numbers from 0 to 1 more evenly than chance does."""
LIKELY = 0.8
"""What is made likely, is at least as likely as this."""


@dataclass(frozen=True)
class Windows:
    """What windows have shown: the weight of each in which there was an election, and how long each was looked at."""

    weights: tuple[float, ...]
    count: int
    seconds: float

    @property
    def hits(self) -> int:
        return len(self.weights)


@dataclass(frozen=True)
class Luck:
    """What can be made likely."""

    delays: tuple[Tilt | None, ...]
    """Of how long messages to a victim take, so many one after the other: the first has to be the latest."""
    first: range
    """Which message of the window may be the first of these."""
    pauses: Tilt | None
    """Of how long a pause lasts, if there are any."""
    paused: tuple[float, float]
    """When such a pause begins, at the earliest and at the latest, in seconds of the window."""
    listeners: frozenset[str]
    """The kinds of process that the leader sends its heartbeats to: the victims are of these."""
    before: float
    """So many seconds of a window come before those in which is counted: nothing that happens in these is of an
    earlier cause."""
    counted: float

    @property
    def seconds(self) -> float:
        return self.before + self.counted


def luck_of(trial: Trial, leader: Name, timer: str | None) -> Luck | None:
    """What may go wrong for a leader; None where nothing can. `timer` is the one that elects: what takes half of its
    shortest duration matters."""
    world, period = trial.world, trial.period(leader)
    timers = [one for member in trial.cluster.members.values() for one in member.process.timers.values()]
    named = [one for one in timers if one.name == timer] or timers
    shortest, longest = min(one.shortest for one in named), max(one.longest for one in named)
    before = longest + 2 * period + trial.slow + (4 * world.asks if trial.asks else 0.0)
    in_a_row = math.ceil(longest / period) if period else 1
    bad = max(LIKELY, 1 - 1 / (in_a_row + 1))
    late = [
        (max(shortest - earlier, period / 4), max(longest - earlier, period / 4))
        for earlier in ((place + 1) * period for place in range(in_a_row))
    ]
    delays = tuple(tilt_of(world.delay, world.loss, *times, bad) for times in late)
    pauses = None
    if world.pauses is not None:
        lasting = world.pauses.lasting
        pauses = tilt_of(lasting, 0.0, max(shortest - period, 0.0), longest, LIKELY) or Tilt((0.0, 1.0), (1.0,))
    if not any(delays) and pauses is None:
        return None
    # What happens in the part that is counted begins no earlier than the longest timeout before, and no later than
    # the shortest one before its end.
    begins = before - longest, before + longest - max(shortest - period, 0.0)
    first = range(int(begins[0] / period), math.ceil(begins[1] / period) + 1) if period else range(1)
    return Luck(delays, first, pauses, begins, _listeners(trial, leader), before, longest)


def _listeners(trial: Trial, leader: Name) -> frozenset[str]:
    """Whom a leader sends something within the time of its heartbeat and a half, by their kinds; all, if nobody."""
    network, heard = trial.cluster.network, set[str]()

    def listen(kind: str) -> Callable[[Random], float]:
        def draw(random: Random) -> float:
            heard.add(kind)
            return trial.world.delay_of(random.random())

        return draw

    others = [name for name in trial.cluster.members if name != leader]
    for name in others:
        network.links[leader, name] = replace(network.link, draw=listen(name.kind))
    trial.run(1.5 * trial.period(leader))
    network.links.clear()
    return frozenset(heard) or frozenset(name.kind for name in others)


def windows(
    processes: Processes,
    sizes: Mapping[str, int],
    world: World,
    timers: Timings,
    seed: int,
    count: int,
    timer: str | None = None,
    *,
    limit: float = LIMIT,
) -> Windows | None:
    """Looks at so many windows, one after the other in one cluster, each of which begins with a leader that is settled.
    None where nothing can go wrong in this world. The same seed gives the same windows. Raises NeverSettled."""
    trial = Trial(processes, sizes, replace(world, pauses=None), timers, f"windows {seed}", limit)
    trial.world = world
    weights: list[float] = []
    luck = None
    share = trial.random.random()
    for number in range(count):
        leader = trial.settle()
        trial.run(trial.random.uniform(0.0, trial.period(leader)))
        while not trial.knows(leader):
            leader = trial.settle()
        if luck is None:
            luck = luck_of(trial, leader, timer)
            if luck is None:
                return None
            leader = trial.settle()
        # Each kind of luck has its share of the windows, not only on average.
        weight = _Window(trial, leader, luck).weight((share + number * GOLDEN) % 1.0)
        if weight:
            weights.append(weight)
    trial.close()
    return Windows(tuple(weights), count, count * luck.counted if luck is not None else 0.0)


class _Window:
    """One window: what is drawn in it, and how likely that was made."""

    def __init__(self, trial: Trial, leader: Name, luck: Luck) -> None:
        self.trial, self.leader, self.luck = trial, leader, luck
        self.others = [name for name in trial.cluster.members if name != leader and name.kind in luck.listeners]
        self.numbers: dict[Name, list[float]] = {name: [] for name in self.others}
        """What was drawn for the messages to each of the others, in their order."""
        self.sent_at: dict[Name, list[float]] = {name: [] for name in self.others}
        self.paused: dict[Name, float] = {}
        """By how much likelier the pauses of each process would be, were one of its pauses made to come."""
        self.modes = self._modes()

    def _modes(self) -> list[tuple[float, str, int]]:
        """What may be chosen: how often, what it is, with how many victims."""
        found: list[tuple[float, str, int]] = []
        victims = sorted({1, 2, len(self.others) // 2, len(self.others)} & set(range(1, len(self.others) + 1)))
        if any(self.luck.delays):
            found += [(2.0 if some == 1 else 1.0, "messages", some) for some in victims]
        if self.luck.pauses is not None:
            found += [(4.0, "leader", 0), (1.0, "other", 0)]
        total = sum(share for share, _, _ in found)
        return [(PLAIN, "none", 0), *((share / total * (1 - PLAIN), what, some) for share, what, some in found)]

    def weight(self, place: float) -> float:
        """Lets the window pass, with what stands at a place from 0 to 1 among all that may be chosen. By how much what
        happened in it has become rarer than it was made, if there was an election in the part of it that is counted; 0
        if there was none."""
        trial, cluster, luck, random = self.trial, self.trial.cluster, self.luck, self.trial.random
        ends = list(accumulate(share for share, _, _ in self.modes))
        _, what, some = self.modes[min(bisect_right(ends, place), len(ends) - 1)]
        victims = set(random.sample(self.others, some)) if what == "messages" else set()
        first = random.choice(luck.first)
        for name in self.others:
            draw = self._draw(name, dict(enumerate(luck.delays, first)) if name in victims else {})
            cluster.network.links[self.leader, name] = replace(cluster.network.link, draw=draw)
        if luck.pauses is not None:
            paused = {"leader": self.leader, "other": random.choice(self.others)}.get(what)
            for name in cluster.members:
                self._pause(name, name == paused)
        tokens, began = len(cluster.led), cluster.loop.time()
        replica = cluster.members[self.leader].replica
        happened = cluster.run(
            luck.seconds, lambda: len(cluster.led) > tokens or replica is None or replica.token is None
        )
        counts = happened and cluster.loop.time() - began >= luck.before
        found = 1 / self._ratio() if counts else 0.0
        cluster.network.links.clear()
        trial.wake()
        return found

    def _draw(self, name: Name, tilts: Mapping[int, Tilt | None]) -> Callable[[Random], float]:
        """How the messages to a process are drawn, some of them otherwise than all others, by their number."""
        numbers, sent_at, world, loop = (
            self.numbers[name],
            self.sent_at[name],
            self.trial.world,
            self.trial.cluster.loop,
        )

        def draw(random: Random) -> float:
            tilt = tilts.get(len(numbers))
            number = tilt.drawn(random) if tilt is not None else random.random()
            numbers.append(number)
            sent_at.append(loop.time())
            return world.delay_of(number)

        return draw

    def _pause(self, name: Name, is_chosen: bool) -> None:
        """The pauses of a process in the window, which begin at moments that do not depend on each other; and one more,
        if it is the one that is chosen."""
        pauses, tilt, random, seconds = self.trial.world.pauses, self.luck.pauses, self.trial.random, self.luck.seconds
        assert pauses is not None and tilt is not None
        first, last = self.luck.paused
        found: list[tuple[float, float]] = []
        at = random.expovariate(1 / pauses.apart)
        while at < seconds:
            found.append((at, random.random()))
            at += random.expovariate(1 / pauses.apart)
        if is_chosen:
            found.append((random.uniform(first, last), tilt.drawn(random)))
        for at, number in found:
            self.trial.pause_at(name, at, pauses.lasting.quantile(1 - number))
        ratios = [tilt.ratio(number) for at, number in found if first <= at <= last]
        self.paused[name] = pauses.apart / (last - first) * sum(ratios)

    def _ratio(self) -> float:
        """How much likelier than it is all that was drawn has been made, over all that may be chosen."""
        total = 0.0
        by_victims = self._by_victims()
        for share, what, some in self.modes:
            match what:
                case "messages":
                    total += share * by_victims[some]
                case "leader":
                    total += share * self.paused[self.leader]
                case "other":
                    total += share * sum(self.paused[name] for name in self.others) / len(self.others)
                case _:
                    total += share
        return total

    def _by_victims(self) -> list[float]:
        """By how much likelier all messages are with so many victims, over all that these and the first message may
        be."""
        luck, count = self.luck, len(self.others)
        # What the leader sends in the step in which it steps down has had no part in that.
        now = self.trial.cluster.loop.time()
        numbers = [self.numbers[name][: bisect_left(self.sent_at[name], now)] for name in self.others]
        totals = [0.0] * (count + 1)
        for first in luck.first:
            each = [_likelier(luck.delays, one[first : first + len(luck.delays)]) for one in numbers]
            for some, value in enumerate(_symmetric(each)):
                totals[some] += value / math.comb(count, some) / len(luck.first)
        return totals


def _likelier(tilts: Sequence[Tilt | None], numbers: Sequence[float]) -> float:
    pairs = zip(tilts, numbers, strict=False)
    return math.prod(tilt.ratio(number) for tilt, number in pairs if tilt is not None)


def _symmetric(numbers: Sequence[float]) -> list[float]:
    """The elementary symmetric polynomials: the sums of the products of each so many of the numbers."""
    found = [1.0]
    for number in numbers:
        found = [one + number * before for one, before in zip([*found, 0.0], [0.0, *found], strict=True)]
    return found
