"""Quorums by their definition, and what a protocol is checked for."""

from __future__ import annotations

import pytest

from modelcheck.check import Options, models_of
from modelcheck.model import Model
from modelcheck.properties import disjoint_quorums
from spec.check import check
from spec.overrides import check_from
from spec.source import Source

SPEC = """
protocol quorums

process nodeORDERED:
    backers: set of node = {}

DEFINITION

action take if not quorum(backers):
    backers := backers + {self}

safety nothing: size(backers) <= 1
"""


def model(definition: str, nodes: int, ordered: str = "") -> Model:
    protocol, _ = check(Source("quorums.elect", SPEC.replace("DEFINITION", definition).replace("ORDERED", ordered)))
    return models_of(protocol, check_from(f"{nodes} nodes", protocol, "test"), Options())[0]


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5, 8, 15])
def test_majorities_intersect(nodes: int) -> None:
    assert disjoint_quorums(model("", nodes)) is None


@pytest.mark.parametrize(("nodes", "intersect"), [(3, True), (4, False), (5, True), (15, True), (14, False)])
def test_halves_intersect_only_where_the_size_is_odd(nodes: int, intersect: bool) -> None:
    found = disjoint_quorums(model("define quorum(s: set of node): 2 * size(s) >= size(node)", nodes))
    assert (found is None) is intersect
    if found is not None:
        _, one, other = found
        assert not one & other
        assert len(one) == len(other) == nodes // 2


def test_nobody_can_be_a_quorum() -> None:
    found = disjoint_quorums(model("define quorum(s: set of node): true", 3))
    assert found == ("node", frozenset(), frozenset())


@pytest.mark.parametrize(
    ("definition", "intersect"),
    [
        ("define quorum(s: set of node): exists n in s: forall m in node: n <= m", True),
        ("define quorum(s: set of node): exists n in s: successor(n) in s", False),
        ("define quorum(s: set of node): exists n in s: successor(n) in s and successor(successor(n)) in s", True),
    ],
)
def test_quorums_of_an_ordered_kind_are_tried_one_by_one(definition: str, intersect: bool) -> None:
    assert (disjoint_quorums(model(definition, 4, " ordered")) is None) is intersect
