"""The formulas of states and steps against the reference semantics, on protocols drawn by chance: for fixed sizes a
step is in the relation if and only if the reference takes it, and a property is true of a state in both or in neither.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from modelcheck.evaluate import evaluate, scope_of
from modelcheck.model import Link, Model, Name, Packet, ProcessState, State, Step, StepKind, packet_order
from modelcheck.proof.claims import assumed, declared_steps, of_expression, recorded, standard, unchanged
from modelcheck.proof.concrete_view import (
    Evaluation,
    Place,
    Tables,
    quorum_tables,
    state_of,
    state_of_tables,
    structure,
    tables_of,
    view_of,
)
from modelcheck.proof.logic import BOOL, FALSE, NUMBER, POSITION, TRUE, Term, disjunction, number
from modelcheck.proof.obligations import unit_text
from modelcheck.proof.setting import Setting, Unprovable, base_view
from modelcheck.proof.smtlib import Printer
from modelcheck.proof.steps import Unit, initial_view, units
from modelcheck.properties import checked, found_in_state, found_in_step, leaders
from modelcheck.semantics import attempts, initial, splits, steps
from spec.check import check
from spec.diagnostics import SpecError
from spec.protocol import OnAction, OnInput, Property, PropertyKind
from spec.source import Source
from spec.types import EnumType, IntType, MapType, NatType, NumberType, OptionType, ProcessType, SetType, Type, Value
from tests.properties.declarations import Tape
from tests.properties.expressions import Spot
from tests.properties.protocols import Writer

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
WITHOUT_SHRINKING = tuple(phase for phase in Phase if phase is not Phase.shrink)
drawn = settings(max_examples=30, deadline=None, suppress_health_check=SLOW, phases=WITHOUT_SHRINKING)
"""Shrinking encodes thousands of protocols; whoever looks into a failure may leave `phases` out."""
QUEUE = 3
"""No link holds more in a state that is looked at."""


# Protocols with properties that look at messages and at the history ---------------------------------------------------


def looking(writer: Writer) -> Iterator[str]:
    """Properties over the messages under way and the history."""
    choose, around = writer.choose, writer.around
    spot = Spot(around, None, observes=True, reads_self=False)
    for count in range(choose.number(1, 3)):
        message = choose.pick(writer.messages)
        names = [around.fresh("c") for _ in message.parameters]
        ends = [around.fresh("s"), around.fresh("r")]
        inner = spot
        for name, of in zip(names, message.parameters, strict=True):
            inner = inner.binding(name, of)
        for name, kind in zip(ends, (message.sender, message.receiver), strict=True):
            inner = inner.binding(name, ProcessType(kind))
        head = f"{message.name}({', '.join(names)}) from {ends[0]} to {ends[1]}"
        others = [m for m in writer.messages if (m.sender, m.receiver) == (message.sender, message.receiver)]
        if choose.chance(50):
            later = choose.pick(others)
            more = [around.fresh("c") for _ in later.parameters]
            for name, of in zip(more, later.parameters, strict=True):
                inner = inner.binding(name, of)
            head += f" before {later.name}({', '.join(more)})"
        quantifier = choose.pick(["forall", "exists"])
        yield f"safety looking{count}: {quantifier} {head}: {writer.expressions.condition(inner, 2).text}"


def remembering(writer: Writer, kind: str) -> Iterator[str]:
    choose, around = writer.choose, writer.around
    spot = Spot(around, None, observes=True, reads_self=False)
    process, token = around.fresh("l"), around.fresh("t")
    inner = spot.binding(process, ProcessType(kind)).binding(token, NatType())
    quantifier = choose.pick(["forall", "exists"])
    yield f"safety remembering: {quantifier} {process} led with {token}: {writer.expressions.condition(inner, 2).text}"


def text_of(tape: bytes) -> str:
    writer = Writer(Tape(tape))
    text = writer.text()
    sizes = ", ".join(f"{size} {kind}s" for kind, size in zip(writer.kinds, writer.sizes, strict=True))
    lines = list(looking(writer))
    if "\nleader" in text:
        head = text.partition("\nleader")[2]
        kind = "client" if head.startswith(" at client") else "node"
        lines += remembering(writer, kind)
    return f"{text}\n" + "\n".join(lines) + f"\n\ncheck all: {sizes}\n"


@dataclass(frozen=True, eq=False)
class Encoded:
    """A protocol, and the formulas of its steps and properties."""

    setting: Setting
    seed: int
    meant: Setting
    """The setting whose formulas are looked at: of the same sizes, or of any number of processes."""

    @property
    def model(self) -> Model:
        return self.setting.model

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        return units(self.meant, base_view(self.meant))

    @cached_property
    def quorums(self) -> Tables:
        return {**quorum_tables(self.setting), **self.structure[1]}

    @cached_property
    def structure(self) -> tuple[Mapping[str, tuple[Term, ...]], Tables]:
        return ({}, {}) if self.meant is self.setting else structure(self.setting)

    def evaluation(self, tables: Tables, beside: tuple[Tables, ...] = ()) -> Evaluation:
        return Evaluation(self.setting, tables, beside, self.structure[0])

    def __repr__(self) -> str:
        return f"\n{self.setting.protocol.source.text}\n{self.setting.sizes} seed {self.seed}"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))


def encoded(tape: bytes, seed: int) -> Encoded | None:
    text = text_of(tape)
    try:
        protocol, _ = check(Source("drawn.elect", text))
    except SpecError:
        return None
    sizes = protocol.checks[0].rows[0].sizes[0]
    setting = Setting(protocol, sizes, protocol.network, protocol.faults)
    return Encoded(setting, seed, setting)


def protocols() -> st.SearchStrategy[Encoded]:
    tapes = st.binary(min_size=Tape.LENGTH, max_size=Tape.LENGTH)
    found = st.builds(encoded, tapes, st.integers(0, 1 << 30))
    return found.filter(lambda one: one is not None).map(_certain)


def _certain(found: Encoded | None) -> Encoded:
    assert found is not None
    return found


# States --------------------------------------------------------------------------------------------------------------


def walked(model: Model, dice: random.Random, length: int) -> list[State]:
    """The states of a walk of the reference semantics."""
    state = initial(model).state
    found = []
    for _ in range(length):
        if state is None:
            break
        found.append(state)
        after = [s.state for s in steps(model, state) if s.state is not None and _is_small(s.state)]
        state = dice.choice(after) if after else None
    return found


def _is_small(state: State) -> bool:
    return all(len(link.queue) <= QUEUE for link in state.links) and len(state.packets) <= 12


def perturbed(model: Model, state: State, dice: random.Random) -> State:
    """A state with some of it changed, reachable or not; who leads in it is in its history."""
    protocol = model.protocol
    processes = tuple(
        tuple(
            ProcessState(
                tuple(
                    drawn_value(model, v.type, dice) if dice.random() < 0.4 else value
                    for v, value in zip(kind.variables, process.values, strict=True)
                ),
                tuple(armed != (dice.random() < 0.4) for armed in process.armed),
                process.up if not has(model, "crash") else process.up != (dice.random() < 0.3),
            )
            for process in group
        )
        for kind, group in zip(protocol.kinds, state.processes, strict=True)
    )
    state = state._replace(processes=processes)
    if protocol.messages and dice.random() < 0.7:
        state = _with_messages(model, state, dice)
    if has(model, "partition") and dice.random() < 0.4:
        state = state._replace(sides=dice.choice([(), *splits(model)]))
    spent = tuple(dice.randint(0, fault.up_to or 0) for fault in model.bounded_faults)
    state = state._replace(spent=spent)
    if protocol.leader is not None:
        size = model.size(protocol.leader.kind)
        led = {(dice.randrange(size), dice.randint(0, 3)) for _ in range(dice.randint(0, 2))}
        led |= {(name.number, token) for name, token in leaders(model, state)}
        state = state._replace(led=frozenset(led | state.led))
    return state


def has(model: Model, fault: str) -> bool:
    return any(one.kind.value == fault and one.up_to != 0 for one in model.faults)


def _with_messages(model: Model, state: State, dice: random.Random) -> State:
    packets = set(state.packets)
    queues = {(link.sender, link.receiver): list(link.queue) for link in state.links}
    for _ in range(dice.randint(1, 4)):
        message = dice.choice(model.protocol.messages)
        sender = Name(message.sender, dice.randrange(model.size(message.sender)))
        receiver = Name(message.receiver, dice.randrange(model.size(message.receiver)))
        arguments = tuple(drawn_value(model, of, dice) for _, of in message.parameters)
        packet = Packet(message.name, sender, receiver, arguments)
        if model.network.is_growing_set:
            packets.add(packet)
            continue
        queue = queues.setdefault((sender, receiver), [])
        if len(queue) < QUEUE:
            queue.insert(dice.randint(0, len(queue)), packet)
        if model.network.reordering:
            queue.sort(key=packet_order)
    links = frozenset(Link(*ends, tuple(queue)) for ends, queue in queues.items() if queue)
    return state._replace(packets=frozenset(packets), links=links)


def drawn_value(model: Model, of: Type, dice: random.Random) -> Value:
    match of:
        case EnumType(values):
            return dice.choice(values)
        case NatType() | NumberType():
            return dice.randint(0, 3)
        case IntType(low, high):
            return dice.randint(low, high)
        case ProcessType(kind):
            return dice.randrange(model.size(kind))
        case OptionType(inner):
            return None if dice.random() < 0.4 else drawn_value(model, inner, dice)
        case SetType(ProcessType(kind)):
            return frozenset(p for p in range(model.size(kind)) if dice.random() < 0.5)
        case MapType(ProcessType(kind), inner):
            return tuple(drawn_value(model, inner, dice) for _ in range(model.size(kind)))
        case _:
            return dice.random() < 0.5


def states_of(found: Encoded, count: int) -> list[State]:
    dice = random.Random(found.seed)
    walk = walked(found.model, dice, 12)
    chosen = dice.sample(walk, min(count, len(walk)))
    return chosen + [perturbed(found.model, state, dice) for state in chosen]


def spread(found: Encoded, tables: Tables, dice: random.Random) -> Tables:
    """The same state with other positions: with gaps between them and, where no order is kept, in another order."""
    setting = found.setting
    places = sorted(dice.sample(range(9), 6))
    if setting.network.reordering:
        dice.shuffle(places)

    def moved(name: str, place: Place) -> Place:
        if not name.startswith("sent/"):
            return place
        return (*place[:2], number(places[place[2].value], POSITION), *place[3:])

    ends = {f"end/{sender}/{receiver}" for sender, receiver in setting.links}
    return {
        name: dict.fromkeys(table, number(9, POSITION))
        if name in ends
        else {moved(name, place): value for place, value in table.items()}
        for name, table in tables.items()
    }


def tables_for(found: Encoded, state: State) -> Tables:
    tables = tables_of(found.setting, state)
    if found.setting.has_positions and found.seed % 2:
        return spread(found, tables, random.Random(found.seed))
    return tables


# Steps ---------------------------------------------------------------------------------------------------------------

Taken = tuple[StepKind, Name | None, str, tuple[Value, ...], State | None]
"""A step as both sides tell it: its kind, who acts, which action or input with which arguments; the state after it,
None where it fails."""


def told(step: Step, after: State | None) -> Taken:
    name = step.name if step.kind in (StepKind.ACTION, StepKind.INPUT) else ""
    return step.kind, step.process, name, step.arguments, after


def chosen_constants(found: Encoded, unit: Unit, tables: Tables) -> Iterator[dict[str, Term]]:
    """The values with which a unit's constants are tried: those of a message under way, or all."""
    setting = found.setting
    names = [constant.name for constant in unit.constants]
    if unit.step in (StepKind.DELIVER, StepKind.DELIVER_AND_KEEP, StepKind.LOSE):
        for message in setting.protocol.messages:
            for place in tables[f"sent/{message.name}"]:
                sender, receiver, *rest = place
                ends = [sender, receiver] if unit.step is StepKind.LOSE else [receiver, sender]
                if setting.has_positions and unit.step is not StepKind.LOSE:
                    rest = [*rest[1:], rest[0]]
                here = [*ends, *rest]
                if [v.sort for v in here] == [c.sort for c in unit.constants]:
                    yield dict(zip(names, here, strict=True))
        return
    universe = Evaluation(setting, {}).universe
    least = 0 if found.meant.any_number else -2  # a total order has nothing below its least element
    ranges = [universe[c.sort] if c.sort != NUMBER else tuple(map(number, range(least, 4))) for c in unit.constants]
    for values in product(*ranges):
        yield dict(zip(names, values, strict=True))


