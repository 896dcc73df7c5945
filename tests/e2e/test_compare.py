"""`oneleader compare` as a person runs it."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from oneleader.__main__ import app

pytest.importorskip("z3")  # nothing is emitted without it

ROOT = Path(__file__).parents[2]
RAFT = str(ROOT / "spec" / "protocols" / "raft.elect")
RING = str(ROOT / "spec" / "protocols" / "ring.elect")
HALF = str(ROOT / "spec" / "broken" / "half_is_enough.elect")
SMALL = ("--nodes", "2,3", "--bounds", "term <= 1", "--trials", "40", "--samples", "200", "--time", "100")
VALIDATOR = Draft202012Validator(json.loads((ROOT / "docs" / "compare.schema.json").read_text(encoding="utf-8")))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "oneleader", "compare", *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=ROOT,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def run_here(*arguments: str) -> tuple[int, str]:
    """In this process, which is quicker: the exit status and the output."""
    done = CliRunner().invoke(app, ["compare", *arguments, "--jobs", "1"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


def test_two_and_three_nodes(tmp_path: Path) -> None:
    picture, lines_of_sizes = tmp_path / "sizes.svg", tmp_path / "sizes.csv"
    done = run(RAFT, *SMALL, "--plot", str(picture), "--csv", str(lines_of_sizes))
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line[:38].strip(): line[38:].split() for line in done.stdout.splitlines()}
    assert lines["raft"] == ["2", "nodes", "3", "nodes"]
    assert lines["smallest quorum"] == ["2", "2"]
    assert lines["crashed processes survived"] == ["0", "1"]
    assert lines["partitions survived"] == ["0", "of", "1", "1", "of", "2"]
    assert lines["a leader can be there, each up 0.99"] == ["98.01", "%", "99.9702", "%"]
    assert lines["acknowledgements for a write"] == ["1", "1"]
    assert lines["check within term <= 1"] == ["holds", "holds"]
    assert lines["proof without bounds"][:2] == ["not", "asked"]
    assert re.search(r"^3 nodes survive 1 crash, 2 nodes none\. They pay: ", done.stdout, re.MULTILINE)
    assert "seeds 1 to 40" in done.stdout
    assert picture.read_text(encoding="utf-8").startswith("<?xml")
    two, three = csv.DictReader(io.StringIO(lines_of_sizes.read_text(encoding="utf-8")))
    assert (two["crashes_survived"], three["crashes_survived"]) == ("0", "1")
    assert three["partitions_survived_shapes"] == "[2] | 1"


def test_as_json_the_same_on_any_number_of_cores() -> None:
    def told(status: int, printed: str) -> Any:
        found = json.loads(printed)
        VALIDATOR.validate(found)
        assert found["exit_status"] == status == 0
        return without_times(found)

    one = told(*run_here(RAFT, *SMALL, "--json"))
    elsewhere = run(RAFT, *SMALL, "--json", "--jobs", "2")
    assert told(elsewhere.returncode, elsewhere.stdout) == one
    two, three = one["sizes"]
    assert (two["election"]["without_leader"], three["election"]["without_leader"]) == (40, 0)
    assert three["crashes"] | {"scenarios": None} == {
        "survived": 1,
        "exact": True,
        "of_kind": {"node": {"survived": 1, "exact": True}},
        "scenarios": None,
    }
    assert [each["winners"] for each in three["partitions"]["scenarios"]] == [[0], []]


def without_times(found: Any) -> Any:
    """What is to be the same in each run: all but how long it took."""
    if isinstance(found, dict):
        is_measured = "messages_per_second" in found
        return {key: without_times(value) for key, value in found.items() if key != "seconds" or is_measured}
    return [without_times(one) for one in found] if isinstance(found, list) else found


def test_a_wrong_protocol_is_called_wrong() -> None:
    few = ("--bounds", "term <= 1", "--trials", "20", "--samples", "200", "--time", "100")
    status, printed = run_here(HALF, "--nodes", "4", *few)
    assert status == 1
    assert "4 nodes: the protocol is wrong (" in printed
    assert "in the partition 2 nodes | 2 nodes, both sides elect" in printed
    assert "VIOLATED" in printed


def test_what_is_not_known_ends_with_3() -> None:
    status, printed = run_here(RAFT, "--nodes", "5", "--trials", "20", "--samples", "200", "--time", "0.2")
    assert status == 3
    assert "Not known: 0.2 s were over." in printed


def test_a_ring_that_elects_once() -> None:
    status, printed = run_here(RING, "--nodes", "3", "--trials", "3", "--time", "100")
    assert status == 0
    assert "with nobody down there are states from which nobody new was found to be elected" in " ".join(
        printed.split()
    )
    assert "never" in printed


@pytest.mark.slow
def test_a_proof_is_asked_for() -> None:
    done = run(RAFT, *SMALL, "--json", "--prove")
    assert [one["proof"]["status"] for one in json.loads(done.stdout)["sizes"]] == ["proved", "proved"]


def test_a_figure_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name))
    done = CliRunner().invoke(app, ["compare", RAFT, "--plot", str(tmp_path / "sizes.svg")])
    assert done.exit_code == 3
    assert "pip install 'oneleader[figures]'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((RAFT, "--nodes", "1,3"), "--nodes: '1' is no size; expected numbers from 2 to 9, such as 3,4,5"),
        ((RAFT, "--nodes", "3,10"), "--nodes: '10' is no size"),
        ((RAFT, "--nodes", "three"), "--nodes: 'three' is no size"),
        ((RAFT, "--nodes", "3,3"), "--nodes: a size is named twice"),
        ((RAFT, "--bounds", "term <= many"), "expected a number"),
        ((RAFT, "--bounds", "4 nodes"), "--bounds: expected bounds alone, such as 'term <= 2'"),
        ((RAFT, "--bounds", "term <= 1, 3 nodes"), "--bounds: expected bounds alone, such as 'term <= 2'; --nodes has"),
        ((RAFT, "--delay", "soon"), "--delay: 'soon' describes no times; expected `1 ms`"),
        ((RAFT, "--store", "2 ms .. 1 ms"), "--store: '2 ms .. 1 ms' ends before it begins"),
        ((RAFT, "--round-trips", "/nowhere/rtt.txt"), "--round-trips: /nowhere/rtt.txt: No such file or directory"),
        (
            (RAFT, "--round-trips", "x", "--delay", "1 ms"),
            "--round-trips: measured round trips say how long a message takes",
        ),
        ((RAFT, "--loss", "1"), "--loss: expected a number from 0 to less than 1"),
        ((RING, "--loss", "0.1"), "--loss: the network of this spec loses nothing"),
        ((RAFT, "--timer", "election"), "--timer: expected a timer and its times"),
        ((RAFT, "--timer", "vote=1 s"), "--timer: there is no timer `vote`; the spec has election, heartbeat"),
        ((RAFT, "--timer", "election=0 ms"), "--timer: election: '0 ms' is no time at all"),
        ((RAFT, "--availability", "1"), "--availability: expected a part of the time between 0 and 1"),
        ((RAFT, "--trials", "0"), "--trials: expected 1 or more"),
        ((RAFT, "--samples", "0"), "--samples: expected 1 or more"),
        ((RAFT, "--jobs", "0"), "--jobs: expected 1 or more"),
        ((RAFT, "--time", "0"), "--time: expected more than 0 seconds"),
        ((RAFT, "--plot", "sizes.pdf"), "--plot: sizes.pdf: expected a file that ends in .svg or .png"),
        ((RAFT, "--plot", "/nowhere/sizes.svg"), "--plot: /nowhere/sizes.svg is no file that can be written"),
        ((RAFT, "--csv", "/nowhere/sizes.csv"), "--csv: /nowhere/sizes.csv is no file that can be written"),
        (("nowhere.elect",), "nowhere.elect: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, ["compare", *arguments])
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_specs_that_cannot_be_compared(tmp_path: Path) -> None:
    text = Path(RAFT).read_text(encoding="utf-8")
    without = tmp_path / "without_checks.elect"
    without.write_text(re.sub(r"^check .*?(?=\n\S|\Z)", "", text, flags=re.MULTILINE | re.DOTALL), encoding="utf-8")
    done = CliRunner().invoke(app, ["compare", str(without)])
    assert done.exit_code == 2
    assert "a comparison explores within bounds" in done.stderr
    nobody = tmp_path / "nobody.elect"
    nobody.write_text(
        "protocol nobody\nprocess node:\n    on: bool = false\naction go:\n    on := true\n", encoding="utf-8"
    )
    done = CliRunner().invoke(app, ["compare", str(nobody)])
    assert done.exit_code == 2
    assert "says of nobody that it leads" in done.stderr


def test_ctrl_c_ends_it_and_leaves_no_process() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "oneleader", "compare", RAFT, "--trials", "1000000", "--progress", "--jobs", "2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    told = ""
    while "nobody down" not in told:
        assert process.poll() is None
        told += process.stderr.read(1)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in complained
    assert said == ""
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
