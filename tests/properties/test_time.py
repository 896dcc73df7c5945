"""The engines against the reference semantics on protocols with time, drawn by chance; and what time promises."""

from __future__ import annotations

from hypothesis import given

from modelcheck.check import Options, explore
from modelcheck.engines import Choice, Wanted
from modelcheck.model import StepKind
from modelcheck.native.engine import explorer
from modelcheck.reductions import ALL, SYMMETRY, Reductions, reductions_of
from modelcheck.symmetry import orbits
from modelcheck.trace import is_behaviour
from modelcheck.verdict import Answer
from spec.types import IntType
from tests.compiler import needs_compiler
from tests.properties.protocols import Explored, timed_models
from tests.properties.test_engines import drawn, everything, lengths, pytestmark, referred

__all__ = ["pytestmark"]


@needs_compiler
@drawn
@given(timed_models())
def test_the_native_explorer_is_the_reference(found: Explored) -> None:
    expected = referred(found)
    assert expected.levels == tuple(len(level) for level in found.graph.levels)
    plain = everything(explorer(found.model, Reductions()), threads=2)
    assert plain.levels == expected.levels
    assert plain.steps == expected.steps
    assert lengths(plain) == lengths(expected)
    assert plain.covered == expected.covered
    assert plain.reached == expected.reached


@needs_compiler
@drawn
@given(timed_models(limit=800))
def test_symmetry_counts_orbits_exactly(found: Explored) -> None:
    symmetric = everything(explorer(found.model, Reductions(symmetry=True)))
    expected = referred(found)
    assert symmetric.levels == tuple(orbits(found.model, level) for level in found.graph.levels)
    assert lengths(symmetric) == lengths(expected)
    assert symmetric.covered == expected.covered


@needs_compiler
@drawn
@given(timed_models())
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
@given(timed_models())
def test_both_engines_come_to_one_verdict(found: Explored) -> None:
    native, plain = (explore(found.model, Options(choice=Choice(wanted))) for wanted in (Wanted.NATIVE, Wanted.PYTHON))
    assert native.answer is plain.answer
    assert native.reason == plain.reason
    if native.trace is not None and plain.trace is not None:
        assert len(native.trace) == len(plain.trace)
        assert is_behaviour(native.trace)
    if native.answer is Answer.HOLDS:
        assert native.properties == plain.properties


@drawn
@given(timed_models(limit=600))
def test_clocks_say_what_is_armed_and_stay_within_their_limits(found: Explored) -> None:
    """A count is -1 exactly where its timer is not armed; a timer that must fire stops time; and time never stops for
    good but where a step fails or a bound stops it."""
    model = found.model
    clocks = model.protocol.clocks
    assert clocks is not None
    for state, successors in found.graph.successors.items():
        for clock in clocks.timers:
            of = model.kinds[clock.kind].variable(clock.variable).type
            assert isinstance(of, IntType)
            for process in state.processes[model.kind_index[clock.kind]]:
                count = process.values[model.variable_index[clock.kind, clock.variable]]
                assert (count >= 0) == process.armed[model.timer_index[clock.kind, clock.timer]]
                assert count <= of.high
        ticks = [one for one in successors if one.step.kind is StepKind.TICK]
        assert len(ticks) <= 1
        if not successors:
            # A free timer may fire and begin anew without anything being different.
            for clock in clocks.timers:
                for process in state.processes[model.kind_index[clock.kind]]:
                    assert process.values[model.variable_index[clock.kind, clock.variable]] < 0
