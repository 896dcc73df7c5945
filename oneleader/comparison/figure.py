"""A comparison as a picture: six panels, in each the sizes from left to right."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from oneleader.comparison.result import Comparison, OfSize
from oneleader.comparison.wording import UNKNOWN, crashes, label
from oneleader.tuning.estimates import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, RED, GREEN = "#4477aa", "#ee6677", "#228833"
"""From Paul Tol's `bright` scheme, whose colours can be told apart with any colour vision."""
INCHES = (10.5, 6.4)
MILLI = 1000.0
SMALLEST = 1e-16
"""Where the axis of a logarithm ends."""

Of = Callable[[OfSize], Estimate | None]


def figure(comparison: Comparison, form: str) -> bytes:
    """The picture, as `svg` or `png`. The same comparison gives the same bytes with the same matplotlib."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = {"svg.hashsalt": comparison.protocol.name, "font.size": 9.0}
    settings |= {"axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(settings):
        canvas = Figure(figsize=INCHES, layout="constrained")
        axes: list[Axes] = list(canvas.subplots(2, 3).flat)
        given = comparison.assumptions
        canvas.suptitle(f"{comparison.protocol.name}: what more processes give, and what they cost")
        _crashes(axes[0], comparison)
        _unavailable(axes[1], comparison)
        _elections(axes[2], comparison)
        _bars(axes[3], comparison, "messages a second, idle", BLUE, _idle)
        _bars(axes[4], comparison, "messages for an election", BLUE, _messages)
        _writes(axes[5], comparison)
        canvas.supxlabel(
            f"{given.plan.trials:,} simulated crashes of a leader for each size; messages take {given.world.delay}, "
            f"stores {given.world.store}. Lines at figures are intervals of 95 %.",
            fontsize=8,
        )
        written = io.BytesIO()
        canvas.savefig(written, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": None})
    return written.getvalue()


def _crashes(axes: Axes, comparison: Comparison) -> None:
    """How many may be down, beside what a write waits for."""
    places = _places(axes, comparison, "crashes survived, and acknowledgements")
    survived = [one.tolerance.largest or 0 for one in comparison.of_sizes]
    waited = [(one.quorum.acknowledgements or 0) if one.quorum is not None else 0 for one in comparison.of_sizes]
    axes.bar([at - 0.2 for at in places], survived, 0.38, color=GREEN, label="crashes survived")
    axes.bar([at + 0.2 for at in places], waited, 0.38, color=BLUE, label="acknowledgements for a write")
    for place, one, height in zip(places, comparison.of_sizes, survived, strict=True):
        found = crashes(one.tolerance.largest, one.tolerance.is_exact)
        if not found.isdecimal() or height == 0:
            _note(axes, "?" if found == UNKNOWN else found, place - 0.2, height)
    axes.set_yticks(range(max([*survived, *waited, 1]) + 1))
    axes.set_ylim(0, max([*survived, *waited, 1]) * 1.35)
    axes.legend(frameon=False, loc="upper left", fontsize=8)


def _unavailable(axes: Axes, comparison: Comparison) -> None:
    """For how much of the time there can be no leader; the axis has a logarithm."""
    each = comparison.assumptions.each
    places = _places(axes, comparison, f"time without a possible leader, if each is up {each:.10g}")
    known = [1 - one.availability.least for one in comparison.of_sizes]
    best = [1 - one.availability.most for one in comparison.of_sizes]
    drawn = [max(part, SMALLEST) for part in known]
    axes.set_yscale("log")
    axes.set_ylim(min(max(part, SMALLEST) for part in best) / 4, min(max(drawn) * 4, 2.0))
    axes.set_ylabel("part of the time")
    for place, worse, better in zip(places, drawn, best, strict=True):
        if worse - better < SMALLEST:
            axes.plot(place, worse, "o", color=RED)
            axes.annotate(f"{worse:.2g}", (place, worse), (7, 0), textcoords="offset points", va="center", fontsize=8)
        else:
            axes.vlines(place, max(better, SMALLEST), worse, color=RED)
            axes.annotate("?", (place, worse), (5, -4), textcoords="offset points", va="top", fontsize=8)


def _elections(axes: Axes, comparison: Comparison) -> None:
    """How long another leader takes."""
    places = _places(axes, comparison, "another leader after a crash")
    _points(
        axes,
        places,
        comparison,
        "median",
        BLUE,
        "o",
        lambda one: None if one.elections is None else one.elections.median,
    )
    _points(
        axes,
        places,
        comparison,
        "99 of 100",
        RED,
        "s",
        lambda one: None if one.elections is None else one.elections.percentile_99,
    )
    worst = [
        one.elections.worst * MILLI if one.elections is not None and math.isfinite(one.elections.worst) else math.nan
        for one in comparison.of_sizes
    ]
    axes.plot(places, worst, "x", color="black", label="slowest of all")
    for place, one in zip(places, comparison.of_sizes, strict=True):
        if one.elections is None or math.isinf(one.elections.median.value):
            _note(axes, "not measured" if one.elections is None else "never", place, 0)
    _from_zero(axes, "ms")


def _writes(axes: Axes, comparison: Comparison) -> None:
    places = _places(axes, comparison, "a write")
    _points(axes, places, comparison, "mean", BLUE, "o", lambda one: None if one.writes is None else one.writes.mean)
    _points(
        axes,
        places,
        comparison,
        "99 of 100",
        RED,
        "s",
        lambda one: None if one.writes is None else one.writes.percentile_99,
    )
    for place, one in zip(places, comparison.of_sizes, strict=True):
        if one.writes is None:
            _note(axes, "no quorum", place, 0)
    _from_zero(axes, "ms")


def _idle(one: OfSize) -> Estimate | None:
    return None if one.idle is None else one.idle.messages_per_second


def _messages(one: OfSize) -> Estimate | None:
    return None if one.elections is None else one.elections.messages


# Parts of a panel ----------------------------------------------------------------------------------------------------


def _places(axes: Axes, comparison: Comparison, title: str) -> Sequence[int]:
    """Where the sizes stand, with their names below."""
    places = range(len(comparison.of_sizes))
    axes.set_title(title, fontsize=9)
    axes.set_xticks(places, [label(comparison.protocol, one) for one in comparison.of_sizes], fontsize=8)
    axes.set_xlim(-0.6, len(places) - 0.4)
    return places


def _note(axes: Axes, text: str, place: float, height: float) -> None:
    """Above a bar."""
    axes.annotate(text, (place, height), (0, 4), textcoords="offset points", ha="center", fontsize=8)


def _bars(axes: Axes, comparison: Comparison, title: str, colour: str, of: Of) -> None:
    places = _places(axes, comparison, title)
    found = [of(one) for one in comparison.of_sizes]
    values = [0.0 if one is None else one.value for one in found]
    axes.bar(places, values, 0.6, color=colour, yerr=_errors(found, 1.0), capsize=4)
    for place, one, value in zip(places, found, values, strict=True):
        _note(axes, "none" if one is None else f"{value:,.3g}", place, value)
    axes.set_ylim(0, max(values) * 1.18 or 1.0)


def _points(
    axes: Axes, places: Sequence[int], comparison: Comparison, name: str, colour: str, marker: str, of: Of
) -> None:
    found = [of(one) for one in comparison.of_sizes]
    values = [math.nan if one is None or not math.isfinite(one.value) else one.value * MILLI for one in found]
    axes.errorbar(places, values, _errors(found, MILLI), fmt=marker, color=colour, capsize=4, markersize=5, label=name)


def _errors(found: Sequence[Estimate | None], scale: float) -> list[list[float]]:
    """How far intervals reach below and above; not drawn where they have no end."""
    below, above = [], []
    for one in found:
        bounded = one is not None and math.isfinite(one.value) and math.isfinite(one.high)
        below.append((one.value - one.low) * scale if one is not None and bounded else 0.0)
        above.append((one.high - one.value) * scale if one is not None and bounded else 0.0)
    return [below, above]


def _from_zero(axes: Axes, unit: str) -> None:
    """With room for a legend; without a scale where there is nothing to be read from it."""
    highest = float(axes.dataLim.y1)
    axes.set_ylim(0, highest * 1.3 if highest > 0 and math.isfinite(highest) else 1.0)
    if not (highest > 0 and math.isfinite(highest)):
        axes.set_yticks([])
        return
    axes.set_ylabel(unit)
    axes.legend(frameon=False, loc="upper left", fontsize=8, ncols=3, columnspacing=0.8, handletextpad=0.3)
