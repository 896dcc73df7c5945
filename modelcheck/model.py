"""What is explored: a protocol with sizes, bounds, a network and faults; its states and its steps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, NamedTuple

from spec.lint import reads_of_step
from spec.protocol import (
    Definition,
    Event,
    Fault,
    FaultKind,
    Handler,
    Message,
    Network,
    OnAction,
    OnInput,
    OnMessage,
    Procedure,
    ProcessKind,
    PropertyKind,
    Protocol,
)
from spec.source import Span
from spec.types import Value


class Name(NamedTuple):
    """A process: its kind and its number within the kind, counted from 0 (and shown counted from 1)."""

    kind: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind}{self.number + 1}"


class Packet(NamedTuple):
    """A message on its way."""

    message: str
    sender: Name
    receiver: Name
    arguments: tuple[Value, ...]


class Link(NamedTuple):
    """What is under way from one process to another, where the network is no growing set: oldest first, or sorted
    where the network reorders. Links with nothing under way are left out of a state."""

    sender: Name
    receiver: Name
    queue: tuple[Packet, ...]


class ProcessState(NamedTuple):
    """Values in the order of the kind's variables, armed in the order of its timers."""

    values: tuple[Value, ...]
    armed: tuple[bool, ...]
    up: bool


class State(NamedTuple):
    """`processes` by kind and index; `packets` or `links`, by the network; `sides` is empty when all are connected,
    else which processes (by kind and index) are cut off from the very first one; `spent` counts the steps of each
    bounded fault, in the protocol's order of faults; `led` holds who has ever led with which token."""

    processes: tuple[tuple[ProcessState, ...], ...]
    packets: frozenset[Packet]
    links: frozenset[Link]
    sides: tuple[tuple[bool, ...], ...]
    spent: tuple[int, ...]
    led: frozenset[tuple[int, int]]


def order_of(value: Value) -> Any:
    """A key by which values of one type are sorted; `none` comes first."""
    match value:
        case None:
            return ()
        case frozenset():
            return (tuple(sorted(value)),)
        case tuple():
            return tuple(order_of(entry) for entry in value)
        case _:
            return (value,)


def packet_order(packet: Packet) -> Any:
    """A key by which packets are sorted: those of a link that keeps no order, and those about to be delivered."""
    return packet.message, order_of(packet.arguments), packet.sender, packet.receiver


def link_order(link: Link) -> Any:
    """A key by which the links of a state are sorted."""
    return link.sender, link.receiver


class StepKind(Enum):
    DELIVER = "deliver"
    DELIVER_AND_KEEP = "deliver a duplicate"
    LOSE = "lose"
    TIMEOUT = "timeout"
    ACTION = "action"
    INPUT = "input"
    RESTART = "restart"
    CRASH = "crash"
    RECOVER = "recover"
    DISK_LOSS = "disk loss"
    PARTITION = "partition"
    HEAL = "heal"
    PAUSE = "pause"
    RESUME = "resume"
    TICK = "tick"


class Step(NamedTuple):
    """One step by name. `process` is who acts (None: the environment); `name` is the timer, action or input;
    `arguments` are an input's; `packet` is what is delivered or lost; `sides` is how the processes are split."""

    kind: StepKind
    process: Name | None = None
    name: str = ""
    arguments: tuple[Value, ...] = ()
    packet: Packet | None = None
    sides: tuple[tuple[bool, ...], ...] = ()


class Failure(NamedTuple):
    """A step that may not happen at all: a value out of its type's range, an assertion that fails, a place reached
    that the spec calls unreachable."""

    reason: str
    span: Span


class Successor(NamedTuple):
    """What a step leads to. `state` is None where the step fails. `beyond` names the bound that the step would
    pass (None: none); such a state is not explored. `taken` are the coverage points that the step takes, `sent` is
    what it sends, in order."""

    step: Step
    state: State | None
    failure: Failure | None
    beyond: str | None
    taken: frozenset[int]
    sent: tuple[Packet, ...]


