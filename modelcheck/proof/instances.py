"""Candidates as clauses over literals: what they say as hypotheses, and where a step or the initial state breaks them.

What a violated clause says that there is, a number or a position of a message, are constants which all clauses share:
what is asked is whether some clause is violated at some of them. Within one clause each has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations, product

from modelcheck.proof.atoms import Atom, Carried, Filling
from modelcheck.proof.candidates import Candidate, renamed
from modelcheck.proof.claims import Claim
from modelcheck.proof.expressions import Scope, condition, expanded
from modelcheck.proof.ground import ALWAYS, Clause, Clauses, Numbers, instantiated, quorum_meanings
from modelcheck.proof.ground import any_quorums as intersecting
from modelcheck.proof.logic import NUMBER, POSITION, Term, apply, conjunction, less, rebuilt, subterms, unfolded
from modelcheck.proof.setting import Setting, View, fresh
from modelcheck.proof.steps import Defined
from modelcheck.proof.values import columns, fitted, from_constant
from spec.protocol import Local
from spec.types import ProcessType

Values = tuple[Term, ...]
Taken = tuple[int, int]
"""How many of the shared numbers, and of the shared positions, are taken."""
NONE: Taken = (0, 0)

BOUND = 2
"""The numbers of a clause itself are the first of the shared ones."""


def shared(sort: str, index: int) -> Term:
    return apply(f"some.{sort}.{index}", sort)


class AtomTable:
    """What is known of atoms, each worked out once."""

    def __init__(self, setting: Setting, view: View) -> None:
        self._setting = setting
        self._view = view
        self._meanings = quorum_meanings(setting)
        self._keys: dict[int, str] = {}
        self._opens: dict[str, Taken] = {}

    def key(self, atom: Atom) -> str:
        """What an atom says, whatever its variables are called."""
        found = self._keys.get(id(atom))
        if found is None:
            found = self._keys[id(atom)] = _key(atom)
        return found

    def opens(self, atom: Atom) -> Taken:
        """Of how many numbers, and of how many positions, an atom says that there are such."""
        key = self.key(atom)
        found = self._opens.get(key)
        if found is None:
            found = self._opens[key] = self._opened(atom)
        return found

    def _opened(self, atom: Atom) -> Taken:
        values: dict[Local, Term] = {}
        for local in atom.variables:
            if isinstance(local.type, ProcessType):
                everyone = self._setting.processes[local.type.kind]
                values[local] = everyone[len(values) % len(everyone)]
            else:
                values[local] = shared(NUMBER, len(values))
        named: set[Term] = set()

        def some(sort: str, index: int) -> Term:
            named.add(one := apply(f"one.{sort}.{index}", sort))
            return one

        formula = unfolded(formula_of(self._setting, atom, self._view, values), self._meanings)
        instantiated(formula, {NUMBER: (), POSITION: ()}, some, True)
        return sum(one.sort == NUMBER for one in named), sum(one.sort == POSITION for one in named)

    def apart(self, candidate: Candidate) -> list[Taken]:
        """For each part of a clause, what the parts before it take where it is violated; and, as the last, what all
        take."""
        found = [(min(len(candidate.shape.numbers), BOUND), 0)]
        for atom, sign in candidate.parts:
            more = NONE if sign else self.opens(atom)  # what is supposed is true where the clause is violated
            found.append((found[-1][0] + more[0], found[-1][1] + more[1]))
        return found


def _key(atom: Atom) -> str:
    names = {
        local: replace(local, identity=-1 - at, name="_") for at, local in enumerate(dict.fromkeys(atom.variables))
    }
    return repr(renamed(atom.expression, names))


def choices(setting: Setting, candidate: Candidate) -> Iterator[dict[Local, Term]]:
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


class Making:
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

    def plain(self, formula: Term, asserted: bool, taken: Taken = NONE) -> Term:
        """A goal that is asserted (or its negation) without quantifiers and defined symbols. What there is, is none of
        the shared constants that are `taken`."""
        counts = dict(zip((NUMBER, POSITION), taken, strict=True))
        known: dict[tuple[str, int], Term] = {}

        def next_shared(sort: str, index: int) -> Term:
            if (sort, index) not in known:
                known[sort, index] = shared(sort, counts[sort])
                counts[sort] += 1
            return known[sort, index]

        return instantiated(unfolded(formula, self.meanings), self.numbers, next_shared, asserted)

    def hypothesis(self, formula: Term) -> Term:
        """A formula that is supposed; what it says there is, is not what goals speak of."""
        self.supposed += 1
        own = self.supposed
        spelled = unfolded(formula, self.meanings)
        return instantiated(spelled, self.numbers, lambda sort, i: apply(f"other.{sort}.{own}.{i}", sort), True)

    def violated(self, formula: Term) -> int:
        """The literal that something is false."""
        return self.clauses.literal(self.plain(formula, False))


class Literals:
    """The literals of atoms in one state. Atoms that differ in their variables' names only are one, by its `key`."""

    def __init__(self, making: Making, view: View) -> None:
        self.making = making
        self.view = view
        self._known: dict[tuple[str, bool, Taken], dict[Values, int]] = {}
        self._supposed: dict[tuple[str, bool], dict[Values, int]] = {}
        self._denied: dict[tuple[str, Values], int] = {}

    def of(self, key: str, atom: Atom, values: Values, asserted: bool, taken: Taken = NONE) -> int:
        """The literal that an atom is true (or, not `asserted`, that it is false)."""
        table = self._known.setdefault((key, asserted, taken), {})
        found = table.get(values)
        if found is None:
            formula = formula_of(self.making.setting, atom, self.view, dict(zip(atom.variables, values, strict=True)))
            found = table[values] = self.making.clauses.literal(self.making.plain(formula, asserted, taken))
        return found

    def denial(self, key: str, atom: Atom, values: Values) -> int:
        """A literal that is true only where there is nothing of what an atom says that there is."""
        found = self._denied.get((key, values))
        if found is None:
            clauses = self.making.clauses
            found = self._denied[key, values] = clauses.fresh()
            clauses.add(-found, self.of(key, atom, values, False))
        return found

    def supposed(self, key: str, atom: Atom, values: Values, asserted: bool, opens: bool) -> int:
        """The literal, in a hypothesis, that an atom is true (or false). Nothing that there is by a hypothesis is one
        of the shared constants. All that is known of it is whether it is denied, so denials are to be made first."""
        table = self.supposed_table(key, asserted)
        found = table.get(values)
        if found is None:
            if asserted and opens:
                found = self.making.clauses.fresh()
                if (key, values) in self._denied:
                    self.making.clauses.add(-found, -self._denied[key, values])
            else:
                found = self.of(key, atom, values, asserted)
            table[values] = found
        return found

    def supposed_table(self, key: str, asserted: bool) -> dict[Values, int]:
        """Those that are known, for one who asks often."""
        return self._supposed.setdefault((key, asserted), {})


