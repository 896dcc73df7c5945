"""What the bench of the recorder measures, judges and shows."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.recorder import (
    BEFORE,
    NODE,
    OFF,
    ON,
    STEP,
    Results,
    Run,
    goals,
    main,
    measure_steps,
    ratios,
    shown,
    without_recorder,
)
from runtime.replica import Replica

RUNS = tuple(
    Run(what, recorder, spent)
    for what, recorder, *each in (
        (STEP, BEFORE, 10e-6, 12e-6),
        (STEP, OFF, 10e-6, 12e-6),
        (STEP, ON, 20e-6, 18e-6),
        (NODE, OFF, 0.030, 0.040),
        (NODE, ON, 0.033, 0.042),
    )
    for spent in each
)
RESULTS = Results("a machine", 20.0, 1000, RUNS)


def test_ratios_are_those_of_one_turn() -> None:
    assert ratios(RUNS, STEP, ON, BEFORE) == [2.0, 1.5]
    assert [round(each, 3) for each in ratios(RUNS, NODE, ON, OFF)] == [1.1, 1.05]


def test_goals_are_judged_by_what_was_measured() -> None:
    assert [holds for _, _, holds in goals(RUNS)] == [True, False]
    dear = (*RUNS[:2], Run(STEP, OFF, 11e-6), Run(STEP, OFF, 13e-6))
    assert [holds for _, _, holds in goals(dear)] == [False]
    assert "| three nodes | on         |    2 | ms a second |" in shown(RESULTS)


def test_what_was_saved_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(asdict(RESULTS)), encoding="utf-8")
    assert main(["--shown", str(file)]) == 1
    assert capsys.readouterr().out == shown(RESULTS) + "\n"


def test_a_replica_without_a_recorder_is_another_and_records_nothing(tmp_path: Path) -> None:
    assert without_recorder() is not Replica
    runs = measure_steps(2, 50, tmp_path)
    assert [run.recorder for run in runs] == [BEFORE, OFF, ON] * 2
    assert all(run.spent > 0 for run in runs)
    for turn in range(2):
        lines = (tmp_path / f"{turn}.ndjson").read_text(encoding="utf-8").splitlines()
        assert len(lines) == 1 + 1 + 1 + 50  # of the run, the start, what came before, and what was measured
