"""Runs of a simulated cluster: one, many on all cores, and the shortest one that goes wrong as well."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from codegen.python.loaded import loaded
from modelcheck.conformance.joint import NoStep
from modelcheck.conformance.watch import PropertyFalse, Watch, watch_of
from oneleader.simulation.world import World, schedule_of
from runtime.process import Name, Process
from runtime.replica import Took
from runtime.simulation.cluster import Cluster, DidTheImpossible, TwoLeaders, cluster_of
from runtime.simulation.record import Lines
from runtime.simulation.schedule import MENDS, Schedule, happen, shrunk
from spec.check import check
from spec.protocol import Protocol
from spec.source import Source

PATIENCE = 1.0
"""With less happening, a run may go wrong so many seconds later."""

Problem = PropertyFalse | NoStep | TwoLeaders
Processes = Mapping[str, Process[Any, Any]]


@dataclass(frozen=True)
class Counted:
    """What happened in a run. `steps` are those that were held against the model."""

    seed: int
    steps: int = 0
    elections: int = 0
    messages: int = 0
    faults: int = 0
    seconds: float = 0.0
    failed: bool = False


@dataclass(frozen=True)
class Run:
    """A run, and what is wrong with it, if anything is."""

    counted: Counted
    watch: Watch
    problem: Problem | None


def run(
    protocol: Protocol,
    processes: Processes,
    world: World,
    seed: int,
    schedule: Schedule,
    earlier: Watch | None = None,
) -> Run:
    """One run, up to its end or to what goes wrong. What was found out in an `earlier` one is used again."""
    watch, lines = watch_of(protocol, world.sizes, earlier), Lines()

    def seen(name: Name, took: Took) -> None:
        watch.took((name.kind, name.number), lines.line(took))

    problem: Problem | None = None
    faults = 0
    cluster = _cluster(protocol, processes, world, seed, seen)
    try:
        cluster.start_all()
        for one in schedule:
            cluster.run(one.at - cluster.loop.time())
            happen(cluster, one)
            faults += one.fault in MENDS
        cluster.run(world.seconds - cluster.loop.time())
    except (PropertyFalse, NoStep, TwoLeaders) as found:
        problem = found
    except DidTheImpossible as found:
        problem = _of_failure(watch, found)
    counted = Counted(
        seed,
        watch.steps,
        sum(member.elected for member in cluster.members.values()),
        cluster.network.carried,
        faults,
        cluster.loop.time(),
        problem is not None,
    )
    return Run(counted, watch, problem)


def _of_failure(watch: Watch, found: DidTheImpossible) -> Problem:
    try:
        watch.failed((found.name.kind, found.name.number), str(found.problem))
    except (PropertyFalse, NoStep) as problem:
        return problem
    raise AssertionError("a failure is explained or is none of the model")


def shortest(protocol: Protocol, processes: Processes, world: World, seed: int) -> tuple[int, Schedule, Run]:
    """How much happens in the run of a seed before it goes wrong; of that, what is needed to go wrong in the same way,
    and the run with nothing else."""
    whole = schedule_of(protocol, world, seed)
    first = run(protocol, processes, world, seed, whole)
    kind = _kind(first.problem)

    end = first.counted.seconds
    shorter = replace(world, seconds=end + PATIENCE)

    def fails(schedule: Schedule) -> bool:
        return _kind(run(protocol, processes, shorter, seed, schedule, first.watch).problem) == kind

    happened = tuple(one for one in whole if one.at <= end)
    schedule = shrunk(happened, fails)
    return len(happened), schedule, run(protocol, processes, world, seed, schedule, first.watch)


def _kind(problem: Problem | None) -> tuple[type, str]:
    return type(problem), problem.item.name if isinstance(problem, PropertyFalse) else ""


def _cluster(
    protocol: Protocol, processes: Processes, world: World, seed: int, seen: Callable[[Name, Took], None]
) -> Cluster:
    sizes = {kind.name: size for kind, size in zip(protocol.kinds, world.sizes, strict=True)}
    return cluster_of(
        processes,
        sizes,
        seed,
        world.link,
        world.timers,
        lambda random: random.uniform(*world.store),
        lambda random: 1 + random.uniform(-world.drift, world.drift),
        seen,
        lies="lie" in world.faults,
        started=False,
    )


# Many ----------------------------------------------------------------------------------------------------------------


@contextmanager
def emitted(protocol: Protocol, files: Mapping[str, str]) -> Iterator[Processes]:
    """The processes of an emitted package. A process that stops for good says so nowhere: the run is watched."""
    logger = logging.getLogger("oneleader")
    before = logger.disabled
    logger.disabled = True
    try:
        with loaded(protocol, files) as modules:
            yield {kind: module.PROCESS for kind, module in modules.items()}
    finally:
        logger.disabled = before


def many(protocol: Protocol, files: Mapping[str, str], world: World, seeds: range, jobs: int) -> Iterator[Counted]:
    """A run for each seed, in their order, on so many cores."""
    if jobs == 1 or len(seeds) == 1:
        with emitted(protocol, files) as processes:
            watch = None
            for seed in seeds:
                found = run(protocol, processes, world, seed, schedule_of(protocol, world, seed), watch)
                watch = found.watch
                yield found.counted
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    given = (protocol.source.name, protocol.source.text, dict(files), world)
    with context.Pool(min(jobs, len(seeds)), _begin, given) as pool:
        yield from pool.imap(_one, seeds)


_here: list[tuple[Protocol, Processes, World, Any]] = []
"""What a worker works on."""
_last: list[Watch] = []
"""Of the worker's last run."""


def _begin(name: str, text: str, files: Mapping[str, str], world: World) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who has asked
    protocol, _ = check(Source(name, text))
    context = emitted(protocol, files)
    _here.append((protocol, context.__enter__(), world, context))


def _one(seed: int) -> Counted:
    protocol, processes, world, _ = _here[0]
    found = run(protocol, processes, world, seed, schedule_of(protocol, world, seed), _last[0] if _last else None)
    _last[:] = [found.watch]
    return found.counted
