"""What is no step in emitted Python: its classes of messages and states, and the description that a node is made from.
It is compared as it is written."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelcheck.conformance.source import Source, fields_of
from spec.lint import bodies, nodes
from spec.protocol import OnInput, ProcessKind, Protocol, Reset
from spec.types import BoolType, EnumType, IntType, MapType, OptionType, ProcessType, SetType, Type


@dataclass(frozen=True)
class Names:
    """What things of a kind of process are called in Python, each with what the protocol calls it."""

    module: str
    """Its file."""
    variables: Mapping[str, str]
    classes: Mapping[str, str]
    parameters: Mapping[str, str]
    """Of messages, by what the protocol calls them."""
    inputs: Mapping[str, str]
    """The functions of inputs, by what the protocol calls them."""
    actions: Mapping[str, str]


def wrong_messages(protocol: Protocol, source: Source, names: Names) -> Iterator[str]:
    """In what the classes of messages are not the protocol's messages. Raises NotRead."""
    by_name = {name: python for python, name in names.classes.items()}
    yield from _differing(source.constants, "PROTOCOL", repr(protocol.name))
    yield from _differing(source.constants, "SPEC_SHA256", repr(protocol.source.sha256))
    yield from _differing(source.constants, "KINDS", repr(tuple(kind.name for kind in protocol.kinds)))
    listed = {message.name: by_name[message.name] for message in protocol.messages}
    said = "{" + ", ".join(f"{name!r}: {python}" for name, python in listed.items()) + "}"
    yield from _differing(source.constants, "MESSAGES", said)
    yield from (f"class `{name}` is no message" for name in set(source.classes) - set(by_name.values()))
    yield from (f"`{name}` is no message" for name in source.functions)
    written = " | ".join(by_name[message.name] for message in protocol.messages) or "msgspec.Struct"
    yield from _differing(source.constants, "Message", written)
    for name, value in source.constants.items():
        if name not in ("PROTOCOL", "SPEC_SHA256", "KINDS", "MESSAGES", "Message") and not _is_enumeration(value):
            yield f"`{name}` is {ast.unparse(value)}"
    whences = {"msgspec": "msgspec", "Literal": "typing.Literal", "TypeAlias": "typing.TypeAlias"}
    for name, whence in source.imported.items():
        if whences.get(name) != whence:
            yield f"`{name}` is imported from {whence}"
    for message in protocol.messages:
        declared = source.classes.get(by_name[message.name])
        if declared is None:
            yield f"there is no class for {message.name}"
            continue
        keywords = {one.arg: ast.unparse(one.value) for one in declared.keywords}
        wanted = {"frozen": "True", "tag": repr(message.name), "array_like": "True", "forbid_unknown_fields": "True"}
        if [ast.unparse(one) for one in declared.bases] != ["msgspec.Struct"] or keywords != wanted:
            yield f"class `{declared.name}` is not declared as a message is"
        fields = [(node.target.id, node.annotation) for node in declared.body if _is_field(node)]  # type: ignore[attr-defined]
        parameters = [(names.parameters.get(name, name), of) for name, of in message.parameters]
        if [name for name, _ in fields] != [name for name, _ in parameters] or any(fields_of(declared).values()):
            yield f"class `{declared.name}` does not have the parameters of {message.name}, in their order"
            continue
        for (name, annotation), (_, of) in zip(fields, parameters, strict=True):
            if ast.unparse(annotation) not in _annotations(of, source.constants):
                yield f"`{declared.name}.{name}` is no {of}"


def _is_enumeration(value: ast.expr) -> bool:
    """Whether this is `Literal["one", "other"]`."""
    match value:
        case ast.Subscript(ast.Name("Literal"), ast.Constant(str())):
            return True
        case ast.Subscript(ast.Name("Literal"), ast.Tuple(values)):
            return all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in values)
        case _:
            return False


