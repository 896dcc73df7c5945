"""What a sweep has found, in a table and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from oneleader.tuning.distributions import shown
from oneleader.tuning.estimates import Estimate
from oneleader.tuning.measured import COUNTED, FORCED, NONE_SEEN, UNSTABLE, Measured
from oneleader.tuning.probe import PATIENCE, Ground
from oneleader.tuning.settings import Setting
from oneleader.tuning.verdict import SLOWER, Verdict
from oneleader.tuning.world import World

YEAR = 365.25
UNITS = (("years", YEAR), ("days", 1.0), ("hours", 1 / 24), ("minutes", 1 / 1440), ("seconds", 1 / 86400))
"""In days."""
TITLES = ("setting", "failover, mean", "99 of 100 within", "more than one round", "false elections a day", "msgs/s")


def world_in_words(world: World) -> str:
    parts = [f"messages take {world.delay}", f"{world.loss:.3g} of them are lost" if world.loss else "none is lost"]
    if world.duplication:
        parts.append(f"{world.duplication:.3g} arrive twice")
    parts.append(f"a store takes {world.store}")
    pauses = world.pauses
    if pauses is None:
        parts.append("nothing pauses")
    else:
        parts.append(f"each process pauses every {shown(pauses.apart)} or so, for {pauses.lasting}")
    return "; ".join(parts)


def table(rows: Sequence[tuple[str, Measured]]) -> str:
    """Rows with a mark each. The intervals of 95 % stand in brackets."""
    cells = [("", *TITLES)] + [(mark, *_row(one)) for mark, one in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = []
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  " + "  ".join(padded).rstrip())
    return "".join(f"{line}\n" for line in lines)


def _row(one: Measured) -> tuple[str, ...]:
    if one.is_unstable:
        return str(one.setting), "no leader lasts", "-", "-", "-", "-"
    return (
        str(one.setting),
        times(one.failover),
        times(one.slow),
        parts(one.split),
        false_elections(one),
        f"{one.messages_per_second:,.0f}",
    )


def times(estimate: Estimate) -> str:
    return f"{milliseconds(estimate.value)} [{milliseconds(estimate.low)}, {milliseconds(estimate.high)}]"


def milliseconds(seconds: float) -> str:
    if seconds == math.inf:
        return "?"
    return f"{seconds * 1000:,.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def parts(estimate: Estimate) -> str:
    return f"{estimate.value * 100:.1f} % [{estimate.low * 100:.1f}, {estimate.high * 100:.1f}]"


def false_elections(one: Measured) -> str:
    found = one.false_elections
    if found.how == UNSTABLE:
        return "always"
    if found.how == NONE_SEEN:
        return "none seen" if one.sample.nothing_rare else f"none seen [0, {number(found.per_day.high)}]"
    interval = f"{number(found.per_day.value)} [{number(found.per_day.low)}, {number(found.per_day.high)}]"
    return interval + (" (counted)" if found.how == COUNTED else "")


def number(value: float) -> str:
    if value == 0 or value == math.inf:
        return "0" if value == 0 else "?"
    if value < 1e-9:
        return "< 1e-9"
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def how_often(per_day: float) -> str:
    """A rate as the time from one to the next."""
    if per_day <= 0:
        return "never"
    days = 1 / per_day
    if days > 1000 * YEAR:
        return "less than one in a thousand years"
    for unit, size in UNITS:
        if days >= 2 * size:
            return f"one in {days / size:.0f} {unit}"
    return "more than one in two seconds"


def advice(
    ground: Ground, verdict: Verdict, front: Sequence[Measured], own: Measured, allowed: float, count: int
) -> list[str]:
    """The recommendation and its reasons, a paragraph each."""
    if verdict.again is None or verdict.choice.taken is None:
        return _none_is_good(verdict, front, allowed, count)
    taken, again = verdict.choice.taken, verdict.again
    lines = [f"take {taken.setting}", *(f"    {line}" for line in configuration(ground, taken.setting)), "because"]
    lines += [f"  - {one}" for one in (_few_enough(again, allowed), *_quickest(verdict, front, allowed, count))]
    lines += [f"  - {one}" for one in (_again(again), *_elsewhere(verdict), *_own(own, taken, allowed))]
    lines += [f"  - {one}" for one in _dropped(verdict)]
    return lines


def configuration(ground: Ground, setting: Setting) -> list[str]:
    """The lines of a node's configuration."""
    found = ["[timers]"]
    for name, (shortest, longest) in setting.timers(ground.roles).items():
        value = shown(shortest) if shortest == longest else f"{shown(shortest)} .. {shown(longest)}"
        found.append(f'{name} = "{value}"')
    return found


