"""Traces as JSON files: written, and read strictly.

`docs/trace.schema.json` says what stands in a file. A file is material, not proof: what is read from it is believed
only as far as `modelcheck.replay` can take the same steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

import msgspec

from modelcheck.bounds import caps, is_nat
from modelcheck.model import Link, Model, Name, Packet, ProcessState, State, Step, StepKind, Successor
from modelcheck.story import describe_step
from modelcheck.trace import Trace
from spec.clock_limits import Untimed
from spec.clocks import with_clocks
from spec.diagnostics import SpecError
from spec.fairness import Fairness
from spec.overrides import fairness_from, faults_from, timing_from
from spec.protocol import Bound, Fault, FaultKind, Network, OnInput, Protocol, Timing
from spec.settings import LARGEST_SIZE
from spec.types import (
    BoolType,
    EnumType,
    IntType,
    MapType,
    NatType,
    NumberType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    Value,
    in_range,
)

FORMAT = "oneleader-trace"
VERSION = 1


class TraceError(Exception):
    """A file that is no trace of this protocol; the message says where and why."""


@dataclass(frozen=True)
class SavedStep:
    """A step as the file has it: what it is, and what is said to come of it."""

    step: Step
    state: State | None
    failure: str | None
    sent: tuple[Packet, ...]


@dataclass(frozen=True)
class SavedTrace:
    """What a file says, not yet replayed. `shows` is the property that is said to be violated or witnessed."""

    model: Model
    start: State
    steps: tuple[SavedStep, ...]
    shows: str
    is_violation: bool
    loop: int | None = None
    """Of a run that goes on for ever: how many steps there are before those that are repeated."""


# Writing -------------------------------------------------------------------------------------------------------------


def trace_to_json(trace: Trace) -> dict[str, Any]:
    """Plain values, ready for `json.dumps`."""
    model = trace.model
    protocol = model.protocol
    violation = trace.violation
    shows: dict[str, Any] | None = None
    if violation is not None:
        shows = {
            "result": "violated",
            "property": violation.property,
            "text": violation.text,
            "clauses": list(violation.clauses),
        }
    elif trace.witness:
        shows = {"result": "witnessed", "property": trace.witness, "text": "", "clauses": []}
    return {
        "format": FORMAT,
        "version": VERSION,
        "protocol": protocol.name,
        "spec": {"name": protocol.source.name, "sha256": protocol.source.sha256},
        "sizes": {kind.name: size for kind, size in zip(protocol.kinds, model.sizes, strict=True)},
        "bounds": {f"{kind}.{name}": model.caps.variables[kind, name] for kind, name in model.caps.declared},
        "channel": model.channel,
        "network": {
            "loss": model.network.loss,
            "duplication": model.network.duplication,
            "reordering": model.network.reordering,
        },
        "faults": [fault_to_json(fault) for fault in model.faults],
        **({} if protocol.timing is None else {"timed": str(protocol.timing)}),
        "fairness": str(protocol.fairness or "") or None,
        "loop_from": trace.loop,
        "shows": shows,
        "start": _state_to_json(model, trace.start),
        "steps": [_step_to_json(model, successor) for successor in trace.steps],
    }


def fault_to_json(fault: Fault) -> dict[str, Any]:
    """`of` is there only where the fault is that of one kind of process."""
    return {"fault": fault.kind.value, "up_to": fault.up_to, **({} if fault.of is None else {"of": fault.of})}


def write_trace(trace: Trace) -> str:
    """The text of a trace file."""
    return json.dumps(trace_to_json(trace), indent=1) + "\n"


def _step_to_json(model: Model, successor: Successor) -> dict[str, Any]:
    step = successor.step
    types = _input_types(model, step.name) if step.kind is StepKind.INPUT else ()
    return {
        "kind": step.kind.value,
        "process": None if step.process is None else str(step.process),
        "name": step.name,
        "arguments": [value_to_json(value, of) for value, of in zip(step.arguments, types, strict=True)],
        "message": None if step.packet is None else _packet_to_json(model, step.packet),
        "cut_off": _cut_off(model, step.sides),
        "description": describe_step(model, step),
        "sent": [_packet_to_json(model, packet) for packet in successor.sent],
        "failure": None if successor.failure is None else successor.failure.reason,
        "state": None if successor.state is None else _state_to_json(model, successor.state),
    }


def _state_to_json(model: Model, state: State) -> dict[str, Any]:
    processes = {
        str(name): _process_to_json(model, name, process)
        for names, of_kind in zip(model.names, state.processes, strict=True)
        for name, process in zip(names, of_kind, strict=True)
    }
    leader = model.protocol.leader
    return {
        "processes": processes,
        "messages": sorted((_packet_to_json(model, packet) for packet in state.packets), key=json.dumps),
        "links": [
            {
                "from": str(link.sender),
                "to": str(link.receiver),
                "queue": [_packet_to_json(model, packet) for packet in link.queue],
            }
            for link in sorted(state.links, key=repr)
        ],
        "cut_off": _cut_off(model, state.sides),
        "spent": [
            {"fault": fault.kind.value, "times": times}
            for fault, times in zip(model.bounded_faults, state.spent, strict=True)
        ],
        "led": [
            {"process": str(Name(leader.kind, number)), "token": token}
            for number, token in sorted(state.led)
            if leader is not None
        ],
    }


def _process_to_json(model: Model, name: Name, process: ProcessState) -> dict[str, Any]:
    kind = model.protocol.kind(name.kind)
    return {
        "up": process.up,
        "values": {
            variable.name: value_to_json(value, variable.type)
            for variable, value in zip(kind.variables, process.values, strict=True)
        },
        "armed": [timer.name for timer, armed in zip(kind.timers, process.armed, strict=True) if armed],
    }


def _packet_to_json(model: Model, packet: Packet) -> dict[str, Any]:
    parameters = model.protocol.message(packet.message).parameters
    return {
        "message": packet.message,
        "from": str(packet.sender),
        "to": str(packet.receiver),
        "arguments": {
            name: value_to_json(value, of) for value, (name, of) in zip(packet.arguments, parameters, strict=True)
        },
    }


def _cut_off(model: Model, sides: tuple[tuple[bool, ...], ...]) -> list[str]:
    """Who is cut off from the very first process."""
    if not sides:
        return []
    split = zip(model.names, sides, strict=True)
    return [str(name) for names, cut in split for name, off in zip(names, cut, strict=True) if off]


def value_to_json(value: Value, of: Type) -> Any:
    """A value as JSON: a process is its name, a set a list of names in order, `none` is null, a map an object by the
    names of its keys."""
    match of:
        case OptionType(inner):
            return None if value is None else value_to_json(value, inner)
        case ProcessType(kind):
            return str(Name(kind, value))
        case SetType(inner):
            return [value_to_json(element, inner) for element in sorted(value)]
        case MapType(key, inner):
            return {value_to_json(at, key): value_to_json(entry, inner) for at, entry in enumerate(value)}
        case _:
            return value


def _input_types(model: Model, name: str) -> tuple[Type, ...]:
    for handler in model.protocol.handlers:
        if isinstance(handler.event, OnInput) and handler.event.name == name:
            return tuple(parameter.type for parameter in handler.event.parameters)
    raise TraceError(f"the protocol has no input `{name}`")


# Reading -------------------------------------------------------------------------------------------------------------


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    pass


class _SpecPart(_Strict):
    name: str
    sha256: str


class _NetworkPart(_Strict):
    loss: bool
    duplication: bool
    reordering: bool


class _FaultPart(_Strict):
    fault: str
    up_to: int | None
    of: str | None = None


class _ShowsPart(_Strict):
    result: str
    property: str
    text: str
    clauses: list[str]


class _PacketPart(_Strict):
    message: str
    sender: str = msgspec.field(name="from")
    receiver: str = msgspec.field(name="to")
    arguments: dict[str, Any] = msgspec.field()


class _LinkPart(_Strict):
    sender: str = msgspec.field(name="from")
    receiver: str = msgspec.field(name="to")
    queue: list[_PacketPart] = msgspec.field()


class _ProcessPart(_Strict):
    up: bool
    values: dict[str, Any]
    armed: list[str]


class _SpentPart(_Strict):
    fault: str
    times: int


class _LedPart(_Strict):
    process: str
    token: int


class _StatePart(_Strict):
    processes: dict[str, _ProcessPart]
    messages: list[_PacketPart]
    links: list[_LinkPart]
    cut_off: list[str]
    spent: list[_SpentPart]
    led: list[_LedPart]


class _StepPart(_Strict):
    kind: str
    process: str | None
    name: str
    arguments: list[Any]
    message: _PacketPart | None
    cut_off: list[str]
    description: str
    sent: list[_PacketPart]
    failure: str | None
    state: _StatePart | None


class _File(_Strict):
    format: str
    version: int
    protocol: str
    spec: _SpecPart
    sizes: dict[str, int]
    bounds: dict[str, int]
    channel: Annotated[int, msgspec.Meta(ge=1)]
    network: _NetworkPart
    faults: list[_FaultPart]
    fairness: str | None
    loop_from: Annotated[int, msgspec.Meta(ge=0)] | None
    shows: _ShowsPart | None
    start: _StatePart
    steps: list[_StepPart]
    timed: str | None = None


def read_trace(text: str | bytes, protocol: Protocol) -> SavedTrace:
    """What a trace file says about a protocol. Raises TraceError for what is no trace file, for one of another text of
    the spec, and for one that speaks of what the protocol does not have."""
    try:
        file = msgspec.json.decode(text, type=_File)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise TraceError(f"this is no trace file: {problem}") from None
    if (file.format, file.version) != (FORMAT, VERSION):
        raise TraceError(f"expected {FORMAT} version {VERSION}, not {file.format} version {file.version}")
    if file.spec.sha256 != protocol.source.sha256:
        raise TraceError(
            f"this trace is of another text than {protocol.source.name}: it was made from {file.spec.name} with the "
            f"hash {file.spec.sha256[:12]}, and this one has {protocol.source.sha256[:12]}"
        )
    reading = _Reading(_model(file, protocol))
    found = tuple(_in(f"step {number}", reading.step, part) for number, part in enumerate(file.steps, 1))
    if any(step.state is None for step in found[:-1]):
        raise TraceError("only the last step may fail")
    if file.loop_from is not None and file.loop_from >= len(found):
        raise TraceError(f"`loop_from` is {file.loop_from}, and there are {len(found)} steps: nothing is repeated")
    shows = file.shows
    if shows is not None and (shows.result not in ("violated", "witnessed") or not shows.property):
        raise TraceError(f"a trace shows a property `violated` or `witnessed`, not `{shows.property}` `{shows.result}`")
    return SavedTrace(
        reading.model,
        _in("the start", reading.state, file.start),
        found,
        shows.property if shows is not None else "",
        shows is not None and shows.result == "violated",
        file.loop_from,
    )


Part = TypeVar("Part")
Made = TypeVar("Made")


def _in(place: str, make: Callable[[Part], Made], part: Part) -> Made:
    """Adds the place to what is wrong there."""
    try:
        return make(part)
    except TraceError as problem:
        raise TraceError(f"{place}: {problem}") from None


def _model(file: _File, protocol: Protocol) -> Model:
    kinds = [kind.name for kind in protocol.kinds]
    if list(file.sizes) != kinds or not all(1 <= size <= LARGEST_SIZE for size in file.sizes.values()):
        raise TraceError(f"`sizes` must say how many there are, 1 to {LARGEST_SIZE}, of: {', '.join(kinds)}")
    bounds = []
    for place, limit in file.bounds.items():
        kind, _, variable = place.partition(".")
        if not any(
            k.name == kind and v.name == variable and is_nat(v.type) for k in protocol.kinds for v in k.variables
        ):
            raise TraceError(f"`bounds` speaks of `{place}`, which is no `nat` of the protocol")
        bounds.append(Bound(kind, variable, limit))
    sizes = tuple(file.sizes.values())
    try:
        found = caps(protocol, sizes, tuple(bounds))
    except SpecError as problem:
        raise TraceError(f"the bounds do not suffice: {problem}") from None
    network = Network(file.network.loss, file.network.duplication, file.network.reordering)
    faults = _faults(file, protocol)
    fair = replace(protocol, fairness=_fairness(file, protocol), timing=_timing(file, protocol))
    try:
        timed = with_clocks(fair, faults, network)
    except Untimed as untimed:
        raise TraceError(f"`timed`: {untimed}") from None
    return Model(timed, sizes, found, network, faults, file.channel)


def _fairness(file: _File, protocol: Protocol) -> Fairness | None:
    """What the trace says that it keeps. What is the spec's own is taken from there, with its place in the text."""
    if file.fairness is None:
        return None
    if protocol.fairness is not None and str(protocol.fairness) == file.fairness:
        return protocol.fairness
    try:
        return fairness_from(file.fairness, protocol, "fairness")
    except SpecError as problem:
        raise TraceError(f"`fairness`: {problem}") from None


