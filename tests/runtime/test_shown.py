"""A state as people are told of it."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from generated.raft.node import PROCESS, State
from runtime.shown import shown


def test_processes_are_shown_by_their_names() -> None:
    found = shown(PROCESS, State(term=2, voted_for=1, votes=frozenset({2, 0}), armed=frozenset({"election"})))
    assert (found["term"], found["voted_for"], found["votes"], found["answered"]) == (
        2,
        "node2",
        ["node1", "node3"],
        [],
    )
    assert found["armed"] == {"election"}
    assert shown(PROCESS, State())["voted_for"] is None


def test_maps_are_shown_with_the_names_of_their_keys() -> None:
    class Maps(msgspec.Struct, frozen=True):
        seen: tuple[int, ...]
        owner: tuple[int | None, ...]
        friends: tuple[frozenset[int], ...]

    names = {"seen": ("node", None), "owner": ("node", "client"), "friends": ("node", "node")}
    found = shown(replace(PROCESS, names=names), Maps((5, 0), (None, 0), (frozenset(), frozenset({1, 0}))))
    assert found == {
        "seen": {"node1": 5, "node2": 0},
        "owner": {"node1": None, "node2": "client1"},
        "friends": {"node1": [], "node2": ["node1", "node2"]},
    }
