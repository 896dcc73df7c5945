"""Scenarios: each one once, up to symmetry, held against all that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import permutations, product

import pytest

from modelcheck.model import Name
from modelcheck.survival import Scenario, crashes, described, partitions, scenarios, shape
from spec.check import check
from spec.protocol import Protocol
from spec.source import Source

Labels = tuple[int, ...]
"""For each process, in order: -1 where it is down, else which side it is on; sides are numbered as they come up."""


def protocol(*kinds: str) -> Protocol:
    """Kinds by name; one that ends in `!` is ordered."""
    heads = [
        f"process {kind.rstrip('!')}{' ordered' if kind.endswith('!') else ''}:\n    on: bool = false" for kind in kinds
    ]
    acts = [f"action set_{kind.rstrip('!')} at {kind.rstrip('!')}:\n    on := true" for kind in kinds]
    found, _ = check(Source("kinds.elect", "\n\n".join(["protocol kinds", *heads, *acts]) + "\n"))
    return found


def names(of: Protocol, sizes: tuple[int, ...]) -> list[Name]:
    return [Name(kind.name, n) for kind, size in zip(of.kinds, sizes, strict=True) for n in range(size)]


def labels(scenario: Scenario, everyone: list[Name]) -> Labels:
    side_of = {name: index for index, side in enumerate(scenario.sides) for name in side}
    assert set(side_of) | scenario.down == set(everyone) and not set(side_of) & scenario.down
    assert all(scenario.sides)
    return renumbered(side_of.get(name, -1) for name in everyone)


def renumbered(of: Iterable[int]) -> Labels:
    numbers: dict[int, int] = {-1: -1}
    return tuple(numbers.setdefault(label, len(numbers) - 1) for label in of)


def all_labels(count: int) -> set[Labels]:
    return {renumbered(some) for some in product(range(-1, count), repeat=count)}


def representative(some: Labels, of: Protocol, sizes: tuple[int, ...]) -> Labels:
    """The least of all labels that are these with interchangeable processes renamed."""
    return min(renumbered(renamed) for renamed in renamings(some, of, sizes))


def renamings(some: Labels, of: Protocol, sizes: tuple[int, ...]) -> Iterator[Labels]:
    parts, start = [], 0
    for kind, size in zip(of.kinds, sizes, strict=True):
        own = some[start : start + size]
        parts.append([own] if kind.ordered else list(permutations(own)))
        start += size
    for chosen in product(*parts):
        yield tuple(label for part in chosen for label in part)


CASES = [
    (("node",), (1,)),
    (("node",), (5,)),
    (("node!",), (4,)),
    (("client", "storage"), (3, 2)),
    (("client", "member!"), (2, 2)),
    (("client", "lock_service", "storage"), (2, 1, 1)),
]


@pytest.mark.parametrize(("kinds", "sizes"), CASES)
def test_every_scenario_comes_once_up_to_symmetry(kinds: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    of = protocol(*kinds)
    everyone = names(of, sizes)
    wanted = {representative(some, of, sizes) for some in all_labels(len(everyone))}
    found = [representative(labels(scenario, everyone), of, sizes) for scenario in scenarios(of, sizes)]
    assert len(found) == len(set(found))
    assert set(found) == wanted
    apart = [representative(labels(scenario, everyone), of, sizes) for scenario in partitions(of, sizes)]
    assert sorted(apart) == sorted(some for some in wanted if -1 not in some)
    down = [representative(labels(scenario, everyone), of, sizes) for scenario in crashes(of, sizes)]
    assert sorted(down) == sorted(some for some in wanted if max(some) <= 0)


@pytest.mark.parametrize(("nodes", "shapes"), [(2, 2), (3, 3), (4, 5), (5, 7), (6, 11), (7, 15), (8, 22), (9, 30)])
def test_partitions_of_one_kind_are_integer_partitions(nodes: int, shapes: int) -> None:
    """Their numbers are sequence A000041 of the OEIS."""
    assert len(list(partitions(protocol("node"), (nodes,)))) == shapes


@pytest.mark.parametrize(("nodes", "shapes"), [(2, 2), (3, 5), (4, 15), (5, 52), (6, 203), (7, 877)])
def test_partitions_of_an_ordered_kind_are_partitions_of_the_set(nodes: int, shapes: int) -> None:
    """Their numbers are Bell's, sequence A000110 of the OEIS."""
    assert len(list(partitions(protocol("node!"), (nodes,)))) == shapes


def test_the_calm_comes_first_and_the_worst_last() -> None:
    of = protocol("node")
    assert [len(scenario.down) for scenario in crashes(of, (4,))] == [0, 1, 2, 3, 4]
    assert [len(scenario.sides) for scenario in partitions(of, (4,))] == [1, 2, 2, 3, 4]
    assert [described(of, scenario) for scenario in partitions(of, (4,))][:3] == [
        "nobody down",
        "3 nodes | 1 node",
        "2 nodes | 2 nodes",
    ]


def test_in_words() -> None:
    of = protocol("client", "member!")
    one, two, three = Name("client", 0), Name("client", 1), Name("member", 0)
    assert described(of, Scenario(frozenset({two}), (frozenset({one, three}),))) == "1 client down"
    assert described(of, Scenario(frozenset({one}), (frozenset({two}), frozenset({three})))) == (
        "1 client down; 1 client | member1"
    )
    assert described(of, Scenario(frozenset({one, two, three}), ())) == "2 clients, member1 down"
    assert shape(of, frozenset()) == "nobody"
