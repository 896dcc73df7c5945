"""Figures as people read them."""

from __future__ import annotations

import math

from modelcheck.model import Name
from modelcheck.proof.scope import singletons
from modelcheck.survival import Survived, shape
from oneleader.comparison.result import OfSize
from oneleader.comparison.tolerance import Availability
from oneleader.tuning.distributions import shown
from oneleader.tuning.estimates import Estimate
from spec.protocol import Protocol

NEVER = "never"
UNKNOWN = "not known"


def plural(count: int, noun: str) -> str:
    """`1 node`, `2 nodes`; the noun in the singular."""
    if count == 1:
        return f"{count} {noun}"
    return f"{count} {noun}{'es' if noun.endswith('sh') else 's'}"


def label(protocol: Protocol, of: OfSize) -> str:
    """`3 nodes`; `3 clients`, where all other kinds are single."""
    single = singletons(protocol)
    counted = zip(protocol.kinds, of.sizes, strict=True)
    return ", ".join(plural(size, kind.name) for kind, size in counted if kind.name not in single)


def percent(part: float) -> str:
    """A large part of the whole, with as many digits as tell how much is missing: 99.9702 %."""
    missing = 1 - part
    digits = 2 if missing <= 0 else min(max(math.floor(-math.log10(missing)) + 1, 2), 12)
    return f"{100 * part:.{digits}f} %"


def rate(part: float) -> str:
    """How often something happens: 3.1 %."""
    return f"{100 * part:.1f} %"


def seconds(time: float) -> str:
    return NEVER if math.isinf(time) else shown(float(f"{time:.4g}"))


def number(value: float) -> str:
    value = 0.0 if abs(value) < 0.05 else value  # never -0.0
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def interval(estimate: Estimate, form: str) -> str:
    """The interval of an estimate: `2.15 .. 2.17 ms`, `over 2.15 ms` where the sample does not bound it; `form` is
    `time`, `rate` or `number`."""
    said = {"time": seconds, "rate": rate, "number": number}[form]
    low, high = said(estimate.low), said(estimate.high)
    if math.isinf(estimate.high):
        return NEVER if math.isinf(estimate.low) else f"over {low}"
    figure, _, unit = low.partition(" ")
    return f"{figure if high.endswith(f' {unit}') else low} .. {high}"


def availability(found: Availability) -> str:
    least, most = percent(found.least), percent(found.most)
    return least if found.most - found.least < 1e-15 else f"{least} .. {most}"


def crashes(largest: int | None, is_exact: bool) -> str:
    """How many may be down: `1`; `at least 1`; `nobody elects`; `not known`."""
    if largest is None:
        return "nobody elects" if is_exact else UNKNOWN
    return str(largest) if is_exact else f"at least {largest}"


def partition(protocol: Protocol, one: Survived) -> str:
    """The sides, those that win in brackets: `[2] | 1`."""
    sides = [
        f"[{_side(protocol, side)}]" if index in one.winners else _side(protocol, side)
        for index, side in enumerate(one.scenario.sides)
    ]
    return " | ".join(sides)


def _side(protocol: Protocol, side: frozenset[Name]) -> str:
    is_plain = len(protocol.kinds) == 1 and not protocol.kinds[0].ordered
    return str(len(side)) if is_plain else shape(protocol, side)


def joined(parts: list[str]) -> str:
    """`a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