def chosen_functions(found: Encoded, unit: Unit) -> Iterator[dict[str, dict[Place, Term]]]:
    places = [
        (name, process)
        for name, (sort,), _ in unit.functions
        for process in Evaluation(found.setting, {}).universe[sort]
    ]
    for values in product((FALSE, TRUE), repeat=len(places)):
        tables: dict[str, dict[Place, Term]] = {name: {} for name, _, _ in unit.functions}
        for (name, process), value in zip(places, values, strict=True):
            tables[name][process,] = value
        yield tables


def taken_by_formulas(found: Encoded, state: State) -> Iterator[tuple[Taken, Unit, State | None]]:
    """The steps that the relation has from a state."""
    setting = found.setting
    tables = tables_for(found, state)
    base = base_view(setting)
    for unit in found.units:
        for constants in chosen_constants(found, unit, tables):
            for functions in chosen_functions(found, unit):
                known: Tables = {
                    **found.quorums,
                    **tables,
                    **{name: {(): value} for name, value in constants.items()},
                    **functions,
                }
                evaluation = found.evaluation(known)
                if not evaluation.is_true(unit.enabled):
                    continue
                after = None
                if not evaluation.is_true(unit.fails):
                    view = unit.after(base)
                    changed = {symbol: evaluation.table(view, symbol) for symbol in unit.changes}
                    after = _named_sides(state_of_tables(setting, {**tables, **changed}))
                yield _told_by_unit(found, unit, constants, after), unit, after