@dataclass(frozen=True)
class Caps:
    """The largest value of every `nat`, by place; see `modelcheck.bounds`. `declared` are the bounds that the check
    itself names."""

    variables: dict[tuple[str, str], int]
    """By kind and variable (a map's or an option's content, where that is what holds the number)."""
    arguments: dict[tuple[str, int], int]
    """By message and position."""
    token: int
    """The largest token; 0 where nothing leads."""
    declared: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Model:
    """`sizes` has an entry for each kind; `channel` is a link's capacity, where the network is no growing set.
    `only` names the properties to look for, None for all."""

    protocol: Protocol
    sizes: tuple[int, ...]
    caps: Caps
    network: Network
    faults: tuple[Fault, ...]
    channel: int
    only: frozenset[str] | None = None
    lower: Caps | None = None
    """The caps that hold while things may go wrong, where others hold in the calm thereafter; see
    `modelcheck.liveness`."""

    lower_channel: int = 0
    """As `lower`, of links; 0 where it is `channel` itself."""

    @property
    def faulty_caps(self) -> Caps:
        return self.caps if self.lower is None else self.lower

    @cached_property
    def names(self) -> tuple[tuple[Name, ...], ...]:
        return tuple(
            tuple(Name(kind.name, number) for number in range(size))
            for kind, size in zip(self.protocol.kinds, self.sizes, strict=True)
        )

    @cached_property
    def kind_index(self) -> dict[str, int]:
        return {kind.name: index for index, kind in enumerate(self.protocol.kinds)}

    @cached_property
    def variable_index(self) -> dict[tuple[str, str], int]:
        return {(k.name, v.name): i for k in self.protocol.kinds for i, v in enumerate(k.variables)}

    @cached_property
    def timer_index(self) -> dict[tuple[str, str], int]:
        return {(k.name, t.name): i for k in self.protocol.kinds for i, t in enumerate(k.timers)}

    @cached_property
    def kinds(self) -> dict[str, ProcessKind]:
        return {kind.name: kind for kind in self.protocol.kinds}

    @cached_property
    def messages(self) -> dict[str, Message]:
        return {message.name: message for message in self.protocol.messages}

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        return {definition.name: definition for definition in self.protocol.definitions}

    @cached_property
    def procedures(self) -> dict[str, Procedure]:
        return {procedure.name: procedure for procedure in self.protocol.procedures}

    @cached_property
    def handlers(self) -> dict[tuple[str, Event], tuple[Handler, ...]]:
        """The handlers of each start, timeout, action and input of each kind, in the order of the protocol."""
        found: dict[tuple[str, Event], tuple[Handler, ...]] = {}
        for handler in self.protocol.handlers:
            if not isinstance(handler.event, OnMessage):
                key = handler.kind, handler.event
                found[key] = (*found.get(key, ()), handler)
        return found

    @cached_property
    def receivers(self) -> dict[str, tuple[tuple[Handler, OnMessage], ...]]:
        """The handlers of each message, in the order of the protocol, each with its event."""
        found: dict[str, tuple[tuple[Handler, OnMessage], ...]] = dict.fromkeys(self.messages, ())
        for handler in self.protocol.handlers:
            if isinstance(handler.event, OnMessage):
                found[handler.event.message] = (*found[handler.event.message], (handler, handler.event))
        return found

    @cached_property
    def spontaneous(self) -> dict[str, tuple[OnAction | OnInput, ...]]:
        """The actions and inputs of each kind, in the order of the protocol."""
        return {
            kind: tuple(
                handler.event
                for handler in self.protocol.handlers
                if handler.kind == kind and isinstance(handler.event, OnAction | OnInput)
            )
            for kind in self.kinds
        }

    @cached_property
    def bounded_faults(self) -> tuple[Fault, ...]:
        """The faults that are counted, in the order of `State.spent`."""
        stepping = stepping_faults(self.protocol)
        return tuple(f for f in self.faults if f.up_to is not None and f.kind in stepping)

    @cached_property
    def reads_of_steps(self) -> dict[str, frozenset[tuple[str, str]]]:
        """What each step property reads, by its name."""
        claims = (claim for claim in self.protocol.properties if claim.kind is PropertyKind.STEP)
        return {claim.name: reads_of_step(self.protocol, claim) for claim in claims}

    def fault(self, kind: FaultKind) -> Fault | None:
        return next((f for f in self.faults if f.kind is kind), None)

    @property
    def drifts(self) -> bool:
        return self.fault(FaultKind.DRIFT) is not None

    def size(self, kind: str) -> int:
        return self.sizes[self.kind_index[kind]]


STEPPING_FAULTS = (FaultKind.RESTART, FaultKind.CRASH, FaultKind.DISK_LOSS, FaultKind.PARTITION)
"""Faults that are steps of their own in every model. A pause or a drifting clock adds nothing to an untimed one: every
process may be slow for any time as it is."""


def stepping_faults(protocol: Protocol) -> tuple[FaultKind, ...]:
    """The faults that are steps of their own. Drift is none where there is time, either: it moves the limits."""
    return (*STEPPING_FAULTS, FaultKind.PAUSE) if protocol.clocks is not None else STEPPING_FAULTS
