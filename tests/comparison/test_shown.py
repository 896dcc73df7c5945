"""The table, the JSON, the CSV and the figure of one comparison."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

from modelcheck.survival import Answer
from oneleader.comparison.as_csv import comparison_to_csv
from oneleader.comparison.as_json import comparison_to_json
from oneleader.comparison.as_table import table
from oneleader.comparison.result import Comparison
from oneleader.comparison.wording import crashes, interval, partition, percent, plural, seconds
from oneleader.tuning.estimates import Estimate
from tests.comparison.made import LOCKS, RAFT, comparison, of_size, tolerance
from tests.docs.markdown import ROOT

VALIDATOR = Draft202012Validator(json.loads((ROOT / "docs" / "compare.schema.json").read_text(encoding="utf-8")))
NEVER = Estimate(math.inf, 1.0, math.inf)


def usual() -> Comparison:
    return comparison(of_size(RAFT, 3, tolerance(RAFT, 3, 1, 1)), of_size(RAFT, 4, tolerance(RAFT, 4, 1, 1)))


def bare() -> Comparison:
    """Nothing is known, measured or proved."""
    one = of_size(LOCKS, 2, tolerance(LOCKS, 2, -1, beyond=Answer.UNKNOWN))
    missing = replace(one, quorum=None, writes=None, elections=None, idle=None, problem="nobody led")
    return comparison(missing, protocol=LOCKS)


def endless() -> Comparison:
    one = of_size(RAFT, 2, tolerance(RAFT, 2, 0))
    assert one.elections is not None
    elections = replace(
        one.elections, limited=90, median=NEVER, percentile_99=NEVER, worst=math.inf, split=None, messages=None
    )
    return comparison(replace(one, elections=elections))


CASES = {"usual": usual, "bare": bare, "endless": endless}


@pytest.mark.parametrize("case", CASES)
def test_the_json_is_as_the_schema_says(case: str) -> None:
    printed = json.loads(json.dumps(comparison_to_json(CASES[case](), 0), allow_nan=False))
    assert not [f"{'/'.join(map(str, p.absolute_path))}: {p.message}" for p in VALIDATOR.iter_errors(printed)]


@pytest.mark.parametrize("path", [(), ("assumptions",), ("sizes", 0), ("sizes", 0, "crashes", "scenarios", 0)])
def test_the_schema_refuses_what_is_more_or_less(path: tuple[str | int, ...]) -> None:
    printed = comparison_to_json(usual(), 0)
    for without in (False, True):
        spoiled: Any = json.loads(json.dumps(printed))
        part = spoiled
        for key in path:
            part = part[key]
        if without:
            part.popitem()
        else:
            part["more"] = 1
        assert not VALIDATOR.is_valid(spoiled)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


def test_the_csv_has_a_line_for_each_size() -> None:
    three, four = csv.DictReader(io.StringIO(comparison_to_csv(usual())))
    assert (three["nodes"], four["nodes"]) == ("3", "4")
    assert (four["crashes_survived"], four["acknowledgements"], four["smallest_quorum"]) == ("1", "2", "3")
    assert four["partitions_survived_shapes"] == "[3] | 1"
    assert float(three["write_mean_seconds"]) == 0.002
    assert float(three["write_mean_seconds_low"]) < 0.002 < float(three["write_mean_seconds_high"])
    (nothing,) = csv.DictReader(io.StringIO(comparison_to_csv(bare())))
    assert (nothing["crashes_survived"], nothing["smallest_quorum"], nothing["election_median_seconds"]) == ("", "", "")
    assert nothing["client_processes"] == "2"
    (never,) = csv.DictReader(io.StringIO(comparison_to_csv(endless())))
    assert (never["election_worst_seconds"], never["election_without_leader"]) == ("", "90")


def shown(one: Comparison) -> str:
    console = Console(file=io.StringIO(), width=300)
    with console.capture() as captured:
        console.print(table(one, 100))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def test_the_table_shows_figures_with_their_intervals() -> None:
    lines = shown(usual()).splitlines()
    assert lines[0].split() == ["raft", "3", "nodes", "4", "nodes"]
    at = next(number for number, line in enumerate(lines) if line.startswith("a write takes"))
    assert lines[at].split("  ")[-1].strip() == "2 ms"
    assert lines[at + 1].split("  ")[-1].strip() == "1.98 .. 2.02 ms"
    assert "3 nodes: a leader with [2] | 1" in lines
    assert "3 nodes: none with 1 | 1 | 1" in lines
    assert all(len(line) <= 100 for line in lines)


def test_the_table_shows_what_is_missing() -> None:
    text = shown(bare())
    assert "2 clients: not known for" in text
    assert "  Not known: made up." in text
    assert "nothing was measured: nobody led" in text
    assert "crashed processes survived" in text and "not known" in text
    assert "where it is only lock_services" in text
    assert "never" in shown(endless())


def test_figures_in_words() -> None:
    assert percent(0.99970299) == "99.9703 %"
    assert percent(0.9801) == "98.01 %"
    assert percent(1.0) == "100.00 %"
    assert seconds(math.inf) == "never"
    assert interval(Estimate(0.3, 0.29, 0.31), "time") == "290 .. 310 ms"
    assert interval(Estimate(0.9, 0.8, 1.5), "time") == "800 ms .. 1.5 s"
    assert interval(Estimate(0.9, 0.8, math.inf), "time") == "over 800 ms"
    assert interval(Estimate(0.02, 0.01, 0.04), "rate") == "1.0 .. 4.0 %"
    assert interval(Estimate(0.01, -0.01, 0.03), "number") == "0.0 .. 0.0"
    assert [crashes(2, True), crashes(2, False), crashes(None, True), crashes(None, False)] == [
        "2",
        "at least 2",
        "nobody elects",
        "not known",
    ]
    assert [plural(1, "crash"), plural(2, "crash"), plural(3, "node")] == ["1 crash", "2 crashes", "3 nodes"]
    assert partition(RAFT, tolerance(RAFT, 3, 1, 1).partitions[0]) == "[2] | 1"


@pytest.mark.parametrize(("case", "form"), [("bare", "svg"), ("endless", "png")])
def test_the_figure(case: str, form: str) -> None:
    """Also where much is missing."""
    pytest.importorskip("matplotlib")
    from oneleader.comparison.figure import figure

    drawn = figure(CASES[case](), form)
    if form == "svg":
        assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    else:
        assert drawn.startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_same_comparison_gives_the_same_figure() -> None:
    pytest.importorskip("matplotlib")
    from oneleader.comparison.figure import figure

    assert figure(usual(), "svg") == figure(usual(), "svg")
    assert figure(usual(), "png") == figure(usual(), "png")
