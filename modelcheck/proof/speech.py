"""The conditions of a clause in words. All of them come from the spec, so the sentences are plain: a message is sent, a
variable is something."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from modelcheck.proof.arrange import Arranged
from modelcheck.proof.atoms import Atom, Carried, Filling, kind_named
from modelcheck.proof.english import (
    CONDITIONS,
    MIRRORED,
    PERIODS,
    VERBS,
    affirmed_of,
    denied_of,
    says_what_it_did,
    with_article,
    words,
)
from modelcheck.proof.scope import singletons
from modelcheck.proof.writing import replaced
from spec.lint import nodes
from spec.protocol import (
    Compare,
    Comparison,
    Connected,
    Connective,
    Constant,
    Entry,
    Expression,
    Led,
    Local,
    Member,
    Not,
    Protocol,
    Read,
    Underway,
)
from spec.show import show
from spec.types import EnumType, OptionType, ProcessType, is_number


@dataclass(frozen=True)
class Phrase:
    """Part of a sentence; `key` is what of it is worth a place in a name, where that is not all of it."""

    text: str
    key: str = ""

    @property
    def short(self) -> str:
        return self.key or self.text


class Speaker:
    """Says the parts of one clause, in their order: who has been spoken of is called otherwise than one who has not.
    Who it is mostly about is `it`. `following` is whether what is said now is what follows from the rest: one who is
    new there is anyone. `told` are conditions that need not be said any more."""

    def __init__(self, protocol: Protocol, clause: Arranged) -> None:
        self.protocol = protocol
        self.clause = clause
        self.sent = "sent" if protocol.network.is_growing_set else "under way"
        self.single = singletons(protocol)
        self.subject = _subject(clause)
        self.spoken: dict[Local, str] = {}
        self.numbers: dict[Local, str] = {}
        self.following = False
        self.told: list[Expression] = []

    # Who and what ----------------------------------------------------------------------------------------------------

    def who(self, process: Local, *, anyone: bool = True) -> str:
        if process == self.subject:
            return "it"
        if process in self.spoken:
            return self.spoken[process]
        kind = kind_named(process)
        alike = [one for one in (self.subject, *self.spoken) if one is not None and one.type == process.type]
        every = anyone and self.following
        if kind in self.single:
            first = later = f"the {words(kind)}"
        elif not alike:
            first, later = f"{'every' if every else 'a'} {words(kind)}", f"the {words(kind)}"
        elif len(alike) == 1:
            first, later = "every other" if every else "another", "that one"
        else:
            first, later = "every other" if every else "a third", "the third"
        self.spoken[process] = later
        return first

    def whose(self, process: Expression) -> str:
        if not isinstance(process, Local):
            return f"{show(process)}'s"
        return "its" if process == self.subject else f"{self.who(process)}'s"

    def whom(self, process: Local, owner: Expression, *, anyone: bool = True) -> str:
        """One to whom something of its `owner` refers."""
        return "itself" if process == owner else self.who(process, anyone=anyone)

    def place(self, expression: Expression) -> str:
        """A variable, an entry of a map."""
        match expression:
            case Read(process, variable):
                return f"{self.whose(process)} {words(variable)}"
            case Entry(Read(process, variable), Local() as key):
                return f"{self.whose(process)} {words(variable)} of {self.whom(key, process)}"
            case Local() if self.clause.given is not None and expression == self.clause.given[0]:
                return self.place(self.clause.given[1])
            case Local() if expression in self.numbers:
                return self.numbers[expression]
            case _:
                return show(expression)

    def at(self, number: Expression) -> str:
        """The number with which something is, or was, under way."""
        said = self.place(number)
        return f" {'in' if said.split()[-1] in PERIODS else 'with'} {said}"

    # Messages and the history ----------------------------------------------------------------------------------------

    def opening(self, atom: Atom) -> Phrase:
        """Something that the clause begins with: what it supposes to be under way, or who it supposes to have led."""
        if atom.carried is not None:
            said = self.message(atom.carried, words(atom.carried.message), opening=True)
        else:
            who, number = atom.variables
            by = "" if who == self.subject else f"{self.who(who)} "
            with_token = f"with {self.numbers[number]}" if number in self.numbers else "with a token"
            said = Phrase(f"{by}led {with_token}", f"{by}led")
            self.numbers.setdefault(number, "that token")
        for one in self.clause.supposed:
            match one.condition:
                case Compare(Comparison.EQUAL, Local() as number, Read() as place) if number in atom.variables:
                    self.told.append(one.condition)
                    text = said.text.removesuffix(" with a token")
                    return Phrase(f"{text}{self.at(place)}", said.key)
        return said

    def never(self, atom: Atom) -> Phrase:
        """That something cannot be."""
        if atom.carried is not None:
            known = [one.carried.message for one in self.clause.opened[:-1] if one.carried is not None]
            nothing = "none" if atom.carried.message in known else f"no {words(atom.carried.message)}"
            return self.message(atom.carried, nothing, denied=True)
        who, number = atom.variables
        with_token = f" with {self.numbers[number]}" if number in self.numbers else ""
        others = [one for one in self.clause.same or () if one != who]
        if who in self.spoken:
            said = f"{self.who(who)} has not led"
        elif others and others[0] in self.spoken:
            said = f"nobody but {self.who(others[0])} led"
        elif others:
            said = "nobody else led"
        else:
            said = "not led" if len(self.clause.opened) > 1 else "nobody led"
        return Phrase(said + with_token, said)

    def message(self, carried: Carried, name: str, *, opening: bool = False, denied: bool = False) -> Phrase:
        """That one is under way; `opening` is whether it is supposed, `denied` whether `name` says that none is."""
        ahead = f" before {words(carried.later[0])}" if carried.later is not None else ""
        text, key = f"{name} {self.sent}{ahead}", f"{name}{' sent' if self.sent == 'sent' else ''}{ahead}"
        ends = list(self.ends(carried, opening=opening, denied=denied))
        message = self.protocol.message(carried.message)
        processes = [f for f in carried.pattern if _is_process(f)]
        for (parameter, _), filling in zip(message.parameters, carried.pattern, strict=True):
            ends.append(self.carrying(parameter, filling, carried, alone=len(processes) == 1, denied=denied))
        text += "".join(ends)
        key += (
            "".join(one for one in ends if opening or denied or "quorum" in one)
            .replace(" to it ", " ")
            .removesuffix(" to it")
        )
        for number, called in self.carried_numbers(carried):
            if number in self.numbers or not (opening or denied):
                self.numbers.setdefault(number, called)
                text += self.at(number)
            self.numbers.setdefault(number, called)
        return Phrase(text, key)

    def ends(self, carried: Carried, *, opening: bool, denied: bool) -> Iterator[str]:
        """Whom a message goes to and whom it comes from, where that is not plain."""
        sender, receiver = carried.sender, carried.receiver
        if receiver == sender:
            yield " to oneself" if denied and len(self.clause.opened) == 1 else " to itself"
        elif receiver is not None and opening and receiver != self.subject and not self.spoken:
            self.spoken[receiver] = "the receiver"
        elif receiver is not None:
            yield f" to {self.another(receiver) if denied else self.who(receiver)}".replace("every other", "all others")
        if sender != self.subject:
            by = "by" if self.sent == "sent" else "from"
            yield f" {by} {self.another(sender) if denied else self.who(sender)}"

    def another(self, process: Local) -> str:
        """One of whom nothing is, where all that is known is who else it might have been."""
        if process in (self.clause.same or ()) and process not in self.spoken and process != self.subject:
            self.spoken[process] = "that one"
            return "another"
        return self.who(process, anyone=False)

    def carrying(self, parameter: str, filling: Filling, carried: Carried, *, alone: bool, denied: bool) -> str:
        match filling:
            case Constant(None, _):
                return f" without {words(parameter)}"
            case Constant(bool() as value, _):
                return f" {'with' if value else 'without'} {words(parameter)}"
            case Constant(value, EnumType()):
                return f" with {words(parameter)} {words(str(value))}"
            case Local() if _is_process(filling):
                whom = self.whom(filling, carried.sender, anyone=not denied)
                return f" naming {whom}" if alone else f" with {whom} as {words(parameter)}"
        return ""

    def carried_numbers(self, carried: Carried) -> Iterator[tuple[Local, str]]:
        """The numbers in a message, and what they are to be called."""
        several = len({v for a in self.clause.opened for v in a.variables if is_number(v.type)}) > 1
        sides = [(carried.message, carried.pattern, "earlier")]
        sides += [(*carried.later, "later")] if carried.later is not None else []
        for name, pattern, which in sides:
            for (parameter, _), filling in zip(self.protocol.message(name).parameters, pattern, strict=True):
                if not isinstance(filling, Local) or not is_number(filling.type):
                    continue
                said = words(parameter)
                if carried.later is not None:
                    yield filling, f"the {which} {said}"
                else:
                    yield filling, f"the {words(name)} {said}" if several else f"that {said}"

    # Conditions ------------------------------------------------------------------------------------------------------

    def condition(self, condition: Expression) -> Phrase:
        if self.clause.given is not None and not isinstance(condition, Underway | Led):
            number, what = self.clause.given
            condition = replaced(condition, {number: what})
        return self.plain(condition)

    def leading(self, condition: Expression, *, affirmed: bool) -> Phrase:
        """What is not about one variable is the condition under which a process leads."""
        process = next((part for part in nodes(condition) if part in self.clause.used), None)
        if not isinstance(process, Local):
            return Phrase(show(condition if affirmed else Not(condition)))
        return self.predicate(process, "leading" if affirmed else "not leading")

    def predicate(self, process: Expression, said: str, verb: str = "is") -> Phrase:
        """What a process is or did."""
        if process == self.subject:
            return Phrase(said)
        whose = self.who(process) if isinstance(process, Local) else show(process)
        if whose.startswith("every ") and said.startswith("not "):
            whose, said = f"no {whose.removeprefix('every ')}", said.removeprefix("not ")
        return Phrase(f"{whose} {verb} {said}" if verb else f"{whose} {said}")

    def plain(self, condition: Expression) -> Phrase:
        match condition:
            case Underway():
                return self.message(carried_of(condition), words(condition.message))
            case Led():
                equal = dict(_equations(condition.body))
                who, token = equal.get(condition.process), equal.get(condition.token)
                led = self.predicate(who, "led", "") if who is not None else Phrase("somebody led")
                return Phrase(f"{led.text} with {self.place(token)}", led.text) if token is not None else led
            case Compare(comparison, left, right) if is_number(left.type) or is_number(right.type):
                return Phrase(self.comparison(comparison, left, right))
            case Compare(comparison, Local() as one, Local() as other):
                if other == self.subject:
                    comparison, one, other = MIRRORED[comparison], other, one
                return self.predicate(one, f"{VERBS[comparison].removeprefix('is ')} {self.who(other)}")
            case Compare(Comparison.EQUAL | Comparison.DIFFERENT as comparison, place, value):
                return self.value(place, value, affirmed=comparison is Comparison.EQUAL)
            case Member(Local() as one, place):
                return self.member(one, place, affirmed=True)
            case Not(Member(Local() as one, place)):
                return self.member(one, place, affirmed=False)
            case Read(owner, variable):
                return self.predicate(owner, *affirmed_of(words(variable)))
            case Not(Read(owner, variable)):
                return self.predicate(owner, *denied_of(words(variable)))
            case Entry():
                return Phrase(f"{self.place(condition)} is true")
            case Not(Entry() as entry):
                return Phrase(f"{self.place(entry)} is false")
            case Not(operand):
                return self.leading(operand, affirmed=False)
            case _:
                return self.leading(condition, affirmed=True)

    def comparison(self, comparison: Comparison, left: Expression, right: Expression) -> str:
        if _weight(left, self.numbers) > _weight(right, self.numbers):
            comparison, left, right = MIRRORED[comparison], right, left
        one = self.place(left)
        match left, right:
            case Read(_, first), Read(process, second) if first == second and process != self.subject:
                other = self.whose(process)
            case _:
                other = self.place(right)
        is_token = self.protocol.leader is not None and _variable(left) == _variable(self.protocol.leader.token)
        if other.startswith("that ") and (other.split()[-1] == one.split()[-1] or (other == "that token" and is_token)):
            other = "that"
        return f"{one} {VERBS[comparison]} {other}"

    def value(self, place: Expression, value: Expression, *, affirmed: bool) -> Phrase:
        """That a variable has, or has not, a value."""
        negated = "" if affirmed else "not "
        match place, value:
            case Read(owner, variable), Constant(str() as one, EnumType()) if variable in ("role", *CONDITIONS):
                noun = variable == "role" and not one.endswith(("ing", "ed"))
                return self.predicate(owner, f"{negated}{with_article(words(one)) if noun else words(one)}")
            case Read(owner, variable), _ if says_what_it_did(variable):
                did = self.predicate(owner, f"{negated}{words(variable)}", "").text
                return Phrase(f"{did} {self.object(value, owner, 'nobody', affirmed=affirmed)}")
        said = self.place(place)
        owner = next(part.process for part in nodes(place) if isinstance(part, Read))
        return Phrase(f"{said} is {negated}{self.object(value, owner, 'none', affirmed=affirmed)}")

    def object(self, value: Expression, owner: Expression, nothing: str, *, affirmed: bool) -> str:
        """What a variable of its owner holds."""
        match value:
            case Local():
                return self.whom(value, owner, anyone=affirmed)
            case Constant(None, OptionType()):
                return nothing
            case Constant(str() as one, _):
                return words(one)
            case _:
                return show(value)

    def member(self, one: Local, place: Expression, *, affirmed: bool) -> Phrase:
        negated = "" if affirmed else "not "
        owner, variable = next((part.process, part.variable) for part in nodes(place) if isinstance(part, Read))
        if one == self.subject:
            said = f"its own {words(variable)}" if place == Read(one, variable, place.type) else self.place(place)
            return Phrase(f"{negated}in {said}")
        who = "itself" if one == owner else self.who(one, anyone=affirmed)
        verb = "is " if self.following else ""
        return Phrase(f"{who} {verb}{negated}in {self.place(place)}", f"{negated}in {words(variable)}")


def carried_of(condition: Underway) -> Carried:
    """What a condition says to be under way."""
    said = dict(_equations(condition.body))
    sender, receiver = said[condition.sender], said.get(condition.receiver)
    assert isinstance(sender, Local)
    assert receiver is None or isinstance(receiver, Local)
    pattern = tuple(_filling(said.get(parameter)) for parameter in condition.parameters)
    later = None
    if condition.later is not None:
        later = (condition.later[0], tuple(_filling(said.get(parameter)) for parameter in condition.later[1]))
    return Carried(condition.message, sender, receiver, pattern, later)


def _subject(clause: Arranged) -> Local | None:
    """Who a clause is mostly about."""
    for atom in clause.opened:
        return atom.carried.sender if atom.carried is not None else atom.variables[0]
    conditions = [one.condition for one in clause.supposed] + list(clause.concluded)
    if clause.given is not None:
        conditions.append(clause.given[1])
    used = [one for one in clause.used if isinstance(one.type, ProcessType)]
    for condition in conditions:
        owners = [part.process for part in nodes(condition) if isinstance(part, Read)]
        found = next((one for one in (*owners, *nodes(condition)) if one in used), None)
        if isinstance(found, Local):
            return found
    return None


def _equations(condition: Expression) -> Iterator[tuple[Local, Expression]]:
    """What a conjunction says that its variables are."""
    match condition:
        case Connected(Connective.AND, left, right):
            yield from _equations(left)
            yield from _equations(right)
        case Compare(Comparison.EQUAL, Local() as made, value):
            yield made, value


def _filling(value: Expression | None) -> Filling:
    assert value is None or isinstance(value, Local | Constant)
    return value


def _is_process(filling: Filling) -> bool:
    return isinstance(filling, Local) and isinstance(filling.type, ProcessType)


def _weight(number: Expression, called: dict[Local, str]) -> int:
    """What is spoken of comes first: a variable, then a number in a message, then what has been said before."""
    match number:
        case Constant():
            return 3
        case Local():
            return 2 if called.get(number, "").startswith("that ") else 1
        case _:
            return 0


def _variable(expression: Expression) -> str:
    return expression.variable if isinstance(expression, Read) else ""
