"""Bounded model checking against the reference semantics: shortest violations have the length that is known."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from modelcheck.model import Model
from modelcheck.proof.bounded import Ended, Limits, search
from modelcheck.proof.scope import assumptions_of, proof_setting
from modelcheck.proof.setting import Setting
from modelcheck.properties import FAILURE, checked, found_in_state, found_in_step
from modelcheck.semantics import initial, steps
from modelcheck.trace import is_behaviour
from spec.check import check, load
from spec.overrides import faults_from, network_from
from spec.protocol import Protocol
from spec.source import Source
from tests.properties.declarations import Tape
from tests.properties.protocols import text_of
from tests.spec.test_broken import mended, names, promised

pytest.importorskip("z3")

ROOT = Path(__file__).parents[3]
BROKEN = ROOT / "spec" / "broken"
SHIPPED = ROOT / "spec" / "protocols"
LONG = {
    *("lock_without_fence", "prevotes_counted", "votes_as_a_number", "term_set_back", "wiped_disk", "ring_closes"),
    "lease_without_fence",
}
"""Broken specs that take the longest."""
DEEP = {"consul_lock_delay", "kubernetes_lease_skew", "kubernetes_lease_works_on"}
"""Those of so many steps that a solver takes minutes."""


def setting_of(protocol: Protocol, network: str | None = None, faults: str | None = None) -> Setting:
    assumptions = assumptions_of(
        protocol,
        None if network is None else network_from(network, protocol, "network"),
        None if faults is None else faults_from(faults, protocol, "faults"),
    )
    return proof_setting(protocol, protocol.checks[0].rows[0].sizes[0], assumptions)


def shipped(name: str) -> Protocol:
    return load(SHIPPED / f"{name}.elect")[0]


# What is known --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in names() if n not in DEEP]
)
def test_finds_the_shortest_violation_of_a_broken_spec(name: str) -> None:
    limits = Limits(depth=promised(name).length)
    outcome = search(setting_of(load(BROKEN / f"{name}.elect")[0]), limits)
    assert outcome.ended is Ended.VIOLATED
    assert outcome.trace is not None and outcome.trace.violation is not None
    assert len(outcome.trace) == promised(name).length
    assert outcome.steps == promised(name).length - 1
    assert outcome.trace.violation.property == promised(name).violated
    assert is_behaviour(outcome.trace)


@pytest.mark.parametrize("name", sorted(DEEP))
def test_finds_nothing_sooner_than_the_shortest_violation(name: str) -> None:
    assert promised(name).length > 12
    outcome = search(setting_of(load(BROKEN / f"{name}.elect")[0]), Limits(depth=12))
    assert (outcome.ended, outcome.steps) == (Ended.CLEAN, 12)


@pytest.mark.parametrize("name", names())
def test_finds_nothing_once_the_flaw_is_mended(name: str) -> None:
    protocol, _ = check(Source(f"{name}.elect", mended(name)))
    outcome = search(setting_of(protocol), Limits(depth=3))
    assert (outcome.ended, outcome.steps) == (Ended.CLEAN, 3)


@pytest.mark.parametrize(
    ("name", "network", "faults"),
    [
        ("raft", None, None),
        ("raft", "reliable", "crash up to 1, partition"),
        ("raft", "loss, reordering", "restart up to 1"),
        ("prevote", "duplication", None),
        ("ring", None, None),
        ("lock_service", None, None),
    ],
)
def test_finds_nothing_in_a_shipped_spec(name: str, network: str | None, faults: str | None) -> None:
    outcome = search(setting_of(shipped(name), network, faults), Limits(depth=4))
    assert (outcome.ended, outcome.steps) == (Ended.CLEAN, 4)


# Against the reference ------------------------------------------------------------------------------------------------


def shortest(model: Model, depth: int, most: int) -> tuple[dict[str, int], int]:
    """How long the shortest violation of each property is, and up to how many steps all was looked at."""
    items = [item for item in checked(model) if item.is_violation]
    found: dict[str, int] = {}
    start = initial(model).state
    assert start is not None
    known, frontier = {start}, [start]
    for item in items:
        if not item.in_step and found_in_state(model, item, start):
            found[item.name] = 0
    for length in range(1, depth + 1):
        following = []
        for state in frontier:
            for step in steps(model, state):
                if step.state is None:
                    found.setdefault(FAILURE, length)
                    continue
                for item in items:
                    if item.in_step and found_in_step(model, item, state, step.state):
                        found.setdefault(item.name, length)
                if step.state not in known:
                    known.add(step.state)
                    following.append(step.state)
                    for item in items:
                        if item.name not in found and not item.in_step and found_in_state(model, item, step.state):
                            found[item.name] = length
        frontier = following
        if len(known) > most:
            return found, length
    return found, depth


def agree(seed: int) -> None:
    """Every property of a protocol drawn by chance, by itself and all together."""
    protocol, _ = check(Source("drawn.elect", text_of(random.Random(seed).randbytes(Tape.LENGTH))))
    setting = setting_of(protocol)
    if initial(setting.model).state is None:
        with pytest.raises(ValueError):  # noqa: PT011 - the message is the spec's own
            search(setting, Limits())
        return
    found, depth = shortest(setting.model, 5, 600)
    properties = [item.name for item in checked(setting.model) if item.is_violation and item.name != FAILURE]
    for only in (None, *([name] for name in properties)):
        expected = [length for name, length in found.items() if only is None or name in (*only, FAILURE)]
        outcome = search(setting, Limits(depth=depth), None if only is None else frozenset(only))
        length = None if outcome.trace is None else len(outcome.trace)
        assert length == min(expected, default=None), (seed, only)
        assert outcome.trace is None or is_behaviour(outcome.trace)


@pytest.mark.parametrize("block", range(3))
def test_random_protocols_have_violations_of_the_length_that_the_reference_finds(block: int) -> None:
    for seed in range(8 * block, 8 * block + 8):
        agree(seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(10))
def test_many_random_protocols(block: int) -> None:
    for seed in range(1000 + 40 * block, 1040 + 40 * block):
        agree(seed)


# Limits and induction -------------------------------------------------------------------------------------------------


LEASE = """
protocol lease

