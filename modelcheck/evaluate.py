"""The meaning of expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import Any

from modelcheck.model import Model, Name, Packet, State, link_order, packet_order
from spec.protocol import (
    Apply,
    Arithmetic,
    Armed,
    Compare,
    Comparison,
    Conditional,
    Connected,
    Connective,
    Constant,
    Entry,
    Everyone,
    Expression,
    Filtered,
    Led,
    Local,
    Member,
    Neighbour,
    Next,
    Not,
    OneOf,
    Operator,
    Quantified,
    Quantifier,
    Read,
    Self,
    SetOf,
    SetOperation,
    SetOperator,
    Size,
    Subset,
    Underway,
    Up,
)
from spec.types import OptionType, ProcessType, SetType, Type, Value


@dataclass(frozen=True)
class Scope:
    """Where an expression is evaluated. `read` gives a process's variable as it is at this point of a step; `state`
    and `after` are whole states, for properties."""

    model: Model
    read: Callable[[Name, str], Value]
    me: Name | None
    locals: Mapping[int, Value]
    state: State | None = None
    after: State | None = None


def scope_of(model: Model, state: State, me: Name | None = None, after: State | None = None) -> Scope:
    """The scope of a property: every process of the state can be read."""
    return Scope(model, reader(model, state), me, {}, state, after)


def reader(model: Model, state: State) -> Callable[[Name, str], Value]:
    def read(process: Name, variable: str) -> Value:
        values = state.processes[model.kind_index[process.kind]][process.number].values
        return values[model.variable_index[process.kind, variable]]

    return read


def evaluate(expression: Expression, scope: Scope) -> Value:
    """The value of a well-typed expression; see `spec.types` for what values look like."""
    return MEANINGS[type(expression)](expression, scope)


def compare(comparison: Comparison, left: Value, right: Value) -> bool:
    """A comparison of two values."""
    return bool(COMPARISONS[comparison](left, right))


def arithmetic(operator: Operator, left: int, right: int) -> int:
    """The value of an operation on two numbers."""
    return OPERATIONS[operator](left, right)


def kind_of(of: Type) -> str:
    """The kind of a process, of an optional one, or of a set's elements."""
    match of:
        case ProcessType(kind):
            return kind
        case OptionType(ProcessType(kind)) | SetType(ProcessType(kind)):
            return kind
        case _:
            raise TypeError(f"no process: {of}")


# One function for each class of expression ---------------------------------------------------------------------------


def _self(_: Self, scope: Scope) -> Value:
    assert scope.me is not None
    return scope.me.number


def _read(expression: Read, scope: Scope) -> Value:
    return scope.read(_process(expression.process, scope), expression.variable)


def _entry(expression: Entry, scope: Scope) -> Value:
    return evaluate(expression.map, scope)[evaluate(expression.key, scope)]


def _connected(expression: Connected, scope: Scope) -> Value:
    left = evaluate(expression.left, scope)
    match expression.connective:
        case Connective.AND:
            return left and evaluate(expression.right, scope)
        case Connective.OR:
            return left or evaluate(expression.right, scope)
        case Connective.IMPLIES:
            return not left or evaluate(expression.right, scope)


def _compared(expression: Compare, scope: Scope) -> Value:
    return compare(expression.comparison, evaluate(expression.left, scope), evaluate(expression.right, scope))


def _computed(expression: Arithmetic, scope: Scope) -> Value:
    return arithmetic(expression.operator, evaluate(expression.left, scope), evaluate(expression.right, scope))


def _one_of(expression: OneOf, scope: Scope) -> Value:
    value = evaluate(expression.value, scope)
    return any(evaluate(alternative, scope) == value for alternative in expression.alternatives)


def _member(expression: Member, scope: Scope) -> Value:
    return evaluate(expression.element, scope) in evaluate(expression.set, scope)


def _subset(expression: Subset, scope: Scope) -> Value:
    return evaluate(expression.left, scope) <= evaluate(expression.right, scope)


def _set_of(expression: SetOf, scope: Scope) -> Value:
    return frozenset(evaluate(element, scope) for element in expression.elements)


def _everyone(expression: Everyone, scope: Scope) -> Value:
    return frozenset(range(scope.model.size(expression.type.of.kind)))


def _filtered(expression: Filtered, scope: Scope) -> Value:
    return frozenset(
        element
        for element in evaluate(expression.domain, scope)
        if evaluate(expression.condition, _bind(scope, expression.variable, element))
    )


def _set_operation(expression: SetOperation, scope: Scope) -> Value:
    left, right = evaluate(expression.left, scope), evaluate(expression.right, scope)
    match expression.operator:
        case SetOperator.UNION:
            return left | right
        case SetOperator.DIFFERENCE:
            return left - right
        case SetOperator.INTERSECTION:
            return left & right


def _quantified(expression: Quantified, scope: Scope) -> Value:
    holds = (
        evaluate(expression.body, _bind(scope, expression.variable, element))
        for element in sorted(evaluate(expression.domain, scope))
    )
    return any(holds) if expression.quantifier is Quantifier.EXISTS else all(holds)


def _conditional(expression: Conditional, scope: Scope) -> Value:
    return evaluate(expression.yes if evaluate(expression.condition, scope) else expression.no, scope)


