"""Asks a SAT solver for a proof, and keeps of it what the checker needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelcheck.proof.drup import Clause, ProofError, ProofStep, read_drup
from modelcheck.proof.solvers import NoSolver, solved
from modelcheck.proof.trim import trim


def refute(clauses: Iterable[Clause]) -> tuple[ProofStep, ...] | None:
    """A refutation that the checker accepts, or None if the clauses have a model.

    Raises NoSolver, and ProofError if the solver finds no model and its proof does not bear that out."""
    try:
        from pysat.solvers import Solver
    except ImportError as problem:
        raise NoSolver("python-sat") from problem
    formula = tuple(clauses)
    names = sorted({abs(literal) for clause in formula for literal in clause})
    if names[:1] == [0]:
        raise ProofError("the formula has the literal 0, which is none")
    # The solver sets aside memory for every number below the largest one, and ends the program if there is too little.
    numbers = {name: number for number, name in enumerate(names, 1)}
    numbers |= {-name: -number for name, number in numbers.items()}
    numbered = [[numbers[literal] for literal in clause] for clause in formula]
    with Solver(name="glucose4", bootstrap_with=numbered, with_proof=True) as solver:
        if solved(solver):
            return None
        lines: list[str] = solver.get_proof()
    text = "".join(f"{line}\n" for line in lines)
    return trim(formula, _additions(read_drup(text), {number: name for name, number in numbers.items()}))


def _additions(steps: Iterable[ProofStep], names: dict[int, int]) -> Iterator[ProofStep]:
    """What the solver adds, and then the empty clause, which it leaves out if it finds a contradiction while reading.

    What it deletes may be absent here, as it shortens clauses silently; a proof without deletions is one all the more,
    and the deletions that matter for speed come back by trimming."""
    for step in steps:
        if not step.deletes:
            yield ProofStep(tuple(names[literal] for literal in step.clause))
    yield ProofStep(())
