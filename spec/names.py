"""What names mean: the declarations of a file, collected before any expression is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from spec import syntax
from spec.diagnostics import Diagnostic, suggestion
from spec.protocol import CoveragePoint, Definition, Local, Message, ProcessKind, Timer, Variable
from spec.source import Source, Span
from spec.types import (
    BOOL,
    NAT,
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

BUILT_IN = ("size", "min", "max", "quorum", "successor", "predecessor", "next", "up", "armed", "elapsed", "paused")
STANDARD_PROPERTIES = (
    *("failure", "one_leader_per_token", "token_never_goes_backwards", "leader_holds_quorum", "quorums_intersect"),
    "writes_follow_tokens",
)
"""The names of what every protocol is checked for."""
RESERVED = (
    "true",
    "false",
    "none",
    "self",
    "and",
    "or",
    "not",
    "implies",
    "in",
    "if",
    "then",
    "else",
    "exists",
    "forall",
)


class Reported(Exception):
    """Something is wrong and has been reported; whoever holds the broken part cannot go on with it."""


@dataclass
class Names:
    """The declarations, and what is gathered while the rest is checked."""

    source: Source
    problems: list[Diagnostic] = field(default_factory=list)
    kinds: dict[str, ProcessKind] = field(default_factory=dict)
    ordered: dict[str, bool] = field(default_factory=dict)
    enums: dict[str, EnumType] = field(default_factory=dict)
    values: dict[str, EnumType] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    procedures: dict[str, tuple[syntax.ProcedureItem, str, tuple[Local, ...]]] = field(default_factory=dict)
    definition_items: dict[str, syntax.DefinitionItem] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    definitions_begun: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Names whose declaration is wrong: using one is no further mistake."""
    leading: str | None = None
    """The kind of process that the `leader` clause is about."""
    points: list[CoveragePoint] = field(default_factory=list)
    identities: int = 0
    timed: bool = False
    """Whether the spec says `timed`."""

    def report(self, code: str, message: str, span: Span, label: str = "", help: str = "") -> Reported:
        """Adds a problem; to be raised by whoever cannot go on."""
        self.problems.append(Diagnostic(code, message, span, label, help))
        return Reported()

    def asks_for_time(self, what: str, span: Span) -> Reported:
        """Adds that something is only for specs with time; once, however often it is used."""
        if any(problem.code == "E0217" for problem in self.problems):
            return Reported()
        help = "a line `timed: tick 1 s` lets time pass, here in ticks of a second"
        return self.report("E0217", f"`{what}` is for specs with time", span, "time does not pass here", help)

    def local(self, word: syntax.Word, of: Type) -> Local:
        self.identities += 1
        return Local(self.identities, word.text, of, word.span)

    def point(self, label: Span, unreachable: bool, prefix: str = "") -> int:
        self.points.append(CoveragePoint(prefix + self.text(label), unreachable, label))
        return len(self.points) - 1

    def text(self, span: Span) -> str:
        """The spec's own words, on one line."""
        if span.line == span.end_line:
            return self.source.line(span.line)[span.column - 1 : span.end_column - 1]
        first = self.source.line(span.line)[span.column - 1 :]
        between = [self.source.line(number) for number in range(span.line + 1, span.end_line)]
        last = self.source.line(span.end_line)[: span.end_column - 1]
        return " ".join(part.split("#")[0].strip() for part in (first, *between, last))

    def sole_kind(self) -> str | None:
        return next(iter(self.ordered)) if len(self.ordered) == 1 else None

    def kind_named(self, word: syntax.Word) -> str:
        if word.text not in self.ordered:
            raise self.unknown("E0202", "kind of process", word, self.ordered)
        return word.text

    def kind_at(self, word: syntax.Word | None, span: Span, what: str) -> str:
        """The kind that `at KIND` names, or the only one."""
        if word is not None:
            return self.kind_named(word)
        sole = self.sole_kind()
        if sole is None:
            kinds = ", ".join(f"`{kind}`" for kind in self.ordered)
            raise self.report(
                "E0203", f"which kind of process does this {what} belong to?", span, f"one of {kinds}", "add `at KIND`"
            )
        return sole

    def unknown(self, code: str, what: str, word: syntax.Word, known: Iterable[str], of: str = "") -> Reported:
        """A name that is not declared; with `of`, not in that kind of process."""
        known = list(known)
        near = suggestion(word.text, known)
        if not near and known:
            near = "known here: " + ", ".join(f"`{name}`" for name in known[:8]) + (" ..." if len(known) > 8 else "")
        where = f" in `{of}`" if of else ""
        return self.report(code, f"there is no {what} `{word}`{where}", word.span, "not declared", near)


