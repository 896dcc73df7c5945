"""Changed emitted text is found to be changed, or behaves the same for a reason that is written down."""

from __future__ import annotations

from itertools import islice

import pytest

from codegen.python.loaded import loaded
from modelcheck.explore import within
from modelcheck.semantics import initial, steps
from tests.codegen.python.emitted import Beside
from tests.modelcheck.conformance.mutants import BY_HAND, Mutant, by_hand, is_killed, mutants, sample, subjects
from tests.properties.protocols import model_of

SAME = {
    "doubled statement": "what is assigned, reset, stopped, asked or returned twice in a row is so once; no message is",
    "swapped statements": "the two neither read nor write what the other one writes, or send to different processes",
    "early return": "what a handler returns is not looked at where no other handler would take its event",
    "constant": "what a handler returns is not looked at where no other handler would take its event; "
    "and a definition of a quorum does not ask who `me` is",
    "dropped statement": "the value of `_` is not looked at, nor what the last handler of an event returns; "
    "a guard that is the opposite of the one before it says nothing new",
    "dropped check": "the value is in its range in every state",
    "exchanged functions": "handlers of one event whose guards exclude each other may be asked in any order",
}
"""Why a change of a sort may change nothing."""

HERE = {
    (
        "lock_service",
        "lock_service.py: on_timeout_lease: holder -> last_token",
    ): "the holder that is taken away is none",
    ("lock_service", "storage.py: on_write: Lt -> LtE"): "what is written is what is there",
    ("prevote", "node.py: on_heartbeat_2: GtE -> Gt"): "the handler before it takes those of the same term",
    ("ring", "node.py: on_election: Gt -> GtE"): "that the two are equal was asked just before",
    (
        "small",
        "node.py: on_timeout_tick: Gt -> GtE",
    ): "whoever is alone sends nothing, and what it would send is in its range",
    ("small", "node.py: on_tell: other not in now.heard"): "whoever tells has just been taken out of `heard`",
}
"""Why one change changes nothing, by protocol and place."""

SENDING = ("now.send(", "now.broadcast(")


def reason(mutant: Mutant) -> str | None:
    """Why a mutant that is not killed is the same; None where nothing says so."""
    if mutant.sort == "doubled statement" and any(
        sending in mutant.where.split(": ", 2)[-1][:20] for sending in SENDING
    ):
        return None
    return HERE.get((mutant.spec, mutant.where)) or SAME.get(mutant.sort)


def behaves(mutant: Mutant) -> None:
    """That a mutant does as the reference semantics in many states."""
    protocol = subjects()[mutant.spec][0]
    model = model_of(protocol)
    with loaded(protocol, mutant.texts) as modules:
        both = Beside(model, modules)
        both.begins()
        begun = initial(model).state
        assert begun is not None
        known = {begun}
        waiting = [begun]
        for state in islice(waiting, 150):
            both.look(state)
            for after in within(tuple(steps(model, state))):
                if after not in known:
                    known.add(after)
                    waiting.append(after)


def held(chosen: list[Mutant]) -> int:
    """How many are killed. Those that are not have to have a reason, and to behave."""
    killed = 0
    for mutant in chosen:
        if is_killed(mutant):
            killed += 1
        else:
            assert reason(mutant) is not None, (mutant.spec, mutant.sort, mutant.where)
            behaves(mutant)
    return killed


def test_changed_text_is_found() -> None:
    chosen = [one for one in sample(110) if not is_by_hand(one)]
    assert len(chosen) >= 60
    assert held(chosen) >= 50


def is_by_hand(mutant: Mutant) -> bool:
    return mutant.sort in {sort for _, sort, _, _ in BY_HAND}


def test_all_changes_by_hand_are_found() -> None:
    assert [(one.spec, one.where) for one in by_hand() if not is_killed(one)] == []


@pytest.mark.slow
def test_every_changed_text_is_found() -> None:
    chosen = list(mutants())
    assert held(chosen) >= len(chosen) * 4 // 5
