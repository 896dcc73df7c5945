"""Values of emitted Python, and how they compare, combine and become values of the protocol.

What Python tells apart is told apart here: a process is no set of itself, an optional process is no set, and a set that
can change is not one that cannot.
"""

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
from modelcheck.proof.setting import Setting, enum_sort, process_sort, sort_of
from modelcheck.proof.values import Entries, Maybe, Members, Symbolic, from_constant, same
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
class One(Members):
    """An optional process: a number or `None`. Whatever else is of the class `Members` is a `frozenset`."""


@dataclass(frozen=True)
class Listed:
    """A tuple, or a set that is written out and not made a `frozenset`."""

    items: tuple[Value, ...]
    is_set: bool


@dataclass(frozen=True)
class Either:
    """One of two values that do not say by themselves what their type is."""

    when: Term
    yes: Value
    no: Value


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
    item: Value


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


Value = Symbolic | Nothing | Word | Timers | Listed | Either | Said | All | Counted | Moved | Spread | Thing | Chosen


def is_process(term: Term) -> bool:
    return term.sort.startswith("process/")


def as_python(value: Symbolic, of: Type) -> Symbolic:
    """A value of a type of the protocol as one that Python tells apart from others."""
    match of, value:
        case OptionType(), Members(kind, has):
            return One(kind, has)
        case MapType(_, inner), Entries(kind, at):
            return Entries(kind, lambda one: as_python(at(one), inner))
        case _:
            return value


def moved(setting: Setting, process: Term, by: int, kind: str) -> Term:
    everyone = setting.processes[kind]
    found = everyone[(len(everyone) - 1 + by) % len(everyone)]
    for at in range(len(everyone) - 1):
        found = choice(equal(process, everyone[at]), everyone[(at + by) % len(everyone)], found)
    return found


def joined(operator: ast.operator, left: Members, right: Members, node: ast.AST) -> Members:
    def has(process: Term) -> Term:
        one, other = left.has(process), right.has(process)
        if isinstance(operator, ast.BitOr):
            return disjunction((one, other))
        return conjunction((one, other if isinstance(operator, ast.BitAnd) else negation(other)))

    return Members(_kind_of(left, right, node), has)


def _kind_of(left: Members, right: Members, node: ast.AST) -> str:
    if left.kind and right.kind and left.kind != right.kind:
        raise NotRead("sets of different kinds", node)
    return left.kind or right.kind


def at_most_of(setting: Setting, left: Value, right: Value, node: ast.AST) -> Term:
    """Whether a number, a process or a set is at most another one; of sets, whether it is inside of it."""
    left, right = counted(setting, left), counted(setting, right)
    if isinstance(left, Term) and isinstance(right, Term) and left.sort == right.sort:
        if left.sort == NUMBER:
            return at_most(left, right)
        if is_process(left):
            everyone = setting.processes[left.sort.removeprefix("process/")]
            pairs = [(one, other) for at, one in enumerate(everyone) for other in everyone[at:]]
            return disjunction(conjunction((equal(left, a), equal(right, b))) for a, b in pairs)
    one, other = set_of(left, node), set_of(right, node)
    kind = _kind_of(one, other, node)
    return conjunction(implication(one.has(process), other.has(process)) for process in everyone_of(setting, kind))


def everyone_of(setting: Setting, kind: str) -> tuple[Term, ...]:
    """The processes of a kind; those of a set that is empty as it is written have none."""
    return setting.processes[kind] if kind else ()


def counted(setting: Setting, value: Value) -> Value:
    return number(len(setting.processes[value.kind])) if isinstance(value, Counted) else value


def is_inside(setting: Setting, left: Value, right: Value, node: ast.AST) -> Term:
    match left, right:
        case Either(when, yes, no), _:
            return choice(when, is_inside(setting, yes, right, node), is_inside(setting, no, right, node))
        case Word(timer), Timers(armed) if timer in armed:
            return armed[timer]
        case _, Listed(items, is_set) if not (is_set and isinstance(left, Members | Entries)):
            return disjunction(are_equal(setting, left, item, node) for item in items)
        case (Nothing() | One()) | Term(), One():
            raise NotRead("a membership in what is no set", node)
        case One(kind, given), Members(other, has) if other in (kind, ""):
            return disjunction(conjunction((given(one), has(one))) for one in setting.processes[kind])
        case Nothing(), Members():
            return FALSE
        case Term() as process, Members(kind, has) if is_process(process) and process.sort == process_sort(kind):
            return has(process)
        case Term() as process, Members("", _) if is_process(process):
            return FALSE
        case _:
            raise NotRead("a membership", node)


