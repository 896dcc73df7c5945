"""Rumur finds in our exports what the reference semantics finds in the protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codegen.instance import InexpressibleError
from codegen.murphi import murphi
from modelcheck.explore import reachable
from modelcheck.model import Model
from modelcheck.outcome import Limits, Outcome
from modelcheck.python_engine import PythonSearch
from modelcheck.symmetry import orbits
from spec.protocol import Fault, FaultKind
from tests.exported import (
    BAG,
    FAILURES,
    LOCKS,
    ORACLES,
    PARTS,
    QUEUES,
    RING,
    SHIPPED,
    fails,
    instance_of,
    model_of,
    model_of_file,
    with_network,
)
from tests.golden import assert_golden
from tests.rumur import RumurResult, needs_rumur, read_result, run_rumur

GOLDEN = Path(__file__).parent / "golden"

AGREEING = {
    "oracle": model_of_file(ORACLES / "raft_election.elect", "quick"),
    "raft": replace(model_of_file(SHIPPED / "raft.elect", "quick"), sizes=(2,)),
    "bag of one": model_of(BAG, "small"),
    "bag of two": model_of(BAG, "crowded"),
    "queues": model_of(with_network(QUEUES, "reliable"), "small"),
    "queues as a bag": model_of(with_network(QUEUES, "reordering"), "small"),
    "queues as a set": model_of(with_network(QUEUES, "duplication, reordering"), "small"),
    "ring": model_of(with_network(RING, "loss"), "larger"),
    "ring with duplicates": model_of(with_network(RING, "duplication"), "small"),
    "parts with queues": model_of(with_network(PARTS, "loss, duplication"), "small"),
    "parts with a bag": model_of(with_network(PARTS, "loss, reordering"), "small"),
    "parts with a set": model_of(with_network(PARTS, "loss, duplication, reordering"), "small"),
    "locks": model_of(LOCKS.replace("DISK", "0"), "small"),
}
PARTITIONED = replace(
    model_of(with_network(RING, "reliable"), "larger"), faults=(Fault(FaultKind.PARTITION), Fault(FaultKind.CRASH, 1))
)
SPLIT = replace(model_of(BAG, "three"), faults=(Fault(FaultKind.PARTITION, 2),), channel=1)


def searched(model: Model) -> Outcome:
    return PythonSearch(model, Limits()).run()


def assert_same_states(model: Model, symmetry: bool) -> RumurResult:
    states = list(reachable(model).successors)
    result = run_rumur(murphi(instance_of(model), symmetry), symmetry)
    assert not result.violated or result.uncovered, result.message
    assert result.states == (orbits(model, states) if symmetry else len(states)), result.message
    return result


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize("name", AGREEING)
def test_same_states(name: str) -> None:
    model = AGREEING[name]
    result = assert_same_states(model, symmetry=False)
    outcome = searched(model)
    assert not outcome.violations
    witnessed = {hit.checked.name for hit in outcome.witnesses}
    wanted = {prop.name for prop in model.protocol.properties if prop.kind.value == "reachable"}
    assert set(result.uncovered) == wanted - witnessed


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in AGREEING if "ring" not in name and "a set" not in name])
def test_same_orbits(name: str) -> None:
    if name == "queues as a bag" or name == "parts with a bag":
        with pytest.raises(InexpressibleError, match="set or map"):
            murphi(instance_of(AGREEING[name]), symmetry=True)
        return
    assert_same_states(AGREEING[name], symmetry=True)


@needs_rumur
@pytest.mark.slow
def test_partitions_of_an_ordered_ring() -> None:
    assert_same_states(PARTITIONED, symmetry=False)


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [False, True])
def test_bounded_partitions(symmetry: bool) -> None:
    assert_same_states(SPLIT, symmetry)


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("name", [*FAILURES, "disk loss"])
def test_same_shortest_violation(name: str, symmetry: bool) -> None:
    model = model_of(LOCKS.replace("DISK", "1") if name == "disk loss" else fails(name))
    outcome = searched(model)
    result = run_rumur(murphi(instance_of(model), symmetry), symmetry)
    if not outcome.violations:
        assert not result.violated
        return
    assert result.length == outcome.violations[0].length
    shortest = {hit.checked.name for hit in outcome.violations if hit.length == result.length}
    assert result.violated in shortest or ("failure" in shortest and "(line " in result.violated)


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "sizes", "symmetry", "states"),
    [("full", (3,), False, 194_179), ("full", (3,), True, 32_514), ("full", (5,), True, 168)],
)
def test_oracle_counts_of_tlc(check: str, sizes: tuple[int, ...], symmetry: bool, states: int) -> None:
    """The counts of RaftElection.tla, measured with TLC: 3 nodes and 3 terms; 5 nodes and 1 term."""
    model = model_of_file(ORACLES / "raft_election.elect", check)
    terms = 3 if sizes == (3,) else 1
    caps = replace(
        model.caps,
        variables={("node", "term"): terms},
        arguments=dict.fromkeys(model.caps.arguments, terms),
        token=terms,
    )
    instance = instance_of(replace(model, sizes=sizes, caps=caps))
    assert run_rumur(murphi(instance, symmetry), symmetry).states == states


def test_text_of_the_oracle() -> None:
    text = murphi(instance_of(AGREEING["oracle"]), symmetry=True)
    assert_golden(GOLDEN / "raft_election.m", text.replace(str(ORACLES), "oracles"))


def test_sets_under_way_refuse_symmetry() -> None:
    with pytest.raises(InexpressibleError) as refused:
        murphi(instance_of(AGREEING["queues as a set"]), symmetry=True)
    assert refused.value.construct == "a set or map of `node` in the message `item`"
    assert refused.value.span.line == 7


def test_no_processes_are_refused() -> None:
    with pytest.raises(InexpressibleError, match="there is no process of this kind"):
        murphi(instance_of(replace(AGREEING["oracle"], sizes=(0,))))


def test_names_that_mean_something_to_murphi() -> None:
    text = """
protocol names
process record:
    boolean: bool = false
    undefine: end | var = end
message rule(self_made: bool)
action clear if not boolean:
    boolean := true
    undefine := var
    broadcast rule(boolean)
check small: 2 records
"""
    instance = instance_of(model_of(text.replace("action clear", "action put").replace("2 records", "2 record")))
    assert "record_2: 0..1;" in murphi(instance)


def test_results_are_read() -> None:
    output = (
        'The following is the error trace for the error:\n\n\tinvariant "never" failed\n\n'
        'Startstate "start" fired.\nRule "a" fired.\nRule "b", self: node_0 fired.\n'
        '\tcover "c" not hit\n\t7 states, 9 rules fired in 0s.\n'
    )
    found = read_result(output)
    assert (found.states, found.violated, found.length, found.uncovered) == (7, "never", 2, ("c",))
