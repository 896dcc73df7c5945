"""The native explorer beside SPIN and Rumur in one run, and the goals that it is held to.

    python -m bench.explorer [--terms 3 4] [--runs 5] [--peer-runs 5] [--rumur-terms 3 4]
                             [--save docs/explorer.json] [--document] [--json]

All engines search Raft's election on three nodes (`tests/oracles/raft_election.elect`, whose reachable states are known
exactly) and take turns, so that a noisy minute falls on all of them. Ours searches without symmetry and with it, with
all other reductions off, so that the same states are counted. Then come the shipped spec and whole commands. A count
that differs from the known one is an error: no time is shown then.
"""

import argparse
import json
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

from bench.measure import ROOT, Job, Measurement, machine, measure_all, run_process
from bench.peers import ORBITS, STATES, Order, PeerError, Symmetry, run_rumur, run_spin
from bench.search import SearchFailed, Task, search
from bench.tables import markdown_table, replace_block
from modelcheck.reductions import ALL, SYMMETRY

ORACLE = "tests/oracles/raft_election.elect"
SHIPPED = "spec/protocols/raft.elect"
DOCUMENT = ROOT / "docs" / "performance.md"

# States of the shipped spec with all reductions, by row and faults (None: the spec's own); the tests of the explorer
# hold the reductions to what they must not change, and this to what they are.
SHIPPED_STATES = {
    ("3 nodes, term <= 3", None): 4_186,
    ("5 nodes, term <= 2", None): 43_272,
    ("5 nodes, term <= 2", "crash"): 378_217,
}
# The oracle at 5 nodes and 2 terms with all reductions.
COMMAND_ROW, COMMAND_STATES = "5 nodes, term <= 2", 12_663

JUDGED_ROW = "3 nodes, term <= 4"
"""Where the goals for speed and memory are judged: smaller searches say more of what comes once."""


class WrongCount(Exception):
    """An engine found other states than there are."""


@dataclass(frozen=True)
class Goal:
    """What was wanted, what was measured, and whether that is enough."""

    goal: str
    measured: str
    holds: bool


@dataclass(frozen=True)
class Results:
    machine: str
    measurements: tuple[Measurement, ...]
    goals: tuple[Goal, ...]


def run_search(
    task: Task, expected: int, setting: str, environment: dict[str, str], model: str | None = None
) -> Measurement:
    """One search of ours. Raises WrongCount and SearchFailed."""
    found = search(task, environment)
    model = model or task.within
    if found.status != "exhausted" or found.states != expected:
        raise WrongCount(f"oneleader ({setting}; {model}): {found.status}, {found.states:,} states, not {expected:,}")
    return Measurement(
        "oneleader", setting, _version(), model, found.states, found.cpu_seconds, found.wall_seconds, found.memory
    )


def run_command(arguments: Sequence[str], setting: str, environment: dict[str, str], states: int) -> Measurement:
    """One whole command, from the start of Python to its end; `states` are those of the verdict, 0 for none."""
    done = run_process([sys.executable, "-m", "oneleader", *arguments], environment=environment)
    if done.exit_status != 0:
        raise SearchFailed(f"oneleader {' '.join(arguments)}: status {done.exit_status}\n{done.output[-2000:]}")
    if states:
        found = json.loads(done.output)["explorations"][0]["search"]["states"]
        if found != states:
            raise WrongCount(f"oneleader {' '.join(arguments)}: {found:,} states, not {states:,}")
    model = COMMAND_ROW if states else "none"
    return Measurement(
        "oneleader", setting, _version(), model, states, done.cpu_seconds, done.wall_seconds, done.memory
    )


def _cold(arguments: Sequence[str], setting: str, states: int) -> Measurement:
    with tempfile.TemporaryDirectory(prefix="oneleader-cold-") as cache:
        return run_command(arguments, setting, {"ONELEADER_CACHE": cache}, states)


@cache
def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def explorer_jobs(terms: int, environment: dict[str, str]) -> list[Callable[[], Measurement]]:
    """Our searches of three nodes."""
    jobs: list[Callable[[], Measurement]] = []
    for name, reductions, states in (("off", (), STATES[terms]), ("on", (SYMMETRY,), ORBITS[terms])):
        for threads in (1, 2):
            task = Task(ORACLE, f"3 nodes, term <= {terms}", reductions=reductions, threads=threads)
            jobs.append(partial(run_search, task, states, _setting(name, threads), environment))
    return jobs


def spin_jobs(terms: int) -> list[Callable[[], Measurement]]:
    orders: tuple[Order, ...] = ("depth", "breadth")
    return [partial(run_spin, terms, order) for order in orders]


