"""What a sweep has found, for programs: JSON and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from oneleader.tuning.estimates import CONFIDENCE, Estimate
from oneleader.tuning.measured import Measured
from oneleader.tuning.probe import Ground
from oneleader.tuning.verdict import SLOWER, Verdict
from oneleader.tuning.words import advice
from oneleader.tuning.world import World
from spec.protocol import Protocol

COLUMNS = (
    *("start_seconds", "spread_seconds", "heartbeat_seconds", "own", "on_front", "recommended", "stable"),
    *("failovers", "limited", "mean_seconds", "mean_low", "mean_high", "median_seconds", "median_low", "median_high"),
    *("p99_seconds", "p99_low", "p99_high", "split_rate", "split_low", "split_high"),
    *("rounds", "rounds_low", "rounds_high"),
    *("false_per_day", "false_low", "false_high", "false_how", "windows", "waited_seconds", "messages_per_second"),
)


def to_json(
    protocol: Protocol,
    ground: Ground,
    found: Sequence[Measured],
    front: Sequence[Measured],
    verdict: Verdict,
    allowed: float,
) -> dict[str, Any]:
    taken = verdict.choice.taken if verdict.again is not None else None
    return {
        "format": "oneleader-tune",
        "version": 1,
        "protocol": protocol.name,
        "spec_sha256": protocol.source.sha256,
        "sizes": dict(ground.sizes),
        "world": _world(ground.world),
        "timers": {
            "election": ground.roles.election,
            "heartbeat": ground.roles.heartbeat,
            "reason": ground.roles.reason,
        },
        "seed": ground.seed,
        "confidence": CONFIDENCE,
        "acceptable_false_elections_per_day": allowed,
        "exit_status": 0,
        "settings": [_measured(one) for one in found],
        "front": [found.index(one) for one in front],
        "recommended": found.index(taken) if taken is not None else None,
        "measured_anew": _measured(verdict.again) if verdict.again is not None else None,
        "times_slower": SLOWER if verdict.slower is not None else None,
        "in_a_slower_world": _measured(verdict.slower) if verdict.slower is not None else None,
        "with_another_down": _measured(verdict.another_down) if verdict.another_down is not None else None,
        "not_borne_out": [_measured(one) for one in verdict.dropped],
        "in_words": [line.strip() for line in advice(ground, verdict, front, found[0], allowed, len(found))],
    }


def _world(world: World) -> dict[str, Any]:
    pauses = world.pauses
    return {
        "delay": str(world.delay),
        "loss": world.loss,
        "duplication": world.duplication,
        "in_order": world.in_order,
        "store": str(world.store),
        "pauses": {"apart_seconds": pauses.apart, "lasting": str(pauses.lasting)} if pauses is not None else None,
        "crash_is_seen": world.seen,
    }


def _measured(one: Measured) -> dict[str, Any]:
    setting = one.setting
    found: dict[str, Any] = {
        "start_seconds": setting.start,
        "spread_seconds": setting.spread,
        "heartbeat_seconds": setting.heartbeat,
        "own": setting.own,
        "stable": not one.is_unstable,
    }
    if one.is_unstable:
        return {**found, "failover": None, "false_elections": None, "messages_per_second": None}
    found["failover"] = {
        "trials": len(one.sample.elections),
        "limited": one.limited,
        "mean_seconds": _estimate(one.failover),
        "median_seconds": _estimate(one.median),
        "p99_seconds": _estimate(one.slow),
        "split_rate": _estimate(one.split),
        "rounds": _estimate(one.rounds),
    }
    if not one.waited:  # failovers alone were measured
        return {**found, "false_elections": None, "messages_per_second": None}
    false = one.false_elections
    found["false_elections"] = {
        "per_day": _estimate(false.per_day),
        "how": false.how,
        "windows": one.windows,
        "waited_seconds": one.waited,
        "counted": one.counted,
        "nothing_rare": one.sample.nothing_rare,
    }
    return {**found, "messages_per_second": _finite(one.messages_per_second)}


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    return {"value": _finite(estimate.value), "low": _finite(estimate.low), "high": _finite(estimate.high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def to_csv(found: Sequence[Measured], front: Sequence[Measured], taken: Measured | None) -> str:
    """A row for each setting. Times are seconds; what has no end is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        setting = one.setting
        row: list[Any] = [setting.start, setting.spread, setting.heartbeat, setting.own, one in front, one is taken]
        row.append(not one.is_unstable)
        if not one.is_unstable:
            row += [len(one.sample.elections), one.limited]
            for estimate in (one.failover, one.median, one.slow, one.split, one.rounds, one.false_elections.per_day):
                row += [_finite(estimate.value), _finite(estimate.low), _finite(estimate.high)]
            row += [one.false_elections.how, one.windows, one.waited, _finite(one.messages_per_second)]
        writer.writerow([*row, *[None] * (len(COLUMNS) - len(row))])
    return text.getvalue()
