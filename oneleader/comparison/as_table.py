"""A comparison as a terminal shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap as broken

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from modelcheck.survival import Answer as Survival
from modelcheck.verdict import Answer
from oneleader.comparison.result import Comparison, OfSize
from oneleader.comparison.tolerance import SURVIVED
from oneleader.comparison.trials import Elections, Idle
from oneleader.comparison.wording import (
    availability,
    crashes,
    interval,
    label,
    number,
    partition,
    rate,
    seconds,
)
from oneleader.comparison.words import sentences
from oneleader.comparison.writes import Writes
from oneleader.tuning.estimates import Estimate

SHAPES = 24
"""So many partitions of a size are named; the JSON has all."""
NOTHING = "-"


@dataclass(frozen=True)
class Line:
    """A line of the table: what it is about, and for a size the figure and its interval, if it has one."""

    title: str
    figure: Callable[[OfSize], str]
    interval: Callable[[OfSize], str] = lambda _: ""


def table(comparison: Comparison, width: int) -> RenderableType:
    """All that a terminal shows of a comparison. Sentences are broken at a width, figures are not."""
    told = [*_words(comparison, width), *_notes(comparison, width)]
    return Group(_figures(comparison), *_partitions(comparison, width), *told)


def _figures(comparison: Comparison) -> Table:
    made = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold")
    made.add_column(comparison.protocol.name, no_wrap=True)
    for one in comparison.of_sizes:
        made.add_column(label(comparison.protocol, one), justify="right", no_wrap=True)
    for line in _lines(comparison):
        made.add_row(line.title, *(line.figure(one) for one in comparison.of_sizes))
        intervals = [line.interval(one) for one in comparison.of_sizes]
        if any(intervals):
            made.add_row("", *(Text(text, "dim") for text in intervals))
    return made


def _lines(comparison: Comparison) -> Sequence[Line]:
    given = comparison.assumptions
    timed = "time", seconds
    return (
        Line("smallest quorum", lambda one: _count(one.quorum.smallest if one.quorum else None)),
        Line("crashed processes survived", lambda one: crashes(one.tolerance.largest, one.tolerance.is_exact)),
        *(_of_kind(kind.name) for kind in comparison.protocol.kinds if len(comparison.protocol.kinds) > 1),
        Line("partitions survived", _partitions_survived),
        Line(f"a leader can be there, each up {given.each:.10g}", lambda one: availability(one.availability)),
        Line("acknowledgements for a write", lambda one: _count(one.quorum.acknowledgements if one.quorum else None)),
        _measured("a write takes, on average", _writes(lambda found: found.mean), *timed),
        _measured("  of 100, 99 at most", _writes(lambda found: found.percentile_99), *timed),
        _measured("messages for an election", _elections(lambda found: found.messages), "number", number),
        _measured("messages a second, idle", _idle(lambda found: found.messages_per_second), "number", number),
        _measured("another leader after a crash, median", _elections(lambda found: found.median), *timed),
        _measured("  of 100, 99 within", _elections(lambda found: found.percentile_99), *timed),
        Line("  the slowest of all", lambda one: seconds(one.elections.worst) if one.elections else NOTHING),
        _measured("elections with split votes", _elections(lambda found: found.split), "rate", rate),
        Line("states explored", lambda one: f"{one.explored.states:,}{'' if one.explored.is_whole else ' +'}"),
        Line(f"check within {given.within}" if given.within else "check", _check),
        Line("proof without bounds", lambda one: one.proof.status),
    )


def _measured(title: str, of: Figure, form: str, said: Callable[[float], str]) -> Line:
    def figure(one: OfSize) -> str:
        estimate = of(one)
        return NOTHING if estimate is None else said(estimate.value)

    def around(one: OfSize) -> str:
        estimate = of(one)
        return "" if estimate is None or estimate.low == estimate.high else interval(estimate, form)

    return Line(title, figure, around)


Figure = Callable[[OfSize], Estimate | None]


def _writes(of: Callable[[Writes], Estimate]) -> Figure:
    return lambda one: None if one.writes is None else of(one.writes)


def _elections(of: Callable[[Elections], Estimate | None]) -> Figure:
    return lambda one: None if one.elections is None else of(one.elections)


def _idle(of: Callable[[Idle], Estimate]) -> Figure:
    return lambda one: None if one.idle is None else of(one.idle)


def _of_kind(kind: str) -> Line:
    return Line(f"  where it is only {kind}s", lambda one: crashes(*one.tolerance.largest_of(kind)))


def _count(value: int | None) -> str:
    return NOTHING if value is None else str(value)


def _partitions_survived(one: OfSize) -> str:
    found = f"{len(one.tolerance.survived_partitions)} of {len(one.tolerance.partitions)}"
    unknown = sum(each.answer is Survival.UNKNOWN for each in one.tolerance.partitions)
    return f"{found}, {unknown} not known" if unknown else found


def _check(one: OfSize) -> str:
    return {Answer.HOLDS: "holds", Answer.VIOLATED: "VIOLATED", Answer.UNKNOWN: "unknown"}[one.explored.answer]


def wrap(text: str, width: int, subsequent_indent: str = "") -> list[str]:
    """Lines of a text; a number and what it counts stay together."""
    glued = re.sub(r"(\d) (?=\S)", "\\1\N{NO-BREAK SPACE}", text)
    lines = broken(glued, width, subsequent_indent=subsequent_indent, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


# Below the table -----------------------------------------------------------------------------------------------------


def _partitions(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    yield Text()
    yield Text("partitions, with the sides that elect in brackets", "bold")
    for one in comparison.of_sizes:
        name = label(comparison.protocol, one)
        for title, wanted in (
            ("a leader with", SURVIVED),
            ("none with", (Survival.DOES_NOT,)),
            ("not known for", (Survival.UNKNOWN,)),
        ):
            some = [partition(comparison.protocol, each) for each in one.tolerance.partitions if each.answer in wanted]
            if some:
                more = f" and {len(some) - SHAPES} more" if len(some) > SHAPES else ""
                line = f"{name}: {title} {'; '.join(some[:SHAPES])}{more}"
                yield from (Text(part) for part in wrap(line, width, subsequent_indent="  "))


def _words(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    for line in sentences(comparison):
        yield Text()
        yield from (Text(part) for part in wrap(f"{line}.", width))


def _notes(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    given, plan = comparison.assumptions, comparison.assumptions.plan
    seeds = f"seeds {plan.seed} to {plan.seed + plan.trials - 1}"
    timers = ", ".join(f"{name} {seconds(low)} .. {seconds(high)}" for name, (low, high) in given.timers.items())
    unknown = {each.reason for one in comparison.of_sizes for each in one.tolerance.unknown}
    bounds = f" within {given.within}" if given.within else ""
    elections = f"{plan.trials:,} simulated crashes of a leader, {seeds}, waited out for {plan.limit:g} s at most"
    notes = [
        f"A crash or a partition is survived if from every reachable state{bounds} somebody can be elected anew.",
        *(f"Not known: {reason}." for reason in sorted(unknown)[:3]),
        f"Elections: {elections}; idle: {plan.stretches * plan.seconds:g} s; writes: {given.samples:,} samples.",
        f"Messages take {given.world.delay}, stores {given.world.store}; timers: {timers or 'those of the spec'}.",
        "Below each figure is its interval of 95 %.",
        f"spec {comparison.protocol.source.sha256[:12]}; {comparison.seconds:.1f} s",
    ]
    yield Text()
    for note in notes:
        yield from (Text(f"  {part}", "dim") for part in wrap(note, width - 2))
