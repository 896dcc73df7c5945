"""Expressions where some values are not known.

The result is what the reference semantics would compute if it is the same for all values of the unknown parts as far
as this can tell, and `UNKNOWN` otherwise. It is never wrong, only sometimes less than could be known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from modelcheck.evaluate import arithmetic, compare
from modelcheck.model import Model, Name
from spec.protocol import (
    Apply,
    Arithmetic,
    Compare,
    Comparison,
    Conditional,
    Connected,
    Connective,
    Constant,
    Entry,
    Everyone,
    Expression,
    Local,
    Neighbour,
    Not,
    OneOf,
    Operator,
    Read,
    Self,
    Size,
)
from spec.types import Value


class _Unknown:
    def __repr__(self) -> str:
        return "unknown"


UNKNOWN: Final = _Unknown()


@dataclass(frozen=True)
class Above:
    """Some number that is greater than `limit`; which one is not known."""

    limit: int


@dataclass(frozen=True)
class KnownScope:
    """A handler's scope; `values` has the known variables of the process, and `UNKNOWN` or nothing for the others."""

    model: Model
    me: Name
    values: dict[str, Value]
    locals: dict[int, Value]


def abstract(expression: Expression, scope: KnownScope) -> Value:
    """The value of an expression of a handler, or `UNKNOWN`."""

    def of(part: Expression) -> Value:
        return abstract(part, scope)

    match expression:
        case Constant():
            return expression.value
        case Local():
            return scope.locals.get(expression.identity, UNKNOWN)
        case Self():
            return scope.me.number
        case Read():
            return scope.values.get(expression.variable, UNKNOWN)
        case Not():
            operand = of(expression.operand)
            return UNKNOWN if operand is UNKNOWN else not operand
        case Connected():
            return _connected(expression, scope)
        case Compare():
            left, right = of(expression.left), of(expression.right)
            return UNKNOWN if UNKNOWN in (left, right) else _compared(expression.comparison, left, right)
        case Arithmetic():
            left, right = of(expression.left), of(expression.right)
            return UNKNOWN if UNKNOWN in (left, right) else _computed(expression.operator, left, right)
        case OneOf():
            value = of(expression.value)
            alternatives = [of(alternative) for alternative in expression.alternatives]
            equal = [UNKNOWN if UNKNOWN in (value, a) else _compared(Comparison.EQUAL, value, a) for a in alternatives]
            return True if True in equal else UNKNOWN if UNKNOWN in (value, *equal) else False
        case Everyone():
            return frozenset(range(scope.model.size(expression.type.of.kind)))
        case Size():
            members = of(expression.set)
            return UNKNOWN if members is UNKNOWN else len(members)
        case Conditional():
            condition = of(expression.condition)
            if condition is UNKNOWN:
                yes, no = of(expression.yes), of(expression.no)
                return yes if yes is not UNKNOWN and no is not UNKNOWN and yes == no else UNKNOWN
            return of(expression.yes) if condition else of(expression.no)
        case Neighbour():
            process = of(expression.process)
            size = scope.model.size(expression.type.kind)
            return UNKNOWN if process is UNKNOWN else (process + expression.offset) % size
        case Entry():
            held, key = of(expression.map), of(expression.key)
            return UNKNOWN if UNKNOWN in (held, key) else held[key]
        case Apply():
            definition = scope.model.protocol.definition(expression.definition)
            arguments = {p.identity: of(a) for p, a in zip(definition.parameters, expression.arguments, strict=True)}
            return abstract(definition.body, replace(scope, locals=arguments))
        case _:
            # Sets, and what ranges over them: a handler's control seldom hangs on them alone.
            return UNKNOWN


def _compared(comparison: Comparison, left: Value, right: Value) -> Value:
    """Of a number above a limit and one that is not it is known which is less; of two that are above it, nothing."""
    if isinstance(left, Above) and not isinstance(right, Above) and right <= left.limit:
        return compare(comparison, left.limit + 1, right)
    if isinstance(right, Above) and not isinstance(left, Above) and left <= right.limit:
        return compare(comparison, left, right.limit + 1)
    return UNKNOWN if isinstance(left, Above) or isinstance(right, Above) else compare(comparison, left, right)


def _computed(operator: Operator, left: Value, right: Value) -> Value:
    match left, right:
        case (Above() as above, other) | (other, Above() as above):
            least = above.limit + 1 if isinstance(other, Above) else other
            if operator is Operator.MAXIMUM or (operator is Operator.PLUS and least >= 0):
                return above
            if operator is Operator.MINIMUM:
                return other if isinstance(other, Above) or other <= above.limit else above
            return UNKNOWN
        case _:
            return arithmetic(operator, left, right)


def _connected(expression: Connected, scope: KnownScope) -> Value:
    left = abstract(expression.left, scope)
    if expression.connective is Connective.IMPLIES:
        left = UNKNOWN if left is UNKNOWN else not left
    settles = expression.connective is not Connective.AND  # the value with which the left side settles it
    if left is settles:
        return settles
    right = abstract(expression.right, scope)
    if right is UNKNOWN or left is UNKNOWN:
        return settles if right is settles else UNKNOWN
    return right