def are_equal(setting: Setting, left: Value, right: Value, node: ast.AST) -> Term:
    left, right = counted(setting, left), counted(setting, right)
    match left, right:
        case (Either(when, yes, no), other) | (other, Either(when, yes, no)):
            return choice(when, are_equal(setting, yes, other, node), are_equal(setting, no, other, node))
        case (Nothing(), Nothing()):
            return TRUE
        case (Nothing(), One(kind, has)) | (One(kind, has), Nothing()):
            return conjunction(negation(has(one)) for one in setting.processes[kind])
        case (Nothing(), Maybe(given, _)) | (Maybe(given, _), Nothing()):
            return negation(given)
        case (Nothing(), (Term() | Word())) | ((Term() | Word()), Nothing()):
            return FALSE
        case (Word(one), Word(other)):
            return TRUE if one == other else FALSE
        case (Word(text), Term() as value) | (Term() as value, Word(text)):
            return equal(value, enumerated(setting, text, value.sort, node))
        case (Word(text), Maybe(given, value)) | (Maybe(given, value), Word(text)):
            return conjunction((given, equal(value, enumerated(setting, text, value.sort, node))))
        case (Spread(kind, item), Entries(key, at)) | (Entries(key, at), Spread(kind, item)) if kind == key:
            return conjunction(are_equal(setting, at(one), item, node) for one in setting.processes[key])
        case Term(), Term():
            return equal(left, right) if left.sort == right.sort else _different(node)
        case (Maybe(given, held), Term() as value) | (Term() as value, Maybe(given, held)):
            return conjunction((given, equal(held, value))) if held.sort == value.sort else _different(node)
        case Maybe(), Maybe():
            return same(setting, left, right) if left.value.sort == right.value.sort else _different(node)
        case One(kind, has), One(other_kind, _) if kind == other_kind:
            return same(setting, left, right)
        case (One(kind, has), Term() as value) | (Term() as value, One(kind, has)):
            return has(value) if value.sort == process_sort(kind) else _different(node)
        case Entries(key, at), Entries(other_key, other_at) if key == other_key:
            return conjunction(are_equal(setting, at(p), other_at(p), node) for p in setting.processes[key])
        case _:
            # Two sets, one of which may be written out and not a frozen one.
            some, others = set_of(left, node), set_of(right, node)
            both = everyone_of(setting, _kind_of(some, others, node))
            return conjunction(equal(some.has(one), others.has(one)) for one in both)


def _different(node: ast.AST) -> Term:
    raise NotRead("a comparison of different things", node)


def enumerated(setting: Setting, text: str, sort: str, node: ast.AST) -> Term:
    value = constant(f"value/{text}", sort)
    if value not in setting.enumerations.get(sort, ()):
        raise NotRead(f"`{text}`, which is no value of {sort}", node)
    return value


def frozen_set_of(value: Value, node: ast.AST) -> Members:
    """A value that is a frozen set of processes."""
    if isinstance(value, Members) and not isinstance(value, One):
        return value
    raise NotRead("something that is no frozen set of processes", node)


def set_of(value: Value, node: ast.AST) -> Members:
    """A value that is a set of processes, frozen or written out."""
    if not isinstance(value, Listed) or not value.is_set:
        return frozen_set_of(value, node)
    kinds = {item.sort.removeprefix("process/") for item in value.items if isinstance(item, Term) and is_process(item)}
    if len(kinds) != 1 or not all(isinstance(item, Term) and is_process(item) for item in value.items):
        raise NotRead("a set of something else than processes", node)
    items = [item for item in value.items if isinstance(item, Term)]
    return Members(kinds.pop(), lambda p: disjunction(equal(item, p) for item in items))


def optional_of(setting: Setting, value: Value, kind: str, node: ast.AST) -> One:
    """A value that is a process of a kind or None."""
    match value:
        case Nothing():
            return One(kind, lambda _: FALSE)
        case One(of) if of == kind:
            return value
        case Term() as process if process.sort == process_sort(kind):
            return One(kind, lambda other: equal(other, process))
        case Either(when, yes, no):
            one, other = optional_of(setting, yes, kind, node), optional_of(setting, no, kind, node)
            return One(kind, lambda p: choice(when, one.has(p), other.has(p)))
        case _:
            raise NotRead(f"something else than a {kind} or None", node)


def fitted_to(setting: Setting, value: Value, of: Type, node: ast.AST) -> Symbolic:
    """A value as one of a type of the protocol, as Python holds it."""
    match of, value:
        case OptionType(ProcessType(kind)), _:
            return optional_of(setting, value, kind, node)
        case _, Either(when, yes, no):
            return merged_values(when, fitted_to(setting, yes, of, node), fitted_to(setting, no, of, node), node)
        case OptionType(), Nothing():
            return from_constant(None, of)
        case OptionType(inner), Maybe(given, held):
            return Maybe(given, scalar(setting, held, inner, node))
        case OptionType(inner), _:
            return Maybe(TRUE, scalar(setting, value, inner, node))
        case SetType(ProcessType(kind)), _:
            some = frozen_set_of(value, node)
            if some.kind not in (kind, ""):
                raise NotRead(f"a set of {some.kind} in the place of one of {kind}", node)
            return Members(kind, some.has)
        case MapType(key, inner), Entries(kind, at) if key.kind == kind:
            return Entries(kind, lambda one: fitted_to(setting, at(one), inner, node))
        case MapType(key, inner), Spread(kind, item) if key.kind == kind:
            spread = fitted_to(setting, item, inner, node)
            return Entries(kind, lambda _: spread)
        case MapType(), _:
            raise NotRead("something else than a map", node)
        case _:
            return scalar(setting, value, of, node)


