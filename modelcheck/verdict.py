"""What a check found, and no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from modelcheck.liveness.futures import Future
from modelcheck.model import Model
from modelcheck.outcome import Outcome, Status
from modelcheck.trace import Trace
from spec.protocol import Protocol


class Answer(Enum):
    VIOLATED = "violated"
    HOLDS = "holds within bounds"
    UNKNOWN = "unknown"


EXIT_STATUS = {Answer.HOLDS: 0, Answer.VIOLATED: 1, Answer.UNKNOWN: 3}
BAD_INPUT = 2


class Result(Enum):
    """Of one property in one exploration."""

    HOLDS = "holds within bounds"
    VIOLATED = "violated"
    WITNESSED = "witnessed"
    NOT_WITNESSED = "no witness"
    UNDECIDED = "not decided"


STANDARD = "standard"
"""The kind of a property that every protocol has."""


@dataclass(frozen=True)
class PropertyResult:
    """`length` is the number of steps of the shortest violation or witness."""

    name: str
    kind: str
    text: str
    result: Result
    length: int | None = None
    without: tuple[str, ...] = ()
    """The faults without which it is stated."""


@dataclass(frozen=True)
class Exploration:
    """One size under one row of bounds.

    `outcome` is None where nothing was searched (the initial step fails, say); `reason` says why the answer is what
    it is. `symmetry` says over what states are counted up to symmetry, `reductions` which ones are in force."""

    model: Model
    engine: str
    threads: int
    symmetric: bool
    symmetry: str
    reductions: tuple[str, ...]
    outcome: Outcome | None
    answer: Answer
    reason: str
    properties: tuple[PropertyResult, ...]
    trace: Trace | None
    remarks: tuple[str, ...] = ()
    liveness: tuple[Future, ...] = ()
    """What was found about the properties of the future: of a search that found nothing wrong with states and steps."""

    @property
    def is_interrupted(self) -> bool:
        """Whether somebody did not want to wait for its end."""
        statuses = [self.outcome.status if self.outcome is not None else None, *(one.stopped for one in self.liveness)]
        return Status.CANCELLED in statuses


@dataclass(frozen=True)
class Coverage:
    """What of the spec was taken in all explorations together. `missing` are (label, line) of what was not and
    should have been; `unwitnessed` the `reachable` properties without a witness. Empty where a search was cut short:
    then nothing is said (`complete` is false)."""

    taken: int
    total: int
    missing: tuple[tuple[str, int], ...]
    unwitnessed: tuple[str, ...]
    complete: bool


@dataclass(frozen=True)
class Verdict:
    """The verdict of one check. `skipped` are sizes not explored, since an earlier one settled the answer."""

    protocol: Protocol
    check: str
    explorations: tuple[Exploration, ...]
    coverage: Coverage
    skipped: tuple[str, ...]
    answer: Answer
    reason: str

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS[self.answer]
