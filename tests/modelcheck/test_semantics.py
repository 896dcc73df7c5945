"""The reference semantics, rule by rule, on protocols of a few lines whose behaviours can be told by hand."""

from __future__ import annotations

import pytest

from modelcheck.check import Options, models_of
from modelcheck.explore import reachable
from modelcheck.model import Model, Name, State, Step, StepKind, Successor
from modelcheck.semantics import attempts, initial, steps
from spec.check import check
from spec.overrides import check_from
from spec.source import Source

PING = """
protocol ping

process node:
    durable asked: nat = 0
    heard: set of node = {}
    timer patience: 100 ms

message hello(n: nat)

network: NETWORK
faults: FAULTS

on start:
    reset patience

on timeout patience if asked == 0:
    asked := 1
    broadcast hello(asked)

on hello(n) from other if n > 0:
    heard := heard + {other}

safety nothing: asked <= 1
"""


def model(network: str = "loss, duplication, reordering", faults: str = "none", row: str = "2 nodes") -> Model:
    protocol, _ = check(Source("ping.elect", PING.replace("NETWORK", network).replace("FAULTS", faults)))
    return models_of(protocol, check_from(row, protocol, "test"), Options())[0]


def start(of: Model) -> State:
    state = initial(of).state
    assert state is not None
    return state


def taken(of: Model, state: State) -> list[tuple[StepKind, Name | None]]:
    return [(s.step.kind, s.step.process) for s in steps(of, state)]


def after(of: Model, state: State, kind: StepKind, process: Name | None = None) -> State:
    found = [s for s in steps(of, state) if s.step.kind is kind and process in (None, s.step.process)]
    assert len(found) >= 1
    assert found[0].state is not None
    return found[0].state


ONE, TWO = Name("node", 0), Name("node", 1)


def test_start_arms_the_timers_it_resets() -> None:
    state = start(model())
    assert [process.armed for process in state.processes[0]] == [(True,), (True,)]
    assert taken(model(), state) == [(StepKind.TIMEOUT, ONE), (StepKind.TIMEOUT, TWO)]


def test_firing_disarms_and_runs_the_handler_whose_guard_holds() -> None:
    of = model()
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    assert fired.processes[0][0].values == (1, frozenset())
    assert fired.processes[0][0].armed == (False,)
    assert {(p.sender, p.receiver, p.arguments) for p in fired.packets} == {(ONE, TWO, (1,))}


def test_firing_where_no_guard_holds_only_disarms() -> None:
    of = model(faults="restart")
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    again = after(of, fired, StepKind.RESTART, ONE)
    assert again.processes[0][0].values[0] == 1
    assert again.processes[0][0].armed == (True,)
    assert after(of, again, StepKind.TIMEOUT, ONE) == fired


def test_in_a_growing_set_a_message_stays_and_reacts_once() -> None:
    of = model()
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    heard = after(of, fired, StepKind.DELIVER, TWO)
    assert heard.packets == fired.packets
    assert (StepKind.DELIVER, TWO) not in taken(of, heard)
    assert (StepKind.DELIVER, TWO) in [(s.step.kind, s.step.process) for s in attempts(of, heard)]


@pytest.mark.parametrize("network", ["reordering", "reliable"])
def test_elsewhere_delivery_takes_the_message(network: str) -> None:
    of = model(network)
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    assert [len(link.queue) for link in fired.links] == [1]
    assert StepKind.LOSE not in [kind for kind, _ in taken(of, fired)]
    assert after(of, fired, StepKind.DELIVER, TWO).links == frozenset()


@pytest.mark.parametrize("network", ["loss, reordering", "loss"])
def test_loss_takes_a_message_away(network: str) -> None:
    of = model(network)
    lost = after(of, after(of, start(of), StepKind.TIMEOUT, ONE), StepKind.LOSE)
    assert lost.links == frozenset()
    assert lost.processes[0][1].values[1] == frozenset()


def test_duplication_in_order_may_deliver_and_keep() -> None:
    of = model("duplication")
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    kept = after(of, fired, StepKind.DELIVER_AND_KEEP, TWO)
    assert kept.links == fired.links
    assert kept.processes[0][1].values[1] == {0}


def test_a_crash_forgets_what_is_volatile_and_stops_everything() -> None:
    of = model(faults="crash")
    heard = after(of, after(of, start(of), StepKind.TIMEOUT, ONE), StepKind.DELIVER, TWO)
    down = after(of, heard, StepKind.CRASH, TWO)
    assert not down.processes[0][1].up
    assert down.processes[0][1].values == (0, frozenset())
    assert down.processes[0][1].armed == (False,)
    assert {(kind, who) for kind, who in taken(of, down) if who == TWO} == {(StepKind.RECOVER, TWO)}
    assert after(of, down, StepKind.RECOVER, TWO).processes[0][1].armed == (True,)


