"""What one process does in a step, by the reference semantics, each step evaluated once: runs repeat their states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import msgspec

from modelcheck.conformance.recorded import Address, BadValue, Line, packet_of, state_of, values_of_types
from modelcheck.model import Model, Name, Packet, ProcessState, State, Step, StepKind
from modelcheck.semantics import (
    Handled,
    crashed,
    leads,
    on_packet,
    on_request,
    on_start,
    on_timeout,
    process_at_first,
    values_of,
)
from spec.protocol import FaultKind, OnInput

Event = tuple[str | Address, bytes]
"""What happens to a process, as lines say it: who sent which message; or what it is, with a timer's name or with
arguments, in brackets."""

Sent = tuple[str, int, bytes]
"""Whom a message was sent to, and what it says, as lines say it."""


@dataclass(slots=True)
class Expected:
    """What a step leads to. `after` is a number of `Numbered`; `token` is that with which the process leads then.
    `as_sent` is what lines said that were found to say the same as `sent`."""

    step: Step
    after: int
    sent: tuple[Packet, ...]
    token: int | None
    as_sent: tuple[Sent, ...] | None = None


@dataclass
class Numbered:
    """The states of the processes of a kind, each with a number."""

    values: list[ProcessState] = field(default_factory=list)
    by_value: dict[ProcessState, int] = field(default_factory=dict)
    by_text: dict[bytes, int] = field(default_factory=dict)

    def number(self, state: ProcessState) -> int:
        found = self.by_value.setdefault(state, len(self.values))
        if found == len(self.values):
            self.values.append(state)
        return found


@dataclass
class Local:
    """A process, and what is known of its steps."""

    model: Model
    name: Name
    states: Numbered
    names: dict[Address, Name]
    known: dict[tuple[int, Event], Expected] = field(default_factory=dict)

    def recorded(self, text: bytes) -> int:
        """The number of a state that a line has. Raises BadValue."""
        found = self.states.by_text.get(text)
        if found is None:
            found = self.states.number(state_of(self.model, self.name.kind, text))
            self.states.by_text[text] = found
        return found

    def expected(self, before: int, event: Event) -> Expected | str:
        """What an event leads to, or why it cannot happen. Raises BadValue for what is no event of the protocol."""
        found = self.known.get((before, event))
        if found is None:
            made = self._made(self.states.values[before], event)
            if isinstance(made, str):
                return made
            found = self.known[before, event] = made
        return found

    def _made(self, state: ProcessState, event: Event) -> Expected | str:
        what, detail = event
        if isinstance(what, tuple):
            return self.taken(*self.received(state, packet_of(self.model, self.names[what], self.name, detail)))
        if what == "start" and not detail:
            return self.taken(*self.started(state))
        if what == "timeout" and not detail.startswith(b"["):
            timer = detail.decode()
            if (self.name.kind, timer) not in self.model.timer_index:
                raise BadValue(f"a {self.name.kind} has no timer `{timer}`")
            handled = on_timeout(self.model, self.name, state, timer)
            if handled is None:
                return f"the timer {timer} is not armed"
            return self.taken(Step(StepKind.TIMEOUT, self.name, timer), handled)
        given = msgspec.json.decode(detail)
        for declared in self.model.spontaneous[self.name.kind]:
            if declared.name == what:
                types = [p.type for p in declared.parameters] if isinstance(declared, OnInput) else []
                arguments = values_of_types(self.model, given, types)
                kind = StepKind.INPUT if isinstance(declared, OnInput) else StepKind.ACTION
                step = Step(kind, self.name, what, arguments)
                return self.taken(step, on_request(self.model, self.name, state, declared, arguments))
        raise BadValue(f"a {self.name.kind} has no event `{what}`")

    def received(self, state: ProcessState, packet: Packet) -> tuple[Step, Handled]:
        return Step(StepKind.DELIVER, self.name, packet=packet), on_packet(self.model, state, packet)

    def started(self, state: ProcessState) -> tuple[Step, Handled]:
        return Step(StepKind.ACTION, self.name, "start"), on_start(self.model, self.name, state)

    def taken(self, step: Step, handled: Handled) -> Expected | str:
        """A step that the semantics takes; why it does not, where it fails."""
        if handled.process is None:
            assert handled.failure is not None
            return f"the step fails: {handled.failure.reason}"
        return Expected(step, self.states.number(handled.process), handled.sent, self.token(handled.process))

    def token(self, state: ProcessState) -> int | None:
        """With which token the process leads in a state. That depends on its own variables alone."""
        if self.model.protocol.leader is None or self.model.protocol.leader.kind != self.name.kind:
            return None
        processes = tuple((state,) * size for size in self.model.sizes)
        return leads(self.model, State(processes, frozenset(), frozenset(), (), (), frozenset()), self.name)

    def at_first(self) -> int:
        """The state before the very first step."""
        return self.states.number(process_at_first(self.model, self.name))

    def restarts(self, state: int) -> list[tuple[StepKind, int]]:
        """What a crash may leave of a state, by the faults of the spec: the state before the first step after it."""
        kinds = {fault.kind for fault in self.model.faults}
        declared, before = self.model.kinds[self.name.kind], self.states.values[state]
        found = []
        if kinds & {FaultKind.RESTART, FaultKind.CRASH}:
            kept = crashed(self.model, declared, before, disk=False, up=True)
            found.append((StepKind.RESTART, self.states.number(kept)))
        if FaultKind.DISK_LOSS in kinds:
            found.append((StepKind.DISK_LOSS, self.at_first()))
        return found

    def own(self, before: int) -> Iterator[Expected]:
        """All steps that are possible in a state without a message: timers first."""
        state = self.states.values[before]
        found: list[Expected | str] = []
        for timer in self.model.kinds[self.name.kind].timers:
            handled = on_timeout(self.model, self.name, state, timer.name)
            found += [self.taken(Step(StepKind.TIMEOUT, self.name, timer.name), handled)] if handled is not None else []
        for event in self.model.spontaneous[self.name.kind]:
            parameters = event.parameters if isinstance(event, OnInput) else ()
            kind = StepKind.INPUT if isinstance(event, OnInput) else StepKind.ACTION
            for arguments in product(*(values_of(self.model, parameter.type) for parameter in parameters)):
                step = Step(kind, self.name, event.name, arguments)
                found.append(self.taken(step, on_request(self.model, self.name, state, event, arguments)))
        yield from (one for one in found if isinstance(one, Expected))


def event_of(line: Line, first: bool) -> Event:
    """What a line says that happened; `first` for the first line of a run. Raises BadValue."""
    if line.sender is not None:
        if line.event != "receive" or line.letter is None or not line.message or line.name or line.arguments:
            raise BadValue("a receipt has a `letter` and a `message`, and nothing but a receipt has a sender")
        return line.sender, bytes(line.message)
    if line.message or (line.letter is not None) != first:
        raise BadValue("a `letter` belongs to a receipt, or to the first step of a run, and a `message` to a receipt")
    if first and not (line.name or line.arguments):
        return line.event, b""
    if line.event == "timeout" and line.name and not line.arguments:
        return "timeout", line.name.encode()
    arguments = bytes(line.arguments) or b"[]"
    if line.name or not arguments.startswith(b"["):
        raise BadValue(f"`{line.event}` is no event with what this line says of it")
    return line.event, arguments
