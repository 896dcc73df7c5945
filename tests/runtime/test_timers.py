"""Timers of a process."""

from random import Random

from runtime.process import Timer
from runtime.simulation.loop import VirtualLoop
from runtime.timers import Timers


def _timers(fired: list[tuple[str, float]]) -> tuple[Timers, VirtualLoop]:
    loop = VirtualLoop()
    declared = {"slow": Timer("slow", 1.0, 2.0), "quick": Timer("quick", 0.1, 0.1)}
    return Timers(declared, loop, Random(1), lambda name: fired.append((name, loop.time()))), loop


def test_a_timer_runs_out_once_within_its_range() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.reset("slow", loop.time())
    loop.run(10.0)
    assert len(fired) == 1
    assert 1.0 <= fired[0][1] <= 2.0
    assert timers.deadline("slow") is None


def test_each_reset_draws_anew_and_puts_off() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    deadlines = set()
    for _ in range(20):
        timers.reset("slow", loop.time())
        deadline = timers.deadline("slow")
        assert deadline is not None
        deadlines.add(deadline - loop.time())
        loop.run(loop.time() + 0.9)
    assert not fired
    assert len(deadlines) == 20


def test_a_stopped_timer_does_not_run_out() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.reset("quick", loop.time())
    timers.stop("quick")
    loop.run(1.0)
    assert not fired


def test_a_stopped_timer_can_be_reset_again() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.reset("slow", loop.time())
    timers.stop("slow")
    timers.reset("slow", loop.time())
    loop.run(10.0)
    assert [name for name, _ in fired] == ["slow"]


def test_a_hastened_timer_runs_out_earlier_and_never_later() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.reset("slow", loop.time())
    timers.hasten("slow", 5.0)
    timers.hasten("slow", 0.2)
    loop.run(10.0)
    assert fired == [("slow", 0.2)]


def test_a_timer_that_is_not_armed_is_not_hastened() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.hasten("slow", 0.2)
    loop.run(10.0)
    assert not fired


def test_nothing_runs_out_after_the_end() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.reset("slow", loop.time())
    timers.close()
    loop.run(10.0)
    assert not fired


def test_a_timer_counts_from_when_another_was_reset() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.reset("slow", 0.0)
    loop.run(0.06)
    timers.reset("quick", loop.time(), "slow")
    assert timers.deadline("quick") == 0.1
    loop.run(0.08)
    timers.reset("slow", loop.time(), "quick")  # and that counts from when the first one was
    deadline = timers.deadline("slow")
    assert deadline is not None
    assert 1.0 <= deadline <= 2.0


def test_what_should_have_run_out_by_then_does_so_at_once() -> None:
    fired: list[tuple[str, float]] = []
    timers, loop = _timers(fired)
    timers.reset("slow", 0.0)
    loop.run(0.5)
    timers.reset("quick", loop.time(), "slow")
    loop.run(0.6)
    assert fired == [("quick", 0.5)]
