"""Shifting numbers of which only order and successor matter is a bisimulation, and what the native search makes of it
is what the reference semantics does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from modelcheck.epochs import Epoch, epochs_of, lowered
from modelcheck.layout import Unsupported
from modelcheck.liveness.arrays import edges_of
from modelcheck.liveness.fair import BEYOND
from modelcheck.liveness.graph import compiled, graph
from modelcheck.liveness.phases import Phase
from modelcheck.model import Caps, Model, Packet, State, Step
from modelcheck.native.emission import Goals
from modelcheck.native.labels import Action, action_of, actions_of
from modelcheck.outcome import Limits
from modelcheck.reductions import ALWAYS_ARMED, DEAD_MESSAGES, REBASED, reductions_of
from modelcheck.semantics import initial, steps
from tests.compiler import needs_compiler
from tests.modelcheck.liveness.specs import CLAIMS, RAFT, model, without_properties
from tests.modelcheck.test_epochs import COUNTER
from tests.properties.protocols import Explored, models
from tests.properties.test_liveness import drawn

pytestmark = pytest.mark.usefixtures("quickly_compiled")
WANTED = (frozenset((REBASED,)), frozenset((REBASED, DEAD_MESSAGES, ALWAYS_ARMED)))
LIMIT = 600


def bare(of: Model) -> Model:
    """Without properties and leaders, so that more numbers are epochs."""
    return replace(of, protocol=replace(of.protocol, properties=(), leader=None))


def raised(of: Model, by: int) -> Model:
    """With higher bounds, also where a check needs none."""
    variables = {place: cap + by for place, cap in of.caps.variables.items()}
    arguments = {place: cap + by for place, cap in of.caps.arguments.items()}
    return replace(of, caps=Caps(variables, arguments, of.caps.token, of.caps.declared))


DEAF = """\
protocol deaf
process node:
    durable term: nat = 0
message unheard(term: nat, more: int 0..1)
message heard(term: nat)
action more:
    term := term + 1
    broadcast unheard(term, 1)
    broadcast heard(term)
on heard(t) from other if t > term:
    term := t
