"""The numbers that can turn up while a step runs.

A bound judges a step by its result; on the way there a variable may hold more than its bound. An export to a language
with ranges needs to know how much more, and which checks can never fail. The handlers are run on intervals: no loop
of the language is unbounded, so this ends, and what it finds is never too narrow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from codegen.inline import inlined, kind_of, number_in, walk
from codegen.instance import Instance, starts
from spec.protocol import (
    Arithmetic,
    Assert,
    Assign,
    Broadcast,
    Call,
    Conditional,
    Constant,
    Entry,
    Expression,
    For,
    Handler,
    If,
    Led,
    Let,
    Local,
    OnInput,
    OnMessage,
    OnStart,
    Operator,
    Read,
    Send,
    Size,
    Statement,
    Underway,
)
from spec.types import IntType, NatType, Type

Key = TypeVar("Key")
Interval = tuple[int, int]
Environment = dict[str, Interval]
"""The numeric variables of the process that runs."""


@dataclass
class Ranges:
    """`stored` bounds what a variable holds at any moment, `kept` what it holds between steps; `sent` bounds an
    argument before it is judged, `arriving` one that is under way; `assigned` and `passed` bound the numbers that a
    statement stores or hands to a procedure, before they are judged; `all` bounds every number of the export."""

    instance: Instance
    kept: dict[tuple[str, str], Interval] = field(default_factory=dict)
    stored: dict[tuple[str, str], Interval] = field(default_factory=dict)
    sent: dict[tuple[str, int], Interval] = field(default_factory=dict)
    arriving: dict[tuple[str, int], Interval] = field(default_factory=dict)
    assigned: dict[tuple[str, Assign], Interval] = field(default_factory=dict)
    passed: dict[tuple[str, int], Interval] = field(default_factory=dict)
    locals: dict[int, Interval] = field(default_factory=dict)
    token: Interval = (0, 0)
    all: Interval = (0, 1)


def ranges(instance: Instance) -> Ranges:
    """Runs every handler on intervals."""
    found = Ranges(instance)
    protocol = instance.protocol
    begun: dict[str, Environment] = {}
    for kind in protocol.kinds:
        begun[kind.name] = {}
        for variable in kind.variables:
            if number_in(variable.type) is not None:
                initial = 0 if variable.initial is None else int(variable.initial)
                begun[kind.name][variable.name] = (initial, initial)
        begun[kind.name] = _hull_of([begun[kind.name], *_runs(starts(protocol, kind.name), begun[kind.name], found)])
    for kind in protocol.kinds:
        for variable in kind.variables:
            of = number_in(variable.type)
            if of is not None:
                cap = _hull(_declared(of, instance.variable_caps.get((kind.name, variable.name), 0)), (0, 0))
                cap = _declared(of, cap[1])
                found.kept[kind.name, variable.name] = _hull(cap, begun[kind.name][variable.name])
                _widen(found.stored, (kind.name, variable.name), found.kept[kind.name, variable.name])
    for message in protocol.messages:
        for position, (_, kind_of_number) in enumerate(message.parameters):
            of = number_in(kind_of_number)
            if of is not None:
                cap = _declared(of, instance.argument_caps.get((message.name, position), 0))
                # The initial step is taken whatever bound it passes, so its messages are under way.
                begun_with = found.sent.get((message.name, position), cap)
                found.arriving[message.name, position] = _hull(cap, _clip(begun_with, of))
    for kind in protocol.kinds:
        kept = {v.name: found.kept[kind.name, v.name] for v in kind.variables if (kind.name, v.name) in found.kept}
        _runs((h for h in protocol.handlers if h.kind == kind.name), kept, found)
    _read_properties(found)
    for interval in (*found.stored.values(), *found.arriving.values(), *found.sent.values(), *found.locals.values()):
        found.all = _hull(found.all, interval)
    found.all = _hull(found.all, (0, max((*instance.sizes, instance.channel, 1))))
    return found


def _read_properties(found: Ranges) -> None:
    """Properties compute too; what they compute must fit."""
    protocol = found.instance.protocol
    if protocol.leader is not None:
        kind = protocol.leader.kind
        _look(protocol.leader.condition, kind, {}, found)
        token = _range(inlined(protocol.leader.token, protocol), kind, {}, found)
        found.token = (min(token[0], 0), max(found.instance.token_cap, min(token[1], 0)))
        if protocol.leader.elected_by is not None:
            _look(protocol.leader.elected_by, kind, {}, found)
    for prop in protocol.properties:
        for expression in (prop.expression, *([prop.then] if prop.then is not None else [])):
            for part in walk(expression):
                _bind(part, found)
            _look(expression, prop.about or "", {}, found)


def _bind(part: Expression, found: Ranges) -> None:
    """Takes note of what an expression over messages, or over who has led, may find."""
    match part:
        case Underway(_, message, parameters, _, _, _, later):
            for name, locals_ in ((message, parameters), *((later,) if later is not None else ())):
                for position, local in enumerate(locals_):
                    if (name, position) in found.arriving:
                        _widen(found.locals, local.identity, found.arriving[name, position])
        case Led(_, _, token):
            _widen(found.locals, token.identity, found.token)
        case _:
            pass


def _runs(handlers: Iterable[Handler], before: Environment, found: Ranges) -> list[Environment]:
    after = []
    for handler in handlers:
        environment = dict(before)
        match handler.event:
            case OnMessage(message, parameters, _):
                for position, parameter in enumerate(parameters):
                    if (message, position) in found.arriving:
                        _widen(found.locals, parameter.identity, found.arriving[message, position])
            case OnInput(_, parameters):
                for parameter in parameters:
                    of = number_in(parameter.type)
                    if isinstance(of, IntType):
                        _widen(found.locals, parameter.identity, (of.low, of.high))
            case OnStart():
                pass
        if handler.guard is not None:
            _look(handler.guard, handler.kind, environment, found)
        after.append(_run(handler.body, handler.kind, environment, found))
    return after


def _run(statements: tuple[Statement, ...], kind: str, environment: Environment, found: Ranges) -> Environment:
    protocol = found.instance.protocol
    for statement in statements:
        match statement:
            case If():
                arms = []
                for arm in statement.arms:
                    if arm.condition is not None:
                        _look(arm.condition, kind, environment, found)
                    arms.append(_run(arm.body, kind, dict(environment), found))
                if all(arm.condition is not None for arm in statement.arms):
                    arms.append(environment)
                environment = _hull_of(arms)
            case For():
                _look(statement.domain, kind, environment, found)
                for _ in range(found.instance.size(kind_of(statement.domain.type))):
                    environment = _hull_of([environment, _run(statement.body, kind, dict(environment), found)])
            case Assign():
                _look(statement.value, kind, environment, found)
                if statement.key is not None:
                    _look(statement.key, kind, environment, found)
                if number_in(statement.value.type) is not None and statement.variable in environment:
                    _assign(statement, kind, environment, found)
            case Let():
                _look(statement.value, kind, environment, found)
                if number_in(statement.value.type) is not None:
                    _widen(found.locals, statement.local.identity, _range(statement.value, kind, environment, found))
            case Call():
                procedure = protocol.procedure(statement.procedure)
                for parameter, argument in zip(procedure.parameters, statement.arguments, strict=True):
                    _look(argument, kind, environment, found)
                    of = number_in(parameter.type)
                    if of is not None:
                        given = _range(argument, kind, environment, found)
                        _widen(found.passed, (procedure.name, parameter.identity), given)
                        _widen(found.locals, parameter.identity, _clip(given, of))
                environment = _run(procedure.body, kind, environment, found)
            case Send() | Broadcast():
                for position, argument in enumerate(statement.arguments):
                    _look(argument, kind, environment, found)
                    if number_in(protocol.message(statement.message).parameters[position][1]) is not None:
                        given = _range(argument, kind, environment, found)
                        _widen(found.sent, (statement.message, position), given)
            case Assert():
                _look(statement.condition, kind, environment, found)
            case _:
                pass
    return environment


def _assign(statement: Assign, kind: str, environment: Environment, found: Ranges) -> None:
    given = _range(statement.value, kind, environment, found)
    _widen(found.assigned, (kind, statement), given)
    declared = found.instance.protocol.kind(kind).variable(statement.variable).type
    held = _clip(given, number_in(declared))
    _widen(found.stored, (kind, statement.variable), held)
    if statement.key is not None:
        held = _hull(held, environment[statement.variable])
    environment[statement.variable] = held


def _look(expression: Expression, kind: str, environment: Environment, found: Ranges) -> None:
    """Takes note of every number that comes up in an expression."""
    for part in walk(inlined(expression, found.instance.protocol)):
        if isinstance(part, Arithmetic | Constant | Size) and number_in(part.type) is not None:
            found.all = _hull(found.all, _range(part, kind, environment, found))


def _range(expression: Expression, kind: str, environment: Environment, found: Ranges) -> Interval:
    match expression:
        case Constant(value):
            return (0, 0) if value is None else (int(value), int(value))
        case Local():
            return found.locals.get(expression.identity, (0, 0))
        case Read():
            owner = kind_of(expression.process.type)
            if owner == kind and expression.variable in environment:
                return environment[expression.variable]
            return found.kept.get((owner, expression.variable), (0, 0))
        case Entry():
            return _range(expression.map, kind, environment, found)
        case Size():
            return 0, found.instance.size(kind_of(expression.set.type))
        case Conditional():
            yes = _range(expression.yes, kind, environment, found)
            return _hull(yes, _range(expression.no, kind, environment, found))
        case Arithmetic():
            left = _range(expression.left, kind, environment, found)
            right = _range(expression.right, kind, environment, found)
            return _computed(expression.operator, left, right)
        case _:
            written_out = inlined(expression, found.instance.protocol)
            if written_out == expression:
                return 0, 0
            return _range(written_out, kind, environment, found)


def _computed(operator: Operator, left: Interval, right: Interval) -> Interval:
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


def outside(interval: Interval, of: Type | None) -> bool:
    """Whether a number of the interval may be no value of the type."""
    match of:
        case IntType(low, high):
            return interval[0] < low or interval[1] > high
        case NatType():
            return interval[0] < 0
        case _:
            return False


def _declared(of: Type, cap: int) -> Interval:
    return (of.low, of.high) if isinstance(of, IntType) else (0, cap)


def _clip(interval: Interval, of: Type | None) -> Interval:
    """What is left of a range once what does not fit has failed."""
    match of:
        case IntType(low, high):
            return min(max(interval[0], low), high), max(min(interval[1], high), low)
        case NatType():
            return max(interval[0], 0), max(interval[1], 0)
        case _:
            return interval


def _hull(one: Interval, other: Interval) -> Interval:
    return min(one[0], other[0]), max(one[1], other[1])


def _hull_of(environments: list[Environment]) -> Environment:
    found = dict(environments[0])
    for environment in environments[1:]:
        found = {name: _hull(found[name], interval) for name, interval in environment.items()}
    return found


def _widen(known: dict[Key, Interval], key: Key, interval: Interval) -> None:
    known[key] = _hull(known[key], interval) if key in known else interval
