"""The engines against the reference semantics, on protocols drawn by chance.

Whatever is different between two readers of one protocol is a bug in one of them: another state, another number of
orbits, another verdict, a counterexample of another length.
"""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, given, settings

from modelcheck.native.engine import Explorer, NativeSearch, explorer
from modelcheck.outcome import Limits, Outcome
from modelcheck.python_engine import PythonSearch
from modelcheck.reductions import ALL, SYMMETRY, Reductions, reductions_of
from modelcheck.symmetry import orbits
from tests.properties.protocols import Explored, models

compiled = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
drawn = settings(max_examples=25, deadline=None, suppress_health_check=SLOW)


def everything(native: Explorer, threads: int = 1) -> Outcome:
    with NativeSearch(native, Limits(threads=threads, stop_at_violation=False)) as search:
        return search.run()


def found(outcome: Outcome) -> dict[str, int]:
    """The length of the shortest way to each property's violation or witness."""
    return {hit.checked.name: hit.length for hit in outcome.hits}


@compiled
@drawn
@given(models())
def test_the_native_explorer_is_the_reference(drawn: Explored) -> None:
    model, graph = drawn.model, drawn.graph
    expected = PythonSearch(model, Limits(stop_at_violation=False)).run()
    plain = explorer(model, Reductions())
    one, two = everything(plain), everything(plain, threads=2)
    assert one.levels == expected.levels == tuple(len(level) for level in graph.levels)
    assert one.steps == expected.steps
    assert found(one) == found(expected)
    assert one.covered == expected.covered
    assert one.reached == expected.reached
    assert (one.levels, one.steps, one.hits, one.covered, one.reached) == (
        *(two.levels, two.steps, two.hits, two.covered, two.reached),
    )


@compiled
@drawn
@given(models(limit=800))
def test_symmetry_counts_orbits_exactly(drawn: Explored) -> None:
    model, graph = drawn.model, drawn.graph
    symmetric = everything(explorer(model, Reductions(symmetry=True)))
    expected = PythonSearch(model, Limits(stop_at_violation=False)).run()
    assert symmetric.levels == tuple(orbits(model, level) for level in graph.levels)
    assert found(symmetric) == found(expected)
    assert symmetric.covered == expected.covered


@compiled
@drawn
@given(models())
def test_reductions_change_no_verdict(drawn: Explored) -> None:
    model = drawn.model
    expected = PythonSearch(model, Limits(stop_at_violation=False)).run()
    for wanted in (ALL, *(frozenset({name}) for name in ALL - {SYMMETRY})):
        native = explorer(model, reductions_of(model, wanted))
        if wanted != ALL and not native.reductions.names:
            continue
        outcome = everything(native)
        assert found(outcome) == found(expected), wanted
        assert outcome.covered == expected.covered, wanted
        assert bool(outcome.reached) == bool(expected.reached), wanted
        assert outcome.states <= expected.states
        assert outcome.levels[0] == 1
