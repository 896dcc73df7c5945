"""Runs of a protocol of fixed sizes: formulas that say what runs of a given length there are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from modelcheck.model import Name, Packet, State, StepKind, packet_order
from modelcheck.proof.claims import Claim, StepClaim
from modelcheck.proof.concrete import cells_of, columns_of, term_of
from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    NUMBER,
    POSITION,
    TRUE,
    Term,
    apply,
    arithmetic,
    at_most,
    choice,
    conjunction,
    disjunction,
    equal,
    negation,
    number,
)
from modelcheck.proof.setting import Setting
from modelcheck.proof.spell import BEFORE, LATER, Entry, Speller, Writer, at, cell_name
from modelcheck.proof.templates import (
    Template,
    acted_names,
    cells,
    choices,
    claim_template,
    columns_sorts,
    link_of,
    links,
    order_template,
    put_name,
    puts,
    state_template,
    step_template,
    takes_name,
)

PUT_APART = 1 << 10
"""How far apart the positions are that two steps give to what they send; no handler sends as much on one link."""


# Runs ----------------------------------------------------------------------------------------------------------------


class Unrolling:
    """The text of a run, moment by moment. With `start`, runs begin there; without, in any state at all."""

    def __init__(
        self,
        setting: Setting,
        claims: tuple[Claim, ...],
        step_claims: tuple[StepClaim, ...],
        start: State | None,
        *,
        symmetric: bool,
    ) -> None:
        self.setting = setting
        self.speller = Speller(setting)
        self.choices = choices(setting, self.speller)
        symmetric = symmetric and start is not None
        self.symmetric = symmetric
        self.step = step_template(setting, self.speller, self.choices, symmetric=symmetric)
        self.state = state_template(setting, self.speller, claims)
        self.order = order_template(setting, self.speller, self.choices)
        self.step_claims = claim_template(setting, self.speller, step_claims)
        self.start = start
        self.entries: list[dict[str, list[Entry]]] = []
        """At each moment: the elements of every relation."""
        self._born: dict[str, list[Entry]] = {}
        """The same at the last moment, where messages have ages: in the place of its age, how many ticks had passed
        when the message was sent, as a negative number."""
        clocks = setting.protocol.clocks
        self.delay = None if clocks is None else clocks.delay
        self._writers = 0
        self._said: set[str] = set()
        self._about = 0

    # Relations

    def relation_names(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Every relation with the sorts of its columns."""
        setting = self.setting
        for sender, receiver in links(setting):
            for message in setting.protocol.messages:
                if (message.sender, message.receiver) == (sender.kind, receiver.kind):
                    position = (POSITION,) if setting.has_positions else ()
                    columns = (*position, *columns_sorts(setting, message.name))
                    yield cell_name(f"sent/{message.name}", BEFORE, (sender.number, receiver.number)), columns
        if setting.protocol.leader is not None:
            for index in range(len(setting.processes[setting.protocol.leader.kind])):
                yield cell_name("led", BEFORE, (index,)), (NUMBER,)

    def _end(self, sender: Name, receiver: Name) -> Term:
        """Where what is sent first on a link has its position."""
        if self.start is not None:
            return number(0, POSITION)
        return apply(f"end/{sender.kind}/{receiver.kind}/{sender.number}/{receiver.number}", POSITION)

    def _first_entries(self) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {name: [] for name, _ in self.relation_names()}
        for name, entry in () if self.start is None else entries_of(self.setting, self.start, -PUT_APART):
            found[name].append(entry)
        return found

    def _taken(self, sender: Name, receiver: Name, moment: int, position: Term) -> Term:
        """Whether the step of a moment takes what is at a position of a link."""
        place = apply(at(f"position!{POSITION}{BEFORE}", moment), POSITION)
        taken = apply(at(takes_name(sender, receiver, BEFORE), moment), BOOL)
        return conjunction((taken, equal(position, place)))

    def _later_entries(self, moment: int) -> dict[str, list[Entry]]:
        """After the step of a moment: what was there and not taken, and what it sends."""
        setting = self.setting
        found = {name: list(entries) for name, entries in (self._born or self.entries[moment]).items()}
        if setting.has_positions:
            for name, (sender, receiver) in self._links_by_name.items():
                if any((sender, receiver) == link_of(setting, c) for c in self.choices if c.takes is not None):
                    found[name] = [
                        Entry(
                            conjunction((e.present, negation(self._taken(sender, receiver, moment, e.columns[0])))),
                            e.columns,
                        )
                        for e in found[name]
                    ]
        for message, sender_number, receiver_number, index in puts(self.choices):
            put = at(put_name(message, sender_number, receiver_number, index, BEFORE), moment)
            declared = setting.messages[message]
            sender, receiver = Name(declared.sender, sender_number), Name(declared.receiver, receiver_number)
            columns = [apply(f"{put}.{i}", sort) for i, sort in enumerate(columns_sorts(setting, message))]
            if setting.has_positions:
                ahead = number(moment * PUT_APART + index, POSITION)
                columns.insert(0, arithmetic("+", self._end(sender, receiver), ahead))
            if self.delay is not None:
                columns[-1] = arithmetic("-", columns[-1], _ticks(moment + 1))
            found[_relation(message, sender, receiver)].append(Entry(apply(put, BOOL), tuple(columns)))
        return found

    def _grown(self, entries: dict[str, list[Entry]], moment: int) -> dict[str, list[Entry]]:
        """The elements at a moment, with the ages that messages have then."""
        if self.delay is None:
            return entries
        self._born = entries
        delay = self.delay
        return {
            name: [Entry(e.present, (*e.columns[:-1], _at_most(_later(e.columns[-1], moment), delay))) for e in of]
            if name in self._links_by_name
            else of
            for name, of in entries.items()
        }

    def _time(self, moment: int) -> list[str]:
        """The text about how many ticks have passed, where that is asked for."""
        if self.delay is None:
            return []
        name = _ticks(moment).name
        self._said.add(name)
        ticked = at(next(c.name for c in self.choices if c.unit.step is StepKind.TICK), moment - 1)
        passed = f"(+ {_ticks(moment - 1).name} (ite {ticked} 1 0))" if moment else "0"
        return [f"(declare-fun {name} () Int)\n(assert (= {name} {passed}))"]

    @cached_property
    def _links_by_name(self) -> dict[str, tuple[Name, Name]]:
        """The link that each relation of messages is about."""
        return {
            _relation(message.name, sender, receiver): (sender, receiver)
            for sender, receiver in links(self.setting)
            for message in self.setting.protocol.messages
            if (message.sender, message.receiver) == (sender.kind, receiver.kind)
        }

    # Moments

    def begin(self) -> list[str]:
        """The text about the first state."""
        self.entries.append(self._grown(self._first_entries(), 0))
        lines: list[str] = []
        names: dict[str, tuple[str, ...]] = {}
        writer = Writer(self.speller, "start/")
        sorts = cells(self.setting)
        if self.start is not None:
            for (symbol, places), raw in cells_of(self.setting, self.start).items():
                name = cell_name(symbol, BEFORE, places)
                lines.append(f"(assert (= {name} {writer.text(term_of(self.setting, raw, sorts[name]))}))")
                names[name] = (sorts[name],)
        else:
            for name, sort in sorts.items():
                names[name] = (sort,)
                lines += filter(None, [writer.within(name, sort)])
        if self.symmetric:
            for name in acted_names(self.setting):
                names[name] = (BOOL,)
                lines.append(f"(assert (not {name}))")
        return [*self._time(0), self._text(Template(names, {}, tuple(lines)), 0), *self._state(0)]

    def next(self) -> list[str]:
        """The text about one more step, the state after it included."""
        moment = len(self.entries) - 1
        step = self._text(self.step, moment)
        self.entries.append(self._grown(self._later_entries(moment), moment + 1))
        return [step, *self._time(moment + 1), *self._state(moment + 1), self._text(self.step_claims, moment)]

    def ordered(self, moment: int) -> str:
        """The text about the order of the step of a moment and the next one. What it leaves out is another run to the
        same state; but not with the same last step."""
        return self._text(self.order, moment)

    def _state(self, moment: int) -> list[str]:
        """Who leads in a state, then what is said of it: that may speak of the history, this leading included."""
        text = self._text(self.state.leading, moment)
        leader = self.setting.protocol.leader
        if leader is not None:
            for index in range(len(self.setting.processes[leader.kind])):
                now = apply(at(f"leads{BEFORE}/{index}", moment), BOOL)
                token = apply(at(f"token{BEFORE}/{index}", moment), NUMBER)
                if moment or self.start is None:
                    self.entries[moment][cell_name("led", BEFORE, (index,))].append(Entry(now, (token,)))
        return [text, self._text(self.state.claims, moment)]

    # Text

    def _text(self, template: Template, moment: int) -> str:
        """The template's text about a moment, with all that it speaks of declared or defined, unless it was before."""
        entries = self._entries_about(moment)
        self._about = moment
        self._writers += 1
        writer = Writer(self.speller, f"about/{self._writers}/")
        writer.names.update(template.names)
        opened: list[str] = []
        for name, formula in template.open.items():
            spelled = self.speller.without_quantifiers(formula, entries, self._others)
            opened.append(f"(define-fun {name} () Bool {writer.text(spelled)})")
            self._said.add(at(name, moment))
        about = [name for name in writer.names if name in entries and self._is_new(name, moment)]
        relations = [self._relation_text(name, entries[name], writer) for name in about]
        ends = [name for name in writer.names if name.startswith("end/") and (BEFORE in name or LATER in name)]
        relations += [self._end_text(name, moment, writer) for name in ends if self._is_new(name, moment)]
        declared: list[str] = []
        for name, sorts in writer.names.items():
            if not name.startswith("?") and self._is_new(name, moment):
                declared.append(writer.declared(name, sorts))
                if name.startswith("with/"):
                    declared += filter(None, [writer.within(name, sorts[-1])])
        return at("\n".join((*declared, *relations, *opened, *template.lines)), moment)

    def _is_new(self, name: str, moment: int) -> bool:
        """Whether a name has not been declared or defined; from now on it is."""
        known = len(self._said)
        self._said.add(at(name, moment))
        return len(self._said) > known

    def _relation_text(self, name: str, entries: list[Entry], writer: Writer) -> str:
        sorts = writer.names[name][:-1]
        columns = tuple(apply(f"?{i}", sort) for i, sort in enumerate(sorts))
        inside = [self._others(name, columns)]
        for entry in entries:
            same = (equal(one, other) for one, other in zip(columns, entry.columns, strict=True))
            inside.append(conjunction((entry.present, *same)))
        binders = " ".join(f"(?{i} {writer.sort(sort)})" for i, sort in enumerate(sorts))
        return f"(define-fun {name} ({binders}) Bool {writer.text(disjunction(inside))})"

    def _entries_about(self, moment: int) -> dict[str, list[Entry]]:
        about = dict(self.entries[moment])
        if moment + 1 < len(self.entries):
            about |= {name.replace(BEFORE, LATER): found for name, found in self.entries[moment + 1].items()}
        return about

    def _others(self, relation: str, columns: tuple[Term, ...]) -> Term:
        """Where runs begin in any state: the messages and leaders of that state."""
        if self.start is not None:
            return FALSE
        moment = LATER if LATER in relation else BEFORE
        base = "base/" + relation.replace(moment, "")
        there = apply(base, BOOL, *columns)
        link = self._links_by_name.get(relation.replace(LATER, BEFORE))
        if link is None or not self.setting.has_positions:
            return there
        steps = self._about + (1 if moment == LATER else 0)
        if self.delay is not None:
            *others, age = columns
            there = disjunction(
                conjunction((apply(base, BOOL, *others, first), equal(age, _at_most(_later(first, steps), self.delay))))
                for first in map(number, range(self.delay + 1))
            )
        return conjunction((there, *(negation(self._taken(*link, step, columns[0])) for step in range(steps))))

    def _end_text(self, name: str, moment: int, writer: Writer) -> str:
        symbol, _, places = name.replace(LATER, BEFORE).partition(BEFORE)
        moment += LATER in name
        _, sender, receiver = symbol.split("/")
        one, other = (int(place) for place in places.split("/")[1:])
        end = arithmetic("+", self._end(Name(sender, one), Name(receiver, other)), number(moment * PUT_APART, POSITION))
        return f"(define-fun {name} () Int {writer.text(end)})"


