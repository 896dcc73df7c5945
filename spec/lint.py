"""What is wrong with a protocol as a whole, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from graphlib import CycleError, TopologicalSorter

from spec.diagnostics import Diagnostic
from spec.lint_writes import unseen_writes
from spec.protocol import (
    Apply,
    Armed,
    Broadcast,
    Call,
    FaultKind,
    Handler,
    OnAction,
    OnInput,
    OnMessage,
    OnStart,
    OnTimeout,
    Procedure,
    Property,
    Protocol,
    Read,
    Reset,
    Self,
    Send,
    Statement,
    Up,
)
from spec.source import NOWHERE


def problems_of_structure(protocol: Protocol) -> Iterator[Diagnostic]:
    """Errors that only show when everything is known."""
    yield from _recursion(protocol)
    yield from _repeated(protocol)


def warnings_about(protocol: Protocol) -> Iterator[Diagnostic]:
    """Warnings: what can never run, and what nothing reads."""
    yield from _messages(protocol)
    yield from _timers(protocol)
    yield from _unread(protocol)
    yield from _unused(protocol)
    yield from _volatile_votes(protocol)
    yield from unseen_writes(protocol)
    yield from _drift_of_nothing(protocol)
    if protocol.leader is None and not protocol.properties:
        yield Diagnostic(
            "W0608",
            "nothing is claimed, so nothing can be found wrong",
            protocol.kinds[0].span,
            "",
            "add `leader if ... with token ...`, or a `safety` property",
        )


def nodes(whole: object) -> Iterator[object]:
    """Everything within a part of a protocol, the part itself first."""
    yield whole
    if isinstance(whole, tuple):
        for part in whole:
            yield from nodes(part)
    elif is_dataclass(whole) and not isinstance(whole, type):
        for field in fields(whole):
            value = getattr(whole, field.name)
            if isinstance(value, tuple) or is_dataclass(value):
                yield from nodes(value)


def bodies(protocol: Protocol, kind: str) -> tuple[tuple[Statement, ...], ...]:
    """The bodies of all handlers and procedures of a kind."""
    handlers = tuple(handler.body for handler in protocol.handlers if handler.kind == kind)
    return (*handlers, *(procedure.body for procedure in protocol.procedures if procedure.kind == kind))


def _recursion(protocol: Protocol) -> Iterator[Diagnostic]:
    calls = {
        procedure.name: sorted({part.procedure for part in nodes(procedure.body) if isinstance(part, Call)})
        for procedure in protocol.procedures
    }
    try:
        TopologicalSorter(calls).prepare()
    except CycleError as cycle:
        names: list[str] = list(reversed(cycle.args[1]))
        span = protocol.procedure(names[0]).span
        yield Diagnostic(
            "E0402",
            f"`{names[0]}` calls itself",
            span,
            " -> ".join(names),
            "a step must end: procedures are not recursive",
        )


def _event_key(handler: Handler) -> tuple[str, str, str]:
    match handler.event:
        case OnStart():
            return handler.kind, "start", ""
        case OnTimeout(timer):
            return handler.kind, "timeout", timer
        case OnMessage(message, _, _):
            return handler.kind, "message", message
        case OnAction(name) | OnInput(name, _):
            return handler.kind, "action", name


def _repeated(protocol: Protocol) -> Iterator[Diagnostic]:
    """Handlers after one that always runs; actions and inputs have one handler each."""
    first: dict[tuple[str, str, str], Handler] = {}
    closed: dict[tuple[str, str, str], Handler] = {}
    for handler in protocol.handlers:
        key = _event_key(handler)
        if key in first and key[1] == "action":
            yield Diagnostic(
                "E0209", f"`{key[2]}` is declared twice", handler.span, f"first on line {first[key].span.line}"
            )
        elif key in closed:
            yield Diagnostic(
                "E0405",
                "this handler never runs",
                handler.span,
                f"the one on line {closed[key].span.line} takes every such event",
                "handlers of one event are tried in the order of the text; give the first one an `if`",
            )
        first.setdefault(key, handler)
        if handler.guard is None:
            closed.setdefault(key, handler)


def _bodies(protocol: Protocol) -> tuple[Handler | Procedure, ...]:
    return (*protocol.handlers, *protocol.procedures)


def _messages(protocol: Protocol) -> Iterator[Diagnostic]:
    sent = {p.message for body in _bodies(protocol) for p in nodes(body.body) if isinstance(p, Send | Broadcast)}
    handled = {h.event.message for h in protocol.handlers if isinstance(h.event, OnMessage)}
    for message in protocol.messages:
        if message.name in handled and message.name not in sent:
            yield Diagnostic(
                "W0601", f"nothing sends `{message.name}`, so its handler can never run", message.span, "never sent"
            )
        elif message.name not in handled and message.name in sent:
            yield Diagnostic("W0602", f"nothing handles `{message.name}`", message.span, "sent in vain")
        elif message.name not in handled:
            yield Diagnostic("W0602", f"nothing sends or handles `{message.name}`", message.span, "not used")


def _timers(protocol: Protocol) -> Iterator[Diagnostic]:
    for kind in protocol.kinds:
        bodies = [body for body in _bodies(protocol) if body.kind == kind.name]
        reset = {p.timer for body in bodies for p in nodes(body.body) if isinstance(p, Reset)}
        handled = {h.event.timer for h in bodies if isinstance(h, Handler) and isinstance(h.event, OnTimeout)}
        for timer in kind.timers:
            if timer.name not in reset:
                yield Diagnostic(
                    "W0603",
                    f"nothing resets `{timer.name}`, so it can never fire",
                    timer.span,
                    "never armed",
                    f"`reset {timer.name}` in `on start`, perhaps",
                )
            elif timer.name not in handled:
                yield Diagnostic("W0603", f"nothing happens when `{timer.name}` fires", timer.span, "no `on timeout`")


def _unread(protocol: Protocol) -> Iterator[Diagnostic]:
    used = [h.guard for h in protocol.handlers if h.guard is not None], [b.body for b in _bodies(protocol)]
    by_handlers = reads(protocol, tuple(used[0]) + tuple(used[1]))
    elsewhere: tuple[object, ...] = (*protocol.properties, *((protocol.leader,) if protocol.leader else ()))
    anywhere = by_handlers | reads(protocol, elsewhere)
    for kind in protocol.kinds:
        for variable in kind.variables:
            place = (kind.name, variable.name)
            if place not in anywhere:
                yield Diagnostic("W0604", f"nothing reads `{variable.name}`", variable.span, "never read")
            elif variable.durable and place not in by_handlers:
                yield Diagnostic(
                    "W0605",
                    f"`{variable.name}` is durable, but no handler reads it",
                    variable.span,
                    "stored in vain",
                    "a node stores it before every message that leaves; what only a property reads need not be durable",
                )


def reads_of_step(protocol: Protocol, claim: Property) -> frozenset[tuple[str, str]]:
    """What a step property reads, by kind and variable or timer; `up` stands for whether a process is up.

    The property is judged on steps that change some of this, for some process: `[P]_v` in the terms of TLA. So it
    says nothing of steps that it cannot see, and none that changes but a message or a forgotten value can fail it."""
    return frozenset(reads(protocol, (claim.expression,)))


def reads(protocol: Protocol, whole: tuple[object, ...]) -> set[tuple[str, str]]:
    """What parts of a protocol read, definitions that they apply included: see `reads_of_step`."""
    found: set[tuple[str, str]] = set()
    for part in nodes(whole):
        if isinstance(part, Read):
            found.add((getattr(part.process.type, "kind", ""), part.variable))
        if isinstance(part, Armed):
            found.add((getattr(part.process.type, "kind", ""), part.timer))
        if isinstance(part, Up):
            found.add((getattr(part.process.type, "kind", ""), "up"))
        if isinstance(part, Apply):
            found |= reads(protocol, (protocol.definition(part.definition).body,))
    return found


def _unused(protocol: Protocol) -> Iterator[Diagnostic]:
    statements: tuple[Statement, ...] = tuple(s for body in _bodies(protocol) for s in body.body)
    called = {part.procedure for part in nodes(statements) if isinstance(part, Call)}
    for procedure in protocol.procedures:
        if procedure.name not in called:
            yield Diagnostic("W0606", f"nothing calls `{procedure.name}`", procedure.span, "never used")
    whole = (protocol.handlers, protocol.procedures, protocol.properties, protocol.leader or (), protocol.definitions)
    applied = {part.definition for part in nodes(whole) if isinstance(part, Apply)}
    for definition in protocol.definitions:
        if definition.name not in applied and definition.span != NOWHERE and definition.name != "quorum":
            yield Diagnostic("W0606", f"nothing uses `{definition.name}`", definition.span, "never used")


def _volatile_votes(protocol: Protocol) -> Iterator[Diagnostic]:
    """What an election rests on must survive a restart of whoever voted."""
    leader = protocol.leader
    whole: list[object] = [] if leader is None or leader.elected_by is None else [leader.elected_by]
    while whole:
        for part in nodes(whole.pop()):
            if isinstance(part, Apply):
                whole.append(protocol.definition(part.definition).body)
            if not isinstance(part, Read) or isinstance(part.process, Self):
                continue
            kind = protocol.kind(getattr(part.process.type, "kind", ""))
            if not kind.variable(part.variable).durable:
                yield Diagnostic(
                    "W0609",
                    f"an election rests on `{part.variable}`, which a restart forgets",
                    part.span,
                    "not durable",
                    "a voter that forgets its vote may vote twice: declare it `durable`",
                )


def _drift_of_nothing(protocol: Protocol) -> Iterator[Diagnostic]:
    """Clocks that drift, and nothing says by how much."""
    timing = protocol.timing
    if timing is None or timing.drift is not None or timing.offset:
        return
    for fault in protocol.faults:
        if fault.kind is FaultKind.DRIFT:
            help = "say how much in `timed`: `drift 1 in 10`, or `offset 1 s`"
            yield Diagnostic("W0611", "clocks drift, and nothing says by how much", fault.span, "they are true", help)
