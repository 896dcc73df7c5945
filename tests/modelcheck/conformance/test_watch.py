"""Simulated clusters, each step of which is held against the model; what goes wrong, and in how few steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelcheck.conformance.joint import NoStep
from modelcheck.conformance.shortened import trace_of
from modelcheck.conformance.watch import PropertyFalse, not_judged, watch_of
from modelcheck.properties import FAILURE, ONE_LEADER_PER_TOKEN
from modelcheck.trace import is_behaviour
from oneleader.simulation.runs import Processes, Run, emitted, run, shortest
from oneleader.simulation.world import World, possible_faults, schedule_of
from runtime.simulation.world import Link
from spec.protocol import Protocol
from tests.codegen.python.emitted import BROKEN, ROOT, SHIPPED, protocol_at, protocol_of, texts_of
from tests.runtime.test_seeded_bugs import (
    Patch,
    forget_on_restart,
    forget_the_vote,
    go_on_after_a_failed_store,
    stopped_timer_fires,
)

RAFT = ROOT / "spec" / "protocols" / "raft.elect"
BROKEN_SOON = ROOT / "spec" / "broken" / "leader_takes_new_term.elect"


def world(protocol: Protocol, seconds: float = 10.0, faults: tuple[str, ...] | None = None) -> World:
    network = protocol.network
    some = 0.02
    link = Link(
        0.0005,
        0.001,
        some if network.loss else 0.0,
        some if network.duplication else 0.0,
        some,
        in_order=not network.reordering,
    )
    sizes = protocol.checks[0].rows[0].sizes[0]
    chosen = possible_faults(protocol, sizes) if faults is None else faults
    return World(sizes, seconds, chosen, 0.2, 0.3, 0.05, link, (0.0, 0.002), 0.0, {})


def runs(protocol: Protocol, processes: Processes, of: World, seeds: range) -> Iterator[Run]:
    return (run(protocol, processes, of, seed, schedule_of(protocol, of, seed)) for seed in seeds)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_each_step_of_a_right_protocol_is_the_models(path: Path) -> None:
    protocol = protocol_at(path)
    with emitted(protocol, texts_of(protocol)) as processes:
        for one in runs(protocol, processes, world(protocol), range(8)):
            assert one.problem is None, (one.counted, one.problem)
            assert one.counted.steps > 3


BREAKS = {
    "ballot_not_unique",
    "bully",
    "half_is_enough",
    "leader_takes_new_term",
    "lock_token_reused",
    "prevotes_counted",
    "ring_closes",
    "takeover",
    "term_forgotten",
    "term_set_back",
    "vote_forgotten",
}
"""Those of the broken specs that break soon in simulation; the others need what hardly ever happens in time."""


@pytest.mark.parametrize("path", [path for path in BROKEN if path.stem in BREAKS], ids=lambda path: path.stem)
def test_a_wrong_protocol_ends_in_a_short_behaviour_of_the_model(path: Path) -> None:
    protocol = protocol_at(path)
    of = world(protocol)
    with emitted(protocol, texts_of(protocol)) as processes:
        one = next(one for one in runs(protocol, processes, of, range(1, 120)) if one.problem is not None)
        assert isinstance(one.problem, PropertyFalse)
        trace = trace_of(one.watch.whole, one.problem)
    assert trace is not None
    assert is_behaviour(trace)
    assert trace.violation is not None and trace.violation.property == one.problem.item.name
    assert len(trace) <= (25 if protocol.faults else 70)  # with nothing to help, it takes some elections


def test_what_happens_is_shrunk_to_what_is_needed() -> None:
    protocol = protocol_at(BROKEN_SOON)
    of = world(protocol, faults=("kill", "pause"))
    with emitted(protocol, texts_of(protocol)) as processes:
        one = next(one for one in runs(protocol, processes, of, range(1, 120)) if one.problem is not None)
        drawn, schedule, found = shortest(protocol, processes, of, one.counted.seed)
        assert isinstance(found.problem, PropertyFalse)
        assert found.problem.item.name == ONE_LEADER_PER_TOKEN
        assert len(schedule) < drawn / 3
        for left_out in range(len(schedule)):
            less = schedule[:left_out] + schedule[left_out + 1 :]
            again = run(protocol, processes, of, one.counted.seed, less).problem
            assert not isinstance(again, PropertyFalse) or again.item.name != ONE_LEADER_PER_TOKEN


@pytest.mark.parametrize(
    "bug",
    [forget_on_restart, forget_the_vote, go_on_after_a_failed_store, stopped_timer_fires],
    ids=lambda bug: bug.__name__,
)
def test_a_mistake_in_the_runtime_is_no_step_of_the_model(bug: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found at the first wrong step, long before two nodes lead."""
    bug(monkeypatch)
    protocol = protocol_at(RAFT)
    with emitted(protocol, texts_of(protocol)) as processes:
        found = next(one for one in runs(protocol, processes, world(protocol), range(1, 20)) if one.problem)
    assert isinstance(found.problem, NoStep), found.problem


