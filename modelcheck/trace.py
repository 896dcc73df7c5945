"""A behaviour of a model from its initial state on, or from a state that a proof asks about."""

from __future__ import annotations

from dataclasses import dataclass

from modelcheck.model import Model, State, Successor
from modelcheck.semantics import initial, steps


@dataclass(frozen=True)
class Violation:
    """What is false: the property's name and its text, and, clause by clause, for which processes.

    `clauses` are sentences such as "n = node1, m = node2: `n == m` is false", the outermost first."""

    property: str
    text: str
    clauses: tuple[str, ...]


@dataclass(frozen=True)
class Trace:
    """`steps[i]` leads from the i-th state to the next one; the last may fail and then leads to none.

    `violation` is None for a witness of a `reachable` property, whose name is then `witness`. An `arbitrary` start
    is not the initial state but one that satisfies an invariant: it need not be reachable. A start that has a name,
    `begins`, is neither: it is a state in the middle of a run."""

    model: Model
    start: State
    steps: tuple[Successor, ...]
    violation: Violation | None = None
    witness: str = ""
    arbitrary: bool = False
    begins: str = ""
    loop: int | None = None
    """Of a run that goes on for ever: how many steps lead to where those after them are taken again and again, each
    time with the numbers of which only the order matters higher by as much."""

    @property
    def is_initial(self) -> bool:
        """Whether it begins where every run of the model does."""
        return not self.arbitrary and not self.begins

    @property
    def states(self) -> tuple[State, ...]:
        """The states passed through, the initial one first."""
        return (self.start, *(s.state for s in self.steps if s.state is not None))

    def __len__(self) -> int:
        """The number of steps."""
        return len(self.steps)


def is_behaviour(trace: Trace) -> bool:
    """Whether the reference semantics takes every step of the trace."""
    state = initial(trace.model).state
    if state != trace.start:
        return False
    for step in trace.steps:
        if state is None or step not in steps(trace.model, state):
            return False
        state = step.state
    return True
