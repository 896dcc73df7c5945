"""The model in which a property about the future is looked at.

It has the steps of the model that is checked, and three differences. Once nothing goes wrong any more (the *calm*), a
`nat` may pass the bounds of the check by some more, so that a bound does not cut short what would have recovered. The
record of who has led is left out where the property does not ask for it: no step reads it. And a process can be down,
whether or not the spec has crashes, for whoever asks what the others can still do.
"""

from __future__ import annotations

from dataclasses import replace

from modelcheck.bounds import caps
from modelcheck.model import Model
from spec.lint import nodes
from spec.protocol import Apply, Bound, Expression, Fault, FaultKind, Led, Property, Protocol


def expressions_of(claim: Property) -> tuple[Expression, ...]:
    """The goals of a property: its condition, and of a `leads_to` what it leads to."""
    return (claim.expression,) if claim.then is None else (claim.expression, claim.then)


def prepared(model: Model, claim: Property, more: int, *, may_be_down: bool = False) -> Model:
    """The model for a property; in the calm, `more` is added to each bound that the check itself names."""
    asks_who_led = _asks_who_led(model.protocol, claim)
    protocol = replace(model.protocol, properties=(claim,), leader=model.protocol.leader if asks_who_led else None)
    bounds = tuple(
        Bound(kind, variable, model.caps.variables[kind, variable] + more) for kind, variable in model.caps.declared
    )
    faults = model.faults
    if may_be_down and model.fault(FaultKind.CRASH) is None:
        faults = (*faults, Fault(FaultKind.CRASH, 0))
    raised = caps(protocol, model.sizes, bounds)
    return replace(model, protocol=protocol, caps=raised, faults=faults, only=None, lower=model.caps)


def prepared_for_elections(model: Model, more: int) -> Model:
    """The model in which is asked who can still be elected: who has led is kept, and a link, too, holds `more`."""
    protocol = replace(model.protocol, properties=())
    bounds = tuple(
        Bound(kind, variable, model.caps.variables[kind, variable] + more) for kind, variable in model.caps.declared
    )
    crash = () if model.fault(FaultKind.CRASH) is not None else (Fault(FaultKind.CRASH, 0),)
    return replace(
        model,
        protocol=protocol,
        caps=caps(protocol, model.sizes, bounds),
        faults=(*model.faults, *crash),
        only=None,
        lower=model.caps,
        channel=model.channel + more,
        lower_channel=model.channel,
    )


def _asks_who_led(protocol: Protocol, claim: Property) -> bool:
    waiting: list[object] = [claim]
    seen: set[str] = set()
    while waiting:
        for part in nodes(waiting.pop()):
            if isinstance(part, Led):
                return True
            if isinstance(part, Apply) and part.definition not in seen:
                seen.add(part.definition)
                waiting.append(protocol.definition(part.definition).body)
    return False
