"""Exports of properties that look at messages under way, and at who has led."""

from __future__ import annotations

import re

import pytest

from codegen.murphi import murphi
from codegen.tla import tla
from modelcheck.explore import reachable
from modelcheck.model import Model
from modelcheck.outcome import Limits, Outcome
from modelcheck.python_engine import PythonSearch
from modelcheck.symmetry import orbits
from spec.protocol import PropertyKind
from tests.exported import instance_of, model_of
from tests.modelcheck.native import models
from tests.modelcheck.native.test_looks import KINDS, LOOKS, NETWORKS
from tests.rumur import needs_rumur, run_rumur
from tests.tlc import needs_tlc, run_tlc

PAST = """
protocol past
process node:
    durable promised: node? = none
    leads: bool = false
    terms: nat = 0
message ask(number: nat)
message promise(by: node)
network: NETWORK
faults: restart up to 1
action stand if promised == none:
    promised := self
    broadcast ask(terms + 1)
on ask(k) from candidate if promised in {none, candidate}:
    promised := candidate
    terms := k
    send promise(self) to candidate
on promise(who) from voter if promised == self:
    leads := true
action resign if leads:
    leads := false
leader if leads with token terms + 1
safety has_promised: forall n led with t: n.promised == n and t == 1
safety nobody_else: forall n led with t: forall m led with u: n == m
safety true_to_its_name: forall promise(p) from v to c: p == v and v.promised == c
reachable led_once: exists n led with t: not n.leads
reachable led_twice: exists n led with t: exists m led with u: t < u
reachable waiting: exists n led with t: exists promise(p) from v to c: c == n and n.leads and size({p, v, c}) > 1
reachable two_asked: exists ask(k) from a to b: exists ask(n) from c to d: a != c and k + n > 1
check small: 2 nodes, terms <= 1, channel <= 2
"""


def without_violations(text: str) -> str:
    """The same claims as witnesses to look for, all of them in one run; without those that need a leader."""
    lines = [line for line in text.split("\n") if "led with" not in line and not line.startswith("leader")]
    return "\n".join(re.sub(r"^(?:safety|invariant) (\w+): (.*)$", r"reachable \1: not (\2)", line) for line in lines)


def looks(network: str) -> Model:
    of_two = without_violations(LOOKS.replace("NETWORK", network)).replace("crash up to 1", "none")
    return models.model(of_two, (2,), {"term": 1}, 2)


def kinds(network: str) -> Model:
    return models.model(without_violations(KINDS.replace("NETWORK", network)), (2, 1), {}, 2)


CASES = {f"past, {network}": model_of(PAST.replace("NETWORK", network)) for network in NETWORKS}
CASES |= {f"kinds, {network}": kinds(network) for network in ("duplication", "loss, reordering", NETWORKS[-1])}
CASES |= {f"looks, {network}": looks(network) for network in ("loss", "reordering", NETWORKS[-1])}


def searched(model: Model) -> Outcome:
    return PythonSearch(model, Limits()).run()


def missing(model: Model, outcome: Outcome) -> set[str]:
    """The `reachable` properties without a witness."""
    wanted = {p.name for p in model.protocol.properties if p.kind is PropertyKind.REACHABLE}
    return wanted - {hit.checked.name for hit in outcome.witnesses}


@needs_rumur
@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_rumur_finds_the_same_witnesses(name: str) -> None:
    model = CASES[name]
    outcome = searched(model)
    assert not outcome.violations
    in_queues = not model.network.is_growing_set and not model.network.reordering
    for symmetry in (False, True) if in_queues or "past" in name else (False,):
        result = run_rumur(murphi(instance_of(model), symmetry), symmetry)
        assert not result.violated, result.message
        assert result.states == (orbits(model, reachable(model).successors) if symmetry else outcome.states)
        assert set(result.uncovered) == missing(model, outcome)


@needs_rumur
@pytest.mark.slow
def test_rumur_finds_the_same_shortest_violation() -> None:
    model = models.model(LOOKS.replace("NETWORK", "loss"), (2,), {"term": 1}, 2)
    violations = searched(model).violations
    result = run_rumur(murphi(instance_of(model)))
    assert result.length == violations[0].length
    assert result.violated in {hit.checked.name for hit in violations if hit.length == result.length}


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in CASES if n.split(", ", 1)[1] in ("loss", "reordering", NETWORKS[-1])])
def test_tlc_finds_the_same_witnesses(name: str) -> None:
    model = CASES[name]
    outcome = searched(model)
    module, configuration = tla(instance_of(model))
    assert run_tlc(module, configuration).states == outcome.states
    for hit in outcome.witnesses:
        asked = f"{configuration}INVARIANT never_{hit.checked.name}\n"
        result = run_tlc(module, asked)
        assert (result.violated, result.length) == (f"never_{hit.checked.name}", hit.length), result.output
    for unwitnessed in missing(model, outcome):
        assert not run_tlc(module, f"{configuration}INVARIANT never_{unwitnessed}\n").violated


def test_most_claims_are_witnessed_somewhere() -> None:
    """Else the comparisons would say little."""
    for text, silent in (("past", {"led_twice"}), ("looks", {"asked_by_who_knows", "granted_once", "behind"})):
        cases = [model for name, model in CASES.items() if name.startswith(text)]
        never = set.intersection(*(missing(model, searched(model)) for model in cases))
        assert never == silent
