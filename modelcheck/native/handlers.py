"""Handlers as C functions: one for each event of a kind, which tries the event's handlers in turn.

A function works on a copy `y` of the acting process's row and keeps the variables that it touches in C variables
until the handler's end; there bounds are judged, as the language wants it, by what the step results in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelcheck.layout import Layout, Unsupported, statements
from modelcheck.native.expressions import Context, each, entry, expression
from modelcheck.native.rows import flat_cell
from modelcheck.native.values import c_type, fresh, local_name, no_value, to_code
from spec.protocol import (
    Assert,
    Assign,
    Broadcast,
    Call,
    Entry,
    Event,
    Expression,
    For,
    Handler,
    If,
    Let,
    Local,
    OnAction,
    OnInput,
    OnMessage,
    Pass,
    ProcessKind,
    Read,
    Reset,
    Send,
    Statement,
    Stop,
    Unreachable,
    Variable,
)
from spec.types import IntType, MapType, NatType, OptionType, ProcessType, SetType, Type, is_number


@dataclass(frozen=True)
class Bounds:
    """What a step may be stopped by, in the order of the flags of `bound_reached`."""

    names: tuple[str, ...]

    def index(self, name: str) -> int:
        return self.names.index(name)


def bounds_of(layout: Layout) -> Bounds:
    """The texts are those of `Successor.beyond`."""
    caps = layout.model.caps
    names = [f"{variable} <= {cap}" for (_, variable), cap in caps.variables.items()]
    for (message, position), cap in caps.arguments.items():
        parameter, _ = layout.model.protocol.message(message).parameters[position]
        names.append(f"{message}.{parameter} <= {cap}")
    if not layout.model.network.is_growing_set:
        names.append(f"channel <= {layout.model.channel}")
    names = list(dict.fromkeys(names))
    if len(names) > 64:
        raise Unsupported(f"there are {len(names)} bounds")
    return Bounds(tuple(names))


@dataclass(frozen=True)
class Emitter:
    """What statements are emitted with. `point` is the C constant of the coverage point they belong to."""

    layout: Layout
    bounds: Bounds
    kind: ProcessKind
    context: Context

    def of(self, part: Expression) -> str:
        return expression(part, self.context)


# Statements ------------------------------------------------------------------------------------------------------


def take(point: int) -> str:
    return f"taken[{point // 64}] |= UINT64_C(1) << {point % 64};"


def block(body: tuple[Statement, ...], emitter: Emitter, point: int) -> str:
    lines = []
    for statement in body:
        lines.append(_statement(statement, emitter, point))
        if isinstance(statement, Let) and isinstance(statement.value.type, MapType):
            emitter = _with_map(statement.local, emitter)
    return "\n".join(lines)


def _with_map(local: Local, emitter: Emitter) -> Emitter:
    maps = {**emitter.context.maps, local.identity: local_name(local)}
    return replace(emitter, context=replace(emitter.context, maps=maps))


def _statement(statement: Statement, emitter: Emitter, point: int) -> str:
    match statement:
        case If():
            text = ""
            for arm in statement.arms:
                body = f"{{ {take(point)} {take(arm.point)}\n{block(arm.body, emitter, arm.point)}\n}}"
                text += f"if ({emitter.of(arm.condition)}) {body} else " if arm.condition is not None else body
            return text.removesuffix(" else ")
        case Assign():
            return f"{_assign(statement, emitter)} {take(point)}"
        case Send():
            name = fresh("to")
            receiver = emitter.of(statement.receiver)
            sent = _send(statement.message, statement.arguments, name, emitter)
            return f"{{ int64_t {name} = {receiver}; if ({name} >= 0) {{ {sent} }} }} {take(point)}"
        case Broadcast():
            return f"{_broadcast(statement, emitter)} {take(point)}"
        case Reset():
            return f"set_{emitter.kind.name}___armed_{statement.timer}(y, 1); {take(point)}"
        case Stop():
            return f"set_{emitter.kind.name}___armed_{statement.timer}(y, 0); {take(point)}"
        case Let():
            return _let(statement.local, statement.value, emitter)
        case For():
            assert isinstance(statement.variable.type, ProcessType)
            size = emitter.layout.model.size(statement.variable.type.kind)
            body = block(statement.body, emitter, point)
            return f"{{ {each(local_name(statement.variable), emitter.of(statement.domain), size, body)} }}"
        case Call():
            return _call(statement, emitter, point)
        case Pass():
            return take(point)
        case Assert():
            return f"if (!{emitter.of(statement.condition)}) goto failed; {take(point)}"
        case Unreachable():
            return "goto failed;"


def _let(local: Local, value: Expression, emitter: Emitter) -> str:
    name = local_name(local)
    if isinstance(value.type, MapType):
        size = emitter.layout.model.size(value.type.key.kind)
        key = fresh("k")
        loop = f"for (int64_t {key} = 0; {key} < {size}; {key}++)"
        return (
            f"{c_type(value.type.value)} {name}[{size}]; {loop} {name}[{key}] = {entry(value, key, emitter.context)};"
        )
    return f"{c_type(value.type)} {name} = {emitter.of(value)}; (void){name};"


def _call(statement: Call, emitter: Emitter, point: int) -> str:
    procedure = emitter.layout.model.protocol.procedure(statement.procedure)
    lines = []
    inner = emitter
    for parameter, argument in zip(procedure.parameters, statement.arguments, strict=True):
        lines.append(_let(parameter, argument, emitter))
        if isinstance(parameter.type, MapType):
            inner = _with_map(parameter, inner)
        else:
            lines.append(_check_range(local_name(parameter), parameter.type, argument))
    return "{\n" + "\n".join(lines) + block(procedure.body, inner, point) + "\n}"


def _check_range(value: str, of: Type, source: Expression | None) -> str:
    """Fails the step where a value is out of the range of its type."""
    optional = isinstance(of, OptionType)
    inner = of.of if isinstance(of, OptionType) else of
    match inner:
        case NatType():
            if isinstance(source, Read | Entry) and _holds_nat(source.type):
                return ""  # it was held against its own type when it was stored
            test = f"{value} < 0"
        case IntType(low, high):
            test = f"({value} < {low} || {value} > {high})"
        case _:
            return ""
    return f"if ({value} != {no_value(of)} && {test}) goto failed;" if optional else f"if ({test}) goto failed;"


def _holds_nat(of: Type) -> bool:
    return isinstance(of.of if isinstance(of, OptionType) else of, NatType)


def _assign(statement: Assign, emitter: Emitter) -> str:
    variable = emitter.kind.variable(statement.variable)
    assert emitter.context.mine is not None
    target = emitter.context.mine[variable.name]
    of = variable.type
    if not isinstance(of, MapType):
        return f"{target} = {emitter.of(statement.value)}; {_check_range(target, of, statement.value)}"
    size = emitter.layout.model.size(of.key.kind)
    value, key = fresh("v"), fresh("k")
    if statement.key is not None:
        check = _check_range(value, of.value, statement.value)
        # The key last: the order of the reference, which matters to neither.
        return (
            f"{{ {c_type(of.value)} {value} = {emitter.of(statement.value)}; {check} "
            f"{target}[{emitter.of(statement.key)}] = {value}; }}"
        )
    loop = f"for (int64_t {key} = 0; {key} < {size}; {key}++)"
    if isinstance(statement.value.type, MapType):
        copied = fresh("m")
        read = f"{copied}[{key}] = {entry(statement.value, key, emitter.context)};"
        check = _check_range(f"{copied}[{key}]", of.value, None)
        return (
            f"{{ {c_type(of.value)} {copied}[{size}]; {loop} {{ {read} {check} }} "
            f"{loop} {target}[{key}] = {copied}[{key}]; }}"
        )
    check = _check_range(value, of.value, statement.value)
    return (
        f"{{ {c_type(of.value)} {value} = {emitter.of(statement.value)}; {check} {loop} {target}[{key}] = {value}; }}"
    )


def _arguments(message: str, arguments: tuple[Expression, ...], emitter: Emitter) -> tuple[str, list[str], str]:
    """C declarations of a message's arguments, their codes, and the condition that all can be held.

    An argument beyond its cap marks the step as beyond a bound and is not sent."""
    declared = emitter.layout.model.protocol.message(message)
    lines, codes, fits = [], [], []
    for position, (argument, (parameter, of)) in enumerate(zip(arguments, declared.parameters, strict=True)):
        name = fresh("a")
        lines.append(f"{c_type(of)} {name} = {emitter.of(argument)}; {_check_range(name, of, argument)}")
        codes.append(to_code(of, name))
        cap = emitter.layout.model.caps.arguments.get((message, position))
        if cap is not None:
            bound = emitter.bounds.index(f"{message}.{parameter} <= {cap}")
            limit = _limit(cap, emitter.layout.model.faulty_caps.arguments.get((message, position)))
            passed, within = f"{name} > {limit}", f"{name} <= {cap}"
            if isinstance(of, OptionType):
                within = f"({name} == {no_value(of)} || {within})"
            lines.append(f"if (beyond < 0 && {passed}) beyond = {bound};")
            fits.append(within)
    return " ".join(lines), codes, " && ".join(fits) or "1"


def _send(message: str, arguments: tuple[Expression, ...], receiver: str, emitter: Emitter) -> str:
    declarations, codes, fits = _arguments(message, arguments, emitter)
    return f"{declarations} if ({fits}) {{ {_put(message, codes, receiver, emitter)} }}"


def _put(message: str, codes: list[str], receiver: str, emitter: Emitter) -> str:
    sending = emitter.layout.sending(message)
    assert sending is not None
    row = emitter.layout.rows[emitter.layout.model.kind_index[emitter.kind.name]]
    if emitter.layout.model.network.is_growing_set:
        sent = row.blocks[f"sent_{message}"]
        cell = flat_cell(sent, codes if sending.broadcast_only else [*codes, receiver])
        return f"set_bit(y, {sent.word}, {sent.shift}, {sent.per_word}, {cell});"
    kind = sending.message.receiver
    first = next(f for m, f, _ in emitter.layout.code_ranges(emitter.kind.name, kind) if m.name == message)
    index = "0"
    for position, code in enumerate(codes):
        index = f"({index}) * {emitter.layout.argument_size(sending.message, position)} + (uint64_t)({code})"
    return f"overflow |= !put_{emitter.kind.name}___{kind}(y, {receiver}, {first} + {index});"


def _broadcast(statement: Broadcast, emitter: Emitter) -> str:
    layout = emitter.layout
    sending = layout.sending(statement.message)
    assert sending is not None
    kind = sending.message.receiver
    size = layout.model.size(kind)
    others = size - 1 if kind == emitter.kind.name else size
    if others == 0:
        return ";"
    declarations, codes, fits = _arguments(statement.message, statement.arguments, emitter)
    if sending.broadcast_only and layout.model.network.is_growing_set:
        sent = _put(statement.message, codes, "0", emitter)
        return f"{{ {declarations} if ({fits}) {{ {sent} }} }}"
    to = fresh("to")
    skip = f"if ({to} != me) " if kind == emitter.kind.name else ""
    sent = _put(statement.message, codes, to, emitter)
    return f"{{ {declarations} if ({fits}) for (int64_t {to} = 0; {to} < {size}; {to}++) {skip}{{ {sent} }} }}"


# Events ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EventFunction:
    """The C function of an event. It takes the arguments of the event, the sender of a message first."""

    name: str
    kind: ProcessKind
    handlers: tuple[Handler, ...]
    parameters: tuple[Type, ...]


def same_event(one: Event, other: Event) -> bool:
    match one, other:
        case (OnMessage(), OnMessage()):
            return one.message == other.message
        case (OnInput(), OnInput()):
            return one.name == other.name
        case _:
            return one == other


def touched(body: tuple[Statement, ...], emitter: Emitter) -> Iterator[str]:
    """The variables that a body assigns, called procedures' ones too."""
    for statement in statements(body):
        if isinstance(statement, Assign):
            yield statement.variable
        elif isinstance(statement, Call):
            yield from touched(emitter.layout.model.protocol.procedure(statement.procedure).body, emitter)


