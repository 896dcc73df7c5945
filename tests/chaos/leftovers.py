"""What a run makes outside of its folder has a name that says which process it belongs to, so that the next run can
remove what was left by one that was killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

PREFIX = "oneleader-chaos-"
NAMED = re.compile(re.escape(PREFIX) + r"([0-9]+)-([0-9]+)")
RUN = Path("/run")
NAMESPACES = RUN / "netns"
MOUNTS = Path("/proc/self/mounts")


def run_name() -> str:
    """This process's."""
    return f"{PREFIX}{os.getpid()}-{_began(os.getpid())}"


def mount_folder(name: str) -> Path:
    """Where a run mounts its disks."""
    return RUN / name


def remove_leftovers() -> list[str]:
    """Removes what is left of runs whose process is dead. The names of these."""
    removed = sorted({name for name in _names() if not _lives(name)})
    for name in removed:
        remove(name)
    return removed


def remove(name: str) -> None:
    """Removes what a run has left outside of its folder, and ends what runs in it."""
    for namespace in namespaces_of(name):
        listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
        for pid in listed.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)
    folder = mount_folder(name)
    for mounted in mounts_under(folder):
        if subprocess.run(["umount", str(mounted)], capture_output=True, check=False).returncode:
            subprocess.run(["umount", "--lazy", str(mounted)], capture_output=True, check=False)
    if not mounts_under(folder):
        shutil.rmtree(folder, ignore_errors=True)


def namespaces_of(name: str) -> list[str]:
    """The network namespaces of a run."""
    return sorted(each for each in _listed(NAMESPACES) if each.startswith(f"{name}-"))


def mounts_under(folder: Path) -> list[Path]:
    if not MOUNTS.exists():
        return []
    points = [Path(line.split()[1]) for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    return [point for point in points if point.is_relative_to(folder)]


def _names() -> Iterator[str]:
    for each in (*_listed(NAMESPACES), *_listed(RUN)):
        if found := NAMED.match(each):
            yield found[0]


def _listed(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()] if folder.is_dir() else []


def _lives(name: str) -> bool:
    """Numbers of processes are given anew, so the time at which it began counts too."""
    found = NAMED.fullmatch(name)
    assert found is not None
    return _began(int(found[1])) == int(found[2])


def _began(pid: int) -> int:
    """When a process began, as the kernel counts; -1 if there is none, 0 where that cannot be known."""
    if not Path("/proc/self/stat").exists():
        return 0
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return -1
