"""`oneleader replay`."""

from __future__ import annotations

from pathlib import Path

from modelcheck.replay import ReplayError, is_about_the_future
from modelcheck.replay import replay as replayed
from modelcheck.report import described_bounds, described_faults, described_network
from modelcheck.story import story
from modelcheck.trace import Trace
from modelcheck.trace_json import TraceError, read_trace
from oneleader.console import fail, problems_told, read
from oneleader.render import CHART, show_trace
from spec.described import described_time


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
        if model.protocol.clocks is not None:
            for line in described_time(model.protocol.clocks, drifts=model.drifts):
                print(f"  {line}")


def _end(found: Trace) -> str:
    if found.violation is None:
        return ""
    if is_about_the_future(found.model, found.violation.property):
        return f"; {story(found).ending.verdict}"
    return f"; at its end {found.violation.property} is false"
