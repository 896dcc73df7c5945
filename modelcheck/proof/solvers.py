"""The solvers that proofs use. They are extras: each is asked for when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class NoSolver(Exception):
    """A solver is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed; proofs need it: pip install 'oneleader[prove]'")


def incremental(clauses: Sequence[tuple[int, ...]]) -> Any:
    """A SAT solver that holds some clauses, takes more, and solves under assumptions. Raises NoSolver."""
    try:
        from pysat.solvers import Solver
    except ImportError as missing:
        raise NoSolver("python-sat") from missing
    return Solver(name="glucose4", bootstrap_with=[list(clause) for clause in clauses], incr=True)
