"""Expressions as C. What a value is in C, `values` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from modelcheck.evaluate import kind_of
from modelcheck.layout import Layout, Unsupported
from modelcheck.model import Model
from modelcheck.native.looks import led, underway
from modelcheck.native.values import c_type, constant, everyone, fresh, local_name
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
    Elapsed,
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
    Paused,
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
from spec.types import MapType, OptionType


@dataclass(frozen=True)
class Context:
    """What names mean in C where an expression stands. `state` is the array of all rows. In a handler `mine` has the
    C variables that hold the process's own variables; elsewhere they are read from the row of the process `me`."""

    layout: Layout
    kind: str | None
    me: str
    state: str
    after: str | None = None
    mine: Mapping[str, str] | None = None
    maps: Mapping[int, str] = field(default_factory=dict)
    """C arrays of locals that are maps, by identity."""

    @property
    def model(self) -> Model:
        return self.layout.model


def row_of(context: Context, kind: str, process: str, state: str | None = None) -> str:
    """The C expression of the row of a process."""
    index = context.model.kind_index[kind]
    words = context.layout.rows[index].words
    return f"({state or context.state} + {context.layout.offsets[index]} + ({process}) * {words})"


def expression(part: Expression, context: Context) -> str:
    """The C expression of a value that is no map."""

    def of(operand: Expression) -> str:
        return expression(operand, context)

    match part:
        case Constant():
            return constant(part.value, part.type)
        case Local():
            return local_name(part)
        case Self():
            return context.me
        case Read():
            return _read(part, context, None)
        case Entry():
            return entry(part.map, of(part.key), context)
        case Not():
            return f"(!{of(part.operand)})"
        case Connected():
            left, right = of(part.left), of(part.right)
            match part.connective:
                case Connective.AND:
                    return f"({left} && {right})"
                case Connective.OR:
                    return f"({left} || {right})"
                case Connective.IMPLIES:
                    return f"(!{left} || {right})"
        case Compare():
            return _compare(part, context)
        case Arithmetic():
            return _arithmetic(part, context)
        case OneOf():
            name = fresh("v")
            value = f"{c_type(part.value.type)} {name} = {of(part.value)};"
            return f"({{ {value} {' || '.join(f'{name} == {of(a)}' for a in part.alternatives) or '0'}; }})"
        case Member():
            name = fresh("v")
            inside = f"(({of(part.set)}) >> {name} & 1)"
            if isinstance(part.element.type, OptionType):
                inside = f"({name} >= 0 && {inside})"
            return f"({{ int64_t {name} = {of(part.element)}; (int64_t){inside}; }})"
        case Subset():
            return f"(({of(part.left)} & ~{of(part.right)}) == 0)"
        case SetOf():
            return "(" + (" | ".join(f"UINT64_C(1) << {of(e)}" for e in part.elements) or "UINT64_C(0)") + ")"
        case Everyone():
            return everyone(context.model, part.type.of.kind)
        case Filtered():
            found = fresh("f")
            body = f"if ({of(part.condition)}) {found} |= UINT64_C(1) << {local_name(part.variable)};"
            return f"({{ uint64_t {found} = 0; {_each(part.variable, part.domain, body, context)} {found}; }})"
        case SetOperation():
            left, right = of(part.left), of(part.right)
            match part.operator:
                case SetOperator.UNION:
                    return f"({left} | {right})"
                case SetOperator.DIFFERENCE:
                    return f"({left} & ~{right})"
                case SetOperator.INTERSECTION:
                    return f"({left} & {right})"
        case Elapsed() | Paused():
            raise AssertionError("the clocks of a model are variables")
        case Size():
            return f"((int64_t)__builtin_popcountll({of(part.set)}))"
        case Quantified():
            found = fresh("q")
            exists = part.quantifier is Quantifier.EXISTS
            test = of(part.body) if exists else f"!{of(part.body)}"
            body = f"if ({test}) {{ {found} = {int(exists)}; break; }}"
            loop = _each(part.variable, part.domain, body, context)
            return f"({{ int64_t {found} = {int(not exists)}; {loop} {found}; }})"
        case Conditional():
            return f"({of(part.condition)} ? {of(part.yes)} : {of(part.no)})"
        case Neighbour():
            size = context.model.size(part.type.kind)
            return f"(({of(part.process)} + {part.offset % size}) % {size})"
        case Apply():
            return _apply(part, context, None)
        case Armed():
            kind = kind_of(part.process.type)
            return f"{kind}___armed_{part.timer}({row_of(context, kind, of(part.process))})"
        case Up():
            kind = kind_of(part.process.type)
            return f"{kind}___up({row_of(context, kind, of(part.process))})"
        case Underway():
            return underway(part, of(part.body), context.layout, context.state)
        case Led():
            return led(part, of(part.body), context.layout, context.state)
        case Next():
            assert context.after is not None
            return expression(part.operand, replace(context, state=context.after, after=None))


