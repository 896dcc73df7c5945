"""The meaning of expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from modelcheck.model import Model, Name, State
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

    def of(part: Expression) -> Value:
        return evaluate(part, scope)

    match expression:
        case Constant():
            return expression.value
        case Local():
            return scope.locals[expression.identity]
        case Self():
            assert scope.me is not None
            return scope.me.number
        case Read():
            return scope.read(_process(expression.process, scope), expression.variable)
        case Entry():
            return of(expression.map)[of(expression.key)]
        case Not():
            return not of(expression.operand)
        case Connected():
            match expression.connective:
                case Connective.AND:
                    return of(expression.left) and of(expression.right)
                case Connective.OR:
                    return of(expression.left) or of(expression.right)
                case Connective.IMPLIES:
                    return not of(expression.left) or of(expression.right)
        case Compare():
            return compare(expression.comparison, of(expression.left), of(expression.right))
        case Arithmetic():
            return arithmetic(expression.operator, of(expression.left), of(expression.right))
        case OneOf():
            value = of(expression.value)
            return any(of(alternative) == value for alternative in expression.alternatives)
        case Member():
            return of(expression.element) in of(expression.set)
        case Subset():
            return of(expression.left) <= of(expression.right)
        case SetOf():
            return frozenset(of(element) for element in expression.elements)
        case Everyone():
            return frozenset(range(scope.model.size(expression.type.of.kind)))
        case Filtered():
            return frozenset(
                element
                for element in of(expression.domain)
                if evaluate(expression.condition, _bind(scope, expression.variable, element))
            )
        case SetOperation():
            left, right = of(expression.left), of(expression.right)
            match expression.operator:
                case SetOperator.UNION:
                    return left | right
                case SetOperator.DIFFERENCE:
                    return left - right
                case SetOperator.INTERSECTION:
                    return left & right
        case Size():
            return len(of(expression.set))
        case Quantified():
            holds = (
                evaluate(expression.body, _bind(scope, expression.variable, element))
                for element in sorted(of(expression.domain))
            )
            return any(holds) if expression.quantifier is Quantifier.EXISTS else all(holds)
        case Conditional():
            return of(expression.yes) if of(expression.condition) else of(expression.no)
        case Neighbour():
            return (of(expression.process) + expression.offset) % scope.model.size(expression.type.kind)
        case Apply():
            definition = scope.model.protocol.definition(expression.definition)
            arguments = {p.identity: of(a) for p, a in zip(definition.parameters, expression.arguments, strict=True)}
            me = scope.me if expression.process is None else _process(expression.process, scope)
            return evaluate(definition.body, replace(scope, me=me, locals=arguments))
        case Armed():
            assert scope.state is not None
            process = _process(expression.process, scope)
            armed = scope.state.processes[scope.model.kind_index[process.kind]][process.number].armed
            return armed[scope.model.timer_index[process.kind, expression.timer]]
        case Up():
            assert scope.state is not None
            process = _process(expression.process, scope)
            return scope.state.processes[scope.model.kind_index[process.kind]][process.number].up
        case Next():
            assert scope.after is not None
            after = replace(scope, read=reader(scope.model, scope.after), state=scope.after, after=None)
            return evaluate(expression.operand, after)


def kind_of(of: Type) -> str:
    """The kind of a process, of an optional one, or of a set's elements."""
    match of:
        case ProcessType(kind):
            return kind
        case OptionType(ProcessType(kind)) | SetType(ProcessType(kind)):
            return kind
        case _:
            raise TypeError(f"no process: {of}")


def _process(expression: Expression, scope: Scope) -> Name:
    return Name(kind_of(expression.type), evaluate(expression, scope))


def _bind(scope: Scope, variable: Local, value: Value) -> Scope:
    return replace(scope, locals={**scope.locals, variable.identity: value})


def compare(comparison: Comparison, left: Value, right: Value) -> bool:
    """A comparison of two values."""
    match comparison:
        case Comparison.EQUAL:
            return bool(left == right)
        case Comparison.DIFFERENT:
            return bool(left != right)
        case Comparison.LESS:
            return bool(left < right)
        case Comparison.LESS_EQUAL:
            return bool(left <= right)
        case Comparison.GREATER:
            return bool(left > right)
        case Comparison.GREATER_EQUAL:
            return bool(left >= right)


def arithmetic(operator: Operator, left: int, right: int) -> int:
    """The value of an operation on two numbers."""
    match operator:
        case Operator.PLUS:
            return left + right
        case Operator.MINUS:
            return left - right
        case Operator.TIMES:
            return left * right
        case Operator.MINIMUM:
            return min(left, right)
        case Operator.MAXIMUM:
            return max(left, right)
