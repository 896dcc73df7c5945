"""Protocols as TLA+ modules with a TLC configuration, with exactly the states that the reference semantics reaches.

One action for each handler; what a handler does is written as next values of the variables, so that the module reads
as one written by hand. A bound is a condition on the next state. A failed assertion stops TLC (`Assert`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codegen.inline import called
from codegen.instance import (
    InexpressibleError,
    Instance,
    Names,
    assumptions,
    broadcast_only,
    starts,
)
from codegen.ranges import ranges
from codegen.tla_actions import (
    Lines,
    TlaModule,
    comment,
    deliveries,
    effects_of,
    own_steps,
)
from codegen.tla_effects import Effects, needed_lets, nothing
from codegen.tla_expressions import KEYWORDS, Place, Text, TlaNames, all_of, text
from codegen.tla_faults import faults, initial_text, start
from codegen.tla_properties import Stated, stated, steps, type_ok, witnesses
from codegen.tla_time import tick
from spec.protocol import FaultKind, ProcessKind

BANNER = 78


@dataclass(frozen=True)
class Export:
    """The parts of a module: what it does (all from its operators to `Next`), what is to hold in every state and of
    every step, what needs a witness, and the symmetry that TLC is told of, if it is."""

    module: TlaModule
    behaviour: list[str]
    stated: list[Stated]
    steps: list[tuple[str, str]]
    witnesses: list[tuple[str, str]]
    symmetry: str


def tla(instance: Instance, symmetry: bool = False) -> tuple[str, str]:
    """The module and its configuration for TLC. With `symmetry`, TLC is told that processes of an unordered kind are
    interchangeable, and counts orbits.

    Raises InexpressibleError for what cannot be written so.
    """
    export = exported(instance, instance.protocol.name, symmetry)
    own = [one.definition for one in export.stated if one.declared is not None]
    standard = [one.definition for one in export.stated if one.declared is None]
    others = [definition for _, definition in (*export.steps, *export.witnesses)]
    checks = [type_ok(export.module), *own, *others, *standard]
    text_of = module_text(instance.protocol.name, [header(export.module), *export.behaviour, *checks, export.symmetry])
    return text_of, _configuration(export)


def exported(
    instance: Instance, name: str, symmetry: bool, declared: Callable[[TlaModule], None] = lambda module: None
) -> Export:
    """The parts of an export whose module has a name. `declared` is called once it is known what things are called,
    before anything is written. Raises InexpressibleError for what cannot be written."""
    for kind, many in zip(instance.protocol.kinds, instance.sizes, strict=True):
        if many < 1:
            source = instance.protocol.source
            raise InexpressibleError(source, f"`{kind.name}`", "there is no process of this kind", kind.span)
    known = _names(instance, name)
    module = TlaModule(known, ranges(instance))
    _declare(module)
    declared(module)
    helpers = _definitions(module)
    for message in instance.protocol.messages:
        deliveries(module, message)
    for kind in instance.protocol.kinds:
        own_steps(module, kind)
    faults(module)
    tick(module)
    init, next_step = _init(module), _next(module)
    found = stated(module), steps(module), witnesses(module)
    # Properties compute too: what they need is known once they are written.
    behaviour = [_operators(module), *helpers, init, *module.definitions, next_step]
    return Export(module, behaviour, *found, _symmetry(module, symmetry))


def module_text(name: str, parts: list[str]) -> str:
    """A whole module of some parts."""
    title = f" MODULE {name} "
    return f"{title:-^{BANNER}}\n" + "\n".join(part for part in parts if part) + "=" * BANNER + "\n"


def _symmetry(module: TlaModule, wanted: bool) -> str:
    instance = module.instance
    symmetric = [
        module.known.kinds[kind.name]
        for kind, many in zip(instance.protocol.kinds, instance.sizes, strict=True)
        if wanted and not kind.ordered and many > 1
    ]
    if not symmetric:
        return ""
    return "Symmetry == " + " \\cup ".join(f"Permutations({kind})" for kind in symmetric) + "\n"


# Names and variables -------------------------------------------------------------------------------------------------


def _names(instance: Instance, name: str) -> TlaNames:
    protocol = instance.protocol
    names = Names([*KEYWORDS.split(), name])
    known = TlaNames(instance, names)
    base = 0
    for kind, many in zip(protocol.kinds, instance.sizes, strict=True):
        known.kinds[kind.name] = names.new(kind.name)
        if kind.ordered:
            known.bases[kind.name] = base
            base += many
    for kind in protocol.kinds:
        for variable in kind.variables:
            known.variables[kind.name, variable.name] = names.new(variable.name)
        for timer in kind.timers:
            known.armed[kind.name, timer.name] = names.new(f"{timer.name}_armed")
        if instance.befalls(kind.name, FaultKind.CRASH):
            known.up[kind.name] = names.new("up" if len(protocol.kinds) == 1 else f"{kind.name}_up")
    for message in protocol.messages:
        fields = Names(("type", "from", "to"))
        for parameter, _ in message.parameters:
            known.fields[message.name, parameter] = fields.new(parameter)
    for definition in protocol.definitions:
        known.definitions[definition.name] = names.new(definition.name)
    known.broadcast_only = broadcast_only(instance)
    return known


def _declare(module: TlaModule) -> None:
    known, instance = module.known, module.instance
    protocol = instance.protocol
    for kind in protocol.kinds:
        module.variables += [known.variables[kind.name, variable.name] for variable in kind.variables]
        module.variables += [known.armed[kind.name, timer.name] for timer in kind.timers]
        module.variables += [known.up[kind.name]] if kind.name in known.up else []
    if instance.network.is_growing_set:
        known.messages = known.names.new("messages")
        module.variables.append(module.messages)
    else:
        for message in protocol.messages:
            pair = (message.sender, message.receiver)
            if pair not in module.links:
                wanted = "links" if len(protocol.kinds) == 1 else f"links_{message.sender}_{message.receiver}"
                known.links[pair] = known.names.new(wanted)
        module.variables += module.links.values()
    if instance.has(FaultKind.PARTITION):
        module.sides = known.names.new("sides")
        module.variables.append(module.sides)
    for fault in instance.steps_of_faults:
        if fault.up_to is not None:
            module.counters[fault] = known.names.new(_plural(fault.kind.value.replace(" ", "_")))
            module.variables.append(module.counters[fault])
    if protocol.leader is not None:
        known.led = known.names.new("led")
        module.variables.append(module.led)


def _plural(name: str) -> str:
    return f"{name}es" if name.endswith(("s", "h")) else f"{name}s"


# Definitions ---------------------------------------------------------------------------------------------------------


def _definitions(module: TlaModule) -> list[str]:
    """The protocol's definitions, each after those that it uses, and who leads."""
    known, protocol = module.known, module.instance.protocol
    texts: dict[str, str] = {}

    def define(name: str) -> None:
        definition = protocol.definition(name)
        for other in called(definition, protocol):
            if other not in texts:
                define(other)
        names = known.names.within()
        parameters = {p.identity: Text(names.new(p.name)) for p in definition.parameters}
        own = [] if definition.kind is None else ["self"]
        inside = Place(known, Text("self"), parameters, names)
        listed = [*own, *(parameter.text for parameter in parameters.values())]
        head = f"{known.definitions[name]}({', '.join(listed)})" if listed else known.definitions[name]
        texts[name] = f"{comment(module, [definition.span])}{head} == {text(definition.body, inside).text}\n"

    for definition in protocol.definitions:
        if definition.name not in texts:
            define(definition.name)
    return [*texts.values(), *_leading(module)]


