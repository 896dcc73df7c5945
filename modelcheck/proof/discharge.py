"""Has a solver refute every obligation, goal by goal, and finds out which hypotheses each goal needs.

One size goes first, any number of processes where that is asked for: there the solver is given all hypotheses and says
which of them it used. At the other sizes it is given those alone, which is quick and is easy to read; where they are
not enough, all.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from functools import cached_property

from modelcheck.proof.obligations import USED, Obligation, Uses, invariant_of, obligations, text_of
from modelcheck.proof.quorums import quorum_files
from modelcheck.proof.scope import described
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.solvers import UNDECIDED, UNSAT, Said, alone, asking, z3_answers
from modelcheck.properties import QUORUMS_INTERSECT, disjoint_quorums

Tell = Callable[[str], None]


@dataclass(frozen=True)
class File:
    """One obligation as it is given to a solver. `goals` are the names of what it asks, one after the other."""

    name: str
    title: str
    text: str
    goals: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """What the solver says of each goal: `unsat` where it is shown."""

    file: File
    answers: tuple[str, ...]
    seconds: float

    @property
    def shown(self) -> bool:
        return not self.open

    @property
    def answer(self) -> str:
        """`unsat` if all is shown; `sat` if some goal does not hold."""
        return worst(self.answers)

    @property
    def open(self) -> tuple[str, ...]:
        """The goals that are not shown."""
        return tuple(goal for goal, answer in zip(self.file.goals, self.answers, strict=True) if answer != UNSAT)


def worst(answers: Collection[str]) -> str:
    """What several answers come to."""
    others = sorted((answer for answer in answers if answer != UNSAT), key=lambda answer: (answer != "sat", answer))
    return others[0] if others else UNSAT


@dataclass(frozen=True)
class SizeProof:
    """What was shown for one size. `refused` says why nothing could be, where the encoding does not cover the spec;
    `uses` are, by obligation and goal, the hypotheses that were enough."""

    size: int | None
    description: str
    answers: tuple[Answered, ...]
    refused: str = ""
    uses: Mapping[str, Uses] = field(default_factory=dict)

    @property
    def proved(self) -> bool:
        return not self.refused and bool(self.answers) and all(one.shown for one in self.answers)


def obligations_of(setting: Setting, clauses: tuple[str, ...]) -> tuple[Obligation, ...]:
    """All that has to be shown of one size, beside what has to be shown of quorums. Raises Unprovable."""
    quantified = replace(setting, quantified=True)
    return obligations(quantified, invariant_of(quantified, clauses))


def files_of(setting: Setting, clauses: tuple[str, ...], uses: Mapping[str, Uses]) -> tuple[File, ...]:
    """Every obligation of one size, as text. Raises Unprovable."""
    return _Asked(None, setting, clauses).files(uses)


@dataclass(frozen=True)
class _Asked:
    """One size, its obligations and what is known of them already."""

    size: int | None
    setting: Setting
    clauses: tuple[str, ...]
    cache: dict[object, str] = field(default_factory=dict)
    spelled_cache: dict[object, str] = field(default_factory=dict)

    @cached_property
    def quorums(self) -> tuple[File, ...]:
        return tuple(File(name, title, text, (QUORUMS_INTERSECT,)) for name, title, text in quorum_files(self.setting))

    @cached_property
    def obligations(self) -> tuple[Obligation, ...]:
        return obligations_of(self.setting, self.clauses)

    def text(self, one: Obligation, uses: Uses, only: Collection[str] | None = None, cores: bool = False) -> str:
        return text_of(self.setting, one, uses, self.cache, only, cores)

    @cached_property
    def spelled(self) -> dict[str, Obligation]:
        """The obligations without quantifiers over few values, in which counterexamples are easier to find."""
        if self.setting.any_number:
            return {one.name: one for one in self.obligations}
        made = obligations(self.setting, invariant_of(self.setting, self.clauses))
        return {one.name: one for one in made}

    def text_alone(self, name: str, goal: str) -> str:
        """One goal, from all hypotheses, in a file of its own."""
        return alone(text_of(self.setting, self.spelled[name], {}, self.spelled_cache, [goal], cores=True))

    def file(self, one: Obligation, uses: Uses) -> File:
        return File(one.name, one.title, self.text(one, uses), tuple(goal.name for goal in one.goals))

    def files(self, uses: Mapping[str, Uses]) -> tuple[File, ...]:
        return (*self.quorums, *(self.file(one, uses.get(one.name, {})) for one in self.obligations))

    def refusal(self) -> str:
        """Why nothing can be shown of this size, or nothing."""
        try:
            if apart := quorums_apart(self.setting):
                return apart
            _ = self.quorums, self.obligations
        except Unprovable as problem:
            return _not_covered(problem)
        return ""


def quorums_apart(setting: Setting) -> str:
    """Two quorums of a fixed size that have nobody in common, or nothing."""
    apart = None if setting.any_number else disjoint_quorums(setting.model)
    if apart is None:
        return ""
    kind, one, other = apart
    shown = [", ".join(f"{kind}{number + 1}" for number in sorted(some)) for some in (one, other)]
    return f"two quorums have nobody in common: {{{shown[0]}}} and {{{shown[1]}}}"


def _not_covered(problem: Unprovable) -> str:
    place = f" (line {problem.span.line})" if problem.span.line else ""
    return f"not covered: {problem.reason}{place}"


def discharge(
    settings: Mapping[int | None, Setting], clauses: tuple[str, ...], seconds: float, processes: int, tell: Tell
) -> tuple[SizeProof, ...]:
    """The obligations of each size, answered. `seconds` is the limit of each question. Raises NoSolver."""
    asked = [_Asked(size, setting, clauses) for size, setting in settings.items()]
    refusals = {one.size: one.refusal() for one in asked}
    covered = sorted((one for one in asked if not refusals[one.size]), key=lambda one: one.size is not None)
    found: dict[int | None, SizeProof] = {}
    uses: defaultdict[str, dict[str, tuple[str, ...]]] = defaultdict(dict)
    with asking(processes) as pool:
        ask = _asking(pool, seconds)
        for one in covered:
            try:
                made = found[one.size] = _answered(ask, one, uses)
            except Unprovable as problem:  # of what cannot be written down
                refusals[one.size] = _not_covered(problem)
                continue
            for name, of in made.uses.items():
                uses[name] = {**of, **uses[name]}
            shown = sum(answer.shown for answer in found[one.size].answers)
            tell(f"{described(one.setting)}: {shown} of {len(found[one.size].answers)} obligations shown")
    for one in asked:
        if refusals[one.size]:
            tell(f"{described(one.setting)}: {refusals[one.size]}")
            found[one.size] = SizeProof(one.size, described(one.setting), (), refusals[one.size])
    return tuple(found[size] for size in settings)


Ask = Callable[[str], "Future[tuple[list[Said], float]]"]


def _asking(pool: Executor, seconds: float) -> Ask:
    return lambda text: pool.submit(_answer, text, seconds)


def _answer(text: str, seconds: float) -> tuple[list[Said], float]:
    began = time.monotonic()
    answers = z3_answers(text, seconds)
    return answers, time.monotonic() - began


Used = dict[str, dict[str, tuple[str, ...]]]
Open = dict[tuple[str, str], str]
"""By obligation and goal: the hypotheses that were used; the answer, where a goal is not shown."""


def _with_all(ask: Ask, size: _Asked, wanted: Mapping[str, Collection[str]]) -> tuple[Used, Open]:
    """Asks of some goals of some obligations with all hypotheses; of those that are undecided once more, alone
    and spelled out: a solver that is to be asked more questions looks less far."""
    uses: Used = {}
    refused: Open = {}

    def heard(name: str, goals: list[str], future: Future[tuple[list[Said], float]]) -> None:
        for goal, (answer, core) in zip(goals, _as_many(future.result()[0], len(goals)), strict=True):
            if answer == UNSAT:
                uses.setdefault(name, {})[goal] = tuple(one.removeprefix(USED) for one in core)
                refused.pop((name, goal), None)
            else:
                refused[name, goal] = answer

    begun = []
    for one in size.obligations:
        if wanted.get(one.name):
            goals = [goal.name for goal in one.goals if goal.name in wanted[one.name]]
            begun.append((one.name, goals, ask(size.text(one, {}, goals, cores=True))))
    for name, goals, future in begun:
        heard(name, goals, future)
    again = [
        (one.name, [goal.name], ask(size.text_alone(one.name, goal.name)))
        for one in size.obligations
        for goal in one.goals
        if refused.get((one.name, goal.name)) in UNDECIDED
    ]
    for name, goals, future in again:
        heard(name, goals, future)
    return uses, refused


def _answered(ask: Ask, size: _Asked, guide: Mapping[str, Uses]) -> SizeProof:
    """The obligations of one size with the hypotheses of the guide; with all of them where it has none, or those are
    not enough."""
    unguided = {
        one.name: [g.name for g in one.goals if g.name not in guide.get(one.name, {})] for one in size.obligations
    }
    new, refused = _with_all(ask, size, unguided)
    uses = {one.name: {**guide.get(one.name, {}), **new.get(one.name, {})} for one in size.obligations}
    answers = _round(ask, size, uses, refused, {})
    missing = {
        one.file.name: [goal for goal in one.open if (one.file.name, goal) not in refused]
        for one in answers[len(size.quorums) :]
    }
    if any(missing.values()):
        again, still = _with_all(ask, size, missing)
        for name, goals in missing.items():
            kept = {goal: held for goal, held in uses[name].items() if goal not in goals}
            uses[name] = {**kept, **again.get(name, {})}
        known = {one.file.text: one for one in answers}
        answers = _round(ask, size, uses, {**refused, **still}, known)
    return SizeProof(size.size, described(size.setting), answers, "", uses)


def _round(
    ask: Ask, size: _Asked, uses: Mapping[str, Uses], refused: Open, known: Mapping[str, Answered]
) -> tuple[Answered, ...]:
    """All obligations with these hypotheses, but for goals that are refused and files that are known."""
    begun: list[tuple[File, list[str], Future[tuple[list[Said], float]] | None]] = [
        (file, list(file.goals), None if file.text in known else ask(file.text)) for file in size.quorums
    ]
    for one in size.obligations:
        file = size.file(one, uses[one.name])
        goals = [goal for goal in file.goals if (one.name, goal) not in refused]
        text = file.text if len(goals) == len(file.goals) else size.text(one, uses[one.name], goals)
        begun.append((file, goals, None if file.text in known else ask(text)))
    found = []
    for file, goals, future in begun:
        if future is None:
            found.append(known[file.text])
            continue
        said, seconds = future.result()
        new = dict(zip(goals, (answer for answer, _ in _as_many(said, len(goals))), strict=True))
        answers = tuple(new.get(goal) or refused[file.name, goal] for goal in file.goals)
        found.append(Answered(file, answers, seconds))
    return tuple(found)


def _as_many(said: list[Said], count: int) -> Iterable[Said]:
    """As many answers as there were questions: where a solver gave up half way, what it said stands for the rest."""
    problem = next((answer for answer, _ in said if answer not in (UNSAT, "sat")), "no answer")
    return said[:count] + [(problem, ())] * (count - len(said))
