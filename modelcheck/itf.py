"""A trace in Apalache's Informal Trace Format (ADR 015), for tools that read that.

Each variable of a kind of process is one variable of the trace, called `kind_variable`: a map from the processes to
their values. A process is a string (`"node1"`), as are the values of an enumeration and `none`. The rest of the state
is in `up`, `armed`, `messages` (or `links`), `partition`, `spent` and `led`, whose names no variable can have. Clocks
are variables, too, in ticks (see `spec.clocks`): `kind_elapsed_timer`, `kind_paused`, `kind_paused_for`. Where delays
have a limit, a message has an argument `age`."""

from __future__ import annotations

import json
from typing import Any

from modelcheck.model import Model, Name, Packet, State
from modelcheck.story import describe_step
from modelcheck.trace import Trace
from spec.types import MapType, OptionType, ProcessType, SetType, Type, Value


def itf(trace: Trace) -> str:
    """The text of an `.itf.json` file. A last step that fails leads to no state and is in `#meta` only."""
    model = trace.model
    states = []
    for index, state in enumerate(trace.states):
        meta: dict[str, Any] = {"index": index}
        if index:
            meta["step"] = describe_step(model, trace.steps[index - 1].step)
        states.append({"#meta": meta, **_state(model, state)})
    whole: dict[str, Any] = {"#meta": _meta(trace), "vars": list(_state(model, trace.start)), "states": states}
    if trace.loop is not None and _is_closed(trace, trace.loop):
        whole["loop"] = trace.loop
    return json.dumps(whole, indent=1) + "\n"


def _is_closed(trace: Trace, loop: int) -> bool:
    """Whether the last state is the one from which on steps are repeated, as the format has it of a `loop`. (Where
    terms rise with each round, it is not; `repeats_from` says so in any case.)"""
    return trace.states[loop]._replace(led=frozenset()) == trace.states[-1]._replace(led=frozenset())


def _meta(trace: Trace) -> dict[str, Any]:
    protocol = trace.model.protocol
    meta: dict[str, Any] = {
        "format": "ITF",
        "format-description": "https://apalache-mc.org/docs/adr/015adr-trace.html",
        "source": protocol.source.name,
        "sha256": protocol.source.sha256,
        "description": f"a behaviour of the protocol {protocol.name}",
        "status": "ok",
    }
    if trace.violation is not None:
        meta |= {"status": "violation", "violated": trace.violation.property, "why": list(trace.violation.clauses)}
        if trace.loop is not None:
            meta["repeats_from"] = trace.loop
    elif trace.witness:
        meta["witnessed"] = trace.witness
    if trace.steps and trace.steps[-1].failure is not None:
        last = trace.steps[-1]
        meta["failed"] = {"step": describe_step(trace.model, last.step), "reason": last.failure and last.failure.reason}
    return meta


def _state(model: Model, state: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind, names, processes in zip(model.protocol.kinds, model.names, state.processes, strict=True):
        for position, variable in enumerate(kind.variables):
            entries = zip(names, processes, strict=True)
            found[f"{kind.name}_{variable.name}"] = _map(
                (str(name), _value(process.values[position], variable.type)) for name, process in entries
            )
    everyone = [
        (name, process, kind)
        for kind, names, processes in zip(model.protocol.kinds, model.names, state.processes, strict=True)
        for name, process in zip(names, processes, strict=True)
    ]
    found["up"] = _map((str(name), process.up) for name, process, _ in everyone)
    found["armed"] = _map(
        (str(name), _set(t.name for t, armed in zip(kind.timers, process.armed, strict=True) if armed))
        for name, process, kind in everyone
    )
    if model.network.is_growing_set:
        packets = sorted((_packet(model, packet) for packet in state.packets), key=json.dumps)
        found["messages"] = {"#set": packets}
    else:
        found["links"] = _map(
            ({"#tup": [str(link.sender), str(link.receiver)]}, [_packet(model, packet) for packet in link.queue])
            for link in sorted(state.links, key=repr)
        )
    off = (
        str(name)
        for names, cut in zip(model.names, state.sides, strict=False)
        for name, is_off in zip(names, cut, strict=True)
        if is_off
    )
    found["partition"] = _set(off)
    spent = zip(model.bounded_faults, state.spent, strict=True)
    found["spent"] = _map((fault.kind.value, _number(times)) for fault, times in spent)
    leader = model.protocol.leader
    led = [{"#tup": [str(Name(leader.kind, number)), _number(token)]} for number, token in sorted(state.led) if leader]
    found["led"] = {"#set": led}
    return found


def _packet(model: Model, packet: Packet) -> dict[str, Any]:
    parameters = model.protocol.message(packet.message).parameters
    arguments = {name: _value(value, of) for value, (name, of) in zip(packet.arguments, parameters, strict=True)}
    return {
        "message": packet.message,
        "sender": str(packet.sender),
        "receiver": str(packet.receiver),
        "arguments": arguments,
    }


def _value(value: Value, of: Type) -> Any:
    match of:
        case OptionType(inner):
            return "none" if value is None else _value(value, inner)
        case ProcessType(kind):
            return str(Name(kind, value))
        case SetType(inner):
            return _set(_value(element, inner) for element in sorted(value))
        case MapType(key, inner):
            return _map((_value(at, key), _value(entry, inner)) for at, entry in enumerate(value))
        case _:
            return _number(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _number(value: int) -> dict[str, str]:
    """Numbers are never bare in the format, since JSON readers disagree on large ones."""
    return {"#bigint": str(value)}


def _set(elements: Any) -> dict[str, Any]:
    return {"#set": list(elements)}


def _map(entries: Any) -> dict[str, Any]:
    return {"#map": [[key, value] for key, value in entries]}
