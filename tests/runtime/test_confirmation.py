"""What a leader may conclude from answers."""

from runtime.confirmation import NEVER, Confirmed


def _majority_of_five() -> Confirmed:
    return Confirmed(me=0, lasts=1.0, is_quorum=lambda some: len(some) >= 3)


def test_a_leader_that_nobody_has_answered_knows_nothing() -> None:
    assert _majority_of_five().until == NEVER


def test_it_lasts_from_when_a_quorum_was_asked_not_from_when_it_answered() -> None:
    told = _majority_of_five()
    told.sent([1, 2, 3, 4], 10.0)
    told.answered(1, 1)
    assert told.until == NEVER
    told.answered(2, 2)
    assert told.until == 11.0


def test_a_quorum_is_as_old_as_its_oldest_answer() -> None:
    told = _majority_of_five()
    told.sent([1], 10.0)
    told.sent([2], 10.5)
    told.answered(1, 1)
    told.answered(2, 2)
    assert told.until == 11.0
    told.sent([3], 10.7)
    told.answered(3, 3)
    assert told.until == 11.5


def test_an_old_answer_of_one_process_takes_nothing_back() -> None:
    told = _majority_of_five()
    told.sent([1, 2], 10.0)
    told.sent([3, 4], 10.4)
    told.answered(1, 3)
    told.answered(2, 4)
    assert told.until == 11.4
    told.answered(1, 1)
    assert told.until == 11.4


def test_what_was_never_sent_confirms_nothing() -> None:
    told = _majority_of_five()
    told.sent([1], 10.0)
    told.answered(1, 7)
    told.answered(2, 8)
    assert told.until == NEVER


def test_another_leadership_begins_without_any_answer() -> None:
    told = _majority_of_five()
    told.sent([1, 2], 10.0)
    told.answered(1, 1)
    told.answered(2, 2)
    told.begin()
    assert told.until == NEVER
    told.answered(1, 1)  # of the leadership before
    told.answered(2, 2)
    assert told.until == NEVER


def test_one_process_alone_is_confirmed_by_none() -> None:
    told = Confirmed(me=0, lasts=1.0, is_quorum=lambda some: len(some) >= 1)
    told.sent([1], 10.0)
    assert told.until == NEVER