safety nothing: true
"""
"""A message that nobody handles is gone all the same, and not by being lost."""

SOME = [
    pytest.param(bare(without_properties(model(RAFT, "2 nodes, term <= 2"))), id="raft"),
    pytest.param(
        bare(model(RAFT, "2 nodes, term <= 1", network="reliable", faults="crash up to 1")), id="raft in queues"
    ),
    pytest.param(bare(model(DEAF, "2 nodes, term <= 1, channel <= 2", network="loss")), id="deaf"),
    pytest.param(bare(model(CLAIMS, "3 nodes, term <= 1")), id="claims"),
    pytest.param(bare(model(CLAIMS, "2 nodes, term <= 2", network="loss, reordering")), id="claims in bags"),
    pytest.param(
        bare(
            model(
                COUNTER.replace("ANYTHING", "if t > term + 1: level := 1"), "2 nodes, term <= 2, heard <= 1, seen <= 1"
            )
        ),
        id="counter",
    ),
]


def reachable(of: Model, limit: int = LIMIT) -> list[State]:
    start = initial(of).state
    assert start is not None
    found, waiting = {start: None}, [start]
    while waiting and len(found) < limit:
        for one in steps(of, waiting.pop(0)):
            if one.state is not None and one.beyond is None and one.state not in found:
                found[one.state] = None
                waiting.append(one.state)
    return list(found)


def shifted_step(step: Step, epochs: tuple[Epoch, ...], by: tuple[int, ...]) -> Step:
    def moved(packet: Packet) -> Packet:
        arguments = list(packet.arguments)
        for epoch, amount in zip(epochs, by, strict=True):
            for message, position in epoch.arguments:
                if message == packet.message:
                    arguments[position] += amount
        return packet._replace(arguments=tuple(arguments))

    return step if step.packet is None else step._replace(packet=moved(step.packet))


def steps_are_shifted(of: Model, state: State, by: tuple[int, ...]) -> None:
    """Every step of a state is one of the shifted state, to the shifted successor, and the other way round."""
    epochs = epochs_of(of)
    wide = raised(of, max(by) + 3)
    higher = lowered(wide, state, epochs, [-amount for amount in by])
    assert higher is not None
    here = {(one.step, one.state, one.failure) for one in steps(wide, state) if one.beyond is None}
    there = {(one.step, one.state, one.failure) for one in steps(wide, higher) if one.beyond is None}
    expected = set()
    for step, after, failure in here:
        above = None if after is None else lowered(wide, after, epochs, [-amount for amount in by])
        if after is None or above is not None:
            expected.add((shifted_step(step, epochs, by), above, failure))
    assert expected <= there
    assert len(there) <= len(here)


@pytest.mark.parametrize("of", SOME)
def test_shifted_states_have_shifted_steps(of: Model) -> None:
    epochs = epochs_of(of)
    assert epochs
    for number, state in enumerate(reachable(of, 150)):
        steps_are_shifted(of, state, tuple(1 + (number + at) % 2 for at in range(len(epochs))))


@pytest.mark.slow  # few protocols that are drawn have such numbers
@drawn
@given(models(limit=250), st.data())
def test_shifted_states_of_protocols_drawn_have_shifted_steps(found: Explored, data: st.DataObject) -> None:
    of = bare(found.model)
    epochs = epochs_of(of)
    assume(epochs)
    states = reachable(of, 60)
    by = tuple(data.draw(st.integers(0, 2)) for _ in epochs)
    event(f"{len(epochs)} epochs")
    for state in data.draw(st.lists(st.sampled_from(states), max_size=10)):
        steps_are_shifted(of, state, by)


def natively_the_same(of: Model, wanted: frozenset[str]) -> int:
    """Holds the native graph with shifts against one that is built of steps of the reference semantics, and says how
    many states they have."""
    native = compiled(of, Goals(), reductions_of(of, wanted))
    explorer = native.explorer
    with graph(native, Limits(), symmetric=False) as built:
        built.reach()
        built.explore(Phase.FAULTY)
        edges = edges_of(built)
        actions = actions_of(explorer.emitted.layout)
        columns = (column.tolist() for column in (edges.origin, edges.target, edges.action))
        led: dict[int, set[tuple[int, Action]]] = {number: set() for number in range(len(built))}
        for origin, target, action in zip(*columns, strict=True):
            if target != origin:
                led[origin].add((target, actions[action]))
        start = initial(of).state
        assert start is not None and built.find(built.canonicalise(explorer.encode(start))) == 0
        for number in range(len(built)):
            expected = set[tuple[int, Action]]()
            for one in steps(of, explorer.decode(built.words(number))):
                if one.beyond is not None:
                    expected.add((BEYOND, action_of(one.step)))
                elif one.state is not None:
                    target = built.find(built.canonicalise(explorer.encode(one.state)))
                    assert target is not None
                    # A step that shifts all of a state, or sends in vain, comes back to it.
                    expected |= {(target, action_of(one.step))} if target != number else set()
            assert led[number] == expected
        return len(built)


@needs_compiler
@pytest.mark.parametrize("wanted", WANTED, ids=["alone", "with others"])
@pytest.mark.parametrize("of", SOME)
def test_the_native_graph_is_the_reference_shifted(of: Model, wanted: frozenset[str]) -> None:
    assert natively_the_same(of, wanted) > 1


@needs_compiler
@pytest.mark.slow
@drawn
@given(models(limit=250), st.sampled_from(WANTED))
def test_the_native_graph_of_protocols_drawn(found: Explored, wanted: frozenset[str]) -> None:
    of = bare(found.model)
    assume(epochs_of(of))
    assume(len(reachable(of)) < LIMIT)
    try:
        event("some states" if natively_the_same(of, wanted) > 1 else "one state")
    except Unsupported:
        assume(False)


@needs_compiler
@pytest.mark.parametrize("of", SOME)
def test_what_is_reached_is_what_is_reached_shifted(of: Model) -> None:
    """Every reachable state within the bounds is, counted from the least number on, one of the native graph."""
    native = compiled(of, Goals(), reductions_of(of, WANTED[0]))
    with graph(native, Limits(), symmetric=False) as built:
        built.reach()
        for state in reachable(of):
            assert built.find(built.canonicalise(native.explorer.encode(state))) is not None
