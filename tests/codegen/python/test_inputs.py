"""What an application asks an emitted node for: only what the spec's input can be asked for."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from codegen.python.loaded import loaded
from runtime.replica import Replica, World
from runtime.simulation.loop import VirtualLoop
from runtime.storage import MemoryStorage
from tests.codegen.python.emitted import found_in, protocol_of, texts_of

ASKED = """protocol asked
process node:
    durable level: int 0..7 = 0
    friend: node? = none
    role: idle | done = idle
input set_level(to: int 0..7):
    level := to
input befriend(other: node, at: int 1..3?):
    friend := other
    level := if at == none then 0 else 1
input become(what: idle | done, truly: bool):
    role := if truly then what else role
check quick: 2 nodes
"""
PROTOCOL = protocol_of(ASKED)


@pytest.fixture
def replica() -> Iterator[Replica]:
    with loaded(PROTOCOL, texts_of(PROTOCOL)) as modules:
        world = World(VirtualLoop(), Random(1), MemoryStorage(), lambda to, payload: None)
        yield Replica(modules["node"].PROCESS, 0, {"node": frozenset(range(2))}, world)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_level", (7,)),
        ("befriend", (1, None)),
        ("befriend", (0, 3)),
        ("become", ("done", True)),
        ("become", ("idle", False)),
    ],
)
def test_what_the_spec_has_is_taken(replica: Replica, name: str, arguments: tuple[Any, ...]) -> None:
    assert replica.ask(name, *arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("set_level", (8,)),
        ("set_level", (-1,)),
        ("set_level", (True,)),
        ("set_level", (2.0,)),
        ("set_level", ("2",)),
        ("set_level", (None,)),
        ("set_level", ()),
        ("set_level", (1, 2)),
        ("befriend", (2, None)),
        ("befriend", (None, None)),
        ("befriend", ("node1", None)),
        ("befriend", (1, 0)),
        ("become", ("other", True)),
        ("become", ("done", 1)),
    ],
)
def test_what_it_has_not_is_an_error_and_no_step(replica: Replica, name: str, arguments: tuple[Any, ...]) -> None:
    before = replica.state
    with pytest.raises(ValueError, match=name):
        replica.ask(name, *arguments)
    assert replica.state == before
    assert replica.failure is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("range(0, 8)", "range(0, 9)"),
        ('("node",)', '("node", None)'),
        ("(bool,)", "(range(0, 2),)"),
        ('frozenset({"done", "idle"})', 'frozenset({"done"})'),
    ],
)
def test_what_may_be_asked_for_is_read_back(old: str, new: str) -> None:
    texts = texts_of(PROTOCOL)
    assert not found_in(PROTOCOL, texts)
    assert old in texts["node.py"]
    assert found_in(PROTOCOL, {**texts, "node.py": texts["node.py"].replace(old, new, 1)})
