"""How the bench of growth chooses, keeps and shows its points."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.growth import COMMAND, NOT_TRIED, Point, from_csv, instances, is_beyond, measure, plot, tables, to_csv
from bench.measure import ROOT
from bench.tables import block_of

FOUND = Point(3, 2, "restart", "all", "exhausted", 552, 3385, 12, False, 0.01, 0.02, 2 << 20)
CUT = replace(FOUND, nodes=4, status="time", states=9_000)


def test_points_survive_the_file() -> None:
    points = [FOUND, CUT, replace(FOUND, faults="disk loss up to 1", violated=True)]
    assert from_csv(to_csv(points)) == points


def test_what_is_larger_than_what_was_cut_short_is_not_tried() -> None:
    done = [FOUND, CUT]
    assert is_beyond(done, 5, 2, "restart", "all")
    assert is_beyond(done, 4, 3, "restart", "all")
    assert not is_beyond(done, 3, 4, "restart", "all")
    assert not is_beyond(done, 5, 1, "restart", "all")
    assert not is_beyond(done, 5, 2, "restart", "symmetry")
    assert not is_beyond(done, 5, 2, "crash", "all")


def test_every_instance_is_asked_for_once() -> None:
    asked = list(instances())
    assert len(set(asked)) == len(asked)


def test_tables_say_what_was_cut_short() -> None:
    text = tables([FOUND, CUT, replace(FOUND, nodes=5, status=NOT_TRIED)])
    row = next(line for line in text.splitlines() if line.startswith("|     2 |"))
    assert [cell.strip() for cell in row.split("|")[1:-1]] == ["2", "", "552", "> 9,000", "-", "", ""]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_points_are_measured_the_smaller_ones_first() -> None:
    points = measure(seconds=60, threads=1, memory=1 << 30)
    first = [next(points) for _ in range(2)]
    assert [(one.nodes, one.terms, one.states, one.finished) for one in first] == [
        (2, 1, 23, True),
        (3, 1, 294, True),
    ]


def test_the_plot_is_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra `figures`)")
    for name in ("one.svg", "two.svg"):
        plot([FOUND, CUT], tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert "2 terms" in text


def test_the_document_shows_what_was_measured() -> None:
    points = from_csv((ROOT / "docs" / "growth.csv").read_text(encoding="utf-8"))
    said = (ROOT / "docs" / "growth.txt").read_text(encoding="utf-8")
    document = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert block_of(document, COMMAND) == f"{said}\n{tables(points)}".strip("\n") + "\n"
