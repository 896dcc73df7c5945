"""`oneleader tune` as a person runs it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
RAFT = "spec/protocols/raft.elect"
SCHEMA = json.loads((ROOT / "docs" / "tune.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
HARMLESS = ("--loss", "0", "--pauses", "none", "--start", "50 ms", "--spread", "50 ms", "--heartbeat", "20 ms")
"""Nothing rare can go wrong, so nothing has to be forced, which is quick."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "oneleader", "tune", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_a_sweep_is_printed_written_and_drawn(tmp_path: Path) -> None:
    rows_file, picture = tmp_path / "all.csv", tmp_path / "all.svg"
    done = run(RAFT, *HARMLESS, "--json", "--csv", str(rows_file), "--plot", str(picture))
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    VALIDATOR.validate(found)
    assert [one["own"] for one in found["settings"]] == [True, False]
    assert found["recommended"] == 1
    assert found["front"] == [1]
    own, quick = (one["failover"]["mean_seconds"]["value"] for one in found["settings"])
    assert 0.2 < own < 0.4
    assert 0.03 < quick < 0.1
    assert {one["false_elections"]["how"] for one in found["settings"]} == {"none seen"}
    assert found["in_words"][0] == "take 50 ms .. 100 ms, heartbeat 20 ms"
    with rows_file.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["recommended"] for row in rows] == ["False", "True"]
    for row, one in zip(rows, found["settings"], strict=True):
        assert float(row["mean_seconds"]) == one["failover"]["mean_seconds"]["value"]
        assert float(row["p99_high"]) == one["failover"]["p99_seconds"]["high"]
        assert float(row["messages_per_second"]) == one["messages_per_second"]
        assert None not in row
    text = picture.read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    assert "recommended" in text


@pytest.mark.slow
def test_a_seed_gives_the_same_on_any_number_of_cores_in_words_and_as_a_png(tmp_path: Path) -> None:
    text = run(RAFT, *HARMLESS, "--json").stdout
    assert run(RAFT, *HARMLESS, "--json", "--jobs", "1").stdout == text
    assert run(RAFT, *HARMLESS, "--json", "--seed", "2").stdout != text
    done = run(RAFT, *HARMLESS, "--plot", str(tmp_path / "all.png"), "--progress")
    assert "take 50 ms .. 100 ms, heartbeat 20 ms\n    [timers]\n" in done.stdout
    assert "no election was seen without a crash" in done.stdout
    assert "[########################]" in done.stderr
    assert (tmp_path / "all.png").read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_tuned_is_refused() -> None:
    done = run("spec/protocols/ring.elect")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "oneleader: spec/protocols/ring.elect: the spec has no timers: there is nothing to tune\n"


def test_a_protocol_that_breaks_in_a_trial_is_called_wrong() -> None:
    half = "spec/broken/half_is_enough.elect"
    done = run(half, "--within", "4 nodes", "--start", "20 ms", "--spread", "5 ms", "--loss", "0.3", "--jobs", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"oneleader: {half}: the protocol is wrong: in a trial, node")
    assert done.stderr.endswith("; `oneleader check` shows how\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are not like this there")
def test_ctrl_c_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    plot = tmp_path / "all.svg"
    command = [sys.executable, "-m", "oneleader", "tune", RAFT, "--plot", str(plot), "--progress"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stderr is not None
    seen = b""
    while b"round 1" not in seen:
        seen += os.read(process.stderr.fileno(), 1000)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, b"")
    assert b"Traceback" not in errors
    assert not list(tmp_path.iterdir())
