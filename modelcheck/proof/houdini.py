"""From candidates to an inductive invariant: the largest set of clauses that every step keeps.

Houdini (Flanagan and Leino, FME 2001): suppose all clauses; look for a step from a state that satisfies them to one
that violates some; throw those away; until no such step is found. All of it is propositional, by way of
`modelcheck.proof.ground`, so that one SAT solver holds all steps, and a set of clauses is a set of assumptions.

What is found is not trusted: the obligations are built anew from its text and proved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations, product
from typing import Any

from modelcheck.proof.atoms import Atom, Carried, Filling
from modelcheck.proof.candidates import Candidate, renamed
from modelcheck.proof.claims import MINORITY_CANNOT_ELECT, Claim, declared_steps, unchanged
from modelcheck.proof.expressions import Scope, condition, expanded
from modelcheck.proof.ground import ALWAYS, Clause, Clauses, Numbers, instantiated, numbers_in, quorum_meanings
from modelcheck.proof.ground import any_quorums as intersecting
from modelcheck.proof.logic import (
    NUMBER,
    NUMERIC,
    POSITION,
    TRUE,
    Term,
    apply,
    conjunction,
    disjunction,
    less,
    rebuilt,
    substitute,
    subterms,
    unfolded,
)
from modelcheck.proof.obligations import properties_of
from modelcheck.proof.setting import Setting, View, base_view, fresh
from modelcheck.proof.solvers import incremental, solved
from modelcheck.proof.steps import Defined, Unit, initial_view, units
from modelcheck.proof.values import columns, fitted, from_constant
from modelcheck.properties import FAILURE
from spec.protocol import Local
from spec.types import ProcessType

ANYWHERE = -1
"""In the place of a case's literal: the goal is about states, not about a step."""


@dataclass
class Search:
    """One setting's clauses in a SAT solver. `selectors` switch a clause on as a hypothesis; a case's literal switches
    on one step, by one choice of who acts. `goals` are the properties by name: for each case that matters, its number
    and the literal that is true where the property is false."""

    setting: Setting
    candidates: tuple[Candidate | Claim, ...]
    clauses: Clauses
    selectors: list[int]
    cases: list[Case]
    goals: dict[str, list[tuple[int, int]]]
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
    making = _Making(setting, _numbers(setting, begun), any_quorums)
    clauses = making.clauses
    keys = _Keys()
    violations = _Violations(making, candidates, keys, before)
    cases = []
    goals: dict[str, list[tuple[int, int]]] = {claim.name: [] for claim in declared_steps(setting)}
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
    for claim in properties_of(setting):
        if claim.name != MINORITY_CANNOT_ELECT:  # it follows from `leader_holds_quorum`, and is proved in the end
            goals[claim.name] = [(ANYWHERE, making.violated(claim.holds(before)))]
    for claim in assumed:
        clauses.require(making.hypothesis(claim.holds(before)))
    selectors = []
    literals = _Literals(making, before)
    for candidate in candidates:
        selector = clauses.fresh()
        selectors.append(selector)
        for clause in _hypotheses(making, candidate, literals, keys):
            clauses.add(-selector, *clause)
    clauses.close()
    solver = incremental(clauses.clauses)
    return Search(setting, candidates, clauses, selectors, cases, goals, solver, 0, set(range(len(candidates))))


def _step_goals(making: _Making, unit: Unit, before: View) -> Iterator[tuple[str, int]]:
    """For each step property that a step matters to, where it is false."""
    setting = making.setting
    after = unit.after(before)
    for claim in declared_steps(setting):
        read = claim.reads & set(unit.changes)
        if read:
            held = disjunction((claim.holds(before, after), unchanged(setting, read, before, after)))
            yield claim.name, making.violated(held)


SHARED = 3
"""So many numbers stand for those that a violated clause speaks of. All clauses share them: what is asked is whether
some clause is violated at some numbers."""


def shared(sort: str, index: int) -> Term:
    return apply(f"some.{sort}.{index}", sort)


