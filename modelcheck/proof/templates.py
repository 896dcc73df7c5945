"""The steps of a protocol of fixed sizes, as formulas that are written once and used for each step of a run.

A step is one of finitely many *choices*: a unit and who acts in it. The number of the step is put into the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from modelcheck.model import Name, StepKind
from modelcheck.proof.claims import Claim, StepClaim, unchanged
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    NUMBER,
    TRUE,
    Term,
    apply,
    choice,
    conjunction,
    disjunction,
    equal,
    implication,
    negation,
    rebuilt,
)
from modelcheck.proof.setting import Setting, View, base_view
from modelcheck.proof.spell import BEFORE, LATER, Speller, Writer, cell_name
from modelcheck.proof.steps import AFTER, Unit, leads, units

ACTING = ("actor", "sender", "receiver")
"""The constants of a unit that a choice settles."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a choice sends on a link where `present`."""

    message: str
    sender: int
    receiver: int
    number: int
    present: Term
    columns: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A unit and the processes that take part in it, by their numbers. `takes` is the link from which its message is
    taken (None: it stays, or there is none)."""

    number: int
    unit: Unit
    processes: dict[str, int]
    enabled: Term
    fails: Term
    changes: dict[str, Term]
    sent: tuple[Sent, ...]
    takes: tuple[int, int] | None

    @property
    def message(self) -> Term | None:
        """That the message is under way which the step is about."""
        parts = self.enabled.arguments if self.enabled.operator == "and" else (self.enabled,)
        if self.unit.step not in (StepKind.DELIVER, StepKind.DELIVER_AND_KEEP, StepKind.LOSE):
            return None
        return next(part for part in parts if part.operator == "apply" and part.name.startswith("sent/"))

    @property
    def name(self) -> str:
        return f"choice/{self.number}{BEFORE}"

    @property
    def chosen(self) -> Term:
        return apply(self.name, BOOL)


def choices(setting: Setting, speller: Speller) -> list[Choice]:
    """All that may happen in a step. Raises Unprovable."""
    found: list[Choice] = []
    for unit in units(setting, base_view(setting)):
        acting = [constant for constant in unit.constants if constant.name in ACTING]
        for processes in product(*(setting.processes[one.sort.removeprefix("process/")] for one in acting)):
            values = dict(zip(acting, processes, strict=True))
            enabled = speller.spelled(unit.enabled, values)
            if enabled is not FALSE:
                found.append(_choice(setting, speller, len(found), unit, values, enabled))
    return found


def _choice(
    setting: Setting, speller: Speller, index: int, unit: Unit, values: dict[Term, Term], enabled: Term
) -> Choice:
    numbers = {
        one.name: setting.processes[one.sort.removeprefix("process/")].index(value) for one, value in values.items()
    }
    changes = {}
    for symbol, changed in unit.changes.items():
        if symbol.startswith(("sent/", "end/")) or symbol == "led":
            continue
        ranges = [setting.processes[one.sort.removeprefix("process/")] for one in changed.parameters]
        for arguments in product(*ranges):
            after = speller.spelled(changed.at(arguments), values)
            places = [speller.setting.processes[a.sort.removeprefix("process/")].index(a) for a in arguments]
            if after is not apply(cell_name(symbol, BEFORE, places), after.sort):
                changes[cell_name(symbol, LATER, places)] = after
    takes = None
    if setting.has_positions and unit.step in (StepKind.DELIVER, StepKind.LOSE):
        takes = numbers["sender"], numbers["receiver" if unit.step is StepKind.LOSE else "actor"]
    fails = speller.spelled(unit.fails, values)
    sent = tuple(_sent(setting, speller, unit, values, numbers))
    return Choice(index, unit, numbers, enabled, fails, changes, sent, takes)


def _sent(
    setting: Setting, speller: Speller, unit: Unit, values: dict[Term, Term], numbers: dict[str, int]
) -> Iterator[Sent]:
    for position, sending in enumerate(unit.sent):
        for receiver, process in enumerate(setting.processes[setting.messages[sending.message].receiver]):
            present = speller.spelled(sending.to(process), values)
            if present is not FALSE:
                columns = tuple(speller.spelled(one, values) for one in sending.carries(process))
                yield Sent(sending.message, numbers["actor"], receiver, position, present, columns)


# Text that is written once -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Template:
    """Text in which the number of the moment is still to be put: declarations, and assertions over them. `open` are
    the formulas that depend on what is under way, by the names under which the assertions know them."""

    names: dict[str, tuple[str, ...]]
    open: dict[str, Term]
    lines: tuple[str, ...]


class _Making:
    """A template being made."""

    def __init__(self, speller: Speller, prefix: str) -> None:
        self.speller = speller
        self.prefix = prefix
        self.open: dict[str, Term] = {}
        self.lines: list[str] = []
        self.writer = Writer(speller, f"{prefix}/part/")
        self._kept: dict[Term, Term] = {}

    def closed(self, term: Term) -> Term:
        """The term with each of its outermost quantifiers under a name."""
        found = self._kept.get(term)
        if found is None:
            if term.operator in ("forall", "exists"):
                name = f"{self.prefix}/open/{len(self.open)}{BEFORE}"
                self.open[name] = term
                found = apply(name, BOOL)
            elif term.arguments:
                found = rebuilt(term, tuple(map(self.closed, term.arguments)))
            else:
                found = term
            self._kept[term] = found
        return found

    def asserted(self, roots: list[Term]) -> Template:
        closed = [self.closed(root) for root in roots]
        self.writer.count(closed)
        said = [f"(assert {self.writer.text(root)})" for root in closed if root is not TRUE]
        return Template(self.writer.names, self.open, (*self.writer.definitions, *said, *self.lines))


def step_template(setting: Setting, speller: Speller, all_choices: list[Choice], *, symmetric: bool) -> Template:
    """What holds of each step."""
    making = _Making(speller, "step")
    roots: list[Term] = [implication(one.chosen, one.enabled) for one in all_choices]
    failing = disjunction(conjunction((one.chosen, one.fails)) for one in all_choices)
    roots.append(equal(apply(f"fails{BEFORE}", BOOL), failing))
    changed: dict[str, dict[Term, list[Term]]] = {}
    for one in all_choices:
        for name, after in one.changes.items():
            changed.setdefault(name, {}).setdefault(after, []).append(one.chosen)
    for name, sort in cells(setting).items():
        later = name.replace(BEFORE, LATER)
        after = apply(name, sort)
        for value, who in changed.get(later, {}).items():
            after = choice(disjunction(who), value, after)
        roots.append(equal(apply(later, sort), after))
    for (message, sender, receiver, index), of in puts(all_choices).items():
        name = put_name(message, sender, receiver, index, BEFORE)
        roots.append(equal(apply(name, BOOL), disjunction(conjunction((c.chosen, s.present)) for c, s in of)))
        for column, sort in enumerate(columns_sorts(setting, message)):
            place = apply(f"{name}.{column}", sort)
            roots += [implication(conjunction((c.chosen, s.present)), equal(place, s.columns[column])) for c, s in of]
    if setting.has_positions:
        taking = [(c, link_of(setting, c)) for c in all_choices if c.takes is not None]
        for link in links(setting):
            took = disjunction(c.chosen for c, taken in taking if taken == link)
            roots.append(equal(apply(takes_name(*link, BEFORE), BOOL), took))
    if symmetric:
        roots += _in_order(setting, all_choices)
    making.lines.append(_one_of([one.name for one in all_choices]))
    making.writer.names.update((one.name, (BOOL,)) for one in all_choices)
    return making.asserted(roots)


def _one_of(names: list[str]) -> str:
    if not names:
        return "(assert false)"
    each = " ".join(names)
    return f"(assert (or {each}))\n(assert ((_ at-most 1) {each}))" if len(names) > 1 else f"(assert {each})"


def puts(all_choices: list[Choice]) -> dict[tuple[str, int, int, int], list[tuple[Choice, Sent]]]:
    """Who puts what on a link: by message, sender, receiver and the sending's number in its handler."""
    found: dict[tuple[str, int, int, int], list[tuple[Choice, Sent]]] = {}
    for one in all_choices:
        for sent in one.sent:
            key = (sent.message, sent.sender, sent.receiver, sent.number)
            found.setdefault(key, []).append((one, sent))
    return found


