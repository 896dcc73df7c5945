"""Negative controls: what is wrong is not proved. Each change to a proved spec breaks what it is meant to break."""

from functools import cache
from pathlib import Path

import pytest

from modelcheck.proof.prove import Proof, Wanted, prove
from spec.check import check
from spec.source import Source

RAFT = Path(__file__).with_name("raft_with_invariant.elect").read_text()


@cache
def proof_of(text: str, *sizes: int | None) -> Proof:
    return prove(check(Source("changed.elect", text))[0], Wanted(sizes, search=False), lambda _: None)


def replaced(old: str, new: str) -> str:
    assert old in RAFT, old
    return RAFT.replace(old, new, 1)


CHANGES = {
    "the vote is forgotten": ("durable voted_for", "voted_for"),
    "the term is forgotten": ("durable term", "term"),
    "a vote in an old term counts": ("if role == candidate and t == term:", "if role == candidate:"),
    "a second vote": (
        "voted_for in {none, candidate}:\n        voted_for := candidate",
        "true:\n        voted_for := candidate",
    ),
    "a vote that is not stored": ("        voted_for := candidate\n", ""),
    "no quorum": ("    if quorum(votes):\n        role := leader", "    if true:\n        role := leader"),
    "votes of an older term are kept": ("    votes := {self}\n", "    votes := votes + {self}\n"),
    "a candidate that does not vote for itself": ("    voted_for := self\n", ""),
    "the term is set back": ("    if t > term:\n        catch_up(t)\n    if t == term", "    catch_up(t)\n    if true"),
    "no new term": ("    term := term + 1\n", ""),
    "a wiped disk": ("faults: restart", "faults: restart, disk loss"),
    "a failing assertion": ("    answered := answered + {follower_of_mine}", "    assert answered == {}"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_breaks_raft_is_not_proved(change: str) -> None:
    proof = proof_of(replaced(*CHANGES[change]), 3)
    assert not proof.proved
    answers = [one.answer for size in proof.sizes for one in size.answers]
    assert "sat" in answers, "the solver finds the step that breaks it"


def test_every_step_is_broken_by_some_change() -> None:
    """No obligation of a handler is one that nothing could fail."""
    broken = set()
    for old, new in CHANGES.values():
        proof = proof_of(replaced(old, new), 3)
        broken |= {
            one.file.title.removeprefix("the invariant is kept by: ").split("(")[0]
            for size in proof.sizes
            for one in size.answers
            if one.answer == "sat" and one.file.name.startswith("step-0")
        }
    assert {"on request_vote", "on vote", "on timeout election if role != leader", "on heartbeat_ack"} <= broken


HALF = "define quorum(s: set of node): 2 * size(s) >= size(node)\n\n"


def test_half_is_refused_with_two_disjoint_quorums() -> None:
    text = RAFT.replace("on start:", HALF + "on start:", 1)
    four = proof_of(text, 4).sizes[0]
    assert not four.proved
    assert "nobody in common: {node1, node2} and {node3, node4}" in four.refused


def test_half_is_no_quorum_for_any_number() -> None:
    text = RAFT.replace("on start:", HALF + "on start:", 1)
    (any_number,) = proof_of(text, None).sizes
    assert not any_number.proved
    assert [one.answer for one in any_number.answers if one.file.name == "quorums-of-node-intersect"] == ["sat"]


def test_a_quorum_that_shrinks_as_it_grows_is_refused() -> None:
    text = RAFT.replace("on start:", "define quorum(s: set of node): size(s) == 2\n\non start:", 1)
    (three,) = proof_of(text, 3).sizes
    assert not three.proved


EMPTY = """protocol empty

process node:
    x: bool = false

define quorum(s: set of node): DEFINITION

action a: x := true

safety all_are_a_quorum: (forall n in node: n.x) implies quorum({n in node if n.x})
"""


@pytest.mark.parametrize("definition", ["false", "size(s) >= 2 and 2 * size(s) > size(node)", "size(s) > size(node)"])
def test_that_there_is_a_quorum_is_not_taken_for_granted(definition: str) -> None:
    """No sort of a solver's is empty; but of these quorums there are none, of the second among one node."""
    for size in proof_of(EMPTY.replace("DEFINITION", definition), 1, None).sizes:
        assert not size.proved
        if size.size is None:
            assert [one.answer for one in size.answers if one.file.name == "quorums-of-node-exist"] == ["sat"]


COUNTDOWN = """protocol countdown

process node:
    x: nat = 3

action a if x > 2: x := {}

safety s: x >= 3
"""


@pytest.mark.parametrize("expression", ["x + -1", "x + (1 - 2)", "x - 1", "-1 + x", "x * 0"])
def test_counting_down_is_not_proved_for_any_number(expression: str) -> None:
    for size in proof_of(COUNTDOWN.format(expression), 2, None).sizes:
        assert not size.proved
        assert size.size is not None or "not covered" in size.refused


@pytest.mark.parametrize("claim", ["x >= -1", "x + 1 > -3"])
def test_negative_numbers_are_refused_by_name(claim: str) -> None:
    text = COUNTDOWN.format("x + 1").replace("x >= 3", claim)
    (any_number,) = proof_of(text, None).sizes
    assert "negative number" in any_number.refused


def test_a_property_of_steps_is_not_vacuous() -> None:
    text = RAFT.replace("next(term) >= term", "next(term) <= term")
    proof = proof_of(text, 3)
    assert "term_never_decreases" in proof.unproved
