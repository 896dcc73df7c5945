"""What a cluster survives: the compiled model against the reference semantics, on shipped and broken specs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from modelcheck.model import Name
from modelcheck.survival import Answer, crashes, described, partitions
from modelcheck.survival_native import Native, renamed
from modelcheck.survival_reference import Reference
from spec.overrides import faults_from
from tests.compiler import needs_compiler
from tests.modelcheck.test_survival_reference import spec

pytestmark = needs_compiler

CASES = [
    ("protocols/raft", "2 nodes, term <= 2"),
    ("protocols/raft", "3 nodes, term <= 1"),
    ("protocols/ring", "3 nodes, channel <= 1"),
    ("broken/half_is_enough", "2 nodes, term <= 1"),
    ("broken/bully", "2 nodes, term <= 1"),
    pytest.param("broken/takeover", "2 nodes, term <= 1"),
    pytest.param("protocols/raft", "4 nodes, term <= 1", marks=pytest.mark.slow),
    pytest.param("broken/wiped_disk", "3 nodes, term <= 1", marks=pytest.mark.slow),
    pytest.param("protocols/lock_service", "2 clients, 1 lock_service, 1 storage, last_token <= 1, channel <= 1"),
]


@pytest.mark.parametrize(("name", "row"), CASES)
def test_the_native_search_says_what_the_reference_says(name: str, row: str) -> None:
    protocol, bounds = spec(name, row)
    sizes = bounds.sizes[0]
    reference = Reference(protocol, bounds)
    seen = set()
    with Native(protocol, bounds) as native:
        for scenario in dict.fromkeys([*crashes(protocol, sizes), *partitions(protocol, sizes)]):
            expected, found = reference(protocol, sizes, scenario), native(protocol, sizes, scenario)
            said = described(protocol, scenario)
            assert (said, found.answer, found.winners) == (said, expected.answer, expected.winners)
            seen.add(found.answer)
    assert len(seen) > 1


def test_a_limit_of_time_ends_in_unknown() -> None:
    protocol, bounds = spec("protocols/raft", "5 nodes, term <= 3")
    scenario = next(crashes(protocol, (5,)))
    with Native(protocol, bounds, seconds=0.01) as native:
        found = native(protocol, (5,), scenario)
        again = native(protocol, (5,), scenario)
    assert (found.answer, found.reason) == (Answer.UNKNOWN, "0.01 s were over")
    assert (again.answer, again.reason) == (Answer.UNKNOWN, "0.01 s were over")


def test_groups_are_asked_about_under_all_names() -> None:
    protocol, bounds = spec("protocols/raft", "3 nodes, term <= 1")
    names = (tuple(Name("node", n) for n in range(3)),)
    two, one = frozenset(names[0][:2]), frozenset(names[0][2:])
    found = set(renamed(protocol, names, (two, one)))
    assert len(found) == 3
    assert all(a | b == set(names[0]) for a, b in found)
    ordered, _ = spec("protocols/ring", "3 nodes, channel <= 1")
    assert list(renamed(ordered, names, (two, one))) == [(two, one)]
    assert bounds.sizes == ((3,),)


def test_more_processes_up_are_never_worse() -> None:
    protocol, bounds = spec("protocols/raft", "5 nodes, term <= 1")
    order = [Answer.DOES_NOT, Answer.UNKNOWN, Answer.KEEPS, Answer.SURVIVES]
    with Native(protocol, bounds) as native:
        found = [order.index(native(protocol, (5,), scenario).answer) for scenario in crashes(protocol, (5,))]
    assert all(one >= other for one, other in pairwise(found))
    assert [order[i] for i in found] == [*[Answer.SURVIVES] * 3, *[Answer.DOES_NOT] * 3]


def test_a_process_that_is_down_may_start_again_unless_the_scenario_says_otherwise() -> None:
    protocol, bounds = spec("protocols/raft", "3 nodes, term <= 1")
    crashing = replace(protocol, faults=faults_from("crash up to 1", protocol, "test"))
    reference = Reference(crashing, bounds)
    with Native(crashing, bounds) as native:
        for scenario in [*crashes(crashing, (3,))][:2]:
            assert native(crashing, (3,), scenario).answer is reference(crashing, (3,), scenario).answer
