"""The parts of a proof, each measured inside a process of its own, one after the other on one processor.

python -m bench.proof_parts '{"part": "obligations", "certificate": "build/certificate", "size": "5"}'

The commands themselves work in two processes and do all parts at once; what a part costs in them is only to be seen
when it is done alone. All parts begin from a certificate: it names the invariant and what each goal needs of it.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.measure import run_process
from modelcheck.proof.certificate import MANIFEST, digest, propositional
from modelcheck.proof.cnf import clauses_of
from modelcheck.proof.discharge import files_of, obligations_of
from modelcheck.proof.drup import check_refutation, read_drup, write_dimacs, write_drup
from modelcheck.proof.obligations import text_of
from modelcheck.proof.sat import refute
from modelcheck.proof.scope import ANY, setting_of
from modelcheck.proof.setting import Setting
from modelcheck.proof.solvers import UNSAT, cvc5_answers, cvc5_version, z3_answers, z3_version
from spec.check import load

Figures = dict[str, float]
"""By name: CPU seconds, and how many of what."""

Uses = dict[str, dict[str, tuple[str, ...]]]
"""By obligation and goal, the hypotheses that are enough for it."""

Z3_SECONDS, CVC5_SECONDS = 10.0, 30.0
"""For each question, as the commands have them."""


class PartFailed(Exception):
    """A part did not come to its end, or did not show what there is to be shown; there is no figure then."""


@dataclass(frozen=True)
class Part:
    """What is to be measured: the name of a function of PARTS. `size` is ignored by parts that are about all sizes."""

    part: str
    certificate: str
    size: str = ANY


def measured(part: Part, seconds: float | None = None) -> Figures:
    """The figures of a part, from a child process. Raises PartFailed."""
    command = [sys.executable, "-m", "bench.proof_parts", json.dumps(asdict(part))]
    done = run_process(command, seconds=seconds)
    if done.exit_status != 0:
        raise PartFailed(f"{part.part}, {part.size}: status {done.exit_status}\n{done.output[-2000:]}")
    found: Figures = json.loads(done.output)
    return found


class Stopwatch:
    """Adds up the CPU seconds of this process by what they were spent on."""

    def __init__(self) -> None:
        self.figures: Figures = {}
        self._last = time.process_time()

    def lap(self, name: str | None) -> None:
        """What has passed since the last time was spent on this; on nothing that is to be shown, if None."""
        now = time.process_time()
        if name is not None:
            self.count(name, now - self._last)
        self._last = now

    def count(self, name: str, more: float) -> None:
        self.figures[name] = self.figures.get(name, 0) + more


@dataclass(frozen=True)
class Claimed:
    """What the parts need of a certificate."""

    whole: Mapping[str, Any]
    invariant: tuple[str, ...]
    settings: Callable[[str], Setting]

    def uses(self, size: str) -> Uses:
        """What goals are said to need at a size; at one that the certificate does not have, what they need at any of
        its sizes, as the command goes from one size to the next."""
        there = [one for one in self.whole["sizes"] if one["size"] == size] or self.whole["sizes"]
        found: Uses = {}
        for one in there:
            for obligation in one["obligations"]:
                needed = {goal["name"]: tuple(goal["uses"]) for goal in obligation["goals"] if "uses" in goal}
                found[obligation["name"]] = {**needed, **found.get(obligation["name"], {})}
        return found


def claimed_by(folder: Path) -> Claimed:
    whole = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    protocol, _ = load(folder / "proof.elect")

    def setting(size: str) -> Setting:
        return setting_of(protocol, None if size == ANY else int(size))

    return Claimed(whole, tuple(whole["invariant"]), setting)


# Parts ----------------------------------------------------------------------------------------------------------------


def obligations(part: Part) -> Figures:
    """One size, given the invariant and what each goal needs of it: the texts, and Z3 on them."""
    z3_version()  # whatever is loaded at the first use is not the obligations' cost
    claimed = claimed_by(Path(part.certificate))
    setting, uses = claimed.settings(part.size), claimed.uses(part.size)
    watch = Stopwatch()
    files = files_of(setting, claimed.invariant, uses)
    watch.lap("texts")
    for file in files:
        answers = [answer for answer, _ in z3_answers(file.text, Z3_SECONDS)]
        _expect(answers, len(file.goals), f"{part.size}/{file.name}")
    watch.lap("z3")
    watch.count("obligations", len(files))
    watch.count("goals", sum(len(file.goals) for file in files))
    watch.count("bytes", sum(len(file.text) for file in files))
    return watch.figures


def hypotheses(part: Part) -> Figures:
    """One size, given the invariant alone: each goal from all hypotheses, and which of them the solver used."""
    z3_version()
    claimed = claimed_by(Path(part.certificate))
    setting = claimed.settings(part.size)
    watch = Stopwatch()
    cache: dict[object, str] = {}
    every = obligations_of(setting, claimed.invariant)
    texts = [text_of(setting, one, {}, cache, cores=True) for one in every]
    watch.lap("texts")
    for one, text in zip(every, texts, strict=True):
        _expect([answer for answer, _ in z3_answers(text, Z3_SECONDS)], len(one.goals), f"{part.size}/{one.name}")
    watch.lap("z3")
    return watch.figures


def refutations(part: Part) -> Figures:
    """One size: the clauses of each goal, a refutation of them, and the check of that."""
    claimed = claimed_by(Path(part.certificate))
    setting, uses = claimed.settings(part.size), claimed.uses(part.size)
    refute([(1,), (-1,)])  # loads the SAT solver
    watch = Stopwatch()
    every = tuple(propositional(setting, claimed.invariant, uses))
    watch.lap("clausing")
    for name, _, goal in every:
        clauses, _ = clauses_of(setting, goal)
        watch.lap("clausing")
        steps = refute(clauses)
        if steps is None:
            raise PartFailed(f"{part.size}/{name}: its clauses can be satisfied")
        text = write_drup(steps)
        watch.lap("refuting")
        check_refutation(clauses, read_drup(text))
        watch.lap("checking")
        watch.count("clauses", len(clauses))
        watch.count("steps", len(steps))
    watch.count("goals", len(every))
    return watch.figures


def cvc5(part: Part) -> Figures:
    """What `recheck` has cvc5 do: all obligations of all sizes."""
    cvc5_version()
    claimed = claimed_by(Path(part.certificate))
    watch = Stopwatch()
    for size in [str(one["size"]) for one in claimed.whole["sizes"]]:
        files = files_of(claimed.settings(size), claimed.invariant, claimed.uses(size))
        watch.lap("texts")
        for file in files:
            _expect(cvc5_answers(file.text, CVC5_SECONDS), len(file.goals), f"{size}/{file.name}")
        watch.lap("cvc5")
        watch.count("goals", sum(len(file.goals) for file in files))
    return watch.figures


def checked(part: Part) -> Figures:
    """What `recheck` does with the refutations of a certificate: their clauses made anew and compared, and each step
    checked."""
    folder = Path(part.certificate)
    claimed = claimed_by(folder)
    watch = Stopwatch()
    for one in claimed.whole["sizes"]:
        size = str(one["size"])
        setting = claimed.settings(size)
        for name, title, goal in propositional(setting, claimed.invariant, claimed.uses(size)):
            if name not in one["refuted_propositionally"]:
                continue
            clauses, meaning = clauses_of(setting, goal)
            if digest(write_dimacs(clauses, (title, *meaning)).encode()) != one["refuted_propositionally"][name]:
                raise PartFailed(f"{size}/{name}: its clauses are not those of the certificate")
            watch.lap("clausing")
            check_refutation(clauses, read_drup((folder / size / f"{name}.drup").read_text(encoding="ascii")))
            watch.lap("checking")
            watch.count("goals", 1)
    return watch.figures


def _expect(answers: list[str], count: int, name: str) -> None:
    """Every question was answered, and no goal has a counterexample."""
    if answers != [UNSAT] * count:
        raise PartFailed(f"{name}: {', '.join(answers)}; {count} goals were to be shown")


PARTS: dict[str, Callable[[Part], Figures]] = {
    one.__name__: one for one in (obligations, hypotheses, refutations, cvc5, checked)
}


def main() -> None:
    """Does the part given as JSON and prints its figures as JSON."""
    part = Part(**json.loads(sys.argv[1]))
    print(json.dumps(PARTS[part.part](part)))


if __name__ == "__main__":
    main()
