"""From candidates to an inductive invariant: the largest set of clauses that every step keeps.

Houdini (Flanagan and Leino, FME 2001): suppose all clauses; look for a step from a state that satisfies them to one
that violates some; throw those away; until no such step is found. All of it is propositional, by way of
`modelcheck.proof.ground`, so that one SAT solver holds all steps, and a set of clauses is a set of assumptions.

What is found is not trusted: the obligations are built anew from its text and proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from modelcheck.proof.candidates import Candidate
from modelcheck.proof.claims import MINORITY_CANNOT_ELECT, Claim, unchanged
from modelcheck.proof.clocks import clock_symbols
from modelcheck.proof.ground import ALWAYS, Clauses, Numbers, numbers_in
from modelcheck.proof.instances import AtomTable, Making, Violations, hypotheses, shared
from modelcheck.proof.logic import (
    NUMBER,
    NUMERIC,
    POSITION,
    TRUE,
    Term,
    apply,
    disjunction,
    substitute,
)
from modelcheck.proof.obligations import goals_of, step_goals_of
from modelcheck.proof.setting import Setting, View, base_view
from modelcheck.proof.solvers import incremental, solved
from modelcheck.proof.steps import Unit, initial_view, units
from modelcheck.properties import FAILURE
from spec.lint import nodes
from spec.protocol import Apply

ANYWHERE = -1
"""In the place of a case's literal: the goal is about states, not about a step."""


@dataclass
class Search:
    """One setting's clauses in a SAT solver. `selectors` switch a clause on as a hypothesis; a case's literal switches
    on one step, by one choice of who acts. `about_quorums` are the candidates that ask for a quorum. `goals` are the
    properties by name: for each case that matters, its number and the literal that is true where the property is
    false."""

    setting: Setting
    candidates: tuple[Candidate | Claim, ...]
    clauses: Clauses
    selectors: list[int]
    cases: list[Case]
    goals: dict[str, list[tuple[int, int]]]
    about_quorums: set[int]
    solver: Any
    queries: int = 0
    alive: set[int] = field(default_factory=set)


@dataclass
class Case:
    """A step, and for each candidate the literals one of which is true where the step breaks it."""

    unit: Unit | None
    active: int
    broken: dict[int, list[int]]
    fails: int


def search_of(
    setting: Setting, assumed: tuple[Claim, ...], candidates: tuple[Candidate | Claim, ...], any_quorums: bool = False
) -> Search:
    """Everything about a setting in a solver. With `any_quorums`, nothing is known of quorums but that they intersect.
    Raises Unprovable for what is not propositional, NoSolver."""
    before = base_view(setting)
    start, fails = initial_view(setting)
    begun: list[tuple[Unit | None, View, Term, Term]] = [(None, start, TRUE, fails)]
    for unit in units(setting, before):
        for chosen in _actors(setting, unit):
            fixed = _fixed(unit, chosen)
            begun.append((fixed, fixed.after(before), fixed.enabled, fixed.fails))
    table = AtomTable(setting, before)
    most = _most_shared(candidates, table)
    making = Making(setting, _numbers(setting, begun, most), any_quorums)
    clauses = making.clauses
    violations = Violations(making, candidates, table, before)
    cases = []
    goals: dict[str, list[tuple[int, int]]] = {claim.name: [] for claim in step_goals_of(setting)}
    goals[FAILURE] = []
    for at, (unit_or_none, after, enabled, failing) in enumerate(begun):
        active = clauses.fresh()
        for clause in clauses.clauses_of(making.hypothesis(enabled)):
            clauses.add(-active, *clause)
        failure = clauses.literal(making.plain(failing, True))
        if failure != -ALWAYS:
            goals[FAILURE].append((at, failure))
        broken = violations.at_first(after) if unit_or_none is None else violations.after(unit_or_none.changes)
        cases.append(Case(unit_or_none, active, broken, failure))
        if unit_or_none is not None:
            for name, literal in _step_goals(making, unit_or_none, before):
                goals[name].append((at, literal))
    for claim in goals_of(setting):
        if claim.name != MINORITY_CANNOT_ELECT:  # it follows from `leader_holds_quorum`, and is proved in the end
            goals[claim.name] = [(ANYWHERE, making.violated(claim.holds(before)))]
    for claim in assumed:
        clauses.require(making.hypothesis(claim.holds(before)))
    selectors = []
    for candidate in candidates:
        selector = clauses.fresh()
        selectors.append(selector)
        for clause in hypotheses(making, candidate, violations.then, table):
            clauses.add(-selector, *clause)
    clauses.close()
    solver = incremental(clauses.clauses)
    about_quorums = {owner for owner, one in enumerate(candidates) if isinstance(one, Claim) and _asks_quorum(one)}
    everything = set(range(len(candidates)))
    return Search(setting, candidates, clauses, selectors, cases, goals, about_quorums, solver, 0, everything)


