"""Values of emitted Python, and how they compare, combine and become values of the protocol."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from modelcheck.conformance.source import NotRead
from modelcheck.proof.logic import (
    FALSE,
    NUMBER,
    TRUE,
    Term,
    at_most,
    choice,
    conjunction,
    constant,
    disjunction,
    equal,
    implication,
    negation,
    number,
)
from modelcheck.proof.setting import Setting, enum_sort, process_sort
from modelcheck.proof.values import Entries, Maybe, Members, Symbolic, from_constant, members, merged, same
from spec.types import EnumType, MapType, OptionType, ProcessType, SetType, Type


@dataclass(frozen=True)
class Nothing:
    """`None`."""


@dataclass(frozen=True)
class Word:
    """A string: a value of an enumeration, or the name of a kind or a timer."""

    text: str


@dataclass(frozen=True)
class Timers:
    """A set of timers."""

    armed: Mapping[str, Term]


@dataclass(frozen=True)
class Listed:
    """A tuple, or a set that is written out."""

    items: tuple[Value, ...]


@dataclass(frozen=True)
class Said:
    """A message."""

    name: str
    given: Mapping[str, Value]


@dataclass(frozen=True)
class All:
    """`everyone`."""


@dataclass(frozen=True)
class Counted:
    """How many processes of a kind there are: `len(everyone[kind])`."""

    kind: str


@dataclass(frozen=True)
class Moved:
    """A process's number and a bit more."""

    process: Term
    by: int


@dataclass(frozen=True)
class Spread:
    """A map with one entry for all."""

    kind: str
    item: Symbolic | Word | Nothing


@dataclass
class Thing:
    """An object, by its class and its attributes."""

    of: str
    attributes: dict[str, Value]


@dataclass(frozen=True)
class Chosen:
    """An object where a condition holds, and `None` elsewhere."""

    when: Term
    thing: Thing


Value = Symbolic | Nothing | Word | Timers | Listed | Said | All | Counted | Moved | Spread | Thing | Chosen


def is_process(term: Term) -> bool:
    return term.sort.startswith("process/")


def moved(setting: Setting, process: Term, by: int, kind: str) -> Term:
    everyone = setting.processes[kind]
    found = everyone[(len(everyone) - 1 + by) % len(everyone)]
    for at in range(len(everyone) - 1):
        found = choice(equal(process, everyone[at]), everyone[(at + by) % len(everyone)], found)
    return found


def joined(setting: Setting, operator: ast.operator, left: Members, right: Members, node: ast.AST) -> Members:
    if left.kind != right.kind:
        raise NotRead("sets of different kinds", node)

    def has(process: Term) -> Term:
        one, other = left.has(process), right.has(process)
        if isinstance(operator, ast.BitOr):
            return disjunction((one, other))
        return conjunction((one, other if isinstance(operator, ast.BitAnd) else negation(other)))

    return Members(left.kind, has)


def at_most_of(setting: Setting, left: Value, right: Value, node: ast.AST) -> Term:
    left, right = counted(setting, left), counted(setting, right)
    if isinstance(left, Term) and isinstance(right, Term) and left.sort == right.sort:
        if left.sort == NUMBER:
            return at_most(left, right)
        if is_process(left):
            everyone = setting.processes[left.sort.removeprefix("process/")]
            pairs = [(one, other) for at, one in enumerate(everyone) for other in everyone[at:]]
            return disjunction(conjunction((equal(left, a), equal(right, b))) for a, b in pairs)
    if isinstance(left, Members | Listed) and isinstance(right, Members | Listed):
        one, other = members_of(setting, left, node), members_of(setting, right, node)
        if one.kind == other.kind:
            everyone = setting.processes[one.kind]
            return conjunction(implication(one.has(process), other.has(process)) for process in everyone)
    raise NotRead("a comparison of things that have no order", node)


def counted(setting: Setting, value: Value) -> Value:
    return number(len(setting.processes[value.kind])) if isinstance(value, Counted) else value


def is_inside(setting: Setting, left: Value, right: Value, node: ast.AST) -> Term:
    match left, right:
        case Word(timer), Timers(armed) if timer in armed:
            return armed[timer]
        case _, Listed(items):
            return disjunction(are_equal(setting, left, item, node) for item in items)
        case Term() as process, Members(kind, has) if process.sort == process_sort(kind):
            return has(process)
        case Members(kind, given), Members(other, has) if kind == other:
            everyone = setting.processes[kind]
            return disjunction(conjunction((given(one), has(one))) for one in everyone)
        case _:
            raise NotRead("a membership", node)


def are_equal(setting: Setting, left: Value, right: Value, node: ast.AST) -> Term:
    left, right = counted(setting, left), counted(setting, right)
    match left, right:
        case (Nothing(), Nothing()):
            return TRUE
        case (Nothing(), Members(kind, has)) | (Members(kind, has), Nothing()):
            return conjunction(negation(has(one)) for one in setting.processes[kind])
        case (Nothing(), Maybe(given, _)) | (Maybe(given, _), Nothing()):
            return negation(given)
        case (Nothing(), Term()) | (Term(), Nothing()):
            return FALSE
        case (Word(text), Term() as value) | (Term() as value, Word(text)):
            return equal(value, enumerated(setting, text, value.sort, node))
        case (Word(text), Maybe(given, value)) | (Maybe(given, value), Word(text)):
            return conjunction((given, equal(value, enumerated(setting, text, value.sort, node))))
        case (Listed(), Members(kind, _) as other) | (Members(kind, _) as other, Listed()):
            listed = left if isinstance(left, Listed) else right
            return same(setting, members_of(setting, listed, node, kind), other)
        case (Term() | Members() | Maybe() | Entries()) as one, (Term() | Members() | Maybe() | Entries()) as other:
            if isinstance(one, Term) and isinstance(other, Term) and one.sort != other.sort:
                raise NotRead("a comparison of different things", node)
            return same(setting, one, other)
        case _:
            raise NotRead("a comparison", node)


