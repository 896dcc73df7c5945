"""Numbers of which only order and successor matter, such as terms.

A protocol that compares such numbers with each other, and adds constants to them, and does nothing else with them,
behaves alike when all of them are shifted by the same amount: every step of a state is a step of the shifted state, to
the shifted successor. (By induction over expressions: a comparison of two shifted numbers comes out as before, a sum, a
minimum or a maximum of them is shifted by as much, and whatever else an expression yields does not depend on them. By
induction over statements: what is stored or sent is shifted, what is not a number is the same. Nothing fails otherwise
than before, since a `nat` that only grows never leaves its range.) Shifting is therefore a symmetry of the unbounded
state space, as renaming processes is: a state and its shifted copies are one state for whoever asks what can happen.
Subtracting the least such number leaves one of each. A bound then says how far apart they may be, and a run may pass
through any number of terms.

Which numbers belong together is found here: all that flow into each other, or are compared, are one *epoch*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from modelcheck.abstract import Above
from modelcheck.dead_messages import DeadMessages, dead_messages
from modelcheck.dead_variables import restarts
from modelcheck.model import Caps, Model, Packet, State
from spec.definitions import children
from spec.lint import nodes
from spec.protocol import (
    Apply,
    Arithmetic,
    Assert,
    Assign,
    Broadcast,
    Call,
    Compare,
    Conditional,
    Constant,
    Entry,
    Expression,
    For,
    If,
    Led,
    Let,
    Local,
    Next,
    OneOf,
    OnInput,
    OnMessage,
    Operator,
    Protocol,
    Read,
    Send,
    Statement,
    Underway,
)
from spec.types import NatType, Type, Value, is_number

MOST_EPOCHS = 4
"""That are shifted: whoever keeps account of shifts has a few bits for them."""

Place = tuple[object, ...]
"""`variable KIND NAME`, `argument MESSAGE POSITION`, `local IDENTITY` or `result DEFINITION`."""


@dataclass(frozen=True)
class Epoch:
    """Variables by kind and name, and arguments of messages by message and position, that are shifted together."""

    variables: tuple[tuple[str, str], ...]
    arguments: tuple[tuple[str, int], ...]


@dataclass
class _Flows:
    """Which places belong together (a forest of parents), and which may not be shifted."""

    protocol: Protocol
    parents: dict[Place, Place] = field(default_factory=dict)
    fixed: set[Place] = field(default_factory=set)

    def root(self, place: Place) -> Place:
        while (parent := self.parents.setdefault(place, place)) != place:
            place = parent
        return place

    def join(self, one: Place | None, other: Place | None) -> None:
        """The two flow together; None is a number that is no epoch, with which no epoch may meet."""
        if one is not None and other is not None:
            self.parents[self.root(one)] = self.root(other)
        elif one is not None or other is not None:
            self.fix(one or other)

    def fix(self, place: Place | None) -> None:
        if place is not None:
            self.fixed.add(place)

    def shiftable(self) -> dict[Place, list[Place]]:
        """The places of each epoch, by one of them."""
        barred = {self.root(place) for place in self.fixed}
        found: dict[Place, list[Place]] = defaultdict(list)
        for place in list(self.parents):
            if (root := self.root(place)) not in barred:
                found[root].append(place)
        return found


def epochs_of(model: Model) -> tuple[Epoch, ...]:
    """The epochs of a model, whose properties count as read."""
    flows = _flows(model)
    found = []
    for places in flows.shiftable().values():
        variables = tuple(sorted((str(p[1]), str(p[2])) for p in places if p[0] == "variable"))
        arguments = tuple(sorted((str(p[1]), int(str(p[2]))) for p in places if p[0] == "argument"))
        if variables:
            found.append(Epoch(variables, arguments))
    return tuple(sorted(found, key=lambda epoch: epoch.variables)[:MOST_EPOCHS])


def _flows(model: Model) -> _Flows:
    protocol = model.protocol
    flows = _Flows(protocol)
    for kind in protocol.kinds:
        for variable in kind.variables:
            if not is_number(_content(variable.type)):
                continue
            place = ("variable", kind.name, variable.name)
            flows.root(place)
            # Options, maps and ranges are left alone; what a restart resets is no longer shifted.
            begins_again = any(not variable.durable or disk for disk in restarts(model))
            if not isinstance(variable.type, NatType) or begins_again:
                flows.fix(place)
    for message in protocol.messages:
        for position, (_, of) in enumerate(message.parameters):
            if is_number(_content(of)):
                flows.root(("argument", message.name, position))
                if not isinstance(of, NatType):
                    flows.fix(("argument", message.name, position))
    for definition in protocol.definitions:
        result = _read(definition.body, definition.kind or "", flows)
        if is_number(definition.body.type):
            flows.join(("result", definition.name), result)
    for handler in protocol.handlers:
        if isinstance(handler.event, OnMessage):
            for position, local in enumerate(handler.event.parameters):
                if is_number(_content(local.type)):
                    flows.join(("local", local.identity), ("argument", handler.event.message, position))
        elif isinstance(handler.event, OnInput):
            for local in handler.event.parameters:
                flows.fix(("local", local.identity))
        if handler.guard is not None:
            _read(handler.guard, handler.kind, flows)
        _statements(handler.body, handler.kind, flows)
    for procedure in protocol.procedures:
        _statements(procedure.body, procedure.kind, flows)
    for claim in protocol.properties:
        for part in (claim.expression, claim.then):
            if part is not None:
                _read(part, claim.about or "", flows)
    if protocol.leader is not None:
        _read(protocol.leader.condition, protocol.leader.kind, flows)
        flows.fix(_read(protocol.leader.token, protocol.leader.kind, flows))  # who has led is kept by number
    return flows


def _content(of: Type) -> Type:
    while (inner := getattr(of, "value", None) or getattr(of, "of", None)) is not None:
        of = inner
    return of


def _statements(body: tuple[Statement, ...], kind: str, flows: _Flows) -> None:
    for statement in body:
        match statement:
            case If(arms):
                for arm in arms:
                    if arm.condition is not None:
                        _read(arm.condition, kind, flows)
                    _statements(arm.body, kind, flows)
            case For(_, domain, inner):
                _read(domain, kind, flows)
                _statements(inner, kind, flows)
            case Assign(variable, key, value):
                if key is not None:
                    _read(key, kind, flows)
                _flow(value, ("variable", kind, variable), kind, flows)
            case Let(local, value):
                _flow(value, ("local", local.identity), kind, flows)
            case Call(name, arguments):
                for parameter, argument in zip(flows.protocol.procedure(name).parameters, arguments, strict=True):
                    _flow(argument, ("local", parameter.identity), kind, flows)
            case Send(name, arguments, receiver):
                _read(receiver, kind, flows)
                for position, argument in enumerate(arguments):
                    _flow(argument, ("argument", name, position), kind, flows)
            case Broadcast(name, arguments):
                for position, argument in enumerate(arguments):
                    _flow(argument, ("argument", name, position), kind, flows)
            case Assert(condition):
                _read(condition, kind, flows)
            case _:
                pass


def _flow(value: Expression, into: Place, kind: str, flows: _Flows) -> None:
    found = _read(value, kind, flows)
    if is_number(_content(value.type)):
        flows.join(into, found)
    elif into in flows.parents and is_number(_content(flows_type(into, flows))):
        flows.fix(into)  # `none` into an optional number


def flows_type(place: Place, flows: _Flows) -> Type:
    """The type of a place in which something is stored."""
    match place:
        case ("variable", str(kind), str(name)):
            return flows.protocol.kind(kind).variable(name).type
        case ("argument", str(name), int(position)):
            return flows.protocol.message(name).parameters[position][1]
        case _:
            return NatType()


def _read(expression: Expression, kind: str, flows: _Flows) -> Place | None:
    """Walks through an expression; the place whose epoch a number belongs to, None where it belongs to none."""
    match expression:
        case Local(identity=identity):
            return ("local", identity) if is_number(_content(expression.type)) else None
        case Read(process, variable):
            _read(process, kind, flows)
            owner = str(getattr(process.type, "kind", kind))
            return ("variable", owner, variable) if is_number(_content(expression.type)) else None
        case Entry(of, key):
            _read(key, kind, flows)
            return _read(of, kind, flows)
        case Next(operand):
            return _read(operand, kind, flows)
        case Compare(_, left, right):
            one, other = _read(left, kind, flows), _read(right, kind, flows)
            if is_number(_content(left.type)) or is_number(_content(right.type)):
                flows.join(one, other)
            return None
        case OneOf(value, alternatives):
            one = _read(value, kind, flows)
            for alternative in alternatives:
                other = _read(alternative, kind, flows)
                if is_number(_content(value.type)):
                    flows.join(one, other)
            return None
        case Arithmetic(operator, left, right):
            one, other = _read(left, kind, flows), _read(right, kind, flows)
            if operator is Operator.PLUS and isinstance(right, Constant):
                return one
            if operator is Operator.PLUS and isinstance(left, Constant):
                return other
            if operator in (Operator.MINIMUM, Operator.MAXIMUM):
                flows.join(one, other)
                return one
            flows.fix(one)
            flows.fix(other)
            return None
        case Conditional(condition, yes, no):
            _read(condition, kind, flows)
            one, other = _read(yes, kind, flows), _read(no, kind, flows)
            if is_number(_content(expression.type)):
                flows.join(one, other)
            return one
        case Apply(name, process, arguments):
            if process is not None:
                _read(process, kind, flows)
            definition = flows.protocol.definition(name)
            for parameter, argument in zip(definition.parameters, arguments, strict=True):
                found = _read(argument, kind, flows)
                if is_number(_content(parameter.type)):
                    flows.join(("local", parameter.identity), found)
            return ("result", name) if is_number(_content(expression.type)) else None
        case Underway() | Led():
            _look(expression, flows)
            _read(expression.body, kind, flows)
            return None
        case _:
            for child in children(expression):
                flows.fix(_read(child, kind, flows))
            return None


def _look(expression: Underway | Led, flows: _Flows) -> None:
    """What is said of all messages under way, or of all who have led, is said of numbers as they are."""
    if isinstance(expression, Led):
        flows.fix(("local", expression.token.identity))
        return
    later = [expression.later] if expression.later is not None else []
    for message, locals_ in ((expression.message, expression.parameters), *later):
        for position, local in enumerate(locals_):
            flows.fix(("local", local.identity))
            flows.fix(("argument", message, position))


def offsets_of(protocol: Protocol) -> int:
    """All constants together that a step, a property or the leader's condition adds to something: two numbers that are
    farther apart than that compare as those that are apart still farther."""
    known: dict[tuple[str, str], int] = {}

    def of(place: tuple[str, str], body: object) -> int:
        if place not in known:
            known[place] = added(body)
        return known[place]

    def added(body: object) -> int:
        total = 0
        for part in nodes(body):
            match part:
                case Arithmetic(Operator.PLUS, left, right):
                    total += sum(abs(int(side.value or 0)) for side in (left, right) if isinstance(side, Constant))
                case Apply(name):
                    total += of(("define", name), protocol.definition(name).body)
                case Call(name):
                    total += of(("procedure", name), protocol.procedure(name).body)
                case _:
                    pass
        return total

    return sum(added(part) for part in (*protocol.handlers, *protocol.properties, protocol.leader))


def lowered(model: Model, state: State, epochs: Sequence[Epoch], by: Sequence[int]) -> State | None:
    """The state with the numbers of each epoch lowered by so much, without messages that would then be below 0; None
    where that passes the bounds of the model."""
    amounts = {place: amount for epoch, amount in zip(epochs, by, strict=True) for place in epoch.variables}
    argument_amounts = {place: amount for epoch, amount in zip(epochs, by, strict=True) for place in epoch.arguments}
    processes = tuple(
        tuple(
            process._replace(
                values=tuple(
                    value - amounts[kind.name, variable.name] if (kind.name, variable.name) in amounts else value
                    for variable, value in zip(kind.variables, process.values, strict=True)
                )
            )
            for process in of_kind
        )
        for kind, of_kind in zip(model.protocol.kinds, state.processes, strict=True)
    )

    def lower(packet: Packet) -> Packet:
        return packet._replace(
            arguments=tuple(
                value - argument_amounts.get((packet.message, position), 0)
                if (packet.message, position) in argument_amounts
                else value
                for position, value in enumerate(packet.arguments)
            )
        )

    def within(packet: Packet, low: int) -> bool:
        return all(
            low <= packet.arguments[position] <= model.caps.arguments[message, position]
            for message, position in argument_amounts
            if message == packet.message
        )

    packets = [packet for packet in map(lower, state.packets) if within(packet, -(2**62))]
    links = [link._replace(queue=tuple(map(lower, link.queue))) for link in state.links]
    fits = len(packets) == len(state.packets) and all(within(packet, 0) for link in links for packet in link.queue)
    fits = fits and all(
        0 <= process.values[model.variable_index[place]] <= model.caps.variables[place]
        for place in amounts
        for process in processes[model.kind_index[place[0]]]
    )
    kept = frozenset(packet for packet in packets if within(packet, 0))
    return state._replace(processes=processes, packets=kept, links=frozenset(links)) if fits else None


# Messages that are dead whatever the numbers are ---------------------------------------------------------------------


def dead_whatever(model: Model, epochs: tuple[Epoch, ...]) -> tuple[DeadMessages, ...]:
    """Dead messages of a model whose epochs are shifted.

    Within bounds a message may be dead only because what would react to it lies beyond a bound, and there is no such
    thing here. So numbers beyond a bound are kept, as one that is greater than all within: what they can come to is
    overestimated. There is so much room above the bounds that what is known of most comparisons is as before; and one
    step above zero, where all that is reachable at some number is reachable."""
    room = 1 + offsets_of(model.protocol)
    variables, arguments = dict(model.caps.variables), dict(model.caps.arguments)
    for epoch in epochs:
        greatest = max(
            *(variables[place] for place in epoch.variables), *(arguments[place] for place in epoch.arguments), 0
        )
        variables |= dict.fromkeys(epoch.variables, greatest + room + 1)
        arguments |= dict.fromkeys(epoch.arguments, greatest + room + 1)
    raised = Caps(variables, arguments, model.caps.token, model.caps.declared)
    shifted_variables = {place for epoch in epochs for place in epoch.variables}
    shifted_arguments = {place for epoch in epochs for place in epoch.arguments}
    found = dead_messages(replace(model, caps=raised), frozenset((*shifted_variables, *shifted_arguments)))
    return tuple(_lowered(model, of, shifted_variables, shifted_arguments) for of in found)


def _lowered(
    model: Model, of: DeadMessages, variables: set[tuple[str, str]], arguments: set[tuple[str, int]]
) -> DeadMessages:
    """What is said of numbers from one on, said of numbers from zero on."""
    shifted = [(of.kind, name) in variables for name in of.variables]
    domains = tuple(
        tuple(range(model.caps.variables[of.kind, name] + 1)) if is_shifted else domain
        for name, domain, is_shifted in zip(of.variables, of.domains, shifted, strict=True)
    )
    dead: dict[tuple[int, tuple[Value, ...]], frozenset[Packet]] = {}
    for (receiver, values), packets in of.dead.items():
        if any(isinstance(value, Above) for value in values):
            continue
        lower = tuple(v - 1 if is_shifted else v for v, is_shifted in zip(values, shifted, strict=True))
        if all(value in domain for value, domain in zip(lower, domains, strict=True)):
            found = (_lowered_packet(model, packet, arguments) for packet in packets)
            dead[receiver, lower] = frozenset(packet for packet in found if packet is not None)
    return DeadMessages(of.kind, of.variables, domains, dead)


def _lowered_packet(model: Model, packet: Packet, arguments: set[tuple[str, int]]) -> Packet | None:
    values = []
    for position, value in enumerate(packet.arguments):
        place = packet.message, position
        if place in arguments:
            if isinstance(value, Above):
                return None
            value -= 1
            if not 0 <= value <= model.caps.arguments[place]:
                return None
        values.append(value)
    return packet._replace(arguments=tuple(values))
