"""Negative controls: nothing that is to be shown is true of whatever the spec says. For each goal of Raft's proof there
is a change after which the solver has a counterexample to it; `python -m tests.modelcheck.proof.kills` looks for them.
"""

from __future__ import annotations

from functools import cache

import pytest

from modelcheck.proof import quorums
from modelcheck.proof.scope import label, setting_of
from modelcheck.proof.setting import Setting
from modelcheck.proof.solvers import z3_answer
from modelcheck.properties import QUORUMS_INTERSECT
from tests.modelcheck.proof.kills import SIZES, Kills, after, found_for, read, spec, spec_text
from tests.modelcheck.proof.mutants import mutants
from tests.modelcheck.proof.questions import INSTANCES, Key, Questions, instance_of, questions

TABLE = read()
INITIAL = "the initial state has the invariant"
WHATEVER: dict[Key, str] = {
    (INITIAL, "type_of_node_voted_for"): "an optional process begins as `none`, or the checker says that it cannot",
    (INITIAL, "tokens_are_numbers"): "the checker takes no token that can be negative",
    (INITIAL, "leaders_are_recorded"): "the history begins as the record of those who lead",
    ("quorum-of-node-is-as-defined", QUORUMS_INTERSECT): "it is about the encoding, and has a test of its own",
}
"""Goals that no change of a spec makes false."""
BY_CONSTRUCTION = {"type_of_node_voted_for", "leaders_are_recorded"}
"""Goals that steps keep whatever they do: a step stores one process or none, and records who leads after it. They do
not follow from nothing: without the goal itself before the step, the solver has a counterexample to each."""
BY_PREMISE: set[Key] = {
    ("the invariant is kept by: on timeout election", "led_so_request_vote_sent"),
    ("the invariant implies one_leader_per_token", "one_leader_per_token"),
}
"""Other goals, of any size, that were seen to fail only without a clause among what they suppose."""

CHANGES = [(size, name) for size in TABLE for name in TABLE[size].by_change]
PREMISES = [(size, name) for size in TABLE for name in TABLE[size].by_premise]


def size_of(said: str) -> int | None:
    return next(size for size in SIZES if label(size) == said)


@cache
def asked(said: str) -> Questions:
    return questions(spec(), size_of(said))


def all_of(kills: Kills) -> list[Key]:
    tables = (kills.by_change, kills.by_premise)
    return [key for table in tables for keys in table.values() for key in keys] + kills.never


@pytest.mark.parametrize("size", TABLE)
def test_the_table_has_every_goal_of_every_obligation(size: str) -> None:
    found = all_of(TABLE[size])
    assert len(found) == len(set(found))
    assert set(found) == {*asked(size).asked, *asked(size).quorums}


@pytest.mark.parametrize("size", TABLE)
def test_what_nothing_makes_false_has_a_reason(size: str) -> None:
    assert set(TABLE[size].never) <= set(WHATEVER)
    rest = {key for keys in TABLE[size].by_premise.values() for key in keys if key[1] not in BY_CONSTRUCTION}
    assert rest <= BY_PREMISE


@pytest.mark.parametrize("size", TABLE)
def test_nothing_is_false_before_the_change(size: str) -> None:
    """For any number of processes, of the instances that the counterexamples are to be of."""
    now = asked(size)
    assert {key: now.answer(key) for key in (*now.asked, *now.quorums)} == dict.fromkeys(
        (*now.asked, *now.quorums), "unsat"
    )


@pytest.mark.parametrize(("size", "name"), CHANGES)
def test_a_seeded_change_makes_its_goals_false(size: str, name: str) -> None:
    changed = after(mutants(spec_text())[name].text, size_of(size))
    assert changed is not None
    goals = TABLE[size].by_change[name]
    assert {key: changed.answer(key) for key in goals} == dict.fromkeys(goals, "sat")


@pytest.mark.parametrize(("size", "name"), PREMISES)
def test_goals_do_not_follow_without_their_premise(size: str, name: str) -> None:
    goals = TABLE[size].by_premise[name]
    assert {key: asked(size).answer(key, {name}) for key in goals} == dict.fromkeys(goals, "sat")


@pytest.mark.parametrize("wrong", [[{0, 1}], [{0}, {1, 2}], [{0, 1, 2}], []])
def test_quorums_that_are_not_those_of_the_spec_are_noticed(
    wrong: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def other(_: Setting, kind: str) -> tuple[frozenset[int], ...]:
        assert kind == "node"
        return tuple(map(frozenset, wrong))

    monkeypatch.setattr(quorums, "minimal_quorums", other)
    answers = {name: z3_answer(text, 10.0) for name, _, text in quorums.quorum_files(setting_of(spec(), 3))}
    assert answers["quorum-of-node-is-as-defined"] == "sat"


@pytest.mark.parametrize("size", INSTANCES)
def test_an_instance_keeps_every_axiom_and_contradicts_none(size: int) -> None:
    now = asked("any")
    text = now.text(next(iter(now.asked)))
    made = instance_of(text, size)
    assert made.count("(assert ") == text.count("(assert ")
    axioms = made[: made.index("\n; a state")] + "(check-sat)\n"
    assert z3_answer(axioms, 10.0) == "sat"


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES, ids=label)
def test_all_changes_on_all_goals_come_to_the_same(size: int | None) -> None:
    now, then = found_for(size), TABLE[label(size)]
    assert set(now.never) == set(then.never)
    assert {key for keys in now.by_change.values() for key in keys} == {
        key for keys in then.by_change.values() for key in keys
    }
