"""The published experiments: that they run, and are shown and drawn as they were saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.published import found_in, main, saved, tasks_of
from bench.published_experiments import EXPERIMENTS, RANDOMNESS, WIDE_AREA, Result, Trials, processes_of
from bench.published_found import found_of
from bench.tables import block_of
from oneleader.tuning.pool import emitted
from tests.docs.markdown import ROOT


def test_of_four_that_are_left_two_can_win() -> None:
    """Whoever of the five leads: a process votes for none that is smaller than itself."""
    line = next(one for one in RANDOMNESS.lines if one.name == "150-300 ms")
    protocol, files = processes_of(ordered=True)
    with emitted(protocol, files) as processes:
        several = Trials(line, 1, 60)(processes)
    assert len(several.seconds) == 60
    # About half of the time the first to run out cannot win, and its attempt is one term more.
    assert 0.3 < sum(number > 1 for number in several.rounds) / 60 < 0.8


def test_one_line_gives_the_same_trials_again() -> None:
    line = WIDE_AREA.lines[1]
    protocol, files = processes_of(ordered=False)
    with emitted(protocol, files) as processes:
        assert Trials(line, 3, 5)(processes) == Trials(line, 3, 5)(processes)
        assert Trials(line, 3, 5)(processes) != Trials(line, 4, 5)(processes)


def test_trials_are_shared_out_whole() -> None:
    line = RANDOMNESS.lines[0]
    assert sum(task.count for task in tasks_of(line, 1.0, each=30)) == line.trials
    assert sum(task.count for task in tasks_of(line, 0.001)) == 1


def test_what_was_saved_is_shown_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = Result(tuple(0.1 + 0.001 * number for number in range(400)), (1,) * 300 + (2,) * 100, 0)
    found = [found_of(one.name, line.name, [result]) for one in EXPERIMENTS for line in one.lines]
    file = tmp_path / "saved.json"
    file.write_text(saved(found), encoding="utf-8")
    assert found_in(file.read_text(encoding="utf-8")) == found
    assert found[0].split.value == 0.25
    assert found[0].average_rounds.value == 1.25
    assert main(["--shown", str(file), "--plots", str(tmp_path)]) == 0
    assert "median 287" in capsys.readouterr().out
    drawn = {one.name for one in tmp_path.glob("*.svg")}
    assert drawn == {f"published-{one.name}.svg" for one in EXPERIMENTS}
    before = {name: (tmp_path / name).read_bytes() for name in drawn}
    assert main(["--shown", str(file), "--plots", str(tmp_path)]) == 0
    assert before == {name: (tmp_path / name).read_bytes() for name in drawn}


def test_the_tables_of_the_docs_are_those_of_the_saved_trials(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--shown", str(ROOT / "docs" / "published.json")]) == 0
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    assert block_of(text, "python -m bench.published").strip() == capsys.readouterr().out.strip()
