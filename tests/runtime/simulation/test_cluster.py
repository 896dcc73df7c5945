"""Real replicas in a simulated world."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from random import Random
from typing import Any

import pytest

from generated.raft.node import PROCESS
from runtime.process import Name
from runtime.replica import Took
from runtime.simulation.cluster import Cluster, TwoLeaders, cluster_of
from runtime.simulation.loop import VirtualLoop
from runtime.simulation.world import Link, Network

QUICK = {"election": (0.15, 0.3), "heartbeat": (0.05, 0.05)}
LOSSY = Link(0.0005, 0.02, loss=0.1, duplication=0.05)


def raft(seed: int, nodes: int = 3, link: Link = Link(), **more: Any) -> Cluster:  # noqa: B008 - immutable
    return cluster_of({"node": PROCESS}, {"node": nodes}, seed, link, QUICK, **more)


def chaos(cluster: Cluster, seconds: float, seed: int) -> None:
    """Kills, restarts, pauses, cuts and heals at random moments."""
    drawn = Random(f"chaos {seed}")
    names = list(cluster.members)
    end = cluster.loop.time() + seconds
    while cluster.loop.time() < end:
        cluster.run(drawn.uniform(0.0, 0.2))
        name = drawn.choice(names)
        member = cluster.members[name]
        match drawn.randrange(7):
            case 0:
                cluster.kill(name, seen=drawn.random() < 0.5)
            case 1 | 2:
                cluster.start(name)
            case 3:
                member.loop.pause()
            case 4:
                member.loop.resume()
            case 5:
                some = frozenset(drawn.sample(names, drawn.randint(1, len(names) - 1)))
                cluster.network.separate(some, frozenset(names) - some)
            case 6:
                cluster.network.heal()


def settled(cluster: Cluster) -> None:
    """Ends all faults."""
    cluster.network.heal()
    for name, member in cluster.members.items():
        member.loop.resume()
        cluster.start(name)


@pytest.mark.parametrize("nodes", [3, 4, 5])
def test_a_leader_emerges_and_knows_it(nodes: int) -> None:
    for seed in range(10):
        cluster = raft(seed, nodes)
        assert cluster.run(5.0, lambda cluster=cluster: bool(cluster.knowing()))  # type: ignore[misc]
        cluster.run(2.0)
        assert len(cluster.leaders()) == 1
        assert cluster.knowing() == cluster.leaders()


@pytest.mark.parametrize("seed", range(12))
def test_no_faults_give_two_leaders_one_token(seed: int) -> None:
    cluster = raft(seed, 3 + seed % 3, LOSSY, rates=lambda random: random.uniform(0.9, 1.1))
    chaos(cluster, 20.0, seed)
    settled(cluster)
    assert cluster.run(20.0, lambda: bool(cluster.knowing()))


def test_a_leader_that_is_cut_off_stops_knowing_within_the_election_timeout() -> None:
    cluster = raft(1)
    cluster.run(5.0, lambda: bool(cluster.knowing()))
    (leader,) = cluster.knowing()
    cluster.network.separate(frozenset({leader}), frozenset(cluster.members) - {leader})
    began = cluster.loop.time()
    assert cluster.run(5.0, lambda: leader not in cluster.knowing())
    assert cluster.loop.time() - began <= QUICK["election"][1]


def test_a_paused_leader_does_not_know_when_it_wakes() -> None:
    cluster = raft(2)
    cluster.run(5.0, lambda: bool(cluster.knowing()))
    (leader,) = cluster.knowing()
    cluster.members[leader].loop.pause()
    assert cluster.run(5.0, lambda: any(name != leader for name in cluster.knowing()))
    cluster.members[leader].loop.resume()
    assert leader not in cluster.knowing()


def test_a_full_disk_stops_a_process_and_not_the_others() -> None:
    cluster = raft(3)
    cluster.run(5.0, lambda: bool(cluster.knowing()))
    (leader,) = cluster.knowing()
    for name, member in cluster.members.items():
        member.disk.is_full = name != leader
    cluster.run(1.0)
    assert cluster.knowing()  # heartbeats store nothing
    cluster.kill(leader)
    cluster.run(2.0)
    assert not cluster.leaders()
    assert all(member.replica is None or member.replica.failure for member in cluster.members.values())


def test_a_dead_leader_is_replaced_at_once_where_its_death_is_seen() -> None:
    for seed in range(10):
        cluster = raft(seed, 5)
        cluster.run(5.0, lambda cluster=cluster: bool(cluster.knowing()))  # type: ignore[misc]
        (leader,) = cluster.knowing()
        cluster.run(0.5)
        began = cluster.loop.time()
        cluster.kill(leader, seen=True)
        assert cluster.run(5.0, lambda cluster=cluster: bool(cluster.knowing()))  # type: ignore[misc]
        assert cluster.loop.time() - began <= 0.04


def test_two_leaders_of_one_token_are_seen() -> None:
    """The check that all of these rest upon: a process that forgets its vote is found out."""
    forgetful = {"node": PROCESS}
    found = 0
    for seed in range(60):
        cluster = cluster_of(forgetful, {"node": 3}, seed, LOSSY, QUICK)
        drawn = Random(seed)
        try:
            for _ in range(60):
                cluster.run(drawn.uniform(0.0, 0.1))
                name = Name("node", drawn.randrange(3))
                cluster.kill(name)
                cluster.members[name].disk.fields.pop("voted_for", None)
                cluster.start(name)
        except TwoLeaders:
            found += 1
    assert found


# One seed, one run ---------------------------------------------------------------------------------------------------


def fingerprint(seed: int) -> str:
    """All that happens in a run with faults."""
    said = hashlib.sha256()

    def seen(name: Name, took: Took) -> None:
        state = took.after
        said.update(
            repr((name, took.event, took.name, took.sender, state.term, state.voted_for, state.role, took.at)).encode()
        )
        said.update(repr(sorted(state.votes)).encode())
        said.update(repr([(to, letter) for to, letter in took.sent]).encode())

    cluster = raft(seed, 5, LOSSY, seen=seen)
    chaos(cluster, 10.0, seed)
    return said.hexdigest()


def test_one_seed_gives_one_run() -> None:
    assert fingerprint(7) == fingerprint(7)
    assert fingerprint(7) != fingerprint(8)


@pytest.mark.parametrize("hash_seed", ["0", "1", "12345"])
def test_one_seed_gives_one_run_in_every_process(hash_seed: str) -> None:
    code = "from tests.runtime.simulation.test_cluster import fingerprint; print(fingerprint(7))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == fingerprint(7)


def test_a_link_in_order_lets_nothing_be_overtaken() -> None:
    for in_order in (True, False):
        loop = VirtualLoop()
        network = Network(loop, Random(1), Link(0.0, 1.0, in_order=in_order))
        one, other = Name("node", 0), Name("node", 1)
        got: list[bytes] = []
        network.receivers[other] = lambda _, payload, got=got: got.append(payload)  # type: ignore[misc]
        sent = [bytes([n]) for n in range(20)]
        for payload in sent:
            network.send(one, other, payload)
        loop.run(10.0)
        assert sorted(got) == sent
        assert (got == sent) is in_order


def test_some_messages_are_late() -> None:
    loop = VirtualLoop()
    network = Network(loop, Random(1), Link(0.0, 0.001, late=0.1))
    one, other = Name("node", 0), Name("node", 1)
    got: list[float] = []
    network.receivers[other] = lambda _, __: got.append(loop.time())
    for _ in range(1000):
        network.send(one, other, b"")
    loop.run(10.0)
    assert 50 < sum(when > 0.001 for when in got) < 150


def test_all_that_a_step_sends_waits_for_its_store() -> None:
    cluster = raft(1, 5, Link(0.0, 0.0), latency=lambda _: 0.02)
    got: list[float] = []
    for name in cluster.members:
        cluster.network.receivers[name] = lambda _, __: got.append(cluster.loop.time())
    assert cluster.run(1.0, lambda: len(got) >= 4)
    asked = min(member.disk.busy_until for member in cluster.members.values() if member.disk.fields)
    assert got[:4] == [asked] * 4
