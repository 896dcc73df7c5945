"""What the solver refutes the checker accepts."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from modelcheck.proof.drup import Clause, ProofError, ProofStep, check_refutation, read_drup, write_drup
from modelcheck.proof.sat import refute
from modelcheck.proof.solvers import NoSolver
from tests.modelcheck.proof.formulas import accepts, has_model, pigeons, random_formula

needs_solver = pytest.mark.skipif(importlib.util.find_spec("pysat") is None, reason="python-sat is not installed")


@needs_solver
@pytest.mark.parametrize(
    "clauses",
    [
        ((),),
        ((1,), (-1,)),
        ((1, 2), (1, -2), (-1, 2), (-1, -2)),
        ((1, 2, 2), (1, -2), (-1, 2), (-1, -2, -1), (1, -1)),
        ((999_999_999, 5), (999_999_999, -5), (-999_999_999,)),
        ((1,), (-1, 2), (-2, 3), (-3, -1)),
    ],
)
def test_small_formulas(clauses: tuple[Clause, ...]) -> None:
    steps = refute(clauses)
    assert steps is not None
    check_refutation(clauses, steps)
    assert accepts(clauses, steps)


@needs_solver
@pytest.mark.parametrize("clauses", [(), ((1,),), ((1, 2), (-1, -2)), ((999_999_999, -7), (7,))])
def test_formulas_with_a_model(clauses: tuple[Clause, ...]) -> None:
    assert refute(clauses) is None


@needs_solver
@pytest.mark.parametrize("holes", [2, 3, 4, 5, 6])
def test_pigeons(holes: int) -> None:
    clauses = pigeons(holes)
    steps = refute(clauses)
    assert steps is not None
    check_refutation(clauses, steps)
    check_refutation(clauses, [step for step in steps if not step.deletes])
    assert read_drup(write_drup(steps)) == steps
    assert refute(clauses[1:]) is None


@needs_solver
@pytest.mark.parametrize("seed", range(6))
def test_random_formulas(seed: int) -> None:
    clauses = random_formula(variables=100, clauses=550, seed=seed)
    steps = refute(clauses)
    assert steps is not None
    check_refutation(clauses, steps)
    with pytest.raises(ProofError):
        check_refutation(clauses, steps[:-1])
    with pytest.raises(ProofError):
        check_refutation(clauses[:300], steps)


@needs_solver
@pytest.mark.parametrize("seed", range(60))
def test_random_formulas_small_enough_to_try_everything(seed: int) -> None:
    clauses = random_formula(variables=7, clauses=34, seed=seed)
    steps = refute(clauses)
    assert (steps is None) == has_model(clauses)
    if steps is not None:
        check_refutation(clauses, steps)
        assert accepts(clauses, steps)


@needs_solver
def test_no_step_is_left_out_in_vain() -> None:
    """Each step of a trimmed proof may be needed, and the slow checker says when it is."""
    clauses = random_formula(variables=20, clauses=130, seed=1)
    steps = refute(clauses)
    assert steps is not None
    for left_out in range(len(steps)):
        rest = steps[:left_out] + steps[left_out + 1 :]
        if accepts(clauses, rest):
            check_refutation(clauses, rest)
        else:
            with pytest.raises(ProofError):
                check_refutation(clauses, rest)


@needs_solver
def test_a_wide_formula() -> None:
    """Most of which has nothing to do with the contradiction; a chain of implications leads to it."""
    core = random_formula(variables=80, clauses=480, seed=2)
    far = 5000
    chain = ((far,), *((-name, name + 1) for name in range(far, 2 * far)))
    clauses = (*chain, *((*clause, -2 * far) for clause in core))
    steps = refute(clauses)
    assert steps is not None
    check_refutation(clauses, steps)


def test_zero_is_no_literal() -> None:
    if importlib.util.find_spec("pysat") is not None:
        with pytest.raises(ProofError):
            refute([(1, 0)])


def test_without_a_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysat", None)
    monkeypatch.setitem(sys.modules, "pysat.solvers", None)
    with pytest.raises(NoSolver, match="python-sat is not installed"):
        refute([(1,)])
    check_refutation([(1,), (-1,)], [ProofStep(())])
