"""Proofs: what they cost with the invariant given and from nothing, what it costs to check them again, how that grows.

    python -m bench.proofs [--runs 5] [--long-runs 3] [--mypyvy CLONE]
                           [--save docs/proofs-bench.json] [--document] [--json]

Whole commands are timed from the start of Python to its end, with the processes that they begin; the parts of a proof,
inside a child process (`bench.proof_parts`). All of them take turns. What does not show what it has to show is an
error: no time is given then.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.measure import ROOT, Finished, in_turns, machine, run_process
from bench.mypyvy import VARIABLE, Mypyvy, PeerFailed, PeerMissing, found_at, run_mypyvy
from bench.proof_parts import Figures, Part, PartFailed, measured
from bench.proof_tables import (
    BMC,
    FROM_NOTHING,
    GIVEN,
    GIVEN_ANY,
    RECHECK,
    SAME_FROM_NOTHING,
    SAME_GIVEN,
    START,
    Results,
    Row,
    goals,
    shown,
)
from bench.tables import replace_block

COMMAND = "python -m bench.proofs"
DOCUMENT = ROOT / "docs" / "performance.md"
RAFT = "spec/protocols/raft.elect"
WITH_INVARIANT = "tests/modelcheck/proof/raft_with_invariant.elect"
OTHERS = ("prevote", "lock_service", "ring")
BROKEN = {"vote_forgotten": 7, "half_is_enough": 6}
"""Broken specs, and after how many steps the first of them can have two leaders with one token."""

SIZES = ("3", "4", "5", "7", "9", "any")
REFUTED = ("3", "4", "5", "7")
"""At 9 nodes a refutation of every goal takes minutes."""

EXAMPLES = (
    ("updr", "examples/ring_leader_election.pyv", "ring, from nothing"),
    ("updr", "examples/lockserv.pyv", "lock service, from nothing"),
    ("verify", "examples/ring_leader_election.pyv", "ring, invariant given"),
    ("verify", "examples/lockserv.pyv", "lock service, invariant given"),
    ("verify", "examples/raft_epr.pyv", "Raft, invariant given"),
)
"""Of mypyvy's own: how it is run, on what, and what that is."""

ORACLE = "tests/oracles/raft_election.elect"
SAME = str(ROOT / "bench" / "peers" / "raft_election.pyv")
"""RaftElection.tla in our language, and in mypyvy's."""

LIMIT = 600.0
"""Seconds that anything may take."""


class CommandFailed(Exception):
    """A command did not answer as it has to."""


Measure = Callable[[], Row]


# Commands -------------------------------------------------------------------------------------------------------------


def oneleader(arguments: Sequence[str], statuses: Sequence[int]) -> Finished:
    """Raises CommandFailed."""
    done = run_process([sys.executable, "-m", "oneleader", *arguments], seconds=LIMIT)
    if done.exit_status not in statuses:
        raise CommandFailed(f"oneleader {' '.join(arguments)}: status {done.exit_status}\n{done.output[-2000:]}")
    return done


def _row(table: str, task: str, engine: str, answer: str, done: Finished) -> Row:
    return Row(table, task, engine, answer, {"cpu": done.cpu_seconds, "wall": done.wall_seconds})


def start() -> Row:
    return _row("command", START, "oneleader --version", "", oneleader(["--version"], [0]))


def prove(task: str, spec: str, more: Sequence[str] = (), must: bool = False) -> Row:
    """One proof, by a whole command. Raises CommandFailed; also for another answer than `proved`, where it must be."""
    done = oneleader(["prove", spec, *more, "--json", "--quiet"], [0, 3])
    answer = str(json.loads(done.output)["answer"])
    if must and answer != "proved":
        raise CommandFailed(f"oneleader prove {spec}: {answer}")
    return _row("command", task, " ".join(["oneleader prove", *more]), answer, done)


def bmc(spec: str, steps: int) -> Row:
    """The shortest violation of a broken spec."""
    file = f"spec/broken/{spec}.elect"
    done = oneleader(["bmc", file, "--property", "one_leader_per_token", "--json"], [1])
    return _row("command", f"{BMC}{spec}", "oneleader bmc", violated_after(done.output, spec, steps), done)


def violated_after(output: str, spec: str, steps: int) -> str:
    """Reads a verdict of `bmc`; refuses one that differs from what is known. Raises CommandFailed."""
    verdict = json.loads(output)
    if verdict["answer"] != "violated" or verdict["clean_steps"] != steps - 1:
        raise CommandFailed(f"oneleader bmc {spec}: {verdict['reason']}; it is violated after {steps} steps")
    return f"violated, {steps} steps"


def recheck(certificate: str) -> Row:
    return _row("command", RECHECK, "oneleader recheck", "holds", oneleader(["recheck", certificate, RAFT], [0]))


# Parts and peers ------------------------------------------------------------------------------------------------------


def part(name: str, certificate: str, size: str = "any") -> Row:
    """One part of a proof, in a process of its own. Raises PartFailed."""
    figures: Figures = measured(Part(name, certificate, size), LIMIT)
    return Row(name, size, "oneleader", "", figures)


def peer(mypyvy: Mypyvy, mode: str, file: str, task: str, seconds: float = LIMIT) -> Row:
    answer, done = run_mypyvy(mypyvy, mode, file, seconds)
    return _row("peer", task, f"mypyvy {mode} {Path(file).name}", answer, done)


