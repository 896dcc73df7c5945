"""What a node is told, and what it refuses to be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from generated.raft.node import PROCESS
from runtime.config import BadConfig, Settings, read_config, settings_of
from runtime.process import Name, Timer

GOOD = """
cluster = "orders"
node = "node2"
state = "node2.db"

[members]
node1 = "127.0.0.1:7001"
node2 = "127.0.0.1:7002"
node3 = "127.0.0.1:7003"

[timers]
election = "150 ms .. 300 ms"
heartbeat = "50 ms"
"""


def read(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "node.toml"
    path.write_text(text, encoding="utf-8")
    return settings_of(read_config(path), {"node": PROCESS})


def test_a_good_configuration(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.me == Name("node", 1)
    assert settings.sizes == {"node": 3}
    assert (settings.timers["election"].shortest, settings.timers["election"].longest) == (0.15, 0.3)
    assert (settings.timers["heartbeat"].shortest, settings.timers["heartbeat"].longest) == (0.05, 0.05)
    assert settings.warnings == ()


def test_timers_are_the_spec_s_where_nothing_else_is_said(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD.partition("[timers]")[0])
    assert settings.timers == dict(PROCESS.timers)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('cluster = "orders"', "", "missing required field `cluster`"),
        ('cluster = "orders"', "cluster = 3", "Expected `str`, got `int`"),
        ('cluster = "orders"', 'clutser = "orders"', "unknown field `clutser`; did you mean `cluster`?"),
        ('cluster = "orders"', 'cluster = "', "this is no TOML"),
        ('node = "node2"', 'node = "node4"', "node: node4 is not among the members: node1, node2, node3"),
        ('node = "node2"', 'node = "client1"', "node: 'client1' is no process of the protocol; expected node1"),
        ('node = "node2"', 'node = "node0"', "'node0' is no process of the protocol"),
        ('node1 = "127.0.0.1:7001"', 'node4 = "127.0.0.1:7001"', "members: node1 is missing"),
        ('node1 = "127.0.0.1:7001"', 'node1 = "127.0.0.1:7002"', "members: node1 and node2 have one address"),
        ('node1 = "127.0.0.1:7001"', 'node1 = "127.0.0.1"', "members.node1: "),
        (
            'heartbeat = "50 ms"',
            'heartbeat = "50"',
            "timers.heartbeat: '50' is no duration without a unit; expected `50 ms` or",
        ),
        (
            'heartbeat = "50 ms"',
            "heartbeat = 50",
            "timers.heartbeat: 50 is no duration without a unit; expected `50 ms` or",
        ),
        ('heartbeat = "50 ms"', 'heartbeat = "50 s .. 1"', "'50 s .. 1' is no duration; expected `150 ms`, `1.5 s` or"),
        ("[members]", 'locks = "127.0.0.1:7002"\n[members]', "locks: 127.0.0.1:7002 is where members connect to"),
        ("[members]", 'longest-lease = "0 s"\n[members]', "longest-lease: '0 s': this is no time at all"),
        ("[members]", 'longest-lease = "1 s .. 9 s"\n[members]', "one duration is expected, not a range"),
        ("[members]", "longest-lease = 10\n[members]", "longest-lease: 10 is no duration without a unit"),
        ('heartbeat = "50 ms"', 'heartbeat = "0 ms"', "timers.heartbeat: '0 ms' is no time at all"),
        ('election = "150 ms .. 300 ms"', 'election = "300 ms .. 150 ms"', "ends before it begins"),
        (
            'heartbeat = "50 ms"',
            'hartbeat = "50 ms"',
            "timers.hartbeat: there is no such timer. Did you mean heartbeat? The protocol has election, heartbeat",
        ),
        ('heartbeat = "50 ms"', 'heartbeat = "200 ms"', "has to be shorter than the shortest election (150 ms)"),
    ],
)
def test_what_is_refused(tmp_path: Path, before: str, after: str, says: str) -> None:
    assert before in GOOD
    with pytest.raises(BadConfig) as problem:
        read(tmp_path, GOOD.replace(before, after))
    assert says in str(problem.value)


def test_a_file_for_all_nodes_may_name_the_timers_of_another_kind(tmp_path: Path) -> None:
    client = replace(PROCESS, kind="client", timers={"retry": Timer("retry", 1.0, 1.0)}, confirmation=None)
    kinds = {"node": PROCESS, "client": client}
    path = tmp_path / "node.toml"
    shared = GOOD.replace("[timers]", 'client1 = "127.0.0.1:7009"\n[timers]\nretry = "2 s"')
    path.write_text(shared, encoding="utf-8")
    assert set(settings_of(read_config(path), kinds).timers) == {"election", "heartbeat"}
    assert settings_of(read_config(path, "client1"), kinds).timers == {"retry": Timer("retry", 2.0, 2.0)}
    path.write_text(shared.replace('"2 s"', '"2"'), encoding="utf-8")
    with pytest.raises(BadConfig, match=r"timers\.retry: '2' is no duration without a unit"):
        settings_of(read_config(path), kinds)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="No such file"):
        read_config(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('heartbeat = "50 ms"', 'heartbeat = "100 ms"', "is not below half of the shortest election"),
        ('election = "150 ms .. 300 ms"', 'election = "150 ms"', "election hardly varies"),
        ("[members]", 'longest-lease = "5 s"\n[members]', "nobody is granted a lock here"),
        ("[timers]", "node4 = '127.0.0.1:7004'\n[timers]", "4 nodes survive no more failures than 3"),
    ],
)
def test_what_is_allowed_and_not_wise(tmp_path: Path, before: str, after: str, says: str) -> None:
    (warning,) = read(tmp_path, GOOD.replace(before, after)).warnings
    assert says in warning
