"""How long a write takes that waits for a quorum, from how long messages and stores take.

The leader stores the write, and sends it to all others of the quorum's kind at once; each of them stores it and
answers. It is done when the leader has stored it and those who have answered are a quorum together with him, by the
spec's own definition. Every time is drawn anew from its distribution."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from modelcheck.model import Model
from modelcheck.properties import is_quorum
from oneleader.comparison.quorums import leaders, quorum_kind
from oneleader.tuning.distributions import Distribution, draw
from oneleader.tuning.estimates import Estimate, mean, percentile


@dataclass(frozen=True)
class Writes:
    """Seconds, with the intervals of 95 % in which the true values are."""

    mean: Estimate
    percentile_99: Estimate
    samples: int


def writes_of(model: Model, delay: Distribution, store: Distribution, samples: int, seed: int) -> Writes | None:
    """From so many samples; None for a spec in which no leader and others are a quorum. The same seed gives the same
    figures."""
    kind = quorum_kind(model)
    known: dict[frozenset[int], bool] = {}
    if kind is None or not _holds_quorum(model, kind, frozenset(range(model.size(kind))), known):
        return None
    random = Random(f"writes {seed} {model.sizes}")
    possible = list(leaders(model, kind))
    times = []
    for _ in range(samples):
        leader = random.choice(possible)
        others = [number for number in range(model.size(kind)) if number not in leader]
        stored = draw(store, random)
        answered = sorted((_round_trip(delay, store, random), number) for number in others)
        times.append(max(stored, _waited(model, kind, leader, answered, known)))
    times.sort()
    return Writes(mean(times), percentile(times, 0.99), len(times))


def _round_trip(delay: Distribution, store: Distribution, random: Random) -> float:
    return draw(delay, random) + draw(store, random) + draw(delay, random)


def _waited(
    model: Model,
    kind: str,
    leader: frozenset[int],
    answered: list[tuple[float, int]],
    known: dict[frozenset[int], bool],
) -> float:
    """When some of those who have answered make a quorum with the leader; 0 where he is one by himself."""
    members, at = leader, 0.0
    for moment, number in answered:
        if _holds_quorum(model, kind, members, known):
            break
        members, at = members | {number}, moment
    return at


def _holds_quorum(model: Model, kind: str, members: frozenset[int], known: dict[frozenset[int], bool]) -> bool:
    """Whether some of the members are a quorum."""
    if members not in known:
        known[members] = is_quorum(model, kind, members) or any(
            _holds_quorum(model, kind, members - {one}, known) for one in members
        )
    return known[members]