def _few_enough(again: Measured, allowed: float) -> str:
    found = again.false_elections
    if found.how == NONE_SEEN:
        return "no election was seen without a crash, and nothing that is rare in this world can cause one"
    return (
        f"it has {false_elections(again)} false elections a day ({how_often(found.per_day.value)}), to the end of the "
        f"interval no more than the {number(allowed)} that are acceptable"
    )


def _quickest(verdict: Verdict, front: Sequence[Measured], allowed: float, count: int) -> list[str]:
    chosen = verdict.choice
    taken = chosen.taken
    assert taken is not None
    others = len(chosen.acceptable) - 1
    found = []
    if others:
        found.append(
            f"of {count} settings, {others + 1} have so few for sure, and no other of these was quicker for certain: "
            f"{times(taken.slow)} are not exceeded by 99 failovers of 100"
        )
    else:
        found.append(f"of {count} settings it alone has so few for sure")
    alike = [one for one in chosen.alike if one.setting != taken.setting]
    if alike:
        most = max(one.messages_per_second for one in alike)
        found.append(
            f"{len(alike)} more {'is' if len(alike) == 1 else 'are'} as quick as far as can be told; it sends "
            f"{taken.messages_per_second:,.0f} messages a second, and of these the one with most sends {most:,.0f}"
        )
    quicker = [one for one in front if one.slow.high < taken.slow.low]
    if quicker:
        nearest = min(quicker, key=lambda one: one.false_elections.per_day.value)
        found.append(
            f"what is quicker has more: {nearest.setting} has 99 of 100 failovers within {times(nearest.slow)}, and "
            f"{false_elections(nearest)} false elections a day"
        )
    return found


def _again(again: Measured) -> str:
    return (
        f"measured anew with other seeds, {len(again.sample.elections):,} failovers took {times(again.failover)} on "
        f"average, 99 of 100 no longer than {times(again.slow)}; {parts(again.split)} needed more than one round, "
        f"{again.rounds.value:.3f} rounds on average"
    )


def _elsewhere(verdict: Verdict) -> list[str]:
    found = []
    if (slower := verdict.slower) is not None:
        if slower.is_unstable:
            found.append(f"beware: were all {SLOWER:g} times as slow, no leader would last")
        else:
            found.append(
                f"were messages, stores and pauses {SLOWER:g} times as long, failovers would take "
                f"{times(slower.failover)} on average, with {false_elections(slower)} false elections a day"
            )
    if (another := verdict.another_down) is not None and not another.is_unstable:
        found.append(
            f"with another process down, failovers take {times(another.failover)} on average, 99 of 100 no longer than "
            f"{times(another.slow)}, and {parts(another.split)} need more than one round"
        )
    return found


def _own(own: Measured, taken: Measured, allowed: float) -> list[str]:
    if taken.setting.own or own.is_unstable:
        return ["the timers of the spec never let a leader last in this world"] if own.is_unstable else []
    failovers = f"failovers of {times(own.failover)} on average, 99 of 100 within {times(own.slow)}"
    false = f"{false_elections(own)} false elections a day"
    return [f"the timers of the spec, {own.setting}, have {failovers}, and {false}"]


def _dropped(verdict: Verdict) -> list[str]:
    return [
        f"{one.setting} looked better at first; measured anew, it may have more false elections than are acceptable: "
        f"{false_elections(one)} a day"
        for one in verdict.dropped
    ]


def _none_is_good(verdict: Verdict, front: Sequence[Measured], allowed: float, count: int) -> list[str]:
    lines = [
        f"of {count} settings none surely has at most {number(allowed)} false elections a day, and failovers that end"
    ]
    if front:
        best = front[-1]
        lines.append(
            f"  - the fewest has {best.setting}: {false_elections(best)}, with failovers of {times(best.failover)}"
        )
        if best.limited:
            lines.append(
                f"  - of its {len(best.sample.elections):,} failovers {best.limited:,} had not ended after {PATIENCE} "
                "times the longest timeout: votes are split again and again, and a broader --spread helps"
            )
        elif best.false_elections.how == FORCED and best.false_elections.per_day.value <= allowed:
            lines.append("  - it may have few enough: its interval reaches beyond that")
    lines.append(
        "  - try longer timeouts with --start, quicker heartbeats with --heartbeat, or --false-elections with more"
    )
    lines += [f"  - {one}" for one in _dropped(verdict)]
    return lines
