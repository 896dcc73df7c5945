"""Formulas to refute, and a checker of proofs that is slow and obviously right."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from modelcheck.proof.drup import Clause, ProofStep


def pigeons(holes: int) -> tuple[Clause, ...]:
    """One pigeon more than there are holes, each in a hole of its own."""
    number = {place: n for n, place in enumerate(product(range(holes + 1), range(holes)), 1)}
    somewhere = [tuple(number[pigeon, hole] for hole in range(holes)) for pigeon in range(holes + 1)]
    pairs = combinations(range(holes + 1), 2)
    return (*somewhere, *((-number[a, hole], -number[b, hole]) for a, b in pairs for hole in range(holes)))


def random_formula(variables: int, clauses: int, seed: int) -> tuple[Clause, ...]:
    """Three different variables in each clause."""
    chance = random.Random(seed)
    names = range(1, variables + 1)
    return tuple(tuple(chance.choice((1, -1)) * name for name in chance.sample(names, 3)) for _ in range(clauses))


def has_model(clauses: Sequence[Clause]) -> bool:
    names = sorted({abs(literal) for clause in clauses for literal in clause})
    for signs in product((1, -1), repeat=len(names)):
        model = {sign * name for sign, name in zip(signs, names, strict=True)}
        if all(model.intersection(clause) for clause in clauses):
            return True
    return False


def search_proof(clauses: Sequence[Clause]) -> tuple[ProofStep, ...]:
    """Of a formula without a model: what a search through all assignments finds, the deepest first."""

    def search(assigned: tuple[int, ...]) -> Iterator[ProofStep]:
        if any(all(-literal in assigned for literal in clause) for clause in clauses):
            if not assigned:
                yield ProofStep(())
            return
        name = names[len(assigned)]
        yield from search((*assigned, name))
        yield from search((*assigned, -name))
        yield ProofStep(tuple(-literal for literal in assigned))

    names = sorted({abs(literal) for clause in clauses for literal in clause})
    return tuple(search(()))


def accepts(clauses: Sequence[Clause], steps: Sequence[ProofStep]) -> bool:
    """What the checker should say, found in the plainest way."""
    return ProofStep(()) in steps and allows(clauses, steps)


def allows(clauses: Sequence[Clause], steps: Sequence[ProofStep]) -> bool:
    """Whether every step may be taken."""
    present = [frozenset(clause) for clause in clauses]
    known = propagated(present, set())
    for step in steps:
        clause = frozenset(step.clause)
        if step.deletes:
            if clause not in present:
                return False
            present.remove(clause)
        else:
            if not contradictory(propagated(present, known | {-literal for literal in clause})):
                return False
            present.append(clause)
            known = propagated(present, known)
    return True


def propagated(present: list[frozenset[int]], true: set[int]) -> set[int]:
    """What is true if these literals are; a literal and its opposite, if that cannot be."""
    true = set(true)
    changed = True
    while changed and not contradictory(true):
        changed = False
        for clause in present:
            rest = [literal for literal in clause if -literal not in true]
            if not rest:
                return {1, -1}
            if len(rest) == 1 and rest[0] not in true:
                true.add(rest[0])
                changed = True
    return true


def contradictory(true: set[int]) -> bool:
    return any(-literal in true for literal in true)
