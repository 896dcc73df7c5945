"""Proof obligations: formulas that together show that an invariant holds in every reachable state, and the properties
with it.

- *initial*: the initial state can be made and satisfies the invariant.
- *step*, one for each kind of step: a step from a state with the invariant does not fail and leads to one with it.
- *implied*: a state with the invariant has the property.
- *step property*: a step from a state with the invariant has the property.

Each is the negation of what is to be shown, to be refuted by a solver.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from modelcheck.proof.claims import (
    MINORITY_CANNOT_ELECT,
    Claim,
    StepClaim,
    assumed,
    declared,
    declared_steps,
    recorded,
    standard,
    unchanged,
)
from modelcheck.proof.logic import (
    BOOL,
    NUMBER,
    TRUE,
    Term,
    apply,
    conjunction,
    disjunction,
    negation,
    substitute,
    subterms,
)
from modelcheck.proof.setting import Setting, Unprovable, View, base_view, process_sort
from modelcheck.proof.smtlib import Printer, Text, comment, declarations, largest_literal, sort_text, written
from modelcheck.proof.solvers import BEGIN
from modelcheck.proof.steps import AFTER, Unit, initial_view, units
from modelcheck.properties import FAILURE, QUORUMS_INTERSECT, STANDARD_TEXTS
from spec.protocol import PropertyKind
from spec.types import SetType

IMPLIED = "implied-"
"""Begins the names of obligations that the invariant implies a property."""


@dataclass(frozen=True)
class Goal:
    """One thing to be shown: a clause's or a property's name, what it says, and the formula."""

    name: str
    text: str
    formula: Term


@dataclass(frozen=True)
class Obligation:
    """The goals follow from the hypotheses, after the step of `unit` where there is one."""

    name: str
    title: str
    hypotheses: tuple[Goal, ...]
    unit: Unit | None
    goals: tuple[Goal, ...]
    functions: tuple[tuple[str, tuple[str, ...], str], ...] = ()


@dataclass(frozen=True)
class Invariant:
    """What is assumed of the encoding, and the clauses that are claimed."""

    assumed: tuple[Claim, ...]
    clauses: tuple[Claim, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (*self.assumed, *self.clauses)


def invariant_of(setting: Setting, names: Iterable[str]) -> Invariant:
    """The properties of these names as an invariant, with what the encoding takes for granted."""
    wanted = set(names)
    history = recorded(setting)
    clauses = tuple(claim for claim in properties_of(setting) if claim.name in wanted)
    return Invariant((*assumed(setting), *((history,) if history is not None else ())), clauses)


def properties_of(setting: Setting) -> tuple[Claim, ...]:
    """The properties of states: the spec's own, then the standard ones."""
    return (*declared(setting, (PropertyKind.SAFETY, PropertyKind.INVARIANT)), *standard(setting))


def goals_of(setting: Setting) -> tuple[Claim, ...]:
    """Those of them that are to be shown."""
    return tuple(claim for claim in properties_of(setting) if setting.is_goal(claim.name))


def step_goals_of(setting: Setting) -> tuple[StepClaim, ...]:
    """The properties of steps that are to be shown."""
    return tuple(claim for claim in declared_steps(setting) if setting.is_goal(claim.name))


def _goals(claims: tuple[Claim, ...], view: View) -> tuple[Goal, ...]:
    return tuple(Goal(claim.name, claim.text, claim.holds(view)) for claim in claims)


def obligations(setting: Setting, invariant: Invariant) -> tuple[Obligation, ...]:
    """All that has to be shown. Raises Unprovable."""
    return tuple(_obligations(setting, invariant))


def _obligations(setting: Setting, invariant: Invariant) -> Iterator[Obligation]:
    _refuse_names_of_its_own(setting)
    start, fails = initial_view(setting)
    begun = (Goal(FAILURE, STANDARD_TEXTS[FAILURE], negation(fails)), *_goals(invariant.claims, start))
    yield Obligation("initial", "the initial state has the invariant", (), None, begun)
    before = base_view(setting)
    hypotheses = _goals(invariant.claims, before)
    every = units(setting, before)
    for number, unit in enumerate(every, start=1):
        after = unit.after_named(setting)
        no_failure = Goal(FAILURE, STANDARD_TEXTS[FAILURE], negation(unit.fails))
        changed = [
            Goal(claim.name, claim.text, claim.holds(after))
            for claim, held in zip(invariant.claims, hypotheses, strict=True)
        ]
        kept = tuple(g for g, held in zip(changed, hypotheses, strict=True) if _speaks_of_after(g.formula))
        goals = (*((no_failure,) if no_failure.formula is not TRUE else ()), *kept)
        title = f"the invariant is kept by: {unit.name}"
        if goals:
            yield Obligation(f"step-{number:02}", title, hypotheses, unit, goals)
    for claim in goals_of(setting):
        if any(claim.name == clause.name for clause in invariant.clauses):
            continue
        functions = _minority(setting) if claim.name == MINORITY_CANNOT_ELECT else ()
        goal = Goal(claim.name, claim.text, claim.holds(before))
        yield Obligation(
            f"{IMPLIED}{claim.name}", f"the invariant implies {claim.name}", hypotheses, None, (goal,), functions
        )
    for step_claim in step_goals_of(setting):
        for number, unit in enumerate(every, start=1):
            if not step_claim.reads & set(unit.changes):
                continue
            after = unit.after_named(setting)
            same = unchanged(setting, step_claim.reads & set(unit.changes), before, after)
            formula = disjunction((step_claim.holds(before, after), same))
            title = f"{step_claim.name} is true of: {unit.name}"
            goal = Goal(step_claim.name, step_claim.text, formula)
            yield Obligation(f"step-property-{step_claim.name}-{number:02}", title, hypotheses, unit, (goal,))


