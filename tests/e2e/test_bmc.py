"""`oneleader bmc` as people and scripts run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("z3")

ROOT = Path(__file__).parents[2]
RAFT = "spec/protocols/raft.elect"
BROKEN = "spec/broken/takeover.elect"
CLEAN, VIOLATED, BAD_INPUT, UNKNOWN = 0, 1, 2, 3


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "oneleader", *arguments]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_says_no_more_than_it_found() -> None:
    done = run("bmc", RAFT, "--depth", "3")
    assert done.returncode == CLEAN
    assert done.stdout.startswith("raft: no violation within 3 steps (spec ")
    assert "3 nodes; numbers unbounded" in done.stdout
    assert "network: loss, duplication, reordering; faults: restart" in done.stdout
    assert "z3 " in done.stdout and " queries, " in done.stdout
    assert "nothing is said of runs of more than 3 steps" in done.stdout
    assert done.stderr == ""


def test_draws_and_saves_a_shortest_violation(tmp_path: Path) -> None:
    saved = tmp_path / "trace.json"
    done = run("bmc", BROKEN, "--trace", str(saved))
    assert done.returncode == VIOLATED
    assert "takeover, 3 nodes: one_leader_per_token is false after step 2" in done.stdout
    assert "takeover: violated: one_leader_per_token, after 2 steps" in done.stdout
    replayed = run("replay", BROKEN, str(saved))
    assert replayed.returncode == CLEAN
    assert "one_leader_per_token is false after step 2" in replayed.stdout


@pytest.mark.parametrize("form", ["json", "svg"])
def test_other_forms(form: str) -> None:
    done = run("bmc", BROKEN, "--format", form)
    assert done.returncode == VIOLATED
    assert "one_leader_per_token" in done.stdout
    assert "numbers unbounded" not in done.stdout


def test_as_json() -> None:
    done = run("bmc", BROKEN, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == VIOLATED == found["exit_status"]
    assert (found["answer"], found["clean_steps"], len(found["counterexample"]["steps"])) == ("violated", 1, 2)


def test_sizes_network_faults_and_properties() -> None:
    done = run(
        "bmc", RAFT, "--within", "2, 4 nodes", "--depth", "2", "--network", "reliable", "--faults", "crash up to 1",
        "--property", "one_leader_per_token",
    )  # fmt: skip
    assert done.returncode == CLEAN
    assert "  2 nodes; numbers unbounded" in done.stdout and "  4 nodes; numbers unbounded" in done.stdout
    assert "network: reliable, in order on each link; faults: crash up to 1" in done.stdout
    assert "looked for: failure, one_leader_per_token" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--within", "3 nodes, term <= 2"), "leave out `term <= 2`"),
        (("--within", "3 nodes, channel <= 2"), "leave out `channel <= 2`"),
        (("--depth", "-1"), "--depth: expected 0 or more"),
        (("--time", "0"), "--time: expected more than 0 seconds"),
        (("--property", "someone_leads"), "is a `reachable` property"),
        (("--property", "nothing"), "there is no property `nothing`"),
    ],
)
def test_bad_input(arguments: tuple[str, ...], said: str) -> None:
    done = run("bmc", RAFT, *arguments)
    assert done.returncode == BAD_INPUT
    assert said in done.stderr
    assert done.stdout == ""


def test_without_a_proof_induction_is_unknown() -> None:
    done = run("bmc", RAFT, "--depth", "0", "--induction")
    assert done.returncode == UNKNOWN
    assert "no violation within 0 steps, and no proof by k-induction up to k = 1" in done.stdout


def test_a_time_limit() -> None:
    done = run("bmc", RAFT, "--depth", "100", "--time", "1")
    assert done.returncode == UNKNOWN
    assert "raft: unknown: the time limit was reached; no violation within " in done.stdout


def test_says_how_to_install_the_solver(tmp_path: Path) -> None:
    (tmp_path / "z3.py").write_text("raise ImportError('there is none')\n", encoding="utf-8")
    done = run("bmc", RAFT, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.returncode == UNKNOWN
    assert "pip install 'oneleader[prove]'" in done.stderr


def test_an_interrupt_ends_it_cleanly() -> None:
    running = subprocess.Popen(
        command("bmc", RAFT, "--depth", "100", "--progress"),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    told = ""
    while "within 2 steps" not in told:
        told += running.stderr.read(1)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == UNKNOWN
    assert "raft: unknown: interrupted; no violation within " in out
    assert "Traceback" not in err
