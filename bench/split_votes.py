"""Split votes of Raft as a Markov chain, with no simulation: an independent check of one.

Timeouts are uniform, every message takes the same time, nothing is lost and nothing has to be stored. In a round the
first of the servers that are up runs out and asks all others for their vote. Whoever runs out before the question
arrives votes for itself; all others vote for the first. So the round elects the first if enough are left, and is split
if not. Then the candidates' timers have run since they became candidates, and the voters' since they voted: the next
round begins from how many candidates there were, and from nothing else. That is the chain; its states are that number,
and the beginning, when all timers have been reset by the last heartbeat at once.

D. Ongaro ("Consensus: Bridging Theory and Practice", 2014, chapter 9) takes each round for a new beginning; the first
one has a closed form there (`closed_form`). The one approximation here is that candidates besides the first have become
so at moments that are uniform and independent, which they are in the first round, and nearly later."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEPS = 20_000
"""Of the integration over the moment at which the first server runs out."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Cluster:
    """So many servers, of which so many are up; times are seconds. The shortest timeout is longer than a round trip."""

    servers: int
    up: int
    shortest: float
    longest: float
    latency: float

    @property
    def most_candidates(self) -> int:
        """With so many the first of them still gets enough votes."""
        return self.up - self.servers // 2


@dataclass(frozen=True)
class Round:
    """What becomes of a round: how likely each number of candidates is, from 0 on, and when it begins on average, after
    the first candidate of the round before it, or after the last heartbeat has arrived."""

    candidates: tuple[float, ...]
    begins: float


@dataclass(frozen=True)
class Elections:
    """What the chain says of elections. `rounds` is the expected number, `at_most` how likely it is that 1, 2, ...
    rounds are enough, `until_won` the expected time in seconds from when the last heartbeat arrived until the winner
    ran out."""

    split: float
    """How likely the first round is split."""
    split_again: tuple[float, ...]
    """How likely a round is split after one with so many candidates, from the fewest that split on."""
    rounds: float
    at_most: tuple[float, ...]
    until_won: float

    def seconds(self, latency: float) -> float:
        """From the last heartbeat's being sent until a leader knows that it leads: its request, the votes, its
        heartbeat and the answers take one latency each, and so did the last heartbeat."""
        return latency + self.until_won + 4 * latency


def closed_form(cluster: Cluster) -> float:
    """How likely the first round is split: that the first `most_candidates + 1` timeouts lie within one latency of
    each other. Ongaro, section 9.2, Pr(D(c, s) <= l): a binomial tail."""
    part = cluster.latency / (cluster.longest - cluster.shortest)
    up = cluster.up
    return math.fsum(
        math.comb(up, k) * part**k * (1 - part) ** (up - k) for k in range(cluster.most_candidates, up + 1)
    )


def expected_earliest(cluster: Cluster) -> float:
    """The expected first timeout of those that are up: the shortest, and a part of the range. Ongaro, section 9.1."""
    return cluster.shortest + (cluster.longest - cluster.shortest) / (cluster.up + 1)


def first_round(cluster: Cluster) -> Round:
    """All timers were reset at once."""
    return _round(cluster, [(cluster.up, "at once")])


def next_round(cluster: Cluster, candidates: int) -> Round:
    """After a round that was split among so many candidates: the first ran out at 0, the others up to a latency later,
    and whoever was no candidate voted a latency later."""
    groups = [(1, "at once"), (candidates - 1, "up to a latency later"), (cluster.up - candidates, "a latency later")]
    return _round(cluster, [group for group in groups if group[0]])


def elections(cluster: Cluster, most_rounds: int = 40) -> Elections:
    """Solves the chain."""
    states = list(range(cluster.most_candidates + 1, cluster.up + 1))
    first, following = first_round(cluster), [next_round(cluster, state) for state in states]
    start = np.array([first.candidates[state] for state in states])
    move = np.array([[one.candidates[state] for state in states] for one in following]).reshape(len(states), -1)
    visits = start @ np.linalg.inv(np.eye(len(states)) - move)
    left, at_most = start, []
    for _ in range(most_rounds):
        at_most.append(1.0 - float(left.sum()))
        left = left @ move
    return Elections(
        split=float(start.sum()),
        split_again=tuple(float(row.sum()) for row in move),
        rounds=1.0 + float(visits.sum()),
        at_most=tuple(at_most),
        until_won=first.begins + float(visits @ np.array([one.begins for one in following])),
    )


def _round(cluster: Cluster, groups: list[tuple[int, str]]) -> Round:
    """Over all moments at which the first server runs out: of which group it is, and how many more run out before they
    hear of it."""
    low, high = cluster.shortest, cluster.longest + cluster.latency
    width = (high - low) / STEPS
    moments: Numbers = np.linspace(low, high, STEPS, endpoint=False, dtype=np.float64) + width / 2
    later: Numbers = moments + cluster.latency
    chances = np.zeros((cluster.up + 1, STEPS))
    for place, (count, how) in enumerate(groups):
        others = [(number - (at == place), name) for at, (number, name) in enumerate(groups)]
        more = _how_many(cluster, others, moments, later)
        chances[1 : len(more) + 1] += count * _density(cluster, how, moments) * more
    total = chances.sum() * width
    return Round(
        tuple(float(row.sum() * width / total) for row in chances),
        float((chances.sum(axis=0) * moments).sum() * width / total),
    )


def _how_many(cluster: Cluster, groups: list[tuple[int, str]], moments: Numbers, later: Numbers) -> Numbers:
    """How likely it is that just so many of some servers run out between two moments, and none earlier."""
    found = np.ones((1, len(moments)))
    for count, how in groups:
        before, after = _until(cluster, how, moments), _until(cluster, how, later)
        for _ in range(count):
            longer = np.zeros((len(found) + 1, len(moments)))
            longer[:-1] += found * (1 - after)
            longer[1:] += found * (after - before)
            found = longer
    return found


def _density(cluster: Cluster, how: str, moments: Numbers) -> Numbers:
    """Of when a server of a group runs out."""
    spread = cluster.longest - cluster.shortest
    match how:
        case "at once" | "a latency later":
            since = moments - (cluster.latency if how == "a latency later" else 0.0)
            inside = (since >= cluster.shortest) & (since <= cluster.longest)
            return np.where(inside, 1 / spread, 0.0)
        case _:
            return (_uniform(cluster, moments) - _uniform(cluster, moments - cluster.latency)) / cluster.latency


def _until(cluster: Cluster, how: str, moments: Numbers) -> Numbers:
    """How likely a server of a group has run out by a moment."""
    match how:
        case "at once":
            return _uniform(cluster, moments)
        case "a latency later":
            return _uniform(cluster, moments - cluster.latency)
        case _:
            earlier = moments - cluster.latency
            return (_area(cluster, moments) - _area(cluster, earlier)) / cluster.latency


def _uniform(cluster: Cluster, moments: Numbers) -> Numbers:
    found: Numbers = np.clip((moments - cluster.shortest) / (cluster.longest - cluster.shortest), 0.0, 1.0)
    return found


def _area(cluster: Cluster, moments: Numbers) -> Numbers:
    """The integral of `_uniform`."""
    spread = cluster.longest - cluster.shortest
    inside = np.clip(moments, cluster.shortest, cluster.longest) - cluster.shortest
    found: Numbers = inside**2 / (2 * spread) + np.maximum(moments - cluster.longest, 0.0)
    return found
