"""Which of the settings that were measured is to be taken, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oneleader.tuning.explore import is_acceptable
from oneleader.tuning.measured import Measured

FEWER = 0.9
"""Of settings that cannot be told apart, one is taken for its fewer messages if it has fewer than this part."""


@dataclass(frozen=True)
class Choice:
    """The setting to take; None where none is good enough. `acceptable` are those with few enough false elections for
    sure, `alike` those of them that are no slower than the quickest, as far as can be told."""

    taken: Measured | None
    acceptable: tuple[Measured, ...]
    alike: tuple[Measured, ...]


def choice(found: Sequence[Measured], allowed: float) -> Choice:
    """Of all settings with at most so many false elections a day the one with the quickest failovers, by the upper end
    of what one in a hundred exceeds; of those that cannot be told apart from it, one with clearly fewer messages."""
    acceptable = tuple(one for one in found if is_acceptable(one, allowed))
    if not acceptable:
        return Choice(None, (), ())
    quickest = min(acceptable, key=lambda one: one.slow.high)
    alike = tuple(
        one for one in acceptable if one.slow.low <= quickest.slow.high and one.slow.value <= quickest.slow.high
    )
    taken = min(alike, key=lambda one: (one.messages_per_second, one.slow.high))
    if taken.messages_per_second > FEWER * quickest.messages_per_second:
        taken = quickest
    return Choice(taken, acceptable, alike)