def _leading(module: TlaModule) -> list[str]:
    known, leader = module.known, module.instance.protocol.leader
    if leader is None:
        return []
    inside = Place(known, Text("self"), {}, known.names.within())
    up = [Text(f"{known.up[leader.kind]}[self]")] if leader.kind in known.up else []
    leads = all_of((*up, text(leader.condition, inside)))
    kind = known.kinds[leader.kind]
    known.definitions["leads"] = known.names.new("Leads")
    known.definitions["token of"] = known.names.new("Token")
    leads_name, token = known.definitions["leads"], known.definitions["token of"]
    leaders_type = f"\\* @type: () => {known.types[module.led]};\n" if known.types else ""
    return [
        f"""{comment(module, [leader.span])}{leads_name}(self) == {leads.text}
{token}(self) == {text(leader.token, inside).text}

\\* Who leads with which token in this state; `{module.led}` keeps all that ever were.
{leaders_type}Leaders == {{<<l, {token}(l)>> : l \\in {{k \\in {kind} : {leads_name}(k)}}}}
Remember == {module.led}' = {module.led} \\cup Leaders'
"""
    ]


def _operators(module: TlaModule) -> str:
    """Constants, variables and the operators that every export needs."""
    known, instance = module.known, module.instance
    lines: Lines = []
    for kind, many in zip(instance.protocol.kinds, instance.sizes, strict=True):
        if kind.ordered:
            base = known.bases[kind.name]
            lines.append(f"{known.kinds[kind.name]} == {base} .. {base + many - 1}  \\* an ordered kind")
    if "Minimum" in known.uses:
        lines.append("Minimum(r, l) == IF r < l THEN r ELSE l")
    if "Maximum" in known.uses:
        lines.append("Maximum(r, l) == IF r > l THEN r ELSE l")
    if module.sides:
        processes = " \\cup ".join(known.kinds.values())
        lines += ["", "\\* All processes; the two sides of the network, if it is cut in two."]
        lines.append(f"Processes == {processes}")
        lines.append(f"Connected(r, l) == \\A k \\in {module.sides} : (r \\in k) <=> (l \\in k)")
    return "\n".join(lines) + "\n" if lines else ""


