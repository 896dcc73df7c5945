"""An obligation of a fixed size as propositional clauses, for a refutation that a short checker can follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product

from modelcheck.proof.expressions import spelled_out
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
    changes = unit.changes.items() if unit is not None else ()
    bodies = {name: replace(changed, body=spelled_out(setting, changed.body)) for name, changed in changes}
    meanings |= {AFTER + name: changed.at for name, changed in bodies.items()}

    def spelled(term: Term) -> Term:
        return unfolded(spelled_out(setting, term), meanings)

    wrong = spelled(conjunction(goal.formula for goal in obligation.goals))
    denied = instantiated(wrong, _first_numbers(setting), _named("some"), False)
    supposed = [spelled(unit.enabled)] if unit is not None else []
    after = [spelled(changed.body) for changed in bodies.values()]
    numbers = _numbers(setting, [denied, *supposed, *after])
    # What the goal says of all numbers it is to say of those of the step and of its own, too.
    denied = instantiated(wrong, numbers, _named("some"), False)
    clauses = Clauses(setting)
    clauses.require(denied)
    for index, formula in enumerate(supposed):
        clauses.require(instantiated(formula, numbers, _named(f"step.{index}"), True))
    for index, hypothesis in enumerate(obligation.hypotheses):
        clauses.require(instantiated(spelled(hypothesis.formula), numbers, _named(f"other.{index}"), True))
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
