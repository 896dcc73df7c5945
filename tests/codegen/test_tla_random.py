"""TLA+ exports of random protocols have the states, the orbits and the verdict of the reference semantics."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from codegen.tla import tla
from modelcheck.outcome import Limits
from modelcheck.python_engine import PythonSearch
from modelcheck.symmetry import orbits
from tests.exported import instance_of
from tests.properties.protocols import Explored, models
from tests.tlc import needs_tlc, run_tlc

pytestmark = [needs_tlc, pytest.mark.slow]


@given(models(limit=300))
@settings(
    max_examples=12,
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_tlc_agrees(found: Explored) -> None:
    model = found.model
    expected = PythonSearch(model, Limits()).run().violations
    for symmetry in (False, True):
        module, configuration = tla(instance_of(model), symmetry)
        result = run_tlc(module, configuration)
        assert bool(result.violated) == bool(expected), f"{result.output}\n{module}"
        if expected:
            failed = "(line " in result.violated
            assert failed or result.length == expected[0].length, f"{result.output}\n{module}"
        else:
            states = list(found.graph.successors)
            assert result.states == (orbits(model, states) if symmetry else len(states)), f"{result.output}\n{module}"
