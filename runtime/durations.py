"""How long a node's timers run: as its configuration says, or else its spec, and which durations do together. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from runtime.coordination import SERVICE
from runtime.process import Process, Timer

LEASE: Final = "lease"
"""The timer of a lock service that says for how long it grants its lock."""
DURATION: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s)\s*")
NUMBER: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*")

Timers = Mapping[str, Mapping[str, Timer]]
"""The timers of each kind of process, by their names."""


class BadDuration(Exception):
    """A duration that is none, or that does not do beside the others; says why."""


def between(text: object, where: str) -> tuple[float, float]:
    """The shortest and the longest of durations such as `150 ms .. 300 ms`, in seconds. Raises BadDuration."""
    parts = [DURATION.fullmatch(part) for part in str(text).split("..")]
    if not 1 <= len(parts) <= 2 or not all(parts):
        number = NUMBER.fullmatch(str(text))
        wanted = f"`{number[1]} ms` or `{number[1]} s`" if number else "`150 ms`, `1.5 s` or `150 ms .. 300 ms`"
        raise BadDuration(f"{where}: {text!r} is no duration{' without a unit' if number else ''}; expected {wanted}")
    seconds = [float(found[1]) / (1000 if found[2] == "ms" else 1) for found in parts if found is not None]
    if seconds[0] > seconds[-1]:
        raise BadDuration(f"{where}: {text!r} ends before it begins")
    return seconds[0], seconds[-1]


def timers_of(wanted: Mapping[str, object], kinds: Mapping[str, Process[Any, Any]]) -> dict[str, dict[str, Timer]]:
    """The timers of each kind of process: all nodes can have one file, so it may name those of any kind. Raises
    BadDuration."""
    known = dict.fromkeys(name for process in kinds.values() for name in process.timers)
    for name in wanted:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            meant = f"Did you mean {close[0]}? " if close else ""
            raise BadDuration(
                f"timers.{name}: there is no such timer. {meant}The protocol has {', '.join(known) or 'none'}"
            )
    return {
        kind: {timer.name: _timer(timer, wanted.get(timer.name)) for timer in process.timers.values()}
        for kind, process in kinds.items()
    }


def _timer(timer: Timer, text: object) -> Timer:
    if text is None:
        return timer
    seconds = between(text, f"timers.{timer.name}")
    if not seconds[0] > 0:
        raise BadDuration(f"timers.{timer.name}: {text!r} is no time at all")
    return Timer(timer.name, *seconds)


def check_leases(kinds: Mapping[str, Process[Any, Any]], timers: Timers) -> None:
    """Whether clients of a lock service give their lock up before it does, and ask for it again before that. Of other
    processes nothing is asked. Raises BadDuration."""
    if (lease := timers.get(SERVICE.kind, {}).get(LEASE)) is None:
        return
    for process in kinds.values():
        if process.until is None:
            continue
        until = timers[process.kind][process.until]
        _shorter(until, lease, "a client believes that it leads when another does")
        for name, timer in timers[process.kind].items():
            if name in process.counts_from:
                _shorter(timer, lease, "a client takes an answer for one that counts when the lease may be over")
            elif name != process.until and process.counts_from:
                _shorter(timer, until, "a client gives its lock up before it has asked for it again")


def _shorter(timer: Timer, than: Timer, otherwise: str) -> None:
    if timer.longest >= than.shortest:
        least = than.name if than.shortest == than.longest else f"the shortest {than.name}"
        raise BadDuration(
            f"timers: {timer.name} ({said(timer.longest)}) has to be shorter than {least} ({said(than.shortest)}), "
            f"or {otherwise}"
        )


def unwise(process: Process[Any, Any], timers: Mapping[str, Timer]) -> Iterator[str]:
    """What is allowed and not wise, of a process that elects one of its kind. Raises BadDuration for timers with which
    no leader would last."""
    if process.confirmation is None:
        return
    waited = timers[process.confirmation.within]
    for timer in timers.values():
        if timer is waited:
            continue
        _shorter(timer, waited, "every leader is replaced before it is heard from")
        if timer.longest >= waited.shortest / 2:
            yield (
                f"{timer.name} ({said(timer.longest)}) is not below half of the shortest {waited.name} "
                f"({said(waited.shortest)}): one lost message is enough for a new election"
            )
    if waited.longest - waited.shortest < waited.shortest / 10:
        yield (
            f"{waited.name} hardly varies ({said(waited.shortest)} .. {said(waited.longest)}): nodes that run "
            "out at once take each other's votes, again and again"
        )


def in_force(timers: Mapping[str, Timer], wanted: Mapping[str, object]) -> str:
    """All durations of a node, for its log, and which of them are none of its configuration's."""
    whose = {name: "" if name in wanted else " (the spec's)" for name in timers}
    return ", ".join(
        f"{timer.name} {said(timer.shortest, timer.longest)}{whose[timer.name]}" for timer in timers.values()
    )


def said(shortest: float, longest: float | None = None) -> str:
    """Seconds as they are written in a configuration."""
    text = f"{shortest:g} s" if shortest >= 1 else f"{shortest * 1000:g} ms"
    return text if longest is None or longest == shortest else f"{text} .. {said(longest)}"
