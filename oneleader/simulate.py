"""`oneleader simulate`."""

from __future__ import annotations

import json
import math
import os
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import typer

from modelcheck.conformance.joint import NoStep
from modelcheck.conformance.refusal import Refusal, refusal_of
from modelcheck.conformance.shortened import trace_of
from modelcheck.conformance.traces_json import refusal_to_json
from modelcheck.conformance.watch import PropertyFalse, not_judged
from modelcheck.trace import Trace
from modelcheck.trace_json import trace_to_json
from oneleader.console import fail, printing, read, write
from oneleader.generate import emit
from oneleader.render import CHART, as_text, show_trace
from oneleader.simulated import durations_of_timers, sizes_of_cluster
from oneleader.simulation.runs import Counted, Processes, Run, emitted, many, shortest
from oneleader.simulation.world import FAULTS, World, objection_to, possible_faults
from oneleader.validate_trace import show_refusal
from runtime.durations import BadDuration, between
from runtime.simulation.schedule import Schedule
from runtime.simulation.world import Link
from spec.protocol import Protocol

WRONG = 1
PACKAGE = "simulated"
SOME = 0.02
"""How often a message is lost, duplicated or late, where nothing else is said and the spec has that."""


WORLDLY = {
    *("within", "seconds", "faults", "every", "lasting", "asks"),
    *("delay", "loss", "duplication", "late", "store", "drift"),
}
"""The options that say what happens in a run."""


@dataclass(frozen=True)
class Request:
    """The command line, as typed."""

    spec: Path
    within: str | None = None
    runs: int = 100
    seconds: float = 10.0
    seed: int = 1
    faults: str | None = None
    every: str = "200 ms"
    lasting: str = "300 ms"
    asks: str = "50 ms"
    delay: str = "0.5 ms .. 1 ms"
    loss: float | None = None
    duplication: float | None = None
    late: float = SOME
    store: str = "0 ms .. 2 ms"
    drift: float = 0.0
    timers: tuple[str, ...] = ()
    jobs: int | None = None
    trace: Path | None = None
    as_json: bool = False
    progress: bool | None = None


@dataclass(frozen=True)
class Wrong:
    """A run that went wrong, made short. `trace` is the model's own behaviour, where it is one; `refusal` says how a
    process left the model, where one did."""

    run: Run
    schedule: Schedule
    drawn: int
    trace: Trace | None
    refusal: Refusal | None


def run(request: Request) -> None:
    """Simulates, and ends with status 1 where a run goes wrong."""
    protocol = read(request.spec)
    world = _world(protocol, request)
    jobs = request.jobs if request.jobs is not None else os.cpu_count() or 1
    if jobs < 1 or request.runs < 1:
        fail(f"--{'jobs' if jobs < 1 else 'runs'}: expected 1 or more")
    files = emit(protocol, PACKAGE, "runtime").files
    told, clear = _progress(request)
    began = time.monotonic()
    counted: list[Counted] = []
    wrong = None
    try:
        for one in many(protocol, files, world, range(request.seed, request.seed + request.runs), jobs):
            counted.append(one)
            told(counted)
            if one.failed:
                break
        took = time.monotonic() - began
        if counted[-1].failed:
            told(counted)
            with emitted(protocol, files) as processes:
                wrong = _wrong(protocol, processes, world, counted[-1].seed)
    finally:
        clear()
    with printing():
        if request.as_json:
            print(json.dumps(_json(protocol, world, counted, took, wrong), indent=2))
        else:
            if wrong is not None:
                _show(wrong, request)
            print(_summary(protocol, world, counted, took), end="")
    if wrong is not None and wrong.trace is not None and request.trace is not None:
        write(request.trace, as_text(wrong.trace, "json"))
        print(f"  what went wrong is saved: oneleader replay {request.spec} {request.trace}", file=sys.stderr)
    raise typer.Exit(0 if wrong is None else WRONG)


