"""Which timers of a spec are tuned: the one that calls an election, and the one that keeps it from being called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spec.protocol import (
    Assign,
    Broadcast,
    Call,
    For,
    Handler,
    If,
    OnTimeout,
    Protocol,
    Send,
    Statement,
)


class NoRoles(Exception):
    """What to tune cannot be found in the spec; says what to name."""


@dataclass(frozen=True)
class Roles:
    """Names of timers. `reason` says how they were found."""

    election: str
    heartbeat: str | None
    reason: str


def roles_of(protocol: Protocol, election: str | None = None, heartbeat: str | None = None) -> Roles:
    """The timers that are named, and for those that are not, what the spec shows: that within which a leader has to be
    confirmed elects; or else the only one that changes variables when it runs out. The heartbeat is the only one that
    changes none and sends something. `heartbeat` may be `none`. Raises NoRoles."""
    timers = sorted({timer.name for kind in protocol.kinds for timer in kind.timers})
    if protocol.leader is None:
        raise NoRoles("the spec has no `leader`: there is no telling when a process leads")
    if not timers:
        raise NoRoles("the spec has no timers: there is nothing to tune")
    for option, name in (("--election-timer", election), ("--heartbeat-timer", heartbeat)):
        if name is not None and name not in timers and not (option == "--heartbeat-timer" and name == "none"):
            raise NoRoles(f"{option}: there is no timer `{name}`; the spec has {', '.join(timers)}")
    if election is not None and election == heartbeat:
        raise NoRoles(f"`{election}` cannot be both: name another --election-timer or --heartbeat-timer")
    changing = [name for name in timers if any(_does(protocol, one, Assign) for one in _handlers(protocol, name))]
    found, why = election, "as you say"
    if found is None:
        confirmed = protocol.leader.confirmed_by
        if confirmed is not None:
            found, why = confirmed.timer, f"a leader is confirmed within `{confirmed.timer}`"
        else:
            found = _only([name for name in changing if name != heartbeat], "--election-timer", timers, "elects")
            why = f"`{found}` alone changes variables when it runs out"
        if found == heartbeat:
            raise NoRoles(f"--heartbeat-timer: `{found}` elects: {why}; name another, or another --election-timer")
    if heartbeat == "none":
        return Roles(found, None, f"{why}; no heartbeat, as you say")
    if heartbeat is not None:
        return Roles(found, heartbeat, f"{why}; the heartbeat is as you say")
    sending = [
        name
        for name in timers
        if name not in (*changing, found)
        and any(_does(protocol, one, Send, Broadcast) for one in _handlers(protocol, name))
    ]
    if not sending:
        return Roles(found, None, f"{why}; no other timer only sends, so there is no heartbeat")
    beats = _only(sending, "--heartbeat-timer", timers, "is the heartbeat")
    return Roles(found, beats, f"{why}; `{beats}` alone only sends")


def _only(names: Sequence[str], option: str, timers: Sequence[str], role: str) -> str:
    if len(names) != 1:
        several = f"it may be {' or '.join(names)}" if names else "none of them looks like it"
        raise NoRoles(f"name it with {option}: of the timers {', '.join(timers)}, which one {role}? {several}")
    return names[0]


def _handlers(protocol: Protocol, timer: str) -> list[Handler]:
    return [one for one in protocol.handlers if isinstance(one.event, OnTimeout) and one.event.timer == timer]


def _does(protocol: Protocol, handler: Handler, *what: type[Statement]) -> bool:
    return any(isinstance(one, what) for one in _statements(protocol, handler.body, frozenset()))


def _statements(protocol: Protocol, body: Sequence[Statement], called: frozenset[str]) -> Iterator[Statement]:
    """All statements of a body, those of the procedures that it calls too."""
    for one in body:
        yield one
        match one:
            case If(arms):
                for arm in arms:
                    yield from _statements(protocol, arm.body, called)
            case For(body=inner):
                yield from _statements(protocol, inner, called)
            case Call(procedure=name) if name not in called:
                yield from _statements(protocol, protocol.procedure(name).body, called | {name})