def put_name(message: str, sender: int, receiver: int, index: int, moment: str) -> str:
    return f"put/{message}{moment}/{sender}/{receiver}/{index}"


def links(setting: Setting) -> Iterator[tuple[Name, Name]]:
    for one, other in setting.links:
        for sender in setting.model.names[setting.model.kind_index[one]]:
            for receiver in setting.model.names[setting.model.kind_index[other]]:
                yield sender, receiver


def link_of(setting: Setting, taking: Choice) -> tuple[Name, Name]:
    assert taking.takes is not None
    sender = next(c for c in taking.unit.constants if c.name == "sender").sort.removeprefix("process/")
    return Name(sender, taking.takes[0]), Name(taking.unit.actor, taking.takes[1])


def takes_name(sender: Name, receiver: Name, moment: str) -> str:
    return f"takes{moment}/{sender}/{receiver}"


def columns_sorts(setting: Setting, message: str) -> tuple[str, ...]:
    return tuple(sort for _, of in setting.messages[message].parameters for sort in setting.columns(of))


def cells(setting: Setting) -> dict[str, str]:
    """The constants of a state, with their sorts: all but relations."""
    found = {}
    for symbol in setting.symbols.values():
        if symbol.name.startswith(("sent/", "end/")) or symbol.name == "led":
            continue
        ranges = [range(len(setting.processes[of.removeprefix("process/")])) for of in symbol.arguments]
        for places in product(*ranges):
            found[cell_name(symbol.name, BEFORE, places)] = symbol.result
    return found


