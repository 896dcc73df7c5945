"""Quorums and acknowledgements by the spec's own definition. The formulas of majorities stand here and nowhere else."""

from __future__ import annotations

import pytest

from modelcheck.check import Options, model_of
from oneleader.comparison.quorums import Quorum, quorum_of
from spec.check import check
from spec.overrides import check_from
from spec.protocol import Protocol
from spec.source import Source
from tests.comparison.made import LOCKS, RAFT

SPEC = """
protocol votes

process nodeORDERED:
    backers: set of node = {}
    leads: bool = false

DEFINITION

action take if not leads:
    backers := backers + {self}
    leads := quorum(backers)

leader if leads with token 1
"""


def quorum(protocol: Protocol, row: str) -> Quorum | None:
    bounds = check_from(row, protocol, "test").rows[0]
    return quorum_of(model_of(protocol, bounds, bounds.sizes[0], Options()))


def votes(definition: str, ordered: bool = False) -> Protocol:
    text = SPEC.replace("DEFINITION", definition).replace("ORDERED", " ordered" if ordered else "")
    return check(Source("votes.elect", text))[0]


@pytest.mark.parametrize("nodes", range(2, 10))
def test_a_majority_and_what_a_leader_waits_for(nodes: int) -> None:
    assert quorum(RAFT, f"{nodes} nodes, term <= 1") == Quorum("node", nodes // 2 + 1, nodes // 2)


@pytest.mark.parametrize(
    ("definition", "nodes", "smallest", "acknowledgements"),
    [
        ("define quorum(s: set of node): 2 * size(s) >= size(node)", 4, 2, 1),
        ("define quorum(s: set of node): size(s) == size(node)", 4, 4, 3),
        ("define quorum(s: set of node): size(s) >= 1", 4, 1, 0),
        ("define quorum(s: set of node): true", 3, 0, 0),
        ("define quorum(s: set of node): size(s) > size(node)", 3, None, None),
    ],
)
def test_other_definitions(definition: str, nodes: int, smallest: int | None, acknowledgements: int | None) -> None:
    assert quorum(votes(definition), f"{nodes} nodes") == Quorum("node", smallest, acknowledgements)


def test_of_leaders_that_differ_the_one_who_needs_the_most_counts() -> None:
    """The greatest node is a quorum by itself: it waits for nobody, and all others for it."""
    greatest = votes("define quorum(s: set of node): exists n in s: forall m in node: m <= n", ordered=True)
    assert quorum(greatest, "4 nodes") == Quorum("node", 1, 1)


def test_a_spec_without_quorums() -> None:
    assert quorum(LOCKS, "2 clients, 1 lock_service, 1 storage, last_token <= 1, channel <= 1") is None
