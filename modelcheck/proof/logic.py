"""First-order formulas: what a proof obligation is made of.

Terms are interned: two terms that are built alike are one object, so that comparing them is cheap and a formula may
share its parts. The makers (`conjunction`, `equal`, ...) simplify what is settled by constants alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

BOOL: Final = "Bool"
NUMBER: Final = "number"
"""A whole number. How it is written, as an integer or as a member of a total order, is the printer's affair."""
POSITION: Final = "position"
"""A whole number that says where in a queue a message is; never compared with the numbers of a spec."""
INTEGER: Final = "integer"
"""A whole number that may be negative, as a timer's count is. It is an integer also where numbers are members of a
total order; it is never the argument of a symbol there, nor under a quantifier."""
NUMERIC: Final = (NUMBER, POSITION, INTEGER)


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """`operator` is a logical or arithmetical sign, `apply` (of the symbol `name`), `constant` (a value of a finite
    sort, by `name`), `number` (a literal, by `value`), `variable` (bound by a quantifier) or a quantifier, whose last
    argument is its body and whose others are the variables that it binds."""

    operator: str
    arguments: tuple[Term, ...]
    sort: str
    name: str = ""
    value: int = 0

    def __repr__(self) -> str:
        inside = " ".join([self.name or self.operator, *map(repr, self.arguments)])
        return f"({inside})" if self.arguments else self.name or str(self.value)


_interned: dict[tuple[object, ...], Term] = {}


def _term(operator: str, arguments: tuple[Term, ...], sort: str, name: str = "", value: int = 0) -> Term:
    key = (operator, arguments, sort, name, value)
    found = _interned.get(key)
    if found is None:
        found = _interned[key] = Term(operator, arguments, sort, name, value)
    return found


TRUE: Final = _term("true", (), BOOL)
FALSE: Final = _term("false", (), BOOL)


# Makers --------------------------------------------------------------------------------------------------------------


def truth(value: bool) -> Term:
    return TRUE if value else FALSE


def number(value: int, sort: str = NUMBER) -> Term:
    return _term("number", (), sort, "", value)


def constant(name: str, sort: str) -> Term:
    """A value of a finite sort; two constants of different names are different values."""
    return _term("constant", (), sort, name)


def variable(name: str, sort: str) -> Term:
    """A variable, to be bound by a quantifier."""
    return _term("variable", (), sort, name)


def apply(symbol: str, sort: str, *arguments: Term) -> Term:
    """A symbol applied; without arguments, a constant whose value is not known."""
    return _term("apply", arguments, sort, symbol)


def negation(operand: Term) -> Term:
    if operand is TRUE or operand is FALSE:
        return truth(operand is FALSE)
    return operand.arguments[0] if operand.operator == "not" else _term("not", (operand,), BOOL)


def conjunction(parts: Iterable[Term]) -> Term:
    return _joined("and", parts, TRUE, FALSE)


def disjunction(parts: Iterable[Term]) -> Term:
    return _joined("or", parts, FALSE, TRUE)


def _joined(operator: str, parts: Iterable[Term], unit: Term, zero: Term) -> Term:
    found: dict[Term, None] = {}
    for part in parts:
        for one in part.arguments if part.operator == operator else (part,):
            if one is zero:
                return zero
            if one is not unit:
                found[one] = None
    if any(negation(one) in found for one in found):
        return zero
    if not found:
        return unit
    return next(iter(found)) if len(found) == 1 else _term(operator, tuple(found), BOOL)


def implication(condition: Term, consequence: Term) -> Term:
    if condition is TRUE or consequence is TRUE:
        return consequence
    if condition is FALSE:
        return TRUE
    if consequence.operator == "=>":
        return implication(conjunction((condition, consequence.arguments[0])), consequence.arguments[1])
    return negation(condition) if consequence is FALSE else _term("=>", (condition, consequence), BOOL)


def equal(left: Term, right: Term) -> Term:
    if left is right:
        return TRUE
    if left.sort == BOOL:
        for one, other in ((left, right), (right, left)):
            if one is TRUE or one is FALSE:
                return other if one is TRUE else negation(other)
    if left.operator == right.operator and left.operator in ("constant", "number"):
        return FALSE
    return _term("=", (left, right), BOOL)


def choice(condition: Term, yes: Term, no: Term) -> Term:
    if condition is TRUE or yes is no:
        return yes
    if condition is FALSE:
        return no
    if yes.sort == BOOL:
        if yes is TRUE or no is FALSE:
            return disjunction((condition, no)) if yes is TRUE else conjunction((condition, yes))
        if yes is FALSE or no is TRUE:
            inverse = negation(condition)
            return conjunction((inverse, no)) if yes is FALSE else disjunction((inverse, yes))
    return _term("ite", (condition, yes, no), yes.sort)


def at_most(left: Term, right: Term) -> Term:
    if left.operator == right.operator == "number":
        return truth(left.value <= right.value)
    return TRUE if left is right else _term("<=", (left, right), BOOL)


def less(left: Term, right: Term) -> Term:
    return negation(at_most(right, left))


