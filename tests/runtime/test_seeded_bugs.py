"""Known mistakes, put into the runtime: each is caught by a test that is there for other reasons."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from runtime.confirmation import Confirmed
from runtime.process import Name
from runtime.replica import Replica
from runtime.simulation.cluster import Cluster, TwoLeaders
from runtime.storage import StorageFailed
from runtime.timers import Timers
from tests.runtime import test_confirmation, test_replica, test_timers
from tests.runtime.simulation import test_cluster

Patch = Callable[[pytest.MonkeyPatch], None]


def send_before_store(patch: pytest.MonkeyPatch) -> None:
    """What is stored is stored after the messages have left."""
    store, do = Replica._store, Replica._do
    waiting: list[tuple[Any, Any]] = []
    patch.setattr(Replica, "_store", lambda self, before, after: waiting.append((before, after)))

    def late(self: Replica, *rest: Any) -> Any:
        sent = do(self, *rest)
        store(self, *waiting.pop())
        return sent

    patch.setattr(Replica, "_do", late)


def forget_on_restart(patch: pytest.MonkeyPatch) -> None:
    """A node begins anew after a crash."""
    patch.setattr(Replica, "_restored", lambda self, stored: self.process.initial(self.everyone))


def forget_the_vote(patch: pytest.MonkeyPatch) -> None:
    """Everything is stored but the vote."""
    kept = Replica._store

    def some(self: Replica, before: Any, after: Any) -> None:
        kept(self, before, type(after)(**{**_fields(after), "voted_for": before.voted_for}))

    patch.setattr(Replica, "_store", some)


def _fields(state: Any) -> dict[str, Any]:
    return {name: getattr(state, name) for name in state.__struct_fields__}


def go_on_after_a_failed_store(patch: pytest.MonkeyPatch) -> None:
    """An error of the disk is passed over."""
    kept = Replica._store

    def careless(self: Replica, before: Any, after: Any) -> None:
        with contextlib.suppress(StorageFailed):
            kept(self, before, after)

    patch.setattr(Replica, "_store", careless)


def same_duration_again(patch: pytest.MonkeyPatch) -> None:
    """A timer is drawn once, and its duration used again and again."""
    drawn: dict[str, float] = {}

    def reset(self: Timers, name: str, now: float) -> None:
        timer = self._timers[name]
        self._arm(name, now + drawn.setdefault(name, self._random.uniform(timer.shortest, timer.longest)))

    patch.setattr(Timers, "reset", reset)


def stopped_timer_fires(patch: pytest.MonkeyPatch) -> None:
    """`stop` is forgotten."""
    patch.setattr(Timers, "stop", lambda self, name: None)


def confirmed_when_answered(patch: pytest.MonkeyPatch) -> None:
    """A leader counts from the last answer, not from what the quorum was asked."""
    patch.setattr(Confirmed, "_latest", lambda self: max(self._answered.values()))


def one_process_counts_twice(patch: pytest.MonkeyPatch) -> None:
    """Two answers of one process are taken for two processes' answers."""
    kept = Confirmed.answered
    patch.setattr(Confirmed, "answered", lambda self, by, number: kept(self, number, number))


def old_answers_count(patch: pytest.MonkeyPatch) -> None:
    """What was answered in an earlier leadership counts in the next one."""
    patch.setattr(Confirmed, "begin", lambda self: None)


def leads_without_being_confirmed(patch: pytest.MonkeyPatch) -> None:
    """The service is told whatever the protocol says."""
    patch.setattr(Replica, "leading", lambda self: self.token)


def same_numbers_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    """Messages are numbered from 1 in each run."""
    kept = Replica.__init__

    def init(self: Replica, *rest: Any) -> None:
        kept(self, *rest)
        self._next = 1

    patch.setattr(Replica, "__init__", init)


def one_answer_of_two_processes() -> None:
    told = Confirmed(me=0, lasts=1.0, is_quorum=lambda some: len(some) >= 3)
    told.sent([1, 2], 10.0)
    told.answered(1, 1)
    told.answered(1, 2)
    assert told.until < 10.0


def votes_survive_simulated_restarts() -> None:
    for seed in range(40):
        cluster: Cluster = test_cluster.raft(seed, 3, test_cluster.LOSSY)
        for _ in range(60):
            cluster.run(0.05)
            name = Name("node", cluster.network.random.randrange(3))
            cluster.kill(name)
            cluster.start(name)


CAUGHT: tuple[tuple[Patch, str, Callable[[], None]], ...] = (
    (send_before_store, "unit", test_replica.test_what_is_durable_is_stored_before_anything_is_sent),
    (forget_on_restart, "unit", test_replica.test_a_vote_survives_a_restart),
    (forget_on_restart, "simulation", votes_survive_simulated_restarts),
    (forget_the_vote, "unit", test_replica.test_a_vote_survives_a_restart),
    (forget_the_vote, "simulation", votes_survive_simulated_restarts),
    (go_on_after_a_failed_store, "unit", test_replica.test_a_step_that_cannot_be_stored_sends_nothing_and_is_the_last),
    (go_on_after_a_failed_store, "simulation", test_cluster.test_a_full_disk_stops_a_process_and_not_the_others),
    (same_duration_again, "unit", test_timers.test_each_reset_draws_anew_and_puts_off),
    (stopped_timer_fires, "unit", test_timers.test_a_stopped_timer_does_not_run_out),
    (confirmed_when_answered, "unit", test_confirmation.test_a_quorum_is_as_old_as_its_oldest_answer),
    (one_process_counts_twice, "unit", one_answer_of_two_processes),
    (old_answers_count, "unit", test_confirmation.test_another_leadership_begins_without_any_answer),
    (leads_without_being_confirmed, "unit", test_replica.test_a_leader_that_was_paused_does_not_know_any_more),
    (same_numbers_after_a_restart, "unit", test_replica.test_numbers_of_letters_are_not_those_of_an_earlier_run),
)


@pytest.mark.parametrize(("bug", "rung", "catching"), CAUGHT, ids=[f"{bug.__name__}-{rung}" for bug, rung, _ in CAUGHT])
def test_a_seeded_bug_is_caught(
    bug: Patch, rung: str, catching: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    catching()
    bug(monkeypatch)
    with pytest.raises((AssertionError, TwoLeaders)):
        catching()
    assert rung
