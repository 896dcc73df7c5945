"""An inductive invariant as TLA+, with what TLC and Apalache need to check that it is one, in a bounded instance.

The invariant is a condition on states that TLC can enumerate. TLC does so from left to right: it takes a value for
each variable in turn, and goes on only where the conjuncts before are true. Their order is therefore what decides how
many states it looks at. Each clause comes as soon as its variables have values; what is under way and who has led come
late and are narrowed down, message by message, before sets of them are made; what no clause looks at comes last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from codegen.inline import inlined, number_in, walk
from codegen.instance import Instance, slots
from codegen.tla import Export, constants_of, exported, header, module_text
from codegen.tla_actions import TlaModule, set_of_values
from codegen.tla_effects import record
from codegen.tla_expressions import Text
from codegen.tla_properties import Stated, about
from codegen.tla_time import counts_agree
from codegen.tla_typing import NONE_OF, PROCESS, annotate
from spec.protocol import (
    Armed,
    Connected,
    Connective,
    Expression,
    Led,
    Message,
    Quantified,
    Quantifier,
    Read,
    Underway,
    Up,
)
from spec.types import NatType, ProcessType, Type


@dataclass(frozen=True)
class Inductive:
    """A module, and TLC's configurations for the two checks."""

    name: str
    module: str
    start: str
    step: str


@dataclass(frozen=True)
class _Names:
    """What the operators are called that this module adds."""

    inductive: str
    stay: str
    constants: str
    message: str
    recorded: str
    underway: str
    may_have_led: str
    one: str
    on_links: Mapping[str, str]


@dataclass(frozen=True)
class _Conjunct:
    """A part of the invariant, and the variables that it reads."""

    text: str
    reads: frozenset[str]


def inductive(instance: Instance, symmetry: bool = False) -> Inductive:
    """The module with the invariant, which is the spec's `safety` and `invariant` properties, the standard ones, and
    what is taken for granted of a state. Raises InexpressibleError for what cannot be written so."""
    name = f"{instance.protocol.name}_inductive"
    reasons: list[str] = []
    export = exported(instance, name, symmetry, lambda module: reasons.extend(annotate(module)))
    module = export.module
    new = module.known.names.new
    names = _Names(
        inductive=new("IndInv"),
        stay=new("Stay"),
        constants=new("ConstInit"),
        message=new("Message"),
        recorded=new("leaders_are_recorded"),
        underway=new("MayBeUnderWay"),
        may_have_led=new("MayHaveLed"),
        one=new("one"),
        on_links={link: new(f"Message_on_{link}") for link in module.links.values()},
    )
    sets = _sets(module, names)
    conjuncts = [_Conjunct(one.name, _reads(one, module)) for one in export.stated]
    recorded = ""
    if module.led:
        conjuncts.append(_Conjunct(names.recorded, _reads_of_leading(module) | {module.led}))
        said = "\\* Whoever leads is among those who have led: the model itself sees to it."
        recorded = f"{said}\n{names.recorded} == Leaders \\subseteq {module.led}\n"
    counted = [(new(wanted), text, reads) for wanted, text, reads in counts_agree(module)]
    conjuncts += [_Conjunct(called, reads) for called, _, reads in counted]
    narrowed = {
        module.messages: _narrowed(export, names.underway, names.one, Underway),
        module.led: _narrowed(export, names.may_have_led, names.one, Led),
    }
    parts = [
        *export.behaviour,
        *_messages(module, names),
        "\\* The values that variables can have within the bounds.\nTypeOK ==\n"
        + "".join(f"  /\\ {variable} \\in {values}\n" for variable, values in sets.items()),
        *(one.definition for one in export.stated),
        recorded,
        *(f"\\* The model itself sees to it.\n{called} == {text}\n" for called, text, _ in counted),
        *(definition for _, definition in export.steps),
        *narrowed.values(),
        _invariant(module, names, sets, conjuncts, {v for v, definition in narrowed.items() if definition}),
        f"\\* No step at all, to look at the initial states alone.\n{names.stay} == UNCHANGED vars\n",
        _constants(module, names),
        export.symmetry,
    ]
    constants = constants_of(module)
    invariants = ["INVARIANTS", "  TypeOK", *(f"  {one.text}" for one in conjuncts), f"  {names.inductive}"]
    symmetric = ["SYMMETRY Symmetry"] if export.symmetry else []
    steps = ["PROPERTIES", *(f"  {one}" for one, _ in export.steps)] if export.steps else []
    start = ["INIT Init", f"NEXT {names.stay}", *constants, *invariants, *symmetric, "CHECK_DEADLOCK FALSE"]
    step = [f"INIT {names.inductive}", "NEXT Next", *constants, *invariants, *steps, *symmetric]
    written = module_text(
        name, [header(module, *_explained(module, name, names, reasons)), *(part for part in parts if part)]
    )
    return Inductive(name, written, "\n".join(start) + "\n", "\n".join([*step, "CHECK_DEADLOCK FALSE"]) + "\n")