def type_of(written: syntax.TypeExpression, names: Names) -> Type:
    """The type that a type expression means. Raises Reported."""
    match written:
        case syntax.NamedType(word, _):
            if word.text == "bool":
                return BOOL
            if word.text == "nat":
                return NAT
            if word.text in names.ordered:
                return ProcessType(word.text)
            if word.text in names.enums:
                return names.enums[word.text]
            if word.text in names.broken:
                raise Reported()
            known = ("bool", "nat", "int", *names.ordered, *names.enums)
            raise names.unknown("E0204", "type", word, known)
        case syntax.RangeType(low, high, span):
            if low > high:
                raise names.report("E0205", f"the range {low}..{high} is empty", span, "expected low..high")
            return IntType(low, high)
        case syntax.Enumeration(values, span):
            return enumeration("", values, span, names)
        case syntax.OptionOf(of, span):
            inner = type_of(of, names)
            if isinstance(inner, OptionType | SetType | MapType):
                raise names.report("E0206", f"an option of `{inner}`", span, "expected a scalar type before `?`")
            return OptionType(inner)
        case syntax.SetOfType(of, span):
            inner = type_of(of, names)
            if not isinstance(inner, ProcessType):
                raise names.report(
                    "E0206",
                    f"a set of `{inner}`",
                    span,
                    "expected `set of` a kind of process",
                    "sets hold processes only",
                )
            return SetType(inner)
        case syntax.MapFrom(key, value, span):
            kind = names.kind_named(key)
            inner = type_of(value, names)
            if isinstance(inner, MapType):
                raise names.report("E0206", "a map of maps", span, "expected a scalar, an option or a set as its value")
            return MapType(ProcessType(kind), inner)


def enumeration(name: str, values: tuple[syntax.Word, ...], span: Span, names: Names) -> EnumType:
    """Declares an enumeration's values; the same enumeration written out twice is one type."""
    found = EnumType(tuple(word.text for word in values), name)
    for position, word in enumerate(values):
        if word.text in found.values[:position]:
            raise names.report("E0207", f"`{word}` stands here twice", word.span, "the second time")
        known = names.values.get(word.text)
        if known is not None and known != found:
            raise names.report(
                "E0207",
                f"`{word}` is already a value of another enumeration, `{known}`",
                word.span,
                "used twice",
                "a value belongs to one enumeration: give one of the two another name, or name the type with `type`",
            )
        free(word, names)
        names.values[word.text] = found
    return found


def free(word: syntax.Word, names: Names) -> None:
    """Refuses a name that the language needs itself."""
    if word.text in RESERVED or word.text in BUILT_IN:
        raise names.report("E0208", f"`{word}` means something in the language", word.span, "choose another name")


def collect_kind(item: syntax.ProcessItem, names: Names) -> None:
    """Declares a kind of process with its variables and timers; the kinds' names are known already."""
    variables: list[Variable] = []
    timers: list[Timer] = []
    taken: dict[str, Span] = {}
    for member in item.members:
        try:
            free(member.name, names)
            if member.name.text in taken:
                raise names.report(
                    "E0209",
                    f"`{member.name}` is declared twice",
                    member.name.span,
                    f"first on line {taken[member.name.text].line}",
                )
            if member.name.text in names.ordered:
                raise names.report(
                    "E0209", f"`{member.name}` is a kind of process", member.name.span, "choose another name"
                )
            taken[member.name.text] = member.name.span
            if isinstance(member, syntax.TimerMember):
                low = milliseconds(member.low, names)
                high = milliseconds(member.high, names) if member.high else low
                if low > high:
                    raise names.report("E0210", "the range is empty", member.span, "expected shortest .. longest")
                timers.append(Timer(member.name.text, low, high, member.name.span))
                continue
            of = type_of(member.type, names)
            initial = initial_value(member.initial, of, names)
            variables.append(Variable(member.name.text, of, initial, member.durable, member.name.span))
        except Reported:
            names.broken.add(member.name.text)
    names.kinds[item.name.text] = ProcessKind(
        item.name.text, item.ordered, tuple(variables), tuple(timers), item.name.span
    )


