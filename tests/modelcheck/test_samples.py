"""Samples of a model's steps: each is what the semantics takes, and together they leave no handler out."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelcheck.check import Options, models_of
from modelcheck.explore import reachable
from modelcheck.model import Model, Name, State, StepKind
from modelcheck.samples import Sample, sampled
from modelcheck.semantics import attempts, initial, leads, process_state
from spec.check import check, load
from spec.clocks import without_time
from spec.source import Source

ROOT = Path(__file__).parents[2]
SPECS = sorted([*ROOT.glob("spec/protocols/*.elect"), *ROOT.glob("spec/broken/*.elect")])

FAILS = """protocol fails
process node:
    durable count: int 0..2 = 0
    seen: map from node to int 0..2 = 0
    timer tick: 1 s
    timer tock: 1 s
message more(by: int 0..2)
network: loss
faults: crash, disk loss
on start:
    reset tick
on timeout tick:
    count := count + 1
    broadcast more(count + 1)
    reset tock
    stop tock
on timeout tock:
    unreachable
on more(by) from other if by != 1:
    seen[other] := seen[other] + by
input ask(by: int 0..2) if by > count:
    assert by != 2 or count == 0
    stop tick
    reset tock
action nothing if count == 1:
    pass
check small: 2 nodes, channel <= 1
"""


def model_at(path: Path) -> Model:
    protocol = without_time(load(path)[0])
    return min(models_of(protocol, protocol.checks[0], Options()), key=lambda model: sum(model.sizes))


def fails() -> Model:
    protocol, _ = check(Source("fails.elect", FAILS))
    return models_of(protocol, protocol.checks[0], Options())[0]


def expected(model: Model) -> set[int]:
    return {number for number, point in enumerate(model.protocol.points) if not point.unreachable}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_few_states_are_enough_for_every_handler_and_branch(path: Path) -> None:
    model = model_at(path)
    found = sampled(model, 1000, 175)
    assert found.taken >= expected(model)
    assert found.states <= 175


@pytest.mark.parametrize("name", ["raft", "lock_service", "ring"])
def test_a_sample_is_what_the_semantics_does_in_a_state(name: str) -> None:
    model = model_at(ROOT / f"spec/protocols/{name}.elect")
    by_event = {(one.name, one.before, one.step): one for one in sampled(model, 5000, 300).samples}
    looked_at = 0
    for state in reachable(model, 150).successors:
        for successor in attempts(model, state):
            who = successor.step.process
            sample = None if who is None else by_event.get((who, process_state(model, state, who), successor.step))
            if sample is None or who is None:
                continue
            looked_at += 1
            assert successor.state is not None
            assert sample.after == process_state(model, successor.state, who)
            assert (sample.sent, sample.taken) == (successor.sent, successor.taken)
            assert sample.tokens == (leads(model, state, who), leads(model, successor.state, who))
    assert looked_at >= 20


def test_what_is_sampled_from_a_model_is_always_the_same() -> None:
    model = model_at(ROOT / "spec/protocols/raft.elect")
    assert sampled(model, 200, 200) == sampled(model, 200, 200)


def test_a_small_model_is_sampled_whole() -> None:
    model = model_at(ROOT / "spec/protocols/ring.elect")
    found = sampled(model, 1000, 1000)
    assert found.whole
    assert found.states == len(reachable(model).successors)
    events = {
        (one.step.process, process_state(model, state, one.step.process), one.step)
        for state in reachable(model).successors
        for one in attempts(model, state)
        if one.step.process is not None
    }
    begun = {(one.name, one.before, one.step) for one in found.samples if one.step.kind is StepKind.DISK_LOSS}
    assert {(one.name, one.before, one.step) for one in found.samples} == events | begun
    assert len(begun) == 3


def test_fewer_samples_leave_no_way_through_the_handlers_out() -> None:
    model = model_at(ROOT / "spec/protocols/raft.elect")
    few, many = sampled(model, 60, 300), sampled(model, 1000, 300)
    assert (len(few.samples), few.taken) == (60, many.taken)
    assert len(many.samples) > 200

    def ways(samples: tuple[Sample, ...]) -> set[object]:
        return {
            (one.step.kind, one.step.name, one.step.packet and one.step.packet.message, one.taken) for one in samples
        }

    assert ways(few.samples) == ways(many.samples)


def test_timers_that_a_step_resets_are_told_though_they_were_armed_before() -> None:
    model = model_at(ROOT / "spec/protocols/raft.elect")
    heartbeats = [
        one for one in sampled(model, 1000, 300).samples if one.step.packet and one.step.packet.message == "heartbeat"
    ]
    taken = [one for one in heartbeats if one.taken]
    assert any(one.before.armed[0] for one in taken)
    assert {(one.reset, one.stopped) for one in taken} == {(("election",), ("heartbeat",))}
    assert {(one.reset, one.stopped) for one in heartbeats if not one.taken} == {((), ())}


def test_failures_refusals_and_all_that_befalls_a_process_are_sampled() -> None:
    model = fails()
    found = sampled(model, 5000, 2000)
    assert found.taken == expected(model)
    samples = found.samples
    assert {one.step.kind for one in samples} == {
        *(StepKind.DELIVER, StepKind.TIMEOUT, StepKind.INPUT, StepKind.ACTION),
        *(StepKind.RESTART, StepKind.CRASH, StepKind.DISK_LOSS),
    }
    failed = [one for one in samples if one.failure is not None]
    assert failed
    assert {(one.after, one.sent, one.reset, one.stopped) for one in failed} == {(None, (), (), ())}
    assert any(not one.taken and one.after == one.before and one.step.kind is StepKind.INPUT for one in samples)
    ticks = [one for one in samples if one.step.name == "tick" and one.after is not None]
    # What is reset and then stopped is stopped; that the timer that fires is not armed any more goes without saying.
    assert {(one.reset, one.stopped) for one in ticks} == {((), ("tock",))}
    asked = [one for one in samples if one.step.name == "ask" and one.taken and one.after is not None]
    assert {(one.reset, one.stopped) for one in asked} == {(("tock",), ("tick",))}
    began = {one.before for one in samples if one.step.kind is StepKind.DISK_LOSS}
    assert began == {process_state(model, _unstarted(model), Name("node", 0))}


def _unstarted(model: Model) -> State:
    begun = initial(model).state
    assert begun is not None
    return begun._replace(
        processes=tuple(tuple(one._replace(armed=(False,) * len(one.armed)) for one in of) for of in begun.processes)
    )