def _in_order(setting: Setting, all_choices: list[Choice]) -> Iterator[Term]:
    """Interchangeable processes act for the first time in the order of their numbers: every run is like such a one but
    for who is called what."""
    for kind in setting.protocol.kinds:
        count = len(setting.processes[kind.name])
        if kind.ordered or count == 1:
            continue
        acting: dict[int, list[Term]] = {index: [] for index in range(count)}
        for one in all_choices:
            index = one.processes.get("actor")
            if index is not None and one.unit.actor == kind.name:
                acting[index].append(one.chosen)
        for index, now in acting.items():
            if index:
                yield implication(disjunction(now), _acted(kind.name, index - 1, BEFORE))
            was = _acted(kind.name, index, BEFORE)
            yield equal(_acted(kind.name, index, LATER), disjunction((was, *now)))


def _acted(kind: str, index: int, moment: str) -> Term:
    return apply(f"acted/{kind}{moment}/{index}", BOOL)


def acted_names(setting: Setting) -> list[str]:
    return [
        f"acted/{kind.name}{BEFORE}/{index}"
        for kind in setting.protocol.kinds
        for index in range(len(setting.processes[kind.name]))
    ]


def order_template(setting: Setting, speller: Speller, all_choices: list[Choice]) -> Template:
    """What holds of two steps that follow each other: the process with the smaller number acts first, unless the second
    step is about a message that only the first one sends. Any other two steps of different processes lead to the same
    state in either order, since a process reads and changes nothing but its own and takes only what is sent to it."""
    making = _Making(speller, "order")
    places = {(name.kind, name.number): place for place, name in enumerate(n for of in setting.model.names for n in of)}
    acting = [(places[c.unit.actor, c.processes["actor"]], c) for c in all_choices if "actor" in c.processes]
    later = {one.name: apply(one.name.replace(BEFORE, LATER), BOOL) for _, one in acting}
    roots = []
    for place in sorted(set(places.values())):
        above = disjunction(one.chosen for other, one in acting if other > place)
        second: dict[Term, list[Term]] = {}
        for other, one in acting:
            if other == place:
                second.setdefault(_message_of(one), []).append(later[one.name])
        for known, chosen in second.items():
            roots.append(implication(conjunction((above, disjunction(chosen))), negation(known)))
    return making.asserted(roots)


def _message_of(one: Choice) -> Term:
    """Whether the message that the second of two steps is about was there before the first one, too."""
    sent = one.message
    if sent is None:
        return TRUE
    given = (apply(column.name.replace(BEFORE, LATER), column.sort) for column in sent.arguments)
    return apply(sent.name, BOOL, *given)


@dataclass(frozen=True)
class StateTemplate:
    """What is said of each state: who leads, and which claims hold (`holds/NAME@b`)."""

    leading: Template
    claims: Template


def state_template(setting: Setting, speller: Speller, claims: tuple[Claim, ...]) -> StateTemplate:
    leading = _Making(speller, "lead")
    roots = []
    leader = setting.protocol.leader
    if leader is not None:
        for index, process in enumerate(setting.processes[leader.kind]):
            now, token = leads(setting, base_view(setting), process)
            roots.append(equal(apply(f"leads{BEFORE}/{index}", BOOL), speller.spelled(now)))
            roots.append(equal(apply(f"token{BEFORE}/{index}", NUMBER), speller.spelled(token)))
    saying = _Making(speller, "state")
    said = []
    for claim in claims:
        formula = speller.spelled(claim.holds(base_view(setting)))
        said.append(equal(apply(f"holds/{claim.name}{BEFORE}", BOOL), formula))
    return StateTemplate(leading.asserted(roots), saying.asserted(said))


def claim_template(setting: Setting, speller: Speller, claims: tuple[StepClaim, ...]) -> Template:
    """Which claims about steps hold of a step (`holds/NAME@b`)."""
    making = _Making(speller, "claim")
    before, after = base_view(setting), _after_view(setting)
    said = []
    for claim in claims:
        same = unchanged(setting, claim.reads, before, after)
        formula = speller.spelled(disjunction((claim.holds(before, after), same)))
        said.append(equal(apply(f"holds/{claim.name}{BEFORE}", BOOL), formula))
    return making.asserted(said)


def _after_view(setting: Setting) -> View:
    symbols = setting.symbols
    return lambda symbol, arguments: apply(AFTER + symbol, symbols[symbol].result, *arguments)
