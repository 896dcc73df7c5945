"""An obligation of a fixed size as propositional clauses, for a refutation that a short checker can follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

from modelcheck.proof.ground import Clause, Clauses, Numbers, instantiated, numbers_in, quorum_meanings
from modelcheck.proof.logic import NUMERIC, Term, apply, conjunction, unfolded
from modelcheck.proof.obligations import Obligation
from modelcheck.proof.setting import Setting
from modelcheck.proof.steps import AFTER

Meanings = Mapping[str, Callable[[tuple[Term, ...]], Term]]


def clauses_of(setting: Setting, obligation: Obligation) -> tuple[tuple[Clause, ...], tuple[str, ...]]:
    """The clauses, unsatisfiable only if the obligation holds; and what each variable with a meaning stands for.

    Raises Unprovable for what is not propositional (sums of numbers, say)."""
    meanings: dict[str, Callable[[tuple[Term, ...]], Term]] = dict(quorum_meanings(setting))
    unit = obligation.unit
    if unit is not None:
        meanings |= {AFTER + name: changed.at for name, changed in unit.changes.items()}
    wrong = unfolded(conjunction(goal.formula for goal in obligation.goals), meanings)
    denied = instantiated(wrong, _first_numbers(setting), _named("some"), False)
    supposed = [unfolded(unit.enabled, meanings)] if unit is not None else []
    bodies = [unfolded(changed.body, meanings) for changed in unit.changes.values()] if unit is not None else []
    numbers = _numbers(setting, [denied, *supposed, *bodies])
    # What the goal says of all numbers it is to say of those of the step and of its own, too.
    denied = instantiated(wrong, numbers, _named("some"), False)
    clauses = Clauses(setting)
    clauses.require(denied)
    for index, formula in enumerate(supposed):
        clauses.require(instantiated(formula, numbers, _named(f"step.{index}"), True))
    for index, hypothesis in enumerate(obligation.hypotheses):
        spelled = unfolded(hypothesis.formula, meanings)
        clauses.require(instantiated(spelled, numbers, _named(f"other.{index}"), True))
    clauses.close()
    meaning = tuple(f"{number} is {said}" for number, said in sorted(clauses.meaning.items()))
    return tuple(clauses.clauses), meaning


def _named(prefix: str) -> Callable[[str, int], Term]:
    return lambda sort, index: apply(f"{prefix}.{sort}.{index}", sort)


def _first_numbers(setting: Setting) -> Numbers:
    """The numbers of the state itself."""
    return _numbers(setting, [])


def _numbers(setting: Setting, terms: list[Term]) -> Numbers:
    found = {sort: dict.fromkeys(numbers) for sort, numbers in numbers_in(terms).items()}
    for symbol in setting.symbols.values():
        if symbol.result not in NUMERIC:
            continue
        ranges = [setting.processes.get(sort.removeprefix("process/"), ()) for sort in symbol.arguments]
        for arguments in product(*ranges):
            found[symbol.result][apply(symbol.name, symbol.result, *arguments)] = None
    return {sort: tuple(numbers) for sort, numbers in found.items()}
