"""What `bench.failover` found, as tables and as goals that are met or not."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.tables import markdown_table
from bench.trials import ALONE, CUT_OFF, END, FLAP, FLAP_SECONDS, KILL, STOP, Trial

OURS = "oneleader"
KINDS = (KILL, STOP, END)


@dataclass(frozen=True)
class Results:
    machine: str
    etcd: str | None
    """Its version; None where it was not measured."""
    flap_seconds: float
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Goal:
    """What was wanted, what was measured, and whether that is enough."""

    goal: str
    measured: str
    holds: bool


def part(values: Sequence[float], of: float) -> float:
    """The value below which so large a part of them is; by the nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(of * len(ordered)))]


def groups(trials: Sequence[Trial], *kinds: str) -> Iterator[tuple[tuple[str, int, str], list[Trial]]]:
    """The trials of these kinds, by system, nodes and kind, in the order of the kinds."""
    found: dict[tuple[str, int, str], list[Trial]] = {}
    for one in trials:
        found.setdefault((one.system, one.nodes, one.how), []).append(one)
    wanted = [key for key in found if key[2] in kinds]
    for key in sorted(wanted, key=lambda key: (key[1], not key[0].startswith(OURS), key[0], kinds.index(key[2]))):
        yield key, found[key]


def times(found: Sequence[Trial]) -> list[float]:
    return [one.after for one in found if one.after is not None]


def _figures(values: Sequence[float]) -> tuple[str, str, str]:
    if not values:
        return "-", "-", "-"
    return f"{statistics.median(values):.0f}", f"{part(values, 0.95):.0f}", f"{max(values):.0f}"


def shown(results: Results) -> str:
    """All of it as Markdown."""
    peer = f" etcd {results.etcd}." if results.etcd is not None else " etcd was not measured."
    pieces = [f"Milliseconds. {results.machine}.{peer}\n", _replaced(results.trials)]
    if cut := _cut(results.trials):
        pieces += ["How long a leader goes on naming itself whose followers all stand still:\n", cut]
    if flaps := _flaps(results.trials):
        every = f"{FLAP_SECONDS * 1000:g} ms"
        said = f"All connections of the leader, both ways, break every {every} for {results.flap_seconds:g} s:\n"
        pieces += [said, flaps]
    rows = [(goal.goal, goal.measured, "yes" if goal.holds else "**no**") for goal in goals(results.trials)]
    return "\n".join([*pieces, markdown_table(("goal", "measured", "holds"), rows)])


def _replaced(trials: Sequence[Trial]) -> str:
    """How soon a survivor is named, and what that is of etcd's time."""
    medians = {
        (nodes, how): statistics.median(times(found))
        for (system, nodes, how), found in groups(trials, *KINDS)
        if system.startswith("etcd") and times(found)
    }
    rows = []
    for (system, nodes, how), found in groups(trials, *KINDS):
        measured, peer = times(found), medians.get((nodes, how))
        ratio = f"{statistics.median(measured) / peer:.2f}" if peer is not None and measured else ""
        stale = f"{sum(one.stale > 0 for one in found)} of {len(found)}" if how == STOP else ""
        lag = f"{statistics.median(one.lag for one in found):.0f}"
        vain = str(len(found) - len(measured))
        rows.append((system, str(nodes), how, str(len(found)), *_figures(measured), vain, ratio, stale, lag))
    titles = ("timers", "nodes", "leader", "trials", "median", "95 %", "worst", "never", "of etcd's", "stale", "lag")
    return markdown_table(titles, rows)


def _cut(trials: Sequence[Trial]) -> str:
    rows = [
        (system, str(nodes), str(len(found)), *_figures(times(found)), str(len(found) - len(times(found))))
        for (system, nodes, _), found in groups(trials, CUT_OFF)
    ]
    return markdown_table(("timers", "nodes", "trials", "median", "95 %", "worst", "never"), rows) if rows else ""


def _flaps(trials: Sequence[Trial]) -> str:
    rows = []
    for (system, nodes, how), found in groups(trials, FLAP, ALONE):
        terms, led = sum(one.terms for one in found), min(one.led for one in found)
        rows.append((system, str(nodes), how, str(len(found)), str(terms), f"{led:.1%}"))
    titles = ("timers", "nodes", "leader", "runs", "elections in all", "of the time somebody led, at least")
    return markdown_table(titles, rows) if rows else ""


def longest_of(system: str) -> int:
    """The longest election timeout, in milliseconds, of a system that is called `oneleader 150-300/50`."""
    found = re.search(r"-(\d+)/", system)
    assert found is not None
    return int(found[1])


def goals(trials: Sequence[Trial]) -> tuple[Goal, ...]:
    """What the docs promise of our nodes, held against what was measured."""
    ours = [one for one in trials if one.system.startswith(OURS)]
    found = []
    if ended := [one for one in ours if one.how in KINDS]:
        vain = sum(one.after is None for one in ended)
        found.append(Goal("another node leads, whatever happened to the leader", f"{vain} in vain", vain == 0))
    if stopped := [one for one in ours if one.how == STOP]:
        stale = sum(one.stale > 0 for one in stopped)
        found.append(Goal("no node that was stopped says that it leads when it goes on", f"{stale} did", stale == 0))
    for (system, nodes, _), cut in groups(ours, CUT_OFF):
        longest = longest_of(system)
        worst = max(one.after if one.after is not None else float("inf") for one in cut)
        what = f"{system}, {nodes} nodes: a leader that is cut off is silent within {longest} ms"
        found.append(Goal(what, f"{worst:.0f} ms", worst <= longest))
    if flaps := [one for one in ours if one.how == FLAP]:
        terms, alone = sum(one.terms for one in flaps), sum(one.terms for one in ours if one.how == ALONE)
        said = f"{terms}; {alone} where nothing was done"
        found.append(Goal("no election because connections to a living leader break", said, terms == 0))
    return tuple(found)
