"""The plots of `bench.published`. Apart from it, so that only drawing needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.published_experiments import CHAINS, SPLITS, Experiment, Line, chain_name
from bench.published_found import PARTS, Found
from bench.split_votes import elections
from oneleader.tuning.figure import COLOURS, SETTINGS, saved

STYLES = {"median": ("D", 0.5), "mean": ("o", None), "worst": ("X", None), "p999": ("s", 0.999)}
"""How a published value is marked, and at which part of all trials it stands; a mean and a worst at that of ours."""
WORDS = {"median": "median", "mean": "mean", "worst": "worst", "p999": "99.9 %"}


def draw(experiment: Experiment, found: Sequence[Found], folder: Path, form: Literal["svg", "png"] = "svg") -> None:
    """The curves of an experiment as published-NAME.svg; of split votes, the shares beside the chain."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.subplots()
        by_name = {one.line: one for one in found}
        if experiment is SPLITS:
            _splits(axes, by_name)
        else:
            _distributions(axes, experiment, by_name)
        axes.set_title(experiment.title, fontsize=10)
        (folder / f"published-{experiment.name}.{form}").write_bytes(saved(figure, form))


def _distributions(axes: Axes, experiment: Experiment, found: dict[str, Found]) -> None:
    """Which part of all trials had ended by when: ours as lines, and what was published as marks."""
    marked = set()
    for line, colour in zip(experiment.lines, COLOURS, strict=False):
        one = found[line.name]
        ended = [(second * 1000, part) for second, part in zip(one.curve, PARTS, strict=True) if second < line.limit]
        style = "--" if "until it knows" in line.name else "-"
        axes.step(
            [second for second, _ in ended],
            [part for _, part in ended],
            style,
            where="post",
            color=colour,
            linewidth=1.3,
            label=line.name + (f" ({one.limited} of {one.trials} never)" if one.limited else ""),
        )
        marked |= _published(axes, line, colour, one)
    if all("typical" in line.published for line in experiment.lines):
        low, high = (float(end) for end in str(experiment.lines[0].published["typical"]).split("-"))
        axes.axvspan(low, high, color="grey", alpha=0.12, label="published: typical")
    for what in (name for name in STYLES if name in marked):
        axes.plot([], [], STYLES[what][0], color="grey", markeredgecolor="black", label=f"published: {WORDS[what]}")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:g}" if str(value)[0] in "235" else ""))
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_xlabel("milliseconds")
    axes.set_ylabel("of all trials have a leader")
    axes.legend(fontsize=8, loc="center right")


def _published(axes: Axes, line: Line, colour: str, found: Found) -> set[str]:
    marked = set()
    for what, value in line.published.items():
        if what not in STYLES or isinstance(value, str):
            continue
        marker, at = STYLES[what]
        height = 1.0 if what == "worst" else at
        if height is None:  # a mean stands where ours does
            height = float(np.interp(found.mean.value, found.curve, PARTS))
        axes.plot([value], [height], marker, color=colour, markeredgecolor="black", markersize=8, zorder=5)
        marked.add(what)
    return marked


def _splits(axes: Axes, found: dict[str, Found]) -> None:
    """How likely so many rounds are enough."""
    for cluster, colour in zip(CHAINS, (*COLOURS, "#999999"), strict=False):
        name = chain_name(cluster)
        chain = elections(cluster)
        numbers = range(1, 8)
        axes.plot(numbers, [1 - chain.at_most[number - 1] for number in numbers], "-", color=colour, linewidth=1)
        left = [found[name].more_than(number) for number in numbers]
        seen = [(number, one) for number, one in zip(numbers, left, strict=True) if one.value > 0]
        axes.errorbar(
            [number for number, _ in seen],
            [one.value for _, one in seen],
            [[one.value - one.low for _, one in seen], [one.high - one.value for _, one in seen]],
            fmt="o",
            color=colour,
            markersize=4,
            capsize=2,
            label=name,
        )
    axes.plot([], [], "-", color="grey", label="the chain (lines)")
    axes.set_yscale("log")
    axes.set_ylim(1e-4, 1.2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("rounds")
    axes.set_ylabel("probability that more are needed (simulated: points, 95 % intervals)")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))