process node:
    durable promised: node? = none
    leads: bool = false
    promises: set of node = {}

message ask()
message promise()

action stand if promised == none:
    promised := self
    promises := {self}
    broadcast ask()

on ask() from candidate if promised in {none, candidate}:
    promised := candidate
    send promise() to candidate

on promise() from voter if promised == self:
    promises := promises + {voter}
    if promises == node:
        leads := true

leader if leads with token 1, elected by {n in node if n.promised == self}

invariant promises_are_kept: forall a, b in node: b in a.promises implies b.promised == a
invariant promise_is_durable: forall promise() from v to c: v.promised == c
invariant all_promised: leads implies promises == node
invariant history: forall n led with t: n.leads

check small: 3 nodes
"""


def test_proves_an_inductive_invariant() -> None:
    protocol, _ = check(Source("lease.elect", LEASE))
    outcome = search(setting_of(protocol), Limits(depth=3, induction=True))
    assert (outcome.ended, outcome.k) == (Ended.PROVED, 1)


def test_does_not_prove_what_is_no_induction() -> None:
    protocol, _ = check(Source("lease.elect", LEASE.replace("invariant promise_is_durable", "# ")))
    outcome = search(setting_of(protocol), Limits(depth=1, induction=True))
    assert (outcome.ended, outcome.steps, outcome.tried) == (Ended.CLEAN, 1, 2)


def test_gives_up_at_the_time_limit() -> None:
    outcome = search(setting_of(shipped("raft")), Limits(depth=100, seconds=0.5))
    assert outcome.ended is Ended.TIME
    assert outcome.steps < 100  # -1 where there was no time for the initial state either
    assert outcome.seconds < 5


def test_tells_how_far_it_is() -> None:
    told: list[int] = []
    search(setting_of(shipped("raft")), Limits(depth=3), told=lambda steps, _: told.append(steps))
    assert told == [0, 1, 2, 3]
