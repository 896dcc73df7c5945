"""Time made explicit: a `timed` protocol as one whose clocks are variables.

Time is discrete. What a timer, a pause and a message's delay have to do with it is written into the protocol itself,
so that whoever reads a `Protocol` reads time as it reads anything else:

- each timer has a variable that counts the ticks since it was reset, -1 where it is not armed;
- each process that may be paused has a variable that says whether it is, and one for how long, where that has a limit;
- each message has one more argument, its age, where delays have a limit.

What is left to do is in `Protocol.clocks`: a *tick*, in which all of them count on at once, and which may not be where
somebody must act first; and that a timer fires no sooner than its shortest duration, and a paused process does nothing.

Why counting whole ticks loses nothing: all limits are closed intervals with whole ends, rounded outwards, so that each
behaviour in dense time, with its moments rounded to whole ticks, is one that takes the same steps in the same order
(Henzinger, Manna and Pnueli, "What good are digital clocks?", 1992). A clock that drifts is no other clock, but other
limits: at a rate between 1 - r and 1 + r, what its process takes for `d` takes from `d / (1 + r)` to `d / (1 - r)` of
true time. Each reset may have another rate, which covers a clock whose rate varies.

A count stays finite: a handler asks nothing but whether it has reached a limit, and a property compares it with
numbers; so it stops above the largest of these. What compares two counts is judged only where neither can get beyond
its timer's longest duration: while a process is paused, its timers are armed for any time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from spec.clock_limits import LASTED, NOT_ARMED, PAUSED, Untimed, clocks_of, elapsed_variable
from spec.diagnostics import Diagnostic
from spec.protocol import (
    Arithmetic,
    Assert,
    Assign,
    Broadcast,
    Clocks,
    Compare,
    Comparison,
    Constant,
    CoveragePoint,
    Elapsed,
    Fault,
    For,
    Handler,
    If,
    Local,
    Message,
    Network,
    OnMessage,
    OnTimeout,
    Operator,
    Paused,
    ProcessKind,
    Protocol,
    Read,
    Reset,
    Self,
    Send,
    Statement,
    Stop,
    Underway,
    Variable,
)
from spec.source import Span
from spec.types import BOOL, IntType, ProcessType

AGE = "age"


def hidden_variables(kind: ProcessKind) -> tuple[str, ...]:
    """The names that the clocks of a kind take."""
    return (*(elapsed_variable(timer.name) for timer in kind.timers), PAUSED, LASTED)


def in_words_of_time(text: str, protocol: Protocol) -> str:
    """What was shown of the variables of clocks as a spec asks for it: `elapsed(lease)`, `paused(client1)`. It has no
    variables of its own with these names."""
    if protocol.clocks is None:
        return text
    for clock in protocol.clocks.timers:
        text = re.sub(rf"\b{clock.variable}\b", f"elapsed({clock.timer})", text)
    return re.sub(rf"\b(\w+)\.{PAUSED}\b", r"paused(\1)", text) if protocol.clocks.pauses else text


def with_clocks(protocol: Protocol, faults: tuple[Fault, ...], network: Network | None = None) -> Protocol:
    """The protocol with its clocks as variables, under some faults; as it is where it is not timed or has them already.

    Raises Untimed."""
    if protocol.timing is None or protocol.clocks is not None:
        return protocol
    clocks = clocks_of(protocol, protocol.timing, faults)
    if clocks.delay is not None and (network or protocol.network).is_growing_set:
        raise Untimed(
            Diagnostic(
                "E0509",
                "delays have no limit where the network both duplicates and reorders",
                protocol.timing.span,
                "what was sent may arrive again at any time",
                "`network: loss` keeps messages in order, as connections do; or leave `delay` out",
            )
        )
    rewriting = _Rewriting(protocol, clocks)
    return replace(
        protocol,
        kinds=tuple(_with_variables(kind, clocks) for kind in protocol.kinds),
        messages=tuple(_with_age(message, clocks) for message in protocol.messages),
        definitions=rewriting.of(protocol.definitions),
        procedures=tuple(replace(one, body=rewriting.body(one.body, one.kind)) for one in protocol.procedures),
        handlers=tuple(rewriting.handlers()),
        leader=rewriting.of(protocol.leader),
        properties=rewriting.of(protocol.properties),
        points=(*protocol.points, CoveragePoint("nothing handles a timer that fires", True)),
        clocks=clocks,
    )


def without_time(protocol: Protocol) -> Protocol:
    """The protocol in which an armed timer may fire at any moment, and nothing counts: what its handlers do, whenever
    that is. Its properties are left out, since they may ask for time."""
    if protocol.timing is None:
        return protocol
    handlers, procedures = mapped((protocol.handlers, protocol.procedures), _uncounted)
    return replace(protocol, timing=None, properties=(), handlers=handlers, procedures=procedures)


def _uncounted(part: Any) -> Any:
    return replace(part, since=None) if isinstance(part, Reset) else part


# The protocol written anew -------------------------------------------------------------------------------------------


def _with_variables(kind: ProcessKind, clocks: Clocks) -> ProcessKind:
    largest = {(clock.kind, clock.timer): clock.top for clock in clocks.timers}
    counts = tuple(
        Variable(
            elapsed_variable(timer.name),
            IntType(NOT_ARMED, largest[kind.name, timer.name]),
            NOT_ARMED,
            False,
            timer.span,
        )
        for timer in kind.timers
        if (kind.name, timer.name) in largest
    )
    pause = clocks.pause(kind.name)
    paused: tuple[Variable, ...] = ()
    if pause is not None:
        paused = (Variable(pause.variable, BOOL, False, False, kind.span),)
        if pause.lasted is not None:
            paused += (Variable(pause.lasted, IntType(0, pause.longest), 0, False, kind.span),)
    return replace(kind, variables=(*kind.variables, *counts, *paused))


def _with_age(message: Message, clocks: Clocks) -> Message:
    if clocks.delay is None:
        return message
    return replace(message, parameters=(*message.parameters, (AGE, IntType(0, clocks.delay))))


class _Rewriting:
    """Handlers and expressions of a protocol with its clocks as variables."""

    def __init__(self, protocol: Protocol, clocks: Clocks) -> None:
        self.protocol = protocol
        self.clocks = clocks
        self.largest = {(clock.kind, clock.timer): clock.top for clock in clocks.timers}
        self.identity = 1 + max(_identities(protocol), default=0)

    def handlers(self) -> Iterator[Handler]:
        """All handlers; for each timer one more at the end, for whatever the others leave."""
        written = self.protocol.handlers
        for handler in written:
            event, body = handler.event, self.body(handler.body, handler.kind)
            match event:
                case OnTimeout(timer) if (handler.kind, timer) in self.largest:
                    body = (self._count(handler.kind, timer, None), *body)
                case OnMessage() if self.clocks.delay is not None:
                    event = replace(event, parameters=(*event.parameters, self._age()))
            yield replace(handler, event=event, guard=self.of(handler.guard), body=body)
        for clock in self.clocks.timers:
            event = OnTimeout(clock.timer)
            same = [one for one in written if one.kind == clock.kind and one.event == event]
            if all(one.guard is not None for one in same):
                cleared = (self._count(clock.kind, clock.timer, None),)
                yield Handler(clock.kind, event, None, cleared, len(self.protocol.points))

    def body(self, body: tuple[Statement, ...], kind: str) -> tuple[Statement, ...]:
        return tuple(one for statement in body for one in self._statement(statement, kind))

    def _statement(self, statement: Statement, kind: str) -> Iterator[Statement]:
        match statement:
            case Reset(timer, since=None) | Stop(timer) if (kind, timer) not in self.largest:
                pass
            case Reset(timer, span, None):
                yield replace(self._count(kind, timer, 0), span=span)
            case Reset(timer, span, str(since)):
                yield from self._counted_since(kind, timer, since, span)
            case Stop(timer):
                yield self._count(kind, timer, None)
            case Send() | Broadcast() if self.clocks.delay is not None:
                young = Constant(0, IntType(0, self.clocks.delay), statement.span)
                yield replace(statement, arguments=(*self.of(statement.arguments), young))
                return
            case If(arms, span):
                yield If(
                    tuple(
                        replace(arm, condition=self.of(arm.condition), body=self.body(arm.body, kind)) for arm in arms
                    ),
                    span,
                )
                return
            case For():
                yield replace(statement, domain=self.of(statement.domain), body=self.body(statement.body, kind))
                return
        yield self.of(statement) if not isinstance(statement, Reset) else replace(statement, since=None)

    def _count(self, kind: str, timer: str, count: int | None) -> Assign:
        of = IntType(NOT_ARMED, self.largest[kind, timer])
        return Assign(elapsed_variable(timer), None, Constant(NOT_ARMED if count is None else count, of))

    def _counted_since(self, kind: str, timer: str, since: str, span: Any) -> Iterator[Statement]:
        """The other timer's count, up to this one's largest; it fails where the other timer is not armed."""
        me = Self(ProcessType(kind), span)
        of = IntType(NOT_ARMED, self.largest[kind, since])
        count = Read(me, elapsed_variable(since), of, span)
        yield Assert(Compare(Comparison.GREATER_EQUAL, count, Constant(0, of), span), span)
        if (kind, timer) not in self.largest:
            return
        largest = self.largest[kind, timer]
        limited: Any = count
        if largest < self.largest[kind, since]:
            most = IntType(NOT_ARMED, largest)
            limited = Arithmetic(Operator.MINIMUM, count, Constant(largest, most), most, span)
        yield Assign(elapsed_variable(timer), None, limited, span)

    def _age(self) -> Local:
        assert self.clocks.delay is not None
        self.identity += 1
        return Local(self.identity, AGE, IntType(0, self.clocks.delay))

    def of(self, part: Any) -> Any:
        """A part of the protocol that is no body, with what it asks of time read from the variables."""

        def changed(one: Any) -> Any:
            match one:
                case Elapsed(process, timer, _, span):
                    kind = process.type.kind  # type: ignore[union-attr]
                    if timer in self.clocks.timing.free:
                        problem = f"`{timer}` is free: nothing counts for how long it has been armed"
                        raise Untimed(Diagnostic("E0509", problem, span, "it has no count"))
                    of = IntType(NOT_ARMED, self.largest[kind, timer])
                    return Read(process, elapsed_variable(timer), of, span)
                case Paused(process, span):
                    kind = process.type.kind  # type: ignore[union-attr]
                    pause = self.clocks.pause(kind)
                    return Constant(False, BOOL, span) if pause is None else Read(process, pause.variable, BOOL, span)
                case Underway() if self.clocks.delay is not None:
                    later = one.later
                    if later is not None:
                        later = (later[0], (*later[1], self._age()))
                    return replace(one, parameters=(*one.parameters, self._age()), later=later)
                case _:
                    return one

        return mapped(part, changed)


def _identities(protocol: Protocol) -> Iterator[int]:
    def seen(part: Any) -> Any:
        if isinstance(part, Local):
            found.append(part.identity)
        return part

    found: list[int] = []
    whole = (protocol.handlers, protocol.procedures, protocol.definitions, protocol.properties, protocol.leader)
    mapped(whole, seen)
    yield from found


def mapped(part: Any, change: Callable[[Any], Any]) -> Any:
    """A part of a protocol with each node within it, the innermost first, replaced by what `change` makes of it."""
    if isinstance(part, tuple):
        return tuple(mapped(one, change) for one in part)
    if not is_dataclass(part) or isinstance(part, type | Span):
        return part
    updates = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, tuple) or (is_dataclass(value) and not isinstance(value, type)):
            new = mapped(value, change)
            if new is not value and new != value:
                updates[field.name] = new
    return change(replace(part, **updates) if updates else part)
