"""Obligations as text: names that a spec may choose mean no others, and whatever a solver objects to is no proof."""

import pytest

from modelcheck.proof.discharge import files_of
from modelcheck.proof.prove import Wanted, prove
from modelcheck.proof.scope import setting_of
from modelcheck.proof.solvers import ANSWERS, cvc5_answers, z3_answers
from spec.check import check
from spec.source import Source

AWKWARD = """protocol awkward

process number:
    durable counted: nat = 0
    durable known: set of number = {}

faults: crash

message led(x2: nat)

action count if counted == 0 and (exists x1 in number: x1 != self and x1 not in known):
    counted := counted + 1
    known := {x1 in number if x1 == self or x1 in known}
    broadcast led(counted)

on led(x2) from some:
    if x2 > counted:
        counted := x2

invariant below "no number is larger": counted <= 1
invariant late: forall led(x2) from a to b: x2 <= 1

check small: 2 numbers
"""


@pytest.mark.parametrize("size", [1, 2, 3, None])
def test_names_that_the_encoding_has_itself(size: int | None) -> None:
    proof = prove(check(Source("awkward.elect", AWKWARD))[0], Wanted((size,), search=False), lambda _: None)
    assert proof.proved, [(one.file.title, one.answers) for one in proof.sizes[0].answers if not one.shown]


def test_a_changed_number_is_not_proved() -> None:
    wrong = AWKWARD.replace("counted + 1", "counted + 2")
    proof = prove(
        check(Source("awkward.elect", wrong))[0], Wanted((2, None), search=False, seconds=2.0), lambda _: None
    )
    assert "below" in proof.unproved
    fixed, any_number = proof.sizes
    assert {one.answer for one in fixed.answers if "below" in one.open} == {"sat"}
    assert any("below" in one.open for one in any_number.answers)


def test_both_solvers_answer_each_goal_of_each_file() -> None:
    protocol = check(Source("awkward.elect", AWKWARD))[0]
    setting = setting_of(protocol, None, protocol.network, protocol.faults)
    for file in files_of(setting, ("below", "late"), {}):
        answers = ["unsat"] * len(file.goals)
        assert [answer for answer, _ in z3_answers(file.text, 10)] == answers
        assert cvc5_answers(file.text, 10) == answers


@pytest.mark.parametrize("broken", ["(assert what)", "(declare-const a Int)\n(declare-const a Int)", "(nothing)"])
def test_what_a_solver_objects_to_is_no_answer(broken: str) -> None:
    question = "(push 1)\n(assert false)\n(check-sat)\n(pop 1)\n"
    text = f"(set-logic ALL)\n{broken}\n{question}{question}"
    said = [answer for answer, _ in z3_answers(text, 1)]
    assert len(said) == 1 and said[0] not in ANSWERS
    assert all(answer.startswith("error") for answer in cvc5_answers(text, 1))


@pytest.mark.parametrize(
    "name", ["minority_cannot_elect", "leaders_are_recorded", "type_of_node_x", "tokens_are_numbers"]
)
def test_a_name_that_proofs_need_themselves_is_refused(name: str) -> None:
    text = f"""protocol named

process node:
    x: nat = 0

action go if x < 2:
    x := x + 1

leader if x == 9 with token x, elected by {{self}}

invariant {name}: x <= 1

check small: 2 nodes, x <= 2
"""
    proof = prove(check(Source("named.elect", text))[0], Wanted((2, None), search=False, seconds=2.0), lambda _: None)
    fixed, _ = proof.sizes  # for any number of processes there need not be such a clause
    assert not fixed.proved
    assert f"`{name}`" in fixed.refused