def event_function(function: EventFunction, emitter: Emitter) -> str:
    kind = function.kind
    arguments = "".join(f", {c_type(of)} x{i}" for i, of in enumerate(function.parameters))
    lines = [
        (
            f"static void {function.name}(struct worker *w, const uint64_t *from, const uint64_t *base, "
            f"uint64_t *y, int64_t me, uint32_t step{arguments})"
        ),
        "{",
        "    uint64_t taken[COVER_WORDS] = {0};",
        "    int beyond = -1, overflow = 0;",
        "    (void)beyond; (void)overflow; (void)me;",
    ]
    mine = {variable.name: f"v_{variable.name}" for variable in kind.variables}
    lines += ["    " + _load(variable, emitter) for variable in kind.variables]
    inner = replace(emitter, context=replace(emitter.context, kind=kind.name, me="me", mine=mine))
    for handler in function.handlers:
        lines += ["    {", *(_bind(handler.event))]
        guard = "1" if handler.guard is None else inner.of(handler.guard)
        lines.append(f"    if ({guard}) {{")
        lines.append(block(handler.body, inner, handler.point))
        changed = dict.fromkeys(touched(handler.body, emitter))
        for variable in kind.variables:
            if variable.name in changed:
                lines.append(_store(variable, emitter))
        lines += ["    goto done;", "    }", "    }"]
    channel = ""
    if not emitter.layout.model.network.is_growing_set:
        channel = (
            f"    if (overflow && beyond < 0) beyond = "
            f"{emitter.bounds.index(f'channel <= {emitter.layout.model.channel}')};\n"
        )
    event = function.handlers[0].event
    if isinstance(event, OnAction | OnInput) or (
        isinstance(event, OnMessage) and emitter.layout.model.network.is_growing_set
    ):
        lines.append("    return; /* no handler runs, and nothing has changed */")
    lines += [
        "done: __attribute__((unused));",
        channel + "    if (beyond >= 0) { bound_reached(w, (uint32_t)beyond); return; }",
        f"    commit_{kind.name}(w, from, base, me, y, taken, step);",
        "    return;",
        "failed: __attribute__((unused));",
        "    fail(w, taken);",
        "}",
    ]
    return "\n".join(lines)


