"""Reachable states of small instances, for throwing away what is not an invariant."""

from __future__ import annotations

import random

from modelcheck.model import Model, State, Step, StepKind
from modelcheck.semantics import Offer, initial, offers

WALK = 40
"""Steps of one walk at most."""
UNUSUAL = 0.1
"""How often a step is drawn from all, so that what is rare happens, too."""


def walks(model: Model, wanted: int, seed: int = 0) -> tuple[State, ...]:
    """States passed through by random walks from the initial state, each once; about as many as wanted. Numbers are
    not bounded. The same seed gives the same states."""
    drawn = random.Random(seed)
    start = initial(model).state
    if start is None:
        return ()
    found: dict[State, None] = {start: None}
    tried = 0
    while len(found) < wanted and tried < wanted * 2:
        state, delivering = start, drawn.random() * 0.9
        for _ in range(WALK):
            tried += 1
            after = _drawn(list(offers(model, state)), state, delivering, drawn)
            if after is None:
                break
            state = after
            found[state] = None
            if len(found) >= wanted:
                break
    return tuple(found)


def _drawn(offered: list[Offer], state: State, delivering: float, drawn: random.Random) -> State | None:
    """A state that follows, if there is one: mostly after a delivery in some walks, mostly after something else in
    others. What changes nothing, or fails, is drawn again."""
    deliveries = [one for one in offered if _is_delivery(one.step)]
    others = [one for one in offered if not _is_delivery(one.step)]
    if drawn.random() < UNUSUAL:
        deliveries = others = offered
    first, second = (deliveries, others) if drawn.random() < delivering else (others, deliveries)
    for among in (first, second):
        for one in drawn.sample(among, len(among)):
            after = one.taken().state
            if after is not None and after != state:
                return after
    return None


def _is_delivery(step: Step) -> bool:
    return step.kind in (StepKind.DELIVER, StepKind.DELIVER_AND_KEEP)
