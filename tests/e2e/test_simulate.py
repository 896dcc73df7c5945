"""`oneleader simulate` as a person runs it."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).parents[2]
RAFT = "spec/protocols/raft.elect"
BROKEN = "spec/broken/leader_takes_new_term.elect"
WRONG = (BROKEN, "--runs", "60")
SCHEMAS = {
    name: json.loads((ROOT / "docs" / name).read_text(encoding="utf-8"))
    for name in ("simulate.schema.json", "trace.schema.json", "validate-trace.schema.json")
}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
VALIDATOR = Draft202012Validator(SCHEMAS["simulate.schema.json"], registry=REGISTRY)


def run(*arguments: str, command: str = "simulate") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "oneleader", command, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_right_spec() -> None:
    done = run(RAFT, "--runs", "8", "--within", "5 nodes", "--seconds", "4", "--drift", "0.01")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"raft: 8 runs of 5 nodes, 32\.0 simulated seconds in .*, seed 1 on\)", lines[0])
    assert "faults of kill, power, full, pause, cut, partition" in lines[1]
    assert re.fullmatch(r"  each of [0-9,]+ steps is one of the model, and no property was false", lines[2])
    assert "no proof" in lines[3]


def test_a_wrong_spec_is_drawn_and_can_be_replayed(tmp_path: Path) -> None:
    saved = tmp_path / "trace.json"
    done = run(*WRONG, "--every", "150 ms", "--trace", str(saved))
    assert done.returncode == 1
    assert "│" in done.stdout and "now leads with token" in done.stdout
    assert "one_leader_per_token is false" in done.stdout
    assert re.search(r"of [0-9]+ faults and requests, these are enough:\n +[0-9.]+ ms  [a-z]+ node[123]", done.stdout)
    again = next(line for line in done.stdout.splitlines() if line.startswith("  again: ")).removeprefix("  again: ")
    assert "--every '150 ms'" in again
    once_more = run(*shlex.split(again)[2:])
    assert once_more.returncode == 1
    assert once_more.stdout.split("\nleader_takes")[0] == done.stdout.split("\nleader_takes")[0]
    replayed = run(BROKEN, str(saved), command="replay")
    assert replayed.returncode == 0
    assert "at its end one_leader_per_token is false" in replayed.stdout


def test_one_seed_gives_one_answer_on_any_number_of_cores() -> None:
    def told(*more: str) -> Any:
        found = json.loads(run(*WRONG, "--json", *more).stdout)
        del found["seconds"]
        return found

    one, two = told("--jobs", "1"), told("--jobs", "2")
    assert one == two
    again = told("--seed", str(one["wrong"]["seed"]))
    assert again["runs"] == 1
    assert again["wrong"] == one["wrong"]


@pytest.mark.parametrize("arguments", [WRONG, (RAFT, "--runs", "3"), (RAFT, "--faults", "lie", "--runs", "20")])
def test_as_json(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--json")
    found = json.loads(done.stdout)
    VALIDATOR.validate(found)
    assert found["exit_status"] == done.returncode == (0 if found["wrong"] is None else 1)
    if "lie" in arguments:
        assert found["wrong"]["refused"]["reason"] == "the step leads to another state"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((RAFT, "--faults", "kil"), "--faults: there is no `kil`; expected some of kill, "),
        ((RAFT, "--faults", "wipe"), "--faults: no `wipe`: the spec has no fault `disk loss`"),
        (("spec/protocols/ring.elect", "--faults", "kill"), "processes of this spec do not crash"),
        (("spec/protocols/ring.elect", "--loss", "0.1"), "--loss: the network of this spec has no loss"),
        ((RAFT, "--loss", "1.5"), "--loss: expected a number from 0 to 1"),
        ((RAFT, "--within", "3 nodes, term <= 2"), "--within: a simulation bounds no numbers"),
        ((RAFT, "--within", "3 leaders"), "leaders"),
        ((RAFT, "--within", "3, 5 nodes"), "--within: expected one size"),
        ((RAFT, "--timer", "election"), "--timer: expected a timer and its times"),
        ((RAFT, "--timer", "vote=1 s"), "--timer: there is no timer `vote`; the spec has election, heartbeat"),
        ((RAFT, "--timer", "election=soon"), "--timer: election: 'soon' is no duration"),
        ((RAFT, "--every", "0 ms"), "--every: expected one time, and more than none"),
        ((RAFT, "--delay", "2 ms .. 1 ms"), "--delay: '2 ms .. 1 ms' ends before it begins"),
        ((RAFT, "--seconds", "0"), "--seconds: expected more than 0"),
        ((RAFT, "--seconds", "inf"), "--seconds: expected more than 0, and an end"),
        ((RAFT, "--seconds", "nan"), "--seconds: expected more than 0, and an end"),
        ((RAFT, "--runs", "0"), "--runs: expected 1 or more"),
        ((RAFT, "--jobs", "0"), "--jobs: expected 1 or more"),
        ((RAFT, "--drift", "1"), "--drift: expected a part of 1"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_ctrl_c_ends_it_and_leaves_no_process() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "oneleader", "simulate", RAFT, "--runs", "1000000", "--progress"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    while "runs" not in process.stderr.read(20):
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
