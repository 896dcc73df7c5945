"""Published experiments on Raft's elections, done again with the emitted node in the simulator.

    python -m bench.published [--part 1.0] [--jobs N] [--save docs/published.json] [--plots docs] [--document]
    python -m bench.published --shown docs/published.json [--plots docs] [--document]

`--part 0.1` makes a tenth of the trials. What is compared, and where it differs and why, is said in docs/tuning.md."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.published_experiments import EXPERIMENTS, Experiment, Line, Trials, processes_of
from bench.published_tables import shown
from bench.tables import replace_block
from oneleader.tuning.pool import done, workers

COMMAND = "python -m bench.published"
DOCUMENT = Path(__file__).parent.parent / "docs" / "tuning.md"


@dataclass(frozen=True)
class Found:
    """What one line of an experiment found: the time of each trial in seconds, how many attempts each took, and how
    many were cut short by the limit."""

    experiment: str
    line: str
    seconds: tuple[float, ...]
    rounds: tuple[int, ...]
    limited: int


def measure(part: float, jobs: int, say: Callable[[str], None]) -> list[Found]:
    """Runs all experiments, with this part of their trials."""
    found = []
    for ordered in (False, True):
        protocol, files = processes_of(ordered=ordered)
        with workers(protocol, files, jobs) as work:
            for experiment in EXPERIMENTS:
                for line in experiment.lines:
                    if line.ordered != ordered:
                        continue
                    tasks = tasks_of(line, part)
                    parts = list(done(work, tasks))
                    seconds = tuple(one for each in parts for one in each.seconds)
                    rounds = tuple(one for each in parts for one in each.rounds)
                    limited = sum(each.limited for each in parts)
                    found.append(Found(experiment.name, line.name, seconds, rounds, limited))
                    say(f"{experiment.name}, {line.name}: {len(seconds):,} trials")
    order = [(experiment.name, line.name) for experiment in EXPERIMENTS for line in experiment.lines]
    return sorted(found, key=lambda one: order.index((one.experiment, one.line)))


def tasks_of(line: Line, part: float, each: int = 50) -> list[Trials]:
    """The trials of a line, in pieces."""
    count = max(int(line.trials * part), 1)
    return [Trials(line, number, min(each, count - number * each)) for number in range(-(-count // each))]


def found_in(text: str) -> list[Found]:
    """What was saved as JSON."""
    return [
        Found(**{**one, "seconds": tuple(one["seconds"]), "rounds": tuple(one["rounds"])})
        for one in json.loads(text)["found"]
    ]


def saved(found: Sequence[Found]) -> str:
    """To a hundredth of a millisecond."""
    rows = [{**asdict(one), "seconds": [round(second, 5) for second in one.seconds]} for one in found]
    return json.dumps({"format": "oneleader-published", "found": rows}) + "\n"


def by_line(found: Sequence[Found]) -> Mapping[tuple[str, str], Found]:
    return {(one.experiment, one.line): one for one in found}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures or reads, and prints the tables."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--part", type=float, default=1.0, help="of the trials")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the trials as JSON")
    parser.add_argument("--shown", type=Path, metavar="FILE", help="measure nothing: show what was saved")
    parser.add_argument("--plots", type=Path, metavar="FOLDER", help="draw published-*.svg there")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/tuning.md")
    given = parser.parse_args(arguments)
    if not 0 < given.part <= 1 or given.jobs < 1:
        parser.error("--part: more than 0, and up to 1; --jobs: 1 or more")
    if given.shown is not None:
        found = found_in(given.shown.read_text(encoding="utf-8"))
    else:
        found = measure(given.part, given.jobs, lambda text: print(text, file=sys.stderr, flush=True))
    if given.save is not None:
        given.save.write_text(saved(found), encoding="utf-8")
    if given.plots is not None:
        from bench.published_plot import draw

        for experiment in EXPERIMENTS:
            draw(experiment, [one for one in found if one.experiment == experiment.name], given.plots)
    tables = shown([(one.experiment, one.line, one.seconds, one.rounds, one.limited) for one in found])
    if given.document:
        replace_block(DOCUMENT, COMMAND, tables)
    print(tables)
    return 0


__all__ = ["Experiment", "Found", "by_line", "found_in", "main", "measure", "saved", "tasks_of"]

if __name__ == "__main__":
    sys.exit(main())
