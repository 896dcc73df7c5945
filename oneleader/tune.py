"""`oneleader tune`."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from oneleader.console import fail, printing, read, write, write_bytes
from oneleader.generate import UNKNOWN, emit
from oneleader.simulated import sizes_of_cluster
from oneleader.tuning.distributions import BadDistribution, Distribution, measured, parsed
from oneleader.tuning.explore import Progress, explore, front
from oneleader.tuning.files import to_csv, to_json
from oneleader.tuning.measured import Measured
from oneleader.tuning.pool import workers
from oneleader.tuning.probe import Ground
from oneleader.tuning.roles import NoRoles, Roles, roles_of
from oneleader.tuning.settings import Setting, sweep
from oneleader.tuning.verdict import Verdict, verdict
from oneleader.tuning.words import advice, table, world_in_words
from oneleader.tuning.world import Pauses, World
from runtime.simulation.cluster import DidTheImpossible, TwoLeaders
from spec.protocol import FaultKind, Protocol

PACKAGE = "tuned"
SOME_LOSS = 0.001
"""How often a message is lost, where nothing else is said and the spec has loss."""
FORMS: dict[str, Literal["svg", "png"]] = {".svg": "svg", ".png": "png"}


@dataclass(frozen=True)
class Request:
    """The command line, as typed."""

    spec: Path
    within: str | None = None
    delay: str = "0.5 ms .. 1 ms"
    round_trips: Path | None = None
    loss: float | None = None
    duplication: float = 0.0
    store: str = "0 ms .. 2 ms"
    pauses: str = "exponential 50 ms every 10 min"
    crash_is_seen: bool = False
    election_timer: str | None = None
    heartbeat_timer: str | None = None
    start: str | None = None
    spread: str | None = None
    heartbeat: str | None = None
    false_elections: float = 0.03
    seed: int = 1
    jobs: int | None = None
    as_json: bool = False
    csv: Path | None = None
    plot: Path | None = None
    progress: bool | None = None


def run(request: Request) -> None:
    """Sweeps, and prints what was found."""
    form = _form(request.plot)
    for option, file in (("--plot", request.plot), ("--csv", request.csv)):
        if file is not None and not file.parent.is_dir():
            fail(f"{option}: {file.parent}: there is no such folder")
        if file is not None and file.is_dir():
            fail(f"{option}: {file} is a folder; expected a file")
    jobs = request.jobs if request.jobs is not None else os.cpu_count() or 1
    if jobs < 1:
        fail("--jobs: expected 1 or more")
    if not 0 < request.false_elections < math.inf:
        fail("--false-elections: expected more than 0, and an end: so many a day are acceptable")
    protocol = read(request.spec)
    if protocol.timed:
        fail(f"{request.spec} is a spec with time: what was checked rests on its timers, which tune would change")
    ground, settings = _ground(protocol, request)
    assert protocol.leader is not None
    leaders = ground.sizes[protocol.leader.kind]
    files = emit(protocol, PACKAGE, "runtime").files
    began = time.monotonic()
    try:
        with _progress(request) as (told, said), workers(protocol, files, jobs) as work:
            found = explore(work, ground, settings, request.false_elections, told)
            decided = verdict(work, ground, found, request.false_elections, leaders, said)
    except (TwoLeaders, DidTheImpossible) as problem:
        fail(f"{request.spec}: the protocol is wrong: in a trial, {problem}; `oneleader check` shows how")
    took = time.monotonic() - began
    best = front(found)
    taken = decided.choice.taken if decided.again is not None else None
    if request.csv is not None:
        write(request.csv, to_csv(found, best, taken))
    if request.plot is not None and form is not None:
        from oneleader.tuning.figure import draw

        title = f"{protocol.name}, {_sizes_in_words(ground)}: {world_in_words(ground.world)}"
        write_bytes(request.plot, draw(title, found, best, taken, request.false_elections, form))
    with printing():
        if request.as_json:
            shown = to_json(protocol, ground, found, best, decided, request.false_elections)
            print(json.dumps(shown, indent=2))
        else:
            print(_report(protocol, ground, request, found, best, decided, took), end="")


# What is asked for ----------------------------------------------------------------------------------------------------


def _form(plot: Path | None) -> Literal["svg", "png"] | None:
    """What kind of picture is asked for. Ends the run where it cannot be drawn, before it has been waited for."""
    if plot is None:
        return None
    form = FORMS.get(plot.suffix.lower())
    if form is None:
        fail(f"--plot: {plot}: expected a file that ends in {' or '.join(FORMS)}")
    if importlib.util.find_spec("matplotlib") is None:
        print("oneleader: --plot needs matplotlib: pip install 'oneleader[figures]'", file=sys.stderr)
        raise typer.Exit(UNKNOWN)
    return form


def _ground(protocol: Protocol, request: Request) -> tuple[Ground, tuple[Setting, ...]]:
    try:
        roles = roles_of(protocol, request.election_timer, request.heartbeat_timer)
    except NoRoles as problem:
        fail(f"{request.spec}: {problem}" if not str(problem).startswith("--") else str(problem))
    kinds = {fault.kind for fault in protocol.faults}
    if not kinds & {FaultKind.RESTART, FaultKind.CRASH}:
        fail(f"{request.spec}: processes of this spec do not crash, so there are no failovers to measure")
    world, sizes = _world(protocol, request), _sizes(protocol, request)
    own = _own(protocol, roles)
    electors = sum(
        sizes[kind.name] for kind in protocol.kinds if any(one.name == roles.election for one in kind.timers)
    )
    lists = [_times(getattr(request, name), f"--{name}") for name in ("start", "spread", "heartbeat")]
    if lists[2] is not None and roles.heartbeat is None:
        fail("--heartbeat: the spec has no timer that is one; name it with --heartbeat-timer")
    settings = sweep(world, own, *lists, one_elector=electors == 1)
    if len(settings) < 2:
        fail("--heartbeat: no heartbeat is quicker than a --start, so nothing is left to try")
    return Ground(sizes, world, roles, FaultKind.RESTART in kinds, request.seed), settings


def _world(protocol: Protocol, request: Request) -> World:
    network = protocol.network
    for option, value, allowed in (
        ("loss", request.loss or 0.0, network.loss),
        ("duplication", request.duplication, network.duplication),
    ):
        if not 0 <= value < 1:
            fail(f"--{option}: expected a part of 1, from 0 on: 0.001 is one message in a thousand")
        if value and not allowed:
            fail(f"--{option}: the network of this spec has no {option}")
    if request.round_trips is not None and request.delay != Request.delay:
        fail("--round-trips: measured round trips say how long a message takes: leave out --delay")
    try:
        if request.round_trips is not None:
            delay: Distribution = measured(request.round_trips, "--round-trips")
        else:
            delay = parsed(request.delay, "--delay")
        store = parsed(request.store, "--store")
        pauses = _pauses(request.pauses)
    except BadDistribution as problem:
        fail(str(problem))
    loss = request.loss if request.loss is not None else SOME_LOSS if network.loss else 0.0
    return World(
        delay,
        loss,
        request.duplication,
        store,
        pauses,
        in_order=not network.reordering,
        seen=request.crash_is_seen,
    )


def _pauses(text: str) -> Pauses | None:
    """Raises BadDistribution."""
    if text.strip() == "none":
        return None
    lasting, every, apart = text.partition(" every ")
    if not every:
        raise BadDistribution(f"--pauses: {text!r}: expected `TIMES every TIME`, as in `50 ms .. 200 ms every 1 h`")
    between = parsed(apart, "--pauses").quantile(0.5)
    if not between > 0:
        raise BadDistribution(f"--pauses: {text!r}: they cannot be no time apart")
    return Pauses(between, parsed(lasting, "--pauses"))


def _sizes(protocol: Protocol, request: Request) -> dict[str, int]:
    counts = sizes_of_cluster(request.spec, protocol, request.within)
    sizes = {kind.name: size for kind, size in zip(protocol.kinds, counts, strict=True)}
    assert protocol.leader is not None
    if sizes[protocol.leader.kind] < 2:
        fail(f"--within: with one {protocol.leader.kind} there is nobody to take over")
    return sizes


def _own(protocol: Protocol, roles: Roles) -> Setting:
    """The timers that the spec has."""
    times = {timer.name: (timer.low / 1000, timer.high / 1000) for kind in protocol.kinds for timer in kind.timers}
    shortest, longest = times[roles.election]
    heartbeat = times[roles.heartbeat][1] if roles.heartbeat is not None else None
    return Setting(shortest, longest - shortest, heartbeat, own=True)


def _times(text: str | None, option: str) -> list[float] | None:
    """A list of single times, in seconds."""
    if text is None:
        return None
    found = []
    for part in text.split(","):
        try:
            one = parsed(part, option)
        except BadDistribution:
            fail(f"{option}: {part.strip()!r} is no time; expected a list of them, such as '150 ms, 300 ms'")
        seconds = one.quantile(0.5)
        if one.quantile(0.0) != one.quantile(1.0):
            fail(f"{option}: {part.strip()!r} is a range; expected a list of single times, such as '150 ms, 300 ms'")
        if not seconds > 0 and option != "--spread":
            fail(f"{option}: {part.strip()!r} is no time at all")
        found.append(seconds)
    return found


# What is found --------------------------------------------------------------------------------------------------------


def _sizes_in_words(ground: Ground) -> str:
    return ", ".join(f"{size} {kind}{'' if size == 1 else 's'}" for kind, size in ground.sizes.items())


def _report(
    protocol: Protocol,
    ground: Ground,
    request: Request,
    found: tuple[Measured, ...],
    best: tuple[Measured, ...],
    decided: Verdict,
    took: float,
) -> str:
    taken = decided.choice.taken if decided.again is not None else None
    rows = [one for one in found if one in best or one is taken or one.setting.own]
    rows.sort(key=lambda one: one.slow.value if not one.is_unstable else math.inf)
    marks = [
        "".join(mark for mark, holds in (("*", one is taken), ("|", one in best), ("o", one.setting.own)) if holds)
        for one in rows
    ]
    failovers = sum(len(one.sample.elections) for one in found)
    windows = sum(one.windows for one in found)
    done = f"{failovers:,} failovers and {windows:,} windows with bad luck forced in {took:.1f} s"
    lines = [
        f"{protocol.name}: {len(found)} settings on {_sizes_in_words(ground)}, {done}",
        f"  spec {protocol.source.sha256[:12]}, seed {ground.seed}; {world_in_words(ground.world)}",
        f"  a crash is {'seen by the others at once' if ground.world.seen else 'silent: a host or a network is lost'}",
        f"  `{ground.roles.election}` elects: {ground.roles.reason}",
        "",
    ]
    text = "".join(f"{line}\n" for line in lines)
    text += table(list(zip(marks, rows, strict=True)))
    text += "  | on the Pareto front; o the spec's own; * recommended; [95 % intervals]\n\n"
    said = advice(ground, decided, best, found[0], request.false_elections, len(found))
    return text + "".join(f"{line}\n" for line in said)


@contextmanager
def _progress(request: Request) -> Iterator[tuple[Callable[[Progress], None], Callable[[str], None]]]:
    """A bar on a terminal's standard error; and what takes a line of text instead."""
    wanted = sys.stderr.isatty() if request.progress is None else request.progress
    shown = 0.0

    def line(text: str) -> None:
        if wanted:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def told(progress: Progress) -> None:
        nonlocal shown
        if time.monotonic() - shown > 0.1 or progress.done == progress.tasks:
            shown = time.monotonic()
            full = 24 * progress.done // progress.tasks
            of = f"round {progress.round + 1}, {progress.settings} settings"
            line(f"[{'#' * full}{'.' * (24 - full)}] {progress.done} of {progress.tasks} ({of})")

    try:
        yield told, line
    finally:
        line("")