def wrong_process(
    protocol: Protocol, kind: ProcessKind, source: Source, messages: Source, names: Names, runtime: str
) -> Iterator[str]:
    """In what a module's description of its process, and its classes, are not the protocol's, or what it stands on is
    not the runtime. Raises NotRead."""
    state, now = source.classes.get("State"), source.classes.get("Now")
    if state is None or now is None or set(source.classes) != {"State", "Now"}:
        yield "there is not one class `State` and one class `Now`"
        return
    if _head(state) != (["msgspec.Struct"], {"frozen": "True"}) or _head(now) != (["Turn[Message]"], {}):
        yield "`State` or `Now` is not declared as it has to be"
    if set(fields_of(state)) != {*names.variables, "armed"}:
        yield "`State` does not have the variables of the process, and the timers"
        return
    yield from _differing_fields(kind, state, source, messages, names)
    yield from _differing_turn(now, names)
    yield from (f"`{name}` is none of the module's" for name in source.constants if name != "PROCESS")
    yield from _differing_imports(source, runtime)
    described = source.constants.get("PROCESS")
    if not isinstance(described, ast.Call) or ast.unparse(described.func) != "Process" or described.args:
        yield "there is no `PROCESS`"
        return
    found = {one.arg or "**": ast.unparse(one.value) for one in described.keywords}
    wanted = _wanted(protocol, kind, names)
    for name in sorted({*found, *wanted}):
        if not _alike(found.get(name), wanted.get(name)):
            yield f"`PROCESS` has {name}={found.get(name)}, not {wanted.get(name)}"


def _differing_fields(
    kind: ProcessKind, state: ast.ClassDef, source: Source, messages: Source, names: Names
) -> Iterator[str]:
    """Fields of a state that are not declared with the type of their variable: what is stored is read by these."""
    for node in state.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        name, written = node.target.id, ast.unparse(node.annotation)
        wanted = {"frozenset[str]"}
        if name in names.variables:
            wanted = _annotations(kind.variable(names.variables[name]).type, messages.constants)
        if written not in wanted:
            yield f"`State.{name}` is declared as {written}"
        for part in ast.walk(node.annotation):
            if isinstance(part, ast.Name) and part.id in messages.constants and part.id not in source.imported:
                yield f"`{part.id}` is not imported"


def _differing_turn(now: ast.ClassDef, names: Names) -> Iterator[str]:
    """Whether `Now` is anything but what it has to be: a step with the variables of the process."""
    found: list[str] = []
    for node in now.body:
        match node:
            case ast.Expr(ast.Constant(str())):
                pass
            case ast.Assign([ast.Name("__slots__")], ast.Tuple(values)):
                found.append("__slots__")
                slots = [one.value if isinstance(one, ast.Constant) else None for one in values]
                if sorted(map(str, slots)) != sorted({"everyone", *names.variables}):
                    yield "the slots of `Now` are not the variables of the process"
            case ast.FunctionDef(name):
                found.append(name)
                if name == "__init__" and not all(
                    isinstance(one, ast.Expr | ast.Assign | ast.AnnAssign) for one in node.body
                ):
                    yield "`Now` does not begin with all of its state on every path"
            case _:
                yield f"a {type(node).__name__} in `Now`"
    if sorted(found) != ["__init__", "__slots__", "done"]:
        yield "`Now` has not its two methods alone"


def _wanted(protocol: Protocol, kind: ProcessKind, names: Names) -> dict[str, str]:
    """The description of a process, as it has to be written."""
    python = {name: called for called, name in names.variables.items()}
    received = {message.name: message.sender for message in protocol.messages if message.receiver == kind.name}
    timers = ", ".join(f"{t.name!r}: Timer({t.name!r}, {t.low / 1000!r}, {t.high / 1000!r})" for t in kind.timers)
    wanted = {
        "protocol": "PROTOCOL",
        "kind": repr(kind.name),
        "spec_sha256": "SPEC_SHA256",
        "kinds": "KINDS",
        "state_type": "State",
        "message_types": "MESSAGES",
        "receives": repr(received),
        "durable": repr(tuple(python[variable.name] for variable in kind.variables if variable.durable)),
        "names": repr({python[v.name]: kinds for v in kind.variables if (kinds := _named(v.type)) is not None}),
        "timers": f"{{{timers}}}",
    }
    wanted |= {one: one for one in ("initial", "restarted", "start", "receive", "timeout", "leader")}
    leader = protocol.leader
    if leader is not None and leader.kind == kind.name and leader.confirmed_by is not None:
        confirmed = leader.confirmed_by
        wanted["confirmation"] = f"Confirmation({confirmed.message!r}, {confirmed.timer!r}, is_quorum)"
    if leader is not None and leader.kind == kind.name and leader.until is not None:
        wanted["until"] = repr(leader.until)
        resets = (part for body in bodies(protocol, kind.name) for part in nodes(body) if isinstance(part, Reset))
        if counted := {reset.since for reset in resets if reset.timer == leader.until and reset.since is not None}:
            wanted["counts_from"] = repr(tuple(sorted(counted)))
    if protocol.timed:
        wanted["timed"] = "True"
    accepted = ", ".join(
        f"{event.name!r}: ({', '.join(_accepted(parameter.type) for parameter in event.parameters)},)"
        for event in (handler.event for handler in protocol.handlers if handler.kind == kind.name)
        if isinstance(event, OnInput) and event.parameters
    )
    if accepted:
        wanted["arguments"] = f"{{{accepted}}}"
    for group, functions in (("inputs", names.inputs), ("actions", names.actions)):
        if functions:
            wanted[group] = "{" + ", ".join(f"{said!r}: {called}" for said, called in functions.items()) + "}"
    return wanted


