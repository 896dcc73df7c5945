"""A protocol as Python modules: its messages, and for each kind of process a module with its steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from codegen.python.expressions import OR, Names, NotEmitted, negated, text_of
from codegen.python.names import OWN, PARAMETERS, attribute_name, class_name, free_name, module_name, title
from codegen.python.quoting import INDENT, described, docstring, source_name
from codegen.python.statements import Emission, lines_of
from codegen.python.values import accepted_text, named, type_text, value_text
from spec.lint import nodes
from spec.protocol import (
    Apply,
    Definition,
    Event,
    Handler,
    Leader,
    Local,
    Message,
    OnAction,
    OnInput,
    OnMessage,
    OnStart,
    OnTimeout,
    Procedure,
    ProcessKind,
    Protocol,
    Reset,
)
from spec.types import NAT, EnumType, MapType, OptionType, ProcessType, SetType, Type


@dataclass(frozen=True)
class Module:
    """A file of the package, by its name, and its text."""

    name: str
    text: str


@dataclass(frozen=True)
class Function:
    """A function of an emitted module: its parameters with their types, its docstring and its lines, indented."""

    name: str
    parameters: tuple[str, ...]
    docstring: str
    lines: tuple[str, ...]


def modules_of(protocol: Protocol, runtime: str) -> tuple[Module, ...]:
    """The modules of a protocol, not yet formatted. `runtime` is how they import what they stand on. Raises
    NotEmitted."""
    _refuse_names(protocol)
    environment = Environment(
        loader=PackageLoader("codegen.python"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    enums = _enums(protocol)
    shared = {
        "protocol": protocol,
        "runtime": runtime,
        "class_name": class_name,
        "attribute": attribute_name,
        "described": lambda of: described(protocol, of),
        "spec": source_name(protocol),
        "sha256": protocol.source.sha256,
        "seconds": lambda milliseconds: repr(milliseconds / 1000),
        "said": lambda message: f"{message.name}({', '.join(f'{name}: {of}' for name, of in message.parameters)})",
        "types": lambda of: type_text(of, enums.__getitem__),
    }
    values = [(name, ", ".join(map(value_text, of.values))) for of, name in enums.items()]
    messages = environment.get_template("messages.py.j2").render(**shared, enums=values)
    found = [Module("messages.py", messages)]
    for kind in protocol.kinds:
        text = environment.get_template("kind.py.j2").render(**shared, **_kind(protocol, kind, enums))
        found.append(Module(f"{module_name(kind.name)}.py", text))
    return tuple(found)


def names_of(protocol: Protocol) -> dict[str, dict[str, Any]]:
    """What things are called in Python, for whoever reads the modules: by kind, its module's file; and its variables,
    its messages' classes, their parameters and the functions of its inputs and actions, each with what the protocol
    calls it (but for functions: by what the protocol calls them)."""
    enums = _enums(protocol)
    parameters = {name for message in protocol.messages for name, _ in message.parameters}
    found: dict[str, dict[str, Any]] = {}
    for kind in protocol.kinds:
        spontaneous = _kind(protocol, kind, enums)["spontaneous"]
        found[kind.name] = {
            "module": f"{module_name(kind.name)}.py",
            "variables": {attribute_name(variable.name): variable.name for variable in kind.variables},
            "classes": {class_name(message.name): message.name for message in protocol.messages},
            "parameters": {name: attribute_name(name) for name in parameters},
            "inputs": {said: name for name, _, _, said, is_input in spontaneous if is_input},
            "actions": {said: name for name, _, _, said, is_input in spontaneous if not is_input},
        }
    return found


def _refuse_names(protocol: Protocol) -> None:
    """Raises NotEmitted where names of the protocol would not be told apart, or mean something else, in Python."""
    fields = [variable.name for kind in protocol.kinds for variable in kind.variables]
    fields += [name for message in protocol.messages for name, _ in message.parameters]
    for name in (*fields, *(kind.name for kind in protocol.kinds)):
        if name.startswith("__"):
            raise NotEmitted(f"`{name}`: a name that begins with two underscores means something else in Python")
    classes: dict[str, str] = {}
    for message in protocol.messages:
        other = classes.setdefault(class_name(message.name), message.name)
        if other != message.name:
            raise NotEmitted(f"messages `{other}` and `{message.name}`, which would both be {class_name(other)}")


def _enums(protocol: Protocol) -> dict[EnumType, str]:
    """The enumerations of a protocol, each with a name: its own, or that of the first place that has it."""
    places: list[tuple[str, Type]] = [(v.name, v.type) for kind in protocol.kinds for v in kind.variables]
    places += [place for message in protocol.messages for place in message.parameters]
    places += [("choice", part) for part in nodes(protocol) if isinstance(part, EnumType)]
    taken = {*OWN, *(class_name(message.name) for message in protocol.messages)}
    taken |= {attribute_name(name) for name, _ in places}
    found: dict[EnumType, str] = {}
    for name, of in places:
        inner = of.value if isinstance(of, MapType) else of
        inner = inner.of if isinstance(inner, OptionType) else inner
        if isinstance(inner, EnumType) and inner not in found:
            found[inner] = free_name(title(inner.name or name), {*taken, *found.values()})
    return found


@dataclass(frozen=True)
class _Writing:
    """What the functions of one module are written with."""

    protocol: Protocol
    emission: Emission
    names: Names
    types: Callable[[Type], str]

    def function(self, name: str, parameters: tuple[Local, ...], of: Handler | Procedure) -> Function:
        said, inner = self.bound(parameters)
        lines: list[str] = []
        if isinstance(of, Handler) and of.guard is not None:
            lines += [f"{INDENT}if {negated(of.guard, inner)}:", f"{INDENT * 2}return False"]
        lines += lines_of(of.body, self.emission, inner)
        if isinstance(of, Handler):
            lines.append(f"{INDENT}return True")
        return Function(name, said, docstring(self.protocol, of, of.span, ""), tuple(lines))

    def definition(self, name: str, of: Definition) -> Function:
        said, inner = self.bound(of.parameters)
        said = (*said, self.types(of.body.type))
        quoted = docstring(self.protocol, of, of.span, "More than half of all.")
        return Function(name, said, quoted, (f"{INDENT}return {text_of(of.body, inner)}",))

    def bound(self, parameters: tuple[Local, ...]) -> tuple[tuple[str, ...], Names]:
        """Parameters with their types, and the names where they are known."""
        inner, said = self.names, []
        for parameter in parameters:
            local, inner = inner.bind(parameter)
            said.append(f"{local}: {self.types(parameter.type)}")
        return tuple(said), inner


def _kind(protocol: Protocol, kind: ProcessKind, enums: dict[EnumType, str]) -> dict[str, Any]:
    """What the template of a kind of process is filled with."""
    handlers = [handler for handler in protocol.handlers if handler.kind == kind.name]
    procedures = [procedure for procedure in protocol.procedures if procedure.kind == kind.name]
    leader = protocol.leader if protocol.leader is not None and protocol.leader.kind == kind.name else None
    messages = {message.name: message for message in protocol.messages}
    definitions = _definitions(protocol, kind, leader, [*handlers, *procedures])
    taken = {*OWN, *map(class_name, messages), *enums.values()}
    called: dict[str, str] = {}
    for name in [one.name for one in definitions] + [one.name for one in procedures]:
        called[name] = free_name(name.replace(":", "_of_"), {*taken, *PARAMETERS, *called.values()})
    taken |= set(called.values())
    events = _by_event(handlers)
    titles: dict[Handler, str] = {}
    for event, found in events.items():
        for number, handler in enumerate(found, 1):
            wanted = _function_name(event) + (f"_{number}" if len(found) > 1 else "")
            titles[handler] = free_name(wanted, {*taken, *titles.values()})
    taken |= set(titles.values())
    asked: dict[Event, str] = {}
    for event in events:
        if isinstance(event, OnAction | OnInput):
            asked[event] = free_name(event.name, {*taken, *PARAMETERS, *asked.values()})
    taken |= set(asked.values())
    names = Names({}, called, frozenset(taken))
    emission = Emission(kind, messages, {p.name: p for p in procedures}, called)
    writing = _Writing(protocol, emission, names, lambda of: type_text(of, enums.__getitem__))

    def of_event(event: Event, arguments: list[str]) -> str:
        """The handlers of an event, tried in their order until one takes it."""
        given = ", ".join(("now", *arguments))
        return " or ".join(f"{titles[handler]}({given})" for handler in events.get(event, ())) or "False"

    def received(message: Message) -> str:
        return of_event(
            _of_message(message.name),
            ["sender", *(f"message.{attribute_name(name)}" for name, _ in message.parameters)],
        )

    spontaneous = []
    for event, found in events.items():
        if isinstance(event, OnAction | OnInput):
            said, _ = writing.bound(_parameters(found[0].event))
            calls = of_event(event, [one.split(":")[0] for one in said])
            spontaneous.append((asked[event], said, calls, event.name, isinstance(event, OnInput)))
    return {
        "kind": kind,
        "initial": lambda variable: _initial(variable.initial, variable.type),
        "definitions": [writing.definition(called[one.name], one) for one in definitions],
        "procedures": [writing.function(called[one.name], one.parameters, one) for one in procedures],
        "handlers": [
            writing.function(titles[handler], _parameters(handler.event), handler)
            for found in events.values()
            for handler in found
        ],
        "starts": of_event(OnStart(), []),
        "timeouts": [(timer, of_event(OnTimeout(timer.name), [])) for timer in kind.timers],
        "received": [(one, received(one)) for one in protocol.messages if one.receiver == kind.name],
        "spontaneous": spontaneous,
        "arguments": [
            (event.name, [accepted_text(parameter.type) for parameter in event.parameters])
            for event in (found[0].event for found in events.values())
            if isinstance(event, OnInput) and event.parameters
        ],
        "leads": text_of(leader.condition, names, OR) if leader is not None else "",
        "token": text_of(leader.token, names, OR) if leader is not None else "",
        "confirmation": _confirmation(protocol, kind, leader, called),
        "timed": protocol.timed,
        "until": leader.until if leader is not None else None,
        "counts_from": sorted(_counted_from(leader.until, [*handlers, *procedures]) if leader is not None else ()),
        "durable": [attribute_name(variable.name) for variable in kind.variables if variable.durable],
        "naming": [
            (attribute_name(variable.name), repr(kinds))
            for variable in kind.variables
            if (kinds := named(variable.type)) is not None
        ],
        "slots": sorted(["everyone", *(attribute_name(variable.name) for variable in kind.variables)]),
        "maps": any(isinstance(variable.type, MapType) for variable in kind.variables),
        "imported": ["Message", *sorted(map(class_name, messages)), *sorted(enums.values())],
    }


def _counted_from(timer: str | None, bodies: list[Handler | Procedure]) -> set[str]:
    """The timers that a timer counts from (`reset T since U`)."""
    parts = (part for body in bodies for part in nodes(body.body))
    return {part.since for part in parts if isinstance(part, Reset) and part.timer == timer and part.since is not None}


def _definitions(
    protocol: Protocol, kind: ProcessKind, leader: Leader | None, roots: list[Handler | Procedure]
) -> list[Definition]:
    """The definitions that a kind of process needs, in the order in which they stand in the protocol."""
    needed: set[str] = set()
    waiting: list[object] = [*roots]
    if leader is not None:
        waiting += [leader.condition, leader.token]
        if leader.confirmed_by is not None:
            needed.add(_quorum_of(protocol, kind).name)
            waiting.append(_quorum_of(protocol, kind))
    while waiting:
        for part in nodes(waiting.pop()):
            if isinstance(part, Apply) and part.definition not in needed:
                needed.add(part.definition)
                waiting.append(protocol.definition(part.definition))
    return [one for one in protocol.definitions if one.name in needed]


def _confirmation(
    protocol: Protocol, kind: ProcessKind, leader: Leader | None, called: dict[str, str]
) -> dict[str, str] | None:
    """What confirms that a process leads."""
    if leader is None or leader.confirmed_by is None:
        return None
    confirmed = leader.confirmed_by
    return {
        "message": confirmed.message,
        "within": confirmed.timer,
        "quorum": called[_quorum_of(protocol, kind).name],
    }


def _quorum_of(protocol: Protocol, kind: ProcessKind) -> Definition:
    """What the protocol calls a quorum of a kind of process. Raises NotEmitted."""
    for definition in protocol.definitions:
        named = definition.name in ("quorum", f"quorum:{kind.name}")
        if named and definition.parameters and definition.parameters[0].type == SetType(ProcessType(kind.name)):
            return definition
    raise NotEmitted(f"`confirmed by ... from a quorum` in a protocol that asks nowhere for a quorum of {kind.name}")


def _initial(value: Any, of: Type) -> str:
    """A variable's initial value; a map has the same one for every process."""
    if isinstance(of, MapType):
        return f'({value_text(value)},) * len(everyone["{of.key.kind}"])'
    return value_text(value)


# Events --------------------------------------------------------------------------------------------------------------


def _by_event(handlers: list[Handler]) -> dict[Event, list[Handler]]:
    """Handlers by their event, without the names that each gives to what comes with it."""
    found: dict[Event, list[Handler]] = {}
    for handler in handlers:
        event = handler.event
        if isinstance(event, OnMessage):
            event = _of_message(event.message)
        elif isinstance(event, OnInput):
            event = OnInput(event.name, ())
        found.setdefault(event, []).append(handler)
    return found


def _of_message(name: str) -> OnMessage:
    return OnMessage(name, (), Local(0, "", NAT))


def _function_name(event: Event) -> str:
    match event:
        case OnMessage(message):
            return f"on_{message}"
        case OnTimeout(timer):
            return f"on_timeout_{timer}"
        case OnStart():
            return "on_start"
        case OnInput(name) | OnAction(name):
            return f"on_{name}"


def _parameters(event: Event) -> tuple[Local, ...]:
    match event:
        case OnMessage(_, parameters, sender):
            return (sender, *parameters)
        case OnInput(_, parameters):
            return parameters
        case _:
            return ()
