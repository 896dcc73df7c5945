"""`oneleader bmc`."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from modelcheck.check import described_sizes
from modelcheck.proof.bounded import Ended, EnginesDisagree, Limits, Told, search
from modelcheck.proof.bounded_report import Instance, report, to_json
from modelcheck.proof.scope import assumptions_of, proof_setting
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.solvers import NoSolver, z3_version
from modelcheck.properties import QUORUMS_INTERSECT, disjoint_quorums
from modelcheck.timed import stated_without
from modelcheck.trace import Trace
from modelcheck.verdict import EXIT_STATUS, Answer
from oneleader.check import only_of
from oneleader.console import fail, printing, problems_told, read, write
from oneleader.render import CHART, as_text, show_trace
from spec.names import STANDARD_PROPERTIES
from spec.overrides import check_from, faults_from, network_from
from spec.protocol import Check, PropertyKind, Protocol


@dataclass(frozen=True)
class Request:
    """The command line of `bmc`, as typed."""

    spec: Path
    within: str | None = None
    depth: int = 10
    properties: tuple[str, ...] = ()
    induction: bool = False
    network: str | None = None
    faults: str | None = None
    seconds: float | None = None
    as_json: bool = False
    format: str = "chart"
    trace: Path | None = None
    progress: bool | None = None


def bmc(request: Request) -> None:
    """Looks for a violation at every size asked for, and ends with the status of the worst verdict."""
    protocol = read(request.spec)
    only = _only(protocol, request)
    settings = _settings(protocol, request, only)
    try:
        z3_version()
    except NoSolver as problem:
        print(f"oneleader: {problem}", file=sys.stderr)
        raise typer.Exit(EXIT_STATUS[Answer.UNKNOWN]) from None
    began = time.monotonic()
    found: list[Instance] = []
    for setting, looked_for in settings:
        left = None if request.seconds is None else max(request.seconds - (time.monotonic() - began), 0.001)
        found.append(_instance(setting, Limits(request.depth, left, request.induction), looked_for, request))
        if not request.as_json:
            _show(found[-1], request)
        if found[-1].status == EXIT_STATUS[Answer.VIOLATED] or _interrupted(found[-1]):
            break
    if request.as_json:
        shown = [to_json(instance) for instance in found]
        with printing():
            print(json.dumps(shown[0] if len(settings) == 1 else shown, indent=2))
    _save(found, request)
    statuses = [instance.status for instance in found]
    order = [EXIT_STATUS[answer] for answer in (Answer.HOLDS, Answer.UNKNOWN, Answer.VIOLATED)]
    raise typer.Exit(max(statuses, key=order.index))


def _instance(setting: Setting, limits: Limits, only: frozenset[str] | None, request: Request) -> Instance:
    told, clear = _progress(setting, request)
    named = replace(setting.model, only=only)
    apart = disjoint_quorums(named) if only is None or QUORUMS_INTERSECT in only else None
    if apart is not None:
        kind, *sets = apart
        one, other = ("{" + ", ".join(f"{kind}{n + 1}" for n in sorted(members)) + "}" for members in sets)
        return Instance(named, None, f"{QUORUMS_INTERSECT}: {one} and {other} are quorums", violated=True)
    try:
        outcome = search(setting, limits, only, told)
    except ValueError as problem:
        return Instance(named, None, f"the initial state cannot be made: {problem}", violated=True)
    except Unprovable as problem:
        where = f" (line {problem.span.line})" if problem.span.line else ""
        return Instance(named, None, f"not covered: {problem.reason}{where}")
    except EnginesDisagree as problem:
        return Instance(named, None, f"the engines disagree, which is a bug of oneleader: {problem}")
    finally:
        clear()
    instance = Instance(named, outcome, induction=limits.induction)
    if _interrupted(instance):
        # Pressed once more, Ctrl-C must not take the partial verdict away.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return instance


def _interrupted(instance: Instance) -> bool:
    return instance.outcome is not None and instance.outcome.ended is Ended.INTERRUPTED


def _settings(
    protocol: Protocol, request: Request, only: frozenset[str] | None
) -> list[tuple[Setting, frozenset[str] | None]]:
    """Of every size one, and one for each set of faults that some properties are stated without; each with the names of
    the properties to look for (None: all)."""
    if request.depth < 0:
        fail("--depth: expected 0 or more")
    if request.seconds is not None and not request.seconds > 0:
        fail("--time: expected more than 0 seconds")
    with problems_told():
        network = network_from(request.network, protocol, "--network") if request.network is not None else None
        faults = faults_from(request.faults, protocol, "--faults") if request.faults is not None else None
    found = []
    for sizes, left_out in dict.fromkeys((s, r.without) for r in _check(protocol, request).rows for s in r.sizes):
        kept = tuple(fault for fault in protocol.faults if fault.kind not in left_out)
        assumptions = assumptions_of(protocol, network, kept if faults is None else faults)
        for without in stated_without(protocol, assumptions.faults):
            with problems_told():
                setting = proof_setting(protocol, sizes, replace(assumptions, without=without))
            names = setting.goals
            if only is not None:
                known = frozenset((*(p.name for p in setting.protocol.properties), *STANDARD_PROPERTIES))
                names = only & (known if names is None else names)
            if names is None or names:
                found.append((setting, names))
    return found


def _check(protocol: Protocol, request: Request) -> Check:
    """The check of which the sizes are taken, and the faults that it leaves out, and nothing else."""
    if request.within is None:
        if not protocol.checks:
            fail(f"{request.spec} has no check; say --within '3 nodes'")
        return protocol.checks[0]
    with problems_told():
        check = check_from(request.within, protocol, "--within")
    bounds = [f"{bound.variable} <= {bound.limit}" for row in check.rows for bound in row.bounds]
    bounds += [f"channel <= {row.channel}" for row in check.rows if row.channel is not None]
    if bounds:
        fail(f"--within: bmc bounds no numbers and no links: leave out `{bounds[0]}`; `oneleader check` takes bounds")
    return check


def _only(protocol: Protocol, request: Request) -> frozenset[str] | None:
    wanted = {declared.name for declared in protocol.properties if declared.kind is PropertyKind.REACHABLE}
    for name in request.properties:
        if name in wanted:
            fail(f"--property: `{name}` is a `reachable` property, and bmc looks for violations; try `oneleader check`")
    return only_of(protocol, request.properties)


def _trace(instance: Instance) -> Trace | None:
    return instance.outcome.trace if instance.outcome is not None else None


def _show(instance: Instance, request: Request) -> None:
    trace = _trace(instance)
    with printing():
        if trace is not None:
            show_trace(trace, request.format)
        if trace is None or request.format == CHART:
            print(report([instance]), end="")


def _save(found: list[Instance], request: Request) -> None:
    trace = next((trace for trace in map(_trace, found) if trace is not None), None)
    if trace is not None and request.trace is not None:
        write(request.trace, as_text(trace, "json"))
        print(f"  the counterexample is saved: oneleader replay {request.spec} {request.trace}", file=sys.stderr)


def _progress(setting: Setting, request: Request) -> tuple[Told | None, Callable[[], None]]:
    """A line on a terminal's standard error that says how far the search is; and what takes it away again."""
    wanted = sys.stderr.isatty() if request.progress is None else request.progress

    def told(steps: int, seconds: float) -> None:
        line = f"{described_sizes(setting.model)}: no violation within {steps} steps, {seconds:.1f} s"
        print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def clear() -> None:
        if wanted:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    return (told if wanted else None), clear
