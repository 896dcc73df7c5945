"""Traces of protocols drawn by chance: whatever happens in them can be saved, replayed, explained and drawn."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelcheck.chart import chart
from modelcheck.explain import explain, explain_failure, explain_standard, explain_witness
from modelcheck.graph import dot, graphml, of_explored
from modelcheck.graph_svg import graph_svg
from modelcheck.itf import itf
from modelcheck.mermaid import mermaid
from modelcheck.model import State, Successor
from modelcheck.properties import FAILURE, Checked, checked, found_in_state, found_in_step
from modelcheck.replay import replay
from modelcheck.semantics import steps
from modelcheck.svg import svg
from modelcheck.trace import Trace, is_behaviour
from modelcheck.trace_json import read_trace, write_trace
from tests.properties.protocols import Explored, models

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
LONGEST = 8

drawn = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def walk(found: Explored, data: st.DataObject) -> Trace:
    """A behaviour of up to `LONGEST` steps; it ends where a step fails."""
    state: State = found.graph.levels[0][0]
    start, way = state, list[Successor]()
    for _ in range(data.draw(st.integers(0, LONGEST))):
        possible = [successor for successor in steps(found.model, state) if successor.beyond is None]
        if not possible:
            break
        way.append(data.draw(st.sampled_from(possible)))
        after = way[-1].state
        if after is None:
            break
        state = after
    return Trace(found.model, start, tuple(way))


def is_found(trace: Trace, item: Checked) -> bool:
    """Whether a property is violated or witnessed at the end of a trace."""
    fails = bool(trace.steps) and trace.steps[-1].failure is not None
    if item.name == FAILURE or fails:
        return item.name == FAILURE and fails
    if item.in_step:
        return len(trace) > 0 and found_in_step(trace.model, item, *trace.states[-2:])
    return found_in_state(trace.model, item, trace.states[-1])


def shown(trace: Trace) -> Trace:
    """The trace with what it shows, if it shows anything."""
    for item in checked(trace.model):
        if not is_found(trace, item):
            continue
        if not item.is_violation:
            assert item.declared is not None
            assert explain_witness(trace.model, item.declared, trace.states[-1])
            return replace(trace, witness=item.name)
        if trace.steps and (failure := trace.steps[-1].failure) is not None:
            return replace(trace, violation=explain_failure(trace.model, failure))
        if item.declared is None:
            return replace(trace, violation=explain_standard(trace.model, item.name, trace.states[-1]))
        states = trace.states[-2:] if item.in_step else trace.states[-1:]
        return replace(trace, violation=explain(trace.model, item.declared, *states))
    return trace


@drawn
@given(models(limit=60), st.data())
def test_a_trace_comes_back_from_its_file_and_its_replay(found: Explored, data: st.DataObject) -> None:
    trace = shown(walk(found, data))
    assert is_behaviour(trace)
    text = write_trace(trace)
    VALIDATOR.validate(json.loads(text))
    assert replay(read_trace(text, trace.model.protocol)) == trace


@drawn
@given(models(limit=60), st.data(), st.integers(60, 120), st.booleans())
def test_a_trace_can_be_drawn(found: Explored, data: st.DataObject, width: int, ascii_only: bool) -> None:
    trace = shown(walk(found, data))
    text = chart(trace, width, ascii_only=ascii_only)
    assert max(map(len, text.splitlines())) <= width
    assert not ascii_only or text.isascii()
    ElementTree.fromstring(svg(trace))
    assert mermaid(trace).count("\n") > len(trace)
    assert len(json.loads(itf(trace))["states"]) == len(trace.states)


@drawn
@given(models(limit=60), st.data())
def test_clauses_are_given_for_what_is_false_and_only_for_that(found: Explored, data: st.DataObject) -> None:
    trace = walk(found, data)
    if trace.steps and trace.steps[-1].failure is not None:
        return
    for item in checked(trace.model):
        if item.declared is None or not item.is_violation or (item.in_step and not trace.steps):
            continue
        states = trace.states[-2:] if item.in_step else trace.states[-1:]
        try:
            clauses = explain(trace.model, item.declared, *states).clauses
        except ValueError:
            assert not is_found(trace, item)
        else:
            assert is_found(trace, item)
            assert clauses
            assert all(clauses)


@drawn
@given(models(limit=60))
def test_a_graph_can_be_written(found: Explored) -> None:
    graph = of_explored(found.model, found.graph)
    assert graph.number_of_nodes() == len(found.graph.successors)
    ElementTree.fromstring(graphml(graph))
    ElementTree.fromstring(graph_svg(graph))
    assert dot(graph).count(" -> ") >= graph.number_of_edges()
