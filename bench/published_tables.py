"""The tables of `bench.published`."""

from __future__ import annotations

from collections.abc import Sequence

from bench.published_experiments import (
    CHAINS,
    EXPERIMENTS,
    PUBLISHED_SPLITS,
    SPLITS,
    Line,
    chain_name,
)
from bench.published_found import ENDLESS, Found
from bench.split_votes import closed_form, elections
from bench.tables import markdown_table
from oneleader.tuning.estimates import Estimate

NAMES = {"p999": "99.9 %"}


def shown(found: Sequence[Found]) -> str:
    """A table for each experiment."""
    parts = []
    for experiment in EXPERIMENTS:
        some = {one.line: one for one in found if one.experiment == experiment.name}
        body = _splits(some) if experiment is SPLITS else _times(experiment.lines, some)
        parts.append(f"**{experiment.title}**\n\n{body}")
    return "\n".join(parts)


def _times(lines: Sequence[Line], found: dict[str, Found]) -> str:
    titles = ("", "trials", "mean", "median", "99 %", "99.9 %", "worst", "more than one term", "published")
    cells = []
    for line in lines:
        one = found[line.name]
        cut = f" ({one.limited} cut short)" if one.limited else ""
        split = one.split
        cells.append(
            (
                one.line,
                f"{one.trials:,}",
                *(_milliseconds(estimate) for estimate in (one.mean, one.median, one.p99, one.p999)),
                f"{one.worst * 1000:,.0f}{cut}",
                f"{split.value * 100:.1f} % [{split.low * 100:.1f}, {split.high * 100:.1f}]",
                "; ".join(f"{NAMES.get(what, what)} {value}" for what, value in line.published.items()) or "-",
            )
        )
    return markdown_table(titles, cells)


def _milliseconds(estimate: Estimate) -> str:
    high = "?" if estimate.high >= ENDLESS else f"{estimate.high * 1000:,.0f}"
    return f"{estimate.value * 1000:,.0f} [{estimate.low * 1000:,.0f}, {high}]"


def _splits(found: dict[str, Found]) -> str:
    titles = (
        *("", "split, published", "closed form", "chain", "simulated"),
        *("rounds, if memoryless", "chain", "simulated", "ms until known, chain", "simulated"),
    )
    cells = []
    for cluster in CHAINS:
        one = found[chain_name(cluster)]
        chain = elections(cluster)
        split, several, time = one.split, one.average_rounds, one.mean
        cells.append(
            (
                one.line,
                PUBLISHED_SPLITS.get(cluster, "-"),
                f"{closed_form(cluster) * 100:.2f} %",
                f"{chain.split * 100:.2f} %",
                f"{split.value * 100:.2f} % [{split.low * 100:.2f}, {split.high * 100:.2f}]",
                f"{1 / (1 - chain.split):.3f}",
                f"{chain.rounds:.3f}",
                f"{several.value:.3f} [{several.low:.3f}, {several.high:.3f}]",
                f"{chain.seconds(cluster.latency) * 1000:.1f}",
                f"{time.value * 1000:.1f} [{time.low * 1000:.1f}, {time.high * 1000:.1f}]",
            )
        )
    return markdown_table(titles, cells)
