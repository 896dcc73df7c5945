"""What becomes of the properties about the future, with whichever engine there is."""

from __future__ import annotations

import time
from collections.abc import Iterator

from modelcheck.layout import Unsupported
from modelcheck.liveness import reference_led
from modelcheck.liveness.graph import Stopped
from modelcheck.liveness.led import NOTHING, FoundLed
from modelcheck.liveness.prepared import prepared
from modelcheck.liveness.recovers import Found, recovers, watch_of
from modelcheck.model import Model
from modelcheck.native.build import CompilerFailed, NoCompiler
from modelcheck.outcome import Limits, Status
from spec.protocol import Property, PropertyKind

Future = Found | FoundLed

NOT_IN_TIME = "what becomes of it is not looked at where there is time"


def futures(model: Model, limits: Limits, reductions: frozenset[str], *, native: bool) -> Iterator[Future]:
    """Each property about the future that is looked for, in the order of the spec; none after one that is violated, or
    after an interruption."""
    for claim in model.protocol.properties:
        if model.only is not None and claim.name not in model.only:
            continue
        if claim.kind in (PropertyKind.RECOVERS, PropertyKind.LEADS_TO) and model.protocol.timed:
            yield FoundLed(claim, NOTHING, None, NOT_IN_TIME)
            continue
        if claim.kind is PropertyKind.RECOVERS:
            found: Future = recovers(model, claim, limits, reductions, native=native)
        elif claim.kind is PropertyKind.LEADS_TO:
            found = led(model, claim, limits, native=native)
        else:
            continue
        yield found
        if found.is_violated or found.stopped is Status.CANCELLED:
            return


def led(model: Model, claim: Property, limits: Limits, *, native: bool) -> FoundLed:
    """A `leads_to`: natively, where there is a compiler; else by the reference semantics."""
    fairness = model.protocol.fairness or NOTHING
    if native:
        # SciPy takes its time to be imported, and most specs have no such property.
        from modelcheck.liveness.leads_to import leads_to

        try:
            return leads_to(model, claim, limits)
        except Stopped as stop:
            return FoundLed(claim, fairness, None, "", engine="native", stopped=stop.status)
        except MemoryError:
            return FoundLed(claim, fairness, None, "", engine="native", stopped=Status.MEMORY)
        except (NoCompiler, CompilerFailed, Unsupported):
            pass
    began = time.monotonic()
    more = 1 if fairness.calm else 0
    try:
        answer, reason = reference_led.leads_to(prepared(model, claim, more), claim, fairness, watch_of(limits))
    except Stopped as stop:
        return FoundLed(claim, fairness, None, "", engine="python", stopped=stop.status)
    return FoundLed(claim, fairness, answer, reason, more=more, seconds=time.monotonic() - began, engine="python")
