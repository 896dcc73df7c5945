"""What a comparison comes to: for each size all that was found out, and under which assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modelcheck.model import Model
from oneleader.comparison.explored import Explored
from oneleader.comparison.quorums import Quorum
from oneleader.comparison.tolerance import Availability, Tolerance
from oneleader.comparison.trials import Elections, Idle, Plan
from oneleader.comparison.writes import Writes
from oneleader.tuning.world import World
from spec.protocol import Protocol

NOT_ASKED = "not asked"
PROVED = "proved"
NOT_PROVED = "not proved"


@dataclass(frozen=True)
class Proved:
    """`status` is one of `not asked`, `proved` and `not proved`; `reason` says why it is not."""

    status: str = NOT_ASKED
    reason: str = ""
    solver: str = ""


@dataclass(frozen=True)
class Assumptions:
    """What the figures rest on, beside the spec. `within` are the bounds of the explorations, in the words of a check;
    `each` is for which part of the time each process is up; `samples` of a write's duration are drawn."""

    within: str
    each: float
    world: World
    timers: Mapping[str, tuple[float, float]]
    plan: Plan
    samples: int


@dataclass(frozen=True)
class OfSize:
    """What was found out for one size. `quorum` and `writes` are missing where the spec has no quorums, `elections` and
    `idle` where no leader was settled on in simulated time or a trial broke the protocol: `problem` says which."""

    nodes: int
    model: Model
    quorum: Quorum | None
    tolerance: Tolerance
    availability: Availability
    writes: Writes | None
    elections: Elections | None
    idle: Idle | None
    problem: str
    explored: Explored
    proof: Proved

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many processes there are of each kind."""
        return self.model.sizes


@dataclass(frozen=True)
class Comparison:
    """All sizes, in the order in which they were asked for. `seconds` is what it took."""

    protocol: Protocol
    assumptions: Assumptions
    of_sizes: tuple[OfSize, ...]
    seconds: float