def test_a_restart_keeps_what_is_durable_and_a_disk_loss_does_not() -> None:
    of = model(faults="restart, disk loss")
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    assert after(of, fired, StepKind.RESTART, ONE).processes[0][0].values == (1, frozenset())
    assert after(of, fired, StepKind.DISK_LOSS, ONE).processes[0][0].values == (0, frozenset())


def test_bounded_faults_are_counted_and_run_out() -> None:
    of = model(faults="restart up to 1")
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    restarted = after(of, fired, StepKind.RESTART, ONE)
    assert (fired.spent, restarted.spent) == ((0,), (1,))
    assert StepKind.RESTART not in [kind for kind, _ in taken(of, after(of, restarted, StepKind.TIMEOUT, TWO))]


def test_a_restart_that_changes_nothing_is_no_step_and_is_not_counted() -> None:
    of = model(faults="restart up to 1")
    assert StepKind.RESTART not in [kind for kind, _ in taken(of, start(of))]


def test_nothing_crosses_a_partition_until_it_heals() -> None:
    of = model(faults="partition up to 1")
    cut = after(of, after(of, start(of), StepKind.TIMEOUT, ONE), StepKind.PARTITION)
    assert StepKind.DELIVER not in [kind for kind, _ in taken(of, cut)]
    healed = after(of, cut, StepKind.HEAL)
    assert (StepKind.DELIVER, TWO) in taken(of, healed)
    assert StepKind.PARTITION not in [kind for kind, _ in taken(of, healed)]


def test_every_split_is_a_step_of_its_own() -> None:
    of = model(faults="partition", row="3 nodes")
    splits = [s.step.sides for s in steps(of, start(of)) if s.step.kind is StepKind.PARTITION]
    assert len(splits) == len(set(splits)) == 3


COUNTER = """
protocol counter

process node:
    count: nat = 0
    small: int 0..2 = 0
    other: node? = none

message take(n: nat)

action more:
    count := count + 1

action less if count > 2:
    count := count - 4

action widen:
    small := small + 1

action call:
    let next_one = count + 1
    send take(next_one) to other

on take(n) from giver:
    count := n

safety nothing: true
"""


def counter() -> Model:
    protocol, _ = check(Source("counter.elect", COUNTER))
    return models_of(protocol, check_from("1 node, count <= 3", protocol, "test"), Options())[0]


def reached(of: Model, count: int, small: int = 0) -> dict[str, Successor]:
    state = next(s for s in reachable(of).successors if s.processes[0][0].values[:2] == (count, small))
    return {s.step.name: s for s in attempts(of, state)}


def test_a_step_beyond_a_bound_is_named_and_not_explored() -> None:
    more = reached(counter(), 3)["more"]
    assert more.beyond == "count <= 3"
    assert all(state.processes[0][0].values[0] <= 3 for state in reachable(counter()).successors)


@pytest.mark.parametrize(("count", "small", "name"), [(3, 0, "less"), (0, 2, "widen")])
def test_a_value_out_of_its_range_is_a_failure(count: int, small: int, name: str) -> None:
    failed = reached(counter(), count, small)[name]
    assert failed.state is None
    assert failed.failure is not None


def test_a_send_to_none_sends_nothing() -> None:
    called = reached(counter(), 0)["call"]
    assert called.sent == ()
    assert called.taken


ELECTED = """
protocol elected

process node:
    role: follower | leader = follower

faults: restart

action lead if role == follower:
    role := leader

leader if role == leader with token if role == leader then 1 else 0

check quick: 2 nodes
"""


def test_the_history_remembers_who_has_led() -> None:
    protocol, _ = check(Source("elected.elect", ELECTED))
    of = models_of(protocol, protocol.checks[0], Options())[0]
    led = after(of, start(of), StepKind.ACTION, ONE)
    assert led.led == {(0, 1)}
    restarted = after(of, led, StepKind.RESTART, ONE)
    assert restarted.processes == start(of).processes
    assert restarted.led == {(0, 1)}
    assert after(of, restarted, StepKind.ACTION, TWO).led == {(0, 1), (1, 1)}


def test_steps_have_names() -> None:
    of = model()
    fired = after(of, start(of), StepKind.TIMEOUT, ONE)
    (delivered,) = [s.step for s in steps(of, fired) if s.step.kind is StepKind.DELIVER]
    assert isinstance(delivered, Step)
    assert delivered.packet is not None
    assert (delivered.packet.message, str(delivered.packet.sender), str(delivered.process)) == (
        "hello",
        "node1",
        "node2",
    )