def test_a_disk_that_lies_leaves_the_model() -> None:
    protocol = protocol_at(RAFT)
    with emitted(protocol, texts_of(protocol)) as processes:
        found = next(
            one for one in runs(protocol, processes, world(protocol, faults=("lie",)), range(20)) if one.problem
        )
    assert isinstance(found.problem, NoStep)


COUNTER = """\
protocol counter
process node:
    seen: int 0..3 = 0
    timer tick: 100 ms
message call(n: int 0..3)
network: loss, duplication, reordering
faults: restart
on start:
    reset tick
on timeout tick:
    reset tick
    broadcast call(seen)
on call(n) from other:
    seen := n + 1
safety small: seen <= 3
check quick: 2 nodes
"""


def test_what_can_never_happen_and_does_is_a_failure_of_the_model() -> None:
    protocol = protocol_of(COUNTER)
    with emitted(protocol, texts_of(protocol)) as processes:
        found = run(protocol, processes, world(protocol, faults=()), 1, ())
    assert isinstance(found.problem, PropertyFalse)
    assert found.problem.item.name == FAILURE
    trace = trace_of(found.watch.whole, found.problem)
    assert trace is not None and trace.steps[-1].failure is not None
    assert len(trace) == 8  # 0 -> 1 -> 2 -> 3, one after the other, and once more


def test_a_failure_that_the_model_knows_nothing_of_is_no_step() -> None:
    watch = watch_of(protocol_at(RAFT), (3,))
    with pytest.raises(NoStep, match="nonsense"):
        watch.failed(("node", 0), "nonsense")


def test_what_can_never_happen_at_the_start_is_a_failure_of_the_model() -> None:
    protocol = protocol_of(
        "protocol odd\nprocess node:\n    x: bool = false\non start:\n    assert x\ncheck one: 1 node\n"
    )
    with emitted(protocol, texts_of(protocol)) as processes:
        found = run(protocol, processes, world(protocol, faults=()), 1, ())
    assert isinstance(found.problem, PropertyFalse)
    assert found.problem.item.name == FAILURE


BEGINS = """protocol begins
process node:
    durable rounds: nat = 0
    begun: bool = false
    timer go: 100 ms .. 200 ms
network: loss, reordering
faults: crash
on start:
    begun := true
    reset go
on timeout go:
    rounds := rounds + 1
    reset go
action start if rounds > 3:
    rounds := 0
leader if rounds > 2 with token rounds
"""
ENDS = "check quick: 1 node, rounds <= 9\n"


def test_the_model_begins_when_all_have_started_and_a_crash_and_a_start_are_two_steps() -> None:
    stays = "step stays: forall n in node: n.begun implies next(n.begun) or not next(up(n))\n"
    begins = "step begins: forall n in node: not n.begun implies not n.up or not next(n.begun)\n".replace(
        "n.up", "up(n)"
    )
    protocol = protocol_of(BEGINS.replace("leader if rounds > 2 with token rounds\n", "") + stays + begins + ENDS)
    with emitted(protocol, texts_of(protocol)) as processes:
        for one in runs(protocol, processes, world(protocol), range(6)):
            assert one.problem is None, one.problem


