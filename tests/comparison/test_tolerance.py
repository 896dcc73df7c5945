"""What the answers of an engine come to, and availability held against the binomial formula."""

from __future__ import annotations

from dataclasses import replace
from math import comb

import pytest

from modelcheck.survival import Answer, Scenario, Survived, shape
from modelcheck.survival import crashes as every_crash
from modelcheck.survival_reference import Reference
from oneleader.comparison.tolerance import Tolerance, availability_of, tolerance_of
from spec.overrides import check_from
from spec.protocol import Protocol
from tests.comparison.made import LOCKS, RAFT, answered, tolerance

S, K, D, U = Answer.SURVIVES, Answer.KEEPS, Answer.DOES_NOT, Answer.UNKNOWN


def of_answers(*answers: Answer) -> Tolerance:
    """Of nodes of one kind: one answer for each number of crashes."""
    made = tolerance(RAFT, len(answers) - 1, 0)
    return replace(
        made, crashes=tuple(answered(one.scenario, answer) for one, answer in zip(made.crashes, answers, strict=True))
    )


@pytest.mark.parametrize(
    ("answers", "largest", "is_exact", "keeps"),
    [
        ((S, S, D, D), 1, True, False),
        ((S, K, D, D), 1, True, True),
        ((S, S, U, D), 1, False, False),
        ((S, S, D, S), 1, True, False),
        ((S, S, S, S), 3, True, False),
        ((D, S, S, D), None, True, False),
        ((U, S, D, D), None, False, False),
        ((S, S, D, K), 1, True, False),
    ],
)
def test_the_largest_number_of_crashes(
    answers: tuple[Answer, ...], largest: int | None, is_exact: bool, keeps: bool
) -> None:
    found = of_answers(*answers)
    assert (found.largest, found.is_exact, found.keeps) == (largest, is_exact, keeps)


def test_whichever_processes_are_down() -> None:
    """One crash is survived if each process may be the one, and of a kind, if each of that kind may be."""
    sizes = (2, 1, 1)

    def survives(protocol: Protocol, sizes: tuple[int, ...], scenario: Scenario) -> Survived:
        down = {name.kind for name in scenario.down}
        all_clients = sum(name.kind == "client" for name in scenario.down) == 2
        return answered(scenario, D if "lock_service" in down or all_clients else S)

    asked: list[Scenario] = []
    found = tolerance_of(LOCKS, sizes, survives, asked.append)
    assert asked == [one.scenario for one in (*found.crashes, *found.partitions)]
    assert all(len(one.scenario.sides) > 1 and not one.scenario.down for one in found.partitions)
    assert (found.largest, found.is_exact) == (0, True)
    assert found.largest_of("client") == (1, True)
    assert found.largest_of("lock_service") == (0, True)
    assert found.largest_of("storage") == (1, True)


@pytest.mark.parametrize("each", [0.5, 0.99, 0.999])
@pytest.mark.parametrize("nodes", [2, 3, 4, 5, 9])
def test_availability_of_majorities_is_binomial(nodes: int, each: float) -> None:
    most = (nodes - 1) // 2
    found = availability_of(RAFT, (nodes,), tolerance(RAFT, nodes, most), each)
    wanted = sum(comb(nodes, down) * (1 - each) ** down * each ** (nodes - down) for down in range(most + 1))
    assert found.least == pytest.approx(wanted, rel=1e-12)
    assert found.most == found.least


def test_availability_of_a_single_lock_service() -> None:
    row = check_from("2 clients, 1 lock_service, 1 storage, last_token <= 1, channel <= 1", LOCKS, "test").rows[0]
    reference = Reference(LOCKS, row)
    found = Tolerance(tuple(reference(LOCKS, (2, 1, 1), one) for one in every_crash(LOCKS, (2, 1, 1))), ())
    available = availability_of(LOCKS, (2, 1, 1), found, 0.9)
    assert available.least == pytest.approx(0.9 * (1 - 0.1**2), rel=1e-12)


def test_what_is_not_known_leaves_room() -> None:
    found = availability_of(RAFT, (3,), tolerance(RAFT, 3, 1, beyond=U), 0.9)
    assert found.least == pytest.approx(0.9**3 + 3 * 0.9**2 * 0.1)
    assert found.most == pytest.approx(1.0)


def test_split_brain_is_seen() -> None:
    made = tolerance(RAFT, 4, 1, apart=2)
    both = replace(made.partitions[1], winners=(0, 1))
    found = replace(made, partitions=(made.partitions[0], both, *made.partitions[2:]))
    assert found.split_brain == (both,)
    assert [shape(RAFT, side) for side in both.scenario.sides] == ["2 nodes", "2 nodes"]
