"""What a spec says of time: the tick, how far clocks are wrong, how long messages and pauses take."""

from __future__ import annotations

from dataclasses import replace
from math import gcd

from spec import syntax
from spec.names import Names, Reported, milliseconds
from spec.protocol import ProcessKind, Timing

CLOCK_WORDS = ("tick", "drift", "offset", "delay", "pause", "free")
MOST_TICKS = 10_000
"""More than this in the longest duration is taken for a mistake in the tick."""


def timing_of(file: syntax.File, names: Names) -> Timing | None:
    """What a spec says of time; None for one that is not `timed`."""
    items = [item for item in file.items if isinstance(item, syntax.TimedItem)]
    for again in items[1:]:
        names.report("E0209", "`timed` stands here a second time", again.span, "expected once")
    try:
        return read_timing(items[0], names, None) if items else None
    except Reported:
        return None


def read_timing(item: syntax.TimedItem, names: Names, spec: Timing | None) -> Timing:
    """What some words say of time. With `spec` they are those of the command line: each replaces what that says, and
    timers may be given other durations. Raises Reported."""
    said: dict[str, syntax.ClockPart] = {}
    base = spec or Timing(0)
    known = [timer.name for kind in names.kinds.values() for timer in kind.timers]
    for part in item.parts:
        word = part.word.text
        if word in said and word != "free":
            raise names.report("E0209", f"`{word}` stands here twice", part.span, "expected once")
        said[word] = part
        base = _with(base, part, known, names, overriding=spec is not None)
    kinds = tuple(names.kinds.values())
    if not base.tick:
        base = replace(base, tick=gcd(*_lengths(base, kinds)) or 1)
    longest = max(_lengths(base, kinds), default=0)
    if longest > MOST_TICKS * base.tick:
        at = said["tick"].span if "tick" in said else item.span
        ticks = f"the longest duration is {longest // base.tick} ticks of {base.tick} ms"
        raise names.report("E0508", "the tick is too short", at, ticks, "say a longer one: `timed: tick 100 ms`")
    return replace(base, span=item.span)


def _lengths(timing: Timing, kinds: tuple[ProcessKind, ...]) -> list[int]:
    """All durations that are counted."""
    timers = (timing.duration(timer) for kind in kinds for timer in kind.timers if timer.name not in timing.free)
    limits = (timing.offset, timing.delay or 0, timing.pause or 0)
    return [length for lengths in (*timers, limits) for length in lengths]


def _with(base: Timing, part: syntax.ClockPart, known: list[str], names: Names, *, overriding: bool) -> Timing:
    word, value = part.word.text, part.value
    if word not in CLOCK_WORDS:
        if overriding and word in known and isinstance(value, syntax.Duration):
            return _with_timer(base, part, value, names)
        if word in known:
            raise names.report(
                "E0508", f"`{word}` is a timer", part.word.span, "its duration stands where it is declared"
            )
        raise names.unknown("E0508", "word about time", part.word, (*CLOCK_WORDS, *(known if overriding else ())))
    shown = {"drift": "drift 1 in 10", "free": "free TIMER"}.get(word, f"{word} 1 s")
    wanted = {"drift": tuple, "free": syntax.Word}.get(word, syntax.Duration)
    if not isinstance(value, wanted) or part.high is not None:
        raise names.report("E0508", f"this is no {word}", part.span, f"expected `{shown}`")
    match value:
        case syntax.Word():
            if value.text not in known:
                raise names.unknown("E0214", "timer", value, known)
            return replace(base, free=tuple(dict.fromkeys((*base.free, value.text))))
        case syntax.Duration():
            length = milliseconds(value, names)
            if length == 0 and word != "offset":
                raise names.report("E0508", f"a {word} of nothing", part.span, "expected more than 0")
            return replace(base, **{word: length})  # type: ignore[arg-type]
        case (much, whole):
            if not 0 < much < whole:
                raise names.report("E0508", "a clock neither stands still nor runs backwards", part.span, "too much")
            return replace(base, drift=(much, whole))


def _with_timer(base: Timing, part: syntax.ClockPart, value: syntax.Duration, names: Names) -> Timing:
    low = milliseconds(value, names)
    high = milliseconds(part.high, names) if part.high is not None else low
    if low > high:
        raise names.report("E0210", "the range is empty", part.span, "expected shortest .. longest")
    others = tuple(one for one in base.timers if one[0] != part.word.text)
    free = tuple(name for name in base.free if name != part.word.text)
    return replace(base, timers=(*others, (part.word.text, low, high)), free=free)
