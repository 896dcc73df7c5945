"""Which variables, messages and timers can make no difference, on protocols small enough to know it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelcheck.check import Options, explore, model_of, models_of
from modelcheck.dead_messages import dead_messages
from modelcheck.dead_variables import DeadVariable, always_armed, dead_variables
from modelcheck.engines import Choice
from modelcheck.model import Model, Name, Packet
from modelcheck.reductions import ALL, ALWAYS_ARMED, DEAD_MESSAGES, DEAD_VARIABLES, SYMMETRY
from spec.check import check, load
from spec.overrides import check_from
from spec.source import Source

RAFT = Path(__file__).parents[2] / "spec" / "protocols" / "raft.elect"


def raft(row: str = "3 nodes, term <= 2") -> Model:
    protocol, _ = load(RAFT)
    return models_of(protocol, check_from(row, protocol, "test"), Options())[0]


def small(text: str) -> Model:
    protocol, _ = check(Source("small.elect", text))
    return model_of(protocol, protocol.checks[0].rows[0], protocol.checks[0].rows[0].sizes[0], Options())


def test_votes_are_dead_but_for_a_candidate() -> None:
    assert dead_variables(raft()) == (
        DeadVariable("node", "votes", "role", frozenset({"follower", "leader"})),
        DeadVariable("node", "answered", "role", frozenset({"follower", "candidate"})),
    )


def test_the_election_timer_is_always_armed_and_the_heartbeat_is_not() -> None:
    assert always_armed(raft()) == {("node", "election")}


def test_requests_of_older_terms_are_dead() -> None:
    (found,) = dead_messages(raft())
    assert found.variables == ("term", "voted_for", "role")

    def is_dead(local: tuple[object, ...], message: str, sender: int, term: int) -> bool:
        packet = Packet(message, Name("node", sender), Name("node", 0), (term,))
        return packet in found.dead.get((0, local), frozenset())

    assert is_dead((2, None, "follower"), "request_vote", 1, 1)
    assert not is_dead((1, None, "follower"), "request_vote", 1, 2)
    # Having voted for another in this term is for ever; the same candidate may ask again.
    assert is_dead((2, 2, "follower"), "request_vote", 1, 2)
    assert not is_dead((2, 1, "follower"), "request_vote", 1, 2)
    # A vote counts for a candidate of its term, and a leader is none any more in that term.
    assert not is_dead((1, 0, "candidate"), "vote", 1, 1)
    assert is_dead((1, 0, "leader"), "vote", 1, 1)
    assert not is_dead((1, 0, "candidate"), "vote", 1, 2)


VOLATILE_TERM = """
protocol volatile_term

process node:
    term: nat = 0

message hello(term: nat)

faults: FAULTS

action greet:
    term := term + 1
    broadcast hello(term)

on hello(t) from other if t > term:
    term := t

safety small: term <= 9

check quick: 2 nodes, term <= 2
"""


def test_what_a_restart_forgets_revives_messages() -> None:
    for faults, expected in (("none", True), ("restart", False)):
        (found,) = dead_messages(small(VOLATILE_TERM.replace("FAULTS", faults)))
        packet = Packet("hello", Name("node", 1), Name("node", 0), (1,))
        assert (packet in found.dead.get((0, (2,)), frozenset())) is expected


READ_BY_PROPERTY = """
protocol read_by_property

process node:
    role: idle | busy = idle
    helper: node? = none

message ask()

action begin if role == idle:
    role := busy
    helper := none
    broadcast ask()

on ask() from asker if role == busy:
    helper := asker
    role := idle

PROPERTY

check quick: 2 nodes
"""


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        # Nothing reads the helper at all, then a property does.
        ("safety nothing: role in {idle, busy}", {"idle", "busy"}),
        ("safety nobody: role == idle or helper == none", set()),
    ],
)
def test_what_a_property_reads_is_never_dead(claim: str, expected: set[str]) -> None:
    found = dead_variables(small(READ_BY_PROPERTY.replace("PROPERTY", claim)))
    dead = {value for one in found if one.variable == "helper" for value in one.values}
    assert dead == expected


CARRIED = """
protocol carried

process node:
    role: idle | asked | done = idle
    helper: node? = none
    friend: node? = none

message ask()

action begin if role == idle:
    role := asked
    broadcast ask()

on ask() from asker if role == idle:
    helper := asker

action finish if role == asked:
    friend := helper
    role := done

safety friends: friend != self

check quick: 2 nodes
"""


def test_a_value_that_is_carried_to_a_reader_is_not_dead() -> None:
    dead = {value for one in dead_variables(small(CARRIED)) if one.variable == "helper" for value in one.values}
    assert dead == {"done"}


@pytest.mark.parametrize("wanted", [{DEAD_VARIABLES}, {DEAD_MESSAGES}, {ALWAYS_ARMED}, {SYMMETRY}, ALL])
def test_each_reduction_keeps_verdict_witnesses_and_coverage(wanted: set[str]) -> None:
    plain = explore(raft(), Options(choice=Choice(reductions=frozenset())))
    reduced = explore(raft(), Options(choice=Choice(reductions=frozenset(wanted))))
    assert plain.outcome is not None
    assert reduced.outcome is not None
    assert reduced.answer is plain.answer
    assert reduced.outcome.covered == plain.outcome.covered
    assert reduced.outcome.reached == plain.outcome.reached
    assert [(hit.checked, hit.length) for hit in reduced.outcome.hits] == [
        (hit.checked, hit.length) for hit in plain.outcome.hits
    ]
    assert reduced.outcome.states <= plain.outcome.states


def test_each_reduction_finds_something_to_reduce() -> None:
    oracle, _ = load(RAFT.parents[2] / "tests" / "oracles" / "raft_election.elect")
    of = models_of(oracle, check_from("3 nodes, term <= 2", oracle, "test"), Options())[0]
    counts = {}
    for wanted in (frozenset[str](), {DEAD_VARIABLES}, {DEAD_MESSAGES}, {SYMMETRY}, ALL):
        outcome = explore(of, Options(choice=Choice(reductions=frozenset(wanted)))).outcome
        assert outcome is not None
        counts[frozenset(wanted)] = outcome.states
    assert len(set(counts.values())) == len(counts)
    assert max(counts, key=lambda wanted: counts[wanted]) == frozenset()
    assert min(counts, key=lambda wanted: counts[wanted]) == ALL
