"""`oneleader prove`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from modelcheck.proof.certificate import refuse_other, save
from modelcheck.proof.claims import MINORITY_CANNOT_ELECT
from modelcheck.proof.discharge import SizeProof
from modelcheck.proof.obligations import goals_of, invariant_of, obligations
from modelcheck.proof.prove import Proof, Wanted, not_tried, prove, said_without, statement, text_of_clauses
from modelcheck.proof.scope import ANY, LARGEST_SIZE, described
from modelcheck.proof.setting import Unprovable
from modelcheck.proof.solvers import UNDECIDED, NoSolver, require_solvers
from modelcheck.proof.verdict_json import proof_to_json
from modelcheck.report import described_faults_of, described_network, time_to_json
from modelcheck.timed import with_time
from modelcheck.trace import Trace
from modelcheck.verdict import Answer
from oneleader.console import fail, printing, problems_told, read, write
from oneleader.render import show_trace
from spec.diagnostics import SpecError
from spec.overrides import faults_from, network_from
from spec.protocol import Protocol

PROVED, VIOLATED, UNKNOWN = 0, 1, 3
FIRST_SECONDS, EXPLORED_SECONDS = 5.0, 60.0
"""So long each of the spec's checks is explored before anything is proved, and after a proof has failed."""
DEPTH = 8
UNROLLED_SECONDS = 20.0
"""So deep, and so long, a solver looks for a violation where an exploration of the spec's checks found none."""


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    spec: Path
    sizes: str = "3,4,5,any"
    out: Path | None = None
    search: bool = True
    network: str | None = None
    faults: str | None = None
    seconds: float = 10.0
    as_json: bool = False
    invariant: Path | None = None
    keep_cnf: bool = False
    quiet: bool = False


def run(request: Request) -> None:
    """Proves a spec, or shows why it is wrong, or says what is missing."""
    protocol = read(request.spec)
    wanted = _wanted(protocol, request)
    began = time.monotonic()

    def tell(line: str) -> None:
        if not request.quiet:
            print(f"oneleader: {line}", file=sys.stderr, flush=True)

    _refuse_places(request)
    wrong = None
    if wanted.search:
        # Most wrong specs are wrong within the bounds of their own checks, which takes no time to see.
        tell("exploring the spec's own checks first")
        wrong = _explored(not_tried(protocol, wanted), FIRST_SECONDS)
    try:
        if wrong is None:
            require_solvers()
        proof = prove(protocol, wanted, tell) if wrong is None else not_tried(protocol, wanted)
    except Unprovable as problem:
        place = f":{problem.span.line}:{problem.span.column}" if problem.span.line else ""
        fail(f"{request.spec}{place}: proofs do not cover {problem.reason}")
    except NoSolver as problem:
        print(f"oneleader: {problem}", file=sys.stderr)
        raise typer.Exit(UNKNOWN) from None
    if wrong is None and not proof.proved:
        wrong = _counterexample(proof, tell)
    if request.as_json:
        with printing():
            print(json.dumps(_as_json(proof, wrong, time.monotonic() - began), indent=2))
    else:
        _show(proof, wrong, time.monotonic() - began)
    if wrong is not None and wrong.is_real:
        if request.out is not None:
            print(f"  a property is violated, and no certificate is written to {request.out}", file=sys.stderr)
        raise typer.Exit(VIOLATED)
    _write(proof, request, tell)
    raise typer.Exit(PROVED if proof.proved else UNKNOWN)


def _refuse_places(request: Request) -> None:
    """What cannot be written is told before the work is done, as far as that can be known."""
    if request.invariant is not None and not request.search:
        fail("--invariant: with --no-search no invariant is looked for, and so there is none to write")
    if request.invariant is not None and (request.invariant.is_dir() or not request.invariant.parent.is_dir()):
        fail(f"--invariant: {request.invariant} is no file that can be written")
    if request.out is not None:
        with problems_told(str(request.out)):
            try:
                refuse_other(request.out)
            except FileExistsError as problem:
                fail(str(problem))