def _bind(event: Event) -> Iterator[str]:
    match event:
        case OnMessage():
            locals_ = (event.sender, *event.parameters)
        case OnInput():
            locals_ = event.parameters
        case _:
            return
    for i, local in enumerate(locals_):
        yield f"    {c_type(local.type)} {local_name(local)} = x{i}; (void){local_name(local)};"


def _load(variable: Variable, emitter: Emitter) -> str:
    of = variable.type
    getter = f"{emitter.kind.name}__{variable.name}"
    name = f"v_{variable.name}"
    if isinstance(of, MapType):
        size = emitter.layout.model.size(of.key.kind)
        loop = f"for (int64_t key = 0; key < {size}; key++)"
        return f"{c_type(of.value)} {name}[{size}]; {loop} {name}[key] = {getter}(y, key); (void){name};"
    return f"{c_type(of)} {name} = {getter}(y); (void){name};"


def _limit(cap: int | None, lower: int | None) -> str:
    """The bound in C: a lower one holds while things go wrong."""
    return str(cap) if cap is None or lower is None or lower == cap else f"LIMIT({lower}, {cap})"


def _store(variable: Variable, emitter: Emitter) -> str:
    """Back into the row; what is beyond its bound stops the step. The first such variable names the bound."""
    of = variable.type
    name, setter = f"v_{variable.name}", f"set_{emitter.kind.name}__{variable.name}"
    place = emitter.kind.name, variable.name
    cap = emitter.layout.model.caps.variables.get(place)
    limit = _limit(cap, emitter.layout.model.faulty_caps.variables.get(place))
    if not isinstance(of, MapType):
        stored = f"{setter}(y, {name});"
        if cap is None or isinstance(of, SetType) or not is_number(of.of if isinstance(of, OptionType) else of):
            return "    " + stored
        bound = emitter.bounds.index(f"{variable.name} <= {cap}")
        return f"    if ({name} > {limit}) {{ bound_reached(w, {bound}); return; }} {stored}"
    size = emitter.layout.model.size(of.key.kind)
    loop = f"for (int64_t key = 0; key < {size}; key++)"
    check = ""
    if cap is not None:
        bound = emitter.bounds.index(f"{variable.name} <= {cap}")
        check = f"if ({name}[key] > {limit}) {{ bound_reached(w, {bound}); return; }} "
    return f"    {loop} {{ {check}{setter}(y, key, {name}[key]); }}"
