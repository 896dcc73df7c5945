"""The network as Murphi text: what is under way, how it gets there and how it leaves.

A set that only grows is a bit for each message there can be, a bag a number for each, a queue an array of records.
All three have one form for one content, so that states are counted as the reference semantics counts them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from codegen.inline import number_in
from codegen.instance import slots
from codegen.murphi_messages import (
    any_value,
    constants_of,
    dimensions,
    field_of,
    interval_of,
    link_of,
    message_arrays,
    with_receiver,
)
from codegen.murphi_names import Tables, stored_type
from codegen.murphi_statements import Body, body_text, indented, parameter_list, range_check, store
from codegen.murphi_text import FALSE, TRUE, Code, all_of, any_of, compare
from codegen.murphi_values import MapCode, OptionCode, SetCode, ValueCode, at_place
from spec.protocol import Message, Protocol
from spec.types import MapType, NatType, OptionType, ProcessType, SetType, Type

Lines = list[str]


@dataclass(frozen=True)
class Arrival:
    """A message being received: the variables of the rule that stand for its content, the condition that it is under
    way, the lines that take it out, and those that put its content into variables (with their types)."""

    quantifiers: tuple[tuple[str, str], ...]
    present: Code
    take: Lines
    prelude: Lines
    arguments: tuple[ValueCode, ...]


def links(protocol: Protocol) -> tuple[tuple[str, str], ...]:
    """The pairs of kinds between which messages go, each once."""
    return tuple(dict.fromkeys((m.sender, m.receiver) for m in protocol.messages))


Entries = list[tuple[Type, ValueCode, tuple[int, int]]]
"""Values to find a place by, each with its type and the numbers it may be."""


def _at(entries: Entries, prefix: str, then: Callable[[str], Lines], message: Message, body: Body) -> Lines:
    """The lines that do something at the place that values point to."""
    if not entries:
        return then(prefix)
    (of, given, interval), *rest = entries
    made = body.made
    match of:
        case OptionType(inner):
            option = OptionCode(TRUE, given) if isinstance(given, Code) else given
            assert isinstance(option, OptionCode)
            some: Lines = []
            if option.some != FALSE:
                some = _at([(inner, option.value, interval), *rest], f"{prefix}[true]", then, message, body)
            if option.some == TRUE:
                return some
            # Nothing has no index of its own: it stands at all of them, which a permutation leaves as it is.
            name = body.names.new("any")
            every = stored_type(inner, interval, made)
            none = _at(rest, f"{prefix}[false][{name}]", then, message, body)
            none = [f"for {name}: {every} do", *indented(none), "end;"]
            if option.some == FALSE:
                return none
            return [f"if {option.some.text} then", *indented(some), "else", *indented(none), "end;"]
        case SetType(ProcessType(kind)):
            assert isinstance(given, SetCode)
            inside = "".join(f"[{given.contains(Code(c)).text}]" for c in constants_of(kind, message, made))
            return _at(rest, prefix + inside, then, message, body)
        case MapType(ProcessType(kind), inner):
            assert isinstance(given, MapCode)
            each: Entries = [(inner, given.entry(Code(c)), interval) for c in constants_of(kind, message, made)]
            return _at([*each, *rest], prefix, then, message, body)
        case _:
            assert isinstance(given, Code)
            return _at(rest, f"{prefix}[{given.text}]", then, message, body)


# Declarations --------------------------------------------------------------------------------------------------------


def declare_network(made: Tables) -> dict[str, str]:
    """Chooses the network's variables; their types by their names."""
    instance = made.instance
    found: dict[str, str] = {}
    if instance.network.is_growing_set or instance.network.reordering:
        for message in instance.protocol.messages:
            what = "sent" if instance.network.is_growing_set else "under_way"
            made.networks[message.name] = made.names.new(f"{what}_{message.name}")
            ends = [message.sender, *([message.receiver] if with_receiver(message, made) else [])]
            indices = [made.kinds[end].type for end in ends]
            for position, (_, argument) in enumerate(message.parameters):
                indices += dimensions(argument, interval_of(message, position, made), message, made)
            content = "boolean" if instance.network.is_growing_set else f"0..{slots(made.instance)}"
            text = "".join(f"array [{index}] of " for index in indices) + content
            found[made.networks[message.name]] = _type_name(made.networks[message.name], text, made)
    if not instance.network.is_growing_set:
        for sender, receiver in links(instance.protocol):
            of = f"0..{slots(made.instance)}" if instance.network.reordering else _queue_type(sender, receiver, made)
            what = "load" if instance.network.reordering else "link"
            name = made.names.new(f"{what}_{sender}_{receiver}")
            made.networks[link_of(sender, receiver)] = name
            text = f"array [{made.kinds[sender].type}] of array [{made.kinds[receiver].type}] of {of}"
            found[name] = _type_name(name, text, made)
    return found


