"""The tests that are written for a package, as text."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruff import find_ruff_bin  # type: ignore[import-untyped]

from codegen.python.loaded import loaded
from codegen.testing.faults import allowed
from codegen.testing.files import Place, Steps, file_names, sizes_said, suite_of
from oneleader.listed_steps import models_for, steps_of
from spec.protocol import Protocol
from tests.codegen.python.emitted import BROKEN, ROOT, SHIPPED, protocol_at, protocol_of, texts_of
from tests.codegen.testing.test_mutants import is_found, of_modules
from tests.golden import assert_golden
from tests.modelcheck.test_samples import FAILS

GOLDEN = Path(__file__).parents[1] / "golden/testing"
PLACE = Place("elected", "..", "elected.runtime", "tests")
STEPS = Steps([], [{"node": 3}], 10, True, ())

ODD = """protocol odd
type level = low | high
process storage:
    durable bonds: map from sizes to storage? = none
    level: level = low
    mode: slow | fast = slow
    class: int 0..2? = none
    who: storage? = none
    many: set of sizes = {}
    yes: bool = false
    timer sooner: 5 ms
    timer later: 10 s
process sizes:
    durable count: nat = 0
message one(level: level, storage: storage?, many: set of sizes) from storage to sizes
message two() from sizes to storage
network: duplication
faults: restart up to 1, crash up to 2, disk loss up to 1
on start at storage:
    reset sooner
on timeout sooner:
    broadcast one(level, self, many)
on timeout later:
    class := 1
on one(l, s, m) from other:
    count := count + 1
    send two() to other
on two() from other:
    bonds[other] := self
    many := many + {other}
    who := self
    mode := fast
    class := 2
input press(b: bool, s: storage?, i: int 0..2) at storage if b:
    yes := b
    level := high
    who := s
action rest at sizes if count > 0:
    count := 0
