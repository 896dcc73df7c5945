"""Expressions of the language as Python expressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from codegen.python.names import attribute_name, free_name
from codegen.python.values import value_text
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
    Not,
    OneOf,
    Operator,
    Quantified,
    Quantifier,
    Read,
    Self,
    SetOf,
    SetOperation,
    Size,
    Subset,
    Up,
)
from spec.show import show

# How tightly Python binds; an operand that binds less tightly than its place asks stands in parentheses.
CONDITIONAL, OR, AND, NOT, COMPARED, UNION, INTERSECTION, SUM, PRODUCT, NEGATIVE, POSTFIX = range(11)
COMPARISONS = {Comparison.EQUAL: "==", Comparison.DIFFERENT: "!="}
SETS = {"+": ("|", UNION), "-": ("-", SUM), "&": ("&", INTERSECTION)}


@dataclass(frozen=True)
class Names:
    """What things are called where an expression stands: locals by their identity, definitions by their name. `now` is
    the state, `taken` what must not be called otherwise."""

    locals: Mapping[int, str]
    definitions: Mapping[str, str]
    taken: frozenset[str]
    now: str = "now"

    def bind(self, local: Local) -> tuple[str, Names]:
        """A local's name, and the names where it is known."""
        name = free_name(local.name, {*self.taken, *self.locals.values()})
        return name, replace(self, locals={**self.locals, local.identity: name})


class NotEmitted(Exception):
    """A part of the language that no step of a process may use."""


def text_of(expression: Expression, names: Names, place: int = CONDITIONAL) -> str:
    """The expression, in parentheses where its place asks for them."""
    text, level = _text(expression, names)
    return f"({text})" if level < place else text


OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def negated(expression: Expression, names: Names) -> str:
    """The opposite of a condition."""
    match expression:
        case Not(operand):
            return text_of(operand, names)
        case Compare(comparison, left, right, span):
            return text_of(Compare(Comparison(OPPOSITE[comparison.value]), left, right, span), names)
        case _:
            return f"not {text_of(expression, names, NOT)}"


def _text(expression: Expression, names: Names) -> tuple[str, int]:
    def of(part: Expression, place: int = CONDITIONAL) -> str:
        return text_of(part, names, place)

    match expression:
        case Constant(value):
            return value_text(value), NEGATIVE if isinstance(value, int) and value < 0 else POSTFIX
        case Local():
            return names.locals[expression.identity], POSTFIX
        case Self():
            return f"{names.now}.me", POSTFIX
        case Read(Self(), variable):
            return f"{names.now}.{attribute_name(variable)}", POSTFIX
        case Entry(of_map, key):
            return f"{of(of_map, POSTFIX)}[{of(key)}]", POSTFIX
        case Not(Member(element, inside)):
            return f"{of(element, UNION)} not in {of(inside, UNION)}", COMPARED
        case Not(operand):
            return f"not {of(operand, NOT)}", NOT
        case Connected(Connective.IMPLIES, left, right):
            return f"not {of(left, NOT)} or {of(right, OR)}", OR
        case Connected(connective, left, right):
            level = AND if connective is Connective.AND else OR
            return f"{of(left, level)} {connective.value} {of(right, level)}", level
        case Compare():
            return _compared(expression, names), COMPARED
        case Arithmetic(Operator.MINIMUM | Operator.MAXIMUM as extreme, left, right):
            return f"{extreme.value}({of(left)}, {of(right)})", POSTFIX
        case Arithmetic(counted, left, right):
            level = PRODUCT if counted is Operator.TIMES else SUM
            return f"{of(left, level)} {counted.value} {of(right, level + 1)}", level
        case OneOf(value, alternatives):
            among = ", ".join(of(one) for one in alternatives)
            return f"{of(value, UNION)} in ({among}{',' if len(alternatives) == 1 else ''})", COMPARED
        case Member(element, inside):
            return f"{of(element, UNION)} in {of(inside, UNION)}", COMPARED
        case Subset(left, right):
            return f"{of(left, UNION)} <= {of(right, UNION)}", COMPARED
        case SetOf(elements):
            listed = ", ".join(of(element) for element in elements)
            return f"frozenset({{{listed}}})" if elements else "frozenset()", POSTFIX
        case Everyone(of_set):
            return f'{names.now}.everyone["{of_set.of.kind}"]', POSTFIX
        case Filtered(variable, domain, condition):
            name, inner = names.bind(variable)
            return f"frozenset({name} for {name} in {of(domain, OR)} if {text_of(condition, inner, OR)})", POSTFIX
        case SetOperation(joined, left, right):
            sign, level = SETS[joined.value]
            return f"{of(left, level)} {sign} {of(right, level + 1)}", level
        case Size(inside):
            return f"len({of(inside)})", POSTFIX
        case Quantified(quantifier, variable, domain, body):
            name, inner = names.bind(variable)
            over = "any" if quantifier is Quantifier.EXISTS else "all"
            return f"{over}({text_of(body, inner, OR)} for {name} in {of(domain, OR)})", POSTFIX
        case Conditional(condition, yes, no):
            return f"{of(yes, OR)} if {of(condition, OR)} else {of(no)}", CONDITIONAL
        case Neighbour(process, offset, of_process):
            moved = f"{of(process, SUM)} {'+' if offset > 0 else '-'} {abs(offset)}"
            return f'({moved}) % len({names.now}.everyone["{of_process.kind}"])', PRODUCT
        case Apply(definition, _, arguments):
            given = [names.now, *map(of, arguments)]
            return f"{names.definitions[definition]}({', '.join(given)})", POSTFIX
        case Armed(_, timer):
            return f'"{timer}" in {names.now}.armed', COMPARED
        case Up():
            return "True", POSTFIX
        case _:
            raise NotEmitted(f"`{show(expression)}` in a step")


def _compared(expression: Compare, names: Names) -> str:
    left, right = expression.left, expression.right
    sign = COMPARISONS.get(expression.comparison, expression.comparison.value)
    for one, other in ((left, right), (right, left)):
        if isinstance(other, Constant) and other.value is None and expression.comparison in COMPARISONS:
            return f"{text_of(one, names, UNION)} {'is' if sign == '==' else 'is not'} None"
    return f"{text_of(left, names, UNION)} {sign} {text_of(right, names, UNION)}"