def _timing(file: _File, protocol: Protocol) -> Timing | None:
    if protocol.timing is None or file.timed is None:
        if (protocol.timing is None) is not (file.timed is None):
            raise TraceError("`timed` stands in traces of specs with time, and in no others")
        return None
    if str(protocol.timing) == file.timed:
        return protocol.timing
    try:
        return timing_from(file.timed, protocol, "timed")
    except SpecError as problem:
        raise TraceError(f"`timed`: {problem}") from None


def _faults(file: _File, protocol: Protocol) -> tuple[Fault, ...]:
    """What a trace supposes may be faults of the language alone, as a spec has them."""
    kinds, known = [kind.name for kind in protocol.kinds], {kind.value: kind for kind in FaultKind}
    for part in file.faults:
        if part.of is not None and part.of not in kinds:
            raise TraceError(f"`faults`: there is no kind of process `{part.of}`")
        if part.fault not in known:
            raise TraceError(f"there is no fault `{part.fault}`")
    faults = tuple(Fault(known[part.fault], part.up_to, of=part.of) for part in file.faults)
    written = [
        fault.kind.value
        + ("" if fault.of is None else f" of {fault.of}")
        + ("" if fault.up_to is None else f" up to {fault.up_to}")
        for fault in faults
    ]
    try:
        if faults and faults_from(", ".join(written), protocol, "faults") != faults:
            raise TraceError(f"`faults`: {', '.join(written)} means something else")
    except SpecError as problem:
        raise TraceError(f"`faults`: {problem}") from None
    return faults


