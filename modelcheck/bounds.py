"""How large every `nat` can get in a bounded exploration.

A check bounds variables (`term <= 3`). What it does not name is inferred: a fixpoint over all assignments and sends
widens each variable, parameter and message argument until nothing changes. What goes on growing has no bound, and
the person is asked for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from modelcheck.model import Caps
from spec.diagnostics import Diagnostic, SpecError
from spec.protocol import (
    Apply,
    Arithmetic,
    Assign,
    Bound,
    Broadcast,
    Call,
    Conditional,
    Constant,
    Entry,
    Expression,
    For,
    If,
    Let,
    Local,
    OnMessage,
    Operator,
    Protocol,
    Read,
    Send,
    Size,
    Statement,
)
from spec.source import Span
from spec.types import IntType, MapType, NatType, OptionType, Type, is_number

Range = tuple[int, int]
ROUNDS = 64
"""After so many rounds what still grows is taken to grow for ever; each round carries a value at least one place on."""
ENDLESS = 1 << 4096
"""So does what has grown as large as this: by products alone, each round has twice as many digits as the one before."""


@dataclass
class _Ranges:
    """What is known so far. Locals are by identity, variables by kind and name, arguments by message and position."""

    protocol: Protocol
    sizes: dict[str, int]
    limits: dict[tuple[str, str], int]
    variables: dict[tuple[str, str], Range] = field(default_factory=dict)
    arguments: dict[tuple[str, int], Range] = field(default_factory=dict)
    locals: dict[int, Range] = field(default_factory=dict)
    grown: set[object] = field(default_factory=set)

    @property
    def largest(self) -> int:
        known = (*self.variables.values(), *self.arguments.values(), *self.locals.values())
        return max((high for _, high in known), default=0)


def caps(protocol: Protocol, sizes: tuple[int, ...], bounds: tuple[Bound, ...]) -> Caps:
    """The caps under the bounds of a check.

    Raises SpecError, which names each `nat` variable and message argument that has no bound, or each variable whose
    initial value is beyond its bound.
    """
    by_kind = {kind.name: size for kind, size in zip(protocol.kinds, sizes, strict=True)}
    if passed := tuple(_passed_at_the_start(protocol, bounds)):
        raise SpecError(protocol.source, passed)
    ranges = _Ranges(protocol, by_kind, {(b.kind, b.variable): b.limit for b in bounds})
    for kind in protocol.kinds:
        for variable in kind.variables:
            if _number(variable.type) is not None:
                initial = variable.initial if variable.initial is not None else 0
                ranges.variables[kind.name, variable.name] = (initial, initial)
    left = ROUNDS + len(ranges.variables) + len(protocol.messages)
    while left:
        ranges.grown.clear()
        _pass(ranges)
        if not ranges.grown:
            break
        left = left - 1 if ranges.largest < ENDLESS else 0
    if not left:
        raise SpecError(protocol.source, tuple(_unbounded(ranges)))
    token = 0
    if protocol.leader is not None:
        token = _range(protocol.leader.token, protocol.leader.kind, ranges)[1]
    return Caps(
        {place: high for place, (_, high) in ranges.variables.items() if is_nat(_variable_type(protocol, place))},
        {place: high for place, (_, high) in _all_arguments(ranges) if is_nat(_argument_type(protocol, place))},
        token,
        tuple((b.kind, b.variable) for b in bounds),
    )


def _all_arguments(ranges: _Ranges) -> Iterator[tuple[tuple[str, int], Range]]:
    """Every numeric argument; those of messages that nobody sends stay at 0."""
    for message in ranges.protocol.messages:
        for position, (_, of) in enumerate(message.parameters):
            if _number(of) is not None:
                yield (message.name, position), ranges.arguments.get((message.name, position), (0, 0))


def _passed_at_the_start(protocol: Protocol, bounds: tuple[Bound, ...]) -> Iterator[Diagnostic]:
    for bound in bounds:
        variable = protocol.kind(bound.kind).variable(bound.variable)
        if variable.initial is not None and variable.initial > bound.limit:
            yield Diagnostic(
                "E0501",
                f"`{variable.name}` starts at {variable.initial}, and this check bounds it by {bound.limit}",
                variable.span,
                "beyond its bound from the start",
                f"raise the bound: `{variable.name} <= {variable.initial}`, at least",
            )


def _unbounded(ranges: _Ranges) -> Iterator[Diagnostic]:
    named = False
    for kind in ranges.protocol.kinds:
        for variable in kind.variables:
            if ("variable", kind.name, variable.name) in ranges.grown:
                named = True
                yield Diagnostic(
                    "E0501",
                    f"`{variable.name}` can grow without end, and this check does not bound it",
                    variable.span,
                    "a `nat` without a bound",
                    f"bound it in the check: `{variable.name} <= 3`; on the command line, that is part of --within",
                )
    if not named:
        for message in ranges.protocol.messages:
            yield Diagnostic("E0501", f"an argument of `{message.name}` can grow without end", message.span, "here")


def _pass(ranges: _Ranges) -> None:
    for handler in ranges.protocol.handlers:
        if isinstance(handler.event, OnMessage):
            for position, parameter in enumerate(handler.event.parameters):
                if _number(parameter.type) is not None:
                    known = ranges.arguments.get((handler.event.message, position))
                    if known is not None:
                        _widen_local(parameter, known, ranges)
        _statements(handler.body, handler.kind, ranges)
    for procedure in ranges.protocol.procedures:
        _statements(procedure.body, procedure.kind, ranges)


def _statements(statements: tuple[Statement, ...], kind: str, ranges: _Ranges) -> None:
    for statement in statements:
        match statement:
            case If():
                for arm in statement.arms:
                    _statements(arm.body, kind, ranges)
            case For():
                _statements(statement.body, kind, ranges)
            case Assign():
                place = (kind, statement.variable)
                if place in ranges.variables and _number(statement.value.type) is not None:
                    _widen_variable(place, _range(statement.value, kind, ranges), ranges)
            case Let():
                if _number(statement.value.type) is not None:
                    _widen_local(statement.local, _range(statement.value, kind, ranges), ranges)
            case Call():
                parameters = ranges.protocol.procedure(statement.procedure).parameters
                for parameter, argument in zip(parameters, statement.arguments, strict=True):
                    if _number(parameter.type) is not None:
                        _widen_local(parameter, _range(argument, kind, ranges), ranges)
            case Send() | Broadcast():
                for position, argument in enumerate(statement.arguments):
                    if _number(ranges.protocol.message(statement.message).parameters[position][1]) is not None:
                        _widen_argument((statement.message, position), _range(argument, kind, ranges), ranges)
            case _:
                pass


def _widen_variable(place: tuple[str, str], found: Range, ranges: _Ranges) -> None:
    of = _number(_variable_type(ranges.protocol, place))
    low, high = _clipped(found, of)
    if place in ranges.limits:
        # A declared bound is taken at its word at once: counting up to it would take as many rounds.
        high = ranges.limits[place] if high > ranges.variables[place][1] else ranges.variables[place][1]
    old = ranges.variables[place]
    new = (min(old[0], low), max(old[1], high))
    if new != old:
        ranges.variables[place] = new
        ranges.grown.add(("variable", *place))


def _widen_argument(place: tuple[str, int], found: Range, ranges: _Ranges) -> None:
    low, high = _clipped(found, _number(_argument_type(ranges.protocol, place)))
    old = ranges.arguments.get(place, (low, high))
    new = (min(old[0], low), max(old[1], high))
    if new != ranges.arguments.get(place):
        ranges.arguments[place] = new
        ranges.grown.add(("argument", *place))


def _widen_local(local: Local, found: Range, ranges: _Ranges) -> None:
    low, high = _clipped(found, _number(local.type))
    old = ranges.locals.get(local.identity, (low, high))
    new = (min(old[0], low), max(old[1], high))
    if new != ranges.locals.get(local.identity):
        ranges.locals[local.identity] = new
        ranges.grown.add(("local", local.identity))


def _range(expression: Expression, kind: str, ranges: _Ranges) -> Range:
    """The least and the largest value of a numeric expression, as far as is known now. An upper approximation:
    conditions are not looked at, but for a read variable's declared bound, beyond which no explored state goes."""
    match expression:
        case Constant():
            return (0, 0) if expression.value is None else (int(expression.value), int(expression.value))
        case Local():
            return _declared(ranges.locals.get(expression.identity, (0, 0)), expression.type)
        case Read():
            return ranges.variables.get((_kind(expression, kind), expression.variable), (0, 0))
        case Entry():
            return _range(expression.map, kind, ranges)
        case Size():
            return (0, max(ranges.sizes.values()))
        case Conditional():
            return _join(_range(expression.yes, kind, ranges), _range(expression.no, kind, ranges))
        case Apply():
            definition = ranges.protocol.definition(expression.definition)
            for parameter, argument in zip(definition.parameters, expression.arguments, strict=True):
                if _number(parameter.type) is not None:
                    _widen_local(parameter, _range(argument, kind, ranges), ranges)
            return _range(definition.body, kind, ranges)
        case Arithmetic():
            left, right = _range(expression.left, kind, ranges), _range(expression.right, kind, ranges)
            return _arithmetic(expression.operator, left, right)
        case _:
            raise TypeError(f"not a number: {expression}")


