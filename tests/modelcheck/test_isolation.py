"""Sides that can never elect: what is shown is true, and enough is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelcheck.check import Options, model_of
from modelcheck.isolation import never_elects
from modelcheck.model import Model
from modelcheck.semantics import initial
from modelcheck.survival import crashes, partitions, scenarios
from modelcheck.survival_reference import Found, Reference, Search, imposed
from spec.check import load
from spec.overrides import check_from

SPECS = Path(__file__).parents[2] / "spec"
SHIPPED = {
    "protocols/raft": "2 nodes, term <= 1",
    "protocols/prevote": "2 nodes, term <= 1",
    "protocols/ring": "3 nodes, channel <= 1",
    "protocols/lock_service": "2 clients, 1 lock_service, 1 storage, last_token <= 1, channel <= 1",
}
BROKEN = {
    path.stem: row
    for path in sorted((SPECS / "broken").glob("*.elect"))
    for row in ["2 nodes, term <= 1"]
    if "\ntimed" not in path.read_text(encoding="utf-8")  # clusters of those are not compared
    and "term: nat" in path.read_text(encoding="utf-8")
    and "votes: nat" not in path.read_text(encoding="utf-8")
}
ALL = {**SHIPPED, **{f"broken/{name}": row for name, row in BROKEN.items()}}


def model(name: str, row: str) -> tuple[Model, Reference]:
    protocol, _ = load(SPECS / f"{name}.elect")
    bounds = check_from(row, protocol, "test").rows[0]
    return model_of(protocol, bounds, bounds.sizes[0], Options()), Reference(protocol, bounds, further=1)


@pytest.mark.parametrize("name", ALL)
def test_whoever_is_shown_never_to_elect_does_not(name: str) -> None:
    """The search with bounds finds no election from the initial state on such a side."""
    of, reference = model(name, ALL[name])
    start = initial(of).state
    assert start is not None
    shown = 0
    for scenario in scenarios(of.protocol, of.sizes):
        for side in scenario.sides:
            one = imposed(of, start, scenario, side)
            if never_elects(of, side, one.state):
                shown += 1
                assert Search(reference._further(of.sizes), side).elects(one) is not Found.YES
    if name in SHIPPED:
        assert shown


@pytest.mark.parametrize(("name", "nodes"), [("raft", 3), ("raft", 4), ("raft", 9), ("prevote", 3), ("prevote", 4)])
def test_no_minority_elects_whatever_the_terms(name: str, nodes: int) -> None:
    """One side of each size, the others down or cut off. What the terms are plays no part in it."""
    of, _ = model(f"protocols/{name}", f"{nodes} nodes, term <= 1")
    start = initial(of).state
    assert start is not None
    two_sides = [scenario for scenario in partitions(of.protocol, of.sizes) if len(scenario.sides) == 2]
    for scenario in [*crashes(of.protocol, of.sizes), *two_sides]:
        for side in scenario.sides:
            if scenario.down or len(scenario.sides) == 2:
                shown = never_elects(of, side, imposed(of, start, scenario, side).state)
                assert shown == (2 * len(side) <= nodes)
