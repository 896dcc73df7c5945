"""Found clauses as a person would write them: in the spec language, each with a name and what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from modelcheck.proof.atoms import Atom, Carried, conjoined, equality, kind_named
from modelcheck.proof.candidates import Candidate
from spec.format import format_source
from spec.lint import nodes
from spec.names import BUILT_IN, RESERVED
from spec.protocol import (
    Compare,
    Comparison,
    Connected,
    Connective,
    Constant,
    Everyone,
    Expression,
    Filtered,
    Led,
    Local,
    Member,
    Not,
    Protocol,
    Quantified,
    Quantifier,
    Read,
    Underway,
)
from spec.show import show
from spec.source import Source
from spec.types import BOOL, NAT, ProcessType, SetType, is_number


@dataclass(frozen=True)
class Worded:
    """A clause ready to be pasted into a spec."""

    name: str
    role: str
    expression: Expression

    @property
    def text(self) -> str:
        """As it stands in a spec, in the canonical form; it ends in a line break."""
        said = f' "{self.role}"' if self.role else ""
        return format_source(Source("", f"invariant {self.name}{said}: {show(self.expression)}\n"))


class _Names:
    """Names for variables: short, and none that means something in the spec."""

    def __init__(self, protocol: Protocol) -> None:
        self.taken = {*RESERVED, *BUILT_IN}
        for kind in protocol.kinds:
            self.taken |= {kind.name, *(v.name for v in kind.variables), *(t.name for t in kind.timers)}
        self.taken |= {m.name for m in protocol.messages} | {d.name for d in protocol.definitions}
        self.taken |= {p.name for p in protocol.procedures} | {v for of in protocol.types for v in of.values}

    def fresh(self, wanted: str) -> str:
        letters = "abcdefghijklmnopqrstuvwxyz"
        start = letters.index(wanted[0].lower()) if wanted[0].lower() in letters else 0
        for round_ in range(100):
            for shift in range(6):
                name = letters[(start + shift) % 26] + (str(round_) if round_ else "")
                if name not in self.taken:
                    self.taken.add(name)
                    return name
        raise AssertionError("no name is left")


def replaced(part: Any, values: dict[Local, Expression]) -> Any:
    """An expression with variables replaced."""
    if isinstance(part, Local):
        return values.get(part, part)
    if isinstance(part, tuple):
        return tuple(replaced(one, values) for one in part)
    if is_dataclass(part) and not isinstance(part, type):
        changed = {
            one.name: replaced(getattr(part, one.name), values)
            for one in fields(part)
            if isinstance(getattr(part, one.name), tuple) or is_dataclass(getattr(part, one.name))
        }
        return replace(part, **changed) if changed else part
    return part


def expression_of(protocol: Protocol, candidate: Candidate) -> Expression:
    """A clause as a closed condition: what it supposes about messages and the history comes first, as quantifiers."""
    return _Writer(protocol, candidate).whole()


class _Writer:
    def __init__(self, protocol: Protocol, candidate: Candidate | None) -> None:
        self.protocol = protocol
        self.parts = candidate.parts if candidate is not None else ()
        self.used = candidate.used if candidate is not None else ()
        self.names = _Names(protocol)
        self.known: dict[Local, Expression] = {}
        self.identity = -5000
        self.supposed: list[Expression] = []
        self.binders: list[Expression] = []  # with `true` as their bodies

    def local(self, wanted: str, of: Any) -> Local:
        self.identity -= 1
        return Local(self.identity, self.names.fresh(wanted), of)

    def whole(self) -> Expression:
        atoms = [atom for atom, sign in self.parts if not sign]
        claims = [atom for atom, sign in self.parts if sign]
        opening = [a for a in atoms if a.carried is not None or isinstance(a.expression, Led)]
        rest = [a for a in atoms if a not in opening]
        for atom in sorted(opening, key=lambda a: a.carried is None):
            self.open(atom)
        equations = [a for a in rest if a.binds and a.variables[0] not in self.known and is_number(a.variables[0].type)]
        for variable in self.used:
            if isinstance(variable.type, ProcessType) and variable not in self.known:
                bound = self.local(kind_named(variable), variable.type)
                self.known[variable] = bound
                over = Everyone(SetType(variable.type))
                self.binders.insert(0, Quantified(Quantifier.FORALL, bound, over, Constant(True, BOOL)))
        if equations:
            equation = equations[0]
            rest.remove(equation)
            assert isinstance(equation.expression, Compare)
            self.known[equation.variables[0]] = replaced(equation.expression.right, self.known)
        supposed = [*self.supposed, *(self.said(atom) for atom in rest)]
        concluded = [self.said(atom) for atom in claims]
        apart = list(self.apart())
        if concluded:
            supposed = [*(Compare(Comparison.DIFFERENT, a, b) for a, b in apart), *supposed]
        else:
            concluded = [equality(a, b) for a, b in apart]
        if not concluded and supposed:
            concluded = [_denied(supposed.pop())]
        body = _disjoined(concluded)
        if supposed:
            body = Connected(Connective.IMPLIES, conjoined(supposed), body)
        for binder in reversed(self.binders):
            body = replace(binder, body=body)  # type: ignore[arg-type]
        return body

    def apart(self) -> Iterator[tuple[Expression, Expression]]:
        """The pairs of variables that stand for different processes."""
        used = [v for v in self.used if isinstance(v.type, ProcessType)]
        for index, one in enumerate(used):
            for other in used[index + 1 :]:
                if one.type == other.type:
                    yield self.known[one], self.known[other]

    def bind(self, variable: Local | None, wanted: str, of: Any) -> Local:
        """A local for a place of a message; where the clause's variable is bound already, the two are equal."""
        made = self.local(wanted, of)
        if variable is None:
            return made
        if variable in self.known:
            self.supposed.append(equality(made, self.known[variable]))
        else:
            self.known[variable] = made
        return made

    def open(self, atom: Atom) -> None:
        true = Constant(True, BOOL)
        if isinstance(atom.expression, Led):
            who, number = atom.variables
            process, token = self.bind(who, kind_named(who), who.type), self.bind(number, "t", NAT)
            self.binders.append(Led(Quantifier.FORALL, process, token, true))
            return
        carried = atom.carried
        assert carried is not None
        message = self.protocol.message(carried.message)
        parameters = self.parameters(carried, message.name, carried.pattern)
        sender = self.bind(carried.sender, message.sender, ProcessType(message.sender))
        receiver = self.bind(carried.receiver, message.receiver, ProcessType(message.receiver))
        later = None
        if carried.later is not None:
            later = (carried.later[0], self.parameters(carried, *carried.later))
        made = Underway(Quantifier.FORALL, message.name, parameters, sender, receiver, true, later)
        self.binders.append(made)

    def parameters(self, _: Carried, name: str, pattern: tuple[Any, ...]) -> tuple[Local, ...]:
        found = []
        for filling, (parameter, of) in zip(pattern, self.protocol.message(name).parameters, strict=True):
            wanted = "t" if is_number(of) else parameter
            if isinstance(filling, Constant):
                made = self.local(wanted, of)
                self.supposed.append(equality(made, filling))
            else:
                made = self.bind(filling, wanted, of)
            found.append(made)
        return tuple(found)

    def said(self, atom: Atom) -> Expression:
        """An atom over the variables as they are named now."""
        return self.renamed(atom.expression)

    def renamed(self, expression: Expression) -> Expression:
        """An expression with names of its own for what it binds."""
        names: dict[Local, Expression] = dict(self.known)
        for part in nodes(expression):
            bound: list[Local] = []
            match part:
                case Underway():
                    bound = [*part.parameters, part.sender, part.receiver, *(part.later[1] if part.later else ())]
                case Led():
                    bound = [part.process, part.token]
                case Quantified() | Filtered():
                    bound = [part.variable]
            names |= {local: self.local(_wanted(local), local.type) for local in bound if local not in names}
        said = replaced(expression, names)
        assert isinstance(said, Expression)
        return said


