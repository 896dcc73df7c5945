"""`oneleader compare`."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console

from modelcheck.check import Options, free_memory, model_of
from modelcheck.engines import NoEngine
from modelcheck.outcome import Limits
from modelcheck.survival import Survives
from modelcheck.survival_native import Native
from modelcheck.verdict import Answer
from oneleader.comparison.as_csv import comparison_to_csv
from oneleader.comparison.as_json import comparison_to_json
from oneleader.comparison.as_table import table
from oneleader.comparison.result import Assumptions, Comparison, OfSize, Proved
from oneleader.comparison.sizes import Told, of_size, sizes_of
from oneleader.comparison.trials import Plan, measured, tasks
from oneleader.console import fail, printing, problems_told, read, tell, write, write_bytes
from oneleader.generate import emit
from oneleader.simulated import durations_of_timers
from oneleader.tuning.distributions import BadDistribution, Distribution, parsed
from oneleader.tuning.distributions import measured as measured_times
from oneleader.tuning.pool import workers
from oneleader.tuning.world import World
from spec.diagnostics import SpecError
from spec.overrides import check_from
from spec.protocol import Protocol, Row

VIOLATED, UNKNOWN = 1, 3
PACKAGE = "compared"
SMALLEST, LARGEST = 2, 9
WIDE = 400
"""Columns that the figures may take."""
READABLE = 100
"""Columns that sentences take at most."""
FORMS = {".svg": "svg", ".png": "png"}


@dataclass(frozen=True)
class Request:
    """The command line, as typed."""

    spec: Path
    nodes: str = "3,4,5"
    bounds: str | None = None
    delay: str = "0.5 ms .. 1 ms"
    round_trips: Path | None = None
    store: str = "0 ms .. 2 ms"
    loss: float = 0.0
    timers: tuple[str, ...] = ()
    availability: float = 0.99
    trials: int = 1000
    seed: int = 1
    samples: int = 20000
    seconds: float = 15.0
    prove: bool = False
    jobs: int | None = None
    as_json: bool = False
    csv: Path | None = None
    plot: Path | None = None
    progress: bool | None = None


def run(request: Request) -> None:
    """Compares; ends with status 1 where the check of a size is violated, with 3 where something of a size that was
    explored is not known."""
    protocol = read(request.spec)
    if protocol.timed:
        fail(f"{request.spec} is a spec with time, and clusters of such are not compared")
    if protocol.leader is None:
        fail(f"{request.spec} says of nobody that it leads, and so there is no election to compare")
    nodes = _nodes(request.nodes)
    row = _row(protocol, nodes[0], request.bounds)
    given = _assumptions(protocol, row, request)
    options = Options(Limits(request.jobs or os.cpu_count() or 1, seconds=request.seconds))
    _refuse(request)
    for size in nodes:
        _refuse_unbounded(protocol, row, size, options)
    files = emit(protocol, PACKAGE, "runtime").files
    began = time.monotonic()
    survives = Native(protocol, row, seconds=request.seconds, memory_bytes=free_memory())
    jobs = request.jobs or os.cpu_count() or 1
    with _progress(request) as told, survives, workers(protocol, files, jobs) as work:
        # The trials go on elsewhere while the sizes are explored here.
        results = {size: work(tasks(_named(protocol, size), given.world, given.timers, given.plan)) for size in nodes}
        found = [_of_size(protocol, row, size, given, survives, options, told) for size in nodes]
        proofs = _proofs(protocol, nodes, request.prove, told)
        of_sizes = []
        for one in found:
            told(f"{one.nodes}: {given.plan.trials:,} crashes of a leader")
            trials = measured(results[one.nodes], given.plan)
            of_sizes.append(
                replace(
                    one,
                    elections=trials.elections,
                    idle=trials.idle,
                    problem=trials.problem,
                    proof=proofs.get(one.nodes, Proved()),
                )
            )
    comparison = Comparison(protocol, given, tuple(of_sizes), time.monotonic() - began)
    status = _status(comparison)
    with printing():
        _print(comparison, status, request)
    if request.csv is not None:
        write(request.csv, comparison_to_csv(comparison))
    if request.plot is not None:
        from oneleader.comparison.figure import figure

        write_bytes(request.plot, figure(comparison, FORMS[request.plot.suffix.lower()]))
    raise typer.Exit(status)


def _refuse_unbounded(protocol: Protocol, row: Row, nodes: int, options: Options) -> None:
    try:
        model_of(protocol, row, sizes_of(protocol, nodes), options)
    except SpecError as problem:
        tell(problem.source, problem.diagnostics)
        fail("a comparison explores within bounds: those of the spec's first check, or --bounds 'term <= 2'")


def _of_size(
    protocol: Protocol, row: Row, nodes: int, given: Assumptions, survives: Survives, options: Options, told: Told
) -> OfSize:
    with problems_told():
        try:
            return of_size(protocol, row, nodes, given, survives, options, told)
        except NoEngine as problem:
            fail(str(problem))


def _proofs(protocol: Protocol, nodes: tuple[int, ...], wanted: bool, told: Told) -> dict[int, Proved]:
    if not wanted:
        return {}
    from oneleader.comparison.proofs import proved

    told("the proofs")
    return proved(protocol, nodes)


def _named(protocol: Protocol, nodes: int) -> dict[str, int]:
    return {kind.name: size for kind, size in zip(protocol.kinds, sizes_of(protocol, nodes), strict=True)}


def _status(comparison: Comparison) -> int:
    if any(one.explored.answer is Answer.VIOLATED for one in comparison.of_sizes):
        return VIOLATED
    unknown = any(one.tolerance.unknown or one.explored.answer is Answer.UNKNOWN for one in comparison.of_sizes)
    return UNKNOWN if unknown else 0


def _print(comparison: Comparison, status: int, request: Request) -> None:
    if request.as_json:
        print(json.dumps(comparison_to_json(comparison, status), indent=2))
    else:
        print(_shown(comparison), end="")


def _shown(comparison: Comparison) -> str:
    """In colours where that is a terminal; no line of figures is broken."""
    is_terminal = sys.stdout.isatty()
    written = io.StringIO()
    console = Console(file=written, width=WIDE, highlight=False, force_terminal=is_terminal)
    console.print(table(comparison, min(shutil.get_terminal_size((READABLE, 24)).columns, READABLE)))
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


# What is asked for ----------------------------------------------------------------------------------------------------


def _nodes(text: str) -> tuple[int, ...]:
    found: list[int] = []
    for part in text.split(","):
        word = part.strip()
        if not word.isdecimal() or not SMALLEST <= int(word) <= LARGEST:
            fail(f"--nodes: {word!r} is no size; expected numbers from {SMALLEST} to {LARGEST}, such as 3,4,5")
        found.append(int(word))
    if len(set(found)) < len(found):
        fail("--nodes: a size is named twice")
    return tuple(found)


def _row(protocol: Protocol, nodes: int, bounds: str | None) -> Row:
    """The bounds within which is explored: those that are asked for, or of the spec's first check."""
    if bounds is None and protocol.checks:
        return protocol.checks[0].rows[0]
    counted = zip(protocol.kinds, sizes_of(protocol, nodes), strict=True)
    sizes = ", ".join(f"{size} {kind.name}{'' if size == 1 else 's'}" for kind, size in counted)
    if bounds is not None and re.search(r"(^|,)\s*\d", bounds):
        # A size that is the same as the first of --nodes would be read without a complaint.
        fail("--bounds: expected bounds alone, such as 'term <= 2'; --nodes has the sizes")
    with problems_told():
        rows = check_from(f"{sizes}, {bounds}" if bounds else sizes, protocol, "--bounds").rows
    if len(rows) != 1 or rows[0].sizes != (sizes_of(protocol, nodes),):
        fail("--bounds: expected bounds alone, such as 'term <= 2'")
    return rows[0]


