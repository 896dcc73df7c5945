"""What it costs to take part in many elections at once: three processes, each of which has a node in each of many
clusters of three, with real connections and files.

    python -m bench.many_elections [--count 1 100 1000] [--election "1 s .. 2 s"] [--heartbeat "300 ms"] [--seconds 30]
                                   [--save docs/many-elections.json] [--shown FILE] [--document]

A host that takes part in so many elections has timers as slow as these. When every cluster has a leader and some time
has passed, nothing happens but heartbeats; then the processor time and the memory of each process are measured. Needs
Linux: each node listens at a loopback address of its own (127.0.0.0/8), all of them on one port. A node has seven file
descriptors: a socket that listens, two connections to each peer, its file and its journal.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.measure import ROOT, machine
from bench.processes import cpu_seconds, open_files, resident
from bench.tables import markdown_table, replace_block
from generated.raft.node import PROCESS
from runtime.config import BadConfig, Config, Settings, settings_of
from runtime.node import Node, open_node

COMMAND = "python -m bench.many_elections"
DOCUMENT = ROOT / "docs" / "performance.md"
HOSTS = 3
DESCRIPTORS, OTHERS = 7, 100
"""Of each node, and of a process besides, with some to spare for what is dialled anew."""
SAID_SECONDS = 0.05
STEADY_SECONDS = 2.0
"""So long every cluster has to have had a leader before that counts."""
BREATH_SECONDS = 0.05


class Failed(Exception):
    """There was nothing to measure; says why."""


@dataclass(frozen=True)
class Host:
    """One process, while nothing but heartbeats happens."""

    leads: int
    cpu: float
    """Of one processor: 1.0 is all of it."""
    memory: int
    """Resident bytes."""
    bare: int
    """The same before any node was opened."""
    descriptors: int


@dataclass(frozen=True)
class Measured:
    """So many elections."""

    count: int
    opened: float
    """Seconds until all nodes were open: most of that is the making of their files."""
    led: float
    """Seconds from then until each election had a leader."""
    elected: int
    """Leaders that were elected while it was measured: none, if the timers suit the machine."""
    hosts: tuple[Host, ...]


@dataclass(frozen=True)
class Results:
    machine: str
    election: str
    heartbeat: str
    seconds: float
    measured: tuple[Measured, ...]


# A host ---------------------------------------------------------------------------------------------------------------


def settings_in(cluster: int, host: int, folder: Path, port: int, election: str, heartbeat: str) -> Settings:
    """Of one node. Raises BadConfig."""
    high, low = divmod(cluster, 250)
    config = Config(
        cluster=f"cluster{cluster}",
        node=f"node{host + 1}",
        members={f"node{each + 1}": f"127.{each + 1}.{high}.{low + 1}:{port}" for each in range(HOSTS)},
        state=str(folder / f"{cluster}-{host}.db"),
        timers={"election": election, "heartbeat": heartbeat},
    )
    return settings_of(config, {"node": PROCESS})


async def take_part(given: argparse.Namespace) -> None:
    """Opens a node in each cluster, and tells about them in lines of JSON until standard input ends."""
    leading: set[int] = set()
    nodes: list[Node] = []

    def changed(cluster: int) -> Callable[[int | None], None]:
        return lambda token: leading.discard(cluster) if token is None else leading.add(cluster)

    print(json.dumps({"bare": resident(os.getpid())}), flush=True)
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
    async with contextlib.AsyncExitStack() as stack:
        for cluster in range(given.count[0]):
            began = time.monotonic()
            settings = settings_in(cluster, given.host, given.folder, given.port, given.election, given.heartbeat)
            nodes.append(await stack.enter_async_context(open_node(settings, PROCESS)))
            nodes[-1].on_change(changed(cluster))
            # A file is opened in one go. Those that are open need as much time for themselves, or they hear of nobody.
            await asyncio.sleep(min(time.monotonic() - began, BREATH_SECONDS))
            if len(nodes) % 50 == 0:
                print(json.dumps({"nodes": len(nodes), "leads": len(leading)}), flush=True)
        print(json.dumps({"nodes": len(nodes)}), flush=True)
        last, is_open = None, time.monotonic()
        while not ended.done():
            said = {
                "open": is_open,
                "leads": len(leading),
                "elected": sum(one.replica.counts.elections.ended["won"] for one in nodes),
            }
            if said != last:
                last = said
                print(json.dumps({**said, "at": time.monotonic()}), flush=True)
            await asyncio.sleep(SAID_SECONDS)
        os._exit(0)  # to close them one by one would take its time, and nobody asks how they end


# All of them ----------------------------------------------------------------------------------------------------------


@dataclass
class Watched:
    """A host, and what it said last."""

    process: asyncio.subprocess.Process
    bare: int = 0
    nodes: int = 0
    open: float = 0.0
    leads: int = 0
    elected: int = 0
    at: float = 0.0

    async def listen(self) -> None:
        """Raises Failed when it ends."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            for name, value in json.loads(line).items():
                setattr(self, name, value)
        raise Failed("a host has ended; its errors are above")


@contextlib.asynccontextmanager
async def hosts(given: argparse.Namespace, count: int) -> AsyncIterator[list[Watched]]:
    folder = Path(tempfile.mkdtemp(prefix="elections-", dir=given.files))
    timers = ("--election", given.election, "--heartbeat", given.heartbeat, "--port", str(given.port))
    command = (sys.executable, "-m", "bench.many_elections", "--count", str(count), "--folder", str(folder), *timers)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    found: list[Watched] = []
    pipe = asyncio.subprocess.PIPE
    try:
        for host in range(HOSTS):
            process = await asyncio.create_subprocess_exec(
                *command, "--host", str(host), stdin=pipe, stdout=pipe, env=environment, cwd=ROOT
            )
            found.append(Watched(process))
        yield found
    finally:
        for one in found:
            with contextlib.suppress(ProcessLookupError):
                one.process.kill()
            await one.process.wait()
        shutil.rmtree(folder)


