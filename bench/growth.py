"""How states, time and memory grow with nodes, terms and faults, with and without reductions, for raft.elect.

    python -m bench.growth [--seconds 10] [--threads 2] [--out docs] [--shown]

Writes growth.csv and growth.svg, and the tables of performance.md. A point that does not finish within its time and
memory is shown as such, with the states found by then; what is larger still is not tried.
"""

import argparse
import csv
import io
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from bench.measure import ROOT, machine
from bench.search import Searched, Task, search
from bench.tables import markdown_table, replace_block
from modelcheck.reductions import ALL, SYMMETRY

SPEC = "spec/protocols/raft.elect"
COMMAND = "python -m bench.growth"
NODES = (2, 3, 4, 5, 6, 7)
TERMS = (1, 2, 3, 4)
OWN_FAULTS = "restart"
FAULTS = (
    "none",
    "restart",
    "crash up to 1",
    "crash up to 2",
    "crash",
    "disk loss up to 1",
    "partition up to 1",
    "partition",
)
TERMS_FOR_FAULTS = 2
LEVELS: dict[str, tuple[str, ...]] = {"none": (), "symmetry": (SYMMETRY,), "all": tuple(sorted(ALL))}
"""Which reductions are on, by the names used here."""
FINISHED, NOT_TRIED = "exhausted", "not tried"


@dataclass(frozen=True)
class Point:
    """One instance, and what searching all of it took."""

    nodes: int
    terms: int
    faults: str
    reductions: str
    """A key of LEVELS."""
    status: str
    """`exhausted`; `time` or `memory`: cut short; `not tried`: a smaller one was cut short."""
    states: int
    steps: int
    depth: int
    violated: bool
    cpu_seconds: float
    wall_seconds: float
    memory: int
    """Bytes that the search added to the process's peak."""

    @property
    def finished(self) -> bool:
        return self.status == FINISHED


def instances() -> Iterator[tuple[int, int, str, str]]:
    """Nodes, terms, faults and reductions of every point, the smaller ones first."""
    for level in LEVELS:
        for terms in TERMS:
            for nodes in NODES:
                yield nodes, terms, OWN_FAULTS, level
    for faults in FAULTS:
        if faults != OWN_FAULTS:
            for nodes in NODES:
                yield nodes, TERMS_FOR_FAULTS, faults, "all"


def measure(seconds: float, threads: int, memory: int) -> Iterator[Point]:
    """All points, as they are measured. Raises SearchFailed."""
    done: list[Point] = []
    with tempfile.TemporaryDirectory(prefix="oneleader-growth-") as cache:
        for nodes, terms, faults, level in instances():
            if is_beyond(done, nodes, terms, faults, level):
                done.append(Point(nodes, terms, faults, level, NOT_TRIED, 0, 0, 0, False, 0.0, 0.0, 0))
            else:
                task = Task(SPEC, row(nodes, terms), faults, LEVELS[level], threads, seconds, memory)
                found = search(task, {"ONELEADER_CACHE": cache})
                done.append(point(nodes, terms, faults, level, found))
            yield done[-1]


def row(nodes: int, terms: int) -> str:
    return f"{nodes} nodes, term <= {terms}"


def point(nodes: int, terms: int, faults: str, level: str, found: Searched) -> Point:
    status = FINISHED if found.status == "violation" else found.status
    return Point(
        nodes,
        terms,
        faults,
        level,
        status,
        found.states,
        found.steps,
        found.depth,
        found.violated,
        round(found.cpu_seconds, 4),
        round(found.wall_seconds, 4),
        found.memory,
    )


def is_beyond(done: Sequence[Point], nodes: int, terms: int, faults: str, level: str) -> bool:
    """Whether a smaller instance did not finish already."""
    return any(
        not one.finished
        and (one.faults, one.reductions) == (faults, level)
        and one.nodes <= nodes
        and one.terms <= terms
        for one in done
    )


# What is written ------------------------------------------------------------------------------------------------------


def to_csv(points: Sequence[Point]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Point)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(one) for one in points)
    return text.getvalue()