def _named_sides(state: State) -> State:
    """Of the two sides of a split, the one without the first process is the one that is cut off."""
    if state.sides and state.sides[0][0]:
        return state._replace(sides=tuple(tuple(not cut for cut in group) for group in state.sides))
    return state


def _told_by_unit(found: Encoded, unit: Unit, constants: dict[str, Term], after: State | None) -> Taken:
    if unit.step in (StepKind.PARTITION, StepKind.HEAL, StepKind.LOSE, StepKind.TICK):
        return unit.step, None, "", (), after
    everyone = found.setting.processes[unit.actor]
    me = Name(unit.actor, everyone.index(constants["actor"]))
    event_ = unit.handler.event if unit.handler is not None else None
    if isinstance(event_, OnInput):
        arguments = tuple(_argument(found.setting, constants, f"with/{p.name}", p.type) for p in event_.parameters)
        return unit.step, me, event_.name, arguments, after
    return unit.step, me, event_.name if isinstance(event_, OnAction) else "", (), after


def _argument(setting: Setting, constants: dict[str, Term], name: str, of: Type) -> Value:
    match of:
        case OptionType(ProcessType() as inner):
            return _argument(setting, constants, name, inner) if constants[f"{name}.given"] is TRUE else None
        case OptionType(inner):
            return _scalar(setting, constants[f"{name}.1"], inner) if constants[f"{name}.0"] is TRUE else None
        case _:
            return _scalar(setting, constants[name], of)


