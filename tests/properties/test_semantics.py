"""What the reference semantics promises, on protocols drawn by chance."""

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelcheck.bounds import caps
from modelcheck.explore import Graph, within
from modelcheck.model import Model, State, StepKind, Successor
from modelcheck.semantics import attempts, initial, leads, steps
from modelcheck.symmetry import canonical, orbit, orbits, permuted, permuted_successor, renamings, state_order
from spec.protocol import Protocol
from spec.types import MapType, OptionType, ProcessType, SetType, Type, Value, in_range
from tests.properties.protocols import Explored, models

SOME = 25
"""Of so many states of a model each thing is asked: they are spread over all of them."""

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
drawn = settings(max_examples=25, deadline=None, suppress_health_check=SLOW)


def some(graph: Graph) -> list[State]:
    states = list(graph.successors)
    return states[:: max(1, len(states) // SOME)]


def told(successor: Successor) -> tuple[object, ...]:
    """All of a step but the order of what is sent, which goes to different receivers, and the reasons it is stopped."""
    return (
        successor.step,
        successor.state,
        successor.failure is None,
        successor.beyond is None,
        successor.taken,
        frozenset(Counter(successor.sent).items()),
    )


@drawn
@given(models(limit=400), st.data())
def test_processes_of_a_kind_are_interchangeable(found: Explored, data: st.DataObject) -> None:
    """Steps of a renamed state are the renamed steps of the state."""
    model, graph = found.model, found.graph
    to = data.draw(st.sampled_from(renamings(model)))
    start = initial(model).state
    assert start is not None
    assert permuted(model, start, to) == start
    for state in some(graph):
        renamed = Counter(told(permuted_successor(model, successor, to)) for successor in graph.successors[state])
        assert renamed == Counter(told(successor) for successor in steps(model, permuted(model, state, to)))


@drawn
@given(models(limit=400))
def test_a_canonical_state_stands_for_its_orbit(found: Explored) -> None:
    model, graph = found.model, found.graph
    representatives = set()
    for state in some(graph):
        whole = orbit(model, state)
        least = canonical(model, state)
        assert state in whole
        assert least in whole
        assert all(state_order(least) <= state_order(other) for other in whole)
        assert {canonical(model, other) for other in whole} == {least}
        representatives.add(least)
    assert orbits(model, some(graph)) == len(representatives)
    # The initial state is symmetric, so what is reachable is a union of orbits.
    assert all(other in graph.successors for state in some(graph) for other in orbit(model, state))


@drawn
@given(models(limit=400))
def test_a_step_changes_something_and_keeps_the_history(found: Explored) -> None:
    model, graph = found.model, found.graph
    for state in some(graph):
        for successor in attempts(model, state):
            after = successor.state
            assert (after is None) == (successor.failure is not None)
            if after is None:
                continue
            assert state.packets <= after.packets
            assert state.led <= after.led
            assert all(before <= now for before, now in zip(state.spent, after.spent, strict=True))
            assert sum(after.spent) - sum(state.spent) in (0, 1)
            if model.network.is_growing_set:
                assert not after.links
                assert not state.packets or successor.step.kind is not StepKind.LOSE
            else:
                assert not after.packets
        assert all(successor.state != state for successor in steps(model, state))


@drawn
@given(models(limit=400))
def test_one_process_acts_at_a_time(found: Explored) -> None:
    model, graph = found.model, found.graph
    for state in some(graph):
        for successor in graph.successors[state]:
            if successor.state is None:
                continue
            changed = {
                name
                for names, before, after in zip(model.names, state.processes, successor.state.processes, strict=True)
                for name, old, new in zip(names, before, after, strict=True)
                if old != new
            }
            assert changed <= {successor.step.process}


@drawn
@given(models(limit=400))
def test_values_stay_in_their_types_and_below_their_caps(found: Explored) -> None:
    model, graph = found.model, found.graph
    for state in graph.successors:
        for kind, processes in zip(model.protocol.kinds, state.processes, strict=True):
            for process in processes:
                for variable, value in zip(kind.variables, process.values, strict=True):
                    assert well_formed(model, variable.type, value)
                    cap = model.caps.variables.get((kind.name, variable.name))
                    assert cap is None or largest(value) <= cap
        packets = [*state.packets, *(packet for link in state.links for packet in link.queue)]
        for packet in packets:
            declared = model.messages[packet.message]
            assert (packet.sender.kind, packet.receiver.kind) == (declared.sender, declared.receiver)
            for position, (value, (_, of)) in enumerate(zip(packet.arguments, declared.parameters, strict=True)):
                assert well_formed(model, of, value)
                cap = model.caps.arguments.get((packet.message, position))
                assert cap is None or largest(value) <= cap
        assert all(0 < len(link.queue) <= model.channel for link in state.links)
        assert all(token <= model.caps.token for _, token in state.led)


@drawn
@given(models(limit=400))
def test_who_leads_is_in_the_history(found: Explored) -> None:
    """And nobody is in it who has never led: each entry is there when it first appears."""
    model, graph = found.model, found.graph
    leader = model.protocol.leader
    names = model.names[model.kind_index[leader.kind]] if leader is not None else ()
    start = initial(model).state
    assert start is not None
    for before, successors in [(None, [start]), *((s, list(within(found))) for s, found in graph.successors.items())]:
        for state in successors:
            leading = {(name.number, leads(model, state, name)) for name in names}
            now = {(number, token) for number, token in leading if token is not None}
            assert now <= state.led
            assert state.led - (before.led if before is not None else frozenset()) <= now


@drawn
@given(models(limit=400))
def test_what_is_down_does_nothing_but_recover(found: Explored) -> None:
    model, graph = found.model, found.graph
    for state in graph.successors:
        down = {
            name
            for names, processes in zip(model.names, state.processes, strict=True)
            for name, process in zip(names, processes, strict=True)
            if not process.up
        }
        for successor in graph.successors[state]:
            if successor.step.process in down:
                assert successor.step.kind is StepKind.RECOVER
        for name in down:
            process = state.processes[model.kind_index[name.kind]][name.number]
            assert not any(process.armed)
            assert leads(model, state, name) is None


@drawn
@given(models(limit=400))
def test_inferred_caps_do_not_depend_on_the_order_of_handlers(found: Explored) -> None:
    model = found.model
    protocol = model.protocol
    reversed_ = Protocol(
        **{
            **{name: getattr(protocol, name) for name in protocol.__dataclass_fields__},
            "handlers": protocol.handlers[::-1],
            "messages": protocol.messages[::-1],
        }
    )
    again = caps(reversed_, model.sizes, protocol.checks[0].rows[0].bounds)
    assert (again.variables, again.arguments, again.token) == (
        model.caps.variables,
        model.caps.arguments,
        model.caps.token,
    )


def well_formed(model: Model, of: Type, value: Value) -> bool:
    match of:
        case ProcessType(kind):
            return value in range(model.size(kind))
        case OptionType(inner):
            return value is None or well_formed(model, inner, value)
        case SetType(ProcessType(kind)):
            return isinstance(value, frozenset) and all(member in range(model.size(kind)) for member in value)
        case MapType(ProcessType(kind), inner):
            return len(value) == model.size(kind) and all(well_formed(model, inner, entry) for entry in value)
        case _:
            return in_range(value, of)


def largest(value: Value) -> int:
    if isinstance(value, tuple):
        return max((largest(entry) for entry in value), default=0)
    return value if isinstance(value, int) else 0
