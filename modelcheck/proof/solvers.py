"""The solvers that proofs use. They are extras: each is asked for when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

HOW_TO_INSTALL = "pip install 'oneleader[prove]'"


class NoSolver(Exception):
    """A solver is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed, and proofs need it: {HOW_TO_INSTALL}")


def incremental(clauses: Sequence[tuple[int, ...]]) -> Any:
    """A SAT solver that holds some clauses, takes more, and solves under assumptions. Raises NoSolver."""
    try:
        from pysat.solvers import Solver
    except ImportError as missing:
        raise NoSolver("python-sat") from missing
    return Solver(name="glucose4", bootstrap_with=[list(clause) for clause in clauses], incr=True)


def solved(solver: Any, assumptions: Sequence[int] = ()) -> bool:
    """Whether a SAT solver finds a model. Ctrl-C is KeyboardInterrupt, as everywhere; the solver raises an error of
    its own for it, which no module lets one name."""
    try:
        return bool(solver.solve(assumptions=list(assumptions)))
    except Exception as problem:
        if type(problem).__module__ == "pysolvers" and "interrupt" in str(problem):
            raise KeyboardInterrupt from None
        raise


def z3_version() -> str:
    """Raises NoSolver."""
    try:
        import z3
    except ImportError as missing:
        raise NoSolver("z3-solver") from missing
    return f"z3 {z3.get_version_string()}"


def z3_answer(text: str, seconds: float) -> str:
    """What Z3 makes of an SMT-LIB file: `unsat`, `sat`, `unknown`, or what is wrong with it. Raises NoSolver."""
    try:
        import z3
    except ImportError as missing:
        raise NoSolver("z3-solver") from missing
    context = z3.Context()
    limited = f"(set-option :timeout {int(seconds * 1000)})\n{text}"
    answer: str = z3.Z3_eval_smtlib2_string(context.ref(), limited)
    return answer.strip()


def cvc5_version() -> str:
    """Raises NoSolver."""
    try:
        import cvc5
    except ImportError as missing:
        raise NoSolver("cvc5") from missing
    return f"cvc5 {cvc5.__version__}"


CVC5_WAYS: tuple[tuple[float, dict[str, str]], ...] = (
    (0.6, {"mbqi": "true"}),
    (0.2, {"finite-model-find": "true"}),
    (0.2, {"enum-inst": "true", "cegqi": "false"}),
)
"""The options with which cvc5 tries a file, until one of them answers; and the share of the time that each has."""


def cvc5_answer(text: str, seconds: float) -> str:
    """What cvc5 makes of an SMT-LIB file; see `z3_answer`. Raises NoSolver."""
    answer = "unknown"
    for share, options in CVC5_WAYS:
        answer = _cvc5(text, options, seconds * share)
        if not answer.startswith("unknown"):
            break
    return answer


def _cvc5(text: str, options: dict[str, str], seconds: float) -> str:
    try:
        import cvc5
    except ImportError as missing:
        raise NoSolver("cvc5") from missing
    solver = cvc5.Solver()
    for name, value in options.items():
        solver.setOption(name, value)
    solver.setOption("tlimit-per", str(max(int(seconds * 1000), 1)))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "obligation")
    symbols = parser.getSymbolManager()
    answers = []
    try:
        while not (command := parser.nextCommand()).isNull():
            said = str(command.invoke(solver, symbols)).strip()
            if said:
                answers.append(said)
    except RuntimeError as problem:
        return f"error: {problem}"
    return "\n".join(answers)