def rumur_jobs(terms: int) -> list[Callable[[], Measurement]]:
    symmetries: tuple[Symmetry, ...] = ("off", "exhaustive")
    return [partial(run_rumur, terms, symmetry) for symmetry in symmetries]


def _setting(symmetry: str, threads: int) -> str:
    return f"symmetry {symmetry}, {threads} thread{'' if threads == 1 else 's'}"


def shipped_jobs(environment: dict[str, str]) -> list[Callable[[], Measurement]]:
    """The shipped spec with all reductions, two threads."""
    jobs: list[Callable[[], Measurement]] = []
    for (row, faults), states in SHIPPED_STATES.items():
        task = Task(SHIPPED, row, faults, tuple(sorted(ALL)), threads=2)
        model = f"{row}, {f'faults {faults}' if faults else 'its own faults'}"
        jobs.append(partial(run_search, task, states, "raft.elect, all reductions, 2 threads", environment, model))
    return jobs


def command_jobs(environment: dict[str, str]) -> list[Callable[[], Measurement]]:
    """Whole commands; the warm one finds what an earlier one compiled."""
    check = ("check", ORACLE, "--within", COMMAND_ROW, "--json")
    return [
        partial(_cold, check, "oneleader check, cold", COMMAND_STATES),
        partial(run_command, check, "oneleader check, warm", environment, COMMAND_STATES),
        partial(run_command, ("--help",), "oneleader --help", environment, 0),
    ]


def run(terms: Sequence[int], runs: int, peer_runs: int, rumur_terms: Sequence[int], peers: bool) -> Results:
    """Measures everything; the peers perhaps fewer times, and Rumur on fewer terms.

    Raises PeerError, WrongCount or SearchFailed."""
    with tempfile.TemporaryDirectory(prefix="oneleader-bench-") as cache:
        environment = {"ONELEADER_CACHE": cache}
        command_jobs(environment)[1]()  # compiles what the warm command finds
        jobs: list[Job] = []
        for number in terms:
            jobs += [Job(measure, runs) for measure in explorer_jobs(number, environment)]
            if peers:
                slow = [*spin_jobs(number), *(rumur_jobs(number) if number in rumur_terms else ())]
                jobs += [Job(measure, peer_runs) for measure in slow]
        jobs += [Job(measure, runs) for measure in (*shipped_jobs(environment), *command_jobs(environment))]
        measured = tuple(measure_all(jobs))
    return Results(machine(), measured, goals(measured))


# Goals ----------------------------------------------------------------------------------------------------------------


def goals(measured: Sequence[Measurement]) -> tuple[Goal, ...]:
    """Which goals hold, of those that were measured."""
    found = {(one.engine, one.setting, one.model): one for one in measured}
    judged = _oracle_goals(JUDGED_ROW, found) if ("oneleader", _setting("off", 1), JUDGED_ROW) in found else []
    judged += _peer_goals(found)
    for one in measured:
        if one.setting.startswith("raft.elect"):
            limit = 60 if one.model.startswith("5") else 5
            enough = one.wall_seconds < limit and one.memory < 8 << 30
            shown = f"{one.wall_seconds:.2f} s, {one.memory / 2**20:,.0f} MiB"
            judged.append(Goal(f"raft.elect, {one.model}: under {limit} s and 8 GiB", shown, enough))
    for setting, seconds in (("oneleader check, cold", 4.0), ("oneleader check, warm", 1.0), ("oneleader --help", 0.2)):
        for one in measured:
            if one.setting == setting:
                judged.append(_below(f"{setting}: under {seconds:g} s in all", one.wall_seconds, seconds))
    return tuple(judged)


def _oracle_goals(row: str, found: dict[tuple[str, str, str], Measurement]) -> list[Goal]:
    judged = []
    for symmetry, counted in (("off", "states"), ("on", "orbits")):
        one, two = (found["oneleader", _setting(symmetry, threads), row] for threads in (1, 2))
        title = f"{row}, symmetry {symmetry}"
        rate = one.states / one.cpu_seconds / 1e6
        judged.append(_above(f"{title}: 2 million {counted} a CPU second", rate, 2, " million"))
        speedup = one.wall_seconds / two.wall_seconds
        judged.append(_above(f"{title}: 2 threads 1.6 times as fast in wall time", speedup, 1.6, " times"))
        size = one.memory / one.states
        judged.append(Goal(f"{title}: at most 32 bytes a state", f"{size:.1f} bytes", size <= 32))
    return judged


