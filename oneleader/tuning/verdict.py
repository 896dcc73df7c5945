"""The setting to take, looked at again: with other seeds, in a world that is slower, and with another process down.

Whoever chooses the best of many samples mostly chooses one that had luck. What is said of the choice in the end is
therefore measured anew, and where that does not bear it out, the next one is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from oneleader.tuning.advice import Choice, choice
from oneleader.tuning.explore import bound_of_false, more
from oneleader.tuning.measured import Measured
from oneleader.tuning.pool import Workers
from oneleader.tuning.probe import Ground

FAILOVERS, WINDOWS = 1000, 960
ELSEWHERE_FAILOVERS, ELSEWHERE_WINDOWS = 400, 240
STRETCHES = 2
TRIED = 4
"""So many settings are measured anew at most, until one is as good as it was taken to be."""
AGAIN = 100_000
"""Where the numbers of the probes begin that measure anew."""
SLOWER = 2.0


@dataclass(frozen=True)
class Verdict:
    """What to take, if anything: `again` is the choice measured anew. `dropped` are those that were not as good as they
    had looked, as they were measured anew."""

    choice: Choice
    again: Measured | None = None
    slower: Measured | None = None
    """In a world in which all takes twice as long."""
    another_down: Measured | None = None
    """With another process down when the leader crashes, failovers alone; None where too few would be left."""
    dropped: tuple[Measured, ...] = ()


def verdict(
    work: Workers, ground: Ground, found: Sequence[Measured], allowed: float, leaders: int, told: Callable[[str], None]
) -> Verdict:
    """`leaders` is how many processes there are of the kind that leads."""
    left, dropped = list(found), list[Measured]()
    for _ in range(TRIED):
        chosen = choice(left, allowed)
        if chosen.taken is None:
            return Verdict(chosen, dropped=tuple(dropped))
        setting = chosen.taken.setting
        told(f"measuring anew: {setting}")
        windows = 0 if chosen.taken.sample.nothing_rare else WINDOWS
        again = more(work, ground, setting, FAILOVERS, windows, STRETCHES, AGAIN)
        again = replace(again, sample=replace(again.sample, nothing_rare=chosen.taken.sample.nothing_rare))
        if not again.is_unstable and bound_of_false(again) <= allowed:
            break
        dropped.append(again)
        left = [one for one in left if one.setting != setting]
    else:
        return Verdict(choice(left, allowed), dropped=tuple(dropped))
    told("measuring in a slower world")
    elsewhere = replace(ground, world=ground.world.slower(SLOWER))
    slower = more(work, elsewhere, setting, ELSEWHERE_FAILOVERS, ELSEWHERE_WINDOWS, STRETCHES, 2 * AGAIN)
    another = None
    if leaders - 2 > leaders // 2:
        told("measuring with another process down")
        another = more(work, replace(ground, down=1), setting, ELSEWHERE_FAILOVERS, 0, 0, 3 * AGAIN)
    return Verdict(chosen, again, slower, another, tuple(dropped))
