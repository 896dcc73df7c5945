"""A simulated cluster of emitted nodes under observation, in which a leader settles, and crashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from oneleader.tuning.distributions import draw
from oneleader.tuning.world import World
from runtime.process import Name, Process
from runtime.simulation.cluster import Member, cluster_of
from runtime.simulation.loop import Due
from runtime.simulation.world import Link

Processes = Mapping[str, Process[Any, Any]]
"""The kinds of process of an emitted package, by name."""
Timings = Mapping[str, tuple[float, float]]
"""Timers by name, with their shortest and longest durations in seconds, instead of the spec's."""

LIMIT = 60.0
TAIL = 0.99
"""Before a leader is taken to be settled, what takes longer than this part of all is not waited for."""


class NeverSettled(Exception):
    """No process has led for long enough, though nothing has crashed."""


@dataclass(frozen=True)
class Election:
    """What became of one crash. `seconds` are from the crash of the leader until another process knew that it led: with
    `confirmed by` in the spec, until a quorum had answered it; without, until it led by the protocol."""

    seconds: float
    rounds: int
    """By how much the new leader's token is the greater. Where each attempt at an election has a number, and that is
    the token (a term, a ballot), this is how many attempts there were. 0 where nobody led."""
    leads_after: float
    """Seconds until the first other process led by the protocol, which it may not have known yet."""
    split: bool
    """Whether one attempt was not enough, so that votes were split or lost."""
    messages: int
    """That arrived from the crash on."""
    limited: bool = False
    """Nobody knew that it led within the limit, which `seconds` is then."""