async def measure(given: argparse.Namespace, count: int) -> Measured:
    """Raises Failed."""
    began = time.monotonic()
    async with hosts(given, count) as watched:
        work = asyncio.ensure_future(_measure(given, watched, count, began))
        waiting = {work, *(asyncio.ensure_future(one.listen()) for one in watched)}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            next((one for one in done if one is not work), work).result()
            return await work
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


async def _measure(given: argparse.Namespace, watched: Sequence[Watched], count: int, began: float) -> Measured:
    """Raises Failed."""
    opened, led = await _all_led(watched, count, began, given.limit)
    await asyncio.sleep(STEADY_SECONDS)
    before, since = [cpu_seconds(one.process.pid) for one in watched], time.monotonic()
    elected = sum(one.elected for one in watched)
    await asyncio.sleep(given.seconds)
    passed = time.monotonic() - since
    found = []
    for one, cpu in zip(watched, before, strict=True):
        pid = one.process.pid
        found.append(Host(one.leads, (cpu_seconds(pid) - cpu) / passed, resident(pid), one.bare, open_files(pid)))
    return Measured(count, opened, led, sum(one.elected for one in watched) - elected, tuple(found))


async def _all_led(watched: Sequence[Watched], count: int, began: float, limit: float) -> tuple[float, float]:
    """Seconds until all nodes were open, and from then until each cluster had a leader. Raises Failed."""
    since = None
    while time.monotonic() < began + limit:
        await asyncio.sleep(SAID_SECONDS)
        if not all(one.open for one in watched) or sum(one.leads for one in watched) != count:
            since = None
            continue
        since = since or max(one.at for one in watched)
        if time.monotonic() - since >= STEADY_SECONDS:
            is_open = max(one.open for one in watched)
            return is_open - began, max(0.0, since - is_open)
    nodes, leads = min(one.nodes for one in watched), sum(one.leads for one in watched)
    raise Failed(
        f"{count} elections: after {limit:g} s each host has opened {nodes} nodes at least, and {leads} lead: "
        "the processors or the disk are too slow for so many with such timers"
    )


def allow_files(count: int) -> None:
    """Raises the limit of open files as far as it may be raised. Raises Failed where that is too little."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = DESCRIPTORS * count + OTHERS
    if most != resource.RLIM_INFINITY and needed > most:
        raise Failed(f"{count} elections need {needed} open files a process, and {most} are allowed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# What is shown --------------------------------------------------------------------------------------------------------


def shown(results: Results) -> str:
    """All of it as Markdown."""
    whole = [
        (
            f"{one.count:,}",
            f"{one.opened:.1f}",
            f"{one.led:.1f}",
            f"{sum(host.cpu for host in one.hosts):.1%}",
            str(one.elected),
        )
        for one in results.measured
    ]
    each = [
        (
            f"{one.count:,}",
            str(number + 1),
            str(host.leads),
            f"{host.cpu:.1%}",
            f"{host.cpu / one.count * 1e6:,.0f}",
            f"{host.memory / 2**20:.0f}",
            f"{(host.memory - host.bare) / one.count / 2**10:,.0f}",
            f"{host.descriptors:,}",
        )
        for one in results.measured
        for number, host in enumerate(one.hosts)
    ]
    titles = ("elections", "host", "leads", "CPU", "us a s and node", "MiB", "KiB a node", "open files")
    return (
        f"Election {results.election}, heartbeat {results.heartbeat}; {results.seconds:g} s. {results.machine}.\n\n"
        + markdown_table(("elections", "s to open", "s to leaders", "CPU of all three", "elected meanwhile"), whole)
        + "\nEach of the three processes:\n\n"
        + markdown_table(titles, each)
    )


def results_from(text: str) -> Results:
    """Results that were saved as JSON."""
    given = json.loads(text)
    measured = tuple(
        Measured(**{**one, "hosts": tuple(Host(**host) for host in one["hosts"])}) for one in given["measured"]
    )
    return Results(**{**given, "measured": measured})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; status 2 where there was nothing to measure."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--count", type=int, nargs="+", default=[1, 100, 1000], help="how many elections")
    parser.add_argument("--election", default="1 s .. 2 s")
    parser.add_argument("--heartbeat", default="300 ms")
    parser.add_argument("--seconds", type=float, default=30.0, help="for how long the processes are measured")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds until there have to be leaders")
    parser.add_argument("--port", type=int, default=7419, help="at which all nodes listen")
    parser.add_argument("--files", type=Path, metavar="FOLDER", help="where the nodes have their files")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the results as JSON")
    parser.add_argument("--shown", type=Path, metavar="FILE", help="measure nothing: show what was saved")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--host", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.host is not None:
        allow_files(given.count[0])
        logging.disable(logging.WARNING)  # peers that are not there yet, or have no time for a handshake
        asyncio.run(take_part(given))
        return 0
    try:
        if given.shown is not None:
            results = results_from(given.shown.read_text(encoding="utf-8"))
        else:
            allow_files(max(given.count))
            settings_in(0, 0, Path(), given.port, given.election, given.heartbeat)
            measured = tuple(asyncio.run(measure(given, count)) for count in given.count)
            results = Results(machine(), given.election, given.heartbeat, given.seconds, measured)
    except (Failed, BadConfig) as problem:
        print(problem, file=sys.stderr)
        return 2
    if given.save is not None:
        given.save.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    if given.document:
        replace_block(DOCUMENT, COMMAND, shown(results))
    print(shown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
