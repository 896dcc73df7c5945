"""What an invariant may be made of: the atoms of a protocol, derived from it by rule.

An atom is a condition over a few variables that stand for processes, and at most two that stand for numbers. There is
an atom for each thing that a process's variables can say (`x.role == leader`, `x.voted_for == y`, `y in x.votes`,
`x.term < y.term`), for each message that may be under way between two of them, and for who has led.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from itertools import product
from typing import Any

from modelcheck.model import Model, Name, State
from modelcheck.semantics import leads
from spec.clocks import hidden_variables
from spec.lint import nodes
from spec.protocol import (
    Compare,
    Comparison,
    Connected,
    Connective,
    Constant,
    Entry,
    Expression,
    Led,
    Local,
    Member,
    Message,
    Protocol,
    Quantifier,
    Read,
    Self,
    Send,
    Underway,
    Up,
)
from spec.types import (
    BOOL,
    NAT,
    BoolType,
    EnumType,
    MapType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    Value,
    is_number,
)

PATTERNS = 12
"""With more ways than this to fill a message's arguments in, at most one of them is filled in at a time."""


@dataclass(frozen=True)
class Sample:
    """A reachable state, laid out for atoms: the values of each kind's processes, what is under way by message, which
    messages are ahead of which, who has led and who leads."""

    values: dict[str, tuple[tuple[Value, ...], ...]]
    sent: dict[str, frozenset[tuple[Value, ...]]]
    ahead: dict[tuple[str, str], frozenset[tuple[Value, ...]]]
    led: frozenset[tuple[int, int]]
    leading: tuple[bool, ...]
    numbers: tuple[int, ...]
    seen: dict[tuple[object, ...], set[tuple[Value, ...]]] = field(default_factory=dict, compare=False)
    """What parts of messages are under way, by which parts: filled as it is asked for."""
    truths: dict[str, dict[tuple[Value, ...], tuple[bool, ...]]] = field(default_factory=dict, compare=False)
    """Which atoms of a group are true, by group and the values of their variables: filled as it is asked for."""


Test = Callable[[Sample, tuple[Value, ...]], bool]


Filling = Local | Constant | None
"""What stands for an argument: a variable, a value, or anything."""


@dataclass(frozen=True)
class Carried:
    """The message that an atom says is under way: its ends, what it carries; with `later`, what it is ahead of."""

    message: str
    sender: Local
    receiver: Local | None
    pattern: tuple[Filling, ...]
    later: tuple[str, tuple[Filling, ...]] | None = None


@dataclass(frozen=True)
class Atom:
    """`variables` are those that it speaks of; `test` is given their values, in that order. `binds` says whether a
    message, the history or an equation holds its number, so that a clause may speak of all such numbers. `carried` says
    again, for an atom about a message, what its expression says."""

    expression: Expression
    variables: tuple[Local, ...]
    test: Test
    binds: bool = False
    carried: Carried | None = None


@dataclass(frozen=True)
class _Number:
    expression: Expression
    variables: tuple[Local, ...]
    value: Callable[[Sample, tuple[Value, ...]], int]


# Samples -------------------------------------------------------------------------------------------------------------


def sample_of(model: Model, state: State) -> Sample:
    """A state of the reference semantics as a sample."""
    values = {
        kind.name: tuple(process.values for process in processes)
        for kind, processes in zip(model.protocol.kinds, state.processes, strict=True)
    }
    sent: dict[str, set[tuple[Value, ...]]] = {message.name: set() for message in model.protocol.messages}
    ahead: dict[tuple[str, str], set[tuple[Value, ...]]] = {}
    numbers = {token for _, token in state.led}
    for packet in (*state.packets, *(packet for link in state.links for packet in link.queue)):
        sent[packet.message].add((packet.sender.number, packet.receiver.number, *packet.arguments))
        numbers |= _numbers_in(packet.arguments)
    if not model.network.reordering:
        for link in state.links:
            for index, first in enumerate(link.queue):
                for second in link.queue[index + 1 :]:
                    pair = (first.sender.number, first.receiver.number, *first.arguments, *second.arguments)
                    ahead.setdefault((first.message, second.message), set()).add(pair)
    for processes in values.values():
        for held in processes:
            numbers |= _numbers_in(held)
    leader = model.protocol.leader
    names = model.names[model.kind_index[leader.kind]] if leader is not None else ()
    return Sample(
        values,
        {name: frozenset(found) for name, found in sent.items()},
        {pair: frozenset(found) for pair, found in ahead.items()},
        state.led,
        tuple(leads(model, state, Name(*name)) is not None for name in names),
        tuple(sorted(numbers)),
    )


