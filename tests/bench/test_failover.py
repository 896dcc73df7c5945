"""What the bench of failover counts, judges and shows."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import pytest

from bench.failover import main, one_round, results_from, systems
from bench.failover_tables import Results, goals, longest_of, part, shown
from bench.members import Timers, oneleader, told, told_by_etcd
from bench.trials import ALONE, CUT_OFF, END, FLAP, KILL, STOP, Trial

OURS, PEER = "oneleader 150-300/50", "etcd 50/10"
TRIALS = (
    Trial(OURS, 3, STOP, 200.0, 1, 2.0),
    Trial(OURS, 3, KILL, 20.0, 1, 2.0),
    Trial(OURS, 3, KILL, 30.0, 1, 4.0),
    Trial(OURS, 3, CUT_OFF, 140.0, 0, 2.0),
    Trial(OURS, 3, FLAP, None, 0, 2.0),
    Trial(OURS, 3, ALONE, None, 0, 2.0, led=0.5),
    Trial(PEER, 3, KILL, 50.0, 1, 2.0),
    Trial(PEER, 3, STOP, None, 1, 2.0, stale=2, stale_for=3.0),
)
RESULTS = Results("a machine", "3.4", 30.0, TRIALS)


def cells(text: str, *beginning: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row[len(beginning) :] for row in rows if row[: len(beginning)] == list(beginning)]


def test_tables_show_medians_and_what_they_are_of_the_peers() -> None:
    text = shown(RESULTS)
    assert cells(text, OURS, "3", KILL) == [["2", "25", "30", "30", "0", "0.50", "", "3"]]
    assert cells(text, OURS, "3", STOP) == [["1", "200", "200", "200", "0", "", "0 of 1", "2"]]
    assert cells(text, PEER, "3", STOP) == [["1", "-", "-", "-", "1", "", "1 of 1", "2"]]
    assert cells(text, OURS, "3", ALONE) == [["1", "0", "50.0%"]]
    assert "etcd was not measured" in shown(replace(RESULTS, etcd=None))


def test_goals_are_judged_by_what_our_nodes_did() -> None:
    assert all(goal.holds for goal in goals(TRIALS))
    assert len(goals(TRIALS)) == 4
    for spoiled in (
        replace(TRIALS[0], after=None),
        replace(TRIALS[0], stale=1),
        replace(TRIALS[3], after=301.0),
        replace(TRIALS[3], after=None),
        replace(TRIALS[4], terms=1),
    ):
        assert [goal.holds for goal in goals((*TRIALS, spoiled))].count(False) == 1


def test_parts_are_ranks() -> None:
    assert [part([float(n) for n in range(1, 101)], of) for of in (0.0, 0.95, 1.0)] == [1.0, 96.0, 100.0]
    assert longest_of(oneleader(3, Timers(50, 100, 15)).label) == 100


def test_what_was_saved_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(asdict(RESULTS)), encoding="utf-8")
    assert results_from(file.read_text(encoding="utf-8")) == RESULTS
    assert main(["--shown", str(file)]) == 0
    assert capsys.readouterr().out == shown(RESULTS) + "\n"


def test_what_members_say_is_read() -> None:
    said = {"node": "node2", "token": None, "state": {"role": "follower", "term": 3}}
    assert told(json.dumps(said).encode()) == ("node2", None, 3, True)
    assert told(json.dumps({**said, "token": 3}).encode()) == ("node2", "node2", 3, True)
    assert not told(json.dumps({**said, "state": {"role": "candidate", "term": 3}}).encode()).settled
    etcd = {"header": {"member_id": "7", "raft_term": "2"}, "leader": "9"}
    assert told_by_etcd(json.dumps(etcd).encode()) == ("7", "9", 2, True)
    del etcd["leader"]
    assert told_by_etcd(json.dumps(etcd).encode()) == ("7", None, 2, False)


def test_etcd_is_measured_at_each_size_or_not_at_all() -> None:
    assert [one.size for one in systems((3, 5), True) if one.label.startswith("etcd")] == [3, 5]
    assert len(systems((3, 5), False)) == 4


@pytest.mark.slow
def test_real_nodes_have_a_trial_of_each_kind(tmp_path: Path) -> None:
    said: list[str] = []
    found = asyncio.run(one_round(oneleader(3, Timers(150, 300, 50)), tmp_path / "cluster", Random(1), said.append))
    assert not said
    assert {one.how for one in found} == {KILL, STOP, END, CUT_OFF}
    assert all(one.after is not None and one.stale == 0 for one in found)