def each(variable: str, domain: str, size: int, body: str) -> str:
    """A C loop over the members of a set."""
    members = fresh("s")
    return (
        f"uint64_t {members} = {domain}; for (int64_t {variable} = 0; {variable} < {size}; {variable}++) "
        f"if ({members} >> {variable} & 1) {{ {body} }}"
    )


def _each(variable: Local, domain: Expression, body: str, context: Context) -> str:
    size = context.model.size(kind_of(variable.type))
    return each(local_name(variable), expression(domain, context), size, body)


def _read(part: Read, context: Context, key: str | None) -> str:
    if isinstance(part.process, Self) and context.mine is not None:
        name = context.mine[part.variable]
        return name if key is None else f"{name}[{key}]"
    kind = kind_of(part.process.type)
    row = row_of(context, kind, expression(part.process, context))
    return f"{kind}__{part.variable}({row}{'' if key is None else f', {key}'})"


def entry(part: Expression, key: str, context: Context) -> str:
    """The entry of a map at a key (a C expression)."""
    match part:
        case Read():
            return _read(part, context, key)
        case Local():
            return f"{context.maps[part.identity]}[{key}]"
        case Conditional():
            yes, no = entry(part.yes, key, context), entry(part.no, key, context)
            return f"({expression(part.condition, context)} ? {yes} : {no})"
        case Apply():
            return _apply(part, context, key)
        case Next():
            assert context.after is not None
            return entry(part.operand, key, replace(context, state=context.after, after=None))
        case _:
            raise Unsupported(f"a map that is {type(part).__name__}")


def _apply(part: Apply, context: Context, key: str | None) -> str:
    definition = context.model.protocol.definition(part.definition)
    bound = []
    for parameter, argument in zip(definition.parameters, part.arguments, strict=True):
        if isinstance(parameter.type, MapType):
            raise Unsupported(f"{definition.name} takes a map")
        bound.append(f"{c_type(parameter.type)} {local_name(parameter)} = {expression(argument, context)};")
    inner = context
    if part.process is not None and not isinstance(part.process, Self):
        me = fresh("p")
        bound.append(f"int64_t {me} = {expression(part.process, context)};")
        inner = replace(context, me=me, kind=kind_of(part.process.type), mine=None)
    if key is None:
        body = expression(definition.body, inner)
    else:
        at = fresh("k")
        bound.append(f"int64_t {at} = {key};")
        body = entry(definition.body, at, inner)
    return f"({{ {' '.join(bound)} {body}; }})"


_COMPARISONS = {
    Comparison.EQUAL: "==",
    Comparison.DIFFERENT: "!=",
    Comparison.LESS: "<",
    Comparison.LESS_EQUAL: "<=",
    Comparison.GREATER: ">",
    Comparison.GREATER_EQUAL: ">=",
}


def _compare(part: Compare, context: Context) -> str:
    operator = _COMPARISONS[part.comparison]
    if isinstance(part.left.type, MapType):
        key, same = fresh("k"), fresh("q")
        size = context.model.size(part.left.type.key.kind)
        test = f"{entry(part.left, key, context)} != {entry(part.right, key, context)}"
        loop = f"for (int64_t {key} = 0; {key} < {size}; {key}++) if ({test}) {same} = 0;"
        return f"({{ int64_t {same} = 1; {loop} {same if operator == '==' else f'!{same}'}; }})"
    return f"({expression(part.left, context)} {operator} {expression(part.right, context)})"


def _arithmetic(part: Arithmetic, context: Context) -> str:
    left, right = expression(part.left, context), expression(part.right, context)
    match part.operator:
        case Operator.TIMES if not all(isinstance(operand, Constant | Size) for operand in (part.left, part.right)):
            return f"times({left}, {right})"
        case Operator.PLUS | Operator.MINUS | Operator.TIMES:
            return f"({left} {part.operator.value} {right})"
        case Operator.MINIMUM | Operator.MAXIMUM:
            a, b = fresh("a"), fresh("b")
            sign = "<" if part.operator is Operator.MINIMUM else ">"
            return f"({{ int64_t {a} = {left}, {b} = {right}; {a} {sign} {b} ? {a} : {b}; }})"
