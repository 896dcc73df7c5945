"""The peers are models of RaftElection.tla itself: they find its states, all of them and no others."""

import shutil

import pytest

from bench.measure import Job, Measurement, measure_all
from bench.peers import (
    ORBITS,
    STATES,
    Order,
    PeerError,
    Symmetry,
    Verifier,
    count_states,
    run_rumur,
    run_spin,
)

needs_rumur = pytest.mark.skipif(shutil.which("rumur") is None, reason="rumur is not installed")
needs_spin = pytest.mark.skipif(shutil.which("spin") is None, reason="spin is not installed")

VERIFIER = Verifier(
    engine="rumur",
    setting="symmetry off",
    version="1",
    terms=2,
    command=("verifier",),
    states_pattern=r"^\s*(\d+) states, \d+ rules fired",
    success="No error found.",
    expected_states=6140,
)


@needs_rumur
@pytest.mark.parametrize(("symmetry", "expected"), [("off", STATES[2]), ("exhaustive", ORBITS[2])])
def test_rumur_finds_every_state(symmetry: Symmetry, expected: int) -> None:
    measured = run_rumur(2, symmetry)
    assert measured.states == expected
    assert measured.cpu_seconds > 0
    assert measured.memory > 0


@pytest.mark.slow
@needs_rumur
@pytest.mark.parametrize(("symmetry", "expected"), [("off", STATES[3]), ("exhaustive", ORBITS[3])])
def test_rumur_finds_every_state_of_three_terms(symmetry: Symmetry, expected: int) -> None:
    assert run_rumur(3, symmetry).states == expected


@needs_spin
@pytest.mark.parametrize("order", ["depth", "breadth"])
@pytest.mark.parametrize("terms", [2, 3])
def test_spin_finds_every_state(terms: int, order: Order) -> None:
    assert run_spin(terms, order).states == STATES[terms]


def test_a_count_is_read_from_the_summary_and_not_from_the_progress() -> None:
    output = (
        "\t 5000 states explored in 0s, with 1 rules fired\nNo error found.\n\t6140 states, 18867 rules fired in 0s.\n"
    )
    assert count_states(VERIFIER, 0, output) == 6140


@pytest.mark.parametrize(
    ("status", "output", "complaint"),
    [
        (0, "No error found.\n 6139 states, 1 rules fired", "found 6,139 states; there are 6,140"),
        (1, "No error found.\n 6140 states, 1 rules fired", "failed with status 1"),
        (0, "1 error found.\n 6140 states, 1 rules fired", "failed with status 0"),
        (0, "No error found.", "failed with status 0"),
    ],
)
def test_a_run_that_failed_or_miscounted_is_no_figure(status: int, output: str, complaint: str) -> None:
    with pytest.raises(PeerError, match=complaint):
        count_states(VERIFIER, status, output)


def test_a_missing_peer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PeerError, match="rumur is not installed"):
        run_rumur(4, "heuristic")


def test_terms_without_a_known_count_are_refused() -> None:
    with pytest.raises(PeerError, match="7 terms"):
        run_spin(7)


def test_runs_are_taken_in_turns_and_summarised_by_medians() -> None:
    taken: list[str] = []

    def peer(name: str, seconds: list[float]) -> Measurement:
        taken.append(name)
        cpu = seconds[taken.count(name) - 1]
        return Measurement(name, "plain", "1", "3 nodes, term <= 2", 6140, cpu, 2 * cpu, int(cpu))

    jobs = [
        Job(lambda: peer("a", [3, 1, 2]), 3),
        Job(lambda: peer("b", [5, 9, 7]), 3),
        Job(lambda: peer("slow", [4]), 1),
    ]
    measured = measure_all(jobs)
    assert taken == ["a", "b", "slow", "a", "b", "a", "b"]
    assert [(one.engine, one.cpu_seconds, one.wall_seconds, one.memory, one.runs) for one in measured] == [
        ("a", 2, 4, 2, 3),
        ("b", 7, 14, 7, 3),
        ("slow", 4, 8, 4, 1),
    ]