# What is asked for ----------------------------------------------------------------------------------------------------


def _world(protocol: Protocol, request: Request) -> World:
    network = protocol.network
    for option, value, allowed in (
        ("loss", request.loss, network.loss),
        ("duplication", request.duplication, network.duplication),
        ("late", request.late, True),
    ):
        if value is not None and not 0 <= value <= 1:
            fail(f"--{option}: expected a number from 0 to 1")
        if value and not allowed:
            fail(f"--{option}: the network of this spec has no {option}")
    if not 0 < request.seconds < math.inf:
        fail("--seconds: expected more than 0, and an end")
    if not 0 <= request.drift < 1:
        fail("--drift: expected a part of 1, from 0 on: 0.001 is a millisecond a second")
    try:
        shortest_delay, longest_delay = between(request.delay, "--delay")
        store = between(request.store, "--store")
        times = [between(getattr(request, option), f"--{option}") for option in ("every", "lasting", "asks")]
    except BadDuration as problem:
        fail(str(problem))
    for option, (least, most) in zip(("every", "lasting", "asks"), times, strict=True):
        if least <= 0 or least != most:
            fail(f"--{option}: expected one time, and more than none")
    link = Link(
        shortest_delay,
        longest_delay,
        (SOME if network.loss else 0.0) if request.loss is None else request.loss,
        (SOME if network.duplication else 0.0) if request.duplication is None else request.duplication,
        request.late,
        in_order=not network.reordering,
    )
    sizes = sizes_of_cluster(request.spec, protocol, request.within)
    timers = durations_of_timers(protocol, request.timers)
    faults = _faults(protocol, request.faults, sizes)
    every, lasting, asks = (time for time, _ in times)
    return World(sizes, request.seconds, faults, every, lasting, asks, link, store, request.drift, timers)


def _faults(protocol: Protocol, words: str | None, sizes: tuple[int, ...]) -> tuple[str, ...]:
    if words is None:
        return possible_faults(protocol, sizes)
    found = tuple(word for word in words.replace(",", " ").split() if word != "none")
    for word in found:
        if word not in FAULTS:
            fail(f"--faults: there is no `{word}`; expected some of {', '.join(FAULTS)}, or none")
        if (objection := objection_to(word, protocol, sizes)) is not None:
            fail(f"--faults: no `{word}`: {objection}")
    return found


# What is found --------------------------------------------------------------------------------------------------------


def _wrong(protocol: Protocol, processes: Processes, world: World, seed: int) -> Wrong:
    drawn, schedule, found = shortest(protocol, processes, world, seed)
    problem = found.problem
    trace = refusal = None
    if isinstance(problem, PropertyFalse):
        trace = trace_of(found.watch.whole, problem)
    elif isinstance(problem, NoStep):
        refusal = refusal_of(found.watch.whole, problem)
    return Wrong(found, schedule, drawn, trace, refusal)


def _show(wrong: Wrong, request: Request) -> None:
    if wrong.trace is not None:
        show_trace(wrong.trace, CHART)
        print()
    elif wrong.refusal is not None:
        show_refusal(wrong.refusal)
    counted = wrong.run.counted
    print(f"seed {counted.seed}: {wrong.run.problem}, {counted.seconds * 1000:.1f} ms after the start")
    print(f"  of {wrong.drawn} faults and requests, these are enough:" if wrong.schedule else "  without any fault")
    for one in wrong.schedule:
        print(f"  {one}")
    print(f"  again: {_again(request, counted.seed)}")


def _again(request: Request, seed: int) -> str:
    """The command line for the run of a seed."""
    words = ["oneleader", "simulate", str(request.spec), "--seed", str(seed), "--runs", "1"]
    for option in fields(request):
        value = getattr(request, option.name)
        if option.name in WORLDLY and value != option.default:
            words += [f"--{option.name}", str(value)]
    for timer in request.timers:
        words += ["--timer", timer]
    return shlex.join(words)


