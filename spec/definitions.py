"""Definitions: checked when first used, so that they may stand in any order; and the built-in majority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from spec import syntax
from spec.names import Names, Place, Reported, bind, type_of
from spec.protocol import (
    Apply,
    Arithmetic,
    Armed,
    Compare,
    Comparison,
    Constant,
    Definition,
    Elapsed,
    Everyone,
    Expression,
    Led,
    Local,
    Operator,
    Paused,
    Read,
    Self,
    Size,
    Underway,
    Up,
)
from spec.source import NOWHERE, Span
from spec.types import NAT, ProcessType, SetType


def apply_definition(
    word: syntax.Word,
    arguments: tuple[syntax.Expression, ...],
    process: Expression | None,
    span: Span,
    place: Place,
    names: Names,
) -> Expression:
    """A use of a definition; of `quorum`, too, which is the majority unless the spec defines it. Raises Reported."""
    from spec.expressions import count, of_set, value_for

    if word.text not in names.definition_items:
        count(arguments, 1, span, "quorum", names)
        members = of_set(arguments[0], place, names)
        assert isinstance(members.type, SetType)
        definition = majority(members.type.of, names)
        return Apply(definition.name, None, (members,), definition.body.type, span)
    definition = checked_definition(word, names)
    count(arguments, len(definition.parameters), span, word.text, names)
    found = [value_for(a, p.type, place, names) for a, p in zip(arguments, definition.parameters, strict=True)]
    if definition.kind is None:
        process = None
    elif process is None:
        if place.kind != definition.kind:
            raise names.report(
                "E0203",
                f"`{word}` reads the variables of a `{definition.kind}`: of which one?",
                word.span,
                "",
                f"say `n.{word}(...)`",
            )
        process = Self(ProcessType(definition.kind), span)
    elif process.type != ProcessType(definition.kind):
        raise names.report("E0304", f"`{word}` is about `{definition.kind}`", span, f"expected `{definition.kind}`")
    body = definition.body
    if not place.others and any(reads_others(part) for part in parts(body, names)):
        raise names.report(
            "E0307", f"`{word}` reads other processes, and a process reads its own variables only", word.span, "here"
        )
    if not place.observes and any(isinstance(part, Up | Armed | Elapsed | Paused) for part in parts(body, names)):
        raise names.report("E0310", f"`{word}` asks what only properties can ask", word.span, "here")
    return Apply(definition.name, process, tuple(found), body.type, span)


def majority(of: ProcessType, names: Names) -> Definition:
    """The built-in quorum of a kind: more than half of its processes."""
    name = "quorum" if names.sole_kind() else f"quorum:{of.kind}"
    if name not in names.definitions:
        members = SetType(of)
        parameter = names.local(syntax.Word("s", NOWHERE), members)
        twice = Arithmetic(Operator.TIMES, Constant(2, NAT), Size(parameter, NAT), NAT)
        body = Compare(Comparison.GREATER, twice, Size(Everyone(members), NAT))
        names.definitions[name] = Definition(name, None, (parameter,), body)
    return names.definitions[name]


def checked_definition(word: syntax.Word, names: Names) -> Definition:
    """The definition of a name; raises Reported where it is recursive or wrong in itself."""
    from spec.expressions import typed

    name = word.text
    if name in names.definitions:
        return names.definitions[name]
    if name in names.broken:
        raise Reported()
    if name in names.definitions_begun:
        cycle = " -> ".join([*names.definitions_begun[names.definitions_begun.index(name) :], name])
        raise names.report(
            "E0401",
            f"`{name}` is defined by itself",
            word.span,
            cycle,
            "definitions are not recursive: there is no end to them",
        )
    item = names.definition_items[name]
    names.definitions_begun.append(name)
    try:
        kind = names.kind_named(item.kind) if item.kind else names.sole_kind()
        place = Place(kind, {}, others=True, observes=True)
        parameters: list[Local] = []
        for parameter in item.parameters:
            local = bind(parameter.name, type_of(parameter.type, names), place, names)
            parameters.append(local)
            place = place.with_local(local)
        body = typed(item.body, place, names)
        about = kind if any(isinstance(part, Self) for part in within(body)) else None
        definition = Definition(name, about, tuple(parameters), body, item.name.span)
    except Reported:
        names.broken.add(name)
        raise
    finally:
        names.definitions_begun.pop()
    names.definitions[name] = definition
    return definition


def reads_others(part: Expression) -> bool:
    return isinstance(part, Read) and not isinstance(part.process, Self)


def children(expression: Expression) -> Iterator[Expression]:
    """The expressions right within an expression."""
    if isinstance(expression, Underway | Led):
        yield expression.body
        return
    for field in fields(expression):
        value = getattr(expression, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if (
                is_dataclass(part)
                and isinstance(part, Expression)
                and not (field.name == "variable" and isinstance(part, Local))
            ):
                yield part


def within(expression: Expression) -> Iterator[Expression]:
    """An expression and all within it; not what is within the definitions it uses."""
    yield expression
    for child in children(expression):
        yield from within(child)


def parts(expression: Expression, names: Names) -> Iterator[Expression]:
    """An expression, all within it, and all within the definitions it uses."""
    for part in within(expression):
        yield part
        if isinstance(part, Apply):
            yield from parts(names.definitions[part.definition].body, names)
