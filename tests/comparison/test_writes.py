"""How long writes take, held against order statistics."""

from __future__ import annotations

import math
from math import comb

import pytest

from modelcheck.check import Options, model_of
from modelcheck.model import Model
from oneleader.comparison.writes import writes_of
from oneleader.tuning.distributions import Constant, Exponential, Uniform
from spec.overrides import check_from
from tests.comparison.made import LOCKS, RAFT

DELAY, STORE = 0.001, 0.002


def raft(nodes: int) -> Model:
    row = check_from(f"{nodes} nodes, term <= 1", RAFT, "test").rows[0]
    return model_of(RAFT, row, (nodes,), Options())


def done_by(nodes: int, at: float) -> float:
    """How likely a write is done in some time, where each message takes DELAY and stores are exponential with mean
    STORE: the leader has stored it, and so have half of the others (or one more) two messages earlier."""

    def stored(seconds: float) -> float:
        return 1 - math.exp(-seconds / STORE) if seconds > 0 else 0.0

    others, needed = nodes - 1, nodes // 2
    part = stored(at - 2 * DELAY)
    enough = sum(comb(others, k) * part**k * (1 - part) ** (others - k) for k in range(needed, others + 1))
    return stored(at) * enough


def exact(nodes: int) -> tuple[float, float]:
    """The mean and the 99th percentile, by integration."""
    step = 2e-6
    mean, at = 0.0, 0.0
    percentile = None
    while at < 0.08:
        done = done_by(nodes, at + step / 2)
        mean += (1 - done) * step
        if percentile is None and done >= 0.99:
            percentile = at
        at += step
    assert percentile is not None
    return mean, percentile


@pytest.mark.parametrize("nodes", [2, 3, 4, 5])
def test_order_statistics(nodes: int) -> None:
    found = writes_of(raft(nodes), Constant(DELAY), Exponential(STORE), 10_000, seed=3)
    assert found is not None
    mean, percentile = exact(nodes)
    # Of eight intervals of 95 % one may well miss; none does by as much again.
    for estimate, wanted in ((found.mean, mean), (found.percentile_99, percentile)):
        slack = (estimate.high - estimate.low) / 2
        assert estimate.low - slack <= wanted <= estimate.high + slack


def test_with_fixed_times_all_is_known() -> None:
    found = writes_of(raft(5), Constant(DELAY), Constant(STORE), 100, seed=1)
    assert found is not None
    assert found.mean.value == pytest.approx(2 * DELAY + STORE)
    assert found.percentile_99.value == pytest.approx(2 * DELAY + STORE)


def test_one_seed_gives_one_answer() -> None:
    once = [writes_of(raft(3), Uniform(0.0, 0.1), Constant(0.0), 200, seed) for seed in (1, 1, 2)]
    assert once[0] == once[1]
    assert once[0] != once[2]


def test_a_spec_without_quorums_has_no_writes() -> None:
    row = check_from("2 clients, 1 lock_service, 1 storage, last_token <= 1", LOCKS, "test").rows[0]
    assert writes_of(model_of(LOCKS, row, (2, 1, 1), Options()), Constant(0.1), Constant(0.1), 10, 1) is None