def _summary(protocol: Protocol, world: World, counted: list[Counted], took: float) -> str:
    total = _total(counted)
    sizes = ", ".join(
        f"{size} {kind.name}{'' if size == 1 else 's'}" for kind, size in zip(protocol.kinds, world.sizes, strict=True)
    )
    runs = f"{len(counted):,} run{'s' if len(counted) != 1 else ''}"
    seen = f"spec {protocol.source.sha256[:12]}, seed {counted[0].seed} on"
    faults = f"{total.faults:,} faults of {', '.join(world.faults) or 'none'}"
    lines = [
        f"{protocol.name}: {runs} of {sizes}, {total.seconds:,.1f} simulated seconds in {took:.1f} s ({seen})",
        f"  {faults}; {total.messages:,} messages; {total.elections:,} times a process began to lead",
    ]
    if not counted[-1].failed:
        lines.append(f"  each of {total.steps:,} steps is one of the model, and no property was false")
        if left := not_judged(protocol):
            why = "about messages under way or time, or stated without some faults"
            lines.append(f"  not judged, as it is {why}: {', '.join(left)}")
        lines.append("  these are samples, and no proof: `oneleader check` and `oneleader prove` look at all runs")
    return "".join(f"{line}\n" for line in lines)


def _total(counted: list[Counted]) -> Counted:
    return Counted(
        counted[0].seed,
        sum(one.steps for one in counted),
        sum(one.elections for one in counted),
        sum(one.messages for one in counted),
        sum(one.faults for one in counted),
        sum(one.seconds for one in counted),
    )


def _json(protocol: Protocol, world: World, counted: list[Counted], took: float, wrong: Wrong | None) -> dict[str, Any]:
    total = _total(counted)
    found = None
    if wrong is not None:
        problem = wrong.run.problem
        found = {
            "seed": wrong.run.counted.seed,
            "at_seconds": wrong.run.counted.seconds,
            "reason": str(problem),
            "property": problem.item.name if isinstance(problem, PropertyFalse) else None,
            "drawn": wrong.drawn,
            "schedule": [
                {
                    "at_seconds": one.at,
                    "fault": one.fault.value,
                    "processes": [str(name) for name in one.names],
                    "asked": one.asked or None,
                    "arguments": list(one.arguments),
                }
                for one in wrong.schedule
            ],
            "refused": refusal_to_json(wrong.refusal) if wrong.refusal is not None else None,
            "trace": trace_to_json(wrong.trace) if wrong.trace is not None else None,
        }
    return {
        "format": "oneleader-simulate",
        "version": 1,
        "protocol": protocol.name,
        "spec_sha256": protocol.source.sha256,
        "sizes": {kind.name: size for kind, size in zip(protocol.kinds, world.sizes, strict=True)},
        "answer": "wrong" if wrong is not None else "nothing wrong found",
        "exit_status": WRONG if wrong is not None else 0,
        "first_seed": total.seed,
        "runs": len(counted),
        "simulated_seconds": total.seconds,
        "seconds": round(took, 3),
        "kinds_of_faults": list(world.faults),
        "faults": total.faults,
        "messages": total.messages,
        "elections": total.elections,
        "steps": total.steps,
        "not_judged": list(not_judged(protocol)),
        "wrong": found,
    }


def _progress(request: Request) -> tuple[Callable[[list[Counted]], None], Callable[[], None]]:
    """A line on a terminal's standard error that says how far it is; and what takes it away again."""
    wanted = sys.stderr.isatty() if request.progress is None else request.progress
    shown = 0.0

    def told(counted: list[Counted]) -> None:
        nonlocal shown
        failed = counted[-1].failed
        if wanted and (failed or time.monotonic() - shown > 0.1):
            shown = time.monotonic()
            line = f"seed {counted[-1].seed} goes wrong; looking for less that does" if failed else ""
            line = line or f"{len(counted)} of {request.runs} runs"
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def clear() -> None:
        if wanted:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return told, clear
