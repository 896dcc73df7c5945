"""The types of a TLA+ export's constants, variables and messages, as Apalache wants to be told of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from codegen.tla_actions import TlaModule
from spec.protocol import Handler, OnInput, ProcessKind
from spec.types import BoolType, EnumType, IntType, MapType, OptionType, ProcessType, SetType, Type

PROCESS = "PROCESS"
"""The type of all processes whose kind is not ordered; those of ordered kinds are numbers."""
NONE_OF = {"Int": "-1", "Str": '"none"', PROCESS: f'"none_OF_{PROCESS}"'}
"""What `none` is, by its type."""


def annotate(module: TlaModule) -> list[str]:
    """Takes note of all types, and of the fields that messages have to share. What stands in the way of telling
    types is the result, and then nothing is noted."""
    known = module.known
    if module.links:
        return ["messages wait on links, in queues or bags"]
    reasons: list[str] = []
    of_none = sorted({type_of(of, module) for of in _optional(_declared(module))}) or [PROCESS]
    if len(of_none) > 1 or of_none[0] not in NONE_OF:
        reasons.append(f"`none` would have to be a value of {' and of '.join(of_none)}")
    if any(isinstance(of, IntType) and of.low < 0 for of in _optional(_declared(module))):
        reasons.append("`none` would have to be told from negative numbers")
    fields = _fields(module, reasons)
    if reasons:
        return reasons
    known.types = {"none": of_none[0], **{known.kinds[k.name]: f"Set({_process(k)})" for k in _kinds(module)}}
    for kind in _kinds(module):
        process = _process(kind)
        for variable in kind.variables:
            known.types[known.variables[kind.name, variable.name]] = f"{process} -> {type_of(variable.type, module)}"
        for timer in kind.timers:
            known.types[known.armed[kind.name, timer.name]] = f"{process} -> Bool"
        if kind.name in known.up:
            known.types[known.up[kind.name]] = f"{process} -> Bool"
    if module.messages:
        known.types[module.messages] = f"Set({{ {', '.join(f'{field}: {of}' for field, of in fields.items())} }})"
    if module.sides:
        known.types[module.sides] = f"Set(Set({PROCESS}))"
    known.types |= dict.fromkeys(module.counters.values(), "Int")
    leader = module.instance.protocol.leader
    if leader is not None:
        known.types[module.led] = f"Set(<<{_process(module.instance.protocol.kind(leader.kind))}, Int>>)"
    known.padding = {field: _filler(of) for field, of in fields.items() if field not in ("type", "from")}
    return []


def type_of(of: Type, module: TlaModule) -> str:
    """A type in Apalache's notation."""
    match of:
        case BoolType():
            return "Bool"
        case EnumType():
            return "Str"
        case ProcessType(kind):
            return _process(module.instance.protocol.kind(kind))
        case OptionType(inner):
            return type_of(inner, module)
        case SetType(inner):
            return f"Set({type_of(inner, module)})"
        case MapType(key, inner):
            return f"({type_of(key, module)} -> {type_of(inner, module)})"
        case _:
            return "Int"


def _process(kind: ProcessKind) -> str:
    return "Int" if kind.ordered else PROCESS


def _kinds(module: TlaModule) -> tuple[ProcessKind, ...]:
    return module.instance.protocol.kinds


def _fields(module: TlaModule, reasons: list[str]) -> dict[str, str]:
    """All fields that some message has, with their types."""
    known, protocol = module.known, module.instance.protocol
    fields = {"type": "Str"}
    carried: list[set[str]] = []

    def add(field: str, of: str) -> None:
        carried[-1].add(field)
        if fields.setdefault(field, of) != of:
            reasons.append(f"the field `{field}` of messages would have to be {fields[field]} and {of}")

    for message in protocol.messages:
        carried.append({"type"})
        add("from", _process(protocol.kind(message.sender)))
        if message.name not in known.broadcast_only:
            add("to", _process(protocol.kind(message.receiver)))
        for parameter, of in message.parameters:
            add(known.fields[message.name, parameter], type_of(of, module))
    for field, held in fields.items():
        if "->" in held and any(field not in one for one in carried):
            reasons.append(f"messages without the field `{field}` have no value for it")
    if module.sides and any(kind.ordered for kind in protocol.kinds):
        reasons.append("the sides of the network hold processes of an ordered kind")
    return fields


def _filler(of: str) -> str:
    """A value for a field of a message that has no such field; empty for its sender."""
    if of == PROCESS:
        return ""
    return "{}" if of.startswith("Set(") else {"Bool": "FALSE", "Str": '""'}.get(of, "0")


def _declared(module: TlaModule) -> Iterator[Type]:
    protocol = module.instance.protocol
    for kind in protocol.kinds:
        yield from (variable.type for variable in kind.variables)
    for message in protocol.messages:
        yield from (of for _, of in message.parameters)
    for parameters in (*(p.parameters for p in protocol.procedures), *(d.parameters for d in protocol.definitions)):
        yield from (parameter.type for parameter in parameters)
    yield from (of for handler in protocol.handlers for of in _given(handler))


def _given(handler: Handler) -> Iterator[Type]:
    if isinstance(handler.event, OnInput):
        yield from (parameter.type for parameter in handler.event.parameters)


def _optional(types: Iterable[Type]) -> Iterator[Type]:
    """What may be there or `none`."""
    for of in types:
        match of:
            case OptionType(inner):
                yield inner
            case MapType(_, inner):
                yield from _optional([inner])
            case _:
                pass
