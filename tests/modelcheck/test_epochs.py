"""Which numbers may be shifted, and what shifting them does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelcheck.epochs import Epoch, epochs_of, lowered, offsets_of
from modelcheck.model import Packet
from modelcheck.semantics import initial, steps
from spec.check import check
from spec.source import Source
from tests.modelcheck.liveness.specs import CLAIMS, RAFT, changed, model, without_properties

COUNTER = """\
protocol counter
process node:
    durable term: nat = 0
    durable other: nat = 0
    level: int 0..3 = 0
    seen: nat? = none
    heard: map from node to nat = 0
    timer tick: 1 s
message tell(term: nat, more: nat)
on start:
    reset tick
on timeout tick:
    term := term + 1
    broadcast tell(term, other)
    reset tick
on tell(t, o) from sender if t > term:
    term := t
    ANYTHING
safety nothing: true
"""


def shifted(
    text: str, anything: str = "other := max(o, other)", row: str = "term <= 2", faults: str = "none"
) -> set[str]:
    of = model(text.replace("ANYTHING", anything), f"2 nodes, {row}", faults=faults)
    return {name for epoch in epochs_of(of) for _, name in epoch.variables}


def test_the_terms_of_raft_are_an_epoch() -> None:
    # A property that counts terms from 0 on is no hindrance to another one.
    of = without_properties(model(RAFT, "3 nodes, term <= 2"), "a_second_term_is_led")
    assert not epochs_of(of), "who has led is kept by number"
    (epoch,) = epochs_of(replace(of, protocol=replace(of.protocol, leader=None)))
    assert epoch.variables == (("node", "term"),)
    assert {message for message, _ in epoch.arguments} == {"request_vote", "vote", "heartbeat", "heartbeat_ack"}


def test_two_epochs_that_never_meet_are_two() -> None:
    of = model(COUNTER.replace("ANYTHING", "other := o"), "2 nodes, term <= 2", faults="none")
    assert epochs_of(of) == (
        Epoch((("node", "other"),), (("tell", 1),)),
        Epoch((("node", "term"),), (("tell", 0),)),
    )


def test_what_flows_together_is_one() -> None:
    of = model(COUNTER.replace("ANYTHING", "other := t"), "2 nodes, term <= 2", faults="none")
    (epoch,) = epochs_of(of)
    assert [name for _, name in epoch.variables] == ["other", "term"]
    assert epoch.arguments == (("tell", 0), ("tell", 1))


@pytest.mark.parametrize(
    "anything",
    [
        "if t == 1: level := 1",
        "if t > 0: level := 1",
        "if t in {1, 2}: level := 1",
        "if t - 1 > term: level := 1",
        "if t * 2 > term: level := 1",
        "if t + term > term: level := 1",
        "if min(t, 1) == term: level := 1",
        "if t > level: level := 1",
        "if t > size(node): level := 1",
        "seen := t",
        "heard[sender] := t",
        "if t == heard[sender]: level := 1",
        "term := if level == 0 then t else 0",
        "term := 0",
        "level := t",
    ],
)
def test_a_number_of_which_more_than_the_order_matters_is_none(anything: str) -> None:
    assert "term" not in shifted(COUNTER, anything)


@pytest.mark.parametrize(
    "anything",
    [
        "if t == term + 1: level := 1",
        "if 2 + t > term: level := 1",
        "term := max(t, term + 3)",
        "if t in {term, term + 1}: level := 1",
        "term := if level == 0 then t else term",
        "level := 2",
    ],
)
def test_order_successor_and_choice_are_all_that_may_matter(anything: str) -> None:
    assert "term" in shifted(COUNTER, anything)


def test_what_a_restart_resets_is_shifted_no_longer() -> None:
    volatile = COUNTER.replace("durable term", "term")
    assert "term" in shifted(volatile)
    assert "term" not in shifted(volatile, faults="restart")
    assert "term" not in shifted(volatile, faults="crash up to 1")
    assert "term" in shifted(COUNTER, faults="restart, crash")
    assert "term" not in shifted(COUNTER, faults="disk loss up to 1")


def test_a_property_counts_as_a_reader() -> None:
    assert "term" not in shifted(f"{COUNTER}reachable far: exists n in node: n.term >= 2\n")
    assert "term" in shifted(f"{COUNTER}reachable apart: exists n, m in node: n.term > m.term + 1\n")
    assert "term" not in shifted(f"{COUNTER}safety looked: forall tell(t, o) from a to b: t <= a.term\n")


def test_an_input_is_no_epoch() -> None:
    asked = f"{COUNTER}input jump(to: int 0..3):\n    term := to\n"
    assert "term" not in shifted(asked)


def test_definitions_and_procedures_are_looked_through() -> None:
    more = "define later(n: nat): n + 1\nprocedure go(n: nat):\n    term := later(n)\n"
    assert "term" in shifted(COUNTER + more, "go(t)")
    assert "term" not in shifted(COUNTER + more, "go(1)")


def test_all_that_is_added_is_counted_each_time() -> None:
    more = "define later(n: nat): n + 3\nprocedure go(n: nat):\n    term := later(later(n))\n"
    protocol, _ = check(Source("p.elect", (COUNTER + more).replace("ANYTHING", "go(t)")))
    assert offsets_of(protocol) == 1 + 2 * 3


def test_lowered_and_raised() -> None:
    of = model(CLAIMS, "2 nodes, term <= 3", network="reordering, duplication")
    (epoch,) = epochs_of(of)
    state = initial(of).state
    assert state is not None
    for _ in range(2):
        state = next(s.state for s in steps(of, state) if s.step.process == of.names[0][0] and s.step.name == "claim")
        assert state is not None
    assert lowered(of, state, (epoch,), (0,)) == state
    assert lowered(of, state, (epoch,), (1,)) is None, "node2 would be below 0"
    higher = lowered(of, state, (epoch,), (-1,))
    assert higher is not None
    assert [process.values[0] for process in higher.processes[0]] == [3, 1]
    assert {packet.arguments for packet in higher.packets} == {(2,), (3,)}
    back = lowered(of, higher, (epoch,), (1,))
    assert back == state
    assert lowered(of, state, (epoch,), (-2,)) is None, "beyond the bound"


def test_what_is_sent_below_all_others_is_left_out_where_messages_stay() -> None:
    of = model(CLAIMS, "2 nodes, term <= 3")
    (epoch,) = epochs_of(of)
    state = initial(of).state
    assert state is not None
    one, other = of.names[0]
    up = tuple(process._replace(values=(2, False)) for process in state.processes[0])
    state = state._replace(
        processes=(up,), packets=frozenset({Packet("mine", one, other, (1,)), Packet("mine", one, other, (3,))})
    )
    lower = lowered(of, state, (epoch,), (2,))
    assert lower is not None
    assert lower.packets == frozenset({Packet("mine", one, other, (1,))})


def test_other_values_do_not_matter() -> None:
    assert "term" in shifted(changed(COUNTER, ("level: int 0..3", "level: int 0..9")))
