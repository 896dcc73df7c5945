"""`oneleader validate-trace`."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import typer

from modelcheck.conformance.recorded import BadTrace, read_traces
from modelcheck.conformance.refusal import Refusal
from modelcheck.conformance.traces import Validated, validate
from modelcheck.conformance.traces_json import validated_to_json
from oneleader.console import fail, printing, problems_told, read
from oneleader.render import CHART, show_trace

MOST_NAMED = 3
"""More files than this are counted, and not named."""


def run(spec: Path, traces: tuple[Path, ...], outside: tuple[str, ...], as_json: bool) -> None:
    """Says whether what nodes recorded is a behaviour of the spec; ends with status 1 where it is none."""
    protocol = read(spec)
    for kind in outside:
        if all(kind != declared.name for declared in protocol.kinds):
            kinds = ", ".join(declared.name for declared in protocol.kinds)
            fail(f"--outside: there is no kind of process `{kind}`; the spec has {kinds}")
    texts = []
    for path in traces:
        with problems_told(str(path)):
            texts.append((str(path), path.read_bytes()))
    gc.disable()  # nothing of what is read is let go before the end, and looking for it takes a fifth of the time
    try:
        recorded = read_traces(texts, protocol)
        given = next((one for one in recorded.histories if one.process.kind in outside), None)
        if given is not None:
            fail(f"{given.file} is a trace of {given.process}, which --outside says is no process of the run")
        found = validate(protocol, recorded, frozenset(outside))
    except BadTrace as problem:
        fail(str(problem))
    with printing():
        if as_json:
            print(json.dumps(validated_to_json(found), indent=2))
        else:
            _show(found, traces)
    raise typer.Exit(0 if found.refusal is None else 1)


def _show(found: Validated, traces: tuple[Path, ...]) -> None:
    if found.refusal is not None:
        show_refusal(found.refusal)
    protocol = found.model.protocol
    named = ", ".join(map(str, traces)) if len(traces) <= MOST_NAMED else f"{len(traces)} traces"
    processes = f"{found.processes} process{'es' if found.processes != 1 else ''}"
    what = f"{named}: {found.steps:,} steps of {processes} are a behaviour of {protocol.name}"
    but = "" if found.refusal is None else ", and with the one above they are none"
    print(f"{what}{but} (spec {protocol.source.sha256[:12]})")
    for place in found.cut:
        print(f"  {place.file}:{place.line} is incomplete: the process was stopped while it wrote it, or had no room")
    for lost in found.lost:
        print(f"  a step without its line, after {lost.after.file}:{lost.after.line}: {lost.description}")
    if found.lost:
        count = len(found.lost)
        print(f"  {count} step{'s were' if count > 1 else ' was'} inferred: stored or sent, and lost before recorded")
    if found.outside:
        kinds = " and ".join(found.outside)
        print(f"  {kinds}: outside; what came from there was taken as it came, and who led was held against all of it")
    if found.silent:
        print(f"  no trace of {', '.join(map(str, found.silent))}; nobody has heard from there")


def show_refusal(refusal: Refusal) -> None:
    """What was recorded, what the model would have done, and what led to it."""
    if refusal.trace.steps:
        show_trace(refusal.trace, CHART)
        for number, place in enumerate(refusal.leading_up, 1):
            print(f"  {number} is " + (f"{place.file}:{place.line}" if place else "a step whose line is lost"))
        print()
    print(f"{refusal.place.file}:{refusal.place.line}: this is no step of the model: {refusal.reason}")
    print(f"  recorded: {refusal.recorded}")
    if refusal.given:
        print(f"  the model: {refusal.given}")
    if refusal.possible:
        print(f"  {refusal.process} could have done there:")
    for possible in refusal.possible:
        print(f"    {possible}")
    print()