def _arithmetic(operator: Operator, left: Range, right: Range) -> Range:
    match operator:
        case Operator.PLUS:
            return left[0] + right[0], left[1] + right[1]
        case Operator.MINUS:
            return left[0] - right[1], left[1] - right[0]
        case Operator.TIMES:
            products = [a * b for a in left for b in right]
            return min(products), max(products)
        case Operator.MINIMUM:
            return min(left[0], right[0]), min(left[1], right[1])
        case Operator.MAXIMUM:
            return max(left[0], right[0]), max(left[1], right[1])


def _join(one: Range, other: Range) -> Range:
    return min(one[0], other[0]), max(one[1], other[1])


def _declared(found: Range, of: Type) -> Range:
    inner = _number(of)
    return (inner.low, inner.high) if isinstance(inner, IntType) else found


def _clipped(found: Range, of: Type | None) -> Range:
    """What is stored in a place of a type: a value out of its range is a failure, not a value."""
    if isinstance(of, IntType):
        return of.low, of.high
    return max(found[0], 0), max(found[1], 0)


def _kind(read: Read, kind: str) -> str:
    return getattr(read.process.type, "kind", kind)


def _number(of: Type) -> Type | None:
    """The number type of what a place of a type holds, if it holds numbers."""
    match of:
        case OptionType(inner) | MapType(_, inner):
            return _number(inner)
        case _:
            return of if is_number(of) else None


def is_nat(of: Type) -> bool:
    """Whether a place of a type holds numbers that only a bound limits."""
    return isinstance(_number(of), NatType)


def _variable_type(protocol: Protocol, place: tuple[str, str]) -> Type:
    return protocol.kind(place[0]).variable(place[1]).type


def _argument_type(protocol: Protocol, place: tuple[str, int]) -> Type:
    return protocol.message(place[0]).parameters[place[1]][1]


def span_of_bound(protocol: Protocol, bound: Bound) -> Span:
    """Where the bounded variable is declared."""
    return protocol.kind(bound.kind).variable(bound.variable).span