def enumerated(setting: Setting, text: str, sort: str, node: ast.AST) -> Term:
    value = constant(f"value/{text}", sort)
    if value not in setting.enumerations.get(sort, ()):
        raise NotRead(f"`{text}`, which is no value of {sort}", node)
    return value


def members_of(setting: Setting, value: Value, node: ast.AST, kind: str = "") -> Members:
    """A value as a set of processes."""
    match value:
        case Members():
            return value
        case Term() if is_process(value):
            return members(value)
        case Listed(items):
            parts = [members_of(setting, item, node) for item in items]
            if not parts and not kind:
                return Members("", lambda _: FALSE)
            return Members(parts[0].kind if parts else kind, lambda p: disjunction(part.has(p) for part in parts))
        case _:
            raise NotRead("something that is no set of processes", node)


def fitted_to(setting: Setting, value: Value, of: Type, node: ast.AST) -> Symbolic:
    """A value as one of a type of the protocol."""
    match of, value:
        case OptionType(), Nothing():
            return from_constant(None, of)
        case OptionType(ProcessType(kind)), _:
            return of_kind(setting, members_of(setting, value, node), kind, node)
        case OptionType(inner), Maybe(given, held):
            return Maybe(given, scalar(setting, held, inner, node))
        case OptionType(inner), _:
            return Maybe(TRUE, scalar(setting, value, inner, node))
        case SetType(ProcessType(kind)), _:
            return of_kind(setting, members_of(setting, value, node, kind), kind, node)
        case MapType(key, inner), Entries(kind, at) if key.kind == kind:
            return Entries(kind, lambda one: fitted_to(setting, at(one), inner, node))
        case MapType(key, inner), Spread(kind, item) if key.kind == kind:
            spread = fitted_to(setting, item, inner, node)
            return Entries(kind, lambda _: spread)
        case MapType(), _:
            raise NotRead("a map", node)
        case _:
            return scalar(setting, value, of, node)


def of_kind(setting: Setting, some: Members, kind: str, node: ast.AST) -> Members:
    if some.kind not in (kind, ""):
        raise NotRead(f"a {some.kind} in the place of a {kind}", node)
    return Members(kind, some.has)


def scalar(setting: Setting, value: Value, of: Type, node: ast.AST) -> Term:
    value = counted(setting, value)
    if isinstance(value, Word) and isinstance(of, EnumType):
        return enumerated(setting, value.text, enum_sort(of), node)
    sort = process_sort(of.kind) if isinstance(of, ProcessType) else None
    if isinstance(value, Members) and isinstance(of, ProcessType) and value.kind == of.kind:
        # An optional process where one is certain: whoever is in it.
        everyone = setting.processes[of.kind]
        found = everyone[-1]
        for one in everyone[:-1]:
            found = choice(value.has(one), one, found)
        return found
    if not isinstance(value, Term) or (sort is not None and value.sort != sort):
        raise NotRead(f"something else than a {of}", node)
    return value


def like(setting: Setting, value: Value, other: Symbolic, node: ast.AST) -> Symbolic:
    """A value in the form of another one."""
    match value, other:
        case Nothing(), Members(kind, _):
            return Members(kind, lambda _: FALSE)
        case Nothing(), Maybe(_, held):
            return Maybe(FALSE, held)
        case Listed() | Term() | Members(), Members(kind, _):
            return of_kind(setting, members_of(setting, value, node, kind), kind, node)
        case Word(text), Term():
            return enumerated(setting, text, other.sort, node)
        case Word(text), Maybe(_, held):
            return Maybe(TRUE, enumerated(setting, text, held.sort, node))
        case Term(), Maybe():
            return Maybe(TRUE, value)
        case Counted(), Term():
            found = counted(setting, value)
            assert isinstance(found, Term)
            return found
        case ((Term() | Maybe() | Entries()), _) if type(value) is type(other):
            return value
        case Spread(kind, item), Entries(key, at) if kind == key:
            entry = like(setting, item, at(setting.processes[kind][0]), node)
            return Entries(kind, lambda _: entry)
        case _:
            raise NotRead("two values that do not fit together", node)


def either(setting: Setting, when: Term, yes: Value, no: Value, node: ast.AST) -> Value:
    """One value or the other."""
    if when is TRUE or yes is no or yes == no:
        return yes
    if when is FALSE:
        return no
    if isinstance(yes, Thing) and isinstance(no, Nothing):
        return Chosen(when, yes)
    if isinstance(no, Term | Members | Maybe | Entries):
        if isinstance(no, Term) and isinstance(yes, Nothing):
            return Maybe(negation(when), no)
        if isinstance(no, Term) and isinstance(yes, Members | Maybe):
            return merged(when, yes, like(setting, no, yes, node))
        return merged(when, like(setting, yes, no, node), no)
    if isinstance(yes, Term | Members | Maybe | Entries):
        return either(setting, negation(when), no, yes, node)
    raise NotRead("one of two values that do not fit together", node)
