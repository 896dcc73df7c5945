"""A protocol under the faults in force: its clocks as variables, and the properties that are stated without some."""

from __future__ import annotations

from spec.clock_limits import Untimed
from spec.clocks import with_clocks
from spec.diagnostics import SpecError
from spec.protocol import Fault, FaultKind, Network, Property, Protocol


def with_time(protocol: Protocol, network: Network, faults: tuple[Fault, ...]) -> Protocol:
    """The protocol with its clocks as variables, if it has any. Raises SpecError for what time cannot give."""
    try:
        return with_clocks(protocol, faults, network)
    except Untimed as untimed:
        raise SpecError(protocol.source, (untimed.problem,)) from None


def stated_without(protocol: Protocol, faults: tuple[Fault, ...]) -> dict[frozenset[FaultKind], tuple[Property, ...]]:
    """The properties by the faults, of those that there are, without which they are stated; those that are stated
    under all of them first, even where there are none."""
    kinds = {fault.kind for fault in faults if fault.up_to != 0}
    found: dict[frozenset[FaultKind], tuple[Property, ...]] = {frozenset(): ()}
    for claim in protocol.properties:
        without = claim.without & kinds
        found[without] = (*found.get(without, ()), claim)
    return found
