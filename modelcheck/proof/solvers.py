"""The solvers that proofs use. They are extras: each is asked for when it is needed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

HOW_TO_INSTALL = "pip install 'oneleader[prove]' (in a clone: make setup)"


class NoSolver(Exception):
    """A solver is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(package)  # as it was given: an exception is made again in another process

    def __str__(self) -> str:
        return f"{self.args[0]} is not installed, and this needs it: {HOW_TO_INSTALL}"


def require_solvers() -> None:
    """Raises NoSolver unless all is there that finding, showing and writing down a proof needs."""
    z3_version()
    incremental(())


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


UNSAT = "unsat"
UNDECIDED = ("unknown", "timeout")
ANSWERS = (UNSAT, "sat", *UNDECIDED)
BEGIN, END = "(push 1)", "(pop 1)"
"""What a question of a file begins and ends with that may have several."""

Said = tuple[str, tuple[str, ...]]
"""What a solver says of one question: `unsat`, `sat`, `unknown`, or what is wrong with it; and, where it was asked for
that, the names of the assertions that it used."""


_asked: list[Any] = []
"""The contexts in which Z3 is being asked something."""


@contextmanager
def asking(count: int) -> Iterator[Executor]:
    """Threads to ask Z3 in, which works outside of Python's lock. Where what is done with them ends early, as by
    Ctrl-C, nothing goes on being asked."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        while _asked:  # a file may have several questions, each of which is to be stopped
            _interrupt()
            time.sleep(0.01)
        raise
    finally:
        pool.shutdown()


def _interrupt() -> None:
    from z3 import z3core

    for context in tuple(_asked):
        z3core.Z3_interrupt(context.ref())


def z3_answers(text: str, seconds: float) -> list[Said]:
    """What Z3 makes of each question of an SMT-LIB file, within so many seconds for each. Raises NoSolver."""
    try:
        import z3
    except ImportError as missing:
        raise NoSolver("z3-solver") from missing
    context = z3.Context()
    _asked.append(context)
    limited = f"(set-option :timeout {max(int(seconds * 1000), 1)})\n{text}"
    try:
        said = z3.Z3_eval_smtlib2_string(context.ref(), limited)
    except z3.Z3Exception as problem:  # it is raised, too, where a core is asked for and there is none
        said = problem.value.decode() if isinstance(problem.value, bytes) else str(problem.value)
    finally:
        _asked.remove(context)
    found: list[Said] = []
    for line in said.splitlines():
        if line.startswith("(error"):
            if "unsat core" not in line:  # whatever else it says, something was not understood
                return [(line, ())]
        elif line.startswith("("):
            answer, _ = found.pop()
            found.append((answer, tuple(line.strip("()").split())))
        elif line in ANSWERS:
            found.append((line, ()))
        elif line:
            return [(line, ())]
    return found


def z3_answer(text: str, seconds: float) -> str:
    """What Z3 makes of the only question of a file. Raises NoSolver."""
    ((answer, _),) = z3_answers(text, seconds)
    return answer


def cvc5_version() -> str:
    """Raises NoSolver."""
    try:
        import cvc5
    except ImportError as missing:
        raise NoSolver("cvc5") from missing
    return f"cvc5 {cvc5.__version__}"


CVC5_OPTIONS: tuple[dict[str, str], ...] = (
    {},
    {"enum-inst": "true", "e-matching": "false"},
    {"finite-model-find": "true"},
    {"mbqi": "true"},
)
CVC5_WAYS: tuple[tuple[float, dict[str, str]], ...] = tuple(
    (share, options) for share in (0.005, 0.245) for options in CVC5_OPTIONS
)
"""The options with which cvc5 tries each question of a file, until one of them answers; and the share of the time that
each has."""


def cvc5_answers(text: str, seconds: float) -> list[str]:
    """What cvc5 makes of each question of an SMT-LIB file; see `z3_answers`. Raises NoSolver."""
    head, *questions = text.split(BEGIN)
    answers = ["unknown"] * max(len(questions), 1)
    for share, options in CVC5_WAYS:
        still = [index for index, answer in enumerate(answers) if answer.startswith("unknown")]
        if not still:
            break
        asked = head + "".join(BEGIN + questions[index] for index in still) if questions else text
        said, _ = _cvc5(asked, {"incremental": "true", **options}, seconds * share)
        if len(said) != len(still):
            return [next((one for one in said if one.startswith("error")), "error: no answer")] * len(answers)
        for index, answer in zip(still, said, strict=True):
            answers[index] = answer
    return answers


def cvc5_proofs(text: str, seconds: float) -> list[tuple[str, bytes]]:
    """As `cvc5_answers`, with cvc5's own proof (in its CPC format) where the answer is `unsat`. Each question is asked
    anew, as cvc5 keeps proofs of the last one only. Raises NoSolver."""
    head, *questions = text.split(BEGIN)
    found = []
    for question in questions or [""]:
        answer, proof = "unknown", b""
        for share, options in CVC5_WAYS:
            asked = head + question.replace(END, "")
            said, proof = _cvc5(asked, {"produce-proofs": "true", **options}, seconds * share)
            answer = said[0] if said else "error: no answer"
            if not answer.startswith("unknown"):
                break
        found.append((answer, proof))
    return found


def alone(text: str) -> str:
    """A file of one question, without the frame that lets others follow."""
    return text.replace(BEGIN, "").replace(END, "")


def _cvc5(text: str, options: dict[str, str], seconds: float) -> tuple[list[str], bytes]:
    """The answers; and a proof of the last one, where proofs are asked for and it is `unsat`."""
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
    answers: list[str] = []
    try:
        while not (command := parser.nextCommand()).isNull():
            answers += str(command.invoke(solver, symbols)).split("\n")
    except RuntimeError as problem:
        answers.append(f"error: {problem}")
    answers = [answer for answer in answers if answer]
    if "produce-proofs" not in options or answers[-1:] != [UNSAT]:
        return answers, b""
    try:
        return answers, solver.proofToString(solver.getProof()[0], cvc5.ProofFormat.CPC)
    except RuntimeError as problem:
        return [f"error: {problem}"], b""