leader at storage if yes with token 1
check small: 1 storage, 2 sizes, count <= 1, channel <= 1
"""


def texts(protocol: Protocol, steps: Steps = STEPS) -> dict[str, str]:
    return {one.name: one.text for one in suite_of(protocol, PLACE, steps)}


def test_the_tests_of_raft_are_as_they_were() -> None:
    protocol = protocol_at(ROOT / "spec/protocols/raft.elect")
    files = texts(protocol, steps_of(models_for(protocol)))
    assert set(files) == set(file_names("elected"))
    # All steps would be a quarter of a megabyte; each sort of them once tells as much.
    lines = files.pop("steps.ndjson").splitlines(keepends=True)
    sorts: dict[str, str] = {}
    for line in lines:
        sorts.setdefault(
            line.split('"before"')[0].split('"sender"')[0].replace('"me":1', '"me":0').replace('"me":2', '"me":0'), line
        )
    assert_golden(GOLDEN / "steps.ndjson", "".join(sorts.values()))
    for name, text in files.items():
        assert_golden(GOLDEN / f"{name}.txt", text)


@pytest.mark.parametrize("path", [*SHIPPED, *BROKEN], ids=lambda path: path.stem)
def test_tests_are_written_for_every_shipped_spec(path: Path) -> None:
    for name, text in texts(protocol_at(path)).items():
        if name.endswith(".py"):
            ast.parse(text)
            assert max(map(len, text.split("\n"))) <= 120, name


def test_every_sort_of_type_fault_and_name_can_be_written() -> None:
    protocol = protocol_of(ODD)
    found = texts(protocol, steps_of(models_for(protocol)))
    values = found["test_elected_values.py"]
    assert 'bonds=st.tuples(*[st.none() | processes["storage"]] * sizes["sizes"])' in values
    assert "class_=st.none() | st.integers(0, 2)" in values
    assert 'mode=st.sampled_from(["slow", "fast"])' in values
    assert "SIZES_2.state_type" in values  # what is called so is something else already
    runs = found["test_elected_runs.py"]
    assert 'happenings = fewer(happenings, "restart", 3)' in runs
    assert 'happenings = fewer(happenings, "lose the disk", 1)' in runs
    assert '"press", st.tuples(st.booleans(), st.none() | processes["storage"], st.integers(0, 2))' in runs
    assert "SHORTEST, LONGEST = 0.005, 0.25" in runs
    assert "network.heal" not in runs
    command = [find_ruff_bin(), "check", "--isolated", "--select", "E,F,B,UP,SIM,RUF,PT,PTH", "--line-length", "120"]
    for name, text in found.items():
        if name.endswith(".py"):
            done = subprocess.run([*command, "-"], input=text, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (name, done.stdout)


@pytest.mark.slow
def test_mypy_accepts_the_tests(tmp_path: Path) -> None:
    protocols = {path.stem: protocol_at(path) for path in SHIPPED} | {"odd": protocol_of(ODD)}
    shutil.copytree(ROOT / "runtime", tmp_path / "runtime", ignore=shutil.ignore_patterns("__pycache__"))
    for name, protocol in protocols.items():
        (tmp_path / f"my_{name}").mkdir()
        for file, text in texts_of(protocol).items():
            (tmp_path / f"my_{name}" / file).write_text(text, encoding="utf-8")
        for one in suite_of(protocol, Place(f"my_{name}", ".", "runtime", "."), STEPS):
            if one.name.startswith("test_"):
                (tmp_path / one.name).write_text(one.text, encoding="utf-8")
    files = sorted(path.name for path in tmp_path.glob("test_*.py"))
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout
    assert len(files) == 3 * len(protocols)


def test_steps_that_fail_and_that_nothing_takes_are_listed_and_compared(tmp_path: Path) -> None:
    protocol = protocol_of(FAILS)
    files = texts(protocol, steps_of(models_for(protocol)))
    (tmp_path / "steps.ndjson").write_text(files["steps.ndjson"], encoding="utf-8")
    text = files["test_elected_steps.py"].replace("elected.runtime", "runtime").replace("from elected.", "from p.")
    package = texts_of(protocol)
    with loaded(protocol, package) as modules:
        test = of_modules(text, tmp_path, modules)
        assert not is_found(test)
        assert sum(line.after is None for _, line in test.LINES) >= 3
        assert {line.event for _, line in test.LINES} >= {"begin", "restart", "crash", "input", "action"}
    wrong = {**package, "node.py": package["node.py"].replace("raise Impossible", "print")}
    assert wrong != package
    with loaded(protocol, wrong) as modules:
        assert is_found(of_modules(text, tmp_path, modules))


@pytest.mark.parametrize(
    ("network", "faults", "words", "limits"),
    [
        ("reliable", "none", {"pause", "resume"}, {}),
        ("loss", "none", {"pause", "resume"}, {}),
        ("loss", "restart", {"pause", "resume", "kill", "start"}, {}),
        ("loss", "restart up to 1, crash up to 2", {"pause", "resume", "kill", "start"}, {"kill": 3}),
        ("loss", "restart up to 1, crash", {"pause", "resume", "kill", "start"}, {}),
        ("reordering", "crash up to 2", {"pause", "resume", "restart"}, {"restart": 2}),
        ("reliable", "disk loss up to 1", {"pause", "resume", "lose the disk"}, {"lose the disk": 1}),
    ],
)
def test_only_what_a_spec_allows_for_is_done(
    network: str, faults: str, words: set[str], limits: dict[str, int]
) -> None:
    text = (ROOT / "spec/protocols/ring.elect").read_text(encoding="utf-8")
    text = text.replace("network: reliable", f"network: {network}").replace("faults: none", f"faults: {faults}")
    may = allowed(protocol_of(text))
    assert set(may.words) == {"nothing"} | words
    assert may.limits == limits
    assert may.drift


def test_a_timed_spec_says_itself_whether_processes_pause_and_clocks_drift() -> None:
    text = (ROOT / "spec/protocols/ring.elect").read_text(encoding="utf-8").replace("network:", "timed\n\nnetwork:")
    may = allowed(protocol_of(text))
    assert (set(may.words), may.paused, may.drift) == ({"nothing"}, False, False)
    may = allowed(protocol_of(text.replace("faults: none", "faults: pause, drift")))
    assert (set(may.words), may.paused, may.drift) == ({"nothing", "pause", "resume"}, True, True)


def test_sizes_are_said_in_words() -> None:
    assert sizes_said([{"node": 3}]) == "3 nodes"
    assert sizes_said([{"node": 3}, {"node": 4}, {"node": 5}]) == "3, 4 or 5 nodes"
    assert sizes_said([{"a": 1, "b": 2}, {"a": 2, "b": 2}]) == "1 a and 2 bs, or 2 as and 2 bs"
