"""Values as Murphi text.

Murphi has no sets, no options and no maps as values. A set is written by what it means that a process is in it, an
option by whether there is something and what, a map by its entries; only scalars become one piece of text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codegen.murphi_text import FALSE, TRUE, Code, all_of, any_of, compare, either, negated
from spec.types import MapType, OptionType, SetType, Type


@dataclass(frozen=True)
class OptionCode:
    """`value` is only read where `some` holds. `place` is the variable that holds the option, if one does."""

    some: Code
    value: Code
    place: str | None = None


@dataclass(frozen=True)
class SetCode:
    """`place` is the array that holds the set, if one does."""

    contains: Callable[[Code], Code]
    place: str | None = None


@dataclass(frozen=True)
class MapCode:
    entry: Callable[[Code], ValueCode]
    place: str | None = None


ValueCode = Code | OptionCode | SetCode | MapCode


def at_place(place: str, of: Type) -> ValueCode:
    """The value that a Murphi variable of a type of the language holds."""
    match of:
        case OptionType():
            return OptionCode(Code(f"!isundefined({place})"), Code(place), place)
        case SetType():
            return SetCode(lambda x: Code(f"{place}[{x.text}]"), place)
        case MapType(_, inner):
            return MapCode(lambda x: at_place(f"{place}[{x.text}]", inner), place)
        case _:
            return Code(place)


def one_of(said: list[tuple[str, Code]]) -> SetCode:
    """A set of which it is said of each process, a constant, whether it is in it."""

    def contains(x: Code) -> Code:
        return any_of(all_of((compare("=", x, Code(process)), inside)) for process, inside in said)

    return SetCode(contains)


def chosen(condition: Code, yes: ValueCode, no: ValueCode) -> ValueCode:
    """`if condition then yes else no`."""
    match yes, no:
        case Code(), Code():
            return either(condition, yes, no)
        case ((OptionCode() | Code()), (OptionCode() | Code())):
            yes_option = OptionCode(TRUE, yes) if isinstance(yes, Code) else yes
            no_option = OptionCode(TRUE, no) if isinstance(no, Code) else no
            some = either(condition, yes_option.some, no_option.some)
            if yes_option.some == FALSE or no_option.some == FALSE:
                if yes_option.some == FALSE:
                    return OptionCode(all_of((negated(condition), no_option.some)), no_option.value)
                return OptionCode(all_of((condition, yes_option.some)), yes_option.value)
            return OptionCode(some, either(condition, yes_option.value, no_option.value))
        case SetCode(), SetCode():
            return SetCode(lambda x: either(condition, yes.contains(x), no.contains(x)))
        case MapCode(), MapCode():
            return MapCode(lambda x: chosen(condition, yes.entry(x), no.entry(x)))
    raise TypeError(f"no common type: {yes} and {no}")
