"""Protocols with time: the reference semantics, the native explorer, Rumur and TLC find the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given

from codegen.instance import InexpressibleError
from codegen.murphi import murphi
from codegen.tla import tla
from codegen.tla_inductive import inductive
from modelcheck.explore import reachable
from modelcheck.model import Model
from modelcheck.native.engine import explorer
from modelcheck.outcome import Limits, Outcome
from modelcheck.python_engine import PythonSearch
from modelcheck.reductions import Reductions
from modelcheck.symmetry import orbits
from spec.protocol import PropertyKind
from tests.compiler import needs_compiler
from tests.exported import instance_of, model_of
from tests.golden import assert_golden
from tests.properties.protocols import Explored, timed_models
from tests.properties.test_engines import drawn, everything, lengths
from tests.rumur import needs_rumur, run_rumur
from tests.timed import BAG, HOLDING, HOLDS, LATE, VIOLATED
from tests.tlc import needs_tlc, run_tlc

GOLDEN = Path(__file__).parent / "golden"
pytestmark = pytest.mark.usefixtures("quickly_compiled")


@cache
def counted(name: str) -> tuple[int, int]:
    """How many states the reference semantics finds, and how many up to symmetry."""
    model = model_of(HOLDING[name])
    states = list(reachable(model).successors)
    return len(states), orbits(model, states)


def searched(model: Model) -> Outcome:
    return PythonSearch(model, Limits(stop_at_violation=False)).run()


def first_violated(outcome: Outcome) -> tuple[set[str], int]:
    """The properties that are violated soonest, and after how many steps; none and 0 where nothing is."""
    shortest = min((hit.length for hit in outcome.violations), default=0)
    return {hit.checked.name for hit in outcome.violations if hit.length == shortest}, shortest


@needs_compiler
@pytest.mark.parametrize("name", [*HOLDING, *(f"{name} violated" for name in VIOLATED)])
def test_the_native_explorer_is_the_reference(name: str) -> None:
    model = model_of({**HOLDING, **{f"{of} violated": text for of, text in VIOLATED.items()}}[name])
    expected, native = searched(model), everything(explorer(model, Reductions()), threads=2)
    assert bool(expected.violations) == name.endswith("violated")
    assert native.levels == expected.levels
    assert native.steps == expected.steps
    assert lengths(native) == lengths(expected)
    assert native.covered == expected.covered
    assert native.reached == expected.reached


# Rumur ---------------------------------------------------------------------------------------------------------------


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("name", HOLDING)
def test_rumur_finds_the_same_states(name: str, symmetry: bool) -> None:
    model = model_of(HOLDING[name])
    result = run_rumur(murphi(instance_of(model), symmetry), symmetry)
    assert not result.violated or result.uncovered, result.message
    assert result.states == counted(name)[symmetry], result.message
    witnessed = {hit.checked.name for hit in searched(model).witnesses}
    wanted = {prop.name for prop in model.protocol.properties if prop.kind is PropertyKind.REACHABLE}
    assert set(result.uncovered) == wanted - witnessed


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("name", VIOLATED)
def test_rumur_finds_the_same_shortest_violation(name: str, symmetry: bool) -> None:
    model = model_of(VIOLATED[name])
    names, length = first_violated(searched(model))
    result = run_rumur(murphi(instance_of(model), symmetry), symmetry)
    assert result.length == length, result.message
    assert result.violated in names or ("failure" in names and "(line " in result.violated), result.message


@needs_rumur
@pytest.mark.slow
@drawn
@given(timed_models())
def test_rumur_finds_the_same_in_random_protocols(found: Explored) -> None:
    outcome = searched(found.model)
    names, length = first_violated(outcome)
    try:
        text = murphi(instance_of(found.model))
    except InexpressibleError:
        return
    result = run_rumur(text)
    if names:
        assert result.length == length, f"{result.message}\n{text}"
        assert result.violated in names or ("failure" in names and "(line " in result.violated), result.message
    else:
        assert not result.violated or result.uncovered, f"{result.message}\n{text}"
        assert result.states == len(found.graph.successors), f"{result.message}\n{text}"


# TLC -----------------------------------------------------------------------------------------------------------------


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("name", HOLDING)
def test_tlc_finds_the_same_states(name: str, symmetry: bool) -> None:
    module, configuration = tla(instance_of(model_of(HOLDING[name])), symmetry)
    result = run_tlc(module, configuration)
    assert not result.violated, result.output
    assert result.states == counted(name)[symmetry], result.output


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("name", VIOLATED)
def test_tlc_finds_the_same_shortest_violation(name: str) -> None:
    model = model_of(VIOLATED[name])
    names, length = first_violated(searched(model))
    result = run_tlc(*tla(instance_of(model)))
    failed = "(line " in result.violated
    assert failed or result.length == length, result.output
    assert ("failure" if failed else result.violated) in names, result.output


@needs_tlc
@pytest.mark.slow
@drawn
@given(timed_models(limit=300))
def test_tlc_finds_the_same_in_random_protocols(found: Explored) -> None:
    names, length = first_violated(searched(found.model))
    module, configuration = tla(instance_of(found.model))
    result = run_tlc(module, configuration)
    assert bool(result.violated) == bool(names), f"{result.output}\n{module}"
    if not names:
        assert result.states == len(found.graph.successors), f"{result.output}\n{module}"
    else:
        assert "(line " in result.violated or result.length == length, f"{result.output}\n{module}"


GUARD = """
protocol guarded
process node:
    awake: bool = false
    timer rest: 1 s .. 2 s
    timer nap: 1 s
