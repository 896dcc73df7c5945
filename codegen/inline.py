"""Expressions with their definitions written out, and what an expression mentions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from spec.protocol import (
    Apply,
    Definition,
    Expression,
    Filtered,
    Led,
    Local,
    Protocol,
    Quantified,
    Read,
    Self,
    Underway,
)
from spec.types import BoolType, EnumType, IntType, MapType, NatType, NumberType, OptionType, ProcessType, SetType, Type


def inlined(
    expression: Expression,
    protocol: Protocol,
    me: Expression | None = None,
    arguments: Mapping[int, Expression] | None = None,
    keep: frozenset[str] = frozenset(),
) -> Expression:
    """The expression with each definition replaced by its body. `me` stands for `Self` (None: leave it), `arguments`
    for parameters by identity; definitions named in `keep` stay as they are. Names cannot clash: every local has an
    identity of its own, and no definition uses itself."""

    known = arguments or {}

    def of(part: Any) -> Any:
        match part:
            case Local():
                return known.get(part.identity, part)
            case Self():
                return part if me is None else me
            case Apply() if part.definition not in keep:
                definition = protocol.definition(part.definition)
                bound = {p.identity: of(a) for p, a in zip(definition.parameters, part.arguments, strict=True)}
                process = me if part.process is None else of(part.process)
                return inlined(definition.body, protocol, process, bound, keep)
            case tuple():
                return tuple(of(item) for item in part)
            case _ if _is_expression(part):
                return replace(part, **{name: of(getattr(part, name)) for name in _parts(part)})
            case _:
                return part

    found: Expression = of(expression)
    return found


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all its parts, outermost first."""
    yield expression
    for name in _parts(expression):
        part = getattr(expression, name)
        for item in part if isinstance(part, tuple) else (part,):
            if _is_expression(item):
                yield from walk(item)


def free_locals(expression: Expression) -> tuple[Local, ...]:
    """The locals that an expression takes from outside, each once, in the order of the text."""
    parts = list(walk(expression))
    bound = {local.identity for part in parts for local in _bound_by(part)}
    found = {part.identity: part for part in parts if isinstance(part, Local) and part.identity not in bound}
    return tuple(found.values())


def mentions(expression: Expression, variable: str) -> bool:
    """Whether a handler's expression, its definitions written out, reads a variable of the process itself."""
    return any(isinstance(part, Read) and part.variable == variable for part in walk(expression))


def kind_of(of: Type) -> str:
    """The kind of a process, of an optional one, or of a set's elements."""
    match of:
        case ProcessType(kind) | OptionType(ProcessType(kind)) | SetType(ProcessType(kind)):
            return kind
        case _:
            raise TypeError(f"no process: {of}")


def is_scalar(of: Type) -> bool:
    """Whether a value is one number, truth value, enumeration's value or process."""
    return isinstance(of, BoolType | EnumType | NatType | IntType | NumberType | ProcessType)


def number_in(of: Type) -> Type | None:
    """The number type of what a place of a type holds, if it holds numbers."""
    match of:
        case OptionType(inner) | MapType(_, inner):
            return number_in(inner)
        case NatType() | IntType() | NumberType():
            return of
        case _:
            return None


def called(definition: Definition, protocol: Protocol) -> tuple[str, ...]:
    """The definitions that a definition uses directly."""
    names = {d.name for d in protocol.definitions}
    return tuple(p.definition for p in walk(definition.body) if isinstance(p, Apply) and p.definition in names)


def _is_expression(value: object) -> bool:
    return isinstance(value, Expression)


def _bound_by(expression: Expression) -> tuple[Local, ...]:
    """The locals that an expression binds itself."""
    match expression:
        case Filtered() | Quantified():
            return (expression.variable,)
        case Underway():
            behind = expression.later[1] if expression.later is not None else ()
            return (*expression.parameters, expression.sender, expression.receiver, *behind)
        case Led():
            return expression.process, expression.token
        case _:
            return ()


def _parts(expression: Expression) -> tuple[str, ...]:
    """The fields that hold expressions to look into: a bound variable stays what it is."""
    if isinstance(expression, Underway | Led):
        return ("body",)
    skipped = ("type", "span", "variable") if isinstance(expression, Filtered | Quantified) else ("type", "span")
    return tuple(f.name for f in fields(expression) if f.name not in skipped)
