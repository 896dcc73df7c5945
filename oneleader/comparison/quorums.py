"""How many it takes: the smallest quorum, and how many acknowledgements make one together with the leader.

Both are found by asking the spec's own definition of a quorum about sets of processes, the smaller ones first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from modelcheck.model import Model
from modelcheck.properties import is_quorum, quorum_definitions


@dataclass(frozen=True)
class Quorum:
    """Of the processes of a kind. `smallest` is the size of the smallest quorum. `acknowledgements` is the smallest
    number of others who are a quorum together with the leader; where leaders differ, for the one who needs the most.
    None where there is no such set."""

    kind: str
    smallest: int | None
    acknowledgements: int | None


def quorum_kind(model: Model) -> str | None:
    """The kind of process that quorums of the spec are made of: the leader's own, if it has quorums; None for a spec
    without quorums."""
    kinds = [kind for kind, _ in quorum_definitions(model)]
    leader = model.protocol.leader
    if leader is not None and leader.kind in kinds:
        return leader.kind
    return kinds[0] if kinds else None


def quorum_of(model: Model) -> Quorum | None:
    """None for a spec without quorums."""
    kind = quorum_kind(model)
    if kind is None:
        return None
    everyone = frozenset(range(model.size(kind)))
    waited = [_smallest(model, kind, everyone - leader, leader) for leader in leaders(model, kind)]
    acknowledgements = None if None in waited else max((one for one in waited if one is not None), default=None)
    return Quorum(kind, _smallest(model, kind, everyone, frozenset()), acknowledgements)


def leaders(model: Model, kind: str) -> Iterator[frozenset[int]]:
    """What a leader contributes to quorums of a kind: himself; nothing, where leaders are of another kind. One of
    those who can take each other's place is enough."""
    leader = model.protocol.leader
    if leader is None or leader.kind != kind:
        yield frozenset()
        return
    several = model.size(kind) if model.protocol.kind(kind).ordered else 1
    yield from (frozenset({number}) for number in range(several))


def _smallest(model: Model, kind: str, of: Iterable[int], together_with: frozenset[int]) -> int | None:
    """The least number of some processes that are a quorum together with others."""
    members = sorted(of)
    for size in range(len(members) + 1):
        if any(is_quorum(model, kind, frozenset(some) | together_with) for some in combinations(members, size)):
            return size
    return None