def _numbers(setting: Setting, begun: list[tuple[Unit | None, View, Term, Term]]) -> Numbers:
    """The numbers that hypotheses are instantiated with."""
    terms: list[Term] = []
    for unit, _, enabled, fails in begun:
        terms += [enabled, fails]
        if unit is not None:
            terms += [changed.body for changed in unit.changes.values()]
    found = {sort: dict.fromkeys(numbers) for sort, numbers in numbers_in(terms).items()}
    found[POSITION] = {one: None for one in found[POSITION] if one.operator == "apply"}
    for symbol in setting.symbols.values():
        if symbol.result not in NUMERIC:
            continue
        ranges = [setting.processes.get(sort.removeprefix("process/"), ()) for sort in symbol.arguments]
        for arguments in product(*ranges):
            found[symbol.result][apply(symbol.name, symbol.result, *arguments)] = None
    for index in range(SHARED):
        found[NUMBER][shared(NUMBER, index)] = None
        if setting.has_positions:
            found[POSITION][shared(POSITION, index)] = None
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


def _choices(setting: Setting, candidate: Candidate) -> Iterator[dict[Local, Term]]:
    """Every way to choose the processes of a clause; two variables of one kind stand for different ones."""
    kinds: dict[str, list[Local]] = {}
    for local in candidate.used:
        if isinstance(local.type, ProcessType):
            kinds.setdefault(local.type.kind, []).append(local)
    ranges = [permutations(setting.processes[kind], len(locals)) for kind, locals in kinds.items()]
    whole = [local for locals in kinds.values() for local in locals]
    for chosen in product(*ranges):
        yield dict(zip(whole, (process for part in chosen for process in part), strict=True))


# Formulas ------------------------------------------------------------------------------------------------------------


class _Making:
    """What turns formulas into literals; each atom, at each choice of its variables, is made once for each state."""

    def __init__(self, setting: Setting, numbers: Numbers, any_quorums: bool) -> None:
        self.setting = setting
        self.numbers = numbers
        self.supposed = 0
        self.clauses = Clauses(setting)
        self.meanings = quorum_meanings(setting)
        if any_quorums:
            self.meanings, axioms = intersecting(setting)
            for axiom in axioms:
                self.clauses.require(axiom)

    def plain(self, formula: Term, asserted: bool) -> Term:
        """A goal that is asserted (or its negation) without quantifiers and defined symbols."""
        return instantiated(unfolded(formula, self.meanings), self.numbers, shared, asserted)

    def hypothesis(self, formula: Term) -> Term:
        """A formula that is supposed; what it says there is, is not what goals speak of."""
        self.supposed += 1
        own = self.supposed
        spelled = unfolded(formula, self.meanings)
        return instantiated(spelled, self.numbers, lambda sort, i: apply(f"other.{sort}.{own}.{i}", sort), True)

    def violated(self, formula: Term) -> int:
        """The literal that something is false."""
        return self.clauses.literal(self.plain(formula, False))


Values = tuple[Term, ...]


class _Literals:
    """The literals of atoms in one state. Atoms that differ in their variables' names only are one, by its `key`."""

    def __init__(self, making: _Making, view: View) -> None:
        self.making = making
        self.view = view
        self.known: dict[tuple[str, bool], dict[Values, int]] = {}

    def of(self, key: str, atom: Atom, values: Values, asserted: bool) -> int:
        """The literal that an atom is true (or, not `asserted`, that it is false)."""
        table = self.table(key, asserted)
        found = table.get(values)
        if found is None:
            formula = _formula(self.making.setting, atom, self.view, dict(zip(atom.variables, values, strict=True)))
            found = table[values] = self.making.clauses.literal(self.making.plain(formula, asserted))
        return found

    def table(self, key: str, asserted: bool) -> dict[Values, int]:
        return self.known.setdefault((key, asserted), {})


def _key(atom: Atom) -> str:
    """What an atom says, whatever its variables are called."""
    names = {
        local: replace(local, identity=-1 - at, name="_") for at, local in enumerate(dict.fromkeys(atom.variables))
    }
    return repr(renamed(atom.expression, names))