def _write(proof: Proof, request: Request, tell: Callable[[str], None]) -> None:
    """Writes what was asked for; says so where there is nothing to write."""
    if request.invariant is not None:
        found = tuple(clause for part in proof.parts for clause in part.found)
        if found:
            write(request.invariant, text_of_clauses(found))
        else:
            print(f"  no invariant was found, and {request.invariant} is not written", file=sys.stderr)
    if request.out is None:
        return
    if not any(size.proved for part in proof.parts for size in part.sizes):
        there = " (it holds an older one)" if request.out.exists() else ""
        print(f"  nothing is proved, and no certificate is written to {request.out}{there}", file=sys.stderr)
        return
    with problems_told(str(request.out)):
        save(proof, request.out, version("oneleader"), tell, request.keep_cnf)
    print(f"  the certificate is in {request.out}: oneleader recheck {request.out}", file=sys.stderr)


def _wanted(protocol: Protocol, request: Request) -> Wanted:
    sizes: list[int | None] = []
    for part in request.sizes.split(","):
        word = part.strip()
        if word == ANY:
            sizes.append(None)
        elif word.isdecimal() and 1 <= int(word) <= LARGEST_SIZE:
            sizes.append(int(word))
        else:
            fail(f"--sizes: `{word}` is no size; expected numbers from 1 to {LARGEST_SIZE}, or `any`: 3,4,5,any")
    if len(set(sizes)) < len(sizes):
        fail("--sizes: a size is named twice")
    if not request.seconds > 0:
        fail("--time: expected more than 0 seconds")
    with problems_told():
        network = network_from(request.network, protocol, "--network") if request.network is not None else None
        faults = faults_from(request.faults, protocol, "--faults") if request.faults is not None else None
        with_time(protocol, network or protocol.network, protocol.faults if faults is None else faults)
    return Wanted(tuple(sizes), network, faults, request.search, request.seconds)


@dataclass(frozen=True)
class Wrong:
    """Why a spec is not proved: a run that violates a property (`is_real`), or a step from a state that need not be
    reachable at all. `trace` is None where the exploration's answer is no run (two quorums apart, say)."""

    trace: Trace | None
    reason: str
    is_real: bool


def _counterexample(proof: Proof, tell: Callable[[str], None]) -> Wrong | None:
    """The shortest violation that an exploration of the spec's own checks finds, or one that the solver finds within a
    few steps whatever the numbers; else a step that breaks a clause."""
    return _explored(proof, EXPLORED_SECONDS) or _unrolled(proof, tell) or _not_inductive(proof)


def _explored(proof: Proof, seconds: float) -> Wrong | None:
    # Half a second goes by until the explorers are there, which not every proof needs.
    from modelcheck.check import Options, run_check
    from modelcheck.engines import NoEngine
    from modelcheck.outcome import Limits

    # What is left to the spec leaves a check's own restrictions as they are.
    faults = proof.faults if proof.faults != proof.original.faults else None
    options = Options(Limits(seconds=seconds), network=proof.network, faults=faults)
    for check in proof.original.checks:
        try:
            verdict = run_check(proof.original, check, options)
        except (NoEngine, SpecError):
            return None
        for one in verdict.explorations:
            if one.answer is Answer.VIOLATED:
                return Wrong(one.trace, verdict.reason, True)
    return None


def _unrolled(proof: Proof, tell: Callable[[str], None]) -> Wrong | None:
    from modelcheck.proof import bounded

    fixed = next((size.size for size in proof.sizes if size.size is not None), None)
    if fixed is None:
        return None
    tell(f"looking for a violation within {DEPTH} steps, whatever the numbers")
    for part in proof.parts:
        setting = replace(part, protocol=proof.original).setting(fixed)
        only = frozenset(claim.name for claim in goals_of(setting)) if part.without else None
        try:
            outcome = bounded.search(setting, bounded.Limits(DEPTH, UNROLLED_SECONDS), only)
        except (Unprovable, ValueError):
            continue
        if outcome.trace is not None and outcome.ended is bounded.Ended.VIOLATED:
            what = outcome.trace.violation.property if outcome.trace.violation is not None else "a property"
            found = f"{described(setting)}: {what}: violated after {len(outcome.trace)} steps"
            return Wrong(outcome.trace, f"{found}; found by {outcome.solver}, whatever the numbers", True)
    return None


def _not_inductive(proof: Proof) -> Wrong | None:
    """A counterexample to induction, where a size has one."""
    return next((found for part in proof.parts if (found := _not_inductive_in(part))), None)


