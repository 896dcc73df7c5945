"""A disk that loses power: what a program wrote, as strace saw it, and all that can be left of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, combinations
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[2]
SECTOR = 512
"""Bytes that a disk writes whole or not at all."""
SUBSETS = 5
"""With up to so many writes under way, every subset of them is tried; with more, some."""

Files = dict[str, bytes]
"""Contents by file name."""


@cache
def without_strace() -> str | None:
    """Why strace cannot be used here; None where it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return None if tried.returncode == 0 else "strace may not trace processes here"


def child(program: str, *arguments: str) -> list[str]:
    """The command line of a Python that runs a program on our code, and starts fast."""
    return [sys.executable, "-S", "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{program}", *arguments]


@dataclass(frozen=True)
class Write:
    file: str
    at: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    file: str
    length: int


@dataclass(frozen=True)
class Sync:
    file: str


@dataclass(frozen=True)
class Said:
    """A line on standard output."""

    text: str


Event = Write | Truncate | Sync | Said

CALL = re.compile(r"^(?:\d+ +)?(\w+)\((\d+)<((?:\\x[0-9a-f]{2})*)>(?:, (.*))?\) += (\d+)")


def traced(program: str, *arguments: str, files: Sequence[str]) -> list[Event]:
    """Runs a program to its end; what it did to the files, and what it said, in order."""
    log = Path(arguments[0]).with_suffix(".strace")
    calls = "trace=pwrite64,write,ftruncate,fsync,fdatasync"
    strace = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-e", calls, "-o", str(log)]
    subprocess.run([*strace, *child(program, *arguments)], check=True, stdout=subprocess.DEVNULL)
    return [event for line in log.read_text().splitlines() if (event := _event(line, files)) is not None]


def _event(line: str, files: Sequence[str]) -> Event | None:
    match = CALL.match(line)
    if match is None:
        return None
    call, handle, path, rest, result = match.groups()
    file = Path(_bytes(path).decode()).name
    if call == "write" and handle == "1":
        return Said(_bytes(rest.split('"')[1]).decode().strip())
    if file not in files:
        return None
    if call == "pwrite64":
        _, data, numbers = rest.split('"')
        assert int(result) == len(_bytes(data)), line
        return Write(file, int(numbers.split(", ")[2]), _bytes(data))
    if call == "ftruncate":
        return Truncate(file, int(rest))
    assert call in ("fsync", "fdatasync"), line
    return Sync(file)


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


@dataclass(frozen=True)
class Disk:
    """What is on the disk for certain, and what the system may have written or not, in any order."""

    synced: Files
    pending: tuple[Write | Truncate, ...] = ()

    def after(self, event: Event) -> Disk:
        match event:
            case Said():
                return self
            case Sync(file):
                done = [one for one in self.pending if one.file == file]
                others = tuple(one for one in self.pending if one.file != file)
                return Disk(applied(self.synced, done), others)
            case _:
                return replace(self, pending=(*self.pending, event))

    def cached(self) -> Files:
        """What programs see as long as the power is on."""
        return applied(self.synced, self.pending)

    def after_power_cut(self, random: Random) -> Iterator[Files]:
        """What may be left: any of the pending writes, each with any of its sectors."""
        count = len(self.pending)
        if count <= SUBSETS:
            chosen = chain.from_iterable(combinations(self.pending, size) for size in range(count + 1))
        else:
            some = [tuple(one for one in self.pending if random.random() < 0.5) for _ in range(1 << SUBSETS)]
            chosen = chain([(), self.pending], some)
        for writes in chosen:
            yield applied(self.synced, writes)
            if any(isinstance(one, Write) and len(one.data) > SECTOR for one in writes):
                yield applied(self.synced, [part for one in writes for part in _torn(one, random)])


def _torn(event: Write | Truncate, random: Random) -> Iterator[Write | Truncate]:
    if isinstance(event, Truncate):
        yield event
        return
    start = 0
    while start < len(event.data):
        end = min(len(event.data), start + SECTOR - (event.at + start) % SECTOR)
        if random.random() < 0.5:
            yield Write(event.file, event.at + start, event.data[start:end])
        start = end


def applied(files: Files, events: Sequence[Write | Truncate]) -> Files:
    """The files after the events."""
    after = dict(files)
    for event in events:
        before = after.get(event.file, b"")
        if isinstance(event, Truncate):
            after[event.file] = before[: event.length].ljust(event.length, b"\0")
        else:
            head = before[: event.at].ljust(event.at, b"\0")
            after[event.file] = head + event.data + before[event.at + len(event.data) :]
    return after


def put(folder: Path, files: Files) -> None:
    """Makes a folder that has the files and nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def contents(folder: Path) -> Files:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
