"""Which durations of timers do together, and what a node says of those it has."""

from __future__ import annotations

from typing import Any

import pytest

from generated.lease.client import PROCESS
from generated.lease.lock_service import PROCESS as LOCK_SERVICE
from runtime.durations import BadDuration, check_leases, in_force, timers_of
from runtime.process import Process, Timer

KINDS: dict[str, Process[Any, Any]] = {"client": PROCESS, "lock_service": LOCK_SERVICE}
GOOD = {"lease": "10 s", "deadline": "7 s", "asked": "7 s", "pace": "1 s"}


def test_a_client_gives_up_before_its_lock_service_does() -> None:
    check_leases(KINDS, timers_of({}, KINDS))
    check_leases(KINDS, timers_of(GOOD, KINDS))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"deadline": "10 s"}, "deadline (10 s) has to be shorter than lease (10 s), or a client believes"),
        ({"lease": "5 s .. 20 s"}, "deadline (7 s) has to be shorter than the shortest lease (5 s), or a client"),
        ({"asked": "10 s"}, "asked (10 s) has to be shorter than lease (10 s), or a client takes an answer"),
        ({"pace": "7 s"}, "pace (7 s) has to be shorter than deadline (7 s), or a client gives its lock up"),
        ({"pace": "6 s .. 8 s"}, "pace (8 s) has to be shorter than deadline (7 s)"),
    ],
)
def test_what_would_make_a_client_believe_too_long_or_lose_its_lock(changed: dict[str, str], said: str) -> None:
    with pytest.raises(BadDuration) as problem:
        check_leases(KINDS, timers_of({**GOOD, **changed}, KINDS))
    assert said in str(problem.value)


def test_which_durations_are_in_force_and_whose_they_are() -> None:
    timers = {"asked": Timer("asked", 5.0, 5.0), "pace": Timer("pace", 0.1, 0.15)}
    assert in_force(timers, {"pace": "100 ms .. 150 ms"}) == "asked 5 s (the spec's), pace 100 ms .. 150 ms"
