"""One way of measuring, for all benches: what a process, or a search inside a child process, costs.

A whole process is timed by the resources that the kernel says it used (`os.wait4`), its threads and all. Of our own
explorer the search alone is timed, as a verifier is timed without its build: inside a child process (`bench.search`).
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

ROOT = Path(__file__).parents[1]
"""Where the packages and the specs are."""


@dataclass(frozen=True)
class Measurement:
    """One run of one engine, or the medians of several."""

    engine: str
    setting: str
    version: str
    model: str
    """Sizes and bounds, as in `3 nodes, term <= 4`."""
    states: int
    cpu_seconds: float
    wall_seconds: float
    memory: int
    """Peak resident bytes: of the whole process, or what the search added to them."""
    runs: int = 1
    """Of how many runs these are the medians."""


@dataclass(frozen=True)
class Job:
    """What is to be measured, and how many times."""

    measure: Callable[[], Measurement]
    runs: int


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    exit_status: int
    """Negative where a signal ended it."""
    output: str
    """Standard output and error, as they came."""
    cpu_seconds: float
    wall_seconds: float
    memory: int
    """Peak resident bytes. On Linux never less than the parent had when the process began."""


def run_process(
    command: Sequence[str],
    folder: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Finished:
    """Runs a command to its end and says what it used; kills it when it takes more than so many seconds."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            # As after any installation, modules are compiled once, whatever the one who measures has set for himself.
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})},
        )
        limit = threading.Timer(seconds, process.kill) if seconds is not None else None
        if limit is not None:
            limit.start()
        # Not getrusage of the children: that adds them all up, and knows the memory of the largest only.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        if limit is not None:
            limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return Finished(
            process.returncode,
            output.read(),
            usage.ru_utime + usage.ru_stime,
            wall,
            usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        )


def median_of(runs: Sequence[Measurement]) -> Measurement:
    """Summarise runs of one engine: the median of each figure."""
    return replace(
        runs[0],
        cpu_seconds=statistics.median(run.cpu_seconds for run in runs),
        wall_seconds=statistics.median(run.wall_seconds for run in runs),
        memory=int(statistics.median(run.memory for run in runs)),
        runs=len(runs),
    )


def measure_all(jobs: Sequence[Job]) -> list[Measurement]:
    """The medians of each job's runs."""
    return [median_of(found) for found in in_turns([(job.measure, job.runs) for job in jobs])]


def in_turns(jobs: Sequence[tuple[Callable[[], Found], int]]) -> list[list[Found]]:
    """All runs of each job. They take turns, so that a noisy minute does not fall on one of them alone."""
    measured: list[list[Found]] = [[] for _ in jobs]
    for turn in range(max((runs for _, runs in jobs), default=0)):
        for (measure, runs), found in zip(jobs, measured, strict=True):
            if turn < runs:
                found.append(measure())
    return measured


def machine() -> str:
    """The machine in general terms: how many cores of which family, the system, Python and the C compiler."""
    system = f"{os.uname().sysname} on {os.uname().machine}"
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    return f"{os.cpu_count()} cores ({_processor()}), {system}, {python}, {_compiler()}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return os.uname().machine
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else os.uname().machine


def _compiler() -> str:
    try:
        shown = subprocess.run([os.environ.get("CC", "cc"), "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no C compiler"
    first = shown.stdout.partition("\n")[0]
    found = re.search(r"(gcc|clang|cc)\b.*?(\d+\.\d+)", first, re.IGNORECASE)
    name = "clang" if "clang" in first else "gcc"
    return f"{name} {found[2]}" if found else "an unknown C compiler"
