"""How far the clocks of a `timed` protocol count: between which limits a timer fires, and where its count stops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final

from spec.diagnostics import Diagnostic
from spec.protocol import (
    Apply,
    Clocks,
    Compare,
    Constant,
    Elapsed,
    Fault,
    FaultKind,
    If,
    PauseClock,
    Protocol,
    Reset,
    Statement,
    Timer,
    TimerClock,
    Timing,
)
from spec.source import Span

PAUSED: Final = "paused"
LASTED: Final = "paused_for"
NOT_ARMED: Final = -1


class Untimed(Exception):
    """Something is asked of time that it cannot give; `problem` says what."""

    def __init__(self, problem: Diagnostic) -> None:
        super().__init__(problem.message)
        self.problem = problem


def elapsed_variable(timer: str) -> str:
    """The variable that counts how long a timer has been armed."""
    return f"elapsed_{timer}"


def true_duration(timer: Timer, timing: Timing, drifts: bool) -> tuple[int, int]:
    """The shortest and the longest true time, in ticks, that a timer lasts, rounded outwards."""
    (low, high), much, whole = timing.duration(timer), 0, 1
    if drifts:
        much, whole = timing.drift or (0, 1)
        low, high = max(low - timing.offset, 0), high + timing.offset
    shortest = low * whole // ((whole + much) * timing.tick)
    return shortest, max(_divided(high * whole, (whole - much) * timing.tick), 1)


def _divided(number: int, by: int) -> int:
    """Rounded upwards."""
    return -(-number // by)


def clocks_of(protocol: Protocol, timing: Timing, faults: tuple[Fault, ...]) -> Clocks:
    """What time does to a protocol under some faults. Raises Untimed."""
    drifting = tuple(fault for fault in faults if fault.kind is FaultKind.DRIFT)
    limits: dict[tuple[str, str], tuple[int, int]] = {}
    for kind in protocol.kinds:
        for timer in (timer for timer in kind.timers if timer.name not in timing.free):
            drifts = any(fault.happens_to(kind.name) for fault in drifting)
            limits[kind.name, timer.name] = true_duration(timer, timing, drifts)
    tops = _tops(protocol, {place: longest for place, (_, longest) in limits.items()}, faults)
    timers = tuple(
        # A timer that is free, and is counted from, never has to fire: its count does not get that far.
        TimerClock(*place, elapsed_variable(place[1]), *limits.get(place, (0, top + 1)), top)
        for place, top in tops.items()
    )
    limit = None if timing.pause is None else _divided(timing.pause, timing.tick)
    pauses = tuple(
        PauseClock(kind.name, PAUSED) if limit is None else PauseClock(kind.name, PAUSED, LASTED, limit)
        for kind in protocol.kinds
        if any(fault.kind is FaultKind.PAUSE and fault.happens_to(kind.name) for fault in faults)
    )
    delay = None if timing.delay is None else _divided(timing.delay, timing.tick)
    return Clocks(timing, timers, pauses, delay)


Place = tuple[str, str]
"""A timer: its kind of process, and its name."""


def _tops(protocol: Protocol, longest: dict[Place, int], faults: tuple[Fault, ...]) -> dict[Place, int]:
    """Where each timer's count stops, by kind and timer: at the longest duration of all those that may be counted from
    its reset, for a paused process cannot fire it in time; above what properties compare it with, where it can get
    there. Free timers are counted where others count from them. Raises Untimed."""
    later = [
        ((kind, statement.since), (kind, statement.timer))
        for kind, body in _bodies(protocol)
        for statement in _statements(body)
        if isinstance(statement, Reset) and statement.since is not None
    ]
    tops = {**longest, **{since: longest.get(since, 0) for since, _ in later}}
    paused = {kind.name for kind in protocol.kinds for f in faults if _pauses(f) and f.happens_to(kind.name)}
    late = {timer for _, timer in later}
    for place, asked in _asked(protocol, faults).items():
        if place in longest and (place[0] in paused or place in late):
            sources = [since for since, timer in later if timer == place]
            bounded = place[0] not in paused and all(one in longest and one not in late for one in sources)
            if asked.else_at is not None and not bounded:
                raise Untimed(_goes_on(place[1], asked.else_at, place[0] in paused))
            exact = [tops[one] for one in sources] if asked.else_at is not None else []
            tops[place] = max(tops[place], asked.number + 1, *exact)
    for _ in later:
        for since, timer in later:
            tops[since] = max(tops[since], tops.get(timer, 0))
    in_order = ((kind.name, timer.name) for kind in protocol.kinds for timer in kind.timers)
    return {place: tops[place] for place in in_order if place in tops}


def _pauses(fault: Fault) -> bool:
    return fault.kind is FaultKind.PAUSE and fault.up_to != 0


@dataclass(frozen=True)
class _Asked:
    """What is asked of a timer's count: the largest number that it is compared with, if any; and where something else
    is asked of it, if anywhere."""

    number: int = NOT_ARMED
    else_at: Span | None = None


def _goes_on(timer: str, at: Span, paused: bool) -> Diagnostic:
    return Diagnostic(
        "E0509",
        f"`elapsed({timer})` is compared with something that is no number",
        at,
        f"it may go on for any time, for {'its process may be paused' if paused else 'it counts from another timer'}",
        "compare it with a number of ticks" + ("; or state this `without pause`" if paused else ""),
    )


def _asked(protocol: Protocol, faults: tuple[Fault, ...]) -> dict[Place, _Asked]:
    """What is asked of counts in properties that are judged under these faults."""
    there_are = {fault.kind for fault in faults if fault.up_to != 0}
    found: dict[Place, _Asked] = {}
    definitions = {one.name: one for one in protocol.definitions}
    waiting: list[Any] = [claim for claim in protocol.properties if not claim.without & there_are]

    def note(of: Elapsed, number: int | None) -> None:
        place = (of.process.type.kind, of.timer)  # type: ignore[union-attr]
        before = found.get(place, _Asked())
        if number is None:
            found[place] = replace(before, else_at=before.else_at or of.span)
        else:
            found[place] = replace(before, number=max(before.number, number))

    while waiting:
        match waiting.pop():
            case Compare(_, Elapsed() as count, Constant(int(number))) | Compare(
                _, Constant(int(number)), Elapsed() as count
            ):
                note(count, number)
                waiting.append(count.process)
            case Elapsed() as count:
                note(count, None)
                waiting.append(count.process)
            case Apply(name) as applied:
                waiting += [applied.process, applied.arguments]
                if name in definitions:  # each is looked into once
                    waiting.append(definitions.pop(name))
            case tuple() as parts:
                waiting += parts
            case part if is_dataclass(part) and not isinstance(part, type | Span):
                waiting += [getattr(part, field.name) for field in fields(part)]
    return found


def _bodies(protocol: Protocol) -> Iterator[tuple[str, tuple[Statement, ...]]]:
    yield from ((handler.kind, handler.body) for handler in protocol.handlers)
    yield from ((procedure.kind, procedure.body) for procedure in protocol.procedures)


def _statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    for statement in body:
        yield statement
        if isinstance(statement, If):
            for arm in statement.arms:
                yield from _statements(arm.body)
