"""From formulas over a fixed number of processes to propositional clauses.

Processes and enumerations have few values, so that only numbers are left to be dealt with. Specs compare numbers and
add constants to them; all that is then said of them is of the form `x - y <= c`, and each such statement is a
propositional variable. *Instances*: a quantifier over numbers in a hypothesis is instantiated with the numbers that the
step and the goal speak of, which loses nothing of soundness (fewer hypotheses prove less). *Axioms* that hold for whole
numbers (transitivity, and that equal arguments give equal values) are added for the numbers that occur.

A formula whose clauses cannot be satisfied is therefore unsatisfiable itself. The converse need not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations, pairwise, product

from modelcheck.proof.logic import (
    BOOL,
    FALSE,
    NUMERIC,
    POSITION,
    TRUE,
    Term,
    apply,
    conjunction,
    disjunction,
    negation,
    substitute,
    subterms,
    unfolded,
)
from modelcheck.proof.quorums import minimal_quorums
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.smtlib import quorum_kinds

Clause = tuple[int, ...]
Case = tuple[int, Term | None, int]
"""Where a literal is true, a number is `base + offset`; without a base it is the offset."""

ALWAYS = 1
"""The literal that is true."""


# Quantifiers ---------------------------------------------------------------------------------------------------------


Numbers = Mapping[str, tuple[Term, ...]]
"""The numbers and the positions to instantiate with."""


def instantiated(term: Term, numbers: Numbers, skolem: Callable[[str, int], Term], positive: bool) -> Term:
    """An asserted formula (or, not `positive`, the negation of one) without quantifiers over numbers: those that say
    *all* are instantiated with `numbers`, those that say *some* get a number of their own, `skolem` of its sort and its
    count. What stands in different branches of a disjunction may be the same number."""
    return _instantiated(term, numbers, skolem, positive, 0)[0]


def _instantiated(
    part: Term, numbers: Numbers, skolem: Callable[[str, int], Term], asserted: bool, used: int
) -> tuple[Term, int]:
    """`used` is how many skolem numbers are taken already; and how many are afterwards."""

    def of(one: Term, wanted: bool, taken: int) -> tuple[Term, int]:
        return _instantiated(one, numbers, skolem, wanted, taken)

    def all_of(parts: Iterable[tuple[Term, bool]]) -> tuple[Term, int]:
        found, taken = [], used
        for one, wanted in parts:
            made, taken = of(one, wanted, taken)
            found.append(made)
        return conjunction(found), taken

    def some_of(parts: Iterable[tuple[Term, bool]]) -> tuple[Term, int]:
        made = [of(one, wanted, used) for one, wanted in parts]
        return disjunction(one for one, _ in made), max((taken for _, taken in made), default=used)

    if not _has_quantifier(part):
        return (part if asserted else negation(part)), used
    match part.operator:
        case "not":
            return of(part.arguments[0], not asserted, used)
        case "and" | "or":
            join = all_of if (part.operator == "and") is asserted else some_of
            return join((one, asserted) for one in part.arguments)
        case "=>":
            condition, consequence = part.arguments
            return (some_of if asserted else all_of)(((condition, not asserted), (consequence, asserted)))
        case "=" | "ite":
            condition, yes = part.arguments[0], part.arguments[1]
            first, one = all_of(((condition, True), (yes, asserted)))
            rest = part.arguments[2] if part.operator == "ite" else negation(yes)
            second, other = all_of(((condition, False), (rest, asserted)))
            return disjunction((first, second)), max(one, other)
        case "forall" | "exists":
            *bound, body = part.arguments
            if (part.operator == "forall") is asserted:
                choices = product(*(_relevant(variable, body, numbers[variable.sort]) for variable in bound))
                return all_of((substitute(body, dict(zip(bound, choice, strict=True))), asserted) for choice in choices)
            chosen = {variable: skolem(variable.sort, used + i) for i, variable in enumerate(bound)}
            return of(substitute(body, chosen), asserted, used + len(bound))
    raise Unprovable(f"a quantifier within `{part.operator}`")


def _relevant(variable: Term, body: Term, numbers: tuple[Term, ...]) -> tuple[Term, ...]:
    """The numbers to instantiate a variable with: for a position, no ends of links that the formula is not about."""
    if variable.sort != POSITION:
        return numbers
    links = {part.arguments[:2] for part in subterms(body) if part.operator == "apply" and variable in part.arguments}
    return tuple(one for one in numbers if not one.name.startswith("end/") or one.arguments in links)


_quantified: dict[Term, bool] = {}


def _has_quantifier(term: Term) -> bool:
    found = _quantified.get(term)
    if found is None:
        inside = any(_has_quantifier(part) for part in term.arguments)
        found = _quantified[term] = inside or term.operator in ("forall", "exists")
    return found


def quorum_meanings(setting: Setting) -> dict[str, Callable[[tuple[Term, ...]], Term]]:
    """What `quorum/KIND` means, by who is in the set."""
    return {f"quorum/{kind}": _quorum_of(minimal_quorums(setting, kind)) for kind in quorum_kinds(setting)}


def any_quorums(setting: Setting) -> tuple[dict[str, Callable[[tuple[Term, ...]], Term]], list[Term]]:
    """As `quorum_meanings`, where all that is known of quorums is that any two intersect; and that. It is what is known
    of them where the number of processes is not."""
    meanings: dict[str, Callable[[tuple[Term, ...]], Term]] = {}
    axioms: list[Term] = []
    for kind in quorum_kinds(setting):
        everyone = range(len(setting.processes[kind]))
        sets = [some for count in everyone for some in combinations(everyone, count + 1)]
        chosen = {some: apply(f"is-quorum/{kind}/{'.'.join(map(str, some))}", BOOL) for some in sets}

        def meaning(inside: tuple[Term, ...], chosen: dict[tuple[int, ...], Term] = chosen) -> Term:
            return disjunction(
                conjunction((is_one, *(inside[index] for index in some))) for some, is_one in chosen.items()
            )

        meanings[f"quorum/{kind}"] = meaning
        axioms += [
            negation(conjunction((chosen[one], chosen[other])))
            for one, other in combinations(sets, 2)
            if not set(one) & set(other)
        ]
    return meanings, axioms


def _quorum_of(smallest: tuple[frozenset[int], ...]) -> Callable[[tuple[Term, ...]], Term]:
    return lambda inside: disjunction(conjunction(inside[index] for index in sorted(some)) for some in smallest)


def numbers_in(terms: Iterable[Term]) -> dict[str, tuple[Term, ...]]:
    """The numbers without a bound variable or a choice in them that occur in some formulas, in a fixed order."""
    found: dict[str, dict[Term, None]] = {sort: {} for sort in NUMERIC}
    seen: set[Term] = set()
    for term in terms:
        for part in subterms(term, seen):
            if part.sort in NUMERIC and part.operator in ("apply", "+", "number") and _is_ground(part):
                found[part.sort][part] = None
    return {sort: tuple(numbers) for sort, numbers in found.items()}


def _is_ground(term: Term) -> bool:
    return all(part.operator not in ("variable", "ite") for part in subterms(term))


# Clauses -------------------------------------------------------------------------------------------------------------


class Clauses:
    """Clauses being gathered for one setting. Variables are numbered from 2 on; 1 is true."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.clauses: list[Clause] = [(ALWAYS,)]
        self.variables = 1
        self.meaning: dict[int, str] = {}
        self._literals: dict[Term, int] = {}
        self._atoms: dict[tuple[object, ...], int] = {}
        self._gates: dict[tuple[int, ...], int] = {}
        self._cases: dict[Term, list[tuple[int, Term]]] = {}
        self._numbers: dict[Term, list[Case]] = {}
        self._differences: dict[tuple[Term | None, Term | None], dict[int, int]] = {}
        self._applied: dict[tuple[object, ...], list[tuple[tuple[tuple[Term | None, int], ...], int]]] = {}
        self._values: dict[str, tuple[Term, ...]] = dict(setting.enumerations)
        for kind, processes in setting.processes.items():
            self._values[f"process/{kind}"] = processes

    def fresh(self, meaning: str = "") -> int:
        self.variables += 1
        if meaning:
            self.meaning[self.variables] = meaning
        return self.variables

    def add(self, *clause: int) -> None:
        if ALWAYS not in clause:
            self.clauses.append(tuple(dict.fromkeys(one for one in clause if one != -ALWAYS)))

    def require(self, term: Term) -> None:
        """A formula without quantifiers that is to be true."""
        for clause in self.clauses_of(term):
            self.add(*clause)

    def clauses_of(self, term: Term) -> list[Clause]:
        """A formula as clauses over literals of its parts."""
        if term.operator == "and":
            return [clause for part in term.arguments for clause in self.clauses_of(part)]
        if term.operator == "or":
            return [tuple(self.literal(part) for part in term.arguments)]
        if term.operator == "=>":
            condition, consequence = term.arguments
            parts = condition.arguments if condition.operator == "and" else (condition,)
            left = tuple(-self.literal(part) for part in parts)
            return [(*left, *clause) for clause in self.clauses_of(consequence)]
        return [(self.literal(term),)]

    # Literals

    def literal(self, term: Term) -> int:
        """The literal that is equivalent to a formula."""
        found = self._literals.get(term)
        if found is None:
            found = self._literals[term] = self._literal(term)
        return found

    def _literal(self, term: Term) -> int:
        match term.operator:
            case "true":
                return ALWAYS
            case "false":
                return -ALWAYS
            case "not":
                return -self.literal(term.arguments[0])
            case "and":
                return self.all_of(self.literal(part) for part in term.arguments)
            case "or":
                return -self.all_of(-self.literal(part) for part in term.arguments)
            case "=>":
                condition, consequence = term.arguments
                return -self.all_of((self.literal(condition), -self.literal(consequence)))
            case "ite":
                return self._either(*map(self.literal, term.arguments))
            case "=":
                return self._equal(*term.arguments)
            case "<=":
                return self._at_most(*term.arguments)
            case "apply":
                return self._apply(term)
            case operator:
                raise Unprovable(f"`{operator}` in a formula that is to be propositional")

    def all_of(self, parts: Iterable[int]) -> int:
        """A literal for a conjunction."""
        found = sorted(dict.fromkeys(part for part in parts if part != ALWAYS))
        inside = set(found)
        if any(-part in inside for part in found) or -ALWAYS in inside:
            return -ALWAYS
        if len(found) < 2:
            return found[0] if found else ALWAYS
        key = tuple(found)
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = self.fresh()
            for part in found:
                self.add(-gate, part)
            self.add(gate, *(-part for part in found))
        return gate

    def _either(self, condition: int, yes: int, no: int) -> int:
        if yes == no:
            return yes
        return -self.all_of((-self.all_of((condition, yes)), -self.all_of((-condition, no))))

    def _some(self, parts: Iterable[int]) -> int:
        return -self.all_of(-part for part in parts)

    def _equal(self, left: Term, right: Term) -> int:
        if left.sort == BOOL:
            one, other = self.literal(left), self.literal(right)
            return self._either(one, other, -other)
        if left.sort in NUMERIC:
            return self.all_of((self._at_most(left, right), self._at_most(right, left)))
        others = {value: when for when, value in self.values(right)}
        return self._some(self.all_of((when, others[value])) for when, value in self.values(left) if value in others)

    # Values of finite sorts

    def values(self, term: Term) -> list[tuple[int, Term]]:
        """Which value a term of a finite sort has, and when: exactly one of the literals is true."""
        found = self._cases.get(term)
        if found is None:
            found = self._cases[term] = self._values_of(term)
        return found

    def _values_of(self, term: Term) -> list[tuple[int, Term]]:
        if term.operator == "constant":
            return [(ALWAYS, term)]
        if term.operator == "ite":
            condition, yes, no = term.arguments
            when = self.literal(condition)
            gathered: dict[Term, list[int]] = {}
            for sign, part in ((when, yes), (-when, no)):
                for inner, value in self.values(part):
                    gathered.setdefault(value, []).append(self.all_of((sign, inner)))
            return [(self._some(parts), value) for value, parts in gathered.items()]
        if term.operator != "apply":
            raise Unprovable(f"`{term.operator}` as a value")
        merged: dict[Term, list[int]] = {}
        for when, arguments in self._choices(term.arguments):
            key = (term.name, *arguments)
            for value in self._values[term.sort]:
                atom = self._atom((*key, value), f"{_shown(term.name, arguments)} = {value.name}")
                merged.setdefault(value, []).append(self.all_of((when, atom)))
            if ("one value", *key) not in self._atoms:
                self._atoms["one value", *key] = ALWAYS
                atoms = [self._atoms[*key, value] for value in self._values[term.sort]]
                self.add(*atoms)
                for one, other in combinations(atoms, 2):
                    self.add(-one, -other)
        return [(self._some(parts), value) for value, parts in merged.items()]

    def _atom(self, key: tuple[object, ...], meaning: str) -> int:
        found = self._atoms.get(key)
        if found is None:
            found = self._atoms[key] = self.fresh(meaning)
        return found

    def _choices(self, arguments: tuple[Term, ...]) -> list[tuple[int, tuple[Term, ...]]]:
        """The ways in which arguments of finite sorts have values; numbers stay as they are."""
        ranges = [
            [(ALWAYS, one)] if one.sort in NUMERIC else self._truths(one) if one.sort == BOOL else self.values(one)
            for one in arguments
        ]
        return [
            (self.all_of(when for when, _ in chosen), tuple(value for _, value in chosen))
            for chosen in product(*ranges)
        ]

    def _truths(self, term: Term) -> list[tuple[int, Term]]:
        if term is TRUE or term is FALSE:
            return [(ALWAYS, term)]
        truth = self.literal(term)
        return [(truth, TRUE), (-truth, FALSE)]

    def _apply(self, term: Term) -> int:
        """A predicate. Where its arguments are numbers, equal ones give equal truth values."""
        found = []
        for when, arguments in self._choices(term.arguments):
            numbers = [self.number(one) for one in arguments if one.sort in NUMERIC]
            for chosen in product(*numbers):
                places = tuple((base, offset) for _, base, offset in chosen)
                rest = tuple(one for one in arguments if one.sort not in NUMERIC)
                key = (term.name, rest)
                atom = self._atoms.get((*key, places))
                if atom is None:
                    shown = (*rest, *(_number(base, offset) for base, offset in places))
                    atom = self._atom((*key, places), _shown(term.name, shown))
                    self._applied.setdefault(key, []).append((places, atom))
                found.append(self.all_of((when, *(case for case, _, _ in chosen), atom)))
        return self._some(found)

    # Numbers

    def number(self, term: Term) -> list[Case]:
        """What a number is, and when."""
        found = self._numbers.get(term)
        if found is None:
            found = self._numbers[term] = self._number_of(term)
        return found

    def _number_of(self, term: Term) -> list[Case]:
        match term.operator:
            case "number":
                return [(ALWAYS, None, term.value)]
            case "ite":
                condition, yes, no = term.arguments
                when = self.literal(condition)
                cases = [(sign, case) for sign, part in ((when, yes), (-when, no)) for case in self.number(part)]
                gathered: dict[tuple[Term | None, int], list[int]] = {}
                for sign, (inner, base, offset) in cases:
                    gathered.setdefault((base, offset), []).append(self.all_of((sign, inner)))
                return [(self._some(parts), *key) for key, parts in gathered.items()]
            case "+" | "-":
                left, right = term.arguments
                sign = 1 if term.operator == "+" else -1
                found = []
                for (one, base, offset), (two, other, more) in product(self.number(left), self.number(right)):
                    if other is not None and (base is not None or sign < 0):
                        raise Unprovable("a sum or difference of two numbers that are not constants")
                    held = base if other is None else other
                    found.append((self.all_of((one, two)), held, offset + sign * more))
                return found
            case "apply":
                cases_of: list[Case] = []
                for when, arguments in self._choices(term.arguments):
                    cases_of.append((when, apply(term.name, term.sort, *arguments), 0))
                return cases_of
            case operator:
                raise Unprovable(f"`{operator}` of numbers in a formula that is to be propositional")

    def _at_most(self, left: Term, right: Term) -> int:
        found = []
        for (one, base, offset), (two, other, more) in product(self.number(left), self.number(right)):
            found.append(self.all_of((one, two, self._difference(base, other, more - offset))))
        return self._some(found)

    def _difference(self, left: Term | None, right: Term | None, limit: int) -> int:
        """The literal of `left - right <= limit`."""
        if left is right:
            return ALWAYS if limit >= 0 else -ALWAYS
        if _order(left) > _order(right):
            return -self._difference(right, left, -limit - 1)
        known = self._differences.setdefault((left, right), {})
        if limit not in known:
            known[limit] = self.fresh(f"{_number(left, 0)} - {_number(right, 0)} <= {limit}")
        return known[limit]

    def close(self) -> None:
        """Adds the axioms of whole numbers for all that has occurred. To be called once, before solving."""
        for uses in self._applied.values():
            for (places, atom), (others, other) in combinations(uses, 2):
                same = []
                for (base, offset), (base_too, more) in zip(places, others, strict=True):
                    same.append(self._difference(base, base_too, more - offset))
                    same.append(self._difference(base_too, base, offset - more))
                if -ALWAYS not in same:
                    unequal = [-one for one in same]
                    self.add(*unequal, -atom, other)
                    self.add(*unequal, atom, -other)
        limits = sorted({limit for known in self._differences.values() for limit in known})
        limits = sorted({*limits, *(-limit - 1 for limit in limits)})
        bases = sorted({base for pair in self._differences for base in pair}, key=_order)
        for base, another in combinations(bases, 2):
            if _comparable(base, another):
                for low, high in pairwise(limits):
                    self.add(-self._difference(base, another, low), self._difference(base, another, high))
        among = set(limits)
        for left, middle, right in product(bases, repeat=3):
            if left is middle or middle is right or left is right:
                continue
            if not (_comparable(left, middle) and _comparable(middle, right) and _comparable(left, right)):
                continue
            for first, second in product(limits, repeat=2):
                total = first + second
                if total in among:
                    self.add(
                        -self._difference(left, middle, first),
                        -self._difference(middle, right, second),
                        self._difference(left, right, total),
                    )
                elif total < limits[0]:
                    self.add(
                        -self._difference(left, middle, first),
                        -self._difference(middle, right, second),
                        self._difference(left, right, limits[0]),
                    )


def _comparable(left: Term | None, right: Term | None) -> bool:
    """Whether two numbers are of one sort; a literal is of either."""
    return left is None or right is None or left.sort == right.sort


_orders: dict[Term | None, str] = {None: ""}


def _order(term: Term | None) -> str:
    found = _orders.get(term)
    if found is None:
        found = _orders[term] = repr(term)
    return found


def _number(base: Term | None, offset: int) -> str:
    if base is None:
        return str(offset)
    return repr(base) + (f" + {offset}" if offset > 0 else f" - {-offset}" if offset < 0 else "")


def _shown(name: str, arguments: Iterable[object]) -> str:
    inside = " ".join(str(one) if isinstance(one, str) else repr(one) for one in arguments)
    return f"({name} {inside})" if inside else name


def defined(setting: Setting, changes: Mapping[str, Callable[[tuple[Term, ...]], Term]], term: Term) -> Term:
    """A formula with the symbols after a step, and quorums, spelled out."""
    return unfolded(term, {**quorum_meanings(setting), **changes})
