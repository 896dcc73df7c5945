"""From the native explorer's packed, canonical states to a behaviour that the reference semantics takes.

The explorer names, for each step, only the orbit (and, up to reductions, the class) of the state reached. Starting from
the real initial state, the reference semantics looks for a step into each of them in turn. So no counterexample is
shown that the reference has not replayed, and its processes keep their names from the first step to the last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelcheck.model import Model, State, Successor
from modelcheck.native.engine import Explorer, Words
from modelcheck.outcome import Hit
from modelcheck.properties import FAILURE, found_in_state, found_in_step
from modelcheck.semantics import initial, steps
from modelcheck.trace import Trace


class EnginesDisagree(Exception):
    """The native explorer says what the reference semantics does not confirm: a bug in one of them."""


def followed(model: Model, path: Sequence[Callable[[State], bool]]) -> tuple[list[Successor], State]:
    """The steps of the reference semantics from the initial state on through states as told, and the last state. Raises
    EnginesDisagree where there are none."""
    state = initial(model).state
    assert state is not None
    taken = []
    if not path[0](state):
        raise EnginesDisagree("the initial states differ")
    for number, fits in enumerate(path[1:], 1):
        for successor in steps(model, state):
            if successor.state is not None and successor.beyond is None and fits(successor.state):
                taken.append(successor)
                state = successor.state
                break
        else:
            raise EnginesDisagree(f"the reference semantics has no such step {number}")
    return taken, state


def concrete(explorer: Explorer, path: tuple[Words, ...], hit: Hit) -> Trace:
    """The behaviour through the given canonical states that ends in the hit. Raises EnginesDisagree."""
    model = explorer.model
    start = initial(model).state
    assert start is not None

    def through(words: Words) -> Callable[[State], bool]:
        return lambda state: explorer.canonicalise(explorer.encode(state)) == words

    taken, state = followed(model, [through(words) for words in path])
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
