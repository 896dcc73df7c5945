"""Counterexamples to induction: states and steps of the reference semantics, as small as they can be."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelcheck.chart import chart
from modelcheck.itf import itf
from modelcheck.mermaid import mermaid
from modelcheck.model import State
from modelcheck.proof.claims import MINORITY_CANNOT_ELECT
from modelcheck.proof.counterexample import Counterexample, find, minimal
from modelcheck.proof.judge import Judge
from modelcheck.proof.obligations import Invariant, invariant_of, obligations, properties_of
from modelcheck.proof.setting import Setting
from modelcheck.semantics import initial, steps
from modelcheck.svg import svg
from modelcheck.trace import is_behaviour
from spec.check import load
from spec.overrides import network_from

pytest.importorskip("z3")

SHIPPED = Path(__file__).parents[3] / "spec" / "protocols"


def setting_of(name: str, network: str | None = None) -> Setting:
    protocol, _ = load(SHIPPED / f"{name}.elect")
    chosen = protocol.network if network is None else network_from(network, protocol, "network")
    return Setting(protocol, protocol.checks[0].rows[0].sizes[0], chosen, protocol.faults)


def invariant(setting: Setting) -> Invariant:
    """The properties themselves, which are no inductive invariant."""
    return invariant_of(setting, tuple(c.name for c in properties_of(setting) if c.name != MINORITY_CANNOT_ELECT))


def found(setting: Setting) -> list[Counterexample]:
    claimed = invariant(setting)
    return [
        one
        for obligation in obligations(setting, claimed)
        if obligation.unit is not None and (one := find(setting, obligation, claimed)) is not None
    ]


@pytest.fixture(scope="module")
def of_raft() -> list[Counterexample]:
    return found(setting_of("raft"))


def test_a_step_that_breaks_a_clause(of_raft: list[Counterexample]) -> None:
    assert of_raft, "Raft's properties are no inductive invariant"
    setting = setting_of("raft")
    judge = Judge(setting, invariant(setting))
    for one in of_raft:
        (step,) = one.trace.steps
        assert judge.has_invariant(one.trace.start)
        assert step in steps(one.trace.model, one.trace.start)
        assert judge.broken(one.trace.start, step, ()) == one.broken
        assert one.trace.violation is not None and one.trace.violation.clauses
        assert not is_behaviour(one.trace), "it does not begin in the initial state"


def test_it_holds_no_more_than_the_step_needs(of_raft: list[Counterexample]) -> None:
    for one in of_raft:
        assert len(one.trace.start.packets) <= 2
        assert len(one.trace.start.led) <= 2
        assert max(value for p in one.trace.start.processes[0] for value in p.values if isinstance(value, int)) <= 4


def test_it_is_drawn_as_what_it_is(of_raft: list[Counterexample]) -> None:
    for one in of_raft:
        drawn = " ".join(chart(one.trace, 140).split())
        assert "a state that satisfies the invariant, not necessarily reachable" in drawn
        assert f"{one.broken} is false after step 1" in drawn
        assert "under way from" in drawn
        assert "at the start" not in drawn
        assert "not necessarily reachable" in mermaid(one.trace)
        assert "not necessarily" in svg(one.trace)
        assert itf(one.trace)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("ring", None),
        ("lock_service", None),
        pytest.param("raft", "reliable", marks=pytest.mark.slow),
        pytest.param("raft", "loss, reordering", marks=pytest.mark.slow),
        pytest.param("raft", "duplication", marks=pytest.mark.slow),
        pytest.param("prevote", None, marks=pytest.mark.slow),
    ],
)
def test_of_other_specs_and_networks(name: str, network: str | None) -> None:
    setting = setting_of(name, network)
    judge = Judge(setting, invariant(setting))
    every = found(setting)
    assert every
    for one in every:
        assert judge.has_invariant(one.trace.start)
        assert judge.broken(one.trace.start, one.trace.steps[0], ()) == one.broken
        assert chart(one.trace)


def test_what_holds_in_the_initial_state_is_judged_so() -> None:
    """Also what no property of the spec says: that clause's formula is evaluated."""
    for name in ("raft", "prevote", "ring", "lock_service"):
        setting = setting_of(name)
        start = initial(setting.model).state
        assert start is not None
        assert Judge(setting, invariant(setting)).has_invariant(start)


def test_what_is_not_needed_is_left_out() -> None:
    setting = setting_of("raft")
    start = initial(setting.model).state
    assert start is not None
    led = start._replace(led=frozenset({(0, 1), (1, 2), (2, 3)}))

    def shows(state: State) -> bool:
        return (1, 2) in state.led

    assert minimal(setting, led, shows).led == frozenset({(1, 2)})
