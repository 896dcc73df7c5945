"""What the bench of proofs shows of its figures, and the goals that they are held to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.tables import markdown_table

# What is measured, by the names that the tables have.
START = "nothing"
GIVEN = "raft, invariant given: 3, 4, 5, any"
GIVEN_ANY = "raft, invariant given: any"
FROM_NOTHING = ", from nothing: 3, 4, 5, any"
RECHECK = "raft's certificate"
BMC = "shortest violation: "
SAME_GIVEN = "RaftElection, invariant given: any"
SAME_FROM_NOTHING = "RaftElection, from nothing: any"

GIVEN_SIZES = ("3", "4", "5", "any")
"""Those of the command, beside which the parts are shown."""


@dataclass(frozen=True)
class Row:
    """One run of one thing, or the medians of several."""

    table: str
    """`command`, `peer`, or the name of a part."""
    task: str
    """Of a part: the size."""
    engine: str
    answer: str
    figures: Mapping[str, float]
    """`cpu` and `wall` are seconds of a whole process; those of a part, CPU seconds and counts, are named there."""
    runs: int = 1


@dataclass(frozen=True)
class Goal:
    """What was wanted, what was measured, and whether that is enough."""

    goal: str
    measured: str
    holds: bool


@dataclass(frozen=True)
class Results:
    machine: str
    versions: str
    peer: str
    """The peer with its version, if it was measured; else `missing` says why not."""
    missing: str
    rows: tuple[Row, ...]
    goals: tuple[Goal, ...]


Found = Mapping[tuple[str, str], Row]
"""Rows by table and task."""


def _by_name(rows: Sequence[Row]) -> Found:
    return {(one.table, one.task): one for one in rows if one.table != "peer"}


# Goals ----------------------------------------------------------------------------------------------------------------


def goals(rows: Sequence[Row]) -> tuple[Goal, ...]:
    """Which goals hold, of those that were measured."""
    found = _by_name(rows)
    wanted = (
        (
            "raft, invariant given, 3, 4, 5 and any number of nodes: under 2 s of CPU in all",
            2.0,
            ("command", GIVEN),
            "cpu",
        ),
        (
            "raft, from nothing, the same sizes: under 10 s of CPU in all",
            10.0,
            ("command", f"raft{FROM_NOTHING}"),
            "cpu",
        ),
        ("raft's certificate: cvc5 under 3 s of CPU", 3.0, ("cvc5", "any"), "cvc5"),
    )
    return tuple(
        Goal(goal, f"{found[key].figures[figure]:.2f} s", found[key].figures[figure] < limit)
        for goal, limit, key, figure in wanted
        if key in found
    )


# Tables ---------------------------------------------------------------------------------------------------------------


def shown(results: Results) -> str:
    """All figures and goals as Markdown."""
    found = _by_name(results.rows)
    said = f"{results.machine}. {results.versions}{f'; {results.peer}' if results.peer else ''}."
    parts = [f"Medians of so many runs, which took turns. {said}", _commands(results.rows, found)]
    parts += [f"Raft by nodes, with the invariant given; CPU seconds on one processor:\n\n{_sizes(found)}"]
    if results.missing:
        parts.append(f"mypyvy was not measured: {results.missing}.")
    else:
        title = "Beside mypyvy; `RaftElection` is the same election in both, the others are different models"
        parts.append(f"{title}:\n\n{_peers(results.rows, found)}")
    judged = [(one.goal, one.measured, "yes" if one.holds else "**no**") for one in results.goals]
    parts.append(markdown_table(("goal", "measured", "holds"), judged))
    return "\n".join(part if part.endswith("\n") else f"{part}\n" for part in parts)


def _commands(rows: Sequence[Row], found: Found) -> str:
    """Whole commands, and below some of them the parts, as they cost when they are done alone."""
    lines: list[tuple[str, ...]] = []
    for one in rows:
        if one.table != "command" or one.task in (SAME_GIVEN, SAME_FROM_NOTHING):
            continue  # the last two stand beside the peer
        lines.append((one.task, one.engine, one.answer, str(one.runs), *_seconds(one)))
        lines += [(f"- {name}", "", "", "", f"{cpu:.3g}", "") for name, cpu in parts_of(one.task, found)]
    return markdown_table(("what", "command", "answer", "runs", "CPU s", "wall s"), lines)


def _seconds(one: Row) -> tuple[str, str]:
    return f"{one.figures['cpu']:.3g}", f"{one.figures['wall']:.3g}"


def parts_of(task: str, found: Found) -> list[tuple[str, float]]:
    """Of some commands, the CPU seconds of their parts."""
    if task == GIVEN:
        parts = [found.get(("obligations", size)) for size in GIVEN_SIZES] + [found.get(("hypotheses", "any"))]
        there = [one.figures for one in parts if one is not None]
        if len(there) < len(parts):
            return []
        return [
            ("of this the texts", sum(one["texts"] for one in there)),
            ("of this Z3", sum(one["z3"] for one in there)),
        ]
    if task == RECHECK:
        parts = [found.get(("cvc5", "any")), found.get(("checked", "any"))]
        if parts[0] is None or parts[1] is None:
            return []
        solver, checked = parts[0].figures, parts[1].figures
        return [
            ("of this the texts", solver["texts"]),
            ("of this cvc5", solver["cvc5"]),
            ("of this the refutations' clauses", checked["clausing"]),
            ("of this the refutations' steps", checked["checking"]),
        ]
    return []


def _sizes(found: Found) -> str:
    titles = (
        "nodes",
        "goals",
        "KiB of text",
        "texts",
        "Z3",
        "goals refuted",
        "clauses",
        "steps",
        "clauses made",
        "refuted",
        "checked",
    )
    lines = []
    for size in [size for table, size in found if table == "obligations"]:
        one = found["obligations", size].figures
        proved = (f"{one['goals']:.0f}", f"{one['bytes'] / 1024:,.0f}", f"{one['texts']:.3g}", f"{one['z3']:.3g}")
        refuted = found.get(("refutations", size))
        lines.append((size, *proved, *(_refutation(refuted.figures) if refuted is not None else ("-",) * 6)))
    return markdown_table(titles, lines)


def _refutation(one: Mapping[str, float]) -> tuple[str, ...]:
    counts = (f"{one[name]:,.0f}" for name in ("goals", "clauses", "steps"))
    return (*counts, *(f"{one[name]:.3g}" for name in ("clausing", "refuting", "checking")))


OURS = {
    "ring, from nothing": f"ring{FROM_NOTHING}",
    "lock service, from nothing": f"lock_service{FROM_NOTHING}",
    "Raft, invariant given": GIVEN_ANY,
    SAME_GIVEN: SAME_GIVEN,
    SAME_FROM_NOTHING: SAME_FROM_NOTHING,
}
"""Beside which command of ours a peer's is shown."""


def _peers(rows: Sequence[Row], found: Found) -> str:
    there: list[Row] = []
    for one in rows:
        if one.table == "peer":
            ours = found.get(("command", OURS.get(one.task, "")))
            there += [one] if ours is None else [one, ours]
    lines = [(row.task, row.engine, row.answer, str(row.runs), *_seconds(row)) for row in there]
    return markdown_table(("task", "engine", "answer", "runs", "CPU s", "wall s"), lines)
