"""Candidates for clauses of an invariant: what no sampled state refutes.

A clause is a disjunction of literals over a few variables: different processes, and numbers. A number has to be bound
by something that the clause supposes (a message under way carries it, somebody has led with it, a variable equals it).
Of the clauses that hold in all samples only the smallest are kept: none that says more than another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from itertools import combinations, permutations, product

from modelcheck.proof.atoms import Atom, Sample, atoms_of, kind_named, messages_to_oneself, ordering_atoms
from spec.lint import nodes
from spec.protocol import Compare, Comparison, Local, Protocol
from spec.types import NAT, IntType, NatType, ProcessType, Value

Literal = tuple[int, bool]
"""An atom's index in its shape, and whether it is affirmed."""


@dataclass(frozen=True)
class Shape:
    """The variables of a family of clauses and the atoms over them. `longest` is how many literals a clause has at
    most; where it is `deep`, one that says why a message is under way has one more."""

    processes: tuple[Local, ...]
    numbers: tuple[Local, ...]
    atoms: tuple[Atom, ...]
    longest: int
    deep: bool = False

    @cached_property
    def variables(self) -> tuple[Local, ...]:
        return (*self.processes, *self.numbers)

    @cached_property
    def with_number(self) -> frozenset[int]:
        return frozenset(i for i, atom in enumerate(self.atoms) if any(v in self.numbers for v in atom.variables))

    @cached_property
    def renamings(self) -> tuple[tuple[int, ...], ...]:
        return _renamings(self)


@dataclass(frozen=True)
class Candidate:
    """A clause over the variables of a shape."""

    shape: Shape
    literals: tuple[Literal, ...]

    @cached_property
    def parts(self) -> tuple[tuple[Atom, bool], ...]:
        return tuple((self.shape.atoms[index], sign) for index, sign in self.literals)

    @cached_property
    def used(self) -> tuple[Local, ...]:
        """The variables that it speaks of."""
        spoken = {local for atom, _ in self.parts for local in atom.variables}
        return tuple(local for local in self.shape.variables if local in spoken)


def shapes_of(protocol: Protocol, singletons: frozenset[str], effort: int) -> tuple[Shape, ...]:
    """The families of clauses to look at, the cheapest first; with more effort, also longer clauses and more
    variables. `singletons` are the kinds of which there is one process."""
    several = [kind.name for kind in protocol.kinds if kind.name not in singletons]
    ordered = any(kind.ordered for kind in protocol.kinds)
    has_numbers = protocol.leader is not None or any(
        isinstance(part, NatType | IntType) for part in nodes((protocol.kinds, protocol.messages))
    )
    one, two = Local(-1, "t", NAT), Local(-2, "u", NAT)
    in_order = not protocol.network.reordering and not protocol.network.is_growing_set
    short = 2 if in_order else 0  # where messages have an order, every literal more is dear
    found = []
    if has_numbers and not ordered:
        found.append(_to_themselves(protocol, one))
    pair, triple = 2 if len(several) < 3 else 1, 3 if len(several) < 2 else 2
    found.append(
        _shape(protocol, singletons, pair, (one,) if has_numbers else (), short or 3 + (effort > 1), not short)
    )
    wider = short or (3 if ordered or effort > 0 else 2)
    found.append(_shape(protocol, singletons, triple, (one,) if has_numbers else (), wider))
    if has_numbers and in_order:
        single = _shape(protocol, singletons, 1, (), 1).processes
        found.append(Shape(single, (one, two), ordering_atoms(protocol, single, (one, two)), 3))
    return tuple(found)


def _shape(
    protocol: Protocol,
    singletons: frozenset[str],
    count: int,
    numbers: tuple[Local, ...],
    longest: int,
    deep: bool = False,
) -> Shape:
    processes: list[Local] = []
    for kind in protocol.kinds:
        for _ in range(1 if kind.name in singletons else count):
            processes.append(Local(-10 - len(processes), f"p{len(processes) + 1}", ProcessType(kind.name)))
    whole = tuple(processes)
    return Shape(whole, numbers, atoms_of(protocol, whole, numbers), longest, deep)


def _to_themselves(protocol: Protocol, number: Local) -> Shape:
    """That nobody is ever sent a message by itself."""
    processes = tuple(
        Local(-10 - index, f"p{index + 1}", ProcessType(kind.name)) for index, kind in enumerate(protocol.kinds)
    )
    return Shape(processes, (number,), messages_to_oneself(protocol, processes, number), 1)


# What the samples say ------------------------------------------------------------------------------------------------