def _asks_quorum(claim: Claim) -> bool:
    parts = nodes(claim.expression) if claim.expression is not None else ()
    return any(isinstance(part, Apply) and part.definition.startswith("quorum") for part in parts)


def _step_goals(making: Making, unit: Unit, before: View) -> Iterator[tuple[str, int]]:
    """For each step property that a step matters to, where it is false."""
    setting = making.setting
    after = unit.after(before)
    for claim in step_goals_of(setting):
        read = claim.reads & set(unit.changes)
        if read:
            held = disjunction((claim.holds(before, after), unchanged(setting, read, before, after)))
            yield claim.name, making.violated(held)


SHARED = 3
"""So many constants at least stand for the numbers, and the positions, that a violated clause speaks of."""


def _most_shared(candidates: tuple[Candidate | Claim, ...], table: AtomTable) -> dict[str, int]:
    """How many numbers and positions a violated clause may speak of."""
    taken = [table.apart(candidate)[-1] for candidate in candidates if isinstance(candidate, Candidate)]
    return {sort: max((one[place] for one in taken), default=0) for place, sort in enumerate((NUMBER, POSITION))}


def _numbers(setting: Setting, begun: list[tuple[Unit | None, View, Term, Term]], most: Mapping[str, int]) -> Numbers:
    """The numbers that hypotheses are instantiated with."""
    terms: list[Term] = []
    for unit, _, enabled, fails in begun:
        terms += [enabled, fails]
        if unit is not None:
            terms += [changed.body for changed in unit.changes.values()]
    clocks = clock_symbols(setting)  # no message carries what they count
    found = {
        sort: {number: None for number in numbers if number.name not in clocks}
        for sort, numbers in numbers_in(terms).items()
    }
    found[POSITION] = {one: None for one in found[POSITION] if one.operator == "apply"}
    for symbol in setting.symbols.values():
        if symbol.result not in NUMERIC or symbol.name in clocks:
            continue
        ranges = [setting.processes.get(sort.removeprefix("process/"), ()) for sort in symbol.arguments]
        for arguments in product(*ranges):
            found[symbol.result][apply(symbol.name, symbol.result, *arguments)] = None
    for sort in (NUMBER, POSITION) if setting.has_positions else (NUMBER,):
        found[sort] |= {shared(sort, index): None for index in range(max(most[sort], SHARED))}
    return {sort: tuple(numbers) for sort, numbers in found.items()}


# Choices of processes ------------------------------------------------------------------------------------------------


def _actors(setting: Setting, unit: Unit) -> Iterator[dict[Term, Term]]:
    """Who acts, from whom a message is, and whom it names: up to renaming of interchangeable processes."""
    whose = [c for c in unit.constants if c.sort.startswith("process/")]
    ranges = [setting.processes[c.sort.removeprefix("process/")] for c in whose]
    for chosen in product(*ranges):
        if _is_first_of_its_kind(setting, chosen):
            yield dict(zip(whose, chosen, strict=True))


def _is_first_of_its_kind(setting: Setting, chosen: tuple[Term, ...]) -> bool:
    """Whether among all renamings of a choice this is the one that uses the first processes in order."""
    seen: dict[str, list[Term]] = {}
    for process in chosen:
        kind = process.sort.removeprefix("process/")
        if setting.kinds[kind].ordered:
            continue
        known = seen.setdefault(kind, [])
        if process not in known:
            if setting.processes[kind].index(process) != len(known):
                return False
            known.append(process)
    return True


