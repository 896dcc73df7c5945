"""Z3 as the bounded model checker uses it: text in, answers and models out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TYPE_CHECKING

from modelcheck.proof.concrete import Raw
from modelcheck.proof.logic import BOOL, NUMERIC

if TYPE_CHECKING:
    import z3

from modelcheck.proof.solvers import z3_version

TUNED = {"smt.arith.solver": 2, "smt.phase_selection": 0}
"""Of what was tried the quickest on Raft's election, by a factor of four: numbers are only compared and counted up."""


class Reply(Enum):
    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"
    UNKNOWN = "unknown"
    TIME = "out of time"
    INTERRUPTED = "interrupted"


class Session:
    """A solver that assertions are added to. `deadline` is on the monotonic clock; None for no limit."""

    def __init__(self, deadline: float | None = None) -> None:
        z3_version()
        import z3

        self._context = z3.Context()
        self._solver = z3.Solver(ctx=self._context)
        for option, value in TUNED.items():
            self._solver.set(option, value)
        self.deadline = deadline
        self.queries = 0
        self.why = ""
        """What the solver says for itself where it does not know."""

    def say(self, texts: Iterable[str]) -> None:
        """Declarations and assertions as SMT-LIB text."""
        for text in texts:
            self._solver.from_string(text)

    def ask(self, literal: str, most: float | None = None) -> Reply:
        """Whether all that was said is possible together with a constant that is a truth value. `most` is how many
        seconds this question may take."""
        import z3

        self.queries += 1
        began = time.monotonic()
        left = [limit for limit in (most, self.deadline and self.deadline - began) if limit is not None]
        if left and min(left) <= 0:
            return Reply.TIME
        self._solver.set("timeout", max(1, int(min(left) * 1000)) if left else 0xFFFFFFFF)
        answer = self._solver.check(z3.Bool(literal, self._context))
        if answer == z3.sat:
            return Reply.POSSIBLE
        if answer == z3.unsat:
            return Reply.IMPOSSIBLE
        self.why = str(self._solver.reason_unknown())
        if "interrupt" in self.why:
            return Reply.INTERRUPTED
        if "timeout" in self.why or "cancel" in self.why:
            out_of_time = bool(left) and time.monotonic() - began >= min(left) * 0.9
            return Reply.TIME if out_of_time else Reply.INTERRUPTED
        return Reply.UNKNOWN

    def reader(self, values: Callable[[str], tuple[str, ...] | None]) -> Callable[[str, str], Raw]:
        """What constants are in the model of the last answer, by name and sort. `values` are those of a sort that is no
        number and no truth value, in the order of their bits; None for processes."""
        import z3

        model: z3.ModelRef = self._solver.model()
        known = {declared.name(): model[declared] for declared in model.decls() if declared.arity() == 0}

        def read(name: str, sort: str) -> Raw:
            found = known.get(name)
            if sort == BOOL:
                return found is not None and bool(z3.is_true(found))
            number = 0 if found is None else int(found.as_long())
            named = None if sort in NUMERIC else values(sort)
            return number if named is None else named[min(number, len(named) - 1)]

        return read
