"""Reachable states of small instances, for throwing away what is not an invariant."""

from __future__ import annotations

import random

from modelcheck.model import Model, State, Step, StepKind, Successor
from modelcheck.semantics import initial, steps

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
            options = [s for s in steps(model, state) if s.state is not None]
            if not options:
                break
            state = _drawn(options, delivering, drawn)
            found[state] = None
            if len(found) >= wanted:
                break
    return tuple(found)


def _drawn(options: list[Successor], delivering: float, drawn: random.Random) -> State:
    """A successor: mostly a delivery in some walks, mostly something else in others."""
    deliveries = [s for s in options if _is_delivery(s.step)]
    others = [s for s in options if not _is_delivery(s.step)]
    if deliveries and (not others or drawn.random() < delivering):
        others = deliveries
    elif not others or drawn.random() < UNUSUAL:
        others = options
    chosen = drawn.choice(others).state
    assert chosen is not None
    return chosen


def _is_delivery(step: Step) -> bool:
    return step.kind in (StepKind.DELIVER, StepKind.DELIVER_AND_KEEP)