def _type_name(variable: str, text: str, made: Tables) -> str:
    name = made.names.new(f"all_{variable}")
    made.declared_types[name] = text
    made.network_types[variable] = name
    return name


def _queue_type(sender: str, receiver: str, made: Tables) -> str:
    protocol = made.instance.protocol
    carried = [m for m in protocol.messages if (m.sender, m.receiver) == (sender, receiver)]
    for message in carried:
        made.tags[message.name] = made.names.new(f"is_{message.name}")
    tags = made.names.new(f"message_{sender}_{receiver}")
    made.declared_types[tags] = "enum { " + ", ".join(made.tags[m.name] for m in carried) + " }"
    fields = [f"message: {tags};"]
    for message in carried:
        for position, (name, of) in enumerate(message.parameters):
            held = stored_type(of, interval_of(message, position, made), made)
            fields.append(f"{field_of(message.name, name)}: {held};")
    packet = made.names.new(f"packet_{sender}_{receiver}")
    made.declared_types[packet] = "record\n" + "".join(f"    {line}\n" for line in fields) + "  end"
    queue = made.names.new(f"queue_{sender}_{receiver}")
    most = slots(made.instance)
    fields = [f"length: 0..{most};", f"slot: array [1..{most}] of {packet};"]
    made.declared_types[queue] = "record\n" + "".join(f"    {line}\n" for line in fields) + "  end"
    return queue


def empty_network(made: Tables) -> Lines:
    """The lines that make the network empty."""
    instance = made.instance
    lines: Lines = []
    for message in instance.protocol.messages if message_arrays(made) else ():
        network = made.networks[message.name]
        lines += _fill(network, made.declared_types[made.network_types[network]], made)
    if not instance.network.is_growing_set:
        for sender, receiver in links(instance.protocol):
            place = f"{made.networks[link_of(sender, receiver)]}[origin][target]"
            empty = (
                [f"{place} := 0;"]
                if instance.network.reordering
                else [f"{place}.length := 0;", f"undefine {place}.slot;"]
            )
            lines += [
                f"for origin: {made.kinds[sender].type} do",
                f"  for target: {made.kinds[receiver].type} do",
                *indented(indented(empty)),
                "  end;",
                "end;",
            ]
    return lines


def _fill(network: str, of: str, made: Tables) -> Lines:
    *indices, content = of.split(" of ")
    names = [f"i_{number}" for number in range(1, len(indices) + 1)]
    lines = [f"{network}{''.join(f'[{name}]' for name in names)} := {'false' if content == 'boolean' else '0'};"]
    for name, array in reversed(list(zip(names, indices, strict=True))):
        lines = [f"for {name}: {array.removeprefix('array [').removesuffix(']')} do", *indented(lines), "end;"]
    return lines


# Sending -------------------------------------------------------------------------------------------------------------


