"""Random well-typed expressions, as text.

An expression is a `Piece`: its text and how tightly its outermost operator binds, so that parentheses stand where
they must, and now and then where they need not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, TypeVar

from spec.types import (
    NAT,
    BoolType,
    EnumType,
    IntType,
    MapType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    is_number,
)

Item = TypeVar("Item")

# How tightly operators bind, as in the grammar. What ends in an open expression (`exists ...: e`) binds loosest.
OPEN, IMPLICATION, DISJUNCTION, CONJUNCTION, NEGATION, COMPARISON, SUM, PRODUCT, NEGATIVE, ATOM = range(10)


class Piece(NamedTuple):
    text: str
    binding: int = ATOM


class Chooser(Protocol):
    """Where the randomness comes from. Shrinking leads to the first option, the least number, `chance` False."""

    def pick(self, options: Sequence[Item]) -> Item: ...

    def number(self, low: int, high: int) -> int: ...

    def chance(self, percent: int) -> bool: ...


@dataclass(frozen=True)
class Defined:
    """A definition that expressions may use. `kind` is whose variables it reads; `observes`: for properties only."""

    name: str
    kind: str | None
    parameters: tuple[Type, ...]
    type: Type
    observes: bool = False


@dataclass(frozen=True)
class Sendable:
    name: str
    parameters: tuple[Type, ...]
    sender: str
    receiver: str


@dataclass(frozen=True)
class Around:
    """What the whole protocol offers to its expressions."""

    kinds: dict[str, dict[str, Type]]
    """The variables of each kind."""
    ordered: frozenset[str]
    timers: dict[str, tuple[str, ...]]
    defined: tuple[Defined, ...] = ()
    quorum_of: str | None = None
    """The kind whose sets `quorum` takes, where the protocol defines its own; None: any."""
    messages: tuple[Sendable, ...] = ()
    timed: bool = False
    free: str | None = None
    """A timer that may fire at any time."""
    leading: str | None = None
    """The kind that the `leader` clause is about, if there is one."""
    serial: list[int] = field(default_factory=lambda: [0])

    def fresh(self, letter: str) -> str:
        """A local name that nothing else has."""
        self.serial[0] += 1
        return f"{letter}{self.serial[0]}"


@dataclass(frozen=True)
class Spot:
    """Where an expression stands. `observes`: in a property; `looks`: in one that may look at messages and at who has
    led; `steps`: `next` may be used; `settled`: a number must not be computed from locals, because what depends on
    them must not grow from message to message; `unreadable` are variables that may not be read here."""

    around: Around
    kind: str | None
    locals: tuple[tuple[str, Type], ...] = ()
    observes: bool = False
    looks: bool = False
    steps: bool = False
    settled: bool = False
    durable: frozenset[tuple[str, str]] | None = None
    """Which variables of others may be read; None: all, where others may be read at all."""
    unreadable: frozenset[str] = frozenset()
    reads_self: bool = True
    starting: bool = False
    """Whether it runs before anything else: what fails here leaves nothing to explore."""
    avoid: str = ""
    """What had better not be written here: a comparison of something with itself says nothing."""

    def binding(self, name: str, of: Type) -> Spot:
        return replace(self, locals=(*self.locals, (name, of)))


def fits(found: Type, wanted: Type) -> bool:
    if is_number(found) and is_number(wanted):
        return True
    if isinstance(found, OptionType) and isinstance(wanted, OptionType):
        return fits(found.of, wanted.of)
    return found == wanted


class Expressions:
    """Draws expressions."""

    def __init__(self, choose: Chooser) -> None:
        self.choose = choose
        self._asked = ""

    # Putting pieces together

    def wrap(self, piece: Piece, needed: int) -> str:
        """The text as an operand of an operator that wants at least `needed`."""
        if piece.binding < needed or self.choose.chance(4):
            return f"({piece.text})"
        return piece.text

    def infix(self, left: Piece, operator: str, right: Piece, level: int) -> Piece:
        """A left-associative operator, or one (a comparison) that does not associate."""
        least = level + 1 if level == COMPARISON else level
        return Piece(f"{self.wrap(left, least)} {operator} {self.wrap(right, level + 1)}", level)

    # What is at hand

    def leaves(self, of: Type, spot: Spot) -> list[str]:
        """Names, fields and entries of a type."""
        found = [text for text, held in self._at_hand(spot) if fits(held, of) and not isinstance(held, MapType)]
        return [text for text in found if text != spot.avoid] or found

    def _at_hand(self, spot: Spot) -> list[tuple[str, Type]]:
        found: list[tuple[str, Type]] = list(spot.locals)
        if spot.kind is not None and spot.reads_self:
            found.append(("self", ProcessType(spot.kind)))
            variables = spot.around.kinds[spot.kind]
            found += [(name, of) for name, of in variables.items() if name not in spot.unreadable]
        if spot.observes:
            for local, of in spot.locals:
                if isinstance(of, ProcessType):
                    found += [
                        (f"{local}.{name}", held)
                        for name, held in spot.around.kinds[of.kind].items()
                        if spot.durable is None or (of.kind, name) in spot.durable
                    ]
        processes = [(text, of.kind) for text, of in found if isinstance(of, ProcessType)]
        for text, of in list(found):
            if isinstance(of, MapType):
                found += [(f"{text}[{process}]", of.value) for process, kind in processes if kind == of.key.kind]
        return found

    def can(self, of: Type, spot: Spot) -> bool:
        """Whether any expression of a type can be written here: only processes may be out of reach."""
        return not isinstance(of, ProcessType) or bool(self.leaves(of, spot))

    # By type

    def of_type(self, of: Type, spot: Spot, depth: int = 1, expected: bool = True) -> Piece:
        """An expression of a type; `expected`: the type is known from where it stands, so `none` and `{}` are."""
        leaves = self.leaves(of, spot)
        if spot.steps and self.choose.chance(35):
            return self._next(of, spot, depth)
        if leaves and leaves != [spot.avoid] and self.choose.chance(self._plainness(of, depth)):
            return Piece(self.choose.pick(leaves))
        if depth and self.choose.chance(8):
            return self._conditional(of, spot, depth, expected)
        if depth and self.choose.chance(25):
            applied = self._apply(of, spot, depth)
            if applied is not None:
                return applied
        match of:
            case BoolType():
                return self.condition(spot, depth)
            case EnumType():
                return Piece(self.choose.pick(of.values))
            case ProcessType(kind):
                return self._process(kind, leaves, spot, depth)
            case OptionType(inner):
                if not expected or (self.can(inner, spot) and self.choose.chance(80)):
                    return self.of_type(inner, spot, depth, expected)
                return Piece("none")
            case SetType():
                return self._set(of, spot, depth, expected)
            case MapType():
                raise TypeError("whole maps are copied from variables only")
            case _:
                return self._number(of, spot, depth)

    def _plainness(self, of: Type, depth: int) -> int:
        """How often a name stands where an expression might, in percent."""
        if isinstance(of, EnumType):
            return 20
        return 45 if depth else 80

    def _next(self, of: Type, spot: Spot, depth: int) -> Piece:
        operand = self.of_type(of, replace(spot, steps=False), max(depth - 1, 0), expected=False)
        return Piece(f"next({operand.text})")

    def _conditional(self, of: Type, spot: Spot, depth: int, expected: bool) -> Piece:
        if not self.can(of, spot):
            raise TypeError(f"no {of} here")
        condition = self.condition(spot, depth - 1)
        yes = self.of_type(of, spot, depth - 1, expected)
        no = self.of_type(of, spot, depth - 1, expected)
        return Piece(f"if {condition.text} then {yes.text} else {no.text}", OPEN)

    def _apply(self, of: Type, spot: Spot, depth: int) -> Piece | None:
        """A definition of a type applied, if there is one that can be."""
        hidden = bool(spot.unreadable)
        found = [
            d
            for d in spot.around.defined
            if fits(d.type, of)
            and (not d.observes or (spot.observes and spot.durable is None))
            and not (hidden and d.kind)
            and (spot.durable is None or d.kind is None)
            and all(self.can(p, spot) for p in d.parameters)
            and (d.kind is None or self._owners(d.kind, spot))
        ]
        if not found:
            return None
        chosen = self.choose.pick(found)
        arguments = ", ".join(self.of_type(p, spot, depth - 1).text for p in chosen.parameters)
        owner = "" if chosen.kind is None else self.choose.pick(self._owners(chosen.kind, spot))
        return Piece(f"{owner}{chosen.name}({arguments})")

    def _owners(self, kind: str, spot: Spot) -> list[str]:
        """The processes of which a definition may be asked, as prefixes of its name."""
        own = [""] if spot.kind == kind and spot.reads_self else []
        others = [f"{name}." for name, of in spot.locals if of == ProcessType(kind)] if spot.observes else []
        return own + others

    # Processes and sets of them

    def _process(self, kind: str, leaves: list[str], spot: Spot, depth: int) -> Piece:
        chosen = self.choose.pick(leaves)
        if kind in spot.around.ordered and self.choose.chance(50):
            function = self.choose.pick(["successor", "predecessor"])
            inner = self.of_type(ProcessType(kind), spot, depth - 1).text if depth else chosen
            return Piece(f"{function}({inner})")
        return Piece(chosen)

    def _set(self, of: SetType, spot: Spot, depth: int, expected: bool) -> Piece:
        forms = ["everyone"]
        if self.can(of.of, spot):
            forms = ["literal", "literal", "literal", "everyone"]
        if depth:
            forms += ["filter", "operation", "operation"]
        if expected:
            forms.append("empty")
        match self.choose.pick(forms):
            case "literal":
                count = self.choose.number(1, 2)
                elements = [self.of_type(of.of, spot, max(depth - 1, 0)).text for _ in range(count)]
                elements = list(dict.fromkeys(elements))
                return Piece("{" + ", ".join(elements) + "}")
            case "filter":
                name = spot.around.fresh("e")
                domain = self.wrap(self.of_type(of, spot, depth - 1, expected=False), SUM)
                condition = self.condition(spot.binding(name, of.of), depth - 1)
                return Piece(f"{{{name} in {domain} if {condition.text}}}")
            case "operation":
                operator = self.choose.pick(["+", "+", "-", "&"])
                left = self.of_type(of, spot, depth - 1, expected=False)
                return self.infix(left, operator, self.of_type(of, spot, depth - 1), SUM)
            case "empty":
                return Piece("{}")
            case _:
                return Piece(of.of.kind)

    # Numbers

    def _number(self, of: Type, spot: Spot, depth: int) -> Piece:
        low, high = (of.low, of.high) if isinstance(of, IntType) else (0, 2)
        simple = spot
        if spot.settled:
            simple = replace(spot, locals=tuple(local for local in spot.locals if not is_number(local[1])))
        if depth == 0 or self.choose.chance(30):
            constant = self.choose.number(low, high)
            return Piece(str(constant), ATOM if constant >= 0 else NEGATIVE)
        form = self.choose.pick(["clipped", "clipped", "wrapped", "+", "min", "max", "size", "-", "*", "negative"])
        if form == "size" and spot.around.kinds:
            kind = self.choose.pick(sorted(spot.around.kinds))
            return Piece(f"size({self.of_type(SetType(ProcessType(kind)), spot, depth - 1, expected=False).text})")
        left = self.of_type(of, simple, depth - 1)
        if form == "clipped":
            return Piece(f"min({self.infix(left, '+', Piece('1'), SUM).text}, {high})")
        if form == "wrapped":
            test = self.infix(left, "<", Piece(str(high), ATOM if high >= 0 else NEGATIVE), COMPARISON)
            more = self.infix(left, "+", Piece("1"), SUM)
            return Piece(f"if {test.text} then {more.text} else {low}", OPEN)
        if form == "negative":
            return Piece(f"-{self.wrap(left, NEGATIVE)}", NEGATIVE)
        right = self.of_type(of, simple, depth - 1)
        if form in ("min", "max"):
            return Piece(f"{form}({left.text}, {right.text})")
        return self.infix(left, form, right, PRODUCT if form == "*" else SUM)

    # Conditions

    def condition(self, spot: Spot, depth: int = 1) -> Piece:
        """A condition that is neither always true nor always false, as far as that can be had by chance."""
        if depth and spot.looks and self.choose.chance(20):
            return self.looking(self.choose.pick(["exists", "forall"]), spot, depth - 1)
        if depth and self.choose.chance(45):
            match self.choose.pick(["and", "or", "not", "implies", "quantified", "quantified"]):
                case "and":
                    left, right = self.condition(spot, depth - 1), self.condition(spot, depth - 1)
                    return self._joined(left, "and", right, CONJUNCTION)
                case "or":
                    left, right = self.condition(spot, depth - 1), self.condition(spot, depth - 1)
                    return self._joined(left, "or", right, DISJUNCTION)
                case "implies":
                    left, right = self.condition(spot, depth - 1), self.condition(spot, depth - 1)
                    return Piece(f"{self.wrap(left, DISJUNCTION)} implies {self.wrap(right, OPEN)}", IMPLICATION)
                case "not":
                    return Piece(f"not {self.wrap(self.condition(spot, depth - 1), NEGATION)}", NEGATION)
                case _:
                    return self._quantified(spot, depth)
        return self._atom(spot, depth)

    def _joined(self, left: Piece, operator: str, right: Piece, level: int) -> Piece:
        if right.binding == OPEN and right.text.startswith(("exists", "forall")) and self.choose.chance(50):
            return Piece(f"{self.wrap(left, level)} {operator} {right.text}", OPEN)
        return self.infix(left, operator, right, level)

    def _quantified(self, spot: Spot, depth: int) -> Piece:
        kind = self.choose.pick(sorted(spot.around.kinds))
        quantifier = self.choose.pick(["exists", "forall"])
        names = [spot.around.fresh("q") for _ in range(2 if spot.observes and self.choose.chance(40) else 1)]
        process = ProcessType(kind)
        domain = Piece(kind)
        if self.choose.chance(50):
            domain = self.of_type(SetType(process), spot, depth - 1, expected=False)
        inner = spot
        for name in names:
            inner = inner.binding(name, process)
        body = self.condition(inner, depth if spot.observes else depth - 1)
        return Piece(f"{quantifier} {', '.join(names)} in {domain.text}: {body.text}", OPEN)

    def looking(self, quantifier: str, spot: Spot, depth: int) -> Piece:
        """A condition on the messages under way, or on who has led."""
        around = spot.around
        if around.leading is not None and self.choose.chance(30 if around.messages else 100):
            process, token = around.fresh("l"), around.fresh("k")
            inner = spot.binding(process, ProcessType(around.leading)).binding(token, NAT)
            return Piece(f"{quantifier} {process} led with {token}: {self.condition(inner, depth).text}", OPEN)
        first = self.choose.pick(around.messages)
        head, inner = self._carrying(first, spot)
        sender, receiver = around.fresh("s"), around.fresh("r")
        inner = inner.binding(sender, ProcessType(first.sender)).binding(receiver, ProcessType(first.receiver))
        head = f"{head} from {sender} to {receiver}"
        if self.choose.chance(35):
            same_way = [m for m in around.messages if (m.sender, m.receiver) == (first.sender, first.receiver)]
            second, inner = self._carrying(self.choose.pick(same_way), inner)
            head = f"{head} before {second}"
        return Piece(f"{quantifier} {head}: {self.condition(inner, depth).text}", OPEN)

    def _carrying(self, message: Sendable, spot: Spot) -> tuple[str, Spot]:
        names = [spot.around.fresh("c") for _ in message.parameters]
        for name, of in zip(names, message.parameters, strict=True):
            spot = spot.binding(name, of)
        return f"{message.name}({', '.join(names)})", spot

    def _atom(self, spot: Spot, depth: int) -> Piece:
        if spot.observes and spot.durable is None and self.choose.chance(12):
            observed = self._observed(spot)
            if observed is not None:
                return observed
        subjects = [(text, of) for text, of in self._at_hand(spot) if text != "self"]
        # A comparison with what a message carries or a quantifier ranges over says more than one among variables;
        # one of a process with `self` alone says little.
        own = {name for name, _ in spot.locals}
        about_locals = [s for s in subjects if s[0].partition(".")[0] in own and self._worth_asking(s[1], subjects)]
        if about_locals and self.choose.chance(65):
            subjects = about_locals
        elif self.choose.chance(90):
            subjects = [s for s in subjects if self._worth_asking(s[1], subjects)] or subjects
        if not subjects:
            return Piece(self.choose.pick(["true", "false"]))
        # Two conditions in a row about one thing are always or never true together, more often than not.
        subjects = [s for s in subjects if s[0] != self._asked] or subjects
        text, of = self.choose.pick(subjects)
        self._asked = text
        if spot.steps and self.choose.chance(40):
            text = f"next({text})"
        return self._about(Piece(text), of, replace(spot, steps=spot.steps and not text.startswith("next")), depth)

    def _worth_asking(self, of: Type, subjects: list[tuple[str, Type]]) -> bool:
        if not isinstance(of, ProcessType):
            return True
        return any(held in (OptionType(of), SetType(of)) for _, held in subjects)

    def _observed(self, spot: Spot) -> Piece | None:
        processes = [(name, of.kind) for name, of in spot.locals if isinstance(of, ProcessType)]
        if spot.kind is not None and spot.reads_self:
            processes.append(("self", spot.kind))
        if not processes:
            return None
        name, kind = self.choose.pick(processes)
        if spot.around.timed and self.choose.chance(60):
            if spot.around.timers[kind] and not spot.around.free and self.choose.chance(70):
                timer, limit = self.choose.pick(spot.around.timers[kind]), self.choose.number(0, 2)
                return Piece(f"{name}.elapsed({timer}) <= {limit}", COMPARISON)
            return Piece(f"paused({name})")
        if spot.around.timers[kind] and self.choose.chance(60):
            return Piece(f"{name}.armed({self.choose.pick(spot.around.timers[kind])})")
        return Piece(f"up({name})")

    def _about(self, subject: Piece, of: Type, spot: Spot, depth: int) -> Piece:
        """A condition on one value at hand."""
        less = max(depth - 1, 0)
        spot = replace(spot, avoid=subject.text)
        match of:
            case BoolType():
                return subject if self.choose.chance(70) else Piece(f"not {subject.text}", NEGATION)
            case EnumType(values):
                if len(values) > 2 and self.choose.chance(30):
                    first = self.choose.number(0, len(values) - 1)
                    two = [values[first], values[(first + self.choose.number(1, len(values) - 1)) % len(values)]]
                    operator = self.choose.pick(["in", "not in"])
                    return Piece(f"{subject.text} {operator} {{{two[0]}, {two[1]}}}", COMPARISON)
                operator = self.choose.pick(["==", "==", "!="])
                return self.infix(subject, operator, self.of_type(of, spot, less), COMPARISON)
            case OptionType(inner):
                if self.choose.chance(50) or not self.can(inner, spot):
                    return self.infix(subject, self.choose.pick(["==", "!="]), Piece("none"), COMPARISON)
                if self.choose.chance(30):
                    value = self.of_type(inner, spot, less).text
                    return Piece(f"{subject.text} in {{none, {value}}}", COMPARISON)
                if isinstance(inner, ProcessType) and self.choose.chance(30):
                    return self._membership(subject, inner, spot, less)
                return self.infix(subject, self.choose.pick(["==", "!="]), self.of_type(inner, spot, less), COMPARISON)
            case ProcessType(kind):
                if self.choose.chance(35):
                    return self._membership(subject, of, spot, less)
                operators = ["==", "!="] + (["<", ">=", "<=", ">"] if kind in spot.around.ordered else [])
                return self.infix(subject, self.choose.pick(operators), self.of_type(of, spot, less), COMPARISON)
            case SetType():
                return self._about_set(subject, of, spot, less)
            case MapType():
                entries = self.leaves(of.value, spot)
                here = [entry for entry in entries if entry.startswith(f"{subject.text}[")]
                if here:
                    return self._about(Piece(self.choose.pick(here)), of.value, spot, depth)
                same = [t for t, found in self._at_hand(spot) if found == of]
                return self.infix(subject, self.choose.pick(["==", "!="]), Piece(self.choose.pick(same)), COMPARISON)
            case _:
                operator = self.choose.pick(["==", "!=", "<", "<=", ">", ">="])
                return self.infix(subject, operator, self.of_type(of, spot, less), COMPARISON)

    def _membership(self, subject: Piece, of: ProcessType, spot: Spot, depth: int) -> Piece:
        operator = self.choose.pick(["in", "not in"])
        members = self.of_type(SetType(of), spot, depth, expected=False)
        return Piece(f"{subject.text} {operator} {self.wrap(members, SUM)}", COMPARISON)

    def _about_set(self, subject: Piece, of: SetType, spot: Spot, depth: int) -> Piece:
        forms = ["size", "<=", ">=", "==", "!="]
        if spot.around.quorum_of in (None, of.of.kind):
            forms += ["quorum", "quorum"]
        if self.can(of.of, spot):
            forms += ["member", "member"]
        match self.choose.pick(forms):
            case "quorum":
                return Piece(f"quorum({subject.text})")
            case "size":
                operator = self.choose.pick(["==", ">=", "<", "!="])
                return Piece(f"size({subject.text}) {operator} {self.choose.number(0, 2)}", COMPARISON)
            case "member":
                element = self.wrap(self.of_type(of.of, spot, depth), SUM)
                return Piece(f"{element} {self.choose.pick(['in', 'not in'])} {subject.text}", COMPARISON)
            case operator:
                return self.infix(subject, operator, self.of_type(of, spot, depth), COMPARISON)