def _explained(module: TlaModule, name: str, names: _Names, reasons: list[str]) -> Iterator[str]:
    invariant = names.inductive
    yield from ("", f"Is {invariant} an inductive invariant? Within the bounds it is, if both of these hold:")
    yield from (f"  1. Init => {invariant}", f"  2. {invariant} /\\ Next => {invariant}'", "", "TLC:")
    yield f"  tlc -config {name}_init.cfg {name}.tla"
    yield f"  tlc -config {name}_step.cfg {name}.tla"
    yield "For the second it goes through all states with the invariant, reachable or not, so the instance has to be"
    yield "tiny. It names the clause that a step breaks. The two states that it shows are no run, but a counterexample"
    yield from ("to induction: the first need not be reachable.", "")
    if reasons:
        yield f"Not for Apalache: {reasons[0]}."
        yield from (f"  {reason}." for reason in reasons[1:])
    else:
        command = f"apalache-mc check --cinit={names.constants}"
        yield "Apalache, which does not go through the states one by one. It takes no notice of Assert: what may fail"
        yield "(an assertion, a value out of its range) is for TLC alone."
        yield f"  {command} --init=Init --inv={invariant} --length=0 {name}.tla"
        yield f"  {command} --init={invariant} --inv={invariant} --length=1 {name}.tla"
    yield from (
        "",
        "What this shows: in this instance, no step from a state with the invariant to a state within the bounds",
    )
    yield "breaks it. What it does not show: anything of a step that ends beyond a bound, for the actions demand the"
    yield "bounds of the next state, and such a step is not taken; of states beyond the bounds; of other sizes. What a"
    yield "counterexample shows holds without the bounds, too: the step is one of the protocol, whatever they are."
    together = [m.name for m in module.instance.protocol.messages if m.name in module.known.broadcast_only]
    if together:
        yield from (
            "",
            f"Only ever broadcast: {', '.join(together)}. One record of it stands for one to each of the others,",
        )
        yield "so that it is under way to all of them or to none is taken for granted here, and is no clause."


# What variables can be -----------------------------------------------------------------------------------------------


def _sets(module: TlaModule, names: _Names) -> dict[str, str]:
    """For each variable of the state, the set of its values within the bounds."""
    known, instance = module.known, module.instance
    found: dict[str, str] = {}
    for kind in instance.protocol.kinds:
        members = known.kinds[kind.name]
        for variable in kind.variables:
            where = (kind.name, variable.name)
            cap = instance.variable_caps.get(where)
            naturals = _interval(module, where, variable.name, cap, module.ranges.kept.get(where), variable.type)
            of = set_of_values(variable.type, known, naturals)
            found[known.variables[where]] = f"[{members} -> {of}]"
        for timer in kind.timers:
            found[known.armed[kind.name, timer.name]] = f"[{members} -> BOOLEAN]"
        if kind.name in known.up:
            found[known.up[kind.name]] = f"[{members} -> BOOLEAN]"
    if module.sides:
        found[module.sides] = (
            "{{}} \\cup {{side, Processes \\ side} : side \\in ((SUBSET Processes) \\ {{}, Processes})}"
        )
    for fault, counter in module.counters.items():
        assert fault.up_to is not None
        found[counter] = f"0 .. {known.limit(fault, counter, fault.up_to).text}"
    if module.messages:
        found[module.messages] = f"SUBSET {names.message}"
    for (sender, receiver), link in module.links.items():
        waiting = _waiting(module, names.on_links[link])
        found[link] = f"[{known.kinds[sender]} \\X {known.kinds[receiver]} -> {waiting}]"
    if module.led:
        found[module.led] = f"SUBSET ({_pairs(module)})"
    return found


def _pairs(module: TlaModule) -> str:
    leader = module.instance.protocol.leader
    assert leader is not None
    low, high = module.ranges.token
    return f"{module.known.kinds[leader.kind]} \\X ({low} .. {high})"


