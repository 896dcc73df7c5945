"""Real nodes on this machine, for tests: their files, their processes, and what they say of themselves."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

PATIENCE = 120.0
"""So long something is waited for before a test gives up. Nothing that is well takes a tenth of it."""

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], what: str) -> Found:
    """What a look finds at last."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if (found := look()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


def free_ports(count: int) -> list[int]:
    """Ports on which nobody listens."""
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]


@dataclass
class Nodes:
    """A cluster of nodes, by number from 1: `command` runs one, given its file."""

    command: Sequence[str]
    folder: Path
    size: int = 3
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ports = free_ports(2 * self.size)
        members = "".join(f'node{n} = "127.0.0.1:{ports[n - 1]}"\n' for n in range(1, self.size + 1))
        self.http = {n: ports[self.size + n - 1] for n in range(1, self.size + 1)}
        for number, port in self.http.items():
            self.file(number).write_text(
                f'cluster = "test"\nnode = "node{number}"\nstate = "{self.folder}/{{node}}.state"\n'
                f'http = "127.0.0.1:{port}"\n\n[members]\n{members}',
                encoding="utf-8",
            )

    def file(self, number: int) -> Path:
        return self.folder / f"node{number}.toml"

    def start(self, number: int) -> None:
        log = (self.folder / f"node{number}.log").open("ab")
        with log:
            self.running[number] = subprocess.Popen(
                [*self.command, str(self.file(number))], cwd=self.folder, stdout=log, stderr=log
            )

    def kill(self, number: int) -> None:
        process = self.running.pop(number)
        process.kill()
        process.wait()

    def stop(self) -> list[int]:
        """Stops all as a service manager does; the statuses with which they end."""
        processes = [self.running.pop(number) for number in sorted(self.running)]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        return [process.wait(PATIENCE) for process in processes]

    def status(self, number: int) -> dict[str, Any] | None:
        """What a node says at /status; None where nobody answers."""
        return get_json(self.http[number])

    def leader(self, above: int = -1) -> tuple[int, int] | None:
        """Who says that it leads, with a token greater than the given one: its number and the token."""
        for number in sorted(self.running):
            said = self.status(number)
            if said is not None and said["token"] is not None and said["token"] > above:
                return number, said["token"]
        return None


def get_json(port: int) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, urllib.error.URLError, ValueError):
        return None


@contextlib.contextmanager
def nodes(command: Sequence[str], folder: Path, size: int = 3) -> Iterator[Nodes]:
    """A cluster, all of whose nodes have been started; none is left behind."""
    cluster = Nodes(command, folder, size)
    try:
        for number in cluster.http:
            cluster.start(number)
        yield cluster
    finally:
        for number in tuple(cluster.running):
            cluster.kill(number)