message rise() from node to node
timed: tick 1 s, NETWORK, pause 2 s
faults: pause, crash
on start:
    reset rest
on timeout rest:
    awake := true
    reset nap
    send rise() to self
on timeout nap if awake:
    awake := false
    reset rest
on rise() from other if not awake:
    awake := true
    stop rest
    reset nap
invariant awake_for_a_nap: forall n in node: n.awake implies n.armed(nap) or paused(n)
CLAUSE
check small: 1 node, channel <= 1
"""
CLAUSE = """
invariant one_at_a_time: forall n in node: up(n) implies n.awake == n.armed(nap) and n.awake != n.armed(rest)
invariant nothing_when_down: forall n in node: not up(n) implies not n.awake and not n.armed(nap) and not n.armed(rest)
"""
NETWORKS = {"aging": "delay 1 s\nnetwork: loss", "bag": "delay 1 s\nnetwork: loss, reordering", "set": "SET"}


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_an_inductive_invariant_of_time_is_one(network: str) -> None:
    found = inductive(instance_of(guarded(network, CLAUSE)))
    assert not run_tlc(found.module, found.start).violated
    result = run_tlc(found.module, found.step)
    assert not result.violated, result.output
    assert "The depth of the complete state graph search is 1." in result.output


@needs_tlc
@pytest.mark.slow
def test_without_a_clause_a_step_in_time_breaks_another() -> None:
    found = inductive(instance_of(guarded("aging", "")))
    result = run_tlc(found.module, found.step)
    assert (result.violated, result.length) == ("awake_for_a_nap", 1)


def guarded(network: str, clause: str) -> Model:
    text = GUARD.replace("CLAUSE", clause)
    if network == "set":
        text = text.replace("NETWORK, pause 2 s", "pause 2 s\nnetwork: loss, duplication, reordering")
    return model_of(text.replace("NETWORK, pause 2 s", "pause 2 s, " + NETWORKS[network]))


# Texts ---------------------------------------------------------------------------------------------------------------


def test_text_of_queues_that_age() -> None:
    instance = instance_of(model_of(LATE.replace("CLAIM", HOLDS)))
    assert_golden(GOLDEN / "late.m", murphi(instance, symmetry=True))
    module, configuration = tla(instance, symmetry=True)
    assert_golden(GOLDEN / "late.tla", module)
    assert_golden(GOLDEN / "late.cfg", configuration)


def test_text_of_a_bag_that_ages() -> None:
    instance = instance_of(model_of(BAG.replace("CLAIM", HOLDS)))
    assert_golden(GOLDEN / "bags.m", murphi(instance, symmetry=True))
    assert_golden(GOLDEN / "bags.tla", tla(instance)[0])
