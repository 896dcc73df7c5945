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
from bench.split_votes import closed_form, elections
from bench.tables import markdown_table
from oneleader.tuning.estimates import Estimate, mean, percentile, rate

Row = tuple[str, str, Sequence[float], Sequence[int], int]
"""The experiment, the line, seconds and rounds of each trial, and how many were cut short."""
NAMES = {
    "mean": "mean",
    "median": "median",
    "worst": "worst",
    "p999": "99.9 %",
    "typical": "typical",
    "always": "always",
}


def shown(rows: Sequence[Row]) -> str:
    """A table for each experiment."""
    parts = []
    for experiment in EXPERIMENTS:
        some = {row[1]: row for row in rows if row[0] == experiment.name}
        body = _splits(some) if experiment is SPLITS else _times(experiment.lines, some)
        parts.append(f"**{experiment.title}**\n\n{body}")
    return "\n".join(parts)


def _times(lines: Sequence[Line], rows: dict[str, Row]) -> str:
    titles = ("", "trials", "mean", "median", "99 %", "99.9 %", "worst", "more than one term", "published")
    cells = []
    for line in lines:
        _, name, seconds, rounds, limited = rows[line.name]
        ordered, count = sorted(seconds), len(seconds)
        cut = f" ({limited} cut short)" if limited else ""
        split = rate(sum(number > 1 for number in rounds) + limited, count)
        cells.append(
            (
                name,
                f"{count:,}",
                _milliseconds(mean(ordered)),
                *(_milliseconds(percentile(ordered, part)) for part in (0.5, 0.99, 0.999)),
                f"{ordered[-1] * 1000:,.0f}{cut}",
                f"{split.value * 100:.1f} % [{split.low * 100:.1f}, {split.high * 100:.1f}]",
                "; ".join(f"{NAMES[what]} {value}" for what, value in line.published.items()) or "-",
            )
        )
    return markdown_table(titles, cells)


def _milliseconds(estimate: Estimate) -> str:
    high = "?" if estimate.high == float("inf") else f"{estimate.high * 1000:,.0f}"
    return f"{estimate.value * 1000:,.0f} [{estimate.low * 1000:,.0f}, {high}]"


def _splits(rows: dict[str, Row]) -> str:
    titles = (
        *("", "split, published %", "closed form %", "chain %", "simulated %"),
        *("rounds: 1 / (1 - split)", "chain", "simulated", "ms until known: chain", "simulated"),
    )
    cells = []
    for cluster in CHAINS:
        _, name, seconds, rounds, _ = rows[chain_name(cluster)]
        chain = elections(cluster)
        split = rate(sum(number > 1 for number in rounds), len(rounds))
        several, time = mean([float(number) for number in rounds]), mean(seconds)
        cells.append(
            (
                name,
                PUBLISHED_SPLITS.get(cluster, "-"),
                f"{closed_form(cluster) * 100:.2f}",
                f"{chain.split * 100:.2f}",
                f"{split.value * 100:.2f} [{split.low * 100:.2f}, {split.high * 100:.2f}]",
                f"{1 / (1 - chain.split):.3f}",
                f"{chain.rounds:.3f}",
                f"{several.value:.3f} [{several.low:.3f}, {several.high:.3f}]",
                f"{chain.seconds(cluster.latency) * 1000:.1f}",
                f"{time.value * 1000:.1f} [{time.low * 1000:.1f}, {time.high * 1000:.1f}]",
            )
        )
    return markdown_table(titles, cells)
