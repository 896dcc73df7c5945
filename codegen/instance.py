"""What an export is made from: a protocol with its sizes, bounds, network and faults.

It says the same as the checker's model does, in terms of `spec` alone; the command line turns one into the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codegen.inline import kind_of
from spec.described import described_time
from spec.diagnostics import Diagnostic, SpecError
from spec.protocol import (
    Broadcast,
    Call,
    Event,
    Fault,
    FaultKind,
    For,
    Handler,
    If,
    Network,
    OnInput,
    OnMessage,
    OnStart,
    OnTimeout,
    ProcessKind,
    Property,
    PropertyKind,
    Protocol,
    Send,
    Statement,
)
from spec.source import NOWHERE, Source, Span
from spec.types import EnumType, MapType, OptionType, Type

RESETTING_FAULTS = (FaultKind.RESTART, FaultKind.CRASH, FaultKind.DISK_LOSS)
"""The faults after which a process has forgotten something."""
STEPPING_FAULTS = (*RESETTING_FAULTS, FaultKind.PARTITION)
"""The faults that are steps of an untimed model. Where there is time, a pause is one, too."""


@dataclass(frozen=True)
class Instance:
    """`sizes` has an entry for each kind. `variable_caps` (by kind and variable) and `argument_caps` (by message and
    position) are the largest value of each place that holds a `nat`; a step that passes one is not taken.
    `token_cap` is the largest token with which a process may lead. `channel` is a link's capacity, where the network
    is no growing set. The clocks of a protocol with time are variables, see `spec.clocks`. `left_out` are the
    properties that are stated without some fault that may happen here."""

    protocol: Protocol
    sizes: tuple[int, ...]
    variable_caps: Mapping[tuple[str, str], int]
    argument_caps: Mapping[tuple[str, int], int]
    token_cap: int
    network: Network
    faults: tuple[Fault, ...]
    channel: int
    left_out: tuple[Property, ...] = ()

    def size(self, kind: str) -> int:
        """The number of processes of a kind."""
        return next(size for k, size in zip(self.protocol.kinds, self.sizes, strict=True) if k.name == kind)

    def has(self, kind: FaultKind) -> bool:
        """Whether a fault may happen at all."""
        return any(fault.kind is kind for fault in self.faults)

    def befalls(self, to: str, *kinds: FaultKind) -> bool:
        """Whether a fault of some kinds may happen to the processes of one kind."""
        return any(fault.kind in kinds and fault.happens_to(to) for fault in self.faults)

    @property
    def steps_of_faults(self) -> tuple[Fault, ...]:
        """The faults that are steps of their own, in the order in which they are declared."""
        stepping = STEPPING_FAULTS if self.protocol.clocks is None else (*STEPPING_FAULTS, FaultKind.PAUSE)
        return tuple(fault for fault in self.faults if fault.kind in stepping)


class InexpressibleError(SpecError):
    """A construct that the language of an export, or this exporter, cannot express. `construct` names it."""

    def __init__(self, source: Source, construct: str, reason: str, span: Span) -> None:
        super().__init__(source, (Diagnostic("E0701", f"{construct} cannot be exported: {reason}", span, "here"),))
        self.construct = construct
        self.span = span


# Handlers ------------------------------------------------------------------------------------------------------------


def alternatives(protocol: Protocol, kind: str, event: Event) -> tuple[Handler, ...]:
    """The handlers that an event of a process of a kind may run: the first whose guard holds does."""
    if isinstance(event, OnMessage):
        return receptions(protocol, event.message)
    return tuple(h for h in protocol.handlers if h.kind == kind and h.event == event)


def starts(protocol: Protocol, kind: str) -> tuple[Handler, ...]:
    """The `on start` handlers of a kind."""
    return alternatives(protocol, kind, OnStart())


def timeouts(protocol: Protocol, kind: str, timer: str) -> tuple[Handler, ...]:
    """The handlers of a timer's firing."""
    return alternatives(protocol, kind, OnTimeout(timer))


def receptions(protocol: Protocol, message: str) -> tuple[Handler, ...]:
    """The handlers of a message."""
    return tuple(h for h in protocol.handlers if isinstance(h.event, OnMessage) and h.event.message == message)


def quorum_name(protocol: Protocol, kind: str) -> str | None:
    """The definition that says which sets of processes of a kind are quorums, if the protocol has one."""
    names = {definition.name for definition in protocol.definitions}
    return next((name for name in (f"quorum:{kind}", "quorum") if name in names), None)


def properties(protocol: Protocol, *kinds: PropertyKind) -> tuple[Property, ...]:
    """The protocol's properties of some kinds, in its order."""
    return tuple(p for p in protocol.properties if p.kind in kinds)


def enumerations(protocol: Protocol) -> tuple[EnumType, ...]:
    """Every enumeration, the named ones first; those written out in place are told apart by their values."""
    found: dict[tuple[str, ...], EnumType] = {of.values: of for of in protocol.types}

    def look(of: Type) -> None:
        match of:
            case EnumType():
                found.setdefault(of.values, of)
            case OptionType(inner) | MapType(_, inner):
                look(inner)
            case _:
                pass

    for kind in protocol.kinds:
        for variable in kind.variables:
            look(variable.type)
    for message in protocol.messages:
        for _, of in message.parameters:
            look(of)
    for handler in protocol.handlers:
        if isinstance(handler.event, OnMessage | OnInput):
            for parameter in handler.event.parameters:
                look(parameter.type)
    named = [*(p.parameters for p in protocol.procedures), *(d.parameters for d in protocol.definitions)]
    for parameters in named:
        for parameter in parameters:
            look(parameter.type)
    return tuple(found.values())


