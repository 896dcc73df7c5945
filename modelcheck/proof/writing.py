"""Found clauses as conditions of the spec language, with variables named as a person would name them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from modelcheck.proof.arrange import Arranged, arranged, denied
from modelcheck.proof.atoms import Atom, Filling, conjoined, equality, kind_named
from modelcheck.proof.candidates import Candidate
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
    Not,
    Protocol,
    Quantified,
    Quantifier,
    Underway,
)
from spec.types import BOOL, NAT, OptionType, ProcessType, SetType, is_number


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
    return Writer(protocol).whole(arranged(candidate))


class Writer:
    """Writes one clause. `known` is how its variables are written."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.names = _Names(protocol)
        self.known: dict[Local, Expression] = {}
        self.identity = -5000
        self.matches: list[Expression] = []  # what the quantifiers' variables have to be
        self.binders: list[Quantified | Underway | Led] = []  # with `true` as their bodies

    def local(self, wanted: str, of: Any) -> Local:
        self.identity -= 1
        return Local(self.identity, self.names.fresh(wanted), of)

    def whole(self, clause: Arranged) -> Expression:
        true = Constant(True, BOOL)
        for atom in clause.opened:
            self.open(atom)
        for variable in clause.used:
            if isinstance(variable.type, ProcessType) and variable not in self.known:
                bound = self.local(kind_named(variable), variable.type)
                self.known[variable] = bound
                self.binders.append(Quantified(Quantifier.FORALL, bound, Everyone(SetType(variable.type)), true))
        if clause.given is not None:
            number, what = clause.given
            self.known[number] = replaced(what, self.known)
        self.matches = [replaced(one, self.known) for one in self.matches]
        concluded = self.concluded(clause)
        apart = [Compare(Comparison.DIFFERENT, self.known[one], self.known[other]) for one, other in clause.apart]
        supposed = [*self.matches, *apart, *(self.renamed(one.condition) for one in clause.supposed)]
        body = Connected(Connective.IMPLIES, conjoined(supposed), concluded) if supposed else concluded
        for binder in reversed(self.binders):
            body = replace(binder, body=body)
        return body

    def concluded(self, clause: Arranged) -> Expression:
        if clause.concluded:
            return _disjoined([self.renamed(one) for one in clause.concluded])
        if clause.same is not None:
            one, other = clause.same
            return equality(self.known[one], self.known[other])
        if not self.matches:
            return Constant(False, BOOL)
        # What is opened last cannot be: its number is not the one of before, if it is the number that would have to be.
        numbers = [one for one in self.matches if isinstance(one, Compare) and is_number(one.left.type)]
        last = (numbers or self.matches)[-1]
        self.matches.remove(last)
        return denied(last)

    def match(self, made: Local, filling: Filling) -> None:
        """What the place of a message has to be. The first place that a variable stands in is that variable."""
        match filling:
            case None:
                pass
            case Constant(bool() as value, _):
                self.matches.append(made if value else Not(made))
            case Local() if filling not in self.known and not isinstance(made.type, OptionType):
                self.known[filling] = made
            case _:
                self.matches.append(equality(made, filling))

    def open(self, atom: Atom) -> None:
        true = Constant(True, BOOL)
        carried = atom.carried
        if carried is None:
            who, number = atom.variables
            process, token = self.local(kind_named(who), who.type), self.local("t", NAT)
            self.match(process, who)
            self.match(token, number)
            self.binders.append(Led(Quantifier.FORALL, process, token, true))
            return
        message = self.protocol.message(carried.message)
        parameters = self.parameters(message.name)
        sender = self.local(message.sender, ProcessType(message.sender))
        receiver = self.local(message.receiver, ProcessType(message.receiver))
        later = None
        self.match(sender, carried.sender)
        self.match(receiver, carried.receiver)
        for made, filling in zip(parameters, carried.pattern, strict=True):
            self.match(made, filling)
        if carried.later is not None:
            later = (carried.later[0], self.parameters(carried.later[0]))
            for made, filling in zip(later[1], carried.later[1], strict=True):
                self.match(made, filling)
        made_of = Underway(Quantifier.FORALL, message.name, parameters, sender, receiver, true, later)
        self.binders.append(made_of)

    def parameters(self, name: str) -> tuple[Local, ...]:
        message = self.protocol.message(name)
        return tuple(self.local("t" if is_number(of) else parameter, of) for parameter, of in message.parameters)

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


def _disjoined(parts: list[Expression]) -> Expression:
    found: Expression | None = None
    for part in parts:
        found = part if found is None else Connected(Connective.OR, found, part)
    return Constant(False, BOOL) if found is None else found