def _neighbour(expression: Neighbour, scope: Scope) -> Value:
    return (evaluate(expression.process, scope) + expression.offset) % scope.model.size(expression.type.kind)


def _apply(expression: Apply, scope: Scope) -> Value:
    definition = scope.model.definitions[expression.definition]
    pairs = zip(definition.parameters, expression.arguments, strict=True)
    arguments = {parameter.identity: evaluate(argument, scope) for parameter, argument in pairs}
    me = scope.me if expression.process is None else _process(expression.process, scope)
    return evaluate(definition.body, Scope(scope.model, scope.read, me, arguments, scope.state, scope.after))


def _armed(expression: Armed, scope: Scope) -> Value:
    assert scope.state is not None
    process = _process(expression.process, scope)
    armed = scope.state.processes[scope.model.kind_index[process.kind]][process.number].armed
    return armed[scope.model.timer_index[process.kind, expression.timer]]


def _up(expression: Up, scope: Scope) -> Value:
    assert scope.state is not None
    process = _process(expression.process, scope)
    return scope.state.processes[scope.model.kind_index[process.kind]][process.number].up


def _looking(expression: Underway | Led, scope: Scope) -> Value:
    holds = (
        evaluate(expression.body, replace(scope, locals={**scope.locals, **bound}))
        for bound in bindings(expression, scope)
    )
    return any(holds) if expression.quantifier is Quantifier.EXISTS else all(holds)


def bindings(expression: Underway | Led, scope: Scope) -> Iterator[dict[int, Value]]:
    """What the locals of an expression over messages, or over who has led, stand for: once for each that there is."""
    if isinstance(expression, Underway):
        yield from _bindings_underway(expression, scope)
        return
    assert scope.state is not None
    for process, token in sorted(scope.state.led):
        yield {expression.process.identity: process, expression.token.identity: token}


def _bindings_underway(expression: Underway, scope: Scope) -> Iterator[dict[int, Value]]:
    """Once for each message, or pair, that is under way."""
    assert scope.state is not None
    queues = (link.queue for link in sorted(scope.state.links, key=link_order))
    if expression.later is None:
        for packet in sorted(scope.state.packets, key=packet_order):
            if packet.message == expression.message:
                yield _bound_to(expression, packet)
        for packet in (packet for queue in queues for packet in queue):
            if packet.message == expression.message:
                yield _bound_to(expression, packet)
        return
    message, parameters = expression.later
    for queue in queues if not scope.model.network.reordering else ():
        for first, second in combinations(queue, 2):
            if first.message == expression.message and second.message == message:
                carried = zip(parameters, second.arguments, strict=True)
                yield _bound_to(expression, first) | {local.identity: value for local, value in carried}


def _bound_to(expression: Underway, packet: Packet) -> dict[int, Value]:
    carried = zip(expression.parameters, packet.arguments, strict=True)
    ends = {expression.sender.identity: packet.sender.number, expression.receiver.identity: packet.receiver.number}
    return {local.identity: value for local, value in carried} | ends


def _next(expression: Next, scope: Scope) -> Value:
    assert scope.after is not None
    after = Scope(scope.model, reader(scope.model, scope.after), scope.me, scope.locals, scope.after)
    return evaluate(expression.operand, after)


COMPARISONS: dict[Comparison, Callable[[Value, Value], object]] = {
    Comparison.EQUAL: eq,
    Comparison.DIFFERENT: ne,
    Comparison.LESS: lt,
    Comparison.LESS_EQUAL: le,
    Comparison.GREATER: gt,
    Comparison.GREATER_EQUAL: ge,
}

OPERATIONS: dict[Operator, Callable[[int, int], int]] = {
    Operator.PLUS: add,
    Operator.MINUS: sub,
    Operator.TIMES: mul,
    Operator.MINIMUM: min,
    Operator.MAXIMUM: max,
}

MEANINGS: dict[type, Callable[[Any, Scope], Value]] = {
    Constant: lambda expression, _: expression.value,
    Local: lambda expression, scope: scope.locals[expression.identity],
    Self: _self,
    Read: _read,
    Entry: _entry,
    Not: lambda expression, scope: not evaluate(expression.operand, scope),
    Connected: _connected,
    Compare: _compared,
    Arithmetic: _computed,
    OneOf: _one_of,
    Member: _member,
    Subset: _subset,
    SetOf: _set_of,
    Everyone: _everyone,
    Filtered: _filtered,
    SetOperation: _set_operation,
    Size: lambda expression, scope: len(evaluate(expression.set, scope)),
    Quantified: _quantified,
    Conditional: _conditional,
    Neighbour: _neighbour,
    Apply: _apply,
    Armed: _armed,
    Up: _up,
    Next: _next,
    Underway: _looking,
    Led: _looking,
}


def _process(expression: Expression, scope: Scope) -> Name:
    if isinstance(expression, Self):
        assert scope.me is not None
        return scope.me
    return Name(kind_of(expression.type), evaluate(expression, scope))


def _bind(scope: Scope, variable: Local, value: Value) -> Scope:
    bound = {**scope.locals, variable.identity: value}
    return Scope(scope.model, scope.read, scope.me, bound, scope.state, scope.after)