def _interval(
    module: TlaModule, where: object, wanted: str, cap: int | None, held: tuple[int, int] | None, of: Type
) -> str:
    """The numbers that a `nat` holds between steps: up to its bound, or to what the start has put there."""
    if held is None or not isinstance(number_in(of), NatType):
        return "Nat"
    high = module.known.limit(where, wanted, cap).text if cap is not None and cap == held[1] else str(held[1])
    return f"(0 .. {high})"


def _waiting(module: TlaModule, message: str) -> str:
    """What a link can hold: no more than its bound, or than the start may put there."""
    instance = module.instance
    most, inside = slots(instance), module.known.names.within()
    if not instance.network.reordering:
        limit = module.known.limit("channel", "channel", instance.channel).text if most == instance.channel else most
        length = inside.new("length")
        return f"UNION {{[1 .. {length} -> {message}] : {length} \\in 0 .. {limit}}}"
    kinds = ["{EmptyBag}"]
    names = [inside.new("m") for _ in range(most)]
    for many in range(1, most + 1):
        picked = names[:many]
        bag = " (+) ".join(f"SetToBag({{{one}}})" for one in picked)
        kinds.append(f"{{{bag} : {', '.join(picked)} \\in {message}}}")
    return "(" + " \\cup ".join(kinds) + ")"


def _messages(module: TlaModule, names: _Names) -> Iterator[str]:
    """The sets of all messages that can be under way: one set, or one for each pair of kinds that has links."""
    messages = module.instance.protocol.messages
    if module.messages:
        yield f"\\* All messages that can be under way.\n{names.message} ==\n{_union(module, messages)}\n"
    for pair, link in module.links.items():
        on_link = [message for message in messages if (message.sender, message.receiver) == pair]
        said = f"\\* All messages that can wait on a link from a {pair[0]} to a {pair[1]}."
        yield f"{said}\n{names.on_links[link]} ==\n{_union(module, on_link)}\n"


def _union(module: TlaModule, messages: Iterable[Message]) -> str:
    each = [_all_of_a_kind(module, message) for message in messages]
    return " \\cup\n".join(f"  {one}" for one in each) or "  {}"


def _all_of_a_kind(module: TlaModule, message: Message) -> str:
    known, instance = module.known, module.instance
    inside = known.names.within()
    binders: list[str] = []

    def bound(wanted: str, values: str) -> Text:
        name = inside.new(wanted)
        binders.append(f"{name} \\in {values}")
        return Text(name)

    sender, receiver = Text(""), None
    if module.messages:
        sender = bound("sender", known.kinds[message.sender])
        if message.name not in known.broadcast_only:
            receiver = bound("receiver", known.kinds[message.receiver])
    given = []
    for position, (name, of) in enumerate(message.parameters):
        where = (message.name, position)
        cap = instance.argument_caps.get(where)
        naturals = _interval(module, where, f"{message.name}_{name}", cap, module.ranges.arriving.get(where), of)
        given.append(bound(name, set_of_values(of, known, naturals)))
    one = record(message, given, sender, receiver, known).text
    return f"{{{one} : {', '.join(binders)}}}" if binders else f"{{{one}}}"


# The invariant -------------------------------------------------------------------------------------------------------


def _invariant(
    module: TlaModule, names: _Names, sets: dict[str, str], conjuncts: list[_Conjunct], narrowed: set[str]
) -> str:
    read = frozenset(variable for conjunct in conjuncts for variable in conjunct.reads)
    late = [module.messages, *module.links.values(), module.led]
    early = [variable for variable in sets if variable not in late]
    order = [variable for variable in early if variable in read]
    order += [variable for variable in late if variable in sets]
    order += [variable for variable in early if variable not in read]
    lines, left, known = [], list(conjuncts), set[str]()

    def place_what_is_known() -> None:
        for conjunct in [one for one in left if one.reads <= known]:
            lines.append(conjunct.text)
            left.remove(conjunct)

    place_what_is_known()
    for variable in order:
        values = sets[variable]
        if variable == module.messages and variable in narrowed:
            values = f"SUBSET {{{names.one} \\in {names.message} : {names.underway}({names.one})}}"
        elif variable == module.led and variable in narrowed:
            values = f"SUBSET {{{names.one} \\in {_pairs(module)} : {names.may_have_led}({names.one})}}"
        lines.append(f"{variable} \\in {values}")
        known.add(variable)
        place_what_is_known()
    assert not left, "a conjunct reads what is no variable"
    said = "\\* TypeOK and all that is to be kept, in an order in which TLC finds the states with it soonest.\n"
    return f"{said}{names.inductive} ==\n" + "".join(f"  /\\ {line}\n" for line in lines)


