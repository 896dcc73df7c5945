"""Time as a Murphi rule: a tick, in which all clocks count on at once. See `spec.clocks`."""

from __future__ import annotations

from collections.abc import Iterator

from codegen.instance import slots
from codegen.murphi_messages import any_value, field_of, interval_of, link_of, message_arrays
from codegen.murphi_network import links
from codegen.murphi_rules import clock_of, connected, finish, is_able, is_paused, rule
from codegen.murphi_state import Lines, Module
from codegen.murphi_statements import Body, indented
from codegen.murphi_text import TRUE, Code, all_of, any_of, compare, implies, negated
from spec.clocks import AGE
from spec.protocol import Clocks, Message


def ticks(module: Module) -> None:
    """The rule of a tick, where there is time. It is there where nobody who is able to must act first, no message must
    arrive or be lost, and no pause must end."""
    clocks = module.instance.protocol.clocks
    if clocks is None:
        return
    body = Body(module.made, module.instance.protocol.kinds[0].name, module.made.names.within())
    may = [*_pauses_may_last(module, clocks), *_timers_may_wait(module, clocks)]
    lines = [*_pauses_last(module, clocks), *_timers_go_on(module, clocks)]
    if clocks.delay is not None:
        may += _messages_may_wait(module, clocks.delay, body)
        lines += _messages_age(module, clocks.delay, body)
    condition = all_of(may)
    split = Code("\n  & ".join(part.text for part in may), condition.level) if len(may) > 1 else condition
    rule(module, "tick", [], split, body, [*lines, *finish(module, None)])


def _for_all(module: Module, kind: str, condition: Code) -> Code:
    return Code(f"(forall self: {module.made.kinds[kind].type} do {condition.text} end)")


def _for_each(module: Module, kind: str, lines: Lines) -> Lines:
    return [f"for self: {module.made.kinds[kind].type} do", *indented(lines), "end;"]


# Pauses and timers ---------------------------------------------------------------------------------------------------


def _pauses_may_last(module: Module, clocks: Clocks) -> Iterator[Code]:
    for pause in clocks.pauses:
        if pause.lasted is not None:
            lasted = Code(clock_of(module, pause.kind, pause.lasted))
            still = compare("<", lasted, Code(str(pause.longest)))
            yield _for_all(module, pause.kind, implies(is_paused(module, pause.kind), still))


def _pauses_last(module: Module, clocks: Clocks) -> Lines:
    lines: Lines = []
    for pause in clocks.pauses:
        if pause.lasted is not None:
            lasted = clock_of(module, pause.kind, pause.lasted)
            more = [f"if {is_paused(module, pause.kind).text} then", f"  {lasted} := {lasted} + 1;", "end;"]
            lines += _for_each(module, pause.kind, more)
    return lines


def _timers_may_wait(module: Module, clocks: Clocks) -> Iterator[Code]:
    for clock in clocks.timers:
        if clock.longest <= clock.top:
            count = Code(clock_of(module, clock.kind, clock.variable))
            early = compare("<", count, Code(str(clock.longest)))
            yield _for_all(module, clock.kind, any_of((early, is_paused(module, clock.kind))))


def _timers_go_on(module: Module, clocks: Clocks) -> Lines:
    lines: Lines = []
    for clock in clocks.timers:
        count = clock_of(module, clock.kind, clock.variable)
        more = [f"if {count} >= 0 & {count} < {clock.top} then", f"  {count} := {count} + 1;", "end;"]
        lines += _for_each(module, clock.kind, more)
    return lines


# Messages ------------------------------------------------------------------------------------------------------------


def _messages_may_wait(module: Module, delay: int, body: Body) -> Iterator[Code]:
    """That no message has to arrive now. Where the order is kept, the first on a link is as old as any."""
    for message in module.instance.protocol.messages:
        able = all_of(
            (
                is_able(module, message.receiver, "target"),
                connected(module, (message.sender, "origin"), (message.receiver, "target")),
            )
        )
        if message_arrays(module.made):
            quantifiers, place = _places(module, message, body)
            due = compare(">", Code(f"{place}[{delay}]"), Code("0"))
        else:
            link, slot = _slot(module, message, "place")
            quantifiers = [f"place: 1..{slots(module.instance)}"]
            here = compare("<=", Code("place"), Code(f"{link}.length"))
            this = compare("=", Code(f"{slot}.message"), Code(module.made.tags[message.name]))
            due = all_of((here, this, compare("=", Code(f"{slot}.{field_of(message.name, AGE)}"), Code(str(delay)))))
        text = any_of((negated(able), negated(due))) if able != TRUE else negated(due)
        for quantifier in reversed(_ends(module, message, quantifiers)):
            text = Code(f"(forall {quantifier} do {text.text} end)")
        yield text


def _messages_age(module: Module, delay: int, body: Body) -> Lines:
    made = module.made
    lines: Lines = []
    if message_arrays(made):
        for message in made.instance.protocol.messages:
            quantifiers, place = _places(module, message, body)
            # The eldest grow no older; they have nobody to arrive at.
            inner = [f"{place}[{delay}] := {place}[{delay}] + {place}[{delay - 1}];"]
            inner += [f"{place}[{age}] := {place}[{age - 1}];" for age in range(delay - 1, 0, -1)]
            inner += [f"{place}[0] := 0;"]
            lines += _loops(_ends(module, message, quantifiers), inner)
        return lines
    for sender, receiver in links(made.instance.protocol):
        inner = []
        carried = [m for m in made.instance.protocol.messages if (m.sender, m.receiver) == (sender, receiver)]
        for position, message in enumerate(carried):
            _, slot = _slot(module, message, "place")
            age = f"{slot}.{field_of(message.name, AGE)}"
            word = "elsif" if position else "if"
            inner += [f"{word} {slot}.message = {made.tags[message.name]} then"]
            inner += [f"  if {age} < {delay} then", f"    {age} := {age} + 1;", "  end;"]
        inner = [*inner, "end;"]
        link = _slot(module, carried[0], "place")[0]
        inner = [f"if place <= {link}.length then", *indented(inner), "end;"]
        lines += _loops(_ends(module, carried[0], [f"place: 1..{slots(made.instance)}"]), inner)
    return lines


def _ends(module: Module, message: Message, more: Lines) -> Lines:
    kinds = module.made.kinds
    return [f"origin: {kinds[message.sender].type}", f"target: {kinds[message.receiver].type}", *more]


def _loops(quantifiers: Lines, inner: Lines) -> Lines:
    for quantifier in reversed(quantifiers):
        inner = [f"for {quantifier} do", *indented(inner), "end;"]
    return inner


def _slot(module: Module, message: Message, place: str) -> tuple[str, str]:
    """A link of a message, and a place in its queue."""
    link = f"{module.made.networks[link_of(message.sender, message.receiver)]}[origin][target]"
    return link, f"{link}.slot[{place}]"


def _places(module: Module, message: Message, body: Body) -> tuple[Lines, str]:
    """Variables that go over all that a message can carry, and where it is counted, but for its age."""
    made, names = module.made, body.names.within()
    quantifiers: Lines = []
    for number, (name, of) in enumerate(message.parameters):
        if name != AGE:
            quantifiers += any_value(of, interval_of(message, number, made), name, message, made, names)[0]
    place = f"{made.networks[message.name]}[origin][target]"
    return quantifiers, place + "".join(f"[{quantifier.split(':')[0]}]" for quantifier in quantifiers)
