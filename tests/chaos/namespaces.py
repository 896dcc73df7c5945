"""A network of the kernel's own: each node in a network namespace, with a cable to a switch in another one.

It needs Linux, root, and iproute2; delays and losses need what the kernel and the machine happen to have. Nothing is
made in the machine's own network, so that all of it goes with the namespaces.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from shutil import which

from tests.chaos.faults import Fault
from tests.chaos.leftovers import remove

NEEDED = ("ip", "tc", "ss", "nsenter")
PORT = 7000
NOBODY = "02:00:00:00:00:ff"
"""Frames to this address reach no node."""
SLOW = ("tbf", "rate", "16kbit", "burst", "1600", "latency", "400ms")
"""A line that is too narrow for what is sent: it queues, and then it is lost."""
LOSSES = """
add table inet chaos
add chain inet chaos in { type filter hook input priority 0; }
flush chain inet chaos in
"""


class NoNamespaces(Exception):
    """They cannot be had here; says why."""


@dataclass
class Namespaces:
    """A `faults.Network`. Raises NoNamespaces from `open`."""

    count: int
    random: Random
    name: str
    cut: set[tuple[int, int]] = field(default_factory=set)
    """Ways from one node to another on which frames are lost."""
    unplugged: set[int] = field(default_factory=set)
    slow: set[int] = field(default_factory=set)
    lossy: set[int] = field(default_factory=set)
    delays: bool = False
    losses: bool = False

    @property
    def told(self) -> Sequence[str]:
        delays = "delays by netem" if self.delays else "slow lines by tbf, as the kernel has no netem"
        if self.delays or self.losses:
            losses = f"losses by {'nft' if self.losses else 'netem'}"
        else:
            losses = "without random losses, as there is neither netem nor nft"
        return (f"a namespace for each node, {delays}, {losses}",)

    async def open(self) -> None:
        if sys.platform != "linux" or os.geteuid() != 0:
            raise NoNamespaces("network namespaces need Linux, and root")
        if missing := [program for program in NEEDED if which(program) is None]:
            raise NoNamespaces(f"{', '.join(missing)} not found (on Debian: apt install iproute2)")
        try:
            self._make()
        except subprocess.CalledProcessError as problem:
            await self.close()
            raise NoNamespaces(f"`{' '.join(problem.cmd)}`: {problem.stderr.strip()}") from problem

    def _make(self) -> None:
        switch = f"{self.name}-switch"
        _run("ip", "netns", "add", switch)
        _run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", switch, "link", "set", "br0", "up")
        for node in range(self.count):
            inside, port = self._inside(node), f"port{node}"
            _run("ip", "netns", "add", inside)
            cable = ("type", "veth", "peer", "name", "eth0", "netns", inside)
            _run("ip", "-n", switch, "link", "add", port, *cable)
            _run("ip", "-n", switch, "link", "set", port, "master", "br0", "up")
            _run("ip", "-n", inside, "link", "set", "eth0", "address", _hardware(node))
            _run("ip", "-n", inside, "address", "add", f"{_host(node)}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _run("ip", "-n", inside, "link", "set", device, "up")
        for one in range(self.count):
            for other in range(self.count):
                if one != other:
                    self._neighbour(one, other, _hardware(other))
        self.delays = self._try("tc", "-n", self._inside(0), "qdisc", "replace", "dev", "eth0", "root", "netem")
        self._try("tc", "-n", self._inside(0), "qdisc", "delete", "dev", "eth0", "root")
        self.losses = which("nft") is not None and all(self._lose(node, 0) for node in range(self.count))

    def addresses(self, node: int) -> list[str]:
        return [f"{_host(other)}:{PORT}" for other in range(self.count)]

    def command(self, node: int) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self._inside(node)}"]

    async def started(self, node: int) -> None:
        """Nothing: nobody listens at a dead node's address, and a living one's needs no help."""

    async def ended(self, node: int) -> None:
        """Nothing; see `started`."""

    def faults(self) -> list[Fault]:
        found = [
            Fault("link cut one way", 2, self._cut_one_way),
            Fault("cable pulled", 1, self._unplug),
            Fault("network split", 1, self._split),
            Fault("connections dropped", 2, self._drop),
            Fault("line slow", 1, self._slow),
        ]
        if self.delays or self.losses:
            found.append(Fault("packets lost", 1, self._lossy))
        return found

    async def mend(self) -> None:
        for one, other in sorted(self.cut):
            self._neighbour(one, other, _hardware(other))
        for node in sorted(self.unplugged):
            _run("ip", "-n", f"{self.name}-switch", "link", "set", f"port{node}", "up")
        for node in sorted(self.slow):
            self._try("tc", "-n", self._inside(node), "qdisc", "delete", "dev", "eth0", "root")
        for node in sorted(self.lossy):
            self._lose(node, 0)
        for each in (self.cut, self.unplugged, self.slow, self.lossy):
            each.clear()

    async def close(self) -> None:
        remove(self.name)

    def _inside(self, node: int) -> str:
        return f"{self.name}-node{node + 1}"

    def _neighbour(self, one: int, other: int, hardware: str) -> None:
        """What one node believes to be the other's hardware address; it never asks."""
        where = ("dev", "eth0", "nud", "permanent")
        _run("ip", "-n", self._inside(one), "neighbour", "replace", _host(other), "lladdr", hardware, *where)

    def _cut(self, ways: set[tuple[int, int]]) -> bool:
        """No frame passes on these ways, and nobody is told."""
        changed = ways - self.cut
        for one, other in sorted(changed):
            self._neighbour(one, other, NOBODY)
        self.cut |= changed
        return bool(changed)

    async def _cut_one_way(self) -> bool:
        one, other = self.random.sample(range(self.count), 2)
        return self._cut({(one, other)})

    async def _split(self) -> bool:
        some = set(self.random.sample(range(self.count), self.random.randint(1, self.count - 1)))
        pairs = ((one, other) for one in range(self.count) for other in range(self.count))
        return self._cut({(one, other) for one, other in pairs if (one in some) != (other in some)})

    async def _unplug(self) -> bool:
        node = self.random.randrange(self.count)
        if node in self.unplugged:
            return False
        _run("ip", "-n", f"{self.name}-switch", "link", "set", f"port{node}", "down")
        self.unplugged.add(node)
        return True

    async def _drop(self) -> bool:
        one, other = self.random.sample(range(self.count), 2)
        done = _run("ip", "netns", "exec", self._inside(one), "ss", "--no-header", "--kill", "dst", _host(other))
        return bool(done.strip())

    async def _slow(self) -> bool:
        node = self.random.randrange(self.count)
        delay = self.random.choice((20, 100, 200))
        how = ("netem", "delay", f"{delay}ms", f"{delay // 4}ms") if self.delays else SLOW
        self.slow.add(node)
        return self._try("tc", "-n", self._inside(node), "qdisc", "replace", "dev", "eth0", "root", *how)

    async def _lossy(self) -> bool:
        node = self.random.randrange(self.count)
        percent = self.random.choice((2, 10, 30))
        if self.losses:
            self.lossy.add(node)
            return self._lose(node, percent)
        self.slow.add(node)
        how = ("netem", "loss", f"{percent}%")
        return self._try("tc", "-n", self._inside(node), "qdisc", "replace", "dev", "eth0", "root", *how)

    def _lose(self, node: int, percent: int) -> bool:
        """So many of a hundred packets to a node are lost."""
        rule = f"add rule inet chaos in iifname eth0 numgen random mod 100 < {percent} drop\n" if percent else ""
        return self._try("ip", "netns", "exec", self._inside(node), "nft", "--file", "-", text=LOSSES + rule)

    def _try(self, *command: str, text: str = "") -> bool:
        return not subprocess.run(command, input=text, capture_output=True, text=True, check=False).returncode


def _host(node: int) -> str:
    return f"10.77.0.{node + 1}"


def _hardware(node: int) -> str:
    return f"02:00:00:00:00:{node + 1:02x}"


def _run(*command: str) -> str:
    """What a command says. Raises CalledProcessError."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
