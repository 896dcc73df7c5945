"""Nodes as real processes, killed, stopped and cut off at random for some time, with disks that fail; then what they
did is looked at.

    python -m tests.chaos [--seconds 3600] [--nodes 3] [--seed N] [--network namespaces|proxy] [--folder FOLDER]

Every token was led with by one node; every write behind the fence is in the order of tokens; every trace is a behaviour
of the model; no node ended by itself, but for those whose disk failed; and in the end somebody leads. Ctrl-C ends a run
early, and what happened until then is looked at.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos.disks import Images, Limits, NoImages, Sound
from tests.chaos.faults import Disks, Network
from tests.chaos.judgement import Figures, judged
from tests.chaos.leftovers import remove_leftovers, run_name
from tests.chaos.namespaces import Namespaces, NoNamespaces
from tests.chaos.proxy import Proxies
from tests.chaos.world import APPLICATION, World

NETWORKS = ("auto", "namespaces", "proxy")
DISKS = ("auto", "images", "limits", "sound")


@dataclass(frozen=True)
class Request:
    """What a run is to be. What is `auto` is as hard as the machine allows for."""

    folder: Path
    seconds: float
    seed: int
    nodes: int = 3
    network: str = "auto"
    disks: str = "auto"
    application: Sequence[str] = APPLICATION


@contextlib.asynccontextmanager
async def network_of(request: Request, random: Random) -> AsyncIterator[Network]:
    """Raises NoNamespaces, if these and no others are wanted."""
    network: Network = Namespaces(request.nodes, random, run_name())
    if request.network == "proxy":
        network = Proxies(request.nodes, random)
    try:
        try:
            await network.open()
        except NoNamespaces as problem:
            if request.network != "auto":
                raise
            print(f"no namespaces: {problem}", flush=True)
            network = Proxies(request.nodes, random)
            await network.open()
        yield network
    finally:
        await network.close()


@contextlib.contextmanager
def disks_of(request: Request, random: Random) -> Iterator[Disks]:
    """Raises NoImages, if these and no others are wanted."""
    disks: Disks = Images(request.nodes, random, run_name(), request.folder)
    if request.disks == "limits":
        disks = Limits(random, request.folder, "as it was asked for")
    elif request.disks == "sound":
        disks = Sound(request.folder, ("no disk fails, as it was asked for",))
    try:
        try:
            disks.open()
        except NoImages as problem:
            if request.disks != "auto":
                raise
            if sys.platform == "linux":
                disks = Limits(random, request.folder, str(problem))
            else:
                disks = Sound(request.folder, (f"no disk fails: {problem}",))
        yield disks
    finally:
        disks.close()


async def suffer(request: Request) -> World:
    """A run, of which nothing is left but its folder."""
    random = Random(request.seed)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopped() -> None:
        stop.set()
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(each)  # the next one does not wait

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(each, stopped)
    with disks_of(request, random) as disks:
        async with network_of(request, random) as network:
            print(f"network: {'; '.join(network.told)}\ndisks: {'; '.join(disks.told)}", flush=True)
            world = World(request.folder, request.nodes, random, network, disks, request.application)
            try:
                await world.open()
                await world.suffer(request.seconds, stop)
            finally:
                await world.close()
    return world


def report(request: Request, world: World, found: Figures) -> str:
    """What happened, in lines."""
    faults = ", ".join(f"{name} {count}" for name, count in sorted(world.faults.items()))
    return "\n".join(
        (
            f"seed {request.seed}, {request.nodes} nodes, {world.seconds:.0f} s",
            f"{world.faults.total()} faults: {faults}; mended {world.mended} times",
            f"nodes: {world.starts} starts, {world.stores_failed} stops by a failed store",
            f"elections: {found.elections} won, and {found.tokens} of the tokens written with",
            f"writes: {found.accepted} accepted, {found.rejected} rejected",
            f"traces: {found.steps} steps validated, {found.inferred} inferred",
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--network", choices=NETWORKS, default="auto")
    parser.add_argument("--disks", choices=DISKS, default="auto")
    parser.add_argument(
        "--folder", type=Path, help="where all of it is left; else it is kept only if anything is wrong"
    )
    given = parser.parse_args()
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="chaos-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    request = Request(folder, given.seconds, given.seed, given.nodes, given.network, given.disks)
    if removed := remove_leftovers():
        print(f"removed what was left of {len(removed)} run(s) that had been killed", flush=True)
    print(f"seed {given.seed}, in {folder}", flush=True)
    try:
        world = asyncio.run(suffer(request))
    except (NoNamespaces, NoImages) as problem:
        print(problem, file=sys.stderr)
        if given.folder is None:
            shutil.rmtree(folder)
        return 2
    found = judged(world)
    print(report(request, world, found))
    for wrong in found.problems:
        print(wrong, file=sys.stderr)
    if not found.problems and given.folder is None:
        shutil.rmtree(folder)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
