"""The plot of `bench.growth`. Apart from it, so that only drawing needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.growth import FAULTS, LEVELS, NOT_TRIED, OWN_FAULTS, TERMS, TERMS_FOR_FAULTS, Point

# Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#8C6D31")
MARKERS = "osD^vPX*"


def draw(points: Sequence[Point], file: Path) -> None:
    """States by nodes: for each number of terms, of reductions, of faults; and seconds by states."""
    settings: dict[Any, Any] = {
        "svg.hashsalt": "growth",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.grid": True,
        "grid.alpha": 0.3,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(10, 8), layout="constrained")
        panels = figure.subplots(2, 2)
        own = [one for one in points if one.faults == OWN_FAULTS]
        full = [one for one in own if one.reductions == "all"]
        by_terms = {f"{n} term{'' if n == 1 else 's'}": [p for p in full if p.terms == n] for n in TERMS}
        by_level = {
            {"none": "no reduction", "symmetry": "symmetry", "all": "all reductions"}[level]: [
                p for p in own if p.reductions == level and p.terms == TERMS_FOR_FAULTS
            ]
            for level in LEVELS
        }
        by_faults = {
            name: [p for p in points if (p.faults, p.terms, p.reductions) == (name, TERMS_FOR_FAULTS, "all")]
            for name in FAULTS
        }
        _growth(panels[0][0], "Terms (all reductions; restarts)", by_terms)
        _growth(panels[0][1], f"Reductions ({TERMS_FOR_FAULTS} terms; restarts)", by_level)
        _growth(panels[1][0], f"Faults ({TERMS_FOR_FAULTS} terms; all reductions)", by_faults)
        _cost(panels[1][1], points)
        figure.suptitle("raft.elect: what a search costs (hollow: cut short, there are more)")
        figure.savefig(file, format="svg", metadata={"Date": None})
    # Matplotlib ends lines of paths with blanks.
    text = file.read_text(encoding="utf-8")
    file.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")


def _growth(axes: Axes, title: str, series: dict[str, list[Point]]) -> None:
    for (label, points), colour, marker in zip(series.items(), COLOURS, MARKERS, strict=False):
        tried = sorted((p for p in points if p.status != NOT_TRIED), key=lambda p: p.nodes)
        # What was cut short has more states than are shown: a dotted line leads there.
        for style, part in (("-", [p for p in tried if p.finished]), (":", tried)):
            said = label if style == "-" else None
            axes.plot([p.nodes for p in part], [p.states for p in part], style, color=colour, label=said, linewidth=1.2)
        for one in tried:
            face = colour if one.finished else "white"
            axes.plot(one.nodes, one.states, marker, color=colour, markerfacecolor=face, markersize=6)
    axes.set_title(title)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("nodes")
    axes.set_ylabel("states")
    axes.legend(fontsize=8)


def _cost(axes: Axes, points: Sequence[Point]) -> None:
    """States a CPU second by nodes: what a larger state and its symmetry cost."""
    for level, colour, marker in zip(LEVELS, COLOURS, MARKERS, strict=False):
        # Short searches say more of the clock than of the search.
        long = [p for p in points if p.reductions == level and p.cpu_seconds >= 0.1]
        label = {"none": "no reduction", "symmetry": "symmetry", "all": "all reductions"}[level]
        axes.plot(
            [p.nodes for p in long],
            [p.states / p.cpu_seconds / 1e6 for p in long],
            marker,
            color=colour,
            label=label,
            alpha=0.7,
        )
    axes.set_title("Speed (searches of 0.1 CPU seconds and more)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("nodes")
    axes.set_ylabel("million states a CPU second")
    axes.legend(fontsize=8)
