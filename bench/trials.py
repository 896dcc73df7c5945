"""One trial at a time on a running cluster, for `bench.failover`: its leader is killed, stopped, told to end, cut off
from all others, or has its connections broken again and again."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from random import Random

from bench.members import NoLeader, Running
from tests.chaos.proxy import Link

KILL, STOP, END, CUT_OFF = "SIGKILL", "SIGSTOP", "SIGTERM", "cut off"
FLAP, ALONE = "connections break", "left alone"
SIGNALS = {KILL: signal.SIGKILL, STOP: signal.SIGSTOP, END: signal.SIGTERM}
POLL_SECONDS = 0.005
"""So often each survivor is asked. What is measured is later than what happened by as much at most."""
HELD_SECONDS = 0.5
"""So long a stopped leader stays stopped after another one leads."""
LIMIT_SECONDS = 20.0
FLAP_SECONDS = 0.2
"""So often the connections break."""


@dataclass(frozen=True)
class Trial:
    """What one trial found. Times are milliseconds."""

    system: str
    nodes: int
    how: str
    after: float | None
    """Until a survivor named a survivor as the leader; of a leader that was cut off, until it ceased to name itself.
    None if that did not come within the limit."""
    terms: int
    """By how many the term has grown in the end."""
    lag: float
    """By how much a sleep of 2 ms was too long, at worst: how busy the machine was, or what asks."""
    stale: int = 0
    """How often the old leader named itself after SIGCONT."""
    stale_for: float = 0.0
    """How long after SIGCONT it did so last."""
    led: float = 1.0
    """Of a flapping link: the part of the questions at which somebody said that it led."""


@dataclass
class Lag:
    worst: float = 0.0


@contextlib.asynccontextmanager
async def watched() -> AsyncIterator[Lag]:
    """How much later than it wanted this process has run."""
    found = Lag()

    async def watch() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.002)
            found.worst = max(found.worst, (time.monotonic() - before - 0.002) * 1000)

    task = asyncio.create_task(watch())
    try:
        yield found
    finally:
        task.cancel()


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000


async def trial(cluster: Running, how: str, random: Random) -> Trial:
    """One trial with a cluster that is well before it and after it. Raises NoLeader."""
    old, term = await _leading(cluster, random)
    others = [member for member in cluster.everyone if member != old]
    stale, stale_for = 0, 0.0
    async with watched() as lag:
        began = time.monotonic()
        if how == CUT_OFF:
            after = await _cut_off(cluster, old, others, began)
        else:
            cluster.signal(old, SIGNALS[how])
            after = await _named(cluster, others, began)
    if how == STOP:
        await asyncio.sleep(HELD_SECONDS)
        stale, stale_for = await _resumed(cluster, old)
    elif how != CUT_OFF:
        cluster.restart(old)
    _, newer = await cluster.agreed()
    return Trial(cluster.system.label, cluster.system.size, how, after, newer - term, lag.worst, stale, stale_for)


async def _leading(cluster: Running, random: Random) -> tuple[int, int]:
    """Who leads and in which term, at no particular moment between two heartbeats. Raises NoLeader."""
    for _ in range(10):
        leader, term = await cluster.agreed()
        await asyncio.sleep(random.uniform(0.1, 0.6))
        view = await cluster.view(leader)
        if view is not None and (view.leader, view.term) == (view.me, term):
            return leader, term
    raise NoLeader(f"{cluster.system.label}: nobody leads for long, though nothing happens")


async def _named(cluster: Running, others: Sequence[int], began: float) -> float | None:
    """Milliseconds until one of the others names one of them."""
    names = {cluster.names[member] for member in others}

    async def ask(member: int) -> float:
        while True:
            asked = time.monotonic()
            view = await cluster.view(member)
            if view is not None and view.leader in names:
                return _since(began)
            await asyncio.sleep(max(0.0, asked + POLL_SECONDS - time.monotonic()))

    asking = [asyncio.create_task(ask(member)) for member in others]
    done, _ = await asyncio.wait(asking, timeout=LIMIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    return min((task.result() for task in done), default=None)


async def _cut_off(cluster: Running, leader: int, others: Sequence[int], began: float) -> float | None:
    """Stops all others, whose connections stay open. Milliseconds until the leader does not name itself any more."""
    for member in others:
        cluster.signal(member, signal.SIGSTOP)
    after = None
    while after is None and time.monotonic() < began + LIMIT_SECONDS:
        view = await cluster.view(leader)
        if view is not None and view.leader != view.me:
            after = _since(began)
        else:
            await asyncio.sleep(POLL_SECONDS)
    for member in others:
        cluster.signal(member, signal.SIGCONT)
    return after


async def _resumed(cluster: Running, old: int) -> tuple[int, float]:
    """Lets the old leader go on, with a question that waits for it, and asks on until it names another one or follows.
    How often it named itself, and when it did last."""
    cluster.hang_up(old)
    waiting = asyncio.create_task(cluster.view(old, LIMIT_SECONDS))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    cluster.signal(old, signal.SIGCONT)
    stale, stale_for = 0, 0.0
    while time.monotonic() < began + LIMIT_SECONDS:
        view = await waiting
        if view is not None and view.leader == view.me:
            stale, stale_for = stale + 1, _since(began)
        elif view is not None and view.settled:
            break
        await asyncio.sleep(0.001)
        waiting = asyncio.create_task(cluster.view(old))
    return stale, stale_for


# A link that flaps ---------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def links(size: int, ports: Sequence[int]) -> AsyncIterator[dict[tuple[int, int], Link]]:
    """A proxy for each way from one member to another: `links[one, other]` is how one reaches the other."""
    made = {(one, other): Link(ports[2 * other]) for one in range(size) for other in range(size) if one != other}
    try:
        for link in made.values():
            await link.up()
        yield made
    finally:
        for link in made.values():
            link.close()


async def flapping(cluster: Running, between: dict[tuple[int, int], Link], how: str, seconds: float) -> Trial:
    """Breaks all connections of the leader, in both directions, again and again; or only looks on. Raises NoLeader."""
    leader, term = await cluster.agreed(settle=1.0)
    asked = led = 0
    async with watched() as lag:
        end, following = time.monotonic() + seconds, time.monotonic() + FLAP_SECONDS
        while time.monotonic() < end:
            if how == FLAP and time.monotonic() >= following:
                following += FLAP_SECONDS
                for pair, link in between.items():
                    if leader in pair:
                        link.drop()
            views = await asyncio.gather(*map(cluster.view, cluster.everyone))
            leaders = [member for member, view in enumerate(views) if view is not None and view.leader == view.me]
            asked, led = asked + 1, led + bool(leaders)
            if leaders and leader not in leaders:
                leader = leaders[0]
            await asyncio.sleep(4 * POLL_SECONDS)
    _, newer = await cluster.agreed()
    return Trial(cluster.system.label, cluster.system.size, how, None, newer - term, lag.worst, led=led / asked)
