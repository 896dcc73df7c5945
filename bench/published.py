"""Published experiments on Raft's elections, done again with the emitted node in the simulator.

    python -m bench.published [--part 1.0] [--jobs N] [--save docs/published.json] [--plots docs] [--document]
    python -m bench.published --shown docs/published.json [--plots docs] [--document]

`--part 0.1` makes a tenth of the trials. What is compared, and where it differs and why, is said in docs/tuning.md."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench.published_experiments import EXPERIMENTS, Line, Trials, processes_of
from bench.published_found import Found, found_of
from bench.published_tables import shown
from bench.tables import replace_block
from oneleader.tuning.pool import done, workers

COMMAND = "python -m bench.published"
DOCUMENT = Path(__file__).parent.parent / "docs" / "tuning.md"


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
                    found.append(found_of(experiment.name, line.name, parts))
                    say(f"{experiment.name}, {line.name}: {found[-1].trials:,} trials")
    order = [(experiment.name, line.name) for experiment in EXPERIMENTS for line in experiment.lines]
    return sorted(found, key=lambda one: order.index((one.experiment, one.line)))


def tasks_of(line: Line, part: float, each: int = 50) -> list[Trials]:
    """The trials of a line, in pieces."""
    count = max(int(line.trials * part), 1)
    return [Trials(line, number, min(each, count - number * each)) for number in range(-(-count // each))]


def found_in(text: str) -> list[Found]:
    """What was saved as JSON. Raises msgspec.ValidationError."""
    return msgspec.json.decode(text, type=list[Found])


def saved(found: Sequence[Found]) -> str:
    """A line for each line of an experiment."""
    return "[\n" + ",\n".join(msgspec.json.encode(one).decode() for one in found) + "\n]\n"


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
    tables = shown(found)
    if given.document:
        replace_block(DOCUMENT, COMMAND, tables)
    print(tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
