"""Symmetry, said as plainly as it can be: what it means to rename the processes of a state.

Processes of one kind are interchangeable, unless the kind is `ordered`. So a state and the same state under other
names (1 for 2, 2 for 1) have the same future, under those names. All states that renaming makes of one are its *orbit*.
Here every renaming is tried, n! of them for n processes of a kind; the native explorer finds the least member of an
orbit in a cleverer way, and is held against this.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations, product
from typing import Any

from modelcheck.model import (
    Link,
    Model,
    Name,
    Packet,
    ProcessState,
    State,
    Step,
    StepKind,
    Successor,
    order_of,
    packet_order,
)
from spec.protocol import OnInput
from spec.types import MapType, OptionType, ProcessType, SetType, Type, Value

Renaming = dict[str, tuple[int, ...]]
"""For each kind, the new number of each of its processes, in the order of the old ones."""


def renamings(model: Model) -> list[Renaming]:
    """All renamings that change nothing that can be told; the first one leaves every name as it is."""
    choices = [
        [tuple(range(size))] if kind.ordered else list(permutations(range(size)))
        for kind, size in zip(model.protocol.kinds, model.sizes, strict=True)
    ]
    return [dict(zip(model.kinds, chosen, strict=True)) for chosen in product(*choices)]


def permuted(model: Model, state: State, to: Renaming) -> State:
    """The state with its processes renamed, wherever a process is named."""
    processes = []
    for kind, of_kind in zip(model.protocol.kinds, state.processes, strict=True):
        types = [variable.type for variable in kind.variables]
        renamed = [ProcessState(_values(types, process.values, to), process.armed, process.up) for process in of_kind]
        processes.append(_moved(renamed, to[kind.name]))
    leader = model.protocol.leader
    led = state.led
    if leader is not None:
        led = frozenset((to[leader.kind][number], token) for number, token in state.led)
    return State(
        tuple(processes),
        frozenset(_packet(model, packet, to) for packet in state.packets),
        frozenset(_link(model, link, to) for link in state.links),
        _sides(model, state.sides, to),
        state.spent,
        led,
    )


def permuted_successor(model: Model, successor: Successor, to: Renaming) -> Successor:
    """A step and what it leads to with the processes renamed. What it sends keeps its order; under other names it might
    be sent in another one, to each receiver all the same."""
    return successor._replace(
        step=_step(model, successor.step, to),
        state=None if successor.state is None else permuted(model, successor.state, to),
        sent=tuple(_packet(model, packet, to) for packet in successor.sent),
    )


def orbit(model: Model, state: State) -> frozenset[State]:
    """All states that are this one under some names."""
    return frozenset(permuted(model, state, to) for to in renamings(model))


def canonical(model: Model, state: State) -> State:
    """The least state of the orbit: the same for all states of one orbit, different for different orbits."""
    return min(orbit(model, state), key=state_order)


def orbits(model: Model, states: Iterable[State]) -> int:
    """How many orbits the states belong to."""
    seen: set[State] = set()
    found = 0
    for state in states:
        if state not in seen:
            found += 1
            seen |= orbit(model, state)
    return found


def state_order(state: State) -> Any:
    """A key by which the states of one model are totally ordered."""
    processes = [[(order_of(p.values), p.armed, p.up) for p in kind] for kind in state.processes]
    links = sorted((link.sender, link.receiver, [packet_order(p) for p in link.queue]) for link in state.links)
    packets = sorted(packet_order(packet) for packet in state.packets)
    return processes, packets, links, state.sides, state.spent, sorted(state.led)


# Parts of a state ----------------------------------------------------------------------------------------------------


def _moved(entries: Iterable[Any], to: tuple[int, ...]) -> tuple[Any, ...]:
    """What each process had, where that process is now."""
    return tuple(entry for _, entry in sorted(zip(to, entries, strict=True), key=lambda pair: pair[0]))


def _value(of: Type, value: Value, to: Renaming) -> Value:
    match of:
        case ProcessType(kind):
            return to[kind][value]
        case OptionType(inner):
            return None if value is None else _value(inner, value, to)
        case SetType(ProcessType(kind)):
            return frozenset(to[kind][member] for member in value)
        case MapType(ProcessType(kind), inner):
            return _moved((_value(inner, entry, to) for entry in value), to[kind])
        case _:
            return value


def _values(types: Iterable[Type], values: tuple[Value, ...], to: Renaming) -> tuple[Value, ...]:
    return tuple(_value(of, value, to) for of, value in zip(types, values, strict=True))


def _name(name: Name, to: Renaming) -> Name:
    return Name(name.kind, to[name.kind][name.number])


def _packet(model: Model, packet: Packet, to: Renaming) -> Packet:
    types = [of for _, of in model.messages[packet.message].parameters]
    arguments = _values(types, packet.arguments, to)
    return Packet(packet.message, _name(packet.sender, to), _name(packet.receiver, to), arguments)


def _link(model: Model, link: Link, to: Renaming) -> Link:
    queue = [_packet(model, packet, to) for packet in link.queue]
    if model.network.reordering:
        queue.sort(key=packet_order)
    return Link(_name(link.sender, to), _name(link.receiver, to), tuple(queue))


def _sides(model: Model, sides: tuple[tuple[bool, ...], ...], to: Renaming) -> tuple[tuple[bool, ...], ...]:
    """Which side is called which is by the very first process, whoever that is now."""
    moved = [_moved(of_kind, to[kind]) for kind, of_kind in zip(model.kinds, sides, strict=False)]
    return tuple(tuple(side != moved[0][0] for side in of_kind) for of_kind in moved)


def _step(model: Model, step: Step, to: Renaming) -> Step:
    types: list[Type] = []
    if step.kind is StepKind.INPUT and step.process is not None:
        inputs = [event for event in model.spontaneous[step.process.kind] if isinstance(event, OnInput)]
        types = [parameter.type for event in inputs if event.name == step.name for parameter in event.parameters]
    return step._replace(
        process=None if step.process is None else _name(step.process, to),
        arguments=_values(types, step.arguments, to),
        packet=None if step.packet is None else _packet(model, step.packet, to),
        sides=_sides(model, step.sides, to),
    )
