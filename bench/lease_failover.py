"""How soon another holder of a lock writes after one that died or was paused, and whether anything stale lands.

    python -m bench.lease_failover [--system embedded hosted etcd zookeeper kubernetes consul] [--trials 20]
        [--pauses 100] [--save FILE]

Three services, each with the emitted client of spec/protocols/lease.elect, write all the time that they hold the lock,
each to one store that compares tokens. The holder is killed, or stopped for longer than its lease and woken again. What
is measured is the time until the store takes the first write with a newer token, as the store saw it. A holder that
wakes goes on to write with its old token, without a look at the clock: these are the stale writes that were attempted.
Kubernetes and Consul are stand-ins, written from the documented API for the tests; Consul's time passes ten times as
fast, and so a client may count on a tenth of what it asks for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.lease_store import Store
from bench.servers import (
    ConsulStandIn,
    EtcdServer,
    HostingGroup,
    KubernetesStandIn,
    Server,
    ZooKeeperServer,
    free_ports,
)

CLIENTS = 3
PATIENCE = 60.0
SETTLES = 0.3
"""Seconds for which a holder holds at least before something is done to it."""
PHASE = 0.5
"""And up to so much more, at random: etcd looks for leases that are over twice a second, and grants come then."""


@dataclass(frozen=True)
class Setting:
    """A lock service, and how long all is to last: `lease` is its time to live."""

    system: str
    lease: str
    deadline: str
    pace: str
    server: Callable[[Path], Server] | None = None
    path: str = ""
    speed: float = 1.0
    """How much faster time passes at the lock service."""

    @property
    def seconds(self) -> float:
        amount, unit = self.lease.split()
        return float(amount) / (1000 if unit == "ms" else 1) / self.speed


# With etcd and ZooKeeper a third of the time to live is between two renewals, as with their usual clients.
SETTINGS = {
    "embedded": Setting("embedded", "250 ms", "180 ms", "40 ms"),
    "hosted": Setting("hosted", "250 ms", "180 ms", "40 ms", HostingGroup, "/lease"),
    "etcd": Setting("etcd", "1 s", "800 ms", "330 ms", EtcdServer, "/lease"),
    "zookeeper": Setting("zookeeper", "500 ms", "400 ms", "165 ms", ZooKeeperServer, "/lease?tick=0"),
    "kubernetes": Setting("kubernetes", "1 s", "800 ms", "150 ms", KubernetesStandIn, "/default/lease"),
    "consul": Setting("consul", "10 s", "800 ms", "150 ms", ConsulStandIn, "/lease", speed=10.0),
}


@dataclass(frozen=True)
class Found:
    """What came of the trials on one system; times in seconds. Of the stale writes, `believed` are those that were sent
    while the clock still said that the lock was held: the pause came between that look and the write."""

    system: str
    lease_seconds: float
    killed: tuple[float, ...]
    paused: tuple[float, ...]
    taken: int
    stale_attempted: int
    stale_taken: int
    believed: int
    in_order: bool


@dataclass
class World:
    """A store, a lock service, and the services that want the lock."""

    folder: Path
    setting: Setting
    store: Store
    address: str
    """Of the lock service; nothing for the spec's own."""
    reached: Mapping[str, str]
    """Where a client reaches the lock service, if that is another address."""
    members: Mapping[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, node: str) -> None:
        path = self.folder / f"{node}.toml"
        timers = {
            "lease": self.setting.lease,
            "deadline": self.setting.deadline,
            "asked": self.setting.deadline,
            "pace": self.setting.pace,
        }
        lines = [f'cluster = "bench"\nnode = "{node}"\nstate = "{self.folder}/{node}.state"']
        lines += [f'trace = "{self.folder}/{node}.ndjson"']
        address = self.reached.get(node, self.address)
        lines += [f'coordination = "{address}"'] if address else []
        for section, entries in {"timers": timers, "members": self.members}.items():
            lines += [f"[{section}]", *(f'{name} = "{value}"' for name, value in entries.items())] if entries else []
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [sys.executable, "-m"]
        if node.startswith("client"):
            command += ["bench.lease_service", str(path), f"127.0.0.1:{self.store.port}"]
        else:
            command += ["generated.lease", str(path)]
        with (self.folder / f"{node}.log").open("ab") as log:
            self.processes[node] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def signal(self, node: str, number: signal.Signals) -> None:
        self.processes[node].send_signal(number)
        if number is signal.SIGKILL:
            self.processes.pop(node).wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()