def _fixed(unit: Unit, chosen: Mapping[Term, Term]) -> Unit:
    """The unit with its processes chosen."""
    changes = {name: replace(changed, body=substitute(changed.body, chosen)) for name, changed in unit.changes.items()}
    enabled, fails = substitute(unit.enabled, chosen), substitute(unit.fails, chosen)
    return replace(unit, enabled=enabled, fails=fails, changes=changes)


# The search ----------------------------------------------------------------------------------------------------------


def strongest(search: Search) -> set[int]:
    """Throws away what is not kept until all that is left is; what is left, by index."""
    quiet = 0
    position = 0
    while quiet < len(search.cases) and search.alive:
        case = search.cases[position % len(search.cases)]
        position += 1
        quiet = quiet + 1 if not _narrow(search, case) else 0
    return search.alive


def _narrow(search: Search, case: Case) -> bool:
    """Throws away what one step breaks. Whether there was anything."""
    changed = False
    while True:
        watched = [owner for owner in search.alive if owner in case.broken]
        if not watched:
            return changed
        some = search.clauses.fresh()
        search.solver.add_clause([-some, *(literal for owner in watched for literal in case.broken[owner])])
        search.queries += 1
        assumptions = [some, case.active, -case.fails, *(search.selectors[owner] for owner in sorted(search.alive))]
        if not solved(search.solver, assumptions):
            return changed
        model = search.solver.get_model()
        gone = {owner for owner in watched if any(_is_true(model, literal) for literal in case.broken[owner])}
        assert gone
        search.alive -= gone
        changed = True


def _is_true(model: list[int], literal: int) -> bool:
    index = abs(literal) - 1
    return index < len(model) and model[index] == literal


def support(search: Search, owner: int, among: set[int], first: Iterable[int] = ()) -> set[int] | None:
    """Clauses from `among` that suffice for one to be kept by every step; None where they do not. The clause itself,
    and those `first`, are used before others are."""
    found: set[int] = {owner, *first} & among
    for case in search.cases:
        core = _core(search, case, case.broken.get(owner), among - found, found)
        if core is None:
            return None
        found |= core
    return found


def _core(
    search: Search, case: Case, broken: list[int] | None, among: set[int], given: Iterable[int] = ()
) -> set[int] | None:
    """Clauses that together with the `given` ones exclude what a step may break; None where it breaks it."""
    return set() if not broken else _core_of(search, broken, [case.active, -case.fails], among, given)


def _core_of(
    search: Search, broken: list[int], where: list[int], among: set[int], given: Iterable[int]
) -> set[int] | None:
    some = search.clauses.fresh()
    search.solver.add_clause([-some, *broken])
    base = [some, *where, *(search.selectors[one] for one in sorted(given))]
    # What is said of quorums is the hardest to prove for any number of processes: it is used where nothing else does.
    for chosen in (among - search.about_quorums, among) if among & search.about_quorums else (among,):
        search.queries += 1
        by_selector = {search.selectors[one]: one for one in sorted(chosen)}
        if not solved(search.solver, [*base, *by_selector]):
            break
    else:
        return None
    core = {by_selector[literal] for literal in search.solver.get_core() or () if literal in by_selector}
    for one in sorted(core, reverse=True):
        search.queries += 1
        rest = core - {one}
        if not solved(search.solver, [*base, *(search.selectors[other] for other in sorted(rest))]):
            core = rest
    return core


def proof_of(search: Search, goal: str, among: set[int]) -> set[int] | None:
    """Clauses from `among` that imply a property, at every step that matters to it; None where they do not."""
    found: set[int] = set()
    for at, literal in search.goals[goal]:
        case = search.cases[at] if at != ANYWHERE else None
        fails = [] if case is None or goal == FAILURE else [-case.fails]
        core = _core_of(search, [literal], [case.active, *fails] if case is not None else [], among - found, found)
        if core is None:
            return None
        found |= core
    return found
