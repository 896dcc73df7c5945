"""What the bench of the explorer counts, judges and shows."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.explorer import Goal, Results, WrongCount, goals, main, results_from, run_search, shown
from bench.measure import ROOT, Measurement, run_process
from bench.peers import STATES
from bench.search import SearchFailed, Task, search
from bench.tables import block_of, markdown_table, replace_block

ROW = "3 nodes, term <= 4"
OFF, ON = 5_881_161, 980_769

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def one(engine: str, setting: str, states: int, cpu: float, wall: float, memory: int, model: str = ROW) -> Measurement:
    return Measurement(engine, setting, "1", model, states, cpu, wall, memory)


MEASURED = (
    one("oneleader", "symmetry off, 1 thread", OFF, 2.0, 2.0, 24 * OFF),
    one("oneleader", "symmetry off, 2 threads", OFF, 2.2, 1.1, 25 * OFF),
    one("oneleader", "symmetry on, 1 thread", ON, 0.4, 0.4, 28 * ON),
    one("oneleader", "symmetry on, 2 threads", ON, 0.4, 0.3, 33 * ON),
    one("spin", "depth first", OFF, 12.0, 12.0, 10**9),
    one("spin", "breadth first", OFF, 9.0, 9.0, 10**9),
    one("rumur", "symmetry off", OFF, 70.0, 70.0, 10**9),
    one("rumur", "symmetry exhaustive", ON, 8.0, 8.0, 10**8),
    one("oneleader", "raft.elect, all reductions, 2 threads", 9, 70.0, 61.0, 10**8, "5 nodes, term <= 2, faults crash"),
    one("oneleader", "oneleader check, cold", 9, 1.0, 3.0, 10**8),
    one("oneleader", "oneleader check, warm", 9, 1.0, 1.1, 10**8),
    one("oneleader", "oneleader --help", 0, 0.1, 0.1, 10**8, "none"),
)


def test_goals_are_judged_by_what_was_measured() -> None:
    judged = {goal.goal.removeprefix(f"{ROW}, "): (goal.measured, goal.holds) for goal in goals(MEASURED)}
    assert judged == {
        "symmetry off: 2 million states a CPU second": ("2.94 million", True),
        "symmetry off: 2 threads 1.6 times as fast in wall time": ("1.82 times", True),
        "symmetry off: at most 32 bytes a state": ("24.0 bytes", True),
        "symmetry on: 2 million orbits a CPU second": ("2.45 million", True),
        "symmetry on: 2 threads 1.6 times as fast in wall time": ("1.33 times", False),
        "symmetry on: at most 32 bytes a state": ("28.0 bytes", True),
        "symmetry off: 30 times as fast as Rumur": ("35.00 times", True),
        "symmetry on: 30 times as fast as Rumur": ("20.00 times", False),
        f"{ROW}: 5 times as fast as SPIN (breadth first)": ("4.50 times", False),
        "raft.elect, 5 nodes, term <= 2, faults crash: under 60 s and 8 GiB": ("61.00 s, 95 MiB", False),
        "oneleader check, cold: under 4 s in all": ("3.00 s", True),
        "oneleader check, warm: under 1 s in all": ("1.10 s", False),
        "oneleader --help: under 0.2 s in all": ("0.10 s", True),
    }


def test_of_small_searches_only_ratios_are_judged() -> None:
    small = [replace(measured, model="3 nodes, term <= 3") for measured in MEASURED[:8]]
    assert [goal.measured for goal in goals(small)] == ["35.00 times", "20.00 times", "4.50 times"]


def test_ratios_are_judged_on_the_largest_instance() -> None:
    small = [replace(measured, model="3 nodes, term <= 3", cpu_seconds=1.0) for measured in MEASURED[:8]]
    assert set(goals(MEASURED)) == set(goals((*small, *MEASURED)))
    without_large_rumur = [measured for measured in MEASURED if measured.engine != "rumur"]
    assert Goal("3 nodes, term <= 3, symmetry off: 30 times as fast as Rumur", "1.00 times", False) in goals(
        (*small, *without_large_rumur)
    )


def test_ratios_are_those_to_our_search_of_the_same_states() -> None:
    text = shown(Results("a machine", MEASURED, goals(MEASURED)))
    ratios = {cells[2].strip(): cells[-2].strip() for line in text.splitlines() if len(cells := line.split("|")) == 11}
    assert ratios["spin 1, depth first"] == "6"
    assert ratios["rumur 1, symmetry off"] == "35"
    assert ratios["rumur 1, symmetry exhaustive"] == "20"
    assert ratios["oneleader 1, symmetry on, 1 thread"] == "1"
    assert ratios["oneleader --help"] == ""


def test_what_was_saved_is_shown_and_judged_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = Results("a machine", MEASURED, goals(MEASURED))
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(asdict(results)), encoding="utf-8")
    assert results_from(file.read_text(encoding="utf-8")) == results
    assert main(["--shown", str(file)]) == 1
    assert capsys.readouterr().out == shown(results) + "\n"


@needs_compiler
def test_a_search_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    task = Task("tests/oracles/raft_election.elect", "3 nodes, term <= 3", reductions=())
    found = search(task, {"ONELEADER_CACHE": str(tmp_path)})
    assert (found.status, found.states, found.packed_bytes) == ("exhausted", STATES[3], 16)
    assert found.cpu_seconds > 0
    assert 16 * STATES[3] < found.memory < 100 * STATES[3]


@needs_compiler
def test_a_wrong_count_is_no_figure(tmp_path: Path) -> None:
    task = Task("tests/oracles/raft_election.elect", "3 nodes, term <= 2", reductions=())
    with pytest.raises(WrongCount, match=r"6,140 states, not 6,141"):
        run_search(task, 6_141, "symmetry off, 1 thread", {"ONELEADER_CACHE": str(tmp_path)})


def test_a_search_that_fails_says_why() -> None:
    with pytest.raises(SearchFailed, match=r"missing\.elect"):
        search(Task("missing.elect", "3 nodes"))


def test_a_process_is_timed_with_all_that_it_used() -> None:
    done = run_process(["sh", "-c", "echo said; echo told >&2; exit 3"])
    assert (done.exit_status, done.output) == (3, "said\ntold\n")
    assert 0 <= done.cpu_seconds < 5
    assert done.wall_seconds > 0
    assert done.memory > 0


def test_a_process_that_takes_too_long_is_ended() -> None:
    done = run_process(["sleep", "60"], seconds=0.2)
    assert done.exit_status < 0
    assert done.wall_seconds < 30


def test_tables_stand_in_line() -> None:
    assert markdown_table(("name", "n"), [("a", "1,000"), ("longer", "> 2")]) == (
        "| name   |     n |\n| ------ | ----: |\n| a      | 1,000 |\n| longer |   > 2 |\n"
    )


def test_a_block_is_replaced_and_the_rest_is_kept(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- written by: tool -->\n\nold\n\n<!-- end: tool -->\nafter\n", encoding="utf-8")
    replace_block(document, "tool", "new\n\nlines\n")
    text = document.read_text(encoding="utf-8")
    assert block_of(text, "tool") == "new\n\nlines\n"
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    replace_block(document, "tool", "new\n\nlines\n")
    assert document.read_text(encoding="utf-8") == text


def test_the_document_shows_what_was_measured() -> None:
    saved = results_from((ROOT / "docs" / "explorer.json").read_text(encoding="utf-8"))
    document = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert block_of(document, "python -m bench.explorer") == shown(saved).strip("\n") + "\n"