def _peer_goals(found: dict[tuple[str, str, str], Measurement]) -> list[Goal]:
    """Each on the largest instance that both were measured on."""
    judged = []
    rows = sorted({row for _, _, row in found}, reverse=True)
    for symmetry, rumurs in (("off", "off"), ("on", "exhaustive")):
        pairs = [(row, found.get(("rumur", f"symmetry {rumurs}", row))) for row in rows]
        for row, rumur in [(row, rumur) for row, rumur in pairs if rumur is not None][:1]:
            ratio = rumur.cpu_seconds / found["oneleader", _setting(symmetry, 1), row].cpu_seconds
            judged.append(_above(f"{row}, symmetry {symmetry}: 30 times as fast as Rumur", ratio, 30, " times"))
    for row in [row for row in rows if ("spin", "depth first", row) in found][:1]:
        orders = [found["spin", f"{order} first", row] for order in ("depth", "breadth")]
        fastest = min(orders, key=lambda one: one.cpu_seconds)
        ratio = fastest.cpu_seconds / found["oneleader", _setting("off", 1), row].cpu_seconds
        judged.append(_above(f"{row}: 5 times as fast as SPIN ({fastest.setting})", ratio, 5, " times"))
    return judged


def _above(goal: str, measured: float, wanted: float, unit: str) -> Goal:
    return Goal(goal, f"{measured:.2f}{unit}", measured >= wanted)


def _below(goal: str, seconds: float, limit: float) -> Goal:
    return Goal(goal, f"{seconds:.2f} s", seconds < limit)


# What is shown --------------------------------------------------------------------------------------------------------


def shown(results: Results) -> str:
    """All measurements and goals as Markdown."""
    alone = [one for one in results.measurements if one.setting in (_setting("off", 1), _setting("on", 1))]
    base = {(one.model, _symmetric(one)): one for one in alone}
    measurements = markdown_table(
        ("model", "engine", "runs", "states", "CPU s", "wall s", "states a CPU s", "bytes a state", "CPU against ours"),
        [_row(one, base) for one in results.measurements],
    )
    judged = markdown_table(
        ("goal", "measured", "holds"),
        [(one.goal, one.measured, "yes" if one.holds else "**no**") for one in results.goals],
    )
    return f"Medians of so many runs, in which the engines took turns. {results.machine}.\n\n{measurements}\n{judged}"


def _symmetric(one: Measurement) -> bool:
    return "symmetry on" in one.setting or "exhaustive" in one.setting


def _row(one: Measurement, base: dict[tuple[str, bool], Measurement]) -> tuple[str, ...]:
    name = one.setting if one.setting.startswith("oneleader") else f"{one.engine} {one.version}, {one.setting}"
    figures = [
        str(one.runs),
        f"{one.states:,}" if one.states else "",
        f"{one.cpu_seconds:.3g}",
        f"{one.wall_seconds:.3g}",
    ]
    if not one.states or one.setting.startswith("oneleader"):
        return (one.model, name, *figures, "", "", "")
    ours = base.get((one.model, _symmetric(one)))
    ratio = f"{one.cpu_seconds / ours.cpu_seconds:.3g}" if ours is not None else ""
    rate, size = f"{one.states / one.cpu_seconds:,.0f}", f"{one.memory / one.states:.1f}"
    return (one.model, name, *figures, rate, size, ratio)


def results_from(text: str) -> Results:
    """Results that were saved as JSON."""
    given = json.loads(text)
    measured = tuple(Measurement(**one) for one in given["measurements"])
    return Results(given["machine"], measured, goals(measured))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; status 1 where a goal is missed, 2 where something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.explorer", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--terms", type=int, nargs="+", choices=sorted(STATES), default=[3, 4])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-runs", type=int, help="of SPIN and Rumur; as many, unless it is said")
    parser.add_argument(
        "--rumur-terms", type=int, nargs="+", help="of Rumur, which takes longest; all, unless it is said"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--without-peers", action="store_true", help="leave SPIN and Rumur out")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the results as JSON")
    parser.add_argument("--shown", type=Path, metavar="FILE", help="measure nothing: show what was saved")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args(arguments)
    try:
        if options.shown is not None:
            results = results_from(options.shown.read_text(encoding="utf-8"))
        else:
            peer_runs, rumur_terms = options.peer_runs or options.runs, options.rumur_terms or options.terms
            results = run(options.terms, options.runs, peer_runs, rumur_terms, not options.without_peers)
    except (PeerError, WrongCount, SearchFailed) as problem:
        print(problem, file=sys.stderr)
        return 2
    as_json = json.dumps(asdict(results), indent=2)
    if options.save is not None:
        options.save.write_text(as_json + "\n", encoding="utf-8")
    if options.document:
        replace_block(DOCUMENT, "python -m bench.explorer", shown(results))
    print(as_json if options.json else shown(results))
    return 0 if all(goal.holds for goal in results.goals) else 1


if __name__ == "__main__":
    sys.exit(main())
