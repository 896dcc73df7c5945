"""The plot of a sweep. Apart from it, so that only drawing needs matplotlib."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from oneleader.tuning.distributions import shown
from oneleader.tuning.measured import NONE_SEEN, Measured

# Okabe and Ito's colours, which the colour-blind can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000", "#8C6D31")
MARKERS = "os^Dv<>P"
FEWEST = 1e-6
"""What is rarer a day than this is drawn at the edge: nobody will ever see the difference."""
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "oneleader",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def draw(
    title: str,
    found: Sequence[Measured],
    front: Sequence[Measured],
    taken: Measured | None,
    allowed: float,
    form: Literal["svg", "png"],
) -> bytes:
    """Failovers by false elections, each setting with its intervals, and the Pareto front; SVG or PNG."""
    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(9, 6), layout="constrained")
        axes = figure.subplots()
        stable = [one for one in found if not one.is_unstable]
        _points(axes, stable)
        _marks(axes, front, taken, next((one for one in stable if one.setting.own), None))
        axes.axvline(allowed, color="black", linewidth=0.8, linestyle=":")
        axes.annotate(
            "acceptable", (allowed, 1), (-3, -3), ("data", "axes fraction"), "offset points", ha="right", va="top",
            rotation=90, fontsize=8,
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(left=FEWEST / 2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _per_day(value)))
        for axis in (axes.yaxis,):
            axis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
            axis.set_minor_formatter(FuncFormatter(lambda value, _: shown(value) if _leads(value) else ""))
        axes.set_xlabel("elections a day for no reason (95 % intervals)")
        axes.set_ylabel("99 of 100 failovers take no longer (95 % intervals)")
        axes.set_title("\n".join(textwrap.wrap(title, 120)), fontsize=9)
        axes.legend(fontsize=8, loc="upper right", ncols=2)
        return saved(figure, form)


def saved(figure: Figure, form: Literal["svg", "png"]) -> bytes:
    """The picture. The same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": None})
    if form == "png":
        return buffer.getvalue()
    # Matplotlib ends lines of paths with blanks.
    return ("\n".join(line.rstrip() for line in buffer.getvalue().decode().splitlines()) + "\n").encode()


def _per_day(value: float) -> str:
    if value <= FEWEST * 1.001:
        return f"≤ {FEWEST:g}" if value > FEWEST * 0.999 else ""
    return f"{value:g}"


def _leads(value: float) -> bool:
    """Whether a minor tick has a label: those of 2 and 5."""
    digit = round(value / 10.0 ** math.floor(math.log10(value)))
    return digit in (2, 5)


def place(one: Measured) -> tuple[float, float]:
    """Where a setting stands."""
    return max(one.false_elections.per_day.value, FEWEST), one.slow.value


def _points(axes: Axes, stable: Sequence[Measured]) -> None:
    starts = sorted({one.setting.start for one in stable if not one.setting.own})
    beats = sorted({_beat(one) for one in stable if not one.setting.own})
    for one in stable:
        colour = COLOURS[starts.index(one.setting.start) % len(COLOURS)] if one.setting.start in starts else "grey"
        marker = MARKERS[beats.index(_beat(one)) % len(MARKERS)] if _beat(one) in beats else "*"
        x, y = place(one)
        false, slow = one.false_elections.per_day, one.slow
        sideways = [[x - min(max(false.low, FEWEST), x)], [max(false.high, x) - x]]
        upwards = [[y - slow.low], [slow.high - y if slow.high < math.inf else 0.0]]
        axes.errorbar([x], [y], upwards, sideways, color=colour, linewidth=0.5, alpha=0.35)
        hollow = one.false_elections.how == NONE_SEEN or slow.high == math.inf
        axes.plot([x], [y], marker, color=colour, markersize=4.5, markerfacecolor="white" if hollow else colour)
    axes.plot([], [], "o", color="grey", markerfacecolor="white", label="hollow: looked at little")
    for start, colour in zip(starts, COLOURS, strict=False):
        axes.plot([], [], "o", color=colour, label=f"from {shown(start)} on")
    for beat, marker in zip(beats, MARKERS, strict=False):
        if beat:
            axes.plot([], [], marker, color="grey", label=f"heartbeat {beat} of that")


def _beat(one: Measured) -> Fraction:
    """The heartbeat as a simple part of the start."""
    heartbeat = one.setting.heartbeat
    return Fraction(heartbeat / one.setting.start).limit_denominator(12) if heartbeat is not None else Fraction(0)


def _marks(axes: Axes, front: Sequence[Measured], taken: Measured | None, own: Measured | None) -> None:
    places = sorted(place(one) for one in front)
    corners = [corner for before, corner in pairwise([(0.0, 0.0), *places]) if before[0] < corner[0]]
    axes.step([x for x, _ in corners], [y for _, y in corners], where="post", color="black", linewidth=1.0)
    axes.plot([], [], "-", color="black", linewidth=1.0, label="Pareto front")
    if own is not None:
        x, y = place(own)
        axes.plot([x], [y], "o", color="black", markersize=11, markerfacecolor="none", label="the spec's own")
    if taken is not None:
        x, y = place(taken)
        axes.plot([x], [y], "*", color="black", markersize=15, markerfacecolor="#F0E442", label="recommended")
