"""What is assumed of time, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from spec.protocol import Clocks
from spec.show import show_duration


def described_time(clocks: Clocks, *, drifts: bool) -> Iterator[str]:
    """What is assumed of clocks, pauses and delays; how long each timer takes by true time."""
    timing, tick = clocks.timing, clocks.timing.tick
    limits = []
    if drifts:
        much, whole = timing.drift or (0, 1)
        limits.append(f"clocks run up to {much} in {whole} too fast or too slow" if much else "clocks keep their rate")
        if timing.offset:
            limits.append(f"and may be set by up to {show_duration(timing.offset)} while a timer runs")
    else:
        limits.append("clocks are true")
    if clocks.pauses:
        limits.append(f"a pause lasts {_at_most(clocks.pauses[0].longest * tick, timing.pause)}")
    limits.append(f"a message takes {_at_most((clocks.delay or 0) * tick, timing.delay)}")
    yield f"time: ticks of {show_duration(tick)}; {', '.join(limits)}"
    names = Counter(clock.timer for clock in clocks.timers)
    timers = (
        f"{clock.kind + '.' if names[clock.timer] > 1 else ''}{clock.timer} "
        f"{_between(clock.shortest * tick, clock.longest * tick)}"
        for clock in clocks.timers
        if clock.timer not in timing.free
    )
    free = f"; {', '.join(timing.free)}: any time" if timing.free else ""
    yield f"      by true time, timers take: {', '.join(timers) or 'there are none'}{free}"


def _at_most(limit: int, said: int | None) -> str:
    """A limit, which is in whole ticks; and what was said, where that is another one."""
    if said is None:
        return "any time"
    return f"at most {show_duration(limit)}" + (f" ({show_duration(said)} in whole ticks)" if limit != said else "")


def _between(shortest: int, longest: int) -> str:
    return show_duration(longest) if shortest == longest else f"{show_duration(shortest)} to {show_duration(longest)}"