def test_what_is_false_of_a_crash_alone_is_found_and_drawn() -> None:
    falls = "step falls: forall n in node: n.begun implies next(n.begun)\n"
    protocol = protocol_of(BEGINS.replace("leader if rounds > 2 with token rounds\n", "") + falls + ENDS)
    with emitted(protocol, texts_of(protocol)) as processes:
        found = next(one for one in runs(protocol, processes, world(protocol), range(6)) if one.problem is not None)
    assert isinstance(found.problem, PropertyFalse) and found.problem.item.name == "falls"
    trace = trace_of(found.watch.whole, found.problem)
    assert trace is not None and len(trace) == 1
    assert is_behaviour(trace)


def test_properties_see_who_has_led() -> None:
    few = "safety few: forall n led with t: t < 5\n"
    text = BEGINS.replace("action start if rounds > 3:\n    rounds := 0\n", "")
    protocol = protocol_of(text + few + ENDS)
    with emitted(protocol, texts_of(protocol)) as processes:
        found = run(protocol, processes, world(protocol, faults=()), 1, ())
    assert isinstance(found.problem, PropertyFalse) and found.problem.item.name == "few"
    trace = trace_of(found.watch.whole, found.problem)
    assert trace is not None and len(trace) == 5


@pytest.mark.parametrize("names", [("type_", "type"), ("type", "type_"), ("me", "me_"), ("term_", "term")])
def test_variables_may_have_names_that_python_uses(names: tuple[str, str]) -> None:
    text = BEGINS.replace("rounds", names[0]).replace("begun", names[1])
    protocol = protocol_of(text + ENDS.replace("rounds", names[0]))
    with emitted(protocol, texts_of(protocol)) as processes:
        found = run(protocol, processes, world(protocol, faults=()), 1, ())
    assert found.problem is None, found.problem
    assert found.counted.steps > 10


def test_properties_that_no_run_is_held_against_are_known() -> None:
    said = "message call()\non call() from other:\n    pass\n"
    under_way = "safety none_is_sent: forall call() from a to b: false\nsafety fine: forall n in node: n.rounds >= 0\n"
    text = BEGINS.replace("    reset go\non timeout", "    reset go\n    broadcast call()\non timeout")
    protocol = protocol_of(text + said + under_way + ENDS)
    assert not_judged(protocol) == ("none_is_sent",)


@pytest.mark.parametrize("kind", ["crash", "crash up to 2", "restart up to 1", "disk loss up to 1"])
def test_faults_are_those_of_the_spec(kind: str) -> None:
    text = RAFT.read_text(encoding="utf-8")
    protocol = protocol_of(text.replace("faults: restart", f"faults: {kind}"))
    of = world(protocol)
    with emitted(protocol, texts_of(protocol)) as processes:
        for one in runs(protocol, processes, of, range(6)):
            if kind != "disk loss up to 1":
                assert one.problem is None, one.problem
    assert ("wipe" in of.faults) is (kind == "disk loss up to 1")
    assert ("kill" in of.faults) is (kind != "disk loss up to 1")


WORDS = """\
protocol words
process node:
    rank: int 0..9 = 0
    timer tick: 100 ms
message call(n: int 0..9)
network: loss, duplication, reordering
faults: none
on start:
    rank := 5
    reset tick
on timeout tick:
    reset tick
    broadcast call(rank)
action start if rank < 9:
    rank := rank + 1
on call(n) from other:
    pass
step by_one: next(rank) <= rank + 1
safety calls: forall call(n) from m to o: n <= 9
safety small: rank <= 8
check quick: 2 nodes
"""


def test_the_first_starts_are_no_steps_and_an_action_of_that_name_is_one() -> None:
    protocol = protocol_of(WORDS)
    of = world(protocol, faults=())
    with emitted(protocol, texts_of(protocol)) as processes:
        found = run(protocol, processes, of, 1, schedule_of(protocol, of, 1))
    assert isinstance(found.problem, PropertyFalse)
    assert found.problem.item.name == "small"
    trace = trace_of(found.watch.whole, found.problem)
    assert trace is not None
    assert [step.step.name for step in trace.steps] == ["start"] * 4
    assert not_judged(protocol) == ("calls",)