def enumeration_owner(protocol: Protocol, of: EnumType) -> str:
    """A name for an enumeration: its own, or that of the first place that has it."""
    if of.name:
        return of.name
    places = [(variable.name, variable.type) for kind in protocol.kinds for variable in kind.variables]
    places += [parameter for message in protocol.messages for parameter in message.parameters]
    for name, place in places:
        inner = place.value if isinstance(place, MapType) else place
        inner = inner.of if isinstance(inner, OptionType) else inner
        if isinstance(inner, EnumType) and inner.values == of.values:
            return name
    return "choice"


def durable_and_volatile(kind: ProcessKind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of a kind's variables that a crash keeps, and of those that it resets."""
    durable = tuple(v.name for v in kind.variables if v.durable)
    return durable, tuple(v.name for v in kind.variables if not v.durable)


def broadcast_only(instance: Instance) -> frozenset[str]:
    """The messages of a growing set that are never sent to one process."""
    protocol = instance.protocol
    if not instance.network.is_growing_set:
        return frozenset()
    sent: set[str] = set()

    def look(statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            match statement:
                case Send():
                    sent.add(statement.message)
                case If():
                    for arm in statement.arms:
                        look(arm.body)
                case For():
                    look(statement.body)
                case Broadcast() | _:
                    pass

    for part in (*(h.body for h in protocol.handlers), *(p.body for p in protocol.procedures)):
        look(part)
    return frozenset(m.name for m in protocol.messages if m.name not in sent)


def slots(instance: Instance) -> int:
    """How many messages a link must be able to hold: the first step may put more there than the bound allows."""
    protocol = instance.protocol
    begun = [_most(handler.body, instance) for kind in protocol.kinds for handler in starts(protocol, kind.name)]
    return max(instance.channel, 1, *begun)


def _most(these: tuple[Statement, ...], instance: Instance) -> int:
    """The most messages that statements can put on one link."""
    total = 0
    for statement in these:
        match statement:
            case Send() | Broadcast():
                total += 1
            case If():
                total += max(_most(arm.body, instance) for arm in statement.arms)
            case For():
                total += instance.size(kind_of(statement.domain.type)) * _most(statement.body, instance)
            case Call():
                total += _most(instance.protocol.procedure(statement.procedure).body, instance)
            case _:
                pass
    return total


# Text ----------------------------------------------------------------------------------------------------------------


class Names:
    """Hands out identifiers, each once. `reserved` are taken from the start; capitals make no difference, so that no
    reader of either language can confuse two of them."""

    def __init__(self, reserved: Iterable[str], outer: Names | None = None) -> None:
        self._taken = {name.lower() for name in reserved}
        self._outer = outer
        self._inside: set[str] = set()

    def new(self, wanted: str) -> str:
        """The wanted name, made an identifier and, where it is taken, told apart by a number."""
        base = "".join(c if c.isascii() and (c.isalnum() or c == "_") else "_" for c in wanted)
        base = base if base[:1].isalpha() else f"x_{base}"
        name, number = base, 1
        while self._knows(name.lower()) or name.lower() in self._inside:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name.lower())
        outer = self._outer
        while outer is not None:
            outer._inside.add(name.lower())
            outer = outer._outer
        return name

    def within(self) -> Names:
        """A scope inside this one. Two such scopes may use one name; neither uses a name from outside, nor will a
        name given outside later be one of theirs."""
        return Names((), self)

    def _knows(self, name: str) -> bool:
        return name in self._taken or (self._outer is not None and self._outer._knows(name))


def quote(source: Source, span: Span) -> tuple[str, ...]:
    """The whole lines of the spec that a span begins on and goes on over, with the lines further in that follow: a
    handler's header brings its body. Without the indentation they share; none for NOWHERE."""
    if span == NOWHERE or not source.text:
        return ()
    first = source.line(span.line)
    indent = len(first) - len(first.lstrip())
    lines = [first]
    for line in source.lines[span.line :]:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        lines.append(line)
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    return tuple(line[indent:].rstrip() for line in lines)


def assumptions(instance: Instance) -> tuple[str, ...]:
    """What is assumed of faults and of time, and which properties are left out, as lines for a comment."""
    protocol, clocks = instance.protocol, instance.protocol.clocks
    listed = [fault for fault in instance.faults if fault in instance.steps_of_faults or clocks is not None]
    lines = [f"faults: {', '.join(str(fault) for fault in listed) or 'none'}"]
    if clocks is not None:
        lines += described_time(clocks, drifts=instance.has(FaultKind.DRIFT))
    lines += [told_left_out(prop, instance) for prop in instance.left_out]
    for prop in properties(protocol, PropertyKind.RECOVERS, PropertyKind.LEADS_TO):
        lines.append(f"not exported: {prop.kind.value} {prop.name} ({place(protocol.source, prop.span)})")
    return tuple(lines)


def told_left_out(prop: Property, instance: Instance) -> str:
    """That a property is left out, and without which of the faults it is stated."""
    here = {fault.kind for fault in instance.faults if fault.up_to != 0}
    without = ", ".join(kind.value for kind in FaultKind if kind in prop.without & here)
    return f"left out: {prop.name}, stated without {without} ({place(instance.protocol.source, prop.span)})"


def place(source: Source, span: Span) -> str:
    """`raft.elect:12`, for a comment; empty for NOWHERE."""
    return "" if span == NOWHERE else f"{source.name}:{span.line}"
