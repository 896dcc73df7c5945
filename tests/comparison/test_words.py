"""Sentences follow from the figures, and change with them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from modelcheck.survival import Answer
from modelcheck.verdict import Answer as Verdict
from oneleader.comparison.tolerance import Availability
from oneleader.comparison.words import sentences
from oneleader.tuning.estimates import Estimate
from tests.comparison.made import LOCKS, RAFT, comparison, of_size, tolerance

THREE = of_size(RAFT, 3, tolerance(RAFT, 3, 1, 1))
FOUR = of_size(RAFT, 4, tolerance(RAFT, 4, 1, 1), writes=1.2, messages=1.5)
FIVE = of_size(RAFT, 5, tolerance(RAFT, 5, 2, 3), messages=2.0)
LESS = replace(FOUR, availability=Availability(0.998, 0.998))


def test_four_survive_what_three_do_and_pay_more() -> None:
    (said,) = sentences(comparison(THREE, LESS))
    assert said == (
        "4 nodes survive as many crashes as 3 nodes: 1. They pay more for it: a write waits for 2 acknowledgements "
        "instead of 1, a write takes 2.4 ms instead of 2 ms on average, 60.0 messages a second when idle instead of "
        "40.0, 6.0 messages for an election instead of 4.0 and a leader can be there 99.800 % of the time instead of "
        "99.900 %"
    )


def test_five_survive_more() -> None:
    (said,) = sentences(comparison(FOUR, FIVE))
    assert said.startswith("5 nodes survive 2 crashes, 4 nodes 1. They pay: ")
    assert said.endswith("They gain: a write takes 2 ms instead of 2.4 ms on average")


def test_nothing_of_it_is_typed_in() -> None:
    """With other answers of the engine, four nodes are the better choice, and it is said."""
    good = replace(of_size(RAFT, 4, tolerance(RAFT, 4, 2)), quorum=THREE.quorum)
    (said,) = sentences(comparison(THREE, good))
    assert said == "4 nodes survive 2 crashes, 3 nodes 1. Nothing that was found costs more"


def test_sizes_are_put_beside_the_next_one_whatever_the_order() -> None:
    assert sentences(comparison(FIVE, THREE, FOUR)) == sentences(comparison(THREE, FOUR, FIVE))
    assert len(sentences(comparison(THREE, FOUR, FIVE))) == 2
    assert sentences(comparison(THREE)) == ()


def test_what_intervals_do_not_tell_apart_is_not_told() -> None:
    assert THREE.writes is not None
    unsure = replace(FOUR, writes=replace(THREE.writes, mean=Estimate(0.0024, 0.0018, 0.003)))
    (said,) = sentences(comparison(THREE, unsure))
    assert "a write takes" not in said


def test_what_is_not_known_is_told() -> None:
    unknown = of_size(RAFT, 4, tolerance(RAFT, 4, 1, beyond=Answer.UNKNOWN))
    (said,) = sentences(comparison(THREE, unknown))
    assert said.startswith("4 nodes beside 3 nodes: which of them survive more crashes is not known. They pay: ")


def test_nobody_elected() -> None:
    (said,) = sentences(comparison(THREE, of_size(RAFT, 4, tolerance(RAFT, 4, -1))))
    assert said.startswith("4 nodes elect nobody")


def test_warnings_come_first() -> None:
    made = tolerance(RAFT, 4, 1, 2)
    both = replace(made.partitions[1], winners=(0, 1))
    split = replace(made, partitions=(made.partitions[0], both, *made.partitions[2:]))
    kept = replace(split, crashes=(replace(split.crashes[0], answer=Answer.KEEPS), *split.crashes[1:]))
    wrong = replace(FOUR.explored, answer=Verdict.VIOLATED, reason="one_leader_per_token: violated after 6 steps")
    said = sentences(comparison(replace(FOUR, tolerance=kept, explored=wrong, problem="nobody led")))
    assert len(said) == 4
    assert said[0].startswith("4 nodes: the protocol is wrong (one_leader_per_token: violated after 6 steps): ")
    assert said[1] == "4 nodes: in the partition 2 nodes | 2 nodes, both sides elect"
    assert said[2].startswith(
        "4 nodes: with nobody down there are states from which nobody new was found to be elected"
    )
    assert said[3] == "4 nodes: nothing was measured: nobody led"


def test_of_several_kinds_those_that_vary_are_named() -> None:
    two = of_size(LOCKS, 2, tolerance(LOCKS, 2, 0))
    three = of_size(LOCKS, 3, tolerance(LOCKS, 3, 0))
    (said,) = sentences(comparison(two, three, protocol=LOCKS))
    assert said.startswith("3 clients survive as many crashes as 2 clients: none")


def test_no_size_is_named_in_the_code() -> None:
    text = (Path(__file__).parents[2] / "oneleader" / "comparison" / "words.py").read_text(encoding="utf-8")
    assert not re.search(r"\b[4-9]\b|\bfour\b", text.replace("95 %", ""))
