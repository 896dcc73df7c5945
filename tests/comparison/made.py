"""Comparisons made up for tests of what is shown of them."""

from __future__ import annotations

from pathlib import Path

from modelcheck.check import Options, model_of
from modelcheck.survival import Answer, Scenario, Survived, crashes, partitions
from modelcheck.verdict import Answer as Verdict
from oneleader.comparison.explored import Explored
from oneleader.comparison.quorums import Quorum
from oneleader.comparison.result import Assumptions, Comparison, OfSize, Proved
from oneleader.comparison.sizes import sizes_of
from oneleader.comparison.tolerance import Availability, Tolerance
from oneleader.comparison.trials import Elections, Idle, Plan
from oneleader.comparison.writes import Writes
from oneleader.tuning.estimates import Estimate
from oneleader.tuning.world import World
from spec.check import load
from spec.protocol import Protocol

SPECS = Path(__file__).parents[2] / "spec"
RAFT, _ = load(SPECS / "protocols" / "raft.elect")
LOCKS, _ = load(SPECS / "protocols" / "lock_service.elect")
MADE_UP = "made up"


def about(value: float, width: float = 0.01) -> Estimate:
    return Estimate(value, value * (1 - width), value * (1 + width))


def answered(scenario: Scenario, answer: Answer) -> Survived:
    winners = (0,) if answer in (Answer.SURVIVES, Answer.KEEPS) else ()
    return Survived(scenario, answer, winners, 10, 0.1, MADE_UP)


def tolerance(
    protocol: Protocol, nodes: int, survives: int, apart: int = 0, beyond: Answer = Answer.DOES_NOT
) -> Tolerance:
    """So many crashes are survived, and of more the answer is `beyond`; of the partitions the first `apart` are."""
    sizes = sizes_of(protocol, nodes)
    split = [one for one in partitions(protocol, sizes) if len(one.sides) > 1]
    return Tolerance(
        tuple(
            answered(one, Answer.SURVIVES if len(one.down) <= survives else beyond) for one in crashes(protocol, sizes)
        ),
        tuple(answered(one, Answer.SURVIVES if index < apart else beyond) for index, one in enumerate(split)),
    )


def of_size(protocol: Protocol, nodes: int, survived: Tolerance, **scale: float) -> OfSize:
    """A size whose figures are so many times those of the others (1, if it is not said): `writes`, `elections`,
    `messages`."""
    row = protocol.checks[0].rows[0]
    slow, late, many = (scale.get(name, 1.0) for name in ("writes", "elections", "messages"))
    return OfSize(
        nodes,
        model_of(protocol, row, sizes_of(protocol, nodes), Options()),
        Quorum(protocol.kinds[0].name, nodes // 2 + 1, nodes // 2),
        survived,
        Availability(0.999, 0.999),
        Writes(about(0.002 * slow), about(0.003 * slow), 1000),
        Elections(100, 0, 60.0, about(0.3 * late), about(0.6 * late), 0.9, Estimate(0.02, 0.01, 0.04), about(4 * many)),
        Idle(200.0, about(40 * many), 0),
        "",
        Explored(1234, True, "over node", "native", Verdict.HOLDS, "every reachable state", 0.5),
        Proved(),
    )


def comparison(*sizes: OfSize, protocol: Protocol = RAFT) -> Comparison:
    given = Assumptions("term <= 2", 0.99, World(), {"election": (0.15, 0.3)}, Plan(trials=100), 1000)
    return Comparison(protocol, given, sizes, 12.3)
