"""What a check of one size says."""

from __future__ import annotations

from dataclasses import dataclass

from modelcheck.check import Options, explore, model_of
from modelcheck.outcome import Status
from modelcheck.verdict import Answer
from spec.protocol import Protocol, Row


@dataclass(frozen=True)
class Explored:
    """A check of one size. `states` are those that were explored, up to symmetry where `symmetry` says so; `is_whole`
    is whether they are all that there are within the bounds."""

    states: int
    is_whole: bool
    symmetry: str
    engine: str
    answer: Answer
    reason: str
    seconds: float


def explored(protocol: Protocol, row: Row, sizes: tuple[int, ...], options: Options) -> Explored:
    """Raises SpecError where a `nat` has no bound, and NoEngine; KeyboardInterrupt, where it is
    interrupted."""
    found = explore(model_of(protocol, row, sizes, options), options)
    outcome = found.outcome
    if outcome is not None and outcome.status is Status.CANCELLED:
        raise KeyboardInterrupt  # an engine ends with what it has found so far, which is no use here
    return Explored(
        outcome.states if outcome is not None else 0,
        outcome is not None and outcome.status is Status.EXHAUSTED,
        found.symmetry,
        found.engine,
        found.answer,
        found.reason,
        outcome.seconds if outcome is not None else 0.0,
    )
