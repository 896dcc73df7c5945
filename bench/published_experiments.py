"""What was published of Raft's elections, and how it is done again here.

Only values that the texts state are here, none that were read off a plot:

- D. Ongaro, J. Ousterhout, "In search of an understandable consensus algorithm", extended version, 2014, section 9.3;
- D. Ongaro, "Consensus: Bridging Theory and Practice", 2014, chapter 9, which describes the same experiment and others.

In both, servers with a log that is behind another's do not get its vote. The spec of Raft's election has no logs; where
they matter, processes are ordered, and vote for none that is smaller than they are: of four that are left, two can win
then, as published. That is two lines of the spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from bench.split_votes import Cluster, closed_form
from codegen.python.package import package_of
from oneleader.tuning.distributions import Constant, Distribution, Exponential, Uniform, draw
from oneleader.tuning.trials import Processes, elections_after_crashes
from oneleader.tuning.world import World
from runtime.process import Name
from runtime.simulation.cluster import cluster_of
from runtime.simulation.world import Link
from spec.check import check
from spec.protocol import Protocol
from spec.source import Source

SPEC = Path(__file__).parent.parent / "spec" / "protocols" / "raft.elect"
ORDERED = (
    ("process node:", "process node ordered:"),
    (
        "if t == term and voted_for in {none, candidate}:",
        "if t == term and voted_for in {none, candidate} and candidate >= self:",
    ),
)
"""What makes the spec's processes vote as if each had a log of its own length."""


def processes_of(*, ordered: bool) -> tuple[Protocol, Mapping[str, str]]:
    """The shipped spec, or the one with an order instead of logs; and the files of its package."""
    text = SPEC.read_text(encoding="utf-8")
    if ordered:
        for old, new in ORDERED:
            assert text.count(old) == 1
            text = text.replace(old, new)
    protocol, _ = check(Source(SPEC.name, text))
    return protocol, {one.name: one.text for one in package_of(protocol, "runtime")}


@dataclass(frozen=True)
class Line:
    """One curve: a cluster of `nodes`, `down` of which are down besides the leader, with these timers, in milliseconds.

    `until_led` ends a trial when another process leads by the protocol, instead of when it knows that it does. A trial
    that is `fresh` has no leader before: those that are up begin with fresh timers."""

    name: str
    election: tuple[float, float]
    heartbeat: float
    world: World
    trials: int
    nodes: int = 5
    down: int = 0
    ordered: bool = False
    after_heartbeat: bool = False
    until_led: bool = False
    fresh: bool = False
    limit: float = 60.0
    published: Mapping[str, float | str] = field(default_factory=dict)
    """What the text says: `mean`, `median`, `worst`, `p999`, in milliseconds."""

    @property
    def timers(self) -> dict[str, tuple[float, float]]:
        heartbeat = self.heartbeat / 1000
        return {
            "election": (self.election[0] / 1000, self.election[1] / 1000),
            "heartbeat": (heartbeat, heartbeat),
        }


@dataclass(frozen=True)
class Experiment:
    """Curves that are drawn and tabled together."""

    name: str
    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Result:
    """Of some trials."""

    seconds: tuple[float, ...]
    rounds: tuple[int, ...]
    limited: int


@dataclass(frozen=True)
class Trials:
    """Some trials of a line: a task for a worker."""

    line: Line
    number: int
    count: int

    def __call__(self, processes: Processes) -> Result:
        line = self.line
        seed = Random(f"{line.name} {line.down} {line.fresh} {self.number}").getrandbits(48)
        if line.fresh:
            times = [_first(processes, line, seed + trial) for trial in range(self.count)]
            return Result(tuple(time for time, _ in times), tuple(terms for _, terms in times), 0)
        found = list(
            elections_after_crashes(
                processes,
                {"node": line.nodes},
                line.world,
                line.timers,
                seed,
                self.count,
                limit=line.limit,
                down=line.down,
                after_heartbeat=line.after_heartbeat,
            )
        )
        return Result(
            tuple(one.leads_after if line.until_led else one.seconds for one in found),
            tuple(one.rounds for one in found),
            sum(one.limited for one in found),
        )


def _first(processes: Processes, line: Line, seed: int) -> tuple[float, int]:
    """From when all that are up start at once until the first leads by the protocol, and its term."""
    world = line.world
    cluster = cluster_of(
        processes,
        {"node": line.nodes},
        seed,
        Link(draw=lambda random: world.delay_of(random.random())),
        line.timers,
        lambda random: draw(world.store, random),
        started=False,
    )
    for number in range(line.nodes - line.down):
        cluster.start(Name("node", number))
    cluster.run(line.limit, lambda: bool(cluster.led))
    found = cluster.loop.time(), max(cluster.led, default=0)
    cluster.close()
    return found


# The paper's figure 16 ------------------------------------------------------------------------------------------------

LAN = Uniform(0.0001, 0.0004)
WRITE = Exponential(0.005)
"""A broadcast, a round trip and what is written to disks, took about 15 ms. LogCabin's source (published later) writes
three times in a round, one after the other: the candidate its vote, the voter the new term, and its vote. So a write
takes about 5 ms; of how it varies nothing is published, and an exponential distribution is our choice."""


def _lan(low: float, high: float, trials: int = 1000, limit: float = 20.0, **published: float | str) -> Line:
    return Line(
        f"{low:g}-{high:g} ms",
        (low, high),
        low / 2,
        World(LAN, store=WRITE),
        trials,
        ordered=True,
        until_led=True,
        limit=limit,
        published=published,
    )


