"""The engines and the exports against the reference semantics, on protocols drawn by chance.

Whatever is different between two readers of one protocol is a bug in one of them: another state, another number of
orbits, another verdict, a counterexample of another length.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings

from codegen.instance import InexpressibleError
from codegen.murphi import murphi
from modelcheck.check import Options, explore
from modelcheck.engines import Choice, Wanted
from modelcheck.native.engine import Explorer, NativeSearch, explorer
from modelcheck.outcome import Limits, Outcome
from modelcheck.python_engine import PythonSearch
from modelcheck.reductions import ALL, SYMMETRY, Reductions, reductions_of
from modelcheck.symmetry import orbits
from modelcheck.trace import is_behaviour
from modelcheck.verdict import Answer
from spec.protocol import PropertyKind
from tests.compiler import needs_compiler
from tests.exported import instance_of
from tests.properties.protocols import Explored, models
from tests.rumur import needs_rumur, run_rumur

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture)
WITHOUT_SHRINKING = tuple(phase for phase in Phase if phase is not Phase.shrink)


pytestmark = pytest.mark.usefixtures("quickly_compiled")
drawn = settings(max_examples=15, deadline=None, suppress_health_check=SLOW, phases=WITHOUT_SHRINKING)
"""Shrinking compiles hundreds of protocols; whoever looks into a failure may leave `phases` out."""


def everything(native: Explorer, threads: int = 1) -> Outcome:
    with NativeSearch(native, Limits(threads=threads, stop_at_violation=False)) as search:
        return search.run()


def referred(found: Explored) -> Outcome:
    """What the reference semantics says; also of what lies behind a violation."""
    return PythonSearch(found.model, Limits(stop_at_violation=False)).run()


def lengths(outcome: Outcome) -> dict[str, int]:
    """The length of the shortest way to each property's violation or witness."""
    return {hit.checked.name: hit.length for hit in outcome.hits}


@drawn
@given(models())
def test_the_python_search_explores_the_reachable_graph(found: Explored) -> None:
    expected = referred(found)
    assert expected.levels == tuple(len(level) for level in found.graph.levels)
    assert expected.states == len(found.graph.successors)


@needs_compiler
@drawn
@given(models())
def test_the_native_explorer_is_the_reference(found: Explored) -> None:
    expected = referred(found)
    plain = explorer(found.model, Reductions())
    one, two = everything(plain), everything(plain, threads=2)
    assert one.levels == expected.levels
    assert one.steps == expected.steps
    assert lengths(one) == lengths(expected)
    assert one.covered == expected.covered
    assert one.reached == expected.reached
    assert (one.levels, one.steps, one.hits, one.covered, one.reached) == (
        *(two.levels, two.steps, two.hits, two.covered, two.reached),
    )


@needs_compiler
@drawn
@given(models(limit=800))
def test_symmetry_counts_orbits_exactly(found: Explored) -> None:
    symmetric = everything(explorer(found.model, Reductions(symmetry=True)))
    expected = referred(found)
    assert symmetric.levels == tuple(orbits(found.model, level) for level in found.graph.levels)
    assert lengths(symmetric) == lengths(expected)
    assert symmetric.covered == expected.covered


@needs_compiler
@drawn
@given(models())
def test_reductions_change_no_verdict(found: Explored) -> None:
    expected = referred(found)
    for wanted in (ALL, *(frozenset({name}) for name in sorted(ALL - {SYMMETRY}))):
        reductions = reductions_of(found.model, wanted)
        if wanted != ALL and not reductions.names:
            continue
        outcome = everything(explorer(found.model, reductions))
        assert lengths(outcome) == lengths(expected), wanted
        assert outcome.covered == expected.covered, wanted
        assert bool(outcome.reached) == bool(expected.reached), wanted


@needs_compiler
@drawn
@given(models())
def test_both_engines_come_to_one_verdict(found: Explored) -> None:
    """With all reductions, and stopping at the first violation, whose trace the reference semantics can take."""
    native, plain = (explore(found.model, Options(choice=Choice(wanted))) for wanted in (Wanted.NATIVE, Wanted.PYTHON))
    assert native.answer is plain.answer
    assert native.reason == plain.reason
    assert (native.trace is None) == (plain.trace is None)
    if native.trace is not None and plain.trace is not None:
        assert len(native.trace) == len(plain.trace)
        assert is_behaviour(native.trace)
        assert is_behaviour(plain.trace)
        assert native.trace.violation is not None
    if native.answer is Answer.HOLDS:
        assert native.properties == plain.properties


@pytest.mark.slow
@needs_rumur
@needs_compiler
@settings(max_examples=12, deadline=None, suppress_health_check=SLOW, phases=WITHOUT_SHRINKING)
@given(models())
def test_rumur_says_the_same(found: Explored) -> None:
    model = found.model
    expected = referred(found)
    wanted = {p.name for p in model.protocol.properties if p.kind is PropertyKind.REACHABLE}
    unwitnessed = wanted - {hit.checked.name for hit in expected.witnesses}
    for symmetric in (False, True):
        try:
            text = murphi(instance_of(model), symmetric)
        except InexpressibleError:
            event(f"refused, symmetric: {symmetric}")
            continue
        result = run_rumur(text, symmetric)
        if expected.violations:
            assert result.violated, result.message
            assert result.length == expected.violations[0].length, result.message
            continue
        counted = sum(orbits(model, level) for level in found.graph.levels) if symmetric else expected.states
        assert not result.violated, result.message
        assert result.states == counted, result.message
        assert set(result.uncovered) == unwitnessed, result.message
