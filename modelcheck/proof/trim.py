"""Leaves out of a proof what it does not need. Nothing is trusted here: what comes out is checked like any proof."""

from __future__ import annotations

from collections.abc import Iterable

from modelcheck.proof.drup import Clause, Present, ProofError, ProofStep, Watched


def trim(clauses: Iterable[Clause], steps: Iterable[ProofStep]) -> tuple[ProofStep, ...]:
    """The additions that the empty clause rests on, each deleted after its last use: a refutation of the same clauses,
    and one still without the deletions. Raises ProofError if the steps, as far as the empty clause, are none."""
    present = Present(clauses)
    additions: list[Clause] = []
    numbers: dict[int, int] = {}  # of the additions, by the identity of the lists that `present` makes of them
    causes: list[tuple[set[int], set[int]]] = []  # of each addition: earlier ones, and literals true for good
    true = set(present.trail)
    for number, step in enumerate(steps, 1):
        used: list[Watched] = []
        added = present.take(number, step, used)
        if added is None:
            continue
        facts = true & {-literal for clause in used for literal in clause}
        causes.append(({numbers[id(clause)] for clause in used if id(clause) in numbers}, facts))
        numbers[id(added)] = len(additions)
        additions.append(step.clause)
        if not step.clause:
            break
        true.update(present.trail[len(true) :])
    else:
        raise ProofError("the proof ends without the empty clause")

    last = len(additions) - 1
    needed = {last}
    explained: set[int] = set()
    kept: list[ProofStep] = []  # from the last one to the first
    for number in range(last, -1, -1):
        if number not in needed:
            continue
        earlier, facts = causes[number]
        earlier = earlier | _behind(facts, present, numbers, explained)
        if number < last:
            kept += [ProofStep(additions[unused], deletes=True) for unused in sorted(earlier - needed)]
        kept.append(ProofStep(additions[number]))
        needed |= earlier
    return tuple(reversed(kept))


def _behind(facts: set[int], present: Present, numbers: dict[int, int], explained: set[int]) -> set[int]:
    """The additions that made these literals true for good. What is behind one of `explained` is needed already."""
    found = set()
    pending = list(facts - explained)
    explained |= facts
    for fact in pending:  # which grows
        cause = present.why[fact] or []
        if id(cause) in numbers:
            found.add(numbers[id(cause)])
        before = {-literal for literal in cause if literal != fact} - explained
        explained |= before
        pending += before
    return found
