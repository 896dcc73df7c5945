"""TLC finds in our exports what the reference semantics finds in the protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codegen.instance import InexpressibleError
from codegen.tla import tla
from modelcheck.explore import reachable
from modelcheck.model import Model
from modelcheck.outcome import Limits
from modelcheck.python_engine import PythonSearch
from modelcheck.symmetry import orbits
from spec.protocol import Fault, FaultKind, For, Self, Send
from spec.types import ProcessType
from tests.exported import (
    BAG,
    FAILURES,
    LOCKS,
    ORACLES,
    PARTS,
    QUEUES,
    RING,
    fails,
    instance_of,
    model_of,
    model_of_file,
    with_network,
)
from tests.golden import assert_golden
from tests.tlc import needs_tlc, read_result, run_tlc

GOLDEN = Path(__file__).parent / "golden"
ORACLE = model_of_file(ORACLES / "raft_election.elect", "quick")

AGREEING = {
    "oracle": ORACLE,
    "bag of two": model_of(BAG, "crowded"),
    "queues": model_of(with_network(QUEUES, "reliable"), "small"),
    "queues as a bag": model_of(with_network(QUEUES, "reordering"), "small"),
    "ring with loss": model_of(with_network(RING, "loss"), "larger"),
    "ring with duplicates": model_of(with_network(RING, "duplication"), "small"),
    "parts with queues": model_of(with_network(PARTS, "loss, duplication"), "small"),
    "parts with a bag": model_of(with_network(PARTS, "loss, reordering"), "small"),
    "parts with a set": model_of(with_network(PARTS, "loss, duplication, reordering"), "small"),
    "locks": model_of(LOCKS.replace("DISK", "0"), "small"),
    "cut ring": replace(
        model_of(with_network(RING, "reliable"), "small"),
        faults=(Fault(FaultKind.PARTITION), Fault(FaultKind.CRASH, 1)),
    ),
    "cut bag": replace(model_of(BAG, "crowded"), faults=(Fault(FaultKind.PARTITION, 2),)),
}


def assert_same(model: Model, symmetry: bool) -> None:
    states = list(reachable(model).successors)
    result = run_tlc(*tla(instance_of(model), symmetry))
    assert not result.violated, result.output
    assert result.states == (orbits(model, states) if symmetry else len(states)), result.output


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("name", AGREEING)
def test_same_states(name: str, symmetry: bool) -> None:
    assert_same(AGREEING[name], symmetry)


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("name", FAILURES)
def test_same_shortest_violation(name: str) -> None:
    model = model_of(fails(name))
    outcome = PythonSearch(model, Limits()).run()
    result = run_tlc(*tla(instance_of(model)))
    if not outcome.violations:
        assert not result.violated
        return
    failed = "(line " in result.violated
    assert failed or result.length == outcome.violations[0].length
    shortest = {hit.checked.name for hit in outcome.violations if hit.length == outcome.violations[0].length}
    assert ("failure" if failed else result.violated) in shortest


@needs_tlc
@pytest.mark.slow
def test_a_witness_violates_never() -> None:
    module, configuration = tla(instance_of(model_of(with_network(RING, "reliable"), "small")))
    asked = configuration.replace("\\* For a witness: INVARIANT", "INVARIANT")
    assert run_tlc(module, asked).violated == "never_someone_wins"


def test_text_of_the_oracle() -> None:
    module, configuration = tla(instance_of(ORACLE), symmetry=True)
    assert_golden(GOLDEN / "raft_election.tla", module.replace(str(ORACLES), "oracles"))
    assert_golden(GOLDEN / "raft_election.cfg", configuration)


def test_text_of_links() -> None:
    module, configuration = tla(instance_of(AGREEING["queues as a bag"]))
    assert_golden(GOLDEN / "queues.tla", module)
    assert_golden(GOLDEN / "queues.cfg", configuration)


def test_a_loop_may_only_send_to_its_element_over_links() -> None:
    """The language does not allow it; a protocol made otherwise is refused."""
    text = """
protocol loops
process node:
    seen: set of node = {}
message hello(about: node)
network: reliable
on hello(p) from s:
    seen := seen + {s}
action tell:
    for n in node - {self}:
        send hello(n) to n
check small: 2 nodes, channel <= 1
"""
    model = model_of(text)
    *others, tell = model.protocol.handlers
    (loop,) = tell.body
    assert isinstance(loop, For)
    (send,) = loop.body
    assert isinstance(send, Send)
    astray = replace(tell, body=(replace(loop, body=(replace(send, receiver=Self(ProcessType("node"))),)),))
    instance = replace(instance_of(model), protocol=replace(model.protocol, handlers=(*others, astray)))
    with pytest.raises(InexpressibleError, match="only the element itself can be sent something") as refused:
        tla(instance)
    assert refused.value.construct == "the sending of `hello`"
    assert refused.value.span.line == 11


def test_what_only_properties_compute_is_defined_too() -> None:
    text = """
protocol least
process node:
    a: int 0..2 = 0
action up if a < 2:
    a := a + 1
safety small: forall n in node: min(n.a, 1) <= max(n.a, 1)
check small: 2 nodes
"""
    module, _ = tla(instance_of(model_of(text)))
    assert "Minimum(r, l) ==" in module
    assert "Maximum(r, l) ==" in module


def test_no_processes_are_refused() -> None:
    with pytest.raises(InexpressibleError, match="there is no process of this kind"):
        tla(instance_of(replace(ORACLE, sizes=(0,))))


def test_results_are_read() -> None:
    output = (
        "Error: Invariant never is violated.\nError: The behavior up to this point is:\nState 1: <Initial predicate>\n"
        "State 2: <A line 1>\n\n9 states generated, 7 distinct states found, 0 states left on queue.\n"
    )
    found = read_result(output)
    assert (found.states, found.violated, found.length) == (7, "never", 1)