def rows_of(shape: Shape, samples: tuple[Sample, ...], sizes: dict[str, int]) -> list[int]:
    """For every sample and every way to choose the variables, which atoms are true, as bits. Each once. Where there are
    too few processes, an atom that speaks of one that is missing is neither true nor false, which further bits say.

    Processes are chosen in one order only, and the first variables stand for them: the other ways are the same rows
    with the variables renamed."""
    chosen: list[Local] = []
    for kind in dict.fromkeys(map(kind_named, shape.processes)):
        chosen += [p for p in shape.processes if kind_named(p) == kind][: sizes[kind]]
    rows = _rows_among(shape, tuple(chosen), samples, sizes)
    count = len(shape.atoms)
    found: set[int] = set()
    bits = [(row, [place for place in range(2 * count) if row >> place & 1]) for row in rows]
    for table in shape.renamings:
        moved = [1 << at for at in table] + [1 << (at + count) for at in table]
        found.update(sum([moved[place] for place in places]) for _, places in bits)
    return sorted(found)


def _rows_among(
    shape: Shape, processes: tuple[Local, ...], samples: tuple[Sample, ...], sizes: dict[str, int]
) -> set[int]:
    """As `rows_of`, where only these variables stand for processes, which are chosen in one order."""
    groups: dict[tuple[Local, ...], list[tuple[int, Atom]]] = {}
    there = {*processes, *shape.numbers}
    neither = 0
    for index, atom in enumerate(shape.atoms):
        if there.issuperset(atom.variables):
            groups.setdefault(atom.variables, []).append((index, atom))
        else:
            neither |= 1 << (index + len(shape.atoms))
    choices = list(_different(processes, sizes))
    tables = [_Table(processes, shape.numbers, variables, group, choices) for variables, group in groups.items()]
    steady = [table for table in tables if not table.numbers]
    moving = [table for table in tables if table.numbers]
    found: set[int] = set()
    for sample in samples:
        begun = [neither] * len(choices)
        for table in steady:
            begun = table.joined(begun, sample, (), {})
        known: list[dict[tuple[int, ...], list[int]]] = [{} for _ in moving]
        for numbers in product(sample.numbers or (0,), repeat=len(shape.numbers)):
            rows = begun
            for table, cache in zip(moving, known, strict=True):
                rows = table.joined(rows, sample, numbers, cache)
            found.update(rows)
    return found


class _Table:
    """The atoms that speak of the same variables; and which of the ways to choose these each choice of all is."""

    def __init__(
        self,
        processes: tuple[Local, ...],
        numbers: tuple[Local, ...],
        variables: tuple[Local, ...],
        atoms: list[tuple[int, Atom]],
        choices: list[tuple[int, ...]],
    ) -> None:
        self.tests = [atom.test for _, atom in atoms]
        self.bits = [1 << index for index, _ in atoms]
        places = dict(zip(variables, (Local(i, "", local.type) for i, local in enumerate(variables)), strict=True))
        self.name = "; ".join(repr(renamed(atom.expression, places)) for _, atom in atoms)
        """What the atoms say, whatever their variables are called: others that say the same have the same truths."""
        self.numbers = [numbers.index(local) for local in variables if local in numbers]
        """The places of the numbers that are spoken of."""
        whose = [processes.index(local) for local in variables if local not in numbers]
        keys = [tuple([chosen[place] for place in whose]) for chosen in choices]
        self.keys = list(dict.fromkeys(keys))
        self.at = [self.keys.index(key) for key in keys]
        self.order = [
            (True, numbers.index(local)) if local in numbers else (False, whose.index(processes.index(local)))
            for local in variables
        ]
        self.masks: dict[tuple[bool, ...], int] = {}

    def joined(
        self, rows: list[int], sample: Sample, numbers: tuple[int, ...], known: dict[tuple[int, ...], list[int]]
    ) -> list[int]:
        """The rows, one for each choice, with the bits of these atoms. `known` are the bits at other numbers."""
        spoken = tuple([numbers[place] for place in self.numbers])
        masks = known.get(spoken)
        if masks is None:
            truths = sample.truths.setdefault(self.name, {})
            masks = known[spoken] = [self._mask(sample, key, numbers, truths) for key in self.keys]
        return [row | masks[at] for row, at in zip(rows, self.at, strict=True)]

    def _mask(
        self,
        sample: Sample,
        key: tuple[int, ...],
        numbers: tuple[int, ...],
        truths: dict[tuple[Value, ...], tuple[bool, ...]],
    ) -> int:
        values = tuple([numbers[place] if is_one else key[place] for is_one, place in self.order])
        truth = truths.get(values)
        if truth is None:
            truth = truths[values] = tuple([test(sample, values) for test in self.tests])
        mask = self.masks.get(truth)
        if mask is None:
            mask = self.masks[truth] = sum(bit for bit, true in zip(self.bits, truth, strict=True) if true)
        return mask