def sending_procedure(message: Message, made: Tables) -> str:
    """The procedure that sends one message to one process, or to all if it is only ever broadcast."""
    instance = made.instance
    body = Body(made, message.sender, made.names.within())
    to = with_receiver(message, made)
    ends = [f"self: {made.kinds[message.sender].type}"]
    if to:
        ends.append(f"target: {made.kinds[message.receiver].type}")
    named = [(body.names.new(name), of) for name, of in message.parameters]
    lines: Lines = []
    beyond: list[Code] = []
    too_large: list[Code] = []
    entries: Entries = []
    for position, ((name, of), (declared, _)) in enumerate(zip(named, message.parameters, strict=True)):
        given = at_place(name, of)
        sent = made.ranges.sent.get((message.name, position), (0, 0))
        held = interval_of(message, position, made)
        if isinstance(given, Code | OptionCode):
            reason = f"{message.name}: {declared} is out of its range"
            lines += range_check(given, of, sent, reason, message.span)
            cap = instance.argument_caps.get((message.name, position))
            if cap is not None and isinstance(number_in(of), NatType):
                if sent[1] > cap:
                    beyond.append(_exceeds(given, cap))
                if sent[1] > held[1]:
                    too_large.append(_exceeds(given, held[1]))
        entries.append((of, given, held))
    store_it = _put(message, entries, body)
    if beyond and beyond == too_large:
        lines += [f"if {any_of(beyond).text} then", "  beyond := true;", "else", *indented(store_it), "end;"]
    else:
        if beyond:
            lines += [f"if {any_of(beyond).text} then", "  beyond := true;", "end;"]
        if too_large:
            lines += [f"if !({any_of(too_large).text}) then", *indented(store_it), "end;"]
        else:
            lines += store_it
    header = "; ".join([*ends, *parameter_list(named, body)])
    return body_text(f"procedure {made.senders[message.name]}({header});", body, lines)


def _exceeds(given: Code | OptionCode, cap: int) -> Code:
    if isinstance(given, OptionCode):
        return all_of((given.some, compare(">", given.value, Code(str(cap)))))
    return compare(">", given, Code(str(cap)))


def _put(message: Message, entries: Entries, body: Body) -> Lines:
    made = body.made
    instance = made.instance
    ends = "[self][target]" if with_receiver(message, made) else "[self]"
    if instance.network.is_growing_set:
        return _at(entries, made.networks[message.name] + ends, lambda place: [f"{place} := true;"], message, body)
    link = f"{made.networks[link_of(message.sender, message.receiver)]}{ends}"
    length = link if instance.network.reordering else f"{link}.length"
    if instance.network.reordering:
        network = made.networks[message.name]
        inner = _at(entries, network + ends, lambda place: [f"{place} := {place} + 1;"], message, body)
        inner = [f"{length} := {length} + 1;", *inner]
    else:
        slot = f"{link}.slot[{length}]"
        inner = [f"{length} := {length} + 1;", f"{slot}.message := {made.tags[message.name]};"]
        for (name, _), (of, given, _) in zip(message.parameters, entries, strict=True):
            inner += store(f"{slot}.{field_of(message.name, name)}", of, given, body)
    return [f"if {length} = {slots(made.instance)} then", "  beyond := true;", "else", *indented(inner), "end;"]


# Receiving -----------------------------------------------------------------------------------------------------------


def arrival(message: Message, body: Body, sender: str, keep: bool, wanted: list[str] | None = None) -> Arrival:
    """How a message reaches `self` from `sender`; with `keep`, it stays under way as well."""
    made = body.made
    instance = made.instance
    if not message_arrays(made):
        return _from_queue(message, body, sender, keep, wanted)
    quantifiers: Lines = []
    entries: Entries = []
    for number, (name, of) in enumerate(message.parameters):
        interval = interval_of(message, number, made)
        declared, what = any_value(of, interval, wanted[number] if wanted else name, message, made, body.names)
        quantifiers += declared
        entries.append((of, what, interval))
    network = made.networks[message.name]
    ends = f"[{sender}][self]" if with_receiver(message, made) else f"[{sender}]"
    place = network + ends + "".join(f"[{q.split(':')[0]}]" for q in quantifiers)
    taken: Lines = []
    if instance.network.is_growing_set:
        present = Code(place)
        if not with_receiver(message, made) and message.sender == message.receiver:
            present = all_of((present, compare("!=", Code("self"), Code(sender))))
    else:
        present = compare(">", Code(place), Code("0"))
        load = f"{made.networks[link_of(message.sender, message.receiver)]}{ends}"
        taken = [f"{load} := {load} - 1;"]
        taken += _at(entries, network + ends, lambda at: [f"{at} := {at} - 1;"], message, body)
    arguments: list[ValueCode] = []
    prelude: Lines = []
    for (name, _), (of, what, _) in zip(message.parameters, entries, strict=True):
        if isinstance(of, SetType | MapType):
            copy = body.declare(name, of)
            prelude += store(copy, of, what, body)
            what = at_place(copy, of)
        arguments.append(what)
    pairs = tuple((q.split(": ")[0], q.split(": ")[1]) for q in quantifiers)
    return Arrival(pairs, present, [] if keep else taken, prelude, tuple(arguments))


