"""The shipped protocols: what each of them promises holds, and nothing in them is idle."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.murphi import murphi
from modelcheck.check import Options, run_check
from modelcheck.engines import Choice, Wanted
from modelcheck.outcome import Limits
from modelcheck.trace import is_behaviour
from modelcheck.verdict import Answer, Result, Verdict
from spec.check import check, load
from spec.overrides import check_from
from spec.source import Source
from tests.exported import instance_of
from tests.rumur import needs_rumur, run_rumur

PROTOCOLS = Path(__file__).parents[2] / "spec" / "protocols"


def names() -> list[str]:
    return sorted(path.stem for path in PROTOCOLS.glob("*.elect"))


def verdict(name: str, check: str, engine: Wanted = Wanted.AUTO) -> Verdict:
    protocol, _ = load(PROTOCOLS / f"{name}.elect")
    (wanted,) = (found for found in protocol.checks if found.name == check)
    return run_check(protocol, wanted, Options(Limits(threads=2), Choice(engine)))


def test_there_are_protocols() -> None:
    assert {"lock_service", "prevote", "raft", "ring"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_is_named_as_its_file_and_warns_of_nothing(name: str) -> None:
    protocol, warnings = load(PROTOCOLS / f"{name}.elect")
    assert protocol.name == name
    assert not warnings


@pytest.mark.parametrize("name", names())
def test_the_quick_check_holds(name: str) -> None:
    result = verdict(name, "quick")
    assert result.answer is Answer.HOLDS, result.reason
    assert result.coverage.complete and result.coverage.taken == result.coverage.total


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_full_check_holds(name: str) -> None:
    result = verdict(name, "full")
    assert result.answer is Answer.HOLDS, result.reason


@pytest.mark.parametrize("name", names())
def test_there_is_a_leader_and_one_only(name: str) -> None:
    """A protocol in which nobody leads would hold as well."""
    protocol, _ = load(PROTOCOLS / f"{name}.elect")
    results = {found.name: found.result for found in verdict(name, "quick").explorations[0].properties}
    assert protocol.leader is not None
    assert results["one_leader_per_token"] is Result.HOLDS
    assert results["token_never_goes_backwards"] is Result.HOLDS
    assert Result.WITNESSED in results.values()


def test_both_engines_count_the_same_states_of_the_ring() -> None:
    """The ring is ordered, so that neither symmetry nor anything else makes one state of two."""
    native, plain = verdict("ring", "quick"), verdict("ring", "quick", Wanted.PYTHON)
    assert [exploration.outcome.levels for exploration in native.explorations if exploration.outcome] == [
        exploration.outcome.levels for exploration in plain.explorations if exploration.outcome
    ]


def test_small_rings_have_a_leader_too() -> None:
    """A ring of one is its own neighbour."""
    protocol, _ = load(PROTOCOLS / "ring.elect")
    result = run_check(
        protocol, check_from("1, 2, 3 nodes, channel <= 2", protocol, "test"), Options(Limits(threads=2))
    )
    leads = [
        found.result
        for exploration in result.explorations
        for found in exploration.properties
        if found.name == "someone_leads"
    ]
    assert leads == [Result.WITNESSED] * 3


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("lock_service", "2 clients, 1 lock_service, 1 storage, last_token <= 2, channel <= 1"),
        ("prevote", "2 nodes, term <= 2"),
        ("raft", "3 nodes, term <= 1"),
        ("ring", "5 nodes, channel <= 2"),
    ],
)
def test_rumur_counts_the_same_states(name: str, row: str) -> None:
    """All of them: without symmetry, and without taking states for one another that differ in what is dead."""
    protocol, _ = load(PROTOCOLS / f"{name}.elect")
    options = Options(Limits(threads=2), Choice(Wanted.NATIVE, frozenset()))
    (exploration,) = run_check(protocol, check_from(row, protocol, "test"), options).explorations
    assert exploration.outcome is not None
    result = run_rumur(murphi(instance_of(exploration.model)))
    assert result.states == exploration.outcome.states, result.message


def test_a_leader_that_never_hears_of_a_newer_term_leaves_a_quorum_without_one() -> None:
    """As Raft's PreVote was published, nobody tells it: the others neither follow it nor can be elected."""
    text = (PROTOCOLS / "prevote.elect").read_text(encoding="utf-8")
    deaf = text.replace("    send newer(term) to behind\n", "    pass\n")
    assert deaf != text
    protocol, _ = check(Source("deaf.elect", deaf))
    row = check_from("3 nodes, term <= 2", protocol, "test")
    only = frozenset({"a_leader_is_followed"})
    (found,) = run_check(protocol, row, Options(only=only)).explorations
    assert found.answer is Answer.VIOLATED
    assert found.trace is not None and len(found.trace) == 9 and is_behaviour(found.trace)
