"""Murphi exports of random protocols have the states, the orbits and the verdict of the reference semantics."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from codegen.instance import InexpressibleError
from codegen.murphi import murphi
from modelcheck.explore import Graph
from modelcheck.model import Model
from modelcheck.outcome import Limits
from modelcheck.python_engine import PythonSearch
from modelcheck.symmetry import orbits
from tests.exported import instance_of
from tests.properties.protocols import models
from tests.rumur import needs_rumur, run_rumur

pytestmark = [needs_rumur, pytest.mark.slow]


@given(models(limit=300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_rumur_agrees(found: tuple[Model, Graph]) -> None:
    model, graph = found
    expected = PythonSearch(model, Limits()).run().violations
    for symmetry in (False, True):
        try:
            text = murphi(instance_of(model), symmetry)
        except InexpressibleError:
            assert symmetry, "only symmetry may be refused"
            continue
        result = run_rumur(text, symmetry)
        assert bool(result.violated) == bool(expected), f"{result.message}\n{text}"
        if expected:
            assert result.length == expected[0].length, f"{result.message}\n{text}"
        else:
            states = list(graph.successors)
            assert result.states == (orbits(model, states) if symmetry else len(states)), f"{result.message}\n{text}"