def _wanted(local: Local) -> str:
    return kind_named(local) if isinstance(local.type, ProcessType) else "t" if is_number(local.type) else local.name


def _denied(expression: Expression) -> Expression:
    match expression:
        case Compare(Comparison.EQUAL, left, right):
            return Compare(Comparison.DIFFERENT, left, right)
        case Compare(Comparison.LESS, left, right):
            return Compare(Comparison.LESS_EQUAL, right, left)
        case _:
            return Not(expression)


def _disjoined(parts: list[Expression]) -> Expression:
    found: Expression | None = None
    for part in parts:
        found = part if found is None else Connected(Connective.OR, found, part)
    return Constant(False, BOOL) if found is None else found


# Names and roles -----------------------------------------------------------------------------------------------------


def worded(protocol: Protocol, number: int, candidate: Candidate) -> Worded:
    expression = expression_of(protocol, candidate)
    return Worded(f"clause_{number}", role_of(candidate), expression)


def worded_claim(protocol: Protocol, number: int, expression: Expression) -> Worded:
    """A clause about who stands behind a leader."""
    renamed = _Writer(protocol, None).renamed(expression)
    return Worded(f"clause_{number}", "has led with that token: then a quorum stands behind it", renamed)


def role_of(candidate: Candidate) -> str:
    """What a clause is for, in a few words: what it supposes, then what follows."""
    supposed = [_phrase(atom) for atom, sign in candidate.parts if not sign]
    concluded = [_phrase(atom) for atom, sign in candidate.parts if sign]
    supposed = [phrase for phrase in supposed if phrase]
    if not concluded:
        if len(supposed) == 1:
            return f"never {supposed[0]}"
        return f"{', '.join(supposed[:-1])}: then not {supposed[-1]}"
    return f"{', '.join(supposed) or 'always'}: then {' or '.join(concluded)}"


def _phrase(atom: Atom) -> str:
    expression = atom.expression
    if atom.carried is not None:
        name = atom.carried.message.replace("_", " ")
        return f"{name} under way" + (f" ahead of {atom.carried.later[0]}" if atom.carried.later else "")
    match expression:
        case Led():
            return "has led with that token"
        case Compare(comparison, left, right):
            return f"{_said(left)} {_VERBS[comparison]} {_said(right)}"
        case Member(_, of):
            return f"counted in {_said(of)}"
        case _:
            return show(expression)


_VERBS = {
    Comparison.EQUAL: "is",
    Comparison.DIFFERENT: "is not",
    Comparison.LESS: "is below",
    Comparison.LESS_EQUAL: "is at most",
    Comparison.GREATER: "is above",
    Comparison.GREATER_EQUAL: "is at least",
}


def _said(expression: Expression) -> str:
    match expression:
        case Read(_, variable):
            return f"its {variable.replace('_', ' ')}"
        case Local() if is_number(expression.type):
            return "that number"
        case Local():
            return "the other"
        case _:
            return show(expression)
