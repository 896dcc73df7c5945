"""What a handler does, as TLA+ values of the state after it: statements are run on expressions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from codegen.inline import kind_of, number_in
from codegen.instance import InexpressibleError, Names
from codegen.ranges import Ranges, outside
from codegen.tla_expressions import (
    ATOM,
    FALSE,
    NONE,
    OTHER,
    SUM,
    TRUE,
    Place,
    Text,
    TlaNames,
    all_of,
    binary,
    either,
    equal,
    implies,
    negated,
    text,
)
from spec.protocol import (
    Assert,
    Assign,
    Broadcast,
    Call,
    Expression,
    For,
    If,
    Let,
    Local,
    Message,
    Pass,
    Reset,
    Send,
    Statement,
    Stop,
    Unreachable,
)
from spec.source import Span
from spec.types import IntType, MapType, NatType, OptionType, Type

NOBODY = Text("{}")
"""No messages."""


@dataclass(frozen=True)
class Demand:
    """Something that must hold whenever a step is taken, else the protocol is wrong (`message` says how)."""

    condition: Text
    message: str


@dataclass
class Effects:
    """A run of a handler on expressions: the process's variables and timers as they are now (those that have changed
    only), what has been sent, and names given to expressions on the way. `path` is what must hold for the present
    statement to be reached. `sent` is a set of messages; with links, it is by sender and receiver kind what a
    receiver (called `target`) is sent. `within` are the conditions that keep what is sent within the bounds."""

    known: TlaNames
    ranges: Ranges
    kind: str
    me: Text
    names: Names
    target: Text
    locals: dict[int, Text] = field(default_factory=dict)
    values: dict[str, Text] = field(default_factory=dict)
    armed: dict[str, Text] = field(default_factory=dict)
    sent: Text = NOBODY
    out: dict[tuple[str, str], Text] = field(default_factory=dict)
    lets: list[tuple[str, Text]] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    within: list[Text] = field(default_factory=list)
    path: Text = TRUE
    loop: int | None = None

    @property
    def place(self) -> Place:
        return Place(self.known, self.me, self.locals, self.names, self.own)

    def own(self, variable: str) -> Text | None:
        """A changed variable; what is no single word gets a name, so that it is written once."""
        if variable not in self.values:
            return None
        self.values[variable] = self.let(f"new_{variable}", self.values[variable])
        return self.values[variable]

    def let(self, wanted: str, what: Text) -> Text:
        """A name for an expression."""
        if re.fullmatch(r"\w+|\w+\[\w+\]|\w+\.\w+|\"\w+\"|\{\w*\}", what.text):
            return what
        known = self.named(what)
        if known is not what:
            return known
        name = self.names.new(wanted)
        self.lets.append((name, what))
        return Text(name)

    def named(self, what: Text) -> Text:
        """The name that an expression has been given, if it has one."""
        return next((Text(name) for name, given in self.lets if given.text == what.text), what)

    def current(self, variable: str) -> Text:
        """A variable of the process as it is now."""
        return self.values.get(variable, Text(f"{self.known.variables[self.kind, variable]}[{self.me.text}]"))


def is_set(effects: Effects) -> bool:
    return effects.known.instance.network.is_growing_set


def nothing(effects: Effects) -> Text:
    """What is sent over a link where nothing is."""
    return Text("EmptyBag") if effects.known.instance.network.reordering else Text("<<>>")


def run(statements: tuple[Statement, ...], effects: Effects) -> None:
    """Runs statements."""
    for statement in statements:
        _statement(statement, effects)


def _statement(statement: Statement, effects: Effects) -> None:
    match statement:
        case If():
            _if(statement, effects)
        case Assign():
            _assign(statement, effects)
        case Send():
            receiver = text(statement.receiver, effects.place)
            is_option = isinstance(statement.receiver.type, OptionType)
            given = _arguments(statement.message, statement.arguments, effects)
            there = negated_equal(receiver) if is_option else TRUE
            _checked(statement.message, statement.arguments, given, there, effects)
            _send(statement, given, receiver, there, effects)
        case Broadcast():
            _broadcast(statement, effects)
        case Reset(timer):
            effects.armed[timer] = TRUE
        case Stop(timer):
            effects.armed[timer] = FALSE
        case Let():
            effects.locals[statement.local.identity] = effects.let(
                statement.local.name, text(statement.value, effects.place)
            )
        case For():
            _for(statement, effects)
        case Call():
            procedure = effects.known.instance.protocol.procedure(statement.procedure)
            for parameter, argument in zip(procedure.parameters, statement.arguments, strict=True):
                handed = text(argument, effects.place)
                interval = effects.ranges.passed.get((procedure.name, parameter.identity), (0, 0))
                reason = f"{parameter.name} is out of its range"
                _fits(handed, parameter.type, interval, reason, statement.span, effects)
                effects.locals[parameter.identity] = effects.let(parameter.name, handed)
            run(procedure.body, effects)
        case Pass():
            pass
        case Assert():
            _demand(text(statement.condition, effects.place), "the assertion is false", statement.span, effects)
        case Unreachable():
            _demand(FALSE, "this place is reached", statement.span, effects)


def negated_equal(receiver: Text) -> Text:
    """That there is somebody."""
    if receiver == NONE:
        return FALSE
    return binary(receiver, "#", NONE)


def _demand(condition: Text, reason: str, span: Span, effects: Effects) -> None:
    if condition != TRUE and effects.path != FALSE:
        where = f" (line {span.line})" if span.line else ""
        effects.demands.append(Demand(implies_(effects.path, condition), reason + where))


def implies_(path: Text, condition: Text) -> Text:
    return negated(path) if condition == FALSE else implies(path, condition)


def _fits(given: Text, of: Type, interval: tuple[int, int], reason: str, span: Span, effects: Effects) -> None:
    inner = number_in(of)
    if not outside(interval, inner):
        return
    fits = binary(given, ">=", Text("0"))
    if isinstance(inner, IntType):
        fits = binary(given, "\\in", Text(f"{inner.low} .. {inner.high}", SUM))
    if isinstance(of, OptionType):
        fits = Text(f"{given.tight()} = none \\/ {fits.text}", OTHER)
    _demand(fits, reason, span, effects)


def _if(statement: If, effects: Effects) -> None:
    """Each arm runs on a copy; what they leave behind is put together under their conditions."""
    otherwise: list[Text] = []
    arms: list[tuple[Text, Effects]] = []
    outer = effects.path
    for arm in statement.arms:
        condition = TRUE if arm.condition is None else text(arm.condition, effects.place)
        if condition.level != ATOM:
            condition = effects.let("condition", condition) if len(condition.text) > 40 else condition
        inner = replace(_copy(effects), sent=NOBODY, out={})
        inner.path = all_of([outer, *(negated(c) for c in otherwise), condition])
        run(arm.body, inner)
        arms.append((condition, inner))
        otherwise.append(condition)
    merged = replace(_copy(effects), sent=NOBODY, out={})
    for condition, inner in reversed(arms):
        merged = _merge(condition, inner, merged, effects)
    effects.values, effects.armed = merged.values, merged.armed
    effects.sent = _union(effects.sent, merged.sent)
    for link, what in merged.out.items():
        _add(link, what, effects)


def _copy(effects: Effects) -> Effects:
    """A run that goes on from here; names, demands and bounds are shared."""
    return replace(
        effects, values=dict(effects.values), armed=dict(effects.armed), out=dict(effects.out), locals=effects.locals
    )


def _merge(condition: Text, yes: Effects, no: Effects, before: Effects) -> Effects:
    merged = replace(_copy(before), sent=NOBODY, out={})
    for variable in dict.fromkeys((*yes.values, *no.values)):
        merged.values[variable] = either(
            condition, before.named(yes.current(variable)), before.named(no.current(variable))
        )
    for timer in dict.fromkeys((*yes.armed, *no.armed)):
        now = Text(f"{before.known.armed[before.kind, timer]}[{before.me.text}]")
        merged.armed[timer] = truth(condition, yes.armed.get(timer, now), no.armed.get(timer, now))
    for link in dict.fromkeys((*yes.out, *no.out)):
        empty = nothing(before)
        merged.out[link] = either(condition, yes.out.get(link, empty), no.out.get(link, empty))
    merged.sent = either(condition, yes.sent, no.sent)
    return merged


def truth(condition: Text, yes: Text, no: Text) -> Text:
    """An IF between truth values."""
    if yes == TRUE:
        return any_of_two(condition, no)
    return either(condition, yes, no)


def any_of_two(one: Text, other: Text) -> Text:
    if other == FALSE:
        return one
    return Text(f"{_part(one)} \\/ {_part(other)}", OTHER) if other != TRUE else TRUE


def _part(what: Text) -> str:
    return what.text if what.level < OTHER else f"({what.text})"


def _assign(statement: Assign, effects: Effects) -> None:
    protocol = effects.known.instance.protocol
    declared = protocol.kind(effects.kind).variable(statement.variable).type
    stored: Type = declared
    if isinstance(declared, MapType) and not (statement.key is None and isinstance(statement.value.type, MapType)):
        stored = declared.value
    given = text(statement.value, effects.place)
    interval = effects.ranges.assigned.get((effects.kind, statement), (0, 0))
    if not isinstance(stored, MapType):
        reason = f"{statement.variable} is out of its range"
        _fits(given, stored, interval, reason, statement.span, effects)
    if stored is declared:
        effects.values[statement.variable] = given
        return
    assert isinstance(declared, MapType)
    if statement.key is None:
        name = effects.names.new(declared.key.kind[:1])
        kind = effects.known.kinds[declared.key.kind]
        effects.values[statement.variable] = Text(f"[{name} \\in {kind} |-> {given.text}]")
        return
    key = text(statement.key, effects.place)
    before = effects.current(statement.variable)
    effects.values[statement.variable] = Text(f"[{before.text} EXCEPT ![{key.text}] = {given.text}]")


# Loops ---------------------------------------------------------------------------------------------------------------


def _for(statement: For, effects: Effects) -> None:
    """All elements at once: an entry at an element, and what the element is sent, depend on that element alone."""
    kind = kind_of(statement.domain.type)
    domain = effects.let("domain", text(statement.domain, effects.place))
    name = Text(effects.names.new(statement.variable.name))
    for variable in effects.values:
        effects.own(variable)
    inner = replace(
        _copy(effects),
        locals={**effects.locals, statement.variable.identity: name},
        lets=[],
        demands=[],
        within=[],
        sent=NOBODY,
        out={},
        path=TRUE,
        loop=statement.variable.identity,
    )
    before = dict(effects.values)
    run(statement.body, inner)
    member = binary(name, "\\in", domain)
    everyone = effects.known.kinds[kind]
    for variable, after in inner.values.items():
        if after == before.get(variable):
            continue
        old = effects.current(variable)
        entry = _entry_at(after, name)
        whole = either(member, _wrapped(inner, entry), Text(f"{old.tight()}[{name.text}]"))
        effects.values[variable] = Text(f"[{name.text} \\in {everyone} |-> {whole.text}]")
    for demand in inner.demands:
        condition = _wrapped(inner, demand.condition)
        every = Text(f"\\A {name.text} \\in {domain.tight()} : {condition.text}", OTHER)
        effects.demands.append(Demand(implies_(effects.path, every), demand.message))
    for bound in inner.within:
        every = Text(f"\\A {name.text} \\in {domain.tight()} : {_wrapped(inner, bound).text}", OTHER)
        effects.within.append(implies_(effects.path, every))
    if inner.sent.text != "{}":
        each = _wrapped(inner, inner.sent)
        effects.sent = _union(effects.sent, Text(f"UNION {{{each.text} : {name.text} \\in {domain.text}}}", OTHER))
    for link, what in inner.out.items():
        # Only the element itself is sent anything, so a target is sent what it is as an element.
        each = _wrapped(inner, what)
        renamed = Text(f"LET {name.text} == {effects.target.text} IN {each.text}", OTHER)
        inside = binary(effects.target, "\\in", domain)
        _add(link, either(inside, renamed, nothing(effects)), effects)


def _entry_at(after: Text, key: Text) -> Text:
    """The entry of a map at an element, from the text of the map."""
    head, sign, rest = after.text.rpartition(f" EXCEPT ![{key.text}] = ")
    if sign and re.fullmatch(r"\[\w+(\[\w+\])?", head):
        return Text(rest[:-1], OTHER)
    return Text(f"{after.tight()}[{key.text}]")


def _wrapped(effects: Effects, what: Text) -> Text:
    """An expression under the names it uses."""
    needed = needed_lets(effects.lets, [what])
    if not needed:
        return what
    return Text("LET " + " ".join(f"{name} == {given.text}" for name, given in needed) + f" IN {what.text}", OTHER)


def needed_lets(lets: list[tuple[str, Text]], used: list[Text]) -> list[tuple[str, Text]]:
    """The names that some expressions use, directly or through others."""
    kept: list[tuple[str, Text]] = []
    texts = [what.text for what in used]
    for name, given in reversed(lets):
        if any(re.search(rf"\b{name}\b", part) for part in texts):
            kept.insert(0, (name, given))
            texts.append(given.text)
    return kept


# Sending -------------------------------------------------------------------------------------------------------------


def _arguments(message: str, arguments: tuple[Expression, ...], effects: Effects) -> list[Text]:
    declared = effects.known.instance.protocol.message(message)
    return [
        effects.let(name, text(argument, effects.place)) if len(arguments) > 3 else text(argument, effects.place)
        for argument, (name, _) in zip(arguments, declared.parameters, strict=True)
    ]


def _checked(message: str, arguments: tuple[Expression, ...], given: list[Text], there: Text, effects: Effects) -> None:
    """Judges the arguments of a message that is sent if `there` holds."""
    instance = effects.known.instance
    declared = instance.protocol.message(message)
    outer = effects.path
    effects.path = all_of((outer, there))
    for position, (what, (name, of)) in enumerate(zip(given, declared.parameters, strict=True)):
        interval = effects.ranges.sent.get((message, position), (0, 0))
        if isinstance(of, MapType):
            continue
        _fits(what, of, interval, f"{message}: {name} is out of its range", declared.span, effects)
        cap = instance.argument_caps.get((message, position))
        if cap is not None and what.text.isdigit() and int(what.text) <= cap:
            continue
        if cap is not None and isinstance(number_in(of), NatType) and interval[1] > cap:
            inside = binary(what, "<=", effects.known.limit((message, position), f"{message}_{name}", cap))
            if isinstance(of, OptionType):
                inside = Text(f"{what.tight()} = none \\/ {inside.text}", OTHER)
            judged = implies_(effects.path, inside)
            effects.within += [judged] if judged not in effects.within else []
    effects.path = outer


def record(message: Message, given: list[Text], me: Text, receiver: Text | None, known: TlaNames) -> Text:
    """A message as a record."""
    fields = [f'type |-> "{message.name}"']
    if known.instance.network.is_growing_set:
        fields.append(f"from |-> {me.text}")
        fields += [f"to |-> {receiver.text}"] if receiver is not None else []
    for what, (name, _) in zip(given, message.parameters, strict=True):
        fields.append(f"{known.fields[message.name, name]} |-> {what.text}")
    own = {field.partition(" ")[0] for field in fields}
    fields += [f"{name} |-> {value or me.text}" for name, value in known.padding.items() if name not in own]
    return Text(f"[{', '.join(fields)}]")


def _send(statement: Send, given: list[Text], receiver: Text, there: Text, effects: Effects) -> None:
    message = effects.known.instance.protocol.message(statement.message)
    if is_set(effects):
        one = Text("{" + record(message, given, effects.me, receiver, effects.known).text + "}")
        effects.sent = _union(effects.sent, either(there, one, NOBODY))
        return
    if effects.loop is not None and not _is_local(statement.receiver, effects.loop):
        reason = "in a loop, over a network with links, only the element itself can be sent something"
        source = effects.known.instance.protocol.source
        raise InexpressibleError(source, f"the sending of `{message.name}`", reason, statement.span)
    what = _packed(record(message, given, effects.me, receiver, effects.known), effects)
    here = TRUE if effects.loop is not None else equal(effects.target, receiver)
    _add((message.sender, message.receiver), either(here, what, nothing(effects)), effects)


def _is_local(receiver: Expression, identity: int) -> bool:
    return isinstance(receiver, Local) and receiver.identity == identity


def _broadcast(statement: Broadcast, effects: Effects) -> None:
    known = effects.known
    instance = known.instance
    message = instance.protocol.message(statement.message)
    to_own = message.receiver == effects.kind
    if to_own and instance.size(message.receiver) == 1:
        return
    given = _arguments(statement.message, statement.arguments, effects)
    _checked(statement.message, statement.arguments, given, TRUE, effects)
    kind = known.kinds[message.receiver]
    if is_set(effects):
        if message.name in known.broadcast_only:
            one = Text("{" + record(message, given, effects.me, None, known).text + "}")
        else:
            name = effects.names.new("other")
            others = f"{kind} \\ {{{effects.me.text}}}" if to_own else kind
            each = record(message, given, effects.me, Text(name), known).text
            one = Text(f"{{{each} : {name} \\in {others}}}")
        effects.sent = _union(effects.sent, one)
        return
    if effects.loop is not None:
        reason = "in a loop, over a network with links, only the element itself can be sent something"
        raise InexpressibleError(instance.protocol.source, f"the broadcast of `{message.name}`", reason, statement.span)
    what = _packed(record(message, given, effects.me, None, known), effects)
    here = binary(effects.target, "#", effects.me) if to_own else TRUE
    _add((message.sender, message.receiver), either(here, what, nothing(effects)), effects)


def _packed(one: Text, effects: Effects) -> Text:
    return Text(f"SetToBag({{{one.text}}})" if effects.known.instance.network.reordering else f"<<{one.text}>>")


def _union(one: Text, other: Text) -> Text:
    if one.text == "{}":
        return other
    if other.text == "{}":
        return one
    if one.text.startswith("{[") and other.text.startswith("{[") and " : " not in one.text + other.text:
        return Text(f"{one.text[:-1]}, {other.text[1:]}")
    return binary(one, "\\cup", other, SUM)


def _add(link: tuple[str, str], what: Text, effects: Effects) -> None:
    """Puts something behind what has been sent over a link."""
    if link not in effects.out or effects.out[link] == nothing(effects):
        effects.out[link] = what
    elif what != nothing(effects):
        sign = "(+)" if effects.known.instance.network.reordering else "\\o"
        effects.out[link] = binary(effects.out[link], sign, what, SUM)
