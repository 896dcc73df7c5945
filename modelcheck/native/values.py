"""Values as C, and their codes in a packed state.

A boolean, enumeration value, number or process is an `int64_t`, `none` is NONE (NO_NUMBER in an option of a number),
a set is a `uint64_t` with a bit for each member. Maps have no C value: they are read entry by entry.
"""

from __future__ import annotations

from itertools import count

from modelcheck.model import Model
from spec.protocol import Local
from spec.types import EnumType, IntType, OptionType, SetType, Type, Value, is_number

_fresh = count()


def c_type(of: Type) -> str:
    return "uint64_t" if isinstance(of, SetType) else "int64_t"


def local_name(local: Local) -> str:
    return f"l{local.identity}"


def fresh(prefix: str) -> str:
    """A C name used nowhere else in the text being emitted (the names start over with each emission)."""
    return f"{prefix}{next(_fresh)}"


def restart_names() -> None:
    global _fresh
    _fresh = count()


def no_value(of: Type) -> str:
    """`none` of an option type."""
    inner = of.of if isinstance(of, OptionType) else of
    return "NO_NUMBER" if is_number(inner) else "NONE"


def to_code(of: Type, value: str) -> str:
    """The C code that packs a value, cf. `layout.encode`."""
    match of:
        case IntType(low, _) if low:
            return f"(({value}) - ({low}))"
        case OptionType(inner):
            if not is_number(inner):
                return f"(({value}) + 1)"
            return f"packed_option({value}, {inner.low if isinstance(inner, IntType) else 0})"
        case _:
            return f"({value})"


def from_code(of: Type, code: str) -> str:
    match of:
        case SetType():
            return f"({code})"
        case IntType(low, _) if low:
            return f"((int64_t)({code}) + ({low}))"
        case OptionType(inner):
            if not is_number(inner):
                return f"((int64_t)({code}) - 1)"
            return f"unpacked_option({code}, {inner.low if isinstance(inner, IntType) else 0})"
        case _:
            return f"((int64_t)({code}))"


def constant(value: Value, of: Type) -> str:
    match of:
        case SetType():
            return f"UINT64_C({sum(1 << member for member in value)})"
        case EnumType(values):
            return str(values.index(value))
        case OptionType(inner):
            return no_value(of) if value is None else constant(value, inner)
        case _:
            return f"INT64_C({int(value)})"


def everyone(model: Model, kind: str) -> str:
    return f"UINT64_C({(1 << model.size(kind)) - 1})"
