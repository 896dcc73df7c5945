"""Real nodes under faults for a few seconds; `make chaos` does it for an hour."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.__main__ import Request, suffer
from tests.chaos.disks import NoImages
from tests.chaos.judgement import judged
from tests.chaos.leftovers import RUN, mounts_under, namespaces_of, remove_leftovers, run_name
from tests.chaos.namespaces import NoNamespaces

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "tests.chaos")
PATIENCE = 60.0
REAL = ("--network", "namespaces", "--disks", "images")
TRIES = 6


@pytest.fixture
def killed() -> Iterator[list[subprocess.Popen[str]]]:
    """Runs that are killed at the end of a test, and what is left of them removed."""
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()
    remove_leftovers()


def started(folder: Path, killed: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """A long run with namespaces and images, whose nodes are there."""
    command = [*COMMAND, *REAL, "--seconds", "600", "--seed", "1", "--folder", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killed.append(process)
    until = time.monotonic() + PATIENCE
    while not list(folder.glob("*.ndjson")):
        if process.poll() == 2:
            pytest.skip(process.communicate()[1])
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


def left(pid: int, folder: Path) -> list[str]:
    """What there is of a process's run: nodes, namespaces and mounts."""
    pattern = f"oneleader-chaos-{pid}-"
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    folders = [str(path) for path in (*RUN.glob(f"{pattern}*"), *RUN.glob(f"netns/{pattern}*"))]
    return [*folders, *(line for line in commands if str(folder) in line)]


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_happens_gives_two_leaders(tmp_path: Path, seed: int) -> None:
    disks = "limits" if sys.platform == "linux" else "sound"
    found = judged(asyncio.run(suffer(Request(tmp_path, 8.0, seed, network="proxy", disks=disks))))
    assert found.problems == []
    assert found.tokens > 0


def test_nor_do_namespaces_and_full_disks(tmp_path: Path) -> None:
    try:
        world = asyncio.run(suffer(Request(tmp_path, 10.0, 1, network="namespaces", disks="images")))
    except (NoNamespaces, NoImages) as problem:
        pytest.skip(str(problem))
    found = judged(world)
    assert found.problems == []
    assert found.tokens > 0
    assert left(os.getpid(), tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("mistake", ["forget_the_vote", "send_before_store", "go_on_after_a_failed_store"])
def test_a_mistake_in_the_runtime_is_found(tmp_path: Path, mistake: str) -> None:
    """By the very checks that a run without one passes."""
    disks = "limits" if sys.platform == "linux" else "sound"
    for seed in range(TRIES):
        folder = tmp_path / str(seed)
        folder.mkdir()
        application = ("tests.chaos.mistaken", mistake)
        request = Request(folder, 10.0, seed, network="proxy", disks=disks, application=application)
        if problems := judged(asyncio.run(suffer(request))).problems:
            assert any("no behaviour of the model" in problem for problem in problems)
            return
    pytest.fail(f"{TRIES} runs have not found it")


def test_a_run_that_is_interrupted_says_what_happened_and_leaves_nothing(
    tmp_path: Path, killed: list[subprocess.Popen[str]]
) -> None:
    process = started(tmp_path, killed)
    time.sleep(1.5)
    assert len(left(process.pid, tmp_path)) > 3
    process.send_signal(signal.SIGINT)
    said, error = process.communicate(timeout=PATIENCE)
    assert (process.returncode, error) == (0, "")
    assert re.search(r"traces: [0-9]+ steps validated", said)
    assert left(process.pid, tmp_path) == []


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path, killed: list[subprocess.Popen[str]]) -> None:
    process = started(tmp_path / "first", killed)
    process.kill()
    process.communicate()
    (name,) = {path.name for path in RUN.glob(f"oneleader-chaos-{process.pid}-*")}
    assert namespaces_of(name)
    assert mounts_under(RUN / name)
    assert name in remove_leftovers()
    assert left(process.pid, tmp_path) == []
    assert run_name() != name