def _assumptions(protocol: Protocol, row: Row, request: Request) -> Assumptions:
    network = protocol.network
    if not 0 <= request.loss < 1:
        fail("--loss: expected a number from 0 to less than 1")
    if request.loss and not network.loss:
        fail("--loss: the network of this spec loses nothing")
    if not 0 < request.availability < 1:
        fail("--availability: expected a part of the time between 0 and 1: 0.99 is all but 1 %")
    if request.round_trips is not None and request.delay != Request.delay:
        fail("--round-trips: measured round trips say how long a message takes: leave out --delay")
    try:
        delay: Distribution = parsed(request.delay, "--delay")
        if request.round_trips is not None:
            delay = measured_times(request.round_trips, "--round-trips")
        world = World(
            delay=delay,
            loss=request.loss,
            store=parsed(request.store, "--store"),
            in_order=not network.reordering,
        )
    except BadDistribution as problem:
        fail(str(problem))
    plan = Plan(request.trials, request.seed)
    return Assumptions(
        _within(protocol, row),
        request.availability,
        world,
        durations_of_timers(protocol, request.timers),
        plan,
        request.samples,
    )


def _within(protocol: Protocol, row: Row) -> str:
    """The bounds of a row in words."""
    parts = [f"{bound.variable} <= {bound.limit}" for bound in row.bounds]
    if not protocol.network.is_growing_set and row.channel is not None:
        parts.append(f"channel <= {row.channel}")
    return ", ".join(parts)


def _refuse(request: Request) -> None:
    """What makes no sense, or could not be written at the end, is told before the work is done."""
    for option, value, least in (
        ("trials", request.trials, 1),
        ("samples", request.samples, 1),
        ("jobs", request.jobs, 1),
    ):
        if value is not None and value < least:
            fail(f"--{option}: expected {least} or more")
    if not request.seconds > 0:
        fail("--time: expected more than 0 seconds")
    for option, path in (("csv", request.csv), ("plot", request.plot)):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            fail(f"--{option}: {path} is no file that can be written")
    if request.plot is None:
        return
    if request.plot.suffix.lower() not in FORMS:
        fail(f"--plot: {request.plot}: expected a file that ends in {' or '.join(FORMS)}")
    if importlib.util.find_spec("matplotlib") is None:
        print("oneleader: --plot needs matplotlib: pip install 'oneleader[figures]'", file=sys.stderr)
        raise typer.Exit(UNKNOWN)


@contextmanager
def _progress(request: Request) -> Iterator[Told]:
    """A line on a terminal's standard error that says what is being done."""
    wanted = sys.stderr.isatty() if request.progress is None else request.progress

    def told(line: str) -> None:
        if wanted:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    try:
        yield told
    finally:
        if wanted:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
