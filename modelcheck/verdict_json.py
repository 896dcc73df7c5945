"""A verdict as JSON; `docs/verdict.schema.json` says what stands in it."""

from __future__ import annotations

from typing import Any

from modelcheck.check import described_sizes
from modelcheck.liveness.futures import Future
from modelcheck.liveness.led import FoundLed
from modelcheck.model import Model, stepping_faults
from modelcheck.trace_json import fault_to_json, trace_to_json
from modelcheck.verdict import Exploration, Verdict
from spec.protocol import Clocks

VERSION = 1


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """Plain values, ready for `json.dumps`."""
    protocol = verdict.protocol
    return {
        "format": "oneleader-verdict",
        "version": VERSION,
        "protocol": protocol.name,
        "spec": {"name": protocol.source.name, "sha256": protocol.source.sha256},
        "check": verdict.check,
        "answer": verdict.answer.value,
        "reason": verdict.reason,
        "exit_status": verdict.exit_status,
        "explorations": [_exploration(exploration) for exploration in verdict.explorations],
        "not_explored": list(verdict.skipped),
        "coverage": {
            "complete": verdict.coverage.complete,
            "taken": verdict.coverage.taken,
            "total": verdict.coverage.total,
            "missing": [{"text": label, "line": line} for label, line in verdict.coverage.missing],
            "unwitnessed": list(verdict.coverage.unwitnessed),
        },
    }


def _exploration(exploration: Exploration) -> dict[str, Any]:
    model, outcome = exploration.model, exploration.outcome
    return {
        "sizes": {kind.name: size for kind, size in zip(model.protocol.kinds, model.sizes, strict=True)},
        "description": described_sizes(model),
        "assumptions": _assumptions(model),
        "answer": exploration.answer.value,
        "reason": exploration.reason,
        "engine": exploration.engine,
        "threads": exploration.threads,
        "symmetric": exploration.symmetric,
        "symmetry": exploration.symmetry,
        "reductions": list(exploration.reductions),
        "remarks": list(exploration.remarks),
        "search": None
        if outcome is None
        else {
            "status": outcome.status.name.lower(),
            "states": outcome.states,
            "steps": outcome.steps,
            "depth": outcome.depth,
            "levels": list(outcome.levels),
            "bounds_reached": sorted(outcome.reached),
            "seconds": outcome.seconds,
            "bytes": outcome.bytes,
        },
        "properties": [
            {
                "name": found.name,
                "kind": found.kind,
                "text": found.text,
                "result": found.result.value,
                "length": found.length,
                "without": list(found.without),
            }
            for found in exploration.properties
        ],
        "future": [_future(found) for found in exploration.liveness],
        "trace": None if exploration.trace is None else trace_to_json(exploration.trace),
    }


def _future(found: Future) -> dict[str, Any]:
    """What was found about a `recovers` or a `leads_to`. The trace of a violation is that of the exploration."""
    said = {
        "property": found.claim.name,
        "kind": found.claim.kind.value,
        "stopped": None if found.stopped is None else found.stopped.name.lower(),
        "raised_by": found.more,
        "bounds": list(found.bounds),
        "seconds": found.seconds,
    }
    if isinstance(found, FoundLed):
        return said | {
            "engine": found.engine,
            "holds": found.holds,
            "reason": found.reason,
            "fairness": str(found.fairness),
            "states": found.states,
            "steps": found.steps,
            "rebased": list(found.rebased),
        }
    return said | {
        "engine": "native" if found.native else "python",
        "holds": found.holds if found.holds or found.lost else None,
        "symmetric": found.symmetric,
        "asked": found.asked,
        "explored": found.explored,
        "out_of_reach": found.lost,
        "not_found": found.cut,
        "gone": found.gone,
    }


def _assumptions(model: Model) -> dict[str, Any]:
    return {
        "bounds": {f"{kind}.{name}": model.caps.variables[kind, name] for kind, name in model.caps.declared},
        "channel": None if model.network.is_growing_set else model.channel,
        "network": {
            "loss": model.network.loss,
            "duplication": model.network.duplication,
            "reordering": model.network.reordering,
        },
        "faults": [
            {**fault_to_json(fault), "steps": fault.kind in stepping_faults(model.protocol)} for fault in model.faults
        ],
        **({} if model.protocol.clocks is None else {"timed": _time(model.protocol.clocks)}),
    }


def _time(clocks: Clocks) -> dict[str, Any]:
    """What is assumed of time, in the spec's words, and how long each timer takes by true time, in milliseconds."""
    tick = clocks.timing.tick
    return {
        "assumed": str(clocks.timing),
        "timers": {
            f"{clock.kind}.{clock.timer}": {"shortest_ms": clock.shortest * tick, "longest_ms": clock.longest * tick}
            for clock in clocks.timers
            if clock.timer not in clocks.timing.free
        },
    }