def scalar(setting: Setting, value: Value, of: Type, node: ast.AST) -> Term:
    value = counted(setting, value)
    if isinstance(value, Word) and isinstance(of, EnumType):
        return enumerated(setting, value.text, enum_sort(of), node)
    if not isinstance(value, Term) or isinstance(of, SetType | MapType | OptionType) or value.sort != sort_of(of):
        raise NotRead(f"something else than a {of}", node)
    return value


def like(setting: Setting, value: Value, other: Symbolic, node: ast.AST) -> Symbolic:
    """A value in the form of another one, or of what that may be as an option."""
    value = counted(setting, value)
    match value, other:
        case Either(when, yes, no), _:
            return merged_values(when, like(setting, yes, other, node), like(setting, no, other, node), node)
        case _, One(kind, _):
            return optional_of(setting, value, kind, node)
        case Nothing(), Maybe(_, held):
            return Maybe(FALSE, held)
        case Word(text), Term():
            return enumerated(setting, text, other.sort, node)
        case Word(text), Maybe(_, held):
            return Maybe(TRUE, enumerated(setting, text, held.sort, node))
        case Term(), Maybe():
            return Maybe(TRUE, value)
        case Members(), Members():
            return Members(_kind_of(frozen_set_of(value, node), other, node), value.has)
        case ((Term() | Maybe() | Entries()), _) if type(value) is type(other):
            return value
        case Spread(kind, item), Entries(key, at) if kind == key:
            entry = like(setting, item, at(setting.processes[kind][0]), node)
            return Entries(kind, lambda _: entry)
        case _:
            raise NotRead("two values that do not fit together", node)


def either(setting: Setting, when: Term, yes: Value, no: Value, node: ast.AST) -> Value:
    """One value or the other."""
    if when is TRUE or yes is no:
        return yes
    if when is FALSE:
        return no
    yes, no = counted(setting, yes), counted(setting, no)
    match yes, no:
        case Thing(), Nothing():
            return Chosen(when, yes)
        case Nothing(), Thing():
            return Chosen(negation(when), no)
        case ((Word() | Nothing() | Either()), (Word() | Nothing() | Either())):
            return Either(when, yes, no)
        case ((Nothing() | Either()), Term()):
            return either(setting, negation(when), no, yes, node)
        case Term(), (Nothing() | Either()):
            form = One(yes.sort.removeprefix("process/"), lambda _: FALSE) if is_process(yes) else Maybe(TRUE, yes)
            if isinstance(no, Either) and not is_process(yes) and not _may_be_nothing(no):
                return merged_values(when, yes, like(setting, no, yes, node), node)
            return merged_values(when, like(setting, yes, form, node), like(setting, no, form, node), node)
        case ((Term() | Members() | Maybe() | Entries()), (Maybe() | One())):
            return merged_values(when, like(setting, yes, no, node), no, node)
        case _, (Term() | Members() | Maybe() | Entries()) if not isinstance(yes, Maybe | One):
            return merged_values(when, like(setting, yes, no, node), no, node)
        case ((Term() | Members() | Maybe() | Entries()), _):
            return merged_values(when, yes, like(setting, no, yes, node), node)
        case _:
            raise NotRead("one of two values that do not fit together", node)


def _may_be_nothing(value: Value) -> bool:
    if isinstance(value, Either):
        return _may_be_nothing(value.yes) or _may_be_nothing(value.no)
    return isinstance(value, Nothing)


def merged_values(when: Term, yes: Symbolic, no: Symbolic, node: ast.AST) -> Symbolic:
    """One value or the other, where both have the same form."""
    match yes, no:
        case One(kind, has), One(other_kind, other) if kind == other_kind:
            return One(kind, lambda process: choice(when, has(process), other(process)))
        case (One(), _) | (_, One()):
            raise NotRead("a set or an optional process", node)
        case Members(_, has), Members(_, other):
            return Members(_kind_of(yes, no, node), lambda process: choice(when, has(process), other(process)))
        case Maybe(given, value), Maybe(other_given, other_value) if value.sort == other_value.sort:
            return Maybe(choice(when, given, other_given), choice(when, value, other_value))
        case Entries(key, at), Entries(other_key, other_at) if key == other_key:
            return Entries(key, lambda one: merged_values(when, at(one), other_at(one), node))
        case Term(), Term() if yes.sort == no.sort:
            return choice(when, yes, no)
        case _:
            raise NotRead("two values that do not fit together", node)
