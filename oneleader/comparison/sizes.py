"""What there is to be found out about one size without a simulation."""

from __future__ import annotations

from collections.abc import Callable

from modelcheck.check import Options, model_of
from modelcheck.proof.scope import singletons
from modelcheck.survival import Survives, described
from oneleader.comparison.explored import explored
from oneleader.comparison.quorums import quorum_of
from oneleader.comparison.result import Assumptions, OfSize, Proved
from oneleader.comparison.tolerance import availability_of, tolerance_of
from oneleader.comparison.writes import writes_of
from spec.protocol import Protocol, Row

Told = Callable[[str], None]
"""Is told what is being done."""


def sizes_of(protocol: Protocol, nodes: int) -> tuple[int, ...]:
    """So many processes of each kind that is not single in every check of the spec."""
    single = singletons(protocol)
    return tuple(1 if kind.name in single else nodes for kind in protocol.kinds)


def of_size(
    protocol: Protocol,
    row: Row,
    nodes: int,
    given: Assumptions,
    survives: Survives,
    options: Options,
    told: Told,
) -> OfSize:
    """All but what trials and proofs say. Raises SpecError where a `nat` has no bound, and NoEngine."""
    sizes = sizes_of(protocol, nodes)
    model = model_of(protocol, row, sizes, options)
    told(f"{nodes}: the check")
    checked = explored(protocol, row, sizes, options)
    tolerance = tolerance_of(
        protocol, sizes, survives, lambda scenario: told(f"{nodes}: {described(protocol, scenario)}")
    )
    told(f"{nodes}: {given.samples:,} writes")
    return OfSize(
        nodes,
        model,
        quorum_of(model),
        tolerance,
        availability_of(protocol, sizes, tolerance, given.each),
        writes_of(model, given.world.delay, given.world.store, given.samples, given.plan.seed),
        None,
        None,
        "",
        checked,
        Proved(),
    )
