"""One simulated trial at a time, of emitted nodes: a leader crashes and another one takes its place; or nothing
crashes, and it is counted what happens all the same.

The nodes are those that are deployed, in a simulated world (`runtime.simulation`). Nothing here knows of a protocol
more than what its processes say of themselves: who leads with which token, and who knows it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from oneleader.tuning.trial import LIMIT, TAIL, Election, NeverSettled, Processes, Timings, Trial
from oneleader.tuning.world import World

__all__ = [
    "LIMIT",
    "TAIL",
    "Election",
    "Idle",
    "NeverSettled",
    "Processes",
    "Timings",
    "Trial",
    "election_after_crash",
    "elections_after_crashes",
    "idle",
    "silenced",
]


@dataclass(frozen=True)
class Idle:
    """What happened in a stretch of time in which nothing crashed, from a leader that was settled on."""

    seconds: float
    messages: int
    """That arrived."""
    false_elections: int
    """How often a process began to lead, all the same: with a token that nobody had led with before."""
    led: float
    """For how many of these seconds somebody knew that it led, found out by looking at random moments."""

    @property
    def messages_per_second(self) -> float:
        return self.messages / self.seconds


@contextmanager
def silenced() -> Iterator[None]:
    """Around trials: a simulated process that stops for good is not to be read of in the log."""
    logger = logging.getLogger("oneleader")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before


def election_after_crash(
    processes: Processes,
    sizes: Mapping[str, int],
    world: World,
    timers: Timings,
    seed: int,
    *,
    limit: float = LIMIT,
    down: int = 0,
    after_heartbeat: bool = False,
) -> Election:
    """Crashes a settled leader, at a moment that is uniform within its heartbeat period (as in the experiments of
    D. Ongaro and J. Ousterhout, "In search of an understandable consensus algorithm", 2014, section 9.3), and waits for
    another to know that it leads, for `limit` seconds at most. Other processes of its kind, `down` of them, crash in
    the same moment. With `after_heartbeat` the moment is that in which it has just sent a heartbeat.

    The same seed gives the same trial. Raises NeverSettled."""
    several = elections_after_crashes(
        processes, sizes, world, timers, seed, 1, limit=limit, down=down, after_heartbeat=after_heartbeat
    )
    return next(several)


def elections_after_crashes(
    processes: Processes,
    sizes: Mapping[str, int],
    world: World,
    timers: Timings,
    seed: int,
    count: int,
    *,
    limit: float = LIMIT,
    down: int = 0,
    after_heartbeat: bool = False,
) -> Iterator[Election]:
    """So many trials as `election_after_crash` makes one, in one cluster after each other: what has crashed is started
    again, and the next trial begins when the leader is settled anew. By then every timer has been drawn anew, so that
    no trial depends on the one before it. It takes half the time, and processes have to be able to start again.
    Raises NeverSettled."""
    trial: Trial | None = None
    for number in range(count):
        if trial is None:
            trial = Trial(processes, sizes, world, timers, f"{seed} {number}", limit)
        leader = trial.settle()
        if after_heartbeat:
            trial.to_heartbeat(leader)
        else:
            trial.run(trial.random.uniform(0.0, trial.period(leader)))
            while not trial.knows(leader):  # it was replaced without a crash
                leader = trial.settle()
                trial.run(trial.random.uniform(0.0, trial.period(leader)))
        found = trial.crash(leader, down)
        yield found
        if found.limited:
            trial.close()
            trial = None
        else:
            trial.restart()
    if trial is not None:
        trial.close()


def idle(
    processes: Processes,
    sizes: Mapping[str, int],
    world: World,
    timers: Timings,
    seed: int,
    seconds: float,
    *,
    limit: float = LIMIT,
) -> Idle:
    """Lets a cluster with a settled leader alone for so many simulated seconds. The same seed gives the same stretch.
    Raises NeverSettled."""
    trial = Trial(processes, sizes, world, timers, f"idle {seed}", limit)
    trial.settle()
    cluster = trial.cluster
    messages, tokens, began = cluster.network.carried, len(cluster.led), cluster.loop.time()
    looks = max(int(seconds * 2), 20)
    moments = sorted(trial.random.uniform(0.0, seconds) for _ in range(looks))
    led = 0
    for moment in (*moments, seconds):
        trial.run_alone(began + moment)
        led += bool(cluster.knowing())
    led -= bool(cluster.knowing())  # the end is no random moment
    found = Idle(seconds, cluster.network.carried - messages, len(cluster.led) - tokens, seconds * led / looks)
    trial.close()
    return found