@contextlib.asynccontextmanager
async def world(
    setting: Setting, folder: Path, clients: int = CLIENTS, between: Callable[[str, str], str] | None = None
) -> AsyncIterator[World]:
    """All of it at work; nothing is left behind. `between` says where a client reaches a lock service, given its name
    and that one's address."""
    store = Store()
    server = await asyncio.start_server(store.serve, "127.0.0.1", 0)
    store.port = server.sockets[0].getsockname()[1]
    with _lock_service(setting, folder) as address:
        names = [f"client{number + 1}" for number in range(clients)]
        members: dict[str, str] = {}
        if not address:
            names = ["lock_service1", *names]
            members = {name: f"127.0.0.1:{port}" for name, port in zip(names, free_ports(len(names)), strict=True)}
        reached = {name: between(name, address) for name in names} if between is not None else {}
        whole = World(folder, setting, store, address, reached, members)
        try:
            for name in names:
                whole.start(name)
            yield whole
        finally:
            whole.stop()
            server.close()
            while store.connected:
                await asyncio.sleep(0.01)


@contextlib.contextmanager
def _lock_service(setting: Setting, folder: Path) -> Iterator[str]:
    """Where it is; nothing for the spec's own."""
    if setting.server is None:
        yield ""
        return
    place = folder / setting.system
    place.mkdir()
    server = setting.server(place)
    server.start()
    try:
        yield f"{setting.system}://{server.hosts}{setting.path}"
    finally:
        server.kill()


async def holder(whole: World, above: int = -1) -> tuple[str, int]:
    """Who holds the lock, and with which token: whoever wrote last, once it has held for a moment."""
    async with asyncio.timeout(PATIENCE):
        while True:
            first = await whole.store.first_taken(max(len(whole.store.seen) - 1, 0), above)
            await asyncio.sleep(SETTLES + random.uniform(0, PHASE))
            last = [seen for seen in whole.store.seen if seen.taken][-1]
            if last.write.token == first.write.token and time.monotonic() - last.at < SETTLES / 2:
                return last.write.node, last.write.token


async def killed(whole: World) -> float:
    """Seconds from the death of a holder to the next holder's first write."""
    node, token = await holder(whole)
    after, began = len(whole.store.seen), time.monotonic()
    whole.signal(node, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        seen = await whole.store.first_taken(after, token)
    whole.start(node)
    return seen.at - began


async def paused(whole: World) -> float:
    """As `killed`, of a holder that is stopped, and woken when another has written."""
    node, token = await holder(whole)
    after, began = len(whole.store.seen), time.monotonic()
    whole.signal(node, signal.SIGSTOP)
    try:
        async with asyncio.timeout(PATIENCE):
            seen = await whole.store.first_taken(after, token)
            await asyncio.sleep(0.05)
    finally:
        whole.signal(node, signal.SIGCONT)
    return seen.at - began


async def measure(setting: Setting, trials: int, pauses: int, folder: Path, tell: Callable[[str], None]) -> Found:
    async with world(setting, folder) as whole:
        killing, pausing = [], []
        for number in range(max(trials, pauses)):
            if number < trials:
                killing.append(await killed(whole))
            if number < pauses:
                pausing.append(await paused(whole))
            tell(f"{setting.system}: {number + 1} of {max(trials, pauses)}")
        await asyncio.sleep(0.3)
        seen = whole.store.seen
    refused = [one for one in seen if not one.taken]
    tokens = [one.write.token for one in seen if one.taken]
    stale = sum(later < max(tokens[: at + 1]) for at, later in enumerate(tokens))
    return Found(
        setting.system,
        setting.seconds,
        tuple(killing),
        tuple(pausing),
        len(tokens),
        len(refused) + stale,
        stale,
        sum(one.write.believed for one in refused),
        whole.store.in_order(),
    )


HEAD = """\
| lock service | time to live | killed | paused | writes taken | stale, attempted | stale, taken |
|---|---|---|---|---|---|---|"""


def row(one: Found) -> str:
    """Milliseconds: median, 95th percentile, most."""
    cells = (f"{one.lease_seconds:g} s", _times(one.killed), _times(one.paused), f"{one.taken:,}")
    stale = (f"{one.stale_attempted:,} ({one.believed} sent in good faith)", str(one.stale_taken))
    return f"| {' | '.join((one.system, *cells, *stale))} |"


def _times(seconds: Sequence[float]) -> str:
    if not seconds:
        return "-"
    ordered = sorted(seconds)
    parts = (statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], ordered[-1])
    return " / ".join(f"{part * 1000:.0f}" for part in parts)


def _tell(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{line}", end="", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", nargs="+", choices=SETTINGS, default=[*SETTINGS])
    parser.add_argument("--trials", type=int, default=20, help="holders that are killed, on each system")
    parser.add_argument("--pauses", type=int, default=100, help="holders that are paused, on each system")
    parser.add_argument("--save", type=Path, help="write all times to this file, as JSON")
    given = parser.parse_args(arguments)
    found = []
    print(HEAD)
    for name in given.system:
        with tempfile.TemporaryDirectory(prefix="lease-") as folder:
            found.append(asyncio.run(measure(SETTINGS[name], given.trials, given.pauses, Path(folder), _tell)))
        print(row(found[-1]), flush=True)
        if given.save is not None:
            given.save.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", encoding="utf-8")
    if not all(one.in_order and one.stale_taken == 0 for one in found):
        raise SystemExit("a stale write was taken")


if __name__ == "__main__":
    main()