def _scalar(setting: Setting, held: Term, of: Type) -> Value:
    match of:
        case ProcessType(kind):
            return setting.processes[kind].index(held)
        case EnumType():
            return held.name.removeprefix("value/")
        case _:
            return held is TRUE if held.sort == BOOL else held.value


def compared(found: Encoded, state: State) -> set[Taken]:
    """The steps of the relation from a state, after making sure that they are those of the reference."""
    tried = {told(s.step, s.state) for s in attempts(found.model, state)}
    taken = {told(s.step, s.state) for s in steps(found.model, state)}
    made = set()
    for one, unit, after in taken_by_formulas(found, state):
        made.add(one)
        # A fault that changes nothing but how often it happened is no step of the reference.
        idle = after is not None and after._replace(spent=state.spent) == state
        if not (idle and unit.step in (StepKind.RESTART, StepKind.DISK_LOSS)):
            assert one in tried, (unit.name, state)
    assert taken <= made, (taken - made, state)
    return made


FIXED, QUANTIFIED, ANY = "fixed", "quantified", "any number"
in_every_form = pytest.mark.parametrize("form", [FIXED, QUANTIFIED, ANY])
"""The formulas of a fixed size, those with quantifiers over processes, and those of any number of processes (looked at
where there are so many)."""


def formed(found: Encoded, form: str) -> Encoded | None:
    """The protocol with its formulas in some form; None where they do not cover it."""
    setting = found.setting
    if form == FIXED:
        return found
    if form == QUANTIFIED:
        return replace(found, meant=replace(setting, quantified=True))
    anyone = replace(found, meant=replace(setting, sizes=(None,) * len(setting.sizes)))
    try:
        base = base_view(anyone.meant)
        _ = anyone.units, anyone.quorums, initial_view(anyone.meant)
        _ = [claim.holds(base) for claim in (*assumed(anyone.meant), *standard(anyone.meant))]
        _ = [unit_text(anyone.meant, Printer(anyone.meant), unit) for unit in anyone.units]
    except Unprovable as problem:
        event(f"not covered: {problem.reason}")
        return None
    return anyone