def _different(processes: tuple[Local, ...], sizes: dict[str, int]) -> Iterator[tuple[int, ...]]:
    """Every way to choose processes such that those of one kind are different, and in their order."""
    kinds = list(dict.fromkeys(kind_named(p) for p in processes))
    counts = [sum(kind_named(p) == kind for p in processes) for kind in kinds]
    for chosen in product(*(combinations(range(sizes[k]), c) for k, c in zip(kinds, counts, strict=True))):
        yield tuple(number for part in chosen for number in part)


def _columns(rows: list[int], count: int) -> list[int]:
    """For each atom, the rows in which it is true, as bits."""
    return [int("".join("1" if row >> i & 1 else "0" for row in rows) or "0", 2) for i in range(count)]


# Clauses -------------------------------------------------------------------------------------------------------------


def candidates_of(shape: Shape, rows: list[int]) -> list[Candidate]:
    """The smallest clauses of a shape that hold in every row."""
    found: list[frozenset[Literal]] = []
    plain = [i for i in range(len(shape.atoms)) if i not in shape.with_number]
    within = _mask([*plain, *(i + len(shape.atoms) for i in plain)])
    found += _smallest(sorted({row & within for row in rows}), plain, shape, (), found)
    for guard, atom in enumerate(shape.atoms):
        if not atom.binds or not _is_canonical(atom, shape):
            continue
        supposed = [row for row in rows if row >> guard & 1]
        others = [i for i in range(len(shape.atoms)) if i != guard]
        if supposed:
            found += _smallest(supposed, others, shape, ((guard, False),), found)
        elif not _is_equation(atom):
            found.append(frozenset({(guard, False)}))
    clauses = [Candidate(shape, tuple(sorted(clause))) for clause in _distinct(shape, found)]
    return [clause for clause in clauses if len(shape.numbers) < 2 or _binds_all(clause)]


def weaker(dropped: list[Candidate], kept: list[Candidate], most: int) -> list[Candidate]:
    """What is left of clauses that do not hold: the same with one more literal, but for what clauses that are kept say
    already. At most so many; those of shapes with few atoms first, of which few states are seen, the shortest first."""
    found: list[Candidate] = []
    for shape in sorted({one.shape for one in dropped}, key=lambda shape: len(shape.atoms)):
        known = {frozenset(one.literals) for one in kept if one.shape is shape}
        known |= {moved for clause in known for moved in _renamed_clauses(shape, clause)}
        longer = []
        for one in sorted(dropped, key=lambda one: len(one.literals)):
            if one.shape is shape and len(one.literals) < shape.longest:
                used = {index for index, _ in one.literals}
                new = ((index, sign) for index in range(len(shape.atoms)) for sign in (True, False))
                clauses = (frozenset((*one.literals, literal)) for literal in new if literal[0] not in used)
                longer += [clause for clause in clauses if not _is_subsumed(clause, known)]
        made = (Candidate(shape, tuple(sorted(clause))) for clause in _distinct(shape, longer))
        found += [clause for clause in made if len(shape.numbers) < 2 or _binds_all(clause)]
        if len(found) > most:
            break
    return found[:most]


def _renamed_clauses(shape: Shape, clause: frozenset[Literal]) -> Iterator[frozenset[Literal]]:
    for table in shape.renamings:
        yield frozenset((table[index], sign) for index, sign in clause)


def _binds_all(clause: Candidate) -> bool:
    """Whether something that the clause supposes holds each of its numbers."""
    bound = {local for atom, sign in clause.parts if atom.binds and not sign for local in atom.variables}
    return bound.issuperset(local for local in clause.used if local in clause.shape.numbers)


def _mask(indices: list[int]) -> int:
    return sum(1 << index for index in indices)


def _is_canonical(atom: Atom, shape: Shape) -> bool:
    """Whether an atom speaks of the first variables of their kinds: the others are the same up to renaming."""
    seen: dict[str, int] = {}
    for local in dict.fromkeys(v for v in atom.variables if v in shape.processes):
        first = [p for p in shape.processes if p.type == local.type]
        position = seen.get(kind_named(local), 0)
        if first[position] is not local:
            return False
        seen[kind_named(local)] = position + 1
    return True


