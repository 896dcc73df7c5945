"""What only properties look at, as Murphi text: the messages under way, and who has led."""

from __future__ import annotations

from collections.abc import Callable

from codegen.instance import Names, slots
from codegen.murphi_messages import any_value, field_of, interval_of, link_of, message_arrays, with_receiver
from codegen.murphi_names import Tables
from codegen.murphi_text import FALSE, OTHER, TRUE, Code, all_of, compare, implies
from codegen.murphi_values import ValueCode, at_place
from spec.protocol import Led, Local, Message, Quantifier, Underway

Body = Callable[[dict[int, ValueCode]], Code]
"""The text of a body, given what its locals are."""


def underway(expression: Underway, body: Body, made: Tables, names: Names) -> Code:
    """An expression over what is under way."""
    message = made.instance.protocol.message(expression.message)
    sender, receiver = names.new(expression.sender.name), names.new(expression.receiver.name)
    quantifiers = [f"{sender}: {made.kinds[message.sender].type}", f"{receiver}: {made.kinds[message.receiver].type}"]
    found: dict[int, ValueCode] = {
        expression.sender.identity: Code(sender),
        expression.receiver.identity: Code(receiver),
    }
    if not message_arrays(made):
        return _in_queues(expression, message, (sender, receiver), quantifiers, found, body, made, names)
    if expression.later is not None:
        # No two messages are one ahead of the other.
        return TRUE if expression.quantifier is Quantifier.FORALL else FALSE
    place = f"{made.networks[message.name]}[{sender}]" + (f"[{receiver}]" if with_receiver(message, made) else "")
    for position, (parameter, (_, of)) in enumerate(zip(expression.parameters, message.parameters, strict=True)):
        interval = interval_of(message, position, made)
        declared, found[parameter.identity] = any_value(of, interval, parameter.name, message, made, names)
        quantifiers += declared
        place += "".join(f"[{line.partition(':')[0]}]" for line in declared)
    present = Code(place) if made.instance.network.is_growing_set else compare(">", Code(place), Code("0"))
    if not with_receiver(message, made) and message.sender == message.receiver:
        present = all_of((present, compare("!=", Code(receiver), Code(sender))))
    return _over(expression.quantifier, quantifiers, present, body(found))


def _in_queues(
    expression: Underway,
    message: Message,
    ends: tuple[str, str],
    quantifiers: list[str],
    found: dict[int, ValueCode],
    body: Body,
    made: Tables,
    names: Names,
) -> Code:
    link = f"{made.networks[link_of(message.sender, message.receiver)]}[{ends[0]}][{ends[1]}]"
    present: list[Code] = []

    def waiting(of: Message, parameters: tuple[Local, ...]) -> Code:
        position = Code(names.new("place_of_" + of.name))
        quantifiers.append(f"{position.text}: 1..{slots(made.instance)}")
        slot = f"{link}.slot[{position.text}]"
        present.append(compare("<=", position, Code(f"{link}.length")))
        present.append(compare("=", Code(f"{slot}.message"), Code(made.tags[of.name])))
        for parameter, (name, type_) in zip(parameters, of.parameters, strict=True):
            found[parameter.identity] = at_place(f"{slot}.{field_of(of.name, name)}", type_)
        return position

    first = waiting(message, expression.parameters)
    if expression.later is not None:
        name, parameters = expression.later
        second = waiting(made.instance.protocol.message(name), parameters)
        present.append(compare("<", first, second))
    return _over(expression.quantifier, quantifiers, all_of(present), body(found))


def led(expression: Led, body: Body, made: Tables, names: Names) -> Code:
    """An expression over who has led."""
    leader = made.instance.protocol.leader
    assert leader is not None
    called = made.kinds[leader.kind]
    process, token = names.new(expression.process.name), names.new(expression.token.name)
    low, high = made.ranges.token
    quantifiers = [f"{process}: {called.type}", f"{token}: {low}..{high}"]
    present = Code(f"{called.states}[{process}].{called.led}[{token}]")
    found: dict[int, ValueCode] = {
        expression.process.identity: Code(process),
        expression.token.identity: Code(token),
    }
    return _over(expression.quantifier, quantifiers, present, body(found))


def _over(quantifier: Quantifier, quantifiers: list[str], present: Code, body: Code) -> Code:
    exists = quantifier is Quantifier.EXISTS
    text = all_of((present, body)) if exists else implies(present, body)
    if text in (TRUE, FALSE):
        return text
    for declared in reversed(quantifiers):
        text = Code(f"{quantifier.value} {declared} do {text.text} end", OTHER)
    return text
