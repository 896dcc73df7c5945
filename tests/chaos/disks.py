"""Disks that fill up, and disks that are pulled out: what was not synchronised is lost then.

Where it is allowed to mount, each node's state is on a small file system of its own, in an image. A full disk does no
harm to a node on most file systems, as its stores write in place; on btrfs, which never does, they fail. ext4 can be
shut down at once under whoever uses it. Elsewhere a process can be kept from writing to files at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from shutil import which

from tests.chaos.faults import Fault
from tests.chaos.leftovers import mount_folder, remove

SIZES = {"btrfs": "32M", "ext4": "8M"}
MAKING = {
    "btrfs": ("mkfs.btrfs", "--quiet", "--mixed", "--metadata", "single", "--data", "single"),
    "ext4": ("mkfs.ext4", "-q", "-F"),
}
SHUT_DOWN = 0x8004587D
"""The ioctl by which ext4 stops at once."""
LOSE_ALL = 2
"""Not even its journal is written any more."""
BALLAST = "ballast"
ROOM = 5 << 20
"""So much is left of a disk, until it is filled."""
BLOCK = 4096


class NoImages(Exception):
    """They cannot be had here; says why."""


@dataclass
class Images:
    """A `faults.Disks`. Raises NoImages from `open`."""

    count: int
    random: Random
    name: str
    folder: Path
    kinds: list[str] = field(default_factory=list)
    full: set[int] = field(default_factory=set)
    pulled: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    """Nodes whose disk has been full or pulled since they were started."""
    pipes = False

    @property
    def told(self) -> Sequence[str]:
        without = [] if "btrfs" in self.kinds else ["no running node is hurt by a full disk, as there is no mkfs.btrfs"]
        without += [] if "ext4" in self.kinds else ["no disk can be pulled, as there is no mkfs.ext4"]
        return (f"one for each node: {', '.join(self.kinds)}", *without)

    def open(self) -> None:
        found = [kind for kind, making in MAKING.items() if which(making[0]) is not None]
        if sys.platform != "linux" or os.geteuid() != 0 or not found:
            raise NoImages("disks in images need Linux, root, and mkfs.btrfs or mkfs.ext4")
        self.kinds = [found[node % len(found)] for node in range(self.count)]
        try:
            for node, kind in enumerate(self.kinds):
                image = self._image(node)
                with image.open("wb") as file:
                    file.truncate(int(SIZES[kind][:-1]) << 20)
                _run(*MAKING[kind], str(image))
                self._disk(node).mkdir(parents=True)
                self._mount(node)
                room = os.statvfs(self._disk(node))
                _write(self._disk(node) / "base", room.f_bavail * room.f_frsize - ROOM)
        except subprocess.CalledProcessError as problem:
            self.close()
            raise NoImages(f"{problem.cmd[0]}: {problem.stderr.partition(chr(10))[0]}") from problem
        except OSError as problem:
            self.close()
            raise NoImages(str(problem)) from problem

    def state(self, node: int) -> Path:
        return self._disk(node) / f"node{node + 1}.db"

    def prepare(self, node: int) -> None:
        if node in self.pulled:
            _run("umount", str(self._disk(node)))
            self._mount(node)
            self.pulled.discard(node)
        self.failed.discard(node)
        if node in self.full:
            self.failed.add(node)

    def started(self, node: int, process: int) -> None:
        pass

    def ended(self, node: int) -> None:
        pass

    def failing(self, node: int) -> bool:
        return node in self.failed

    def lost(self, node: int) -> bool:
        return node in self.pulled

    def faults(self) -> list[Fault]:
        found = [Fault("disk filled", 2, self._fill)]
        return [*found, Fault("disk pulled", 1, self._pull)] if "ext4" in self.kinds else found

    def mend(self) -> None:
        for node in sorted(self.full - self.pulled):
            (self._disk(node) / BALLAST).unlink(missing_ok=True)
        self.full.clear()

    def close(self) -> None:
        remove(self.name)

    def _image(self, node: int) -> Path:
        return self.folder / f"node{node + 1}.{self.kinds[node]}"

    def _disk(self, node: int) -> Path:
        return mount_folder(self.name) / f"disk{node + 1}"

    def _mount(self, node: int) -> None:
        _run("mount", "-o", "loop", str(self._image(node)), str(self._disk(node)))

    async def _fill(self) -> bool:
        node = self.random.randrange(self.count)
        if node in self.full or node in self.pulled:
            return False
        self.full.add(node)
        self.failed.add(node)
        await asyncio.to_thread(_write, self._disk(node) / BALLAST, 2 * ROOM)
        return True

    async def _pull(self) -> bool:
        node = self.random.choice([node for node, kind in enumerate(self.kinds) if kind == "ext4"])
        if node in self.pulled:
            return False
        self.pulled.add(node)
        self.failed.add(node)
        handle = os.open(self._disk(node), os.O_RDONLY)
        try:
            fcntl.ioctl(handle, SHUT_DOWN, struct.pack("I", LOSE_ALL))
        finally:
            os.close(handle)
        return True


@dataclass
class Limits:
    """A `faults.Disks` without any: a process is kept from writing to files, until it is let again."""

    random: Random
    folder: Path
    why: str
    running: dict[int, int] = field(default_factory=dict)
    full: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    pipes = True

    @property
    def told(self) -> Sequence[str]:
        return (f"no writes to files instead of full disks, and no disk is pulled ({self.why})",)

    def open(self) -> None:
        pass

    def state(self, node: int) -> Path:
        return self.folder / f"node{node + 1}.db"

    def prepare(self, node: int) -> None:
        self.full.discard(node)
        self.failed.discard(node)

    def started(self, node: int, process: int) -> None:
        self.running[node] = process

    def ended(self, node: int) -> None:
        self.running.pop(node, None)

    def failing(self, node: int) -> bool:
        return node in self.failed

    def lost(self, node: int) -> bool:
        return False

    def faults(self) -> list[Fault]:
        return [Fault("writes forbidden", 2, self._forbid)]

    def mend(self) -> None:
        for node in self.full & self.running.keys():
            _limit(self.running[node], full=False)
        self.full.clear()

    def close(self) -> None:
        pass

    async def _forbid(self) -> bool:
        node = self.random.choice(list(self.running)) if self.running else None
        if node is None or node in self.full:
            return False
        self.full.add(node)
        self.failed.add(node)
        return _limit(self.running[node], full=True)


@dataclass
class Sound:
    """A `faults.Disks` with which nothing is ever wrong."""

    folder: Path
    told: Sequence[str]
    pipes = False

    def open(self) -> None:
        pass

    def state(self, node: int) -> Path:
        return self.folder / f"node{node + 1}.db"

    def prepare(self, node: int) -> None:
        pass

    def started(self, node: int, process: int) -> None:
        pass

    def ended(self, node: int) -> None:
        pass

    def failing(self, node: int) -> bool:
        return False

    def lost(self, node: int) -> bool:
        return False

    def faults(self) -> list[Fault]:
        return []

    def mend(self) -> None:
        pass

    def close(self) -> None:
        pass


def _limit(process: int, full: bool) -> bool:
    """Linux alone can do that to another process."""
    if sys.platform != "linux":
        return False
    import resource

    with contextlib.suppress(ProcessLookupError):
        _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0 if full else hard, hard))
        return True
    return False


def _write(path: Path, size: int) -> None:
    """Writes so much to a file, or as much as there is room for. Space that is only reserved would not do: btrfs keeps
    some for itself, and its writers get it."""
    with path.open("ab", buffering=0) as file:
        for piece in (1 << 16, BLOCK):
            with contextlib.suppress(OSError):
                while size >= piece and file.write(os.urandom(piece)) == piece:
                    size -= piece


def _run(*command: str) -> None:
    """Raises CalledProcessError."""
    subprocess.run(command, capture_output=True, text=True, check=True)
