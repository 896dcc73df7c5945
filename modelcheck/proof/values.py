"""Symbolic values: what an expression is worth in a state that is not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelcheck.proof.logic import (
    FALSE,
    NUMERIC,
    TRUE,
    Term,
    at_most,
    choice,
    conjunction,
    equal,
    implication,
    number,
)
from modelcheck.proof.setting import Setting, Unprovable, View, default, literal
from spec.types import IntType, MapType, NatType, NumberType, OptionType, ProcessType, SetType, Type, Value


@dataclass(frozen=True)
class Members:
    """A set of processes, or an optional process: then at most one is a member."""

    kind: str
    has: Callable[[Term], Term]


@dataclass(frozen=True)
class Maybe:
    """An optional scalar that is no process; `value` means nothing where it is not `given`."""

    given: Term
    value: Term


@dataclass(frozen=True)
class Entries:
    """A map; `key` is the kind of its keys."""

    key: str
    at: Callable[[Term], Symbolic]


Symbolic = Term | Members | Maybe | Entries
"""A scalar is a term."""


def term(value: Symbolic) -> Term:
    assert isinstance(value, Term), "a scalar is expected"
    return value


def members(value: Symbolic) -> Members:
    """A set, an optional process, or a process as the set of itself."""
    if isinstance(value, Members):
        return value
    process = term(value)
    return Members(process.sort.removeprefix("process/"), lambda other: equal(other, process))


def nobody(kind: str) -> Members:
    return Members(kind, lambda _: FALSE)


def from_constant(value: Value, of: Type) -> Symbolic:
    match of:
        case SetType(ProcessType(kind)) | OptionType(ProcessType(kind)):
            return nobody(kind)
        case OptionType(inner):
            return Maybe(FALSE, default(inner)) if value is None else Maybe(TRUE, literal(value, inner))
        case MapType(key, inner):
            return Entries(key.kind, lambda _: from_constant(value, inner))
        case _:
            return literal(value, of)


def fitted(value: Symbolic, of: Type) -> Symbolic:
    """A value as one of a type that may hold it: a scalar as an option."""
    if isinstance(of, OptionType) and isinstance(value, Term):
        return members(value) if isinstance(of.of, ProcessType) else Maybe(TRUE, value)
    return value


def as_sort(value: Term, sort: str) -> Term:
    """A number as one of another sort. Raises Unprovable where it is no literal: what is counted is no member of the
    order that other numbers are members of."""
    if value.sort == sort or value.sort not in NUMERIC or sort not in NUMERIC:
        return value
    match value.operator:
        case "number":
            return number(value.value, sort)
        case "ite":
            condition, yes, no = value.arguments
            return choice(condition, as_sort(yes, sort), as_sort(no, sort))
        case _:
            raise Unprovable(
                "a number that may be negative, as a timer's count is, together with one that may not, "
                "for any number of processes"
            )


def alike(left: Term, right: Term) -> tuple[Term, Term]:
    """Two numbers as numbers of one sort. Raises Unprovable."""
    if left.sort == right.sort:
        return left, right
    try:
        return as_sort(left, right.sort), right
    except Unprovable:
        return left, as_sort(right, left.sort)


def placed(setting: Setting, value: Symbolic, of: Type) -> Symbolic:
    """A value as a variable of a type holds it. Raises Unprovable."""
    if not setting.any_number:
        return value
    match of, value:
        case MapType(_, inner), Entries(key, at):
            return Entries(key, lambda process: placed(setting, at(process), inner))
        case OptionType(inner), Maybe(given, held):
            return Maybe(given, as_sort(held, setting.sort(inner)))
        case (SetType() | OptionType() | MapType(), _) | (_, Members()):
            return value
        case _, Term():
            return as_sort(value, setting.sort(of))
        case _:
            return value


def read(setting: Setting, view: View, name: str, of: Type, arguments: tuple[Term, ...]) -> Symbolic:
    """The value that the symbols of a variable hold."""
    match of:
        case MapType(of_key, inner):
            return Entries(of_key.kind, lambda key: read(setting, view, name, inner, (*arguments, key)))
        case SetType(ProcessType(kind)) | OptionType(ProcessType(kind)):
            return Members(kind, lambda other: view(name, (*arguments, other)))
        case OptionType():
            return Maybe(view(f"{name}.given", arguments), view(name, arguments))
        case _:
            return view(name, arguments)


def cell(value: Symbolic, of: Type, name: str, symbol: str, beyond: tuple[Term, ...]) -> Term:
    """What a symbol that holds (part of) a value is, at the arguments beyond its process."""
    match value:
        case Entries(_, at):
            assert isinstance(of, MapType)
            return cell(at(beyond[0]), of.value, name, symbol, beyond[1:])
        case Members(_, has):
            return has(beyond[0])
        case Maybe(given, held):
            return given if symbol == f"{name}.given" else held
        case _:
            return term(value)


def columns(setting: Setting, value: Symbolic, of: Type) -> tuple[Term, ...]:
    """A value as the arguments of a message's symbol. One value has one form: an option without one holds the
    default."""
    match value:
        case Members(kind, has):
            return tuple(has(process) for process in setting.processes[kind])
        case Maybe(given, held):
            assert isinstance(of, OptionType)
            return given, as_sort(choice(given, held, default(of.of)), setting.sort_carried(of.of))
        case _:
            return (as_sort(term(value), setting.sort_carried(of)),)


def from_columns(setting: Setting, given: tuple[Term, ...], of: Type) -> Symbolic:
    match of:
        case SetType(ProcessType(kind)) | OptionType(ProcessType(kind)):
            held = dict(zip(setting.processes[kind], given, strict=True))

            def has(process: Term) -> Term:
                found = FALSE
                for one, within in held.items():
                    found = choice(equal(process, one), within, found)
                return found

            return Members(kind, has)
        case OptionType():
            return Maybe(given[0], given[1])
        case _:
            return given[0]


def merged(condition: Term, yes: Symbolic, no: Symbolic) -> Symbolic:
    """One value or the other."""
    match yes, no:
        case Members(kind, has), Members(_, other):
            return Members(kind, lambda process: choice(condition, has(process), other(process)))
        case Maybe(given, value), Maybe(other_given, other_value):
            return Maybe(choice(condition, given, other_given), choice(condition, *alike(value, other_value)))
        case Entries(of_key, at), Entries(_, other_at):
            return Entries(of_key, lambda key: merged(condition, at(key), other_at(key)))
        case _:
            return choice(condition, *alike(term(yes), term(no)))


def same(setting: Setting, left: Symbolic, right: Symbolic) -> Term:
    """Whether two values are equal."""
    match left, right:
        case Maybe(given, value), Maybe(other_given, other):
            return conjunction((equal(given, other_given), implication(given, equal(*alike(value, other)))))
        case (Maybe(given, value), Term() as other) | (Term() as other, Maybe(given, value)):
            return conjunction((given, equal(*alike(value, other))))
        case (Members(_, has), Term() as other) | (Term() as other, Members(_, has)):
            return has(other)  # an optional process has at most one member
        case Members(kind, has), Members(_, other_has):
            return setting.every(kind, lambda process: equal(has(process), other_has(process)))
        case Entries(key, at), Entries(_, other_at):
            return setting.every(key, lambda process: same(setting, at(process), other_at(process)))
        case _:
            return equal(*alike(term(left), term(right)))


def within(setting: Setting, value: Symbolic, of: Type) -> Term:
    """Whether a value's numbers are in the range of the type that it is to be stored in."""
    match of, value:
        case NatType(), Term():
            return TRUE if setting.any_number else at_most(number(0), value)
        case IntType(low, high), Term():
            above = TRUE if setting.any_number and low == 0 else at_most(number(low, value.sort), value)
            return conjunction((above, at_most(value, number(high, value.sort))))
        case OptionType(inner), Maybe(given, held):
            return implication(given, within(setting, held, inner))
        case MapType(key, inner), Entries(_, at):
            return setting.every(key.kind, lambda process: within(setting, at(process), inner))
        case _:
            return TRUE


def has_range(of: Type) -> bool:
    """Whether a place of a type holds numbers."""
    match of:
        case OptionType(inner) | MapType(_, inner):
            return has_range(inner)
        case _:
            return isinstance(of, NatType | IntType | NumberType)


def at_most_one(setting: Setting, value: Members) -> Term:
    """Whether an optional process is at most one."""
    return setting.every(
        value.kind,
        lambda one: setting.every(
            value.kind,
            lambda other: implication(conjunction((value.has(one), value.has(other))), equal(one, other)),
        ),
    )