class Trial:
    """A cluster under observation."""

    def __init__(
        self, processes: Processes, sizes: Mapping[str, int], world: World, timers: Timings, seed: str, limit: float
    ) -> None:
        self.random = Random(f"trial {seed}")
        self.world = world
        self.limit = limit
        self.slow = 4 * world.delay.quantile(TAIL) + 2 * world.store.quantile(TAIL)
        """What is on its way has arrived by then, but for few messages."""
        self.asks = False
        """Whether services ask for the lead."""
        self._paused_until: dict[Name, float] = {}
        self._to_come: list[Due] = []
        self.cluster = cluster_of(
            processes,
            sizes,
            self.random.getrandbits(64),
            Link(
                duplication=world.duplication,
                in_order=world.in_order,
                draw=lambda random: world.delay_of(random.random()),
            ),
            timers,
            lambda random: draw(world.store, random),
            started=False,
        )
        # One after the other, as people start them: timers without any randomness would never elect a first leader.
        longest = max(
            (timer.longest for one in self.cluster.members.values() for timer in one.process.timers.values()),
            default=0.0,
        )
        for name in self.cluster.members:
            self.cluster.loop.call_at(self.random.uniform(0.0, longest), self.cluster.start, name)
        for member in self.cluster.members.values():
            member.loop.timers_last = True  # as in a node: see runtime/transport/connection.py
            self._pause_now_and_then(member)
            self._ask_now_and_then(member)

    def run(self, seconds: float) -> None:
        self.cluster.run(seconds)

    def run_alone(self, until: float) -> None:
        """Lets time pass up to a moment. Whenever there is another leader, those before it are ended a little later."""
        cluster = self.cluster
        while cluster.loop.time() < until:
            tokens = len(cluster.led)
            if cluster.run(until - cluster.loop.time(), lambda: len(cluster.led) > tokens):  # noqa: B023 - called at once
                cluster.loop.call_later(self.period(self._newest()) + self.slow, self.end_old_leaders)

    def settle(self) -> Name:
        """Waits for a leader that knows it and that everybody has heard of. Raises NeverSettled."""
        cluster = self.cluster
        end = cluster.loop.time() + self.limit
        while self._wait_for_leader(0, end - cluster.loop.time()):
            leader = self._newest()
            cluster.run(self.period(leader) + self.slow)
            self.end_old_leaders()
            if leader == self._newest() and self.knows(leader):
                return leader
        raise NeverSettled(f"no process has led for long within {self.limit:g} s after the start")

    def end_old_leaders(self) -> None:
        """Starts anew whatever still leads with an older token than the newest, and by now should have heard of it.
        Where a protocol never tells (a lock that has expired), the service is told by what it writes to, which refuses
        the older token."""
        cluster, newest = self.cluster, self._newest()
        for name in cluster.leaders():
            if name != newest and not cluster.members[name].loop.is_paused:
                cluster.kill(name)
                cluster.start(name)

    def knows(self, name: Name) -> bool:
        member = self.cluster.members[name]
        return member.replica is not None and not member.loop.is_paused and member.replica.leading() is not None

    def period(self, leader: Name) -> float:
        """How long a leader's heartbeat takes to come again: the longest duration of the quickest of the timers that it
        has armed; 0 where it has none."""
        member = self.cluster.members[leader]
        armed = member.replica.state.armed if member.replica is not None else ()
        return min((member.process.timers[timer].longest for timer in armed), default=0.0)

    def to_heartbeat(self, leader: Name) -> None:
        """Waits until the quickest of the leader's timers has run out once more, and has had its effect."""
        replica = self.cluster.members[leader].replica
        assert replica is not None
        timer = min(replica.state.armed, key=lambda one: replica.process.timers[one].longest, default=None)
        if timer is not None:
            before = replica.counts.timeouts[timer]
            self.cluster.run(self.limit, lambda: replica.counts.timeouts[timer] > before)

    def crash(self, leader: Name, down: int) -> Election:
        """Crashes the leader and so many others of its kind, and waits for another leader."""
        cluster = self.cluster
        tokens, messages, began = len(cluster.led), cluster.network.carried, cluster.loop.time()
        old = max(cluster.led)
        others = [name for name in cluster.members if name.kind == leader.kind and name != leader]
        for name in (leader, *self.random.sample(others, down)):
            cluster.kill(name, seen=self.world.seen)
        found = cluster.run(self.limit, lambda: len(cluster.led) > tokens)
        leads_after = cluster.loop.time() - began
        found = found and self._wait_for_leader(tokens, self.limit - leads_after)
        seconds = cluster.loop.time() - began
        rounds = max(cluster.led) - old if found else 0
        carried = cluster.network.carried - messages
        return Election(seconds, rounds, leads_after, rounds > 1 or not found, carried, limited=not found)

    def restart(self) -> None:
        """Starts whatever is down."""
        self.cluster.start_all()

    def close(self) -> None:
        self.cluster.close()

    def _newest(self) -> Name:
        led = self.cluster.led
        return led[next(reversed(led))]

    def _wait_for_leader(self, tokens: int, seconds: float) -> bool:
        """Waits until a process knows that it leads, with a token later than so many; whether one does."""
        led = self.cluster.led

        def known() -> bool:
            return len(led) > tokens and self.knows(self._newest())

        return self.cluster.run(seconds, known)

    # What the world does --------------------------------------------------------------------------------------------

    def pause_at(self, name: Name, after: float, seconds: float) -> None:
        """Lets a process do nothing for so long, from so many seconds from now on. Pauses may overlap."""
        loop, until = self.cluster.loop, self._paused_until

        def pause() -> None:
            ends = loop.time() + seconds
            if ends > until.get(name, 0.0):
                until[name] = ends
                self.cluster.members[name].loop.pause()
                loop.call_at(ends, resume, ends)

        def resume(ends: float) -> None:
            if until.get(name) == ends:
                del until[name]
                self.cluster.members[name].loop.resume()

        self._to_come.append(loop.call_later(after, pause))

    def wake(self) -> None:
        """Ends all pauses, and those that are still to come by `pause_at`."""
        for due in self._to_come:
            due.cancel()
        self._to_come.clear()
        for name in list(self._paused_until):
            del self._paused_until[name]
            self.cluster.members[name].loop.resume()

    def _pause_now_and_then(self, member: Member) -> None:
        pauses = self.world.pauses
        if pauses is None:
            return
        random, loop = Random(self.random.getrandbits(64)), self.cluster.loop

        def next_one() -> None:
            self.pause_at(member.name, 0.0, draw(pauses.lasting, random))
            self._to_come.clear()
            loop.call_later(random.expovariate(1 / pauses.apart), next_one)

        loop.call_later(random.expovariate(1 / pauses.apart), next_one)

    def _ask_now_and_then(self, member: Member) -> None:
        """A service asks for whatever its process takes, but for what has arguments, while that does not lead."""
        asked = tuple(name for name in member.process.inputs if name not in member.process.arguments)
        asked += tuple(member.process.actions)
        if not asked:
            return
        self.asks = True
        random, loop = Random(self.random.getrandbits(64)), self.cluster.loop

        def ask() -> None:
            if member.replica is not None and member.replica.token is None:
                self.cluster.ask(member.name, random.choice(asked))
            loop.call_later(random.expovariate(1 / self.world.asks), ask)

        loop.call_later(random.expovariate(1 / self.world.asks), ask)