RANDOMNESS = Experiment(
    "randomness",
    "Five servers on a LAN: how random the timeouts are (the paper's figure 16, top)",
    (
        _lan(150, 150, 100, always="over 10 s"),
        _lan(150, 151),
        _lan(150, 155, median=287),
        _lan(150, 175),
        _lan(150, 200, worst=513),
        _lan(150, 300),
    ),
)
SCALE = Experiment(
    "scale",
    "Five servers on a LAN: how long the timeouts are (the paper's figure 16, bottom)",
    (
        _lan(12, 24, mean=35, worst=152),
        _lan(25, 50),
        _lan(50, 100),
        _lan(100, 200),
        _lan(150, 300),
    ),
)


def _disk(write: Distribution) -> Line:
    return replace(_lan(150, 155, median=287), name=f"150-155 ms, a write takes {write}", world=World(LAN, store=write))


DISKS = Experiment(
    "disks",
    "Five servers on a LAN: what of this depends on how long writes take (150-155 ms)",
    (
        _disk(Exponential(0.003)),
        _disk(WRITE),
        _disk(Exponential(0.007)),
        _disk(Uniform(0.0, 0.01)),
        _disk(Uniform(0.004, 0.01)),
    ),
)


# The dissertation's simulated WAN -------------------------------------------------------------------------------------


def _wan(down: int, *, fresh: bool, **published: float) -> Line:
    how = "fresh timers, until it leads" if fresh else "from a crash until it knows"
    return Line(
        f"{down} of 5 down, {how}",
        (300, 600),
        150,
        World(Uniform(0.030, 0.040)),
        10_000,
        down=down if fresh else down - 1,
        until_led=fresh,
        fresh=fresh,
        published=published,
    )


WIDE_AREA = Experiment(
    "wide-area",
    "Five servers far apart: 30 to 40 ms one way, timeouts of 300 to 600 ms (the dissertation's AvailSim)",
    (
        _wan(0, fresh=True),
        _wan(1, fresh=True, mean=475, p999=1500),
        _wan(2, fresh=True, mean=650, p999=3000),
        _wan(1, fresh=False),
        _wan(2, fresh=False),
    ),
)


# Common advice --------------------------------------------------------------------------------------------------------


def _advice(nodes: int, down: int, heartbeat: float, delay: Uniform, where: str) -> Line:
    of = f"{nodes} nodes" + (f", {down} more down" if down else "")
    return Line(
        f"{of}, {where}, heartbeat {heartbeat:g} ms",
        (300, 500),
        heartbeat,
        World(delay, store=Uniform(0.0, 0.002)),
        5000,
        nodes=nodes,
        down=down,
        published={"typical": "300-500", "worst": 2000},
    )


ADVICE = Experiment(
    "advice",
    "The common advice: election timeouts of 300 to 500 ms, a heartbeat of 100 to 150 ms",
    (
        _advice(3, 0, 100, Uniform(0.0005, 0.001), "near"),
        _advice(3, 0, 150, Uniform(0.0005, 0.001), "near"),
        _advice(5, 0, 100, Uniform(0.0005, 0.001), "near"),
        _advice(5, 0, 150, Uniform(0.0005, 0.001), "near"),
        _advice(5, 1, 100, Uniform(0.0005, 0.001), "near"),
        _advice(3, 0, 100, Uniform(0.01, 0.02), "10-20 ms apart"),
        _advice(5, 0, 100, Uniform(0.01, 0.02), "10-20 ms apart"),
        _advice(5, 1, 100, Uniform(0.01, 0.02), "10-20 ms apart"),
    ),
)


# The chain ------------------------------------------------------------------------------------------------------------

CHAINS = (
    Cluster(3, 2, 0.150, 0.300, 0.005),
    Cluster(3, 2, 0.150, 0.200, 0.010),
    Cluster(5, 4, 0.150, 0.250, 0.001),
    Cluster(5, 4, 0.150, 0.250, 0.010),
    Cluster(5, 4, 0.150, 0.250, 0.020),
    Cluster(5, 3, 0.150, 0.250, 0.020),
    Cluster(5, 4, 0.150, 0.170, 0.012),
    Cluster(7, 6, 0.150, 0.200, 0.010),
    Cluster(9, 5, 0.150, 0.250, 0.020),
)
PUBLISHED_SPLITS = {CHAINS[2]: "about 0.06 %", CHAINS[3]: "about 5.2 %", CHAINS[4]: "about 18.1 %"}
"""The dissertation's section 9.2, of five servers with one down and a range of 100 ms."""


def _chain(cluster: Cluster) -> Line:
    assert closed_form(cluster) < 1
    return Line(
        chain_name(cluster),
        (cluster.shortest * 1000, cluster.longest * 1000),
        50,
        World(Constant(cluster.latency)),
        5000,
        nodes=cluster.servers,
        down=cluster.servers - 1 - cluster.up,
        after_heartbeat=True,
    )


def chain_name(cluster: Cluster) -> str:
    low, high = cluster.shortest * 1000, cluster.longest * 1000
    return f"{cluster.up} of {cluster.servers} up, {low:g}-{high:g} ms, {cluster.latency * 1000:g} ms one way"


SPLITS = Experiment("splits", "Split votes: the simulation beside the chain", tuple(map(_chain, CHAINS)))
EXPERIMENTS = (RANDOMNESS, SCALE, DISKS, WIDE_AREA, ADVICE, SPLITS)