def _numbers_in(values: tuple[Value, ...]) -> set[int]:
    """Every whole number among some values; the numbers of processes are there, too, and do no harm."""
    found: set[int] = set()
    for value in values:
        if isinstance(value, tuple):
            found |= _numbers_in(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            found.add(value)
    return found


# Atoms ---------------------------------------------------------------------------------------------------------------


def about(part: Any, process: Expression) -> Any:
    """An expression over `Self` as one over another process."""
    if isinstance(part, Self):
        return process
    if isinstance(part, tuple):
        return tuple(about(one, process) for one in part)
    if is_dataclass(part) and not isinstance(part, type):
        changed = {}
        for one in fields(part):
            value = getattr(part, one.name)
            if isinstance(value, tuple) or is_dataclass(value):
                changed[one.name] = about(value, process)
        return replace(part, **changed) if changed else part
    return part


def equality(left: Expression, right: Expression) -> Expression:
    return Compare(Comparison.EQUAL, left, right)


def conjoined(parts: list[Expression]) -> Expression:
    """A conjunction; of nothing, `true`."""
    found: Expression | None = None
    for part in parts:
        found = part if found is None else Connected(Connective.AND, found, part)
    return Constant(True, BOOL) if found is None else found


def atoms_of(protocol: Protocol, processes: tuple[Local, ...], numbers: tuple[Local, ...]) -> tuple[Atom, ...]:
    """The atoms over some variables. Two variables of one kind stand for different processes."""
    found = [
        *_own_atoms(protocol, processes),
        *_number_atoms(protocol, processes, numbers),
        *_message_atoms(protocol, processes, numbers),
        *_history_atoms(protocol, processes, numbers),
        *_order_atoms(protocol, processes),
    ]
    return tuple({show_key(atom): atom for atom in found}.values())


def show_key(atom: Atom) -> str:
    return repr(atom.expression)


def kind_named(local: Local) -> str:
    assert isinstance(local.type, ProcessType)
    return local.type.kind


def _places(
    protocol: Protocol, processes: tuple[Local, ...]
) -> Iterator[tuple[Expression, Type, tuple[Local, ...], Callable[[Sample, tuple[Value, ...]], Value]]]:
    """Every variable of every process, and every entry of a map: what holds it, its type, of whom it speaks."""
    for process in processes:
        kind = kind_named(process)
        clocks = hidden_variables(protocol.kind(kind)) if protocol.clocks is not None else ()
        for index, variable in enumerate(protocol.kind(kind).variables):
            if variable.name in clocks:
                continue  # a spec has other words for it
            place = Read(process, variable.name, variable.type)
            if not isinstance(variable.type, MapType):
                yield place, variable.type, (process,), lambda s, v, k=kind, i=index: s.values[k][v[0]][i]  # type: ignore[misc]
                continue
            for key in processes:
                if key.type == variable.type.key:
                    of = variable.type.value
                    at = Entry(place, key, of)
                    yield at, of, (process, key), lambda s, v, k=kind, i=index: s.values[k][v[0]][i][v[1]]  # type: ignore[misc]


def _own_atoms(protocol: Protocol, processes: tuple[Local, ...]) -> Iterator[Atom]:
    for place, of, variables, read in _places(protocol, processes):
        match of:
            case BoolType():
                yield Atom(place, variables, lambda s, v, r=read: bool(r(s, v)))  # type: ignore[misc]
            case EnumType(values):
                for value in values:
                    is_value = equality(place, Constant(value, of))
                    yield Atom(is_value, variables, lambda s, v, r=read, c=value: r(s, v) == c)  # type: ignore[misc]
            case OptionType(inner):
                yield Atom(
                    equality(place, Constant(None, of)),
                    variables,
                    lambda s, v, r=read: r(s, v) is None,  # type: ignore[misc]
                )
                for other in processes:
                    if other.type == inner:
                        whole = (*variables, other)
                        yield Atom(equality(place, other), whole, lambda s, v, r=read: r(s, v) == v[-1])  # type: ignore[misc]
            case SetType(inner):
                for other in processes:
                    if other.type == inner:
                        whole = (*variables, other)
                        yield Atom(Member(other, place), whole, lambda s, v, r=read: v[-1] in r(s, v))  # type: ignore[misc]


def _number_atoms(protocol: Protocol, processes: tuple[Local, ...], numbers: tuple[Local, ...]) -> Iterator[Atom]:
    terms = [_Number(local, (local,), lambda _, v: v[0]) for local in numbers]
    for place, of, variables, read in _places(protocol, processes):
        if is_number(of):
            terms.append(_Number(place, variables, read))
    compared = sorted(_compared_with(protocol))
    terms += [_Number(Constant(value, NAT), (), lambda _s, _v, c=value: c) for value in compared]  # type: ignore[misc]
    for index, one in enumerate(terms):
        for other in terms[index + 1 :]:
            if not one.variables and not other.variables:
                continue
            cut = len(one.variables)
            whole = (*one.variables, *other.variables)
            binds = one.expression in numbers and not isinstance(other.expression, Local | Constant)
            for comparison, left, right, swapped in (
                (Comparison.LESS, one, other, False),
                (Comparison.LESS, other, one, True),
                (Comparison.EQUAL, one, other, False),
            ):
                yield Atom(
                    Compare(comparison, left.expression, right.expression),
                    whole,
                    _comparing(comparison, one, other, cut, swapped),
                    binds and comparison is Comparison.EQUAL,
                )


def _comparing(comparison: Comparison, one: _Number, other: _Number, cut: int, swapped: bool) -> Test:
    first, second = one.value, other.value
    if comparison is Comparison.EQUAL:
        return lambda s, v: first(s, v[:cut]) == second(s, v[cut:])
    if swapped:
        return lambda s, v: second(s, v[cut:]) < first(s, v[:cut])
    return lambda s, v: first(s, v[:cut]) < second(s, v[cut:])


def _compared_with(protocol: Protocol) -> set[int]:
    """The numbers that handlers compare with."""
    found = set()
    for part in nodes((protocol.handlers, protocol.procedures, protocol.definitions)):
        if isinstance(part, Compare):
            for side in (part.left, part.right):
                if isinstance(side, Constant) and is_number(side.type) and isinstance(side.value, int):
                    found.add(side.value)
    return found


# Messages ------------------------------------------------------------------------------------------------------------


def _message_atoms(protocol: Protocol, processes: tuple[Local, ...], numbers: tuple[Local, ...]) -> Iterator[Atom]:
    for message in protocol.messages:
        single = any(isinstance(p, Send) and p.message == message.name for p in nodes(protocol.handlers)) or any(
            isinstance(p, Send) and p.message == message.name for p in nodes(protocol.procedures)
        )
        for sender, receiver in product(processes, (*processes, None)):
            if kind_named(sender) != message.sender or (receiver and kind_named(receiver) != message.receiver):
                continue
            if receiver is None and not any(isinstance(of, ProcessType) for _, of in message.parameters):
                continue  # who receives it is left open only where a message names a process
            if receiver is sender and not (single and protocol.kind(message.sender).ordered):
                continue
            for pattern in _patterns(message, processes, numbers[:1]):
                yield _sent(message, sender, receiver, pattern)
    if len(numbers) > 1 and not protocol.network.reordering:
        for first, second in product(protocol.messages, repeat=2):
            if (first.sender, first.receiver) != (second.sender, second.receiver):
                continue
            if not _carries_number(first) or not _carries_number(second):
                continue
            for sender, receiver in product(processes, repeat=2):
                ends = (kind_named(sender), kind_named(receiver))
                if ends == (first.sender, first.receiver) and sender is not receiver:
                    yield _ahead(first, second, sender, receiver, numbers)


def ordering_atoms(protocol: Protocol, processes: tuple[Local, ...], numbers: tuple[Local, Local]) -> tuple[Atom, ...]:
    """Atoms about the order of two numbers: who has led with the first one, what carries either, what is ahead."""
    one, other = numbers
    carrying = [*_message_atoms(protocol, processes, numbers), *_message_atoms(protocol, processes, (other,))]
    history = [atom for atom in _history_atoms(protocol, processes, numbers) if atom.binds]
    return tuple(
        atom
        for atom in (*history, *carrying, *_number_atoms(protocol, (), numbers))
        if one in atom.variables or other in atom.variables
        if not isinstance(atom.expression, Compare) or len(atom.variables) > 1
    )


def messages_to_oneself(protocol: Protocol, processes: tuple[Local, ...], number: Local) -> tuple[Atom, ...]:
    """That a process has a message under way to itself, for each message with a number."""
    return tuple(
        _sent(message, process, process, pattern)
        for message in protocol.messages
        for process in processes
        if message.sender == message.receiver == kind_named(process) and _carries_number(message)
        for pattern in _patterns(message, (), (number,))
    )


def _carries_number(message: Message) -> bool:
    return any(is_number(of) for _, of in message.parameters)


def _patterns(message: Message, processes: tuple[Local, ...], numbers: tuple[Local, ...]) -> list[tuple[Filling, ...]]:
    ranges: list[list[Filling]] = []
    for _, of in message.parameters:
        match of:
            case BoolType():
                ranges.append([None, Constant(True, of), Constant(False, of)])
            case EnumType(values):
                ranges.append([None, *(Constant(value, of) for value in values)])
            case ProcessType():
                ranges.append([None, *(p for p in processes if p.type == of)])
            case OptionType(ProcessType() as inner):
                ranges.append([None, Constant(None, of), *(p for p in processes if p.type == inner)])
            case _ if is_number(of):
                ranges.append([None, *numbers])
            case _:
                ranges.append([None])
    found = list(product(*ranges))
    if len(found) > PATTERNS:
        found = [one for one in found if sum(part is not None for part in one) <= 1]
    if numbers and _carries_number(message):
        # One number of it is spoken of, and one only.
        found = [one for one in found if sum(part in numbers for part in one if part is not None) == 1]
    elif len(found) > 1:
        found = [one for one in found if any(part is not None for part in one)]
    return found


def _sent(message: Message, sender: Local, receiver: Local | None, pattern: tuple[Filling, ...]) -> Atom:
    """That such a message is under way."""
    given = tuple(Local(-1000 - i, name, of) for i, (name, of) in enumerate(message.parameters))
    origin = Local(-1100, "sender", ProcessType(message.sender))
    target = Local(-1101, "receiver", ProcessType(message.receiver))
    said = [equality(origin, sender)]
    if receiver is not None:
        said.append(equality(target, receiver))
    said += [equality(p, filling) for p, filling in zip(given, pattern, strict=True) if filling is not None]
    expression = Underway(Quantifier.EXISTS, message.name, given, origin, target, conjoined(said))
    fixed = [(i + 2, f.value) for i, f in enumerate(pattern) if isinstance(f, Constant)]
    spoken = [(0, sender), *([(1, receiver)] if receiver is not None else [])]
    spoken += [(i + 2, f) for i, f in enumerate(pattern) if isinstance(f, Local)]
    places = tuple(place for place, _ in spoken)

    key = (message.name, places, tuple(fixed))

    def test(sample: Sample, values: tuple[Value, ...]) -> bool:
        found = sample.seen.get(key)
        if found is None:
            matching = (p for p in sample.sent[message.name] if all(p[place] == value for place, value in fixed))
            found = sample.seen[key] = {tuple(packet[place] for place in places) for packet in matching}
        return values in found

    binds = any(isinstance(f, Local) and is_number(f.type) for f in pattern)
    carried = Carried(message.name, sender, receiver, pattern)
    return Atom(expression, tuple(local for _, local in spoken), test, binds, carried)


def _ahead(first: Message, second: Message, sender: Local, receiver: Local, numbers: tuple[Local, ...]) -> Atom:
    """That one message is under way ahead of another, each with its number."""
    given = tuple(Local(-1000 - i, name, of) for i, (name, of) in enumerate(first.parameters))
    later = tuple(Local(-1050 - i, f"{name}_later", of) for i, (name, of) in enumerate(second.parameters))
    origin = Local(-1100, "sender", ProcessType(first.sender))
    target = Local(-1101, "receiver", ProcessType(first.receiver))
    at = next(i for i, (_, of) in enumerate(first.parameters) if is_number(of))
    then = next(i for i, (_, of) in enumerate(second.parameters) if is_number(of))
    said = [
        equality(origin, sender),
        equality(target, receiver),
        equality(given[at], numbers[0]),
        equality(later[then], numbers[1]),
    ]
    expression = Underway(Quantifier.EXISTS, first.name, given, origin, target, conjoined(said), (second.name, later))
    places = (0, 1, 2 + at, 2 + len(given) + then)

    def test(sample: Sample, values: tuple[Value, ...]) -> bool:
        found = sample.ahead.get((first.name, second.name), frozenset())
        return any(all(pair[p] == value for p, value in zip(places, values, strict=True)) for pair in found)

    pattern = tuple(numbers[0] if i == at else None for i in range(len(given)))
    behind = tuple(numbers[1] if i == then else None for i in range(len(later)))
    carried = Carried(first.name, sender, receiver, pattern, (second.name, behind))
    return Atom(expression, (sender, receiver, *numbers), test, True, carried)


def _history_atoms(protocol: Protocol, processes: tuple[Local, ...], numbers: tuple[Local, ...]) -> Iterator[Atom]:
    leader = protocol.leader
    if leader is None:
        return
    for process in processes:
        if kind_named(process) != leader.kind:
            continue
        for number in numbers[:1]:
            who = Local(-1200, "who", process.type)
            token = Local(-1201, "token", NAT)
            said = conjoined([equality(who, process), equality(token, number)])
            yield Atom(
                Led(Quantifier.EXISTS, who, token, said),
                (process, number),
                lambda s, v: (v[0], v[1]) in s.led,
                True,
            )
        holds: Expression = about(leader.condition, process)
        if any(fault.kind.value == "crash" for fault in protocol.faults):
            holds = Connected(Connective.AND, Up(process), holds)
        yield Atom(holds, (process,), lambda s, v: s.leading[v[0]])


def _order_atoms(protocol: Protocol, processes: tuple[Local, ...]) -> Iterator[Atom]:
    for one, other in product(processes, repeat=2):
        if one is not other and one.type == other.type and protocol.kind(kind_named(one)).ordered:
            yield Atom(Compare(Comparison.LESS, one, other), (one, other), lambda _, v: v[0] < v[1])
