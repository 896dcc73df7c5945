"""`oneleader replay`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from modelcheck.model import Model
from modelcheck.replay import ReplayError, is_about_the_future
from modelcheck.replay import replay as replayed
from modelcheck.report import described_bounds, described_faults, described_network
from modelcheck.story import story
from modelcheck.trace import Trace
from modelcheck.trace_json import TraceError, read_trace
from oneleader.console import fail, problems_told, read
from oneleader.render import CHART, show_trace
from spec.described import described_time
from spec.protocol import Protocol


def replay(spec: Path, trace: Path, form: str) -> None:
    """Shows a saved trace as the reference semantics takes it; refuses one that it does not take."""
    protocol = read(spec)
    with problems_told():
        text = trace.read_bytes()
    try:
        found = replayed(read_trace(text, protocol))
    except (TraceError, ReplayError) as problem:
        fail(f"{trace}: {problem}")
    show_trace(found, form)
    if form == CHART:
        print(f"\n{trace}: {len(found)} steps, each taken by the reference semantics{_end(found)}")
        # The file says under what, and that need not be what the spec says.
        model = found.model
        print(f"  network: {described_network(model.network)}; faults: {described_faults(model)}", end="")
        print(f"; {described_bounds(model)}")
        if other := ", ".join(_other(model, protocol)):
            print(f"  NOT what the spec names: {other}")
        if model.protocol.clocks is not None:
            for line in described_time(model.protocol.clocks, drifts=model.drifts):
                print(f"  {line}")


def _other(model: Model, protocol: Protocol) -> Iterator[str]:
    """What the trace supposes of the world that the spec does not: more than it, or other clocks."""
    ours, own = model.network, protocol.network
    if any(getattr(ours, name) > getattr(own, name) for name in ("loss", "duplication", "reordering")):
        yield "the network"
    for fault in model.faults:
        named = next((one for one in protocol.faults if (one.kind, one.of) == (fault.kind, fault.of)), None)
        most = math.inf if named is not None and named.up_to is None else 0 if named is None else named.up_to
        if (math.inf if fault.up_to is None else fault.up_to) > (most or 0):
            yield f"the fault `{fault.kind.value}`"
    if model.protocol.timing != protocol.timing:
        yield "the clocks"


def _end(found: Trace) -> str:
    if found.violation is None:
        return ""
    if is_about_the_future(found.model, found.violation.property):
        return f"; {story(found).ending.verdict}"
    return f"; at its end {found.violation.property} is false"
