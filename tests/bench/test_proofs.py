"""What the bench of proofs reads, judges and shows."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.measure import ROOT, Finished, in_turns
from bench.mypyvy import VARIABLE, Mypyvy, PeerFailed, PeerMissing, answer_of, found_at, run_mypyvy
from bench.proof_parts import Part, PartFailed, claimed_by, measured
from bench.proof_tables import (
    FROM_NOTHING,
    GIVEN,
    GIVEN_ANY,
    RECHECK,
    SAME_GIVEN,
    START,
    Results,
    Row,
    goals,
    parts_of,
    shown,
)
from bench.proofs import (
    BROKEN,
    COMMAND,
    EXAMPLES,
    REFUTED,
    SAME,
    SIZES,
    CommandFailed,
    jobs,
    main,
    median_of,
    peer_jobs,
    results_from,
    violated_after,
)
from bench.tables import block_of


def command(task: str, answer: str, cpu: float) -> Row:
    return Row("command", task, "oneleader", answer, {"cpu": cpu, "wall": cpu / 2}, 5)


def size(nodes: str, z3: float) -> Row:
    figures = {"texts": 0.1, "z3": z3, "obligations": 18, "goals": 117, "bytes": 102_400}
    return Row("obligations", nodes, "oneleader", "", figures, 5)


REFUTATIONS = {"goals": 115, "clauses": 62_590, "steps": 1_477, "clausing": 0.5, "refuting": 0.6, "checking": 0.3}
ROWS = (
    command(START, "", 0.1),
    command(GIVEN, "proved", 1.9),
    command(GIVEN_ANY, "proved", 0.9),
    command(f"raft{FROM_NOTHING}", "proved", 10.5),
    command(f"ring{FROM_NOTHING}", "unknown", 30),
    command(RECHECK, "holds", 8),
    Row("cvc5", "any", "oneleader", "", {"texts": 0.5, "cvc5": 2.5, "goals": 416}, 5),
    Row("checked", "any", "oneleader", "", {"clausing": 4, "checking": 3, "goals": 324}, 5),
    Row("hypotheses", "any", "oneleader", "", {"texts": 0.1, "z3": 0.25}, 5),
    *(size(nodes, z3) for nodes, z3 in (("3", 0.25), ("4", 0.25), ("5", 0.25), ("9", 0.5), ("any", 0.25))),
    Row("refutations", "3", "oneleader", "", REFUTATIONS, 3),
    Row("peer", "ring, from nothing", "mypyvy updr ring.pyv", "proved", {"cpu": 16, "wall": 17}, 3),
)
RESULTS = Results("a machine", "oneleader 1, z3 2", "mypyvy of commit abc", "", ROWS, goals(ROWS))


def cells(text: str, first: str) -> list[list[str]]:
    """The rows of tables whose first cell is this."""
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if line[0] == first]


def test_goals_are_judged_by_what_was_measured() -> None:
    assert [(goal.measured, goal.holds) for goal in goals(ROWS)] == [
        ("1.90 s", True),
        ("10.50 s", False),
        ("2.50 s", True),
    ]
    assert goals(ROWS[:1]) == ()


def test_the_parts_of_a_command_stand_below_it() -> None:
    lines = shown(RESULTS).splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith(f"| {GIVEN} "))
    assert [line.split("|")[1].strip() for line in lines[at + 1 : at + 3]] == ["- of this the texts", "- of this Z3"]
    # 3, 4, 5 and any number of nodes, and once more any number with all hypotheses; 9 nodes are not in the command.
    assert cells(shown(RESULTS), "- of this Z3")[0][4] == "1.25"
    assert [cpu for _, cpu in parts_of(RECHECK, {(one.table, one.task): one for one in ROWS})] == [0.5, 2.5, 4, 3]


def test_parts_that_were_not_all_measured_are_not_added_up() -> None:
    found = {(one.table, one.task): one for one in ROWS if (one.table, one.task) != ("obligations", "4")}
    assert parts_of(GIVEN, found) == []


def test_sizes_without_refutations_say_so() -> None:
    (three,), (nine,) = cells(shown(RESULTS), "3"), cells(shown(RESULTS), "9")
    assert three == ["3", "117", "100", "0.1", "0.25", "115", "62,590", "1,477", "0.5", "0.6", "0.3"]
    assert nine == ["9", "117", "100", "0.1", "0.5", *["-"] * 6]


def test_the_peer_stands_beside_our_command() -> None:
    assert cells(shown(RESULTS), "ring, from nothing") == [
        ["ring, from nothing", "mypyvy updr ring.pyv", "proved", "3", "16", "17"]
    ]
    below = shown(RESULTS).partition("Beside mypyvy")[2]
    assert cells(below, f"ring{FROM_NOTHING}")[0][1:3] == ["oneleader", "unknown"]


def test_the_same_election_stands_beside_the_peer_alone() -> None:
    ours = replace(command(SAME_GIVEN, "proved", 0.5), engine="oneleader prove --sizes any")
    peer = replace(ours, table="peer", engine="mypyvy verify", figures={"cpu": 1.5, "wall": 1.5})
    text = shown(replace(RESULTS, rows=(*ROWS, ours, peer)))
    assert [line[1] for line in cells(text, SAME_GIVEN)] == ["mypyvy verify", "oneleader prove --sizes any"]


def test_a_peer_that_is_missing_is_left_out_with_the_reason() -> None:
    text = shown(replace(RESULTS, peer="", missing="no clone of it was named", rows=ROWS[:-1]))
    assert "mypyvy was not measured: no clone of it was named." in text
    assert "updr" not in text


def test_medians_are_of_each_figure_and_answers_that_differ_are_all_said() -> None:
    first = command("a", "proved", 1.0)
    runs = [first, replace(first, answer="unknown", figures={"cpu": 5.0, "wall": 9.0}), first]
    median = median_of([replace(one, runs=1) for one in runs])
    assert median == replace(first, answer="proved or unknown", runs=3)


def test_jobs_take_turns() -> None:
    said: list[str] = []
    found = in_turns([(lambda: said.append("a"), 2), (lambda: said.append("b"), 1)])
    assert (said, [len(one) for one in found]) == (["a", "b", "a"], [2, 1])
    assert in_turns([]) == []


def test_every_size_and_every_broken_spec_is_measured() -> None:
    assert {runs for _, runs in jobs("given", "found", 5, 3)} == {3, 5}
    of_peer = peer_jobs(Mypyvy(Path("clone"), "abc"), "same.elect", 60, 3)
    assert sorted(runs for _, runs in of_peer) == [1, *[3] * (len(EXAMPLES) + 3)]
    assert Path(SAME).is_file()
    assert set(REFUTED) < set(SIZES)
    for spec in BROKEN:
        assert (ROOT / "spec" / "broken" / f"{spec}.elect").is_file()
    assert all(example.endswith(".pyv") for _, example, _ in EXAMPLES)


def test_a_violation_after_other_steps_is_no_figure() -> None:
    verdict = {"answer": "violated", "clean_steps": 6, "reason": "violated: one_leader_per_token, after 7 steps"}
    assert violated_after(json.dumps(verdict), "vote_forgotten", 7) == "violated, 7 steps"
    with pytest.raises(CommandFailed, match="it is violated after 6 steps"):
        violated_after(json.dumps(verdict), "vote_forgotten", 6)
    with pytest.raises(CommandFailed):
        violated_after(json.dumps({**verdict, "answer": "no violation"}), "vote_forgotten", 7)


def test_what_mypyvy_says_is_read() -> None:
    done = Finished(0, "...\nupdr found inductive invariant!\n", 4.0, 4.0, 1)
    assert answer_of("updr", "lockserv.pyv", done, 60) == "proved"
    assert answer_of("verify", "lockserv.pyv", replace(done, output="all ok!\n"), 60) == "proved"
    assert answer_of("updr", "lockserv.pyv", replace(done, exit_status=-9, wall_seconds=60.1), 60) == "none in 60 s"
    for failed in (replace(done, exit_status=1), replace(done, output="error: not all ok!\n")):
        with pytest.raises(PeerFailed):
            answer_of("verify", "lockserv.pyv", failed, 60)


@pytest.mark.skipif(not os.environ.get(VARIABLE), reason=f"{VARIABLE} names no clone of mypyvy")
def test_raft_election_is_proved_by_the_peer_with_the_invariant_in_its_file() -> None:
    answer, _ = run_mypyvy(found_at(os.environ[VARIABLE]), "verify", SAME, 120)
    assert answer == "proved"


def test_a_clone_that_is_none_is_missing(tmp_path: Path) -> None:
    with pytest.raises(PeerMissing, match="no clone"):
        found_at(None)
    with pytest.raises(PeerMissing, match=r"src/mypyvy\.py"):
        found_at(str(tmp_path))
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mypyvy.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")
    with pytest.raises(PeerMissing, match="nowhere_to_be_found"):
        found_at(str(tmp_path))


def test_what_goals_need_is_taken_from_the_size_or_else_from_all(tmp_path: Path) -> None:
    def at(name: str, *uses: str) -> dict[str, object]:
        goals = [{"name": "one", "answer": "unsat", "uses": list(uses)}, {"name": "other", "answer": "unsat"}]
        return {"size": name, "obligations": [{"name": "step-01", "goals": goals}]}

    manifest = {"invariant": ["a"], "sizes": [at("3", "a"), at("any", "b")]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    spec = (ROOT / "spec" / "protocols" / "raft.elect").read_text(encoding="utf-8")
    (tmp_path / "proof.elect").write_text(spec, encoding="utf-8")
    claimed = claimed_by(tmp_path)
    assert claimed.invariant == ("a",)
    assert claimed.uses("any") == {"step-01": {"one": ("b",)}}
    assert claimed.uses("5") == {"step-01": {"one": ("a",)}}
    assert claimed.settings("5").size == {"node": 5}
    assert claimed.settings("any").size == {"node": None}


def test_a_part_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(PartFailed, match=r"manifest\.json"):
        measured(Part("obligations", str(tmp_path), "3"))


def test_what_was_saved_is_shown_and_judged_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(asdict(RESULTS)), encoding="utf-8")
    assert results_from(file.read_text(encoding="utf-8")) == RESULTS
    assert main(["--shown", str(file)]) == 1
    assert capsys.readouterr().out == shown(RESULTS) + "\n"


def test_the_document_shows_what_was_measured() -> None:
    file = ROOT / "docs" / "proofs-bench.json"
    block = block_of((ROOT / "docs" / "performance.md").read_text(encoding="utf-8"), COMMAND)
    if file.exists():
        assert block == shown(results_from(file.read_text(encoding="utf-8"))).strip("\n") + "\n"
    else:
        assert block == "Not yet measured.\n"