def from_csv(text: str) -> list[Point]:
    return [
        Point(
            int(line["nodes"]),
            int(line["terms"]),
            line["faults"],
            line["reductions"],
            line["status"],
            int(line["states"]),
            int(line["steps"]),
            int(line["depth"]),
            line["violated"] == "True",
            float(line["cpu_seconds"]),
            float(line["wall_seconds"]),
            int(line["memory"]),
        )
        for line in csv.DictReader(io.StringIO(text))
    ]


def tables(points: Sequence[Point]) -> str:
    """States by nodes and terms, by reductions and by faults; seconds and memory with all reductions."""
    own = [one for one in points if one.faults == OWN_FAULTS]
    full = [one for one in own if one.reductions == "all"]
    faults = [one for one in points if one.terms == TERMS_FOR_FAULTS and one.reductions == "all"]
    parts = [
        ("States, all reductions, the spec's own faults (restart)", _grid(full, "terms", states_of)),
        ("CPU seconds of the same searches", _grid(full, "terms", seconds_of)),
        ("Peak memory of the same searches", _grid(full, "terms", memory_of)),
        ("States with symmetry alone", _grid(_of(own, "symmetry"), "terms", states_of)),
        ("States with no reduction", _grid(_of(own, "none"), "terms", states_of)),
        (f"States by faults, {TERMS_FOR_FAULTS} terms, all reductions", _grid(faults, "faults", states_of)),
        ("CPU seconds of the same searches", _grid(faults, "faults", seconds_of)),
    ]
    shown = [f"{title}:\n\n{table}" for title, table in parts]
    violated = sorted({one.faults for one in points if one.violated})
    if violated:
        shown.append(f"With {', '.join(violated)} a property is violated; the search went on to the end all the same.")
    return "\n".join(shown)


def _of(points: Sequence[Point], level: str) -> list[Point]:
    return [one for one in points if one.reductions == level]


def _grid(points: Sequence[Point], down: str, shown: "Shown") -> str:
    by = {(getattr(one, down), one.nodes): one for one in points}
    downwards = FAULTS if down == "faults" else TERMS
    titles = [down, *(f"{nodes} nodes" for nodes in NODES)]
    rows = [[str(key), *(shown(by[key, nodes]) if (key, nodes) in by else "" for nodes in NODES)] for key in downwards]
    return markdown_table(titles, rows)


class Shown:
    """How a figure of a point is shown; `-` where the point was not tried, `>` where it was cut short."""

    def __init__(self, figure: str) -> None:
        self._figure = figure

    def __call__(self, one: Point) -> str:
        if one.status == NOT_TRIED:
            return "-"
        shown = {
            "states": f"{one.states:,}",
            "seconds": f"{one.cpu_seconds:.3g}",
            "memory": f"{one.memory / 2**20:,.0f} MiB",
        }[self._figure]
        return shown if one.finished else f"> {shown}"


states_of, seconds_of, memory_of = Shown("states"), Shown("seconds"), Shown("memory")


def plot(points: Sequence[Point], file: Path) -> None:
    """The SVG: four panels. Needs matplotlib (the `bench` extra)."""
    from bench.growth_plot import draw

    draw(points, file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes; or, with --shown, writes the plot and tables of what was measured before."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="wall seconds at most for each point")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=float, default=6.0, metavar="GIB", help="GiB at most for each point")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", metavar="FOLDER")
    parser.add_argument("--shown", action="store_true", help="measure nothing: draw growth.csv again")
    options = parser.parse_args(arguments)
    file = options.out / "growth.csv"
    if options.shown:
        points = from_csv(file.read_text(encoding="utf-8"))
    else:
        points = []
        for one in measure(options.seconds, options.threads, int(options.memory * 2**30)):
            print(*asdict(one).values(), sep="\t", file=sys.stderr)
            points.append(one)
        file.write_text(to_csv(points), encoding="utf-8")
        settings = f"{options.threads} threads, {options.seconds:g} seconds and {options.memory:g} GiB at most a point"
        (options.out / "growth.txt").write_text(f"{settings}. {machine()}.\n", encoding="utf-8")
    plot(points, options.out / "growth.svg")
    document = options.out / "performance.md"
    if document.exists():
        said = (options.out / "growth.txt").read_text(encoding="utf-8")
        replace_block(document, COMMAND, f"{said}\n{tables(points)}")
    print(tables(points))
    return 0


if __name__ == "__main__":
    sys.exit(main())
