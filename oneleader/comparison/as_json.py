"""A comparison as JSON: docs/compare.schema.json."""

from __future__ import annotations

import math
from typing import Any

from modelcheck.survival import Survived
from oneleader.comparison.result import Assumptions, Comparison, OfSize
from oneleader.comparison.trials import Elections
from oneleader.comparison.words import sentences
from oneleader.tuning.estimates import Estimate


def comparison_to_json(comparison: Comparison, exit_status: int) -> dict[str, Any]:
    """All that was found. Times are seconds; what is infinite is null."""
    return {
        "format": "oneleader-compare",
        "version": 1,
        "protocol": comparison.protocol.name,
        "spec_sha256": comparison.protocol.source.sha256,
        "exit_status": exit_status,
        "seconds": round(comparison.seconds, 3),
        "assumptions": _assumptions(comparison.assumptions),
        "sizes": [_of_size(one) for one in comparison.of_sizes],
        "words": list(sentences(comparison)),
    }


def _assumptions(given: Assumptions) -> dict[str, Any]:
    world, plan = given.world, given.plan
    return {
        "within": given.within,
        "availability_of_each": given.each,
        "delay": str(world.delay),
        "store": str(world.store),
        "loss": world.loss,
        "duplication": world.duplication,
        "timers": {name: list(times) for name, times in given.timers.items()},
        "trials": plan.trials,
        "first_seed": plan.seed,
        "limit_seconds": plan.limit,
        "idle_seconds": plan.stretches * plan.seconds,
        "samples_of_writes": given.samples,
        "confidence": 0.95,
    }


def _of_size(one: OfSize) -> dict[str, Any]:
    tolerance = one.tolerance
    return {
        "nodes": one.nodes,
        "processes": {kind.name: size for kind, size in zip(one.model.protocol.kinds, one.sizes, strict=True)},
        "quorum": None
        if one.quorum is None
        else {
            "of": one.quorum.kind,
            "smallest": one.quorum.smallest,
            "acknowledgements": one.quorum.acknowledgements,
        },
        "crashes": {
            "survived": tolerance.largest,
            "exact": tolerance.is_exact,
            "of_kind": {
                kind.name: dict(zip(("survived", "exact"), tolerance.largest_of(kind.name), strict=True))
                for kind in one.model.protocol.kinds
            },
            "scenarios": [_survived(each) for each in tolerance.crashes],
        },
        "partitions": {
            "survived": len(tolerance.survived_partitions),
            "of": len(tolerance.partitions),
            "scenarios": [_survived(each) for each in tolerance.partitions],
        },
        "availability": {"least": one.availability.least, "most": one.availability.most},
        "write": None
        if one.writes is None
        else {"mean": _estimate(one.writes.mean), "percentile_99": _estimate(one.writes.percentile_99)},
        "election": None if one.elections is None else _elections(one.elections),
        "idle": None
        if one.idle is None
        else {
            "seconds": one.idle.seconds,
            "messages_per_second": _estimate(one.idle.messages_per_second),
            "false_elections": one.idle.false_elections,
        },
        "not_measured": one.problem or None,
        "check": {
            "answer": one.explored.answer.value,
            "reason": one.explored.reason,
            "states": one.explored.states,
            "all_states": one.explored.is_whole,
            "symmetry": one.explored.symmetry,
            "engine": one.explored.engine,
            "seconds": round(one.explored.seconds, 3),
        },
        "proof": {"status": one.proof.status, "reason": one.proof.reason or None, "solver": one.proof.solver or None},
    }


def _survived(one: Survived) -> dict[str, Any]:
    return {
        "down": sorted(map(str, one.scenario.down)),
        "sides": [sorted(map(str, side)) for side in one.scenario.sides],
        "answer": one.answer.value,
        "winners": list(one.winners),
        "states": one.states,
        "seconds": round(one.seconds, 3),
        "reason": one.reason,
    }


def _elections(found: Elections) -> dict[str, Any]:
    return {
        "trials": found.trials,
        "without_leader": found.limited,
        "median": _estimate(found.median),
        "percentile_99": _estimate(found.percentile_99),
        "worst": _finite(found.worst),
        "split": _estimate(found.split),
        "messages": _estimate(found.messages),
    }


def _estimate(estimate: Estimate | None) -> dict[str, float | None] | None:
    if estimate is None:
        return None
    return {"value": _finite(estimate.value), "low": _finite(estimate.low), "high": _finite(estimate.high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