@in_every_form
@drawn
@given(protocols())
def test_a_step_is_in_the_relation_if_and_only_if_the_reference_takes_it(form: str, found: Encoded) -> None:
    taken = formed(found, form)
    if taken is not None:
        for state in states_of(found, 2):
            compared(taken, state)


@pytest.mark.slow
@in_every_form
@settings(drawn, max_examples=500)
@given(protocols())
def test_the_relation_of_many_protocols_is_the_reference_s(form: str, found: Encoded) -> None:
    taken = formed(found, form)
    if taken is not None:
        for state in states_of(found, 3):
            compared(taken, state)


@drawn
@given(protocols())
def test_a_state_is_a_view_and_back(found: Encoded) -> None:
    setting = found.setting
    for state in states_of(found, 2):
        view = view_of(setting, state)
        assert state_of(setting, view) == state
        tables = tables_for(found, state)
        assert state_of_tables(setting, tables) == state
        evaluation = Evaluation(setting, {**found.quorums, **tables})
        claims = [*assumed(setting), recorded(setting)]
        for claim in claims:
            if claim is None or (claim.name == "tokens_are_numbers" and any(token < 0 for _, token in state.led)):
                continue
            assert evaluation.is_true(claim.holds(base_view(setting))), claim.name


@in_every_form
@drawn
@given(protocols())
def test_the_initial_state_is_the_reference_s(form: str, found: Encoded) -> None:
    taken = formed(found, form)
    if taken is None:
        return
    view, fails = initial_view(taken.meant)
    start = initial(found.model).state
    evaluation = taken.evaluation(taken.quorums)
    assert evaluation.is_true(fails) == (start is None)
    event(f"fails: {start is None}")
    if start is not None:
        setting = found.setting
        assert state_of_tables(setting, {s: evaluation.table(view, s) for s in setting.symbols}) == start


@in_every_form
@drawn
@given(protocols())
def test_a_property_is_true_of_a_state_in_both(form: str, found: Encoded) -> None:
    taken = formed(found, form)
    if taken is None:
        return
    setting, meant, model = found.setting, taken.meant, found.model
    base = base_view(meant)
    about_states = (PropertyKind.SAFETY, PropertyKind.INVARIANT)
    declared = [p for p in model.protocol.properties if p.kind in about_states]
    claims = []
    for one in declared:
        try:
            claims.append((one, of_expression(meant, one.name, one.expression, one.about).holds(base)))
        except Unprovable:
            continue
    general = {claim.name: claim.holds(base) for claim in standard(meant)}
    for state in states_of(found, 4):
        evaluation = taken.evaluation({**taken.quorums, **tables_for(found, state)})
        folded = taken.evaluation(taken.quorums, (tables_of(setting, state),))
        for declared_, formula in claims:
            expected = reference_holds(model, declared_, state)
            assert evaluation.is_true(formula) == expected, (declared_.name, state)
            there = of_expression(meant, "", declared_.expression, declared_.about).holds(view_of(setting, state))
            assert folded.is_true(there) == expected, (declared_.name, state)
        for item in checked(model):
            if item.declared is None and item.name in general:
                expected = not found_in_state(model, item, state)
                assert evaluation.is_true(general[item.name]) == expected, (item.name, state)


def reference_holds(model: Model, declared: Property, state: State) -> bool:
    names = [None] if declared.about is None else model.names[model.kind_index[declared.about]]
    return all(evaluate(declared.expression, scope_of(model, state, name)) for name in names)


@in_every_form
@drawn
@given(protocols())
def test_a_step_property_is_true_of_a_step_in_both(form: str, found: Encoded) -> None:
    taken = formed(found, form)
    if taken is None:
        return
    setting, model = found.setting, found.model
    items = {item.name: item for item in checked(model) if item.in_step and item.declared is not None}
    states = states_of(found, 3) if items else []
    for claim in declared_steps(taken.meant) if items else ():
        for before, after in product(states, repeat=2):
            old, new = tables_for(found, before), tables_for(found, after)
            evaluation = taken.evaluation(taken.quorums, (old, new))
            views = [view_of(setting, before), view_of(setting, after)]
            try:
                formula = disjunction((claim.holds(*views), unchanged(taken.meant, claim.reads, *views)))
            except Unprovable:
                continue
            violated = found_in_step(model, items[claim.name], before, after)
            assert evaluation.is_true(formula) != violated, (claim.name, before, after)
