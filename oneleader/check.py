"""`oneleader check`."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

from modelcheck.check import Options, Watch, described_sizes, run_check
from modelcheck.engines import Choice, NoEngine, Wanted
from modelcheck.model import Model
from modelcheck.outcome import Limits, Progress
from modelcheck.properties import (
    LEADER_HOLDS_QUORUM,
    ONE_LEADER_PER_TOKEN,
    QUORUMS_INTERSECT,
    TOKEN_NEVER_GOES_BACKWARDS,
)
from modelcheck.reductions import ALL, ALWAYS_ARMED, DEAD_MESSAGES, DEAD_VARIABLES, SYMMETRY
from modelcheck.report import report
from modelcheck.trace import Trace
from modelcheck.verdict import EXIT_STATUS, Answer, Verdict
from modelcheck.verdict_json import verdict_to_json
from oneleader.console import fail, printing, problems_told, read, write
from oneleader.render import CHART, as_text, show_trace
from spec.diagnostics import suggestion
from spec.overrides import check_from, fairness_from, faults_from, network_from, timing_from
from spec.protocol import Check, Protocol

REDUCTIONS = {
    "symmetry": SYMMETRY,
    "dead-variables": DEAD_VARIABLES,
    "dead-messages": DEAD_MESSAGES,
    "always-armed": ALWAYS_ARMED,
}
"""The reductions by their names on the command line."""


@dataclass(frozen=True)
class Request:
    """The command line of `check`, as typed."""

    spec: Path
    checks: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    within: str | None = None
    network: str | None = None
    faults: str | None = None
    fairness: str | None = None
    timed: str | None = None
    engine: str = "auto"
    threads: int | None = None
    without: tuple[str, ...] = ()
    memory: str | None = None
    seconds: float | None = None
    depth: int | None = None
    as_json: bool = False
    format: str = "chart"
    trace: Path | None = None
    progress: bool | None = None


def check(request: Request) -> None:
    """Runs the checks asked for and ends with the status of the worst verdict."""
    if request.trace is not None and (request.trace.is_dir() or not request.trace.parent.is_dir()):
        fail(f"--trace: {request.trace} is no file that can be written")  # before it has been searched for
    protocol = read(request.spec)
    checks = _checks(protocol, request)
    options = _options(protocol, request)
    verdicts: list[Verdict] = []
    watch, clear = _progress(request)
    remarked = _remarks()
    for one in checks:
        try:
            with problems_told():
                verdict = run_check(protocol, one, options, watch, remarked=remarked)
        except NoEngine as problem:
            fail(str(problem))
        finally:
            clear()
        if _interrupted(verdict):
            # Pressed once more, Ctrl-C must not take the partial verdict away.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        verdicts.append(verdict)
        if not request.as_json:
            _show(verdict, request)
        if verdict.answer is Answer.VIOLATED or _interrupted(verdict):
            break
    if request.as_json:
        shown = [verdict_to_json(verdict) for verdict in verdicts]
        with printing():
            print(json.dumps(shown[0] if len(checks) == 1 else shown, indent=2))
    for verdict in verdicts:
        _save(verdict, request)
    raise typer.Exit(max((verdict.exit_status for verdict in verdicts), key=_gravity))


def _gravity(status: int) -> int:
    """A violation outweighs what is not known."""
    return [EXIT_STATUS[Answer.HOLDS], EXIT_STATUS[Answer.UNKNOWN], EXIT_STATUS[Answer.VIOLATED]].index(status)


def _interrupted(verdict: Verdict) -> bool:
    return any(exploration.is_interrupted for exploration in verdict.explorations)


def _checks(protocol: Protocol, request: Request) -> tuple[Check, ...]:
    if request.within is not None:
        if request.checks:
            fail("--within is explored instead of the spec's checks: leave out --check")
        with problems_told():
            return (check_from(request.within, protocol, "--within"),)
    names = [one.name for one in protocol.checks]
    unknown = [name for name in request.checks if name not in names]
    if unknown:
        fail(f"{request.spec} has no check `{unknown[0]}`; it has: {', '.join(names) or 'none'}")
    if not names:
        fail(f"{request.spec} has no check; add `check quick: 3 nodes, ...`, or say --within '3 nodes'")
    return tuple(one for one in protocol.checks if not request.checks or one.name in request.checks)


def _options(protocol: Protocol, request: Request) -> Options:
    threads = request.threads if request.threads is not None else os.cpu_count() or 1
    if threads < 1:
        fail("--threads: expected 1 or more")
    if request.depth is not None and request.depth < 0:
        fail("--depth: expected 0 or more")
    if request.seconds is not None and not request.seconds > 0:
        fail("--time: expected more than 0 seconds")
    with problems_told():
        network = network_from(request.network, protocol, "--network") if request.network is not None else None
        faults = faults_from(request.faults, protocol, "--faults") if request.faults is not None else None
        said = request.fairness
        fairness = fairness_from(said, protocol, "--fairness") if said is not None else None
        timing = timing_from(request.timed, protocol, "--timed") if request.timed is not None else None
    return Options(
        Limits(threads, _bytes(request.memory), request.seconds or 0.0, request.depth),
        Choice(Wanted(request.engine), ALL - set(request.without)),
        network,
        faults,
        only_of(protocol, request.properties),
        fairness,
        timing,
    )


def only_of(protocol: Protocol, names: tuple[str, ...]) -> frozenset[str] | None:
    known = [declared.name for declared in protocol.properties]
    if protocol.leader is not None:
        known += [ONE_LEADER_PER_TOKEN, TOKEN_NEVER_GOES_BACKWARDS]
        known += [LEADER_HOLDS_QUORUM] if protocol.leader.elected_by is not None else []
    if any(of.name.partition(":")[0] == "quorum" for of in protocol.definitions):
        known.append(QUORUMS_INTERSECT)
    for name in names:
        if name not in known:
            near = suggestion(name, known) or "there is: " + ", ".join(known)
            fail(f"--property: there is no property `{name}`; {near}")
    return frozenset(names) or None


def _bytes(text: str | None) -> int:
    """`8G`, `500M` as bytes; 0 for no limit of one's own."""
    if text is None:
        return 0
    units = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
    number, unit = (text[:-1], text[-1].upper()) if text and text[-1].isalpha() else (text, "")
    try:
        amount = float(number) * (units[unit] if unit else 1)
    except (ValueError, KeyError):
        fail(f"--memory: `{text}` is no amount of memory; expected as in 8G or 500M")
    if amount < 1:
        fail("--memory: expected more than nothing")
    return int(amount)