class _Violations:
    """All that may be violated: the instances of candidates, for every choice of processes, with shared numbers."""

    def __init__(self, making: _Making, candidates: tuple[Candidate | Claim, ...], keys: _Keys, before: View) -> None:
        self.making = making
        self.before = before
        self.then = _Literals(making, before)
        self.claims = {owner: one for owner, one in enumerate(candidates) if isinstance(one, Claim)}
        self.instances: list[tuple[int, tuple[tuple[int, bool], ...]]] = []
        """Owners, with literals: atoms at values, by their number."""
        self.placed: list[tuple[str, Atom, Values]] = []
        self.inside: list[list[int]] = []
        """The instances that an atom at some values is in."""
        numbers: dict[tuple[str, Values], int] = {}
        bound = tuple(shared(NUMBER, index) for index in range(2))
        for owner, candidate in enumerate(candidates):
            if isinstance(candidate, Claim):
                continue
            fixed = dict(zip(candidate.shape.numbers, bound, strict=False))
            parts = [(keys.of(atom), atom, sign) for atom, sign in candidate.parts]
            for choice in _choices(making.setting, candidate):
                values = {**choice, **fixed}
                literals = []
                for key, atom, sign in parts:
                    chosen = tuple([values[local] for local in atom.variables])
                    number = numbers.setdefault((key, chosen), len(numbers))
                    if number == len(self.placed):
                        self.placed.append((key, atom, chosen))
                        self.inside.append([])
                    self.inside[number].append(len(self.instances))
                    literals.append((number, sign))
                self.instances.append((owner, tuple(literals)))
        setting = making.setting
        self.formulas = [
            _formula(setting, atom, before, dict(zip(atom.variables, chosen, strict=True)))
            for _, atom, chosen in self.placed
        ]
        self.supposed = {owner: claim.holds(before) for owner, claim in self.claims.items()}
        self._reads: dict[Term, frozenset[str]] = {}

    def reads(self, formula: Term) -> frozenset[str]:
        """The symbols that a formula speaks of."""
        found = self._reads.get(formula)
        if found is None:
            names = (part.name for part in subterms(formula) if part.operator == "apply")
            found = self._reads[formula] = frozenset(names)
        return found

    def at_first(self, start: View) -> dict[int, list[int]]:
        """For each candidate, literals one of which is true if the initial state violates it."""
        making = self.making
        found = {owner: [making.violated(claim.holds(start))] for owner, claim in self.claims.items()}
        now = _Literals(making, start)
        for owner, literals in self.instances:
            placed = [(*self.placed[number], not sign) for number, sign in literals]
            one = making.clauses.all_of(now.of(*part) for part in placed)
            if one != -ALWAYS:
                found.setdefault(owner, []).append(one)
        return found

    def after(self, changes: Mapping[str, Defined]) -> dict[int, list[int]]:
        """For each candidate that a step may break, literals one of which is true if it does."""
        making, literal = self.making, self.making.clauses.literal
        names = frozenset(changes)
        found: dict[int, list[int]] = {}
        for owner, formula in self.supposed.items():
            if names & self.reads(formula) and (changed := _stepped(formula, changes)) is not formula:
                found[owner] = [making.violated(changed)]
        touched: dict[int, None] = {}
        now: dict[tuple[int, bool], int] = {}
        for number, formula in enumerate(self.formulas):
            if not names & self.reads(formula) or (changed := _stepped(formula, changes)) is formula:
                continue
            same = True
            for sign in (True, False):
                now[number, sign] = literal(making.plain(changed, sign))
                same = same and now[number, sign] == self.then.of(*self.placed[number], sign)
            if not same:  # what does not change is a hypothesis
                touched.update(dict.fromkeys(self.inside[number]))
        for index in touched:
            owner, literals = self.instances[index]
            wrong = []
            for number, sign in literals:
                one = now.get((number, not sign))
                wrong.append(self.then.of(*self.placed[number], not sign) if one is None else one)
            one = making.clauses.all_of(wrong)
            if one != -ALWAYS:
                found.setdefault(owner, []).append(one)
        return found


