"""RaftElection.tla transcribed: its reachable states have been counted with TLC and by a search written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelcheck.check import Options, explore, models_of, run_check
from modelcheck.engines import Choice, Wanted
from modelcheck.model import Model
from modelcheck.native.engine import NativeSearch, explorer
from modelcheck.outcome import Limits, Outcome
from modelcheck.reductions import ALL, SYMMETRY, reductions_of
from modelcheck.verdict import Answer
from spec.check import check
from spec.overrides import check_from
from spec.protocol import Protocol
from spec.source import Source

ORACLE = Path(__file__).parents[1] / "oracles" / "raft_election.elect"

# nodes, terms, states, orbits, changing steps without and with symmetry, depth
TABLE = [
    (3, 2, 6_140, 1_061, 18_867, 3_269, 13),
    (3, 3, 194_179, 32_514, 639_858, 107_204, 19),
    (3, 4, 5_881_161, 980_769, 19_725_699, 3_289_854, 25),
    (4, 1, 845, 67, 2_572, 205, 9),
    (4, 2, 114_801, 5_386, 497_156, 23_355, 17),
    (5, 1, 8_138, 168, 32_050, 670, 11),
]


def protocol(*changes: tuple[str, str]) -> Protocol:
    text = ORACLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return check(Source("raft_election.elect", text))[0]


def model(nodes: int, terms: int, *changes: tuple[str, str]) -> Model:
    spec = protocol(*changes)
    return models_of(spec, check_from(f"{nodes} nodes, term <= {terms}", spec, "test"), Options())[0]


def search(of: Model, reductions: frozenset[str], threads: int) -> Outcome:
    with NativeSearch(explorer(of, reductions_of(of, reductions)), Limits(threads=threads)) as running:
        return running.run()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} nodes, {row[1]} terms")
def test_counts_are_those_of_tlc(row: tuple[int, int, int, int, int, int, int], threads: int) -> None:
    nodes, terms, states, orbits, steps, orbit_steps, depth = row
    of = model(nodes, terms)
    plain = search(of, frozenset(), threads)
    assert (plain.states, plain.steps, plain.depth, plain.violations) == (states, steps, depth, ())
    folded = search(of, frozenset({SYMMETRY}), threads)
    assert (folded.states, folded.steps, folded.depth, folded.violations) == (orbits, orbit_steps, depth, ())


def test_the_python_engine_counts_the_same() -> None:
    found = explore(model(4, 1), Options(choice=Choice(Wanted.PYTHON)))
    assert found.outcome is not None
    assert (found.outcome.states, found.outcome.steps, found.outcome.depth) == (845, 2_572, 9)


FORGET_VOTE = ("durable voted_for", "voted_for")
HALF = ("safety one_leader_now", "define quorum(s: set of node): 2 * size(s) >= size(node)\n\nsafety one_leader_now")


@pytest.mark.parametrize("reductions", [frozenset(), frozenset({SYMMETRY}), ALL], ids=["none", "symmetry", "all"])
@pytest.mark.parametrize(
    ("nodes", "terms", "change", "length"), [(3, 2, FORGET_VOTE, 9), (4, 2, FORGET_VOTE, 14), (4, 1, HALF, 8)]
)
def test_shortest_violations_are_those_of_tlc(
    nodes: int, terms: int, change: tuple[str, str], length: int, reductions: frozenset[str]
) -> None:
    # TLC judges the current state; so does this property, beside the standard one over the whole history.
    spec = protocol(change, ("leader if role == leader with token term\n", ""))
    check_row = check_from(f"{nodes} nodes, term <= {terms}", spec, "test")
    verdict = run_check(spec, check_row, Options(choice=Choice(reductions=reductions)))
    assert verdict.answer is Answer.VIOLATED
    trace = verdict.explorations[0].trace
    assert trace is not None
    assert len(trace) == length
    assert trace.violation is not None
    assert trace.violation.property == "one_leader_now"


def test_verdicts_do_not_depend_on_threads() -> None:
    of = model(3, 2, FORGET_VOTE)
    found = [explore(of, Options(Limits(threads=threads))) for threads in (1, 2, 4)]
    traces = [one.trace for one in found]
    assert traces[0] is not None
    assert traces[0] == traces[1] == traces[2]
    outcomes = [replace(one.outcome, seconds=0.0, bytes=0) for one in found if one.outcome is not None]
    assert outcomes[0] == outcomes[1] == outcomes[2]