def _refuse_names_of_its_own(setting: Setting) -> None:
    """Goals are told apart by their names. Raises Unprovable where a spec has taken one that proofs need."""
    history = recorded(setting)
    others = [*assumed(setting), *standard(setting), *([history] if history is not None else [])]
    taken = {FAILURE, QUORUMS_INTERSECT, *(claim.name for claim in others)}
    for one in setting.protocol.properties:
        if one.name in taken:
            raise Unprovable(f"a property called `{one.name}`, as something is that every proof shows", one.span)


def _speaks_of_after(formula: Term) -> bool:
    """Whether a formula mentions anything that the step changes; what does not is a hypothesis."""
    return any(part.operator == "apply" and part.name.startswith(AFTER) for part in subterms(formula))


def _minority(setting: Setting) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    leader = setting.protocol.leader
    assert leader is not None
    assert leader.elected_by is not None
    of = leader.elected_by.type
    assert isinstance(of, SetType)
    return ((f"minority/{of.of.kind}", (process_sort(of.of.kind),), BOOL),)


# Text ----------------------------------------------------------------------------------------------------------------

Uses = Mapping[str, tuple[str, ...]]
"""By goal, the names of the hypotheses that are enough to show it."""

BEFORE = "invariant-before/"
"""A hypothesis by its name, in the text of an obligation."""


def text_of(
    setting: Setting,
    obligation: Obligation,
    uses: Uses,
    cache: dict[object, str] | None = None,
    only: Collection[str] | None = None,
    cores: bool = False,
) -> str:
    """The obligation as a self-contained SMT-LIB 2 file that asks of each goal (or of those of `only`) by itself, in
    order: `unsat` means that it is shown, from the hypotheses that `uses` names, or from all. `cache` keeps the text of
    hypotheses that many obligations share; with `cores` a solver is asked, too, which of them it used."""
    cache = {} if cache is None else cache
    goals = [goal for goal in obligation.goals if only is None or goal.name in only]
    printer = Printer(setting)
    option = "(set-option :produce-unsat-cores true)\n" if cores else ""
    parts = [f"; {obligation.title}\n{option}(set-logic ALL)\n", declared_text(setting, obligation, cache)]
    for name, arguments, result in obligation.functions:
        parts.append(function_text(setting, name, arguments, result))
    if obligation.unit is not None:
        parts.append(unit_text(setting, printer, obligation.unit))
    sections = [_section(setting, printer, obligation, goal, uses.get(goal.name), cores) for goal in goals]
    needed = {name for _, names in sections for name in names}
    if needed:
        parts.append("\n; the invariant before: what of it is needed here\n")
    parts += [_defined(printer, held, cache) for held in obligation.hypotheses if held.name in needed]
    return "".join((*parts, *(text for text, _ in sections)))


def _defined(printer: Printer, held: Goal, cache: dict[object, str]) -> str:
    key = ("hypothesis", held.name)
    if key not in cache:
        definition = written(["define-fun", BEFORE + held.name, [], BOOL, printer.expression(held.formula)])
        cache[key] = f"\n{comment(f'{held.name}: {held.text}')}{definition}\n"
    return cache[key]


def _section(
    setting: Setting, printer: Printer, obligation: Obligation, goal: Goal, uses: tuple[str, ...] | None, cores: bool
) -> tuple[str, list[str]]:
    """The question of one goal, and the hypotheses that have to be defined for it."""
    wrong = denied((goal,))
    lines = [f"\n{comment(f'to be shown: {goal.name}: {goal.text}')}{BEGIN}\n"]
    lines += [f"(declare-const {one.name} {sort_text(setting, one.sort)})\n" for one in wrong.constants]
    names = []
    for held in obligation.hypotheses:
        if uses is not None and held.name not in uses:
            continue
        formula = supposed(setting, obligation, held.formula, wrong.constants)
        if formula is held.formula:
            names.append(held.name)
            said: Text = BEFORE + held.name
        elif formula is TRUE:
            continue
        else:
            lines.append(f"; of {held.name}, what it says of the processes and numbers here\n")
            said = printer.expression(formula)
        lines.append(written(["assert", ["!", said, ":named", USED + held.name] if cores else said]) + "\n")
    lines.append(written(["assert", printer.expression(wrong.formula)]) + "\n(check-sat)\n")
    lines.append("(get-unsat-core)\n(pop 1)\n" if cores else "(pop 1)\n")
    return "".join(lines), names


