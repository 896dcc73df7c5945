"""A timer that counts from when another was reset: emitted text that says another thing is found to."""

from __future__ import annotations

import pytest

from tests.codegen.python.emitted import ROOT, found_in, protocol_at, protocol_of, texts_of

LEASE = protocol_at(ROOT / "spec/protocols/lease.elect")

SMALL = """protocol small
process node:
    done: bool = false
    timer first: 1 s
    timer second: 2 s
    timer third: 3 s
timed
network: loss
on start:
    reset first
    reset third
on timeout first if not done:
    done := true
on timeout second: pass
on timeout third:
    reset second since first
    reset first
    reset third since second
safety fine: true
"""


def test_what_is_emitted_is_the_spec() -> None:
    assert found_in(LEASE, texts_of(LEASE)) == ()
    small = protocol_of(SMALL)
    assert found_in(small, texts_of(small)) == ()


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ('now.reset("deadline", "asked")', 'now.reset("deadline")'),
        ('now.reset("deadline", "asked")', 'now.reset("deadline", "pace")'),
        ('now.reset("asked")', 'now.reset("asked", "pace")'),
    ],
)
def test_another_origin_is_found(said: str, instead: str) -> None:
    texts = texts_of(LEASE)
    assert said in texts["client.py"]
    assert found_in(LEASE, {**texts, "client.py": texts["client.py"].replace(said, instead)})


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        # The order of the two decides since when the second one counts.
        (
            'now.reset("second", "first")\n    now.reset("first")\n',
            'now.reset("first")\n    now.reset("second", "first")\n',
        ),
        ('now.reset("third", "second")', 'now.reset("third", "first")'),
        ('now.reset("third", "second")', 'now.reset("third")'),
    ],
)
def test_another_order_is_found(said: str, instead: str) -> None:
    small = protocol_of(SMALL)
    texts = texts_of(small)
    assert said in texts["node.py"]
    assert found_in(small, {**texts, "node.py": texts["node.py"].replace(said, instead)})