def milliseconds(duration: syntax.Duration, names: Names) -> int:
    factors = {"ms": 1, "s": 1000, "min": 60_000}
    if duration.unit.text not in factors:
        raise names.report(
            "E0210", f"`{duration.unit}` is no unit of time", duration.unit.span, "expected `ms`, `s` or `min`"
        )
    return duration.amount * factors[duration.unit.text]


def initial_value(written: syntax.Expression, of: Type, names: Names) -> Value:
    """The value that a declaration starts with: a literal of the type. For a map, what each key starts with."""
    if isinstance(of, MapType):
        return initial_value(written, of.value, names)
    match written, of:
        case syntax.Boolean(value, _), BoolType():
            return value
        case syntax.Number(value, _), NatType():
            return value
        case ((syntax.Number() | syntax.Unary("-", syntax.Number(), _)), IntType(low, high)):
            value = written.value if isinstance(written, syntax.Number) else -_literal(written.operand)
            if low <= value <= high:
                return value
            raise names.report("E0302", f"{value} is not in {low}..{high}", written.span, f"expected `{of}`")
        case syntax.NameOf(word, _), EnumType(values) if word.text in values:
            return word.text
        case syntax.NoneLiteral(), OptionType():
            return None
        case _, OptionType(inner) if not isinstance(inner, ProcessType):
            return initial_value(written, inner, names)
        case syntax.SetLiteral((), _), SetType():
            return frozenset()
    help = ""
    if isinstance(of, ProcessType):
        help = f"no process is special, so a variable can only start as `none`: declare it `{of}?`"
    if isinstance(of, EnumType) and isinstance(written, syntax.NameOf):
        help = suggestion(written.word.text, of.values) or "its values are " + ", ".join(f"`{v}`" for v in of.values)
    if isinstance(of, SetType):
        help = "a set starts empty: `{}`"
    raise names.report(
        "E0301", f"this is no initial value for `{of}`", written.span, f"expected a literal `{of}`", help
    )


def _literal(written: syntax.Expression) -> int:
    assert isinstance(written, syntax.Number)
    return written.value


@dataclass(frozen=True)
class Place:
    """Where an expression stands: whose variables it reads, which locals it sees, what it may ask.

    `others`: may read other processes. `steps`: may say `next(...)`. `observes`: may ask `up` and `armed`.
    `network`: may look at what is under way, and at who has ever led."""

    kind: str | None
    locals: dict[str, Local | None]
    """None for a name whose declaration is broken."""
    others: bool = False
    steps: bool = False
    observes: bool = False
    network: bool = False

    def with_local(self, local: Local) -> Place:
        return replace(self, locals={**self.locals, local.name: local})

    def without(self, name: str) -> Place:
        return replace(self, locals={**self.locals, name: None})


def bind(word: syntax.Word, of: Type, place: Place, names: Names) -> Local:
    """A new local name. It may hide a value of an enumeration (a sender is often called `candidate`), nothing else."""
    free(word, names)
    hidden = None
    if word.text in place.locals:
        hidden = "another name in use here"
    elif place.kind is not None and any(v.name == word.text for v in names.kinds[place.kind].variables):
        hidden = f"a variable of `{place.kind}`"
    elif word.text in names.ordered:
        hidden = "a kind of process"
    if hidden:
        raise names.report("E0211", f"`{word}` would hide {hidden}", word.span, "choose another name")
    return names.local(word, of)
