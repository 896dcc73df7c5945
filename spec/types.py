"""The types of the language. Values are plain Python values:

`bool` for a boolean, `str` for an enumeration's value, `int` for a number, `int` for a process (its index within
its kind), `None` for an option's `none`, `frozenset[int]` for a set of processes, a tuple with one entry for each
process of the key's kind for a map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Value = Any


@dataclass(frozen=True, slots=True)
class BoolType:
    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enumeration; `name` is empty where it is written out in place."""

    values: tuple[str, ...]
    name: str = ""

    def __str__(self) -> str:
        return self.name or " | ".join(self.values)


@dataclass(frozen=True, slots=True)
class NatType:
    """0, 1, 2, ... without a bound; a check bounds it."""

    def __str__(self) -> str:
        return "nat"


@dataclass(frozen=True, slots=True)
class IntType:
    low: int
    high: int

    def __str__(self) -> str:
        return f"int {self.low}..{self.high}"


@dataclass(frozen=True, slots=True)
class NumberType:
    """Any whole number: what arithmetic yields. No variable has it; a range is checked where it is stored."""

    def __str__(self) -> str:
        return "number"


@dataclass(frozen=True, slots=True)
class ProcessType:
    """The name of one process of a kind."""

    kind: str

    def __str__(self) -> str:
        return self.kind


@dataclass(frozen=True, slots=True)
class OptionType:
    of: ScalarType

    def __str__(self) -> str:
        return f"{self.of}?"


@dataclass(frozen=True, slots=True)
class SetType:
    of: ProcessType

    def __str__(self) -> str:
        return f"set of {self.of}"


@dataclass(frozen=True, slots=True)
class MapType:
    """A total map from all processes of the kind `key`."""

    key: ProcessType
    value: ScalarType | OptionType | SetType

    def __str__(self) -> str:
        return f"map from {self.key} to {self.value}"


ScalarType = BoolType | EnumType | NatType | IntType | NumberType | ProcessType
Type = ScalarType | OptionType | SetType | MapType

BOOL = BoolType()
NAT = NatType()
NUMBER = NumberType()


def is_number(of: Type) -> bool:
    return isinstance(of, NatType | IntType | NumberType)


def in_range(value: Value, of: Type) -> bool:
    """Whether a number fits the type it is stored in; everything else fits by construction."""
    match of:
        case NatType():
            return bool(value >= 0)
        case IntType(low, high):
            return bool(low <= value <= high)
        case OptionType(inner):
            return value is None or in_range(value, inner)
        case MapType(_, inner):
            return all(in_range(entry, inner) for entry in value)
        case _:
            return True