OF_A_MESSAGE = (StepKind.DELIVER, StepKind.DELIVER_AND_KEEP, StepKind.LOSE)
OF_NOBODY = (StepKind.LOSE, StepKind.PARTITION, StepKind.HEAL, StepKind.TICK)


class _Reading:
    """Reads the parts of a file about one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.names = {str(name): name for names in model.names for name in names}

    def step(self, part: _StepPart) -> SavedStep:
        kind = next((kind for kind in StepKind if kind.value == part.kind), None)
        if kind is None:
            raise TraceError(f"there is no kind of step `{part.kind}`")
        if (part.message is not None) is not (kind in OF_A_MESSAGE):
            raise TraceError(f"a step `{part.kind}` has {'a' if kind in OF_A_MESSAGE else 'no'} message")
        if (part.process is None) is not (kind in OF_NOBODY):
            raise TraceError(f"a step `{part.kind}` is taken by {'no' if kind in OF_NOBODY else 'a'} process")
        types = _input_types(self.model, part.name) if kind is StepKind.INPUT else ()
        if len(types) != len(part.arguments):
            raise TraceError(f"{len(part.arguments)} arguments where {len(types)} belong")
        step = Step(
            kind,
            None if part.process is None else self.name(part.process),
            part.name,
            tuple(self.value(value, of) for value, of in zip(part.arguments, types, strict=True)),
            None if part.message is None else self.packet(part.message),
            self.sides(part.cut_off),
        )
        if (part.state is None) is (part.failure is None):
            raise TraceError("a step leads to a `state` or has a `failure`")
        state = None if part.state is None else self.state(part.state)
        return SavedStep(step, state, part.failure, tuple(self.packet(packet) for packet in part.sent))

    def state(self, part: _StatePart) -> State:
        if list(part.processes) != list(self.names):
            raise TraceError(f"`processes` must be, in this order: {', '.join(self.names)}")
        counted = [fault.kind.value for fault in self.model.bounded_faults]
        if [spent.fault for spent in part.spent] != counted:
            raise TraceError(f"`spent` must count the bounded faults: {', '.join(counted) or 'there are none'}")
        processes = iter(part.processes.items())
        links = (
            Link(self.name(link.sender), self.name(link.receiver), tuple(self.packet(packet) for packet in link.queue))
            for link in part.links
        )
        return State(
            tuple(tuple(self.process(*next(processes)) for _ in names) for names in self.model.names),
            frozenset(self.packet(packet) for packet in part.messages),
            frozenset(links),
            self.sides(part.cut_off),
            tuple(spent.times for spent in part.spent),
            frozenset((self.leader(led.process).number, led.token) for led in part.led),
        )

    def process(self, name: str, part: _ProcessPart) -> ProcessState:
        kind = self.model.protocol.kind(self.names[name].kind)
        variables = [variable.name for variable in kind.variables]
        if list(part.values) != variables:
            raise TraceError(f"{name}: `values` must be, in this order: {', '.join(variables) or 'none'}")
        timers = [timer.name for timer in kind.timers]
        if [timer for timer in timers if timer in part.armed] != part.armed:
            raise TraceError(f"{name}: `armed` may name, once and in this order: {', '.join(timers) or 'none'}")
        values = (
            _in(f"{name}.{variable.name}", lambda value, of=variable.type: self.value(value, of), value)  # type: ignore[misc]
            for variable, value in zip(kind.variables, part.values.values(), strict=True)
        )
        return ProcessState(tuple(values), tuple(timer in part.armed for timer in timers), part.up)

    def packet(self, part: _PacketPart) -> Packet:
        message = next((m for m in self.model.protocol.messages if m.name == part.message), None)
        if message is None:
            raise TraceError(f"the protocol has no message `{part.message}`")
        names = [name for name, _ in message.parameters]
        if list(part.arguments) != names:
            raise TraceError(f"the arguments of `{part.message}` must be, in this order: {', '.join(names) or 'none'}")
        arguments = (
            self.value(value, of) for value, (_, of) in zip(part.arguments.values(), message.parameters, strict=True)
        )
        return Packet(part.message, self.name(part.sender), self.name(part.receiver), tuple(arguments))

    def sides(self, cut_off: list[str]) -> tuple[tuple[bool, ...], ...]:
        off = [self.name(name) for name in cut_off]
        if not off:
            return ()
        return tuple(tuple(name in off for name in names) for names in self.model.names)

    def leader(self, text: str) -> Name:
        name = self.name(text)
        if self.model.protocol.leader is None or self.model.protocol.leader.kind != name.kind:
            raise TraceError(f"{name} never leads in this protocol")
        return name

    def name(self, text: str) -> Name:
        if text not in self.names:
            raise TraceError(f"there is no process `{text}`; there are: {', '.join(self.names)}")
        return self.names[text]

    def value(self, value: Any, of: Type) -> Value:
        """A value of a type from its JSON; see `value_to_json`."""
        match of:
            case OptionType(inner):
                return None if value is None else self.value(value, inner)
            case BoolType() if isinstance(value, bool):
                return value
            case EnumType(values) if isinstance(value, str) and value in values:
                return value
            case NatType() | IntType() | NumberType() if isinstance(value, int) and not isinstance(value, bool):
                if in_range(value, of):
                    return value
            case ProcessType(kind) if isinstance(value, str) and value in self.names:
                if self.names[value].kind == kind:
                    return self.names[value].number
            case SetType(inner) if isinstance(value, list):
                members = [self.value(element, inner) for element in value]
                if members == sorted(set(members)):
                    return frozenset(members)
            case MapType(key, inner) if isinstance(value, dict):
                keys = [str(name) for name in self.model.names[self.model.kind_index[key.kind]]]
                if list(value) == keys:
                    return tuple(self.value(entry, inner) for entry in value.values())
        raise TraceError(f"{json.dumps(value)} is no `{of}`")
