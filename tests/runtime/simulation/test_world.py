"""The network of a simulated cluster."""

from __future__ import annotations

import math
from random import Random

import pytest

from runtime.process import Name
from runtime.simulation.loop import VirtualLoop
from runtime.simulation.world import Link, Network, ProcessLoop

ONE, OTHER = Name("node", 0), Name("node", 1)


def arrivals(link: Link, count: int) -> list[float]:
    """When messages arrive that are sent one second after the other, counted from when each was sent."""
    loop, found = VirtualLoop(), []
    network = Network(loop, Random(1), link)
    network.receivers[OTHER] = lambda _, payload: found.append(loop.time() - int(payload))
    for number in range(count):
        loop.call_at(number, network.send, ONE, OTHER, str(number).encode())
    loop.run(1e6)
    return found


def test_a_delay_lies_between_its_ends() -> None:
    found = arrivals(Link(0.1, 0.3), 100)
    assert len(found) == 100
    assert 0.1 <= min(found) < 0.12 < 0.28 < max(found) <= 0.3 + 1e-9


def test_a_delay_can_be_drawn_from_anything() -> None:
    found = arrivals(Link(draw=lambda random: random.choice((0.25, 0.5))), 100)
    assert {round(one, 9) for one in found} == {0.25, 0.5}


def test_what_takes_forever_is_lost() -> None:
    for in_order in (False, True):
        link = Link(draw=lambda random: random.choice((0.25, math.inf)), in_order=in_order)
        found = arrivals(link, 200)
        assert len(found) == pytest.approx(100, abs=30)
        assert all(one == pytest.approx(0.25) for one in found)


def test_what_is_late_is_not_drawn() -> None:
    found = arrivals(Link(draw=lambda _: 0.0, late=0.5, latest=0.9, shortest=0.1), 200)
    assert found.count(0.0) == pytest.approx(100, abs=30)
    assert all(one == 0.0 or 0.1 <= one <= 0.9 + 1e-9 for one in found)


@pytest.mark.parametrize("timers_last", [False, True])
def test_a_process_that_wakes_may_read_before_it_looks_at_its_timers(timers_last: bool) -> None:
    loop = VirtualLoop()
    found: list[str] = []
    process = ProcessLoop(loop)
    process.timers_last = timers_last
    process.pause()
    process.call_at(1.0, found.append, "timer")
    loop.call_at(2.0, process.happens, lambda: found.append("message"))
    loop.call_at(3.0, process.resume)
    loop.run(5.0)
    assert found == (["message", "timer"] if timers_last else ["timer", "message"])


def test_what_was_cancelled_does_not_happen_when_a_process_wakes() -> None:
    loop = VirtualLoop()
    found: list[str] = []
    process = ProcessLoop(loop)
    process.timers_last = True
    process.pause()
    due = process.call_at(1.0, found.append, "timer")
    loop.run(2.0)
    loop.call_at(3.0, process.happens, due.cancel)
    loop.call_at(4.0, process.resume)
    loop.run(5.0)
    assert not found
