"""Types and values of the language as Python."""

from __future__ import annotations

from collections.abc import Callable

from spec.protocol import Arithmetic, Constant, Entry, Expression, Local, Operator, Read, Size
from spec.types import (
    BoolType,
    EnumType,
    IntType,
    MapType,
    NatType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    Value,
)


def type_text(of: Type, enum_name: Callable[[EnumType], str]) -> str:
    """An annotation. A process is a number within its kind, a map a tuple with an entry for each process."""
    match of:
        case BoolType():
            return "bool"
        case EnumType():
            return enum_name(of)
        case OptionType(inner):
            return f"{type_text(inner, enum_name)} | None"
        case SetType():
            return "frozenset[int]"
        case MapType(_, inner):
            return f"tuple[{type_text(inner, enum_name)}, ...]"
        case _:
            return "int"


def named(of: Type) -> str | tuple[str, str | None] | None:
    """Which processes a variable of the type names, by their kind; for a map, its keys' and its entries'."""
    match of:
        case ProcessType(kind) | OptionType(ProcessType(kind)) | SetType(ProcessType(kind)):
            return kind
        case MapType(key, value):
            inner = named(value)
            return key.kind, inner if isinstance(inner, str) else None
        case _:
            return None


def accepted_text(of: Type) -> str:
    """What an argument of an input may be: see `runtime.process.Accepted`."""
    match of:
        case OptionType(inner):
            return f"{accepted_text(inner).removesuffix(')')} None)"
        case BoolType():
            return "(bool,)"
        case EnumType(values):
            return f"(frozenset({{{', '.join(map(value_text, sorted(values)))}}}),)"
        case IntType(low, high):
            return f"(range({low}, {high + 1}),)"
        case ProcessType(kind):
            return f'("{kind}",)'
        case _:
            raise TypeError(f"an input's argument is no {of}")


def value_text(value: Value) -> str:
    """A value of any type but a map's."""
    match value:
        case frozenset():
            inside = ", ".join(map(str, sorted(value)))
            return f"frozenset({{{inside}}})" if value else "frozenset()"
        case str():
            return f'"{value}"'
        case _:
            return repr(value)


def is_natural(expression: Expression) -> bool:
    """Whether an expression is seen to be no negative number."""
    match expression:
        case Constant(value):
            return isinstance(value, int) and value >= 0
        case Read() | Entry() | Local() | Size():
            return isinstance(expression, Size) or isinstance(expression.type, NatType)
        case Arithmetic(Operator.PLUS | Operator.TIMES | Operator.MINIMUM | Operator.MAXIMUM, left, right):
            return is_natural(left) and is_natural(right)
        case _:
            return False


def checked(value: str, of: Type, expression: Expression) -> str:
    """The value, checked to be in its type's range unless it is seen to be."""
    if isinstance(of, NatType) and is_natural(expression):
        return value
    if expression.type == of and isinstance(expression, Read | Entry | Local):
        return value
    return _within(value, of)


def _within(value: str, of: Type) -> str:
    match of:
        case NatType():
            return f"natural({value})"
        case IntType(low, high):
            return f"within({value}, {low}, {high})"
        case OptionType(NatType()):
            return f"optional_natural({value})"
        case OptionType(IntType(low, high)):
            return f"optional_within({value}, {low}, {high})"
        case MapType(_, inner) if _within("", inner):
            return f"tuple({_within('entry', inner)} for entry in {value})"
        case _:
            return value