USED = "use-of/"
"""A hypothesis in a solver's list of those that it used."""


@dataclass(frozen=True)
class Denied:
    """The negation of an obligation's goals, with constants for what the goals say of all processes and numbers."""

    constants: tuple[Term, ...]
    formula: Term


def denied(goals: tuple[Goal, ...]) -> Denied:
    """Each goal that begins with *for all* is false at some values: the constants."""
    constants: list[Term] = []
    parts = []
    for goal in goals:
        formula = goal.formula
        if formula.operator == "forall":
            *bound, body = formula.arguments
            some = [apply(f"some/{len(constants) + i + 1}", one.sort) for i, one in enumerate(bound)]
            constants += some
            formula = substitute(body, dict(zip(bound, some, strict=True)))
        parts.append(negation(formula))
    return Denied(tuple(constants), disjunction(parts))


def together(setting: Setting, obligation: Obligation) -> str:
    """All that is supposed, and that some of the goals is false: what a counterexample to induction is a model of."""
    wrong = denied(obligation.goals)
    printer = Printer(setting)
    parts = [f"; {obligation.title}\n(set-logic ALL)\n", declared_text(setting, obligation, {})]
    parts += [f"(declare-const {one.name} {sort_text(setting, one.sort)})\n" for one in wrong.constants]
    parts += [function_text(setting, *function) for function in obligation.functions]
    if obligation.unit is not None:
        parts.append(unit_text(setting, printer, obligation.unit))
    parts += [asserted(printer, held.formula) for held in obligation.hypotheses]
    return "".join((*parts, asserted(printer, wrong.formula)))


def supposed(setting: Setting, obligation: Obligation, formula: Term, constants: tuple[Term, ...]) -> Term:
    """A hypothesis as it is given to a solver. One that says of all processes or numbers that there is a quorum would
    lead from processes to quorums and back, without end; it is given for the processes and numbers of the step and of
    the goals alone, and what a solver then has to decide is in a decidable fragment. To suppose less proves no more."""
    if not setting.any_number or not _says_that_there_is_a_quorum(formula):
        return formula
    *bound, body = formula.arguments
    terms = [*constants, *(obligation.unit.constants if obligation.unit is not None else ())]
    ranges: dict[str, list[Term]] = {}
    for term in terms:
        ranges.setdefault(term.sort, []).append(term)
    numbers = ranges.setdefault(NUMBER, [])
    for symbol in setting.symbols.values():
        if symbol.result == NUMBER and len(symbol.arguments) == 1:
            numbers += [apply(symbol.name, NUMBER, one) for one in ranges.get(symbol.arguments[0], [])]
    choices = product(*(ranges.get(one.sort, []) for one in bound))
    return conjunction(substitute(body, dict(zip(bound, chosen, strict=True))) for chosen in choices)


def _says_that_there_is_a_quorum(formula: Term) -> bool:
    return formula.operator == "forall" and any(
        part.operator == "exists" and any(one.sort.startswith("quorum/") for one in part.arguments[:-1])
        for part in subterms(formula)
    )


def declared_text(setting: Setting, obligation: Obligation, cache: dict[object, str]) -> str:
    terms = [goal.formula for goal in (*obligation.hypotheses, *obligation.goals)]
    unit = obligation.unit
    if unit is not None:
        terms += [unit.enabled, unit.fails, *(changed.body for changed in unit.changes.values())]
    literals = largest_literal(terms) if setting.any_number else 0
    key = ("declarations", literals)
    if key not in cache:
        cache[key] = declarations(setting, literals)
    return cache[key]


def function_text(setting: Setting, name: str, arguments: tuple[str, ...], result: str) -> str:
    sorts: list[Text] = [sort_text(setting, sort) for sort in arguments]
    return written(["declare-fun", name, sorts, sort_text(setting, result)]) + "\n"


def unit_text(setting: Setting, printer: Printer, unit: Unit) -> str:
    """The step: who acts, when it may be taken, and what the state is afterwards."""
    lines = [f"\n; the step: {unit.name}"]
    lines += [f"(declare-const {c.name} {sort_text(setting, c.sort)})" for c in unit.constants]
    lines += [function_text(setting, *function).rstrip() for function in unit.functions]
    lines.append(asserted(printer, unit.enabled).rstrip())
    for name, changed in unit.changes.items():
        names = {p: f"?x{index}" for index, p in enumerate(changed.parameters, start=1)}
        parameters: list[Text] = [[said, sort_text(setting, p.sort)] for p, said in names.items()]
        result = sort_text(setting, setting.symbols[name].result)
        body = printer.expression(changed.body, names)
        lines.append(written(["define-fun", AFTER + name, parameters, result, body]))
    return "\n".join(lines) + "\n"


def asserted(printer: Printer, formula: Term) -> str:
    return written(["assert", printer.expression(formula)]) + "\n"