def peer_jobs(mypyvy: Mypyvy, election: str, updr_seconds: float, runs: int) -> list[tuple[Measure, int]]:
    """mypyvy on its examples, and both on the same election; `election` is that with an invariant for ours."""
    any_size = ("--sizes", "any")
    return [
        (partial(prove, SAME_GIVEN, election, ("--no-search", *any_size), True), runs),
        (partial(peer, mypyvy, "verify", SAME, SAME_GIVEN), runs),
        (partial(prove, SAME_FROM_NOTHING, ORACLE, any_size, True), runs),
        # Once: it has not been seen to end.
        (partial(peer, mypyvy, "updr", SAME, SAME_FROM_NOTHING, updr_seconds), 1),
        *((partial(peer, mypyvy, *example), runs) for example in EXAMPLES),
    ]


# All ------------------------------------------------------------------------------------------------------------------


def jobs(given: str, found: str, runs: int, long_runs: int) -> list[tuple[Measure, int]]:
    """What is measured of ours, and how many times. `given` and `found` are certificates."""
    return [
        (start, runs),
        (partial(prove, GIVEN, WITH_INVARIANT, ("--no-search",), True), runs),
        (partial(prove, GIVEN_ANY, WITH_INVARIANT, ("--no-search", "--sizes", "any"), True), runs),
        (partial(prove, f"raft{FROM_NOTHING}", RAFT, (), True), runs),
        *((partial(prove, f"{name}{FROM_NOTHING}", f"spec/protocols/{name}.elect"), long_runs) for name in OTHERS),
        (partial(recheck, found), runs),
        (partial(part, "cvc5", found), runs),
        (partial(part, "checked", found), runs),
        *((partial(bmc, spec, steps), runs) for spec, steps in BROKEN.items()),
        (partial(part, "hypotheses", given), runs),
        *((partial(part, "obligations", given, size), runs) for size in SIZES),
        *((partial(part, "refutations", given, size), long_runs) for size in REFUTED),
    ]


def run(mypyvy: Mypyvy | None, missing: str, updr_seconds: float, runs: int, long_runs: int) -> Results:
    """Measures everything. Raises CommandFailed, PartFailed or PeerFailed."""
    with tempfile.TemporaryDirectory(prefix="oneleader-proofs-") as folder:
        given, found = f"{folder}/given", f"{folder}/found"
        # Refutations of one size are enough here: what is measured makes its own.
        oneleader(["prove", WITH_INVARIANT, "--no-search", "--sizes", "3,any", "--out", given, "--quiet"], [0])
        oneleader(["prove", RAFT, "--out", found, "--quiet"], [0])
        every = jobs(given, found, runs, long_runs)
        if mypyvy is not None:
            same = f"{folder}/same"
            oneleader(["prove", ORACLE, "--sizes", "any", "--out", same, "--quiet"], [0])
            every += peer_jobs(mypyvy, f"{same}/proof.elect", updr_seconds, long_runs)
        rows = [median_of(one) for one in in_turns(every)]
    said = f"mypyvy of commit {mypyvy.version}" if mypyvy is not None else ""
    return Results(machine(), versions(), said, missing, tuple(rows), goals(rows))


def median_of(runs: Sequence[Row]) -> Row:
    """The median of each figure; all answers that were given, where they differ."""
    first = runs[0]
    figures = {name: statistics.median(one.figures[name] for one in runs) for name in first.figures}
    answers = " or ".join(dict.fromkeys(one.answer for one in runs))
    return Row(first.table, first.task, first.engine, answers, figures, len(runs))


def versions() -> str:
    """Of ours and of the solvers."""
    names = {"oneleader": "oneleader", "z3": "z3-solver", "cvc5": "cvc5", "python-sat": "python-sat"}
    return ", ".join(f"{name} {_version(package)}" for name, package in names.items())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def results_from(text: str) -> Results:
    """Results that were saved as JSON; the goals are judged anew."""
    given = json.loads(text)
    rows = tuple(Row(**one) for one in given["rows"])
    return Results(given["machine"], given["versions"], given["peer"], given["missing"], rows, goals(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; status 1 where a goal is missed, 2 where something could not be measured."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--long-runs", type=int, help="of what takes long and has no goal; 3 at most, unless it is said"
    )
    parser.add_argument("--mypyvy", metavar="CLONE", default=os.environ.get(VARIABLE), help=f"or {VARIABLE} is set")
    parser.add_argument(
        "--updr-seconds", type=float, default=60.0, metavar="S", help="for its search on Raft's election; %(default)s"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the results as JSON")
    parser.add_argument("--shown", type=Path, metavar="FILE", help="measure nothing: show what was saved")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args(arguments)
    try:
        if options.shown is not None:
            results = results_from(options.shown.read_text(encoding="utf-8"))
        else:
            mypyvy, missing = _peer(options.mypyvy)
            results = run(
                mypyvy, missing, options.updr_seconds, options.runs, options.long_runs or min(options.runs, 3)
            )
    except (CommandFailed, PartFailed, PeerFailed) as problem:
        print(problem, file=sys.stderr)
        return 2
    as_json = json.dumps(asdict(results), indent=2)
    if options.save is not None:
        options.save.write_text(as_json + "\n", encoding="utf-8")
    if options.document:
        replace_block(DOCUMENT, COMMAND, shown(results))
    print(as_json if options.json else shown(results))
    return 0 if all(goal.holds for goal in results.goals) else 1


def _peer(place: str | None) -> tuple[Mypyvy | None, str]:
    """The peer; or none, and why."""
    try:
        return found_at(place), ""
    except PeerMissing as problem:
        return None, str(problem)


if __name__ == "__main__":
    sys.exit(main())