def _ticks(moment: int) -> Term:
    """How many ticks have passed."""
    return apply(f"ticks@{moment}", NUMBER)


def _later(age: Term, moment: int) -> Term:
    """An age with all the ticks until a moment added."""
    return arithmetic("+", _ticks(moment), age)


def _at_most(value: Term, limit: int) -> Term:
    return choice(at_most(value, number(limit)), value, number(limit))


def _relation(message: str, sender: Name, receiver: Name) -> str:
    return cell_name(f"sent/{message}", BEFORE, (sender.number, receiver.number))


def entries_of(setting: Setting, state: State, first: int) -> Iterator[tuple[str, Entry]]:
    """The elements of the relations of a state, each with its relation. `first` is the position of the first message of
    each link."""
    for place, packet in _packets(state):
        types = [of for _, of in setting.messages[packet.message].parameters]
        carried = zip(packet.arguments, types, strict=True)
        raws = [raw for value, of in carried for raw in columns_of(setting, value, of)]
        sorts = columns_sorts(setting, packet.message)
        columns = [term_of(setting, raw, sort) for raw, sort in zip(raws, sorts, strict=True)]
        if setting.has_positions:
            columns.insert(0, number(place + first, POSITION))
        yield _relation(packet.message, packet.sender, packet.receiver), Entry(TRUE, tuple(columns))
    for index, token in state.led:
        yield cell_name("led", BEFORE, (index,)), Entry(TRUE, (number(token),))


def _packets(state: State) -> Iterator[tuple[int, Packet]]:
    for packet in sorted(state.packets, key=packet_order):
        yield 0, packet
    for link in state.links:
        yield from enumerate(link.queue)