def _not_inductive_in(proof: Proof) -> Wrong | None:
    from modelcheck.proof.counterexample import NotDecoded, find

    for size in proof.sizes:
        failed = {one.file.name for one in size.answers if one.answer == "sat"}
        if size.size is None or not failed:
            continue
        setting = proof.setting(size.size)
        invariant = invariant_of(setting, proof.clauses)
        properties = tuple(c for c in goals_of(setting) if c.name != MINORITY_CANNOT_ELECT)
        for obligation in obligations(setting, invariant):
            if obligation.name in failed and MINORITY_CANNOT_ELECT not in obligation.name:
                try:
                    found = find(setting, obligation, invariant, properties)
                except NotDecoded:
                    continue
                if found is not None:
                    return Wrong(found.trace, f"not inductive: a step breaks {found.broken}", False)
    return None


def _show(proof: Proof, wrong: Wrong | None, seconds: float) -> None:
    with printing():
        if wrong is not None and wrong.trace is not None:
            show_trace(wrong.trace, "chart")
            print()
        print(_head(proof, wrong))
        if wrong is not None:
            print(f"  {wrong.reason}")
        faults, time_lines = proof.faults, _time(proof)
        if wrong is not None and wrong.is_real and wrong.trace is not None:  # of what is stated without some, fewer
            model = wrong.trace.model
            faults, time_lines = model.faults, time_to_json(model.protocol.clocks, model.faults)
        print(f"  spec {proof.original.source.sha256[:12]}; network: {described_network(proof.network)}; ", end="")
        print(f"faults: {described_faults_of(faults, timed=proof.original.timed)}")
        for line in time_lines:
            print(f"  {line}")
        if proof.sizes and not (wrong is not None and wrong.is_real):
            print("  no bound on numbers, steps or messages")
        if wrong is not None and wrong.is_real:
            for size in proof.sizes:
                if size.refused:
                    _show_size(size)
            print(f"  {seconds:.1f} s")
            return
        for part in proof.parts:
            _show_part(part, _time(proof))
        print(f"  {proof.solver}; {seconds:.1f} s" if proof.solver else f"  {seconds:.1f} s")


def _time(proof: Proof) -> list[str]:
    return time_to_json(proof.setting(None).protocol.clocks, proof.assumptions.left)


def _show_part(proof: Proof, time_above: list[str]) -> None:
    if proof.without:
        print(f"  stated without {said_without(proof.without)}, and of runs in which there is none:")
        for line in () if _time(proof) == time_above else _time(proof):
            print(f"  {line}")
    for size in proof.sizes:
        _show_size(size)
    if any(size.proved for size in proof.sizes):
        print("  what is proved, of every reachable state:")
        for line in statement(proof):
            print(f"    {line}")
    if proof.unproved:
        print(f"  not shown: {', '.join(proof.unproved)}")
    if proof.found:
        print("  the invariant, beside the spec's own properties:\n")
        print(text_of_clauses(proof.found))


def _head(proof: Proof, wrong: Wrong | None) -> str:
    name = proof.original.name
    if wrong is not None and wrong.is_real:
        return f"{name}: violated"
    # What is said of a size is said of all properties.
    proved = [
        size.description
        for size in proof.sizes
        if all(one.proved for part in proof.parts for one in part.sizes if one.size == size.size)
    ]
    if proof.proved:
        return f"{name}: proved for {'; '.join(proved)}"
    return f"{name}: unknown{', but proved for ' + '; '.join(proved) if proved else ''}"


def _show_size(size: SizeProof) -> None:
    shown = sum(one.shown for one in size.answers)
    seconds = sum(one.seconds for one in size.answers)
    if size.refused:
        print(f"  {size.description}: {size.refused}")
        return
    print(f"  {size.description}: {shown} of {len(size.answers)} obligations shown, {seconds:.2f} s")
    for one in size.answers:
        if not one.shown:
            said = "fails" if one.answer == "sat" else "undecided" if one.answer in UNDECIDED else one.answer
            print(f"    {said}: {one.file.title} ({', '.join(one.open)})")


def _as_json(proof: Proof, wrong: Wrong | None, seconds: float) -> dict[str, Any]:
    if wrong is None:
        return proof_to_json(proof, False, "", None, seconds)
    return proof_to_json(proof, wrong.is_real, wrong.reason, wrong.trace, seconds)
