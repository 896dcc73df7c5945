"""The shipped lease: proved for any number of clients, by clocks that leave no room; and not with clocks that do."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelcheck.check import Options, run_check
from modelcheck.proof.bounded import Ended, Limits, search
from modelcheck.proof.counterexample import find
from modelcheck.proof.obligations import goals_of, invariant_of, obligations
from modelcheck.proof.prove import Proof, Wanted, prove, statement
from modelcheck.proof.scope import Assumptions, proof_setting
from spec.check import check
from spec.protocol import FaultKind
from spec.source import Source
from tests.compiler import needs_compiler

pytest.importorskip("z3")

SPEC = (Path(__file__).parents[3] / "spec/protocols/lease.elect").read_text(encoding="utf-8")
WITHOUT_PAUSE = frozenset({FaultKind.PAUSE})


def proved(text: str, *sizes: int | None) -> tuple[Proof, Proof]:
    """What is stated under all faults, and what is stated without pauses."""
    protocol, _ = check(Source("lease.elect", text))
    first = prove(protocol, Wanted(sizes, search=False, seconds=20.0), lambda _: None)
    (beside,) = first.beside
    assert beside.without == WITHOUT_PAUSE
    return first, beside


def test_it_is_proved_for_any_number_of_clients() -> None:
    tokens, belief = proved(SPEC, 2, None)
    assert tokens.shown, tokens.unproved
    assert belief.shown, belief.unproved
    named = [[line.split(":")[0] for line in statement(part)] for part in (tokens, belief)]
    assert {"one_leader_per_token", "token_never_goes_backwards", "writes_follow_tokens"} <= set(named[0])
    assert "one_believes" not in named[0]
    assert "one_believes" in named[1]
    assert {fault.kind for fault in belief.assumptions.left} == {FaultKind.RESTART, FaultKind.DRIFT}


TOO_LONG = "timer deadline: 5 s ", "timer deadline: 15 s "
"""A lease of 20 s by a fast clock takes 15 s at least; 15 s by a slow one take up to 20 s."""


def test_a_deadline_that_is_too_long_for_the_drift_is_not_proved() -> None:
    tokens, belief = proved(SPEC.replace(*TOO_LONG), 2)
    assert tokens.shown, "which rests on no clock"
    assert not belief.shown
    (size,) = belief.sizes
    failed = {one.file.title: one.open for one in size.answers if not one.shown}
    assert any("on timeout lease" in title for title in failed), failed
    setting = belief.setting(2)
    broken = set()
    for obligation in obligations(setting, invariant_of(setting, belief.clauses)):
        if "on timeout lease" in obligation.title:
            found = find(setting, obligation, invariant_of(setting, belief.clauses), goals_of(setting))
            assert found is not None
            (step,) = found.trace.steps
            assert step.step.name == "lease"
            broken.add(found.broken)
    assert broken & {"the_lease_is_no_older_than_the_deadline", "the_lease_is_no_older_than_the_request"}


@pytest.mark.slow
def test_it_is_proved_by_clocks_that_do_not_drift() -> None:
    _, belief = proved(
        SPEC.replace(*TOO_LONG).replace("restart of client, pause of client, drift", "pause of client"), 2
    )
    assert belief.shown, belief.unproved


@pytest.mark.slow
@pytest.mark.parametrize(
    "left_out",
    [
        "older_requests_come_first",
        "older_requests_come_before_the_answer",
        "a_release_is_of_an_older_grant",
        "asked_runs_while_an_answer_counts",
        "the_lease_is_no_older_than_the_request",
    ],
)
def test_each_clause_is_needed(left_out: str) -> None:
    protocol, _ = check(Source("lease.elect", SPEC))
    kept = tuple(one for one in protocol.properties if one.name != left_out)
    assert len(kept) == len(protocol.properties) - 1
    text = "\n\n".join(part for part in SPEC.split("\n\n") if not part.startswith(f"invariant {left_out}"))
    first, belief = proved(text, 2)
    assert not (first.shown and belief.shown)


@needs_compiler
@pytest.mark.usefixtures("quickly_compiled")
def test_the_solver_finds_what_exploration_finds() -> None:
    """A lease of 15 s: both find two who believe, after as many steps."""
    protocol, _ = check(Source("lease.elect", SPEC.replace("timer lease: 20 s", "timer lease: 15 s")))
    (wanted,) = (one for one in protocol.checks if one.name == "full")
    only = frozenset({"one_believes"})
    explored = run_check(protocol, wanted, Options(only=only)).explorations[-1].trace
    assert explored is not None
    faults = tuple(fault for fault in protocol.faults if fault.kind is not FaultKind.RESTART)
    setting = proof_setting(protocol, (2, 1, 1), Assumptions(protocol.network, faults, WITHOUT_PAUSE))
    outcome = search(setting, Limits(depth=len(explored)), only)
    assert outcome.ended is Ended.VIOLATED
    assert outcome.trace is not None
    assert len(outcome.trace) == len(explored)
    assert outcome.steps == len(explored) - 1