def _accepted(of: Type) -> str:
    """What an input's argument may be: one of these."""
    found = []
    if isinstance(of, OptionType):
        found, of = ["None"], of.of
    match of:
        case BoolType():
            found.insert(0, "bool")
        case EnumType(values):
            found.insert(0, f"frozenset({{{', '.join(map(repr, sorted(values)))}}})")
        case IntType(low, high):
            found.insert(0, f"range({low}, {high + 1})")
        case ProcessType(of_kind):
            found.insert(0, repr(of_kind))
    return f"({', '.join(found)},)"


def _named(of: Type) -> str | tuple[str, str | None] | None:
    """The kind of the processes that a variable names; of a map, that of its keys, and that of its entries, if any."""
    match of:
        case OptionType(inner):
            return _named(inner)
        case ProcessType(kind) | SetType(ProcessType(kind)):
            return kind
        case MapType(key, inner):
            entries = _named(inner)
            return key.kind, entries if isinstance(entries, str) else None
        case _:
            return None


def _alike(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))


def _differing(constants: Mapping[str, ast.expr], name: str, wanted: str) -> Iterator[str]:
    found = constants.get(name)
    if found is None or not _alike(ast.unparse(found), wanted):
        yield f"{name} is {ast.unparse(found) if found is not None else 'not there'}, not {wanted}"


RUNTIME = {
    "process": ("Confirmation", "Everyone", "Process", "Timer"),
    "steps": ("Impossible", "Step", "Turn", "natural", "optional_natural", "optional_within", "replaced", "within"),
}
"""What a module has from the runtime, by the runtime's module."""


def _differing_imports(source: Source, runtime: str) -> Iterator[str]:
    """Names of the runtime that are imported from elsewhere, or are something else."""
    for module, listed in RUNTIME.items():
        for name in listed:
            whence = source.imported.get(name)
            if whence is not None and whence != f"{runtime}.{module}.{name}":
                yield f"`{name}` is imported as {whence}"
            if name in source.functions or name in source.classes or name in source.constants:
                yield f"`{name}` is not the runtime's"
    known = {name for listed in RUNTIME.values() for name in listed}
    for name, whence in source.imported.items():
        if name not in known and whence != ("msgspec" if name == "msgspec" else f".messages.{name}"):
            yield f"`{name}` is imported from {whence}"


def _head(declared: ast.ClassDef) -> tuple[list[str], dict[str, str]]:
    keywords = {one.arg or "**": ast.unparse(one.value) for one in declared.keywords}
    return [ast.unparse(one) for one in declared.bases], keywords


def _is_field(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def _annotations(of: Type, constants: Mapping[str, ast.expr]) -> set[str]:
    """How a type may be written."""
    match of:
        case BoolType():
            return {"bool"}
        case EnumType(values):
            wanted = f"Literal[{', '.join(map(repr, values))}]"
            return {name for name, value in constants.items() if ast.unparse(value) == wanted}
        case OptionType(inner):
            return {f"{one} | None" for one in _annotations(inner, constants)}
        case SetType():
            return {"frozenset[int]"}
        case MapType(_, inner):
            return {f"tuple[{one}, ...]" for one in _annotations(inner, constants)}
        case _:
            return {"int"}
