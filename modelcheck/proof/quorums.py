"""What quorums are, and that any two intersect: earned from the spec's own definition, never assumed."""

from __future__ import annotations

from functools import cache
from itertools import combinations

from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.properties import is_quorum


def minimal_quorums(setting: Setting, kind: str) -> tuple[frozenset[int], ...]:
    """The quorums of a fixed size that hold no smaller one. Raises Unprovable where a set with more in it than a quorum
    may be none."""
    return _minimal(setting, kind)


@cache
def _minimal(setting: Setting, kind: str) -> tuple[frozenset[int], ...]:
    size = setting.size[kind]
    assert size is not None
    everyone = range(size)
    found: list[frozenset[int]] = []
    for count in range(size + 1):
        for some in map(frozenset, combinations(everyone, count)):
            quorum = is_quorum(setting.model, kind, some)
            holds_one = any(smaller <= some for smaller in found)
            if holds_one and not quorum:
                raise Unprovable(f"a quorum of {kind}s that is no quorum any more with one more in it")
            if quorum and not holds_one:
                found.append(some)
    return tuple(found)
