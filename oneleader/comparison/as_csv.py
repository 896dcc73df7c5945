"""A comparison as a table for other programs: a line for each size."""

from __future__ import annotations

import csv
import io
import math

from oneleader.comparison.result import Comparison, OfSize
from oneleader.comparison.wording import partition
from oneleader.tuning.estimates import Estimate
from spec.protocol import Protocol

Cell = str | int | float | None


def comparison_to_csv(comparison: Comparison) -> str:
    """Times are seconds, parts are from 0 to 1; what is not known, or has no end, is empty."""
    lines = [_line(comparison.protocol, one) for one in comparison.of_sizes]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _line(protocol: Protocol, one: OfSize) -> dict[str, Cell]:
    tolerance, elections, idle, writes = one.tolerance, one.elections, one.idle, one.writes
    return {
        "nodes": one.nodes,
        **{f"{kind.name}_processes": size for kind, size in zip(protocol.kinds, one.sizes, strict=True)},
        "smallest_quorum": one.quorum.smallest if one.quorum is not None else None,
        "crashes_survived": tolerance.largest,
        "crashes_survived_exact": str(tolerance.is_exact).lower(),
        "partitions_survived": len(tolerance.survived_partitions),
        "partitions": len(tolerance.partitions),
        "partitions_survived_shapes": "; ".join(partition(protocol, each) for each in tolerance.survived_partitions),
        "availability_least": one.availability.least,
        "availability_most": one.availability.most,
        "acknowledgements": one.quorum.acknowledgements if one.quorum is not None else None,
        **_estimate("write_mean_seconds", writes.mean if writes is not None else None),
        **_estimate("write_percentile_99_seconds", writes.percentile_99 if writes is not None else None),
        "election_trials": elections.trials if elections is not None else None,
        "election_without_leader": elections.limited if elections is not None else None,
        **_estimate("election_median_seconds", elections.median if elections is not None else None),
        **_estimate("election_percentile_99_seconds", elections.percentile_99 if elections is not None else None),
        "election_worst_seconds": _finite(elections.worst) if elections is not None else None,
        **_estimate("election_split_rate", elections.split if elections is not None else None),
        **_estimate("election_messages", elections.messages if elections is not None else None),
        **_estimate("idle_messages_per_second", idle.messages_per_second if idle is not None else None),
        "states": one.explored.states,
        "check": one.explored.answer.value,
        "proof": one.proof.status,
    }


def _estimate(name: str, estimate: Estimate | None) -> dict[str, Cell]:
    values = (None, None, None) if estimate is None else (estimate.value, estimate.low, estimate.high)
    return {f"{name}{suffix}": _finite(value) for suffix, value in zip(("", "_low", "_high"), values, strict=True)}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