def _stepped(formula: Term, changes: Mapping[str, Defined]) -> Term:
    """What a formula about the state after a step says of the state before it."""
    known: dict[Term, Term] = {}

    def of(part: Term) -> Term:
        found = known.get(part)
        if found is None:
            arguments = tuple(map(of, part.arguments))
            changed = changes.get(part.name) if part.operator == "apply" else None
            found = known[part] = changed.at(arguments) if changed is not None else rebuilt(part, arguments)
        return found

    return of(formula)


class _Keys:
    """What atoms say, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def of(self, atom: Atom) -> str:
        found = self._known.get(id(atom))
        if found is None:
            found = self._known[id(atom)] = _key(atom)
        return found


def _formula(setting: Setting, atom: Atom, view: View, values: Mapping[Local, Term]) -> Term:
    """An atom for one choice of its variables."""
    carried = atom.carried
    if carried is None:
        return condition(
            atom.expression, Scope(setting, view, None, {one.identity: values[one] for one in atom.variables})
        )
    message = setting.messages[carried.message]
    if carried.receiver is None:
        return setting.some(message.receiver, lambda p: _under_way(setting, carried, view, values, p))
    return _under_way(setting, carried, view, values, values[carried.receiver])


def _under_way(setting: Setting, carried: Carried, view: View, values: Mapping[Local, Term], receiver: Term) -> Term:
    ends = (values[carried.sender], receiver)
    place = fresh("k", POSITION)
    arguments, opened = _filled(setting, carried.message, carried.pattern, values)
    at = (place,) if setting.has_positions else ()
    sent = view(f"sent/{carried.message}", (*ends, *at, *arguments))
    if carried.later is not None:
        behind = fresh("k", POSITION)
        more, also = _filled(setting, *carried.later, values)
        sent = conjunction((sent, view(f"sent/{carried.later[0]}", (*ends, behind, *more)), less(place, behind)))
        return expanded(setting, (place, behind, *opened, *also), sent, False)
    return expanded(setting, (*at, *opened), sent, False)


def _filled(
    setting: Setting, name: str, pattern: tuple[Filling, ...], values: Mapping[Local, Term]
) -> tuple[list[Term], list[Term]]:
    """The arguments of a message, and those among them that may be anything."""
    arguments: list[Term] = []
    opened: list[Term] = []
    for filling, (parameter, of) in zip(pattern, setting.messages[name].parameters, strict=True):
        if filling is None:
            free = [fresh(parameter, sort) for sort in setting.columns(of)]
            opened += free
            arguments += free
        else:
            value = values[filling] if isinstance(filling, Local) else from_constant(filling.value, filling.type)
            arguments += columns(setting, fitted(value, of), of)
    return arguments, opened


def _hypotheses(making: _Making, candidate: Candidate | Claim, literals: _Literals, keys: _Keys) -> Iterator[Clause]:
    """A candidate as a hypothesis, instantiated."""
    if isinstance(candidate, Claim):
        yield from making.clauses.clauses_of(making.hypothesis(candidate.holds(literals.view)))
        return
    processes = [local for local in candidate.used if isinstance(local.type, ProcessType)]
    numbers = [local for local in candidate.used if local in candidate.shape.numbers]
    place = {local: at for at, local in enumerate((*processes, *numbers))}
    parts = []
    for atom, sign in candidate.parts:
        key = keys.of(atom)
        parts.append((key, atom, sign, [place[local] for local in atom.variables], literals.table(key, sign)))
    for choice in _choices(making.setting, candidate):
        chosen = tuple(choice[local] for local in processes)
        for more in product(making.numbers[NUMBER], repeat=len(numbers)):
            whole = (*chosen, *more)
            clause = []
            for key, atom, sign, places, table in parts:
                values = tuple([whole[at] for at in places])
                literal = table.get(values)
                if literal is None:
                    literal = literals.of(key, atom, values, sign)
                if literal == ALWAYS:
                    break
                clause.append(literal)
            else:
                yield tuple(clause)


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
    search.queries += 1
    chosen = sorted(among)
    by_selector = {search.selectors[one]: one for one in chosen}
    if solved(search.solver, [*base, *by_selector]):
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