def _from_queue(message: Message, body: Body, sender: str, keep: bool, wanted: list[str] | None) -> Arrival:
    made = body.made
    link = f"{made.networks[link_of(message.sender, message.receiver)]}[{sender}][self]"
    head = f"{link}.slot[1]"
    present = all_of(
        (
            compare(">", Code(f"{link}.length"), Code("0")),
            compare("=", Code(f"{head}.message"), Code(made.tags[message.name])),
        )
    )
    prelude: Lines = []
    arguments: list[ValueCode] = []
    for number, (name, of) in enumerate(message.parameters):
        copy = body.declare(wanted[number] if wanted else name, of)
        given = at_place(f"{head}.{field_of(message.name, name)}", of)
        prelude += store(copy, of, given, body)
        arguments.append(at_place(copy, of))
    take = [] if keep else [f"{made.drops[message.sender, message.receiver]}({sender}, self, 1);"]
    return Arrival((), present, take, prelude, tuple(arguments))


def dropping_procedure(sender: str, receiver: str, made: Tables) -> str:
    """The procedure that takes one message out of a queue and closes the gap."""
    name = made.names.new(f"drop_{sender}_{receiver}")
    made.drops[sender, receiver] = name
    link = f"{made.networks[link_of(sender, receiver)]}[origin][target]"
    most = slots(made.instance)
    closing = [
        f"for place: 1..{most - 1} do",
        f"  if place >= position & place < {link}.length then",
        f"    {link}.slot[place] := {link}.slot[place + 1];",
        "  end;",
        "end;",
    ]
    lines = [
        *(closing if most > 1 else []),
        f"undefine {link}.slot[{link}.length];",
        f"{link}.length := {link}.length - 1;",
    ]
    ends = f"origin: {made.kinds[sender].type}; target: {made.kinds[receiver].type}; position: 1..{most}"
    return "\n".join([f"procedure {name}({ends});", "begin", *indented(lines), "end;", ""])


def loss_rules(made: Tables, finish: Lines, declarations: Lines, begin: Lines) -> str:
    """The rules that lose a message, where messages are not a growing set."""
    texts = []
    declared = "".join(f"    {line}\n" for line in ["var", *indented(declarations)]) if declarations else ""

    def rule(title: str, quantifiers: Lines, present: str, lines: Lines) -> None:
        inner = "".join(f"    {line}\n" for line in ["begin", *indented([*begin, *lines, *finish]), "end;"])
        texts.append(f'ruleset {"; ".join(quantifiers)} do\n  rule "{title}" {present} ==>\n{declared}{inner}end;\n')

    if message_arrays(made):
        for message in made.instance.protocol.messages:
            body = Body(made, message.receiver, made.names.within())
            found = arrival(message, body, "origin", keep=False)
            ends = [f"origin: {made.kinds[message.sender].type}", f"self: {made.kinds[message.receiver].type}"]
            ends += [f"{name}: {of}" for name, of in found.quantifiers]
            rule(f"lose {message.name}", ends, found.present.text, found.take)
        return "\n".join(texts)
    for sender, receiver in links(made.instance.protocol):
        link = f"{made.networks[link_of(sender, receiver)]}[origin][target]"
        ends = [f"origin: {made.kinds[sender].type}", f"target: {made.kinds[receiver].type}"]
        ends.append(f"position: 1..{slots(made.instance)}")
        drop = [f"{made.drops[sender, receiver]}(origin, target, position);"]
        rule(f"lose a message to {receiver}", ends, f"position <= {link}.length", drop)
    return "\n".join(texts)