def _show(verdict: Verdict, request: Request) -> None:
    trace = _trace(verdict)
    with printing():
        if trace is not None:
            show_trace(trace, request.format)
        if trace is None or request.format == CHART:
            print(report(verdict), end="")


def _save(verdict: Verdict, request: Request) -> None:
    trace = _trace(verdict)
    if trace is not None and request.trace is not None:
        write(request.trace, as_text(trace, "json"))
        print(f"  the counterexample is saved: oneleader replay {request.spec} {request.trace}", file=sys.stderr)


def _trace(verdict: Verdict) -> Trace | None:
    return next((e.trace for e in verdict.explorations if e.trace is not None), None)


def _remarks() -> Callable[[str], None]:
    """Tells each remark at once, since a search may take long; the same one only once."""
    told: set[str] = set()

    def remarked(remark: str) -> None:
        if remark not in told:
            told.add(remark)
            print(f"oneleader: {remark}", file=sys.stderr, flush=True)

    return remarked


def _progress(request: Request) -> tuple[Watch | None, Callable[[], None]]:
    """A line on a terminal's standard error that says how far the search is; and what takes it away again."""
    wanted = sys.stderr.isatty() if request.progress is None else request.progress

    def watch(model: Model, progress: Progress) -> None:
        now = time.monotonic()
        began = starts.setdefault(id(model), now)
        rate = progress.states / (now - began) if now > began else 0.0
        line = (
            f"{described_sizes(model)}: {progress.states:,} states, frontier {progress.frontier:,}, "
            f"depth {progress.depth}, {rate:,.0f} states/s, {progress.bytes / 2**20:,.0f} MiB"
        )
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    starts: dict[int, float] = {}

    def clear() -> None:
        if wanted and starts:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return (watch if wanted else None), clear
