"""What a handler may do where numbers are not known, and other things need not be.

A value that is not known is `UNKNOWN`; a `nat` never is known. What is said is never wrong, and sometimes less than
could be said: a condition that is not known may be true and false, a receiver that is not known may be anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelcheck.abstract import UNKNOWN, KnownScope, abstract
from modelcheck.evaluate import Scope, evaluate, kind_of
from modelcheck.model import Model, Name, Packet
from spec.protocol import (
    Assert,
    Assign,
    Broadcast,
    Call,
    Conditional,
    Connected,
    Connective,
    Expression,
    For,
    If,
    Let,
    Not,
    Reset,
    Send,
    Statement,
    Stop,
    Unreachable,
)
from spec.types import MapType, NatType, NumberType, OptionType, Type, Value, in_range

LARGEST = 20_000
"""Ways through a handler at most."""


class TooMuch(Exception):
    """More than can be looked at."""


@dataclass(frozen=True)
class Run:
    """A handler at work: what its process holds, as far as it is known, and which timers are armed. `locals` has those
    that are known; `sent` is what it has sent."""

    me: Name
    values: tuple[Value, ...]
    armed: tuple[bool, ...]
    locals: dict[int, Value]
    sent: tuple[Packet, ...] = ()


def ends(model: Model, statements: tuple[Statement, ...], runs: list[Run]) -> list[Run]:
    """All that may be when statements have run. Raises TooMuch."""
    for statement in statements:
        runs = [after for run in runs for after in _statement(model, statement, run)]
        if len(runs) > LARGEST:
            raise TooMuch
    return runs


def _statement(model: Model, statement: Statement, run: Run) -> list[Run]:
    match statement:
        case If(arms):
            found: list[Run] = []
            for arm in arms:
                decided = True if arm.condition is None else value_of(model, arm.condition, run)
                if decided is not False:
                    found += ends(model, arm.body, [run])
                if decided is True:
                    return found
            return [*found, run]
        case Let(local, value):
            return [bound(run, local.identity, value_of(model, value, run))]
        case For(variable, domain, body):
            return _for(model, variable.identity, domain, body, run)
        case Call(name, arguments):
            procedure = model.procedures[name]
            given = [value_of(model, argument, run) for argument in arguments]
            for parameter, value in zip(procedure.parameters, given, strict=True):
                run = bound(run, parameter.identity, value)
            return ends(model, procedure.body, [run])
        case Assign():
            return _assign(model, statement, run)
        case Send(message, arguments, receiver):
            return [_post(model, message, arguments, _receivers(model, message, receiver, run), run)]
        case Broadcast(message, arguments):
            others = [name for name in _receivers(model, message, None, run) if name != run.me]
            return [_post(model, message, arguments, others, run)]
        case Reset(timer) | Stop(timer):
            position = model.timer_index[run.me.kind, timer]
            return [replace(run, armed=with_entry(run.armed, position, isinstance(statement, Reset)))]
        case Assert(condition):
            return [] if value_of(model, condition, run) is False else [run]
        case Unreachable():
            return []
        case _:
            return [run]


def _for(model: Model, variable: int, domain: Expression, body: tuple[Statement, ...], run: Run) -> list[Run]:
    elements = value_of(model, domain, run)
    runs = [run]
    if elements is not UNKNOWN:
        for element in sorted(elements):
            runs = ends(model, body, [bound(one, variable, element) for one in runs])
        return runs
    for element in range(model.size(kind_of(domain.type))):
        runs += ends(model, body, [bound(one, variable, element) for one in runs])
    return runs


def _assign(model: Model, statement: Assign, run: Run) -> list[Run]:
    index = model.variable_index[run.me.kind, statement.variable]
    of = model.kinds[run.me.kind].variables[index].type
    value = value_of(model, statement.value, run)
    is_entry = isinstance(of, MapType) and not (statement.key is None and isinstance(statement.value.type, MapType))
    stored = of.value if isinstance(of, MapType) and is_entry else of
    if value is not UNKNOWN and not in_range(value, stored):
        return []
    if isinstance(of, MapType) and is_entry:
        value = _entry(model, of, statement, value, run)
    return [replace(run, values=with_entry(run.values, index, lifted(of, value)))]


def _entry(model: Model, of: MapType, statement: Assign, value: Value, run: Run) -> Value:
    """The map with an entry changed, or all of them."""
    if value is UNKNOWN:
        return UNKNOWN
    if statement.key is None:
        return (value,) * model.size(of.key.kind)
    key = value_of(model, statement.key, run)
    held = run.values[model.variable_index[run.me.kind, statement.variable]]
    return UNKNOWN if key is UNKNOWN or held is UNKNOWN else with_entry(held, key, value)


def _receivers(model: Model, message: str, receiver: Expression | None, run: Run) -> list[Name]:
    """Who may get a message: all who receive it, where nobody is named or it is not known who."""
    kind = model.messages[message].receiver
    number: Value = UNKNOWN if receiver is None else value_of(model, receiver, run)
    if number is UNKNOWN:
        return list(model.names[model.kind_index[kind]])
    return [] if number is None else [Name(kind, number)]


def _post(model: Model, message: str, arguments: tuple[Expression, ...], receivers: list[Name], run: Run) -> Run:
    types = [of for _, of in model.messages[message].parameters]
    values = tuple(lifted(of, value_of(model, argument, run)) for of, argument in zip(types, arguments, strict=True))
    return replace(run, sent=(*run.sent, *(Packet(message, run.me, one, values) for one in receivers)))


def value_of(model: Model, expression: Expression, run: Run) -> Value:
    """The value of an expression where it is the same whatever the unknown parts are, as far as this can tell."""
    index = model.variable_index

    def read(process: Name, variable: str) -> Value:
        value = run.values[index[process.kind, variable]]
        if value is UNKNOWN or process != run.me:
            raise KeyError(variable)
        return value

    try:
        return evaluate(expression, Scope(model, read, run.me, run.locals))
    except KeyError:  # something that is not known, a variable or a local, has a part in it
        pass
    match expression:
        case Not(operand):
            value = value_of(model, operand, run)
            return UNKNOWN if value is UNKNOWN else not value
        case Connected(connective, left, right):
            return _connected(connective, value_of(model, left, run), value_of(model, right, run))
        case Conditional(condition, yes, no):
            decided = value_of(model, condition, run)
            if decided is not UNKNOWN:
                return value_of(model, yes if decided else no, run)
            one, other = value_of(model, yes, run), value_of(model, no, run)
            return one if one is not UNKNOWN and other is not UNKNOWN and one == other else UNKNOWN
    variables = model.kinds[run.me.kind].variables
    known = {variable.name: value for variable, value in zip(variables, run.values, strict=True)}
    return abstract(expression, KnownScope(model, run.me, known, run.locals))


def lifted(of: Type, value: Value) -> Value:
    """A value without its numbers, which may be any."""
    match of:
        case NatType() | NumberType():
            return UNKNOWN
        case OptionType(inner):
            return None if value is None else lifted(inner, value)
        case MapType(_, inner) if value is not UNKNOWN:
            entries = tuple(lifted(inner, entry) for entry in value)
            return UNKNOWN if any(entry is UNKNOWN for entry in entries) else entries
        case _:
            return value


def _connected(connective: Connective, left: Value, right: Value) -> Value:
    if connective is Connective.IMPLIES:
        left = UNKNOWN if left is UNKNOWN else not left
    settles = connective is not Connective.AND  # the value with which either side settles it
    if left is settles or right is settles:
        return settles
    return UNKNOWN if left is UNKNOWN or right is UNKNOWN else not settles


def with_entry(values: tuple[Value, ...], index: int, value: Value) -> tuple[Value, ...]:
    return (*values[:index], value, *values[index + 1 :])


def bound(run: Run, identity: int, value: Value) -> Run:
    """A local with its value; one that is not known is left out."""
    locals_ = {key: held for key, held in run.locals.items() if key != identity}
    if value is not UNKNOWN:
        locals_[identity] = value
    return replace(run, locals=locals_)
