"""From the native explorer's packed, canonical states to a behaviour that the reference semantics takes.

The explorer names, for each step, only the orbit (and, up to reductions, the class) of the state reached. Starting from
the real initial state, the reference semantics looks for a step into each of them in turn. So no counterexample is
shown that the reference has not replayed, and its processes keep their names from the first step to the last.
"""

from __future__ import annotations

from modelcheck.native.engine import Explorer, Words
from modelcheck.outcome import Hit
from modelcheck.properties import FAILURE, found_in_state, found_in_step
from modelcheck.semantics import initial, steps
from modelcheck.trace import Trace


class EnginesDisagree(Exception):
    """The native explorer says what the reference semantics does not confirm: a bug in one of them."""


def concrete(explorer: Explorer, path: tuple[Words, ...], hit: Hit) -> Trace:
    """The behaviour through the given canonical states that ends in the hit. Raises EnginesDisagree."""
    model = explorer.model
    state = initial(model).state
    assert state is not None
    start = state
    taken = []
    if explorer.canonicalise(explorer.encode(state)) != path[0]:
        raise EnginesDisagree("the initial states differ")
    for number, target in enumerate(path[1:], start=1):
        for successor in steps(model, state):
            if successor.state is None or successor.beyond is not None:
                continue
            if explorer.canonicalise(explorer.encode(successor.state)) == target:
                taken.append(successor)
                state = successor.state
                break
        else:
            raise EnginesDisagree(f"the reference semantics has no such step {number}")
    if not hit.checked.in_step:
        if not found_in_state(model, hit.checked, state):
            raise EnginesDisagree(f"the reference semantics does not find {hit.checked.name} at the end")
        return Trace(model, start, tuple(taken))
    for successor in steps(model, state):
        if successor.failure is not None:
            found = hit.checked.name == FAILURE and hit.checked.declared is None
        elif successor.beyond is None and successor.state is not None:
            found = found_in_step(model, hit.checked, state, successor.state)
        else:
            found = False
        if found:
            return Trace(model, start, (*taken, successor))
    raise EnginesDisagree(f"the reference semantics has no step that violates {hit.checked.name}")
