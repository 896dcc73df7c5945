"""Emitted modules beside the reference semantics, in every reachable state of shipped protocols."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.python.loaded import loaded
from modelcheck.bounds import caps
from modelcheck.explore import uncollected, within
from modelcheck.model import Model, State
from modelcheck.semantics import initial, steps
from modelcheck.symmetry import canonical
from tests.codegen.python.emitted import ROOT, Beside, protocol_at, protocol_of, texts_of


def model_at(path: Path) -> Model:
    """The model of the smallest check of a protocol, the first one."""
    protocol = protocol_at(path)
    row = protocol.checks[0].rows[0]
    sizes = row.sizes[0]
    limits = caps(protocol, sizes, row.bounds)
    return Model(protocol, sizes, limits, protocol.network, protocol.faults, row.channel or 1)


def beside(model: Model, limit: int | None = None) -> tuple[Beside, int]:
    """Goes through the reachable states, one of each orbit, and compares all steps of each."""
    with loaded(model.protocol, texts_of(model.protocol)) as modules, uncollected():
        both = Beside(model, modules)
        both.begins()
        begun = initial(model).state
        assert begun is not None
        known: set[State] = {canonical(model, begun)}
        waiting = [begun]
        for state in waiting:
            both.look(state)
            for after in within(tuple(steps(model, state))):
                least = canonical(model, after)
                if least not in known and (limit is None or len(known) < limit):
                    known.add(least)
                    waiting.append(after)
        return both, len(known)


@pytest.mark.parametrize("name", ["raft", "prevote", "ring", "lock_service"])
def test_every_step_of_many_states_is_the_models(name: str) -> None:
    both, states = beside(model_at(ROOT / f"spec/protocols/{name}.elect"), 400)
    assert states == 400 or name != "raft"
    assert len(both.seen) >= 30


@pytest.mark.slow
@pytest.mark.parametrize("name", ["raft", "ring", "lock_service"])
def test_every_step_of_every_state_is_the_models(name: str) -> None:
    both, states = beside(model_at(ROOT / f"spec/protocols/{name}.elect"))
    assert states > 400 or name == "ring"
    assert both.failed == 0


def test_failures_and_refusals_are_the_models() -> None:
    text = """protocol fails
process node:
    count: int 0..2 = 0
    seen: map from node to int 0..2 = 0
    best: int 0..2? = none
    timer tick: 1 s
message more(by: int 0..2)
network: loss
faults: crash, disk loss
on start:
    reset tick
on timeout tick:
    count := count + 1
    broadcast more(count + 1)
    reset tick
on more(by) from other if by != 1:
    seen[other] := seen[other] + by
    best := seen[other] + 1
input ask(by: int 0..2) if by > count:
    assert by != 2 or count == 0
    stop tick
action nothing if best == none and count == 2:
    unreachable
check small: 2 nodes, channel <= 1
"""
    protocol = protocol_of(text)
    row = protocol.checks[0].rows[0]
    limits = caps(protocol, row.sizes[0], row.bounds)
    both, _ = beside(Model(protocol, row.sizes[0], limits, protocol.network, protocol.faults, 1), 400)
    assert both.failed >= 10
    assert both.refused >= 10
