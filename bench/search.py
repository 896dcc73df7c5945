"""One search of the native explorer, measured inside a process of its own.

python -m bench.search '{"spec": "spec/protocols/raft.elect", "within": "3 nodes, term <= 2"}'
"""

import json
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.measure import ROOT, run_process
from modelcheck.check import Options, models_of
from modelcheck.native.engine import NativeSearch, explorer
from modelcheck.outcome import Limits
from modelcheck.reductions import ALL, reductions_of
from spec.check import load
from spec.overrides import check_from, faults_from

GRACE_SECONDS = 120
"""What a search may take beyond its time limit: to compile, and to end a batch."""


class SearchFailed(Exception):
    """The process that searches did not come back with a result."""


@dataclass(frozen=True)
class Task:
    """What to search. `reductions` are names of `modelcheck.reductions`; 0 is no limit."""

    spec: str
    within: str
    faults: str | None = None
    """None: those of the spec."""
    reductions: tuple[str, ...] = tuple(sorted(ALL))
    threads: int = 1
    seconds: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True)
class Searched:
    """What a search found and what it took."""

    status: str
    states: int
    steps: int
    depth: int
    violated: bool
    cpu_seconds: float
    wall_seconds: float
    memory: int
    """Bytes by which the search raised the peak of the process."""
    packed_bytes: int
    """Of one state in the table."""
    prepare_seconds: float
    """CPU seconds of parsing, analysing, emitting and loading; the C compiler's come on top."""


def search(task: Task, environment: Mapping[str, str] | None = None) -> Searched:
    """Searches in a child process. Raises SearchFailed."""
    limit = task.seconds + GRACE_SECONDS if task.seconds else None
    command = [sys.executable, "-m", "bench.search", json.dumps(asdict(task))]
    done = run_process(command, environment=environment, seconds=limit)
    if done.exit_status != 0:
        raise SearchFailed(f"{task.spec}, {task.within}: status {done.exit_status}\n{done.output[-2000:]}")
    return Searched(**json.loads(done.output))


def search_here(task: Task) -> Searched:
    """Searches in this process. A violation does not end the search: what is measured is the whole of it."""
    protocol, _ = load(ROOT / task.spec)
    faults = faults_from(task.faults, protocol, "--faults") if task.faults is not None else None
    model = models_of(protocol, check_from(task.within, protocol, "--within"), Options(faults=faults))[0]
    native = explorer(model, reductions_of(model, frozenset(task.reductions)))
    prepared = _cpu_seconds()
    limits = Limits(task.threads, task.memory_bytes, task.seconds, stop_at_violation=False)
    resident = _forget_peak()
    before, started = _cpu_seconds(), time.perf_counter()
    with NativeSearch(native, limits) as running:
        outcome = running.run()
    wall, cpu = time.perf_counter() - started, _cpu_seconds() - before
    return Searched(
        outcome.status.name.lower(),
        outcome.states,
        outcome.steps,
        outcome.depth,
        bool(outcome.violations),
        cpu,
        wall,
        max(_peak() - resident, 0),
        native.emitted.layout.words * 8,
        prepared,
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _forget_peak() -> int:
    """Begins a new peak, where the system can (Linux), and returns the bytes that are resident now."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return _peak()
    return _status("VmRSS") or _peak()


def _peak() -> int:
    """In bytes."""
    reported = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return _status("VmHWM") or reported


def _status(name: str) -> int | None:
    """A figure of /proc/self/status in bytes."""
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    lines: list[list[Any]] = [line.split() for line in text.splitlines()]
    return next((int(words[1]) * 1024 for words in lines if words[:1] == [f"{name}:"]), None)


def main() -> None:
    """Does the task given as JSON and prints what it found as JSON."""
    given = json.loads(sys.argv[1])
    if "reductions" in given:
        given["reductions"] = tuple(given["reductions"])
    print(json.dumps(asdict(search_here(Task(**given)))))


if __name__ == "__main__":
    main()
