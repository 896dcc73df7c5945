"""The chain of split votes: known values, and the simulation beside it."""

from __future__ import annotations

import pytest

from bench.published_experiments import CHAINS, chain_name
from bench.split_votes import Cluster, closed_form, elections, expected_earliest, first_round, next_round
from generated.raft.node import PROCESS
from oneleader.tuning.distributions import Constant
from oneleader.tuning.estimates import mean, rate
from oneleader.tuning.trials import elections_after_crashes
from oneleader.tuning.world import World

CONFIDENCE = 0.9999
"""Of each comparison: so that none of a few dozen fails by chance. Seeds are fixed anyhow."""


@pytest.mark.parametrize(("latency", "published"), [(0.001, 0.0006), (0.010, 0.052), (0.020, 0.181)])
def test_the_closed_form_has_the_published_values(latency: float, published: float) -> None:
    """Of four servers of five, with a range of 100 ms (Ongaro's dissertation, section 9.2)."""
    assert closed_form(Cluster(5, 4, 0.150, 0.250, latency)) == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize("cluster", CHAINS, ids=chain_name)
def test_the_first_round_is_split_as_often_as_by_the_closed_form(cluster: Cluster) -> None:
    assert elections(cluster).split == pytest.approx(closed_form(cluster), abs=1e-6)
    assert first_round(cluster).begins == pytest.approx(expected_earliest(cluster), rel=1e-6)


@pytest.mark.parametrize("cluster", CHAINS, ids=chain_name)
def test_the_numbers_of_candidates_are_a_distribution(cluster: Cluster) -> None:
    for one in (first_round(cluster), *(next_round(cluster, state) for state in range(2, cluster.up + 1))):
        assert sum(one.candidates) == pytest.approx(1.0)
        assert min(one.candidates) >= 0
        assert one.candidates[0] == 0
        assert one.begins >= cluster.shortest


def test_without_latency_no_vote_is_split_and_with_much_every_one() -> None:
    assert elections(Cluster(5, 4, 0.15, 0.25, 1e-9)).rounds == pytest.approx(1.0)
    assert closed_form(Cluster(5, 4, 0.15, 0.25, 0.1)) == pytest.approx(1.0)


@pytest.mark.parametrize("cluster", [CHAINS[1], CHAINS[4], CHAINS[6]], ids=chain_name)
def test_the_simulation_agrees_with_the_chain(cluster: Cluster) -> None:
    chain = elections(cluster)
    timers = {"election": (cluster.shortest, cluster.longest), "heartbeat": (0.05, 0.05)}
    found = list(
        elections_after_crashes(
            {"node": PROCESS},
            {"node": cluster.servers},
            World(Constant(cluster.latency)),
            timers,
            1,
            600,
            down=cluster.servers - 1 - cluster.up,
            after_heartbeat=True,
        )
    )
    split = rate(sum(one.split for one in found), len(found), CONFIDENCE)
    rounds = mean([float(one.rounds) for one in found], CONFIDENCE)
    seconds = mean([one.seconds for one in found], CONFIDENCE)
    assert split.low <= chain.split <= split.high
    # The chain's one approximation, of when candidates besides the first became so, is good to two in a hundred.
    assert rounds.low * 0.98 <= chain.rounds <= rounds.high * 1.02
    assert seconds.low * 0.98 <= chain.seconds(cluster.latency) <= seconds.high * 1.02
    for number in (1, 2, 3):
        enough = rate(sum(one.rounds <= number for one in found), len(found), CONFIDENCE)
        assert enough.low - 0.02 <= chain.at_most[number - 1] <= enough.high + 0.02