def arithmetic(sign: str, left: Term, right: Term) -> Term:
    """`+`, `-` or `*`."""
    if left.operator == right.operator == "number":
        results = {"+": left.value + right.value, "-": left.value - right.value, "*": left.value * right.value}
        return number(results[sign], left.sort)
    if sign == "+" and left.operator == "number":
        left, right = right, left
    if sign in "+-" and right.operator == "number" and right.value == 0:
        return left
    if sign == "+" and right.operator == "number" and left.operator == "+" and left.arguments[1].operator == "number":
        return arithmetic("+", left.arguments[0], number(left.arguments[1].value + right.value, left.sort))
    return _term(sign, (left, right), left.sort)


def for_all(variables: Iterable[Term], body: Term) -> Term:
    return _quantified("forall", tuple(variables), body)


def there_is(variables: Iterable[Term], body: Term) -> Term:
    return _quantified("exists", tuple(variables), body)


def _quantified(quantifier: str, variables: tuple[Term, ...], body: Term) -> Term:
    if not variables or body is TRUE or body is FALSE:
        return body
    variables, body = _pulled(quantifier, variables, body)
    body = _pointed(quantifier, variables, body)
    variables = tuple(one for one in variables if one in set(subterms(body)))
    if not variables:
        return body
    if body.operator == quantifier:
        variables, body = (*variables, *body.arguments[:-1]), body.arguments[-1]
    return _term(quantifier, (*variables, body), BOOL)


def _pulled(quantifier: str, variables: tuple[Term, ...], body: Term) -> tuple[tuple[Term, ...], Term]:
    """`forall x: P implies forall y: Q` as `forall x, y: P implies Q`."""
    if quantifier == "forall" and body.operator == "=>" and body.arguments[1].operator == "forall":
        condition, consequence = body.arguments
        *inner, rest = consequence.arguments
        if not set(inner) & {*variables, *subterms(condition)}:
            return (*variables, *inner), implication(condition, rest)
    return variables, body


def _pointed(quantifier: str, variables: tuple[Term, ...], body: Term) -> Term:
    """The body with variables that an equation of it settles replaced: `exists x: x = y and P(x)` is `P(y)`."""
    while True:
        if quantifier == "exists":
            parts = body.arguments if body.operator == "and" else (body,)
        elif body.operator == "=>":
            parts = body.arguments[0].arguments if body.arguments[0].operator == "and" else (body.arguments[0],)
        else:
            return body
        for part in parts:
            if part.operator != "=":
                continue
            for one, other in (part.arguments, part.arguments[::-1]):
                if one in variables and one not in set(subterms(other)):
                    body = substitute(body, {one: other})
                    break
            else:
                continue
            break
        else:
            return body


# Walks ---------------------------------------------------------------------------------------------------------------


def rebuilt(term: Term, arguments: tuple[Term, ...]) -> Term:
    """The term with other arguments, simplified again."""
    if arguments == term.arguments:
        return term
    match term.operator:
        case "not":
            return negation(arguments[0])
        case "and":
            return conjunction(arguments)
        case "or":
            return disjunction(arguments)
        case "=>":
            return implication(*arguments)
        case "=":
            return equal(*arguments)
        case "ite":
            return choice(*arguments)
        case "<=":
            return at_most(*arguments)
        case "+" | "-" | "*":
            return arithmetic(term.operator, *arguments)
        case "forall" | "exists":
            return _quantified(term.operator, arguments[:-1], arguments[-1])
        case _:
            return _term(term.operator, arguments, term.sort, term.name, term.value)


def substitute(term: Term, values: Mapping[Term, Term]) -> Term:
    """The term with variables, or other whole terms, replaced. Bound variables have names of their own, so nothing
    is captured."""
    known: dict[Term, Term] = dict(values)

    def of(part: Term) -> Term:
        found = known.get(part)
        if found is None:
            found = known[part] = rebuilt(part, tuple(map(of, part.arguments))) if part.arguments else part
        return found

    return of(term)


def subterms(term: Term, seen: set[Term] | None = None) -> Iterator[Term]:
    """Every part of a term once, the term itself first."""
    seen = set() if seen is None else seen
    waiting = [term]
    while waiting:
        part = waiting.pop()
        if part not in seen:
            seen.add(part)
            yield part
            waiting.extend(part.arguments)


def unfolded(term: Term, definitions: Mapping[str, Callable[[tuple[Term, ...]], Term]]) -> Term:
    """The term with every application of a defined symbol replaced by what it is defined as."""
    known: dict[Term, Term] = {}

    def of(part: Term) -> Term:
        found = known.get(part)
        if found is None:
            arguments = tuple(map(of, part.arguments))
            meaning = definitions.get(part.name) if part.operator == "apply" else None
            found = known[part] = of(meaning(arguments)) if meaning is not None else rebuilt(part, arguments)
        return found

    return of(term)


def instances(variables: tuple[Term, ...], choices: Mapping[str, tuple[Term, ...]], body: Term) -> list[Term]:
    """The body for every way to choose values for the variables, from `choices` by sort."""
    ranges = [choices[of.sort] for of in variables]
    return [substitute(body, dict(zip(variables, chosen, strict=True))) for chosen in product(*ranges)]