# Init and Next -------------------------------------------------------------------------------------------------------


def _init(module: TlaModule) -> str:
    known, instance = module.known, module.instance
    parts: list[str] = []
    sent: list[str] = []
    asserted: list[str] = []
    for kind in instance.protocol.kinds:
        effects = _from_the_start(module, kind, Text("self"))
        members = known.kinds[kind.name]
        for demand in effects.demands:
            condition = _with_lets(effects, demand.condition)
            asserted.append(f'\\A self \\in {members} : Assert({condition}, "{demand.message}")')
        for variable in kind.variables:
            after = _with_lets(effects, effects.values[variable.name])
            parts.append(f"{known.variables[kind.name, variable.name]} = [self \\in {members} |-> {after}]")
        for timer in kind.timers:
            armed = _with_lets(effects, effects.armed[timer.name])
            parts.append(f"{known.armed[kind.name, timer.name]} = [self \\in {members} |-> {armed}]")
        if kind.name in known.up:
            parts.append(f"{known.up[kind.name]} = [self \\in {members} |-> TRUE]")
        if effects.sent.text != "{}":
            sent.append(f"UNION {{{_with_lets(effects, effects.sent)} : self \\in {members}}}")
    if module.messages:
        union = " \\cup ".join(f"({each})" for each in sent)
        parts.append(f"{module.messages} = {union or '{}'}")
    for (sender, receiver), link in module.links.items():
        effects = _from_the_start(module, instance.protocol.kind(sender), Text("l[1]"))
        out = _with_lets(effects, effects.out.get((sender, receiver), nothing(effects)))
        parts.append(f"{link} = [l \\in {known.kinds[sender]} \\X {known.kinds[receiver]} |-> {out}]")
    parts += [f"{module.sides} = {{}}"] if module.sides else []
    parts += [f"{counter} = 0" for counter in module.counters.values()]
    parts += [f"{module.led} = Leaders"] if module.led else []
    spans = [handler.span for kind in instance.protocol.kinds for handler in starts(instance.protocol, kind.name)]
    return comment(module, spans) + "Init ==\n" + "".join(f"  /\\ {part}\n" for part in (*asserted, *parts))


def _from_the_start(module: TlaModule, kind: ProcessKind, me: Text) -> Effects:
    effects = effects_of(module, kind.name, me)
    for variable in kind.variables:
        effects.values[variable.name] = initial_text(variable, effects)
    for timer in kind.timers:
        effects.armed[timer.name] = Text("FALSE")
    start(module, kind, effects)
    return effects


def _with_lets(effects: Effects, what: Text) -> str:
    needed = needed_lets(effects.lets, [what])
    if not needed:
        return what.text
    return "LET " + " ".join(f"{name} == {given.text}" for name, given in needed) + f" IN {what.text}"


def _next(module: TlaModule) -> str:
    lines: Lines = []
    links = {link: pair for pair, link in module.links.items()}
    for binder, calls in module.calls.items():
        link, *ends = binder.split(" ")
        if link in links:
            lines += _from_links(module, link, ends[0], ends[1], calls)
        elif binder:
            lines.append(f"  \\/ \\E {binder} :")
            lines += [f"       \\/ {call}" for call in calls]
        else:
            lines += [f"  \\/ {call}" for call in calls]
    lines = lines or ["  FALSE"]
    return (
        "Next ==\n"
        + "\n".join(lines)
        + "\n\n"
        + _type_of_vars(module)
        + "vars == <<"
        + ", ".join(module.variables)
        + ">>\n"
        + ("Spec == Init /\\ [][Next]_vars\n")
    )


