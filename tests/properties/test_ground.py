"""Clauses against Z3, on formulas of protocols drawn by chance: what has a model must not become unsatisfiable."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import assume, event, given, settings

from modelcheck.proof.claims import Claim, assumed, declared, recorded, standard
from modelcheck.proof.ground import Clauses, defined, instantiated, numbers_in
from modelcheck.proof.logic import NUMERIC, Term, apply, negation, subterms
from modelcheck.proof.obligations import asserted, function_text
from modelcheck.proof.setting import Setting, Unprovable, base_view
from modelcheck.proof.smtlib import Printer, declarations
from spec.protocol import PropertyKind
from tests.properties.test_relation import Encoded, drawn, protocols

z3 = pytest.importorskip("z3")
solvers = pytest.importorskip("pysat.solvers")

MANY = 16
"""With more numbers than that, all differences of any two are many clauses."""


def formulas(found: Encoded, dice: random.Random) -> Iterator[list[Term]]:
    """Hypotheses, a step and something that is not so after it."""
    setting = found.setting
    base = base_view(setting)
    about_states = (PropertyKind.SAFETY, PropertyKind.INVARIANT)
    history = recorded(setting)
    claims: list[Claim] = [*declared(setting, about_states), *standard(setting), *assumed(setting)]
    if history is not None:
        claims.append(history)
    for _ in range(4):
        chosen = dice.sample(claims, min(len(claims), dice.randint(1, 4)))
        parts = [claim.holds(base) if dice.random() < 0.7 else negation(claim.holds(base)) for claim in chosen]
        if found.units and dice.random() < 0.8:
            unit = dice.choice(found.units)
            parts.append(unit.enabled)
            if dice.random() < 0.2:
                parts.append(unit.fails)
            parts.append(negation(dice.choice(claims).holds(unit.after(base))))
        yield parts


def asked_of_z3(setting: Setting, parts: list[Term]) -> str:
    known = set(setting.symbols) | {f"quorum/{kind}" for kind in setting.processes}
    others = {p.name: p for term in parts for p in subterms(term) if p.operator == "apply" and p.name not in known}
    lines = [declarations(setting, 0)]
    lines += [function_text(setting, p.name, tuple(a.sort for a in p.arguments), p.sort) for p in others.values()]
    printer = Printer(setting)
    solver = z3.Solver()
    solver.set("timeout", 500)
    solver.from_string("\n".join([*lines, *(asserted(printer, part) for part in parts)]))
    return str(solver.check())


def clauses_satisfiable(setting: Setting, parts: list[Term], dice: random.Random) -> tuple[bool, list[Term]] | None:
    """Whether the clauses are; and the formulas without quantifiers that they stand for. None where there are many."""
    unfolded = [defined(setting, {}, part) for part in parts]
    serial = count()

    def skolem(sort: str, _: int) -> Term:
        return apply(f"some.{next(serial)}", sort)

    # Fewer instances are as sound, and quicker.
    numbers = {sort: tuple(dice.sample(found, min(3, len(found)))) for sort, found in numbers_in(unfolded).items()}
    ground = [instantiated(part, numbers, skolem, True) for part in unfolded]
    if len({part for term in ground for part in subterms(term) if part.sort in NUMERIC}) > MANY:
        return None
    clauses = Clauses(setting)
    for part in ground:
        clauses.require(part)
    clauses.close()
    with solvers.Solver(name="cadical153", bootstrap_with=clauses.clauses) as solver:
        return bool(solver.solve()), ground


@settings(drawn, max_examples=12)
@given(protocols())
def test_what_has_a_model_has_satisfiable_clauses(found: Encoded) -> None:
    setting = found.setting
    dice = random.Random(found.seed)
    try:
        for parts in formulas(found, dice):
            asked = clauses_satisfiable(setting, parts, dice)
            if asked is None:
                event("too many numbers")
                continue
            satisfiable, ground = asked
            by_z3 = asked_of_z3(setting, parts)
            event(f"clauses {satisfiable}, z3 {by_z3}")
            assert satisfiable or by_z3 != "sat"
            without_quantifiers = asked_of_z3(setting, ground)
            event(f"without quantifiers: clauses {satisfiable}, z3 {without_quantifiers}")
            assert satisfiable or without_quantifiers != "sat"
    except Unprovable as unprovable:
        event(unprovable.reason)
        assume(False)
