"""What the command line asks for: what makes no sense is refused, before anything is measured."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import typer

from oneleader.tune import Request, run
from tests.docs.markdown import ROOT

RAFT = "spec/protocols/raft.elect"


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("spec", "asked", "said"),
    [
        (
            "spec/protocols/ring.elect",
            {},
            "ring.elect: the spec has no timers: there is nothing to tune",
        ),
        ("spec/broken/bully.elect", {}, "name it with --election-timer: of the timers announcement, answer, suspicion"),
        (RAFT, {"delay": "soon"}, "--delay: 'soon' describes no times; expected `1 ms`"),
        (RAFT, {"round_trips": Path("none.txt")}, "--round-trips: none.txt: No such file or directory"),
        (RAFT, {"round_trips": Path("x"), "delay": "1 ms"}, "--round-trips: measured round trips say how long"),
        (RAFT, {"heartbeat_timer": "election"}, "--heartbeat-timer: `election` elects: a leader is confirmed within"),
        (RAFT, {"loss": 1.0}, "--loss: expected a part of 1"),
        ("spec/protocols/lock_service.elect", {"duplication": 0.1}, "the network of this spec has no duplication"),
        (RAFT, {"pauses": "1 s"}, "--pauses: '1 s': expected `TIMES every TIME`"),
        (RAFT, {"pauses": "1 s every 0 ms"}, "--pauses: '1 s every 0 ms': they cannot be no time apart"),
        (RAFT, {"start": "1 s, x"}, "--start: 'x' is no time; expected a list of them"),
        (RAFT, {"spread": "1 s .. 2 s"}, "--spread: '1 s .. 2 s' is a range; expected a list of single times"),
        (RAFT, {"start": "0 ms"}, "--start: '0 ms' is no time at all"),
        (RAFT, {"start": "50 ms", "heartbeat": "60 ms"}, "no heartbeat is quicker than a --start"),
        (RAFT, {"heartbeat_timer": "none", "heartbeat": "60 ms"}, "--heartbeat: the spec has no timer that is one"),
        (RAFT, {"false_elections": 0.0}, "--false-elections: expected more than 0"),
        (RAFT, {"jobs": 0}, "--jobs: expected 1 or more"),
        (RAFT, {"within": "1 node"}, "--within: with one node there is nobody to take over"),
        (RAFT, {"within": "3 nodes, term <= 2"}, "--within: a simulation bounds no numbers"),
        (RAFT, {"plot": Path("all.pdf")}, "--plot: all.pdf: expected a file that ends in .svg or .png"),
        (RAFT, {"plot": Path("nowhere/all.svg")}, "--plot: nowhere: there is no such folder"),
        (RAFT, {"csv": Path("docs")}, "--csv: docs is a folder; expected a file"),
    ],
)
def test_what_makes_no_sense_is_refused(
    spec: str, asked: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as ended:
        run(Request(Path(spec), **asked))
    assert ended.value.exit_code == 2
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_without_matplotlib_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(typer.Exit) as ended:
        run(Request(Path(RAFT), plot=tmp_path / "all.svg"))
    assert ended.value.exit_code == 3
    assert capsys.readouterr().err == "oneleader: --plot needs matplotlib: pip install 'oneleader[figures]'\n"