def _smallest(
    rows: list[int],
    atoms: list[int],
    shape: Shape,
    supposed: tuple[Literal, ...],
    known: list[frozenset[Literal]],
) -> list[frozenset[Literal]]:
    """The smallest sets of literals, one of which is true in each row. `supposed` literals belong to every clause."""
    every = (1 << len(rows)) - 1
    count = len(shape.atoms)
    columns = _columns(rows, 2 * count)
    literals = [
        ((i, sign), columns[i] | columns[i + count] if sign else every & ~columns[i])
        for i in atoms
        for sign in (True, False)
    ]
    literals = [(literal, bits) for literal, bits in literals if bits]
    room = shape.longest - len(supposed)
    equation = bool(supposed) and _is_equation(shape.atoms[supposed[0][0]])
    whole = frozenset(supposed)
    found: list[frozenset[Literal]] = []
    smaller = set(known)

    def keep(clause: frozenset[Literal]) -> None:
        if equation and not any(_holds_number(shape.atoms[index]) for index, _ in clause - whole):
            return  # the same can be said without the number
        found.append(clause)
        smaller.add(clause)

    if not every:
        return found
    for size in range(1, room + 1):
        _exactly(literals, every, size, whole, smaller, keep)
    if equation and shape.deep:
        # Why a message is under way may take one more supposition.
        carried = [((i, sign), bits) for (i, sign), bits in literals if sign and _holds_number(shape.atoms[i])]
        plain = [((i, sign), bits) for (i, sign), bits in literals if i not in shape.with_number]
        for literal, bits in carried:
            missing = every & ~bits
            narrowed = [(other, more & missing) for other, more in plain if more & missing not in (0, missing)]
            if missing:
                _exactly(narrowed, missing, room, whole | {literal}, smaller, keep)
    return found


def _exactly(
    literals: list[tuple[Literal, int]],
    every: int,
    size: int,
    whole: frozenset[Literal],
    smaller: set[frozenset[Literal]],
    keep: Callable[[frozenset[Literal]], None],
) -> None:
    """Clauses of exactly so many further literals."""
    if size == 1:
        for literal, bits in literals:
            if bits == every:
                clause = whole | {literal}
                if not _is_subsumed(clause, smaller):
                    keep(clause)
        return
    alone = {literal for literal, bits in literals if bits == every}
    literals = [(literal, bits) for literal, bits in literals if literal not in alone]
    if size == 2:
        for position, (one, bits) in enumerate(literals):
            missing = every & ~bits
            for other, more in literals[position + 1 :]:
                if not missing & ~more and other[0] != one[0]:
                    clause = whole | {one, other}
                    if not _is_subsumed(clause, smaller):
                        keep(clause)
        return
    for position, (one, bits) in enumerate(literals):
        missing = every & ~bits
        narrowed = [
            (other, more & missing)
            for other, more in literals[position + 1 :]
            if other[0] != one[0] and more & missing and more & missing != missing
        ]
        _exactly(narrowed, missing, size - 1, whole | {one}, smaller, keep)


def _is_equation(atom: Atom) -> bool:
    return atom.binds and type(atom.expression).__name__ == "Compare"


def _holds_number(atom: Atom) -> bool:
    """Whether an atom is about a message or the history with its number."""
    return atom.binds and not _is_equation(atom)


def _is_subsumed(clause: frozenset[Literal], smaller: set[frozenset[Literal]]) -> bool:
    """Whether a part of the clause is a clause already."""
    members = sorted(clause)
    count = len(members)
    return any(frozenset(members[i] for i in range(count) if bits >> i & 1) in smaller for bits in range(1, 1 << count))


def _distinct(shape: Shape, clauses: list[frozenset[Literal]]) -> list[frozenset[Literal]]:
    """The clauses up to renaming of variables of one kind."""
    found: dict[tuple[Literal, ...], frozenset[Literal]] = {}
    for clause in clauses:
        key = min(tuple(sorted(one)) for one in _renamed_clauses(shape, clause))
        found.setdefault(key, clause)
    return list(found.values())


def _renamings(shape: Shape) -> tuple[tuple[int, ...], ...]:
    """For each way to rename the variables of one kind among themselves, which atom each atom becomes."""
    places = {_said(atom.expression): index for index, atom in enumerate(shape.atoms)}
    kinds = list(dict.fromkeys(kind_named(p) for p in shape.processes))
    groups = [[p for p in shape.processes if kind_named(p) == kind] for kind in kinds]
    found = []
    for chosen in product(*(permutations(group) for group in groups)):
        renaming = {
            old: new for group, order in zip(groups, chosen, strict=True) for old, new in zip(group, order, strict=True)
        }
        found.append(tuple(places[_said(renamed(atom.expression, renaming))] for atom in shape.atoms))
    return tuple(found)


def _said(expression: object) -> str:
    """What an atom says, the sides of an equation in one order."""
    if isinstance(expression, Compare) and expression.comparison is Comparison.EQUAL:
        return " == ".join(sorted((repr(expression.left), repr(expression.right))))
    return repr(expression)


def renamed(part: object, renaming: dict[Local, Local]) -> object:
    """A part of an expression with other variables."""
    if isinstance(part, Local):
        return renaming.get(part, part)
    if isinstance(part, tuple):
        return tuple(renamed(one, renaming) for one in part)
    if is_dataclass(part) and not isinstance(part, type):
        changed = {
            one.name: renamed(getattr(part, one.name), renaming)
            for one in fields(part)
            if isinstance(getattr(part, one.name), tuple) or is_dataclass(getattr(part, one.name))
        }
        return replace(part, **changed) if changed else part
    return part