class Violations:
    """All that may be violated: the instances of candidates, for every choice of processes, with shared numbers."""

    def __init__(
        self, making: Making, candidates: tuple[Candidate | Claim, ...], table: AtomTable, before: View
    ) -> None:
        self.making = making
        self.before = before
        self.then = Literals(making, before)
        self.claims = {owner: one for owner, one in enumerate(candidates) if isinstance(one, Claim)}
        self.instances: list[tuple[int, tuple[tuple[int, bool], ...]]] = []
        """Owners, with literals: atoms at values, by their number."""
        self.placed: list[tuple[str, Atom, Values, Taken]] = []
        """Each with what others in its clause take."""
        self.opens: list[bool] = []
        self.inside: list[list[int]] = []
        """The instances that an atom at some values is in."""
        numbers: dict[tuple[str, Values, Taken], int] = {}
        bound = tuple(shared(NUMBER, index) for index in range(BOUND))
        for owner, candidate in enumerate(candidates):
            if isinstance(candidate, Claim):
                continue
            fixed = dict(zip(candidate.shape.numbers, bound, strict=False))
            parts = []
            for (atom, sign), taken in zip(candidate.parts, table.apart(candidate), strict=False):
                opens = table.opens(atom) != NONE
                parts.append((table.key(atom), atom, sign, taken if opens and not sign else NONE, opens))
            for choice in choices(making.setting, candidate):
                values = {**choice, **fixed}
                literals = []
                for key, atom, sign, taken, opens in parts:
                    chosen = tuple([values[local] for local in atom.variables])
                    number = numbers.setdefault((key, chosen, taken), len(numbers))
                    if number == len(self.placed):
                        self.placed.append((key, atom, chosen, taken))
                        self.opens.append(opens)
                        self.inside.append([])
                    self.inside[number].append(len(self.instances))
                    literals.append((number, sign))
                self.instances.append((owner, tuple(literals)))
        setting = making.setting
        self.formulas = [
            formula_of(setting, atom, before, dict(zip(atom.variables, chosen, strict=True)))
            for _, atom, chosen, _ in self.placed
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
        now = Literals(making, start)
        for owner, literals in self.instances:
            one = making.clauses.all_of(self._literal(now, number, not sign) for number, sign in literals)
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
            for asserted in (True, False):
                new = literal(making.plain(changed, asserted, self.placed[number][-1]))
                if new != self._literal(self.then, number, asserted):  # what does not change is a hypothesis
                    now[number, asserted] = new
                    touched.update(dict.fromkeys(self.inside[number]))
        for index in touched:
            owner, literals = self.instances[index]
            wrong = [now.get((number, not sign)) or self._unchanged(number, not sign) for number, sign in literals]
            one = making.clauses.all_of(wrong)
            if one != -ALWAYS:
                found.setdefault(owner, []).append(one)
        return found

    def _literal(self, literals: Literals, number: int, asserted: bool) -> int:
        key, atom, values, taken = self.placed[number]
        return literals.of(key, atom, values, asserted, taken)

    def _unchanged(self, number: int, asserted: bool) -> int:
        """The literal that an atom which a step does not change is true (or false)."""
        key, atom, values, taken = self.placed[number]
        if self.opens[number] and not asserted:
            return self.then.denial(key, atom, values)
        return self.then.of(key, atom, values, asserted, taken)


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


def formula_of(setting: Setting, atom: Atom, view: View, values: Mapping[Local, Term]) -> Term:
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


def hypotheses(making: Making, candidate: Candidate | Claim, literals: Literals, table: AtomTable) -> Iterator[Clause]:
    """A candidate as a hypothesis, instantiated."""
    if isinstance(candidate, Claim):
        yield from making.clauses.clauses_of(making.hypothesis(candidate.holds(literals.view)))
        return
    processes = [local for local in candidate.used if isinstance(local.type, ProcessType)]
    numbers = [local for local in candidate.used if local in candidate.shape.numbers]
    place = {local: at for at, local in enumerate((*processes, *numbers))}
    parts = []
    for atom, sign in candidate.parts:
        key, places = table.key(atom), [place[local] for local in atom.variables]
        known = literals.supposed_table(key, sign)
        parts.append((key, atom, sign, places, table.opens(atom) != NONE, known))
    for choice in choices(making.setting, candidate):
        chosen = tuple(choice[local] for local in processes)
        for more in product(making.numbers[NUMBER], repeat=len(numbers)):
            whole = (*chosen, *more)
            clause = []
            for key, atom, sign, places, opens, known in parts:
                values = tuple([whole[at] for at in places])
                literal = known.get(values)
                if literal is None:
                    literal = literals.supposed(key, atom, values, sign, opens)
                if literal == ALWAYS:
                    break
                clause.append(literal)
            else:
                yield tuple(clause)