def _narrowed(export: Export, name: str, one: str, sort: type[Underway] | type[Led]) -> str:
    """What single messages (or single entries of the history) have to be like, by those clauses that say so of each
    of them by itself; empty if there is no such clause. Their text is that of the clause, about a set of one."""
    module, known = export.module, export.module.known
    if sort is Underway:
        what, known = "one message may be under way", replace(known, messages=f"{{{one}}}")
        barred: tuple[type[Underway] | type[Led], ...] = (Underway, Led)
    else:
        # Who has led is chosen once it is known what is under way.
        what, known, barred = "one may have led with a token", replace(known, led=f"{{{one}}}"), (Led,)
    if not (module.messages if sort is Underway else module.led):
        return ""
    parts = [
        about(stated.declared, replace(module, known=known))
        for stated in export.stated
        if stated.declared is not None and _of_each(_written_out(stated.declared.expression, module), sort, barred)
    ]
    if not parts:
        return ""
    said = f"\\* Whether {what}, by what is said of each alone: TLC need not try sets with others."
    return f"{said}\n{name}({one}) ==\n" + "".join(f"  /\\ {part}\n" for part in parts)


def _of_each(
    expression: Expression, sort: type[Underway] | type[Led], barred: tuple[type[Underway] | type[Led], ...]
) -> bool:
    """Whether what is said of a set of messages is the same as saying it of each set of one of them."""

    def free(part: Expression) -> bool:
        return not any(isinstance(inner, barred) for inner in walk(part))

    match expression:
        case Quantified(Quantifier.FORALL, _, domain, body):
            return free(domain) and _of_each(body, sort, barred)
        case Connected(connective=Connective.IMPLIES, left=left, right=right):
            return free(left) and _of_each(right, sort, barred)
        case Connected(connective=Connective.AND, left=left, right=right):
            return _of_each(left, sort, barred) and _of_each(right, sort, barred)
        case Underway(Quantifier.FORALL) | Led(Quantifier.FORALL) if isinstance(expression, sort):
            later = expression.later if isinstance(expression, Underway) else None
            return later is None and free(expression.body)
        case _:
            return False


def _written_out(expression: Expression, module: TlaModule) -> Expression:
    return inlined(expression, module.instance.protocol)


def _reads(one: Stated, module: TlaModule) -> frozenset[str]:
    """The variables of the state that a property reads."""
    found = frozenset(variable for expression in one.expressions for variable in _read_by(expression, module))
    if one.declared is None and one.expressions:
        found |= _up_of_leader(module)
    return found | {module.led} if one.looks_at_led else found


def _reads_of_leading(module: TlaModule) -> frozenset[str]:
    leader = module.instance.protocol.leader
    assert leader is not None
    read = (variable for part in (leader.condition, leader.token) for variable in _read_by(part, module))
    return frozenset(read) | _up_of_leader(module)


def _up_of_leader(module: TlaModule) -> frozenset[str]:
    leader = module.instance.protocol.leader
    return frozenset(up for kind, up in module.known.up.items() if leader is not None and kind == leader.kind)


def _read_by(expression: Expression, module: TlaModule) -> Iterator[str]:
    known, protocol = module.known, module.instance.protocol
    for part in walk(_written_out(expression, module)):
        match part:
            case Read(process, variable) if isinstance(process.type, ProcessType):
                yield known.variables[process.type.kind, variable]
            case Armed(process, timer) if isinstance(process.type, ProcessType):
                yield known.armed[process.type.kind, timer]
            case Up(process) if isinstance(process.type, ProcessType) and process.type.kind in known.up:
                yield known.up[process.type.kind]
            case Underway():
                message = protocol.message(part.message)
                yield module.messages or module.links[message.sender, message.receiver]
            case Led():
                yield module.led
            case _:
                pass


def _constants(module: TlaModule, names: _Names) -> str:
    """The constants of the instance, as Apalache takes them."""
    known, instance = module.known, module.instance
    if not known.types:
        return ""
    lines = [f"none = {NONE_OF[known.types['none']]}"]
    for kind, many in zip(instance.protocol.kinds, instance.sizes, strict=True):
        if not kind.ordered:
            members = ", ".join(f'"{kind.name}{number + 1}_OF_{PROCESS}"' for number in range(many))
            lines.append(f"{known.kinds[kind.name]} = {{{members}}}")
    lines += [f"{name} = {value}" for name, value in known.bounds.items()]
    return f"\\* The instance, for Apalache.\n{names.constants} ==\n" + "".join(f"  /\\ {line}\n" for line in lines)