def _type_of_vars(module: TlaModule) -> str:
    types = module.known.types
    return f"\\* @type: <<{', '.join(types[variable] for variable in module.variables)}>>;\n" if types else ""


def _from_links(module: TlaModule, link: str, sender: str, receiver: str, calls: list[str]) -> Lines:
    network = module.instance.network
    binder = f"from \\in {sender}, self \\in {receiver}"
    key = f"{link}[<<from, self>>]"
    lines = []
    if network.reordering:
        lines.append(f"  \\/ \\E {binder} : \\E msg \\in BagToSet({key}) :")
        rests = [f"{key} (-) SetToBag({{msg}})"]
    else:
        lines.append(f"  \\/ \\E {binder} : {key} # <<>> /\\ LET msg == Head({key}) IN")
        rests = [f"Tail({key})", *([key] if network.duplication else [])]
    for rest in rests:
        lines += [f"       \\/ {call.replace(', rest)', f', {rest})')}" for call in calls]
    if network.loss:
        others = ", ".join(variable for variable in module.variables if variable != link)
        if network.reordering:
            lost = f"  \\/ \\E {binder} : \\E msg \\in BagToSet({key}) :"
            after = f"{key} (-) SetToBag({{msg}})"
        else:
            lost = f"  \\/ \\E {binder} : \\E at \\in 1 .. Len({key}) :"
            after = f"SubSeq({key}, 1, at - 1) \\o SubSeq({key}, at + 1, Len({key}))"
        lines += ["  \\* a message is lost", lost]
        lines.append(f"       /\\ {link}' = [{link} EXCEPT ![<<from, self>>] = {after}]")
        lines.append(f"       /\\ UNCHANGED <<{others}>>")
    return lines


# The files -----------------------------------------------------------------------------------------------------------


def header(module: TlaModule, *more: str) -> str:
    """What the module is about, with more lines of comment; what it uses, constants and variables."""
    known, instance = module.known, module.instance
    protocol = instance.protocol
    lines = [f"The protocol `{protocol.name}`, made by Oneleader from {protocol.source.name}."]
    lines += [f'"{protocol.description}"'] if protocol.description else []
    network = [n for n in ("loss", "duplication", "reordering") if getattr(instance.network, n)]
    lines += ["", f"network: {', '.join(network) or 'reliable'}"]
    lines += [*assumptions(instance), *more]
    constants = [known.kinds[kind.name] for kind in protocol.kinds if not kind.ordered]
    constants += ["none", *known.bounds]
    modules = ["Integers", "FiniteSets", "Sequences", "TLC"]
    modules += ["Bags"] if module.links and instance.network.reordering else []
    text_of = "".join(f"\\* {line}".rstrip() + "\n" for line in lines)
    text_of += f"EXTENDS {', '.join(modules)}\n\n{_declared('CONSTANTS', constants, known)}\n"
    return text_of + _declared("VARIABLES", module.variables, known)


def _declared(word: str, names: list[str], known: TlaNames) -> str:
    """The declaration of names, with the type of each where Apalache is told of types."""
    if not known.types:
        return f"{word} {', '.join(names)}\n"
    each = [f"  \\* @type: {known.types.get(name, 'Int')};\n  {name}" for name in names]
    return f"{word}\n" + ",\n".join(each) + "\n"


def _configuration(export: Export) -> str:
    lines = ["SPECIFICATION Spec", *constants_of(export.module)]
    lines += ["INVARIANTS", "  TypeOK", *(f"  {one.name}" for one in export.stated)]
    lines += ["PROPERTIES", *(f"  {name}" for name, _ in export.steps)] if export.steps else []
    lines += ["SYMMETRY Symmetry"] if export.symmetry else []
    lines += [f"\\* For a witness: INVARIANT {name}" for name, _ in export.witnesses]
    return "\n".join([*lines, "CHECK_DEADLOCK FALSE"]) + "\n"


def constants_of(module: TlaModule) -> list[str]:
    """What a configuration says of the constants."""
    known, instance = module.known, module.instance
    lines = ["CONSTANTS", "  none = none"]
    for kind, many in zip(instance.protocol.kinds, instance.sizes, strict=True):
        if not kind.ordered:
            members = ", ".join(known.names.new(f"{kind.name}{number + 1}") for number in range(many))
            lines.append(f"  {known.kinds[kind.name]} = {{{members}}}")
    return lines + [f"  {name} = {value}" for name, value in known.bounds.items()]
