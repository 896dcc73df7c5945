"""Two nodes come to know each other, or tell each other why not; nothing that is said to them does harm."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.process import Name
from runtime.transport.handshake import HANDSHAKE_BYTES, Handshake, Refusal, Terms, Turn, heard, opening
from runtime.transport.stats import Reason
from tests.runtime.transport.nodes import ONE, SPEC, THREE, TWO

TERMS = Terms("orders", "raft", SPEC, ONE, frozenset({TWO, THREE}))
OTHER = Terms("orders", "raft", SPEC, TWO, frozenset({ONE, THREE}))
STRANGER = Name("node", 7)


def talk(dialling: Handshake, accepting: Handshake) -> tuple[Name | Refusal, Name | Refusal]:
    """What a handshake comes to on either side."""
    said = opening(dialling)
    sides: list[Handshake | Name | Refusal] = [dialling, accepting]
    listening = 1
    while said is not None:
        state = sides[listening]
        assert isinstance(state, Handshake)
        turn = heard(state, said)
        assert turn.say is None or len(turn.say) <= HANDSHAKE_BYTES
        sides[listening], said, listening = turn.then, turn.say, 1 - listening
    first, second = sides
    assert not isinstance(first, Handshake)
    assert not isinstance(second, Handshake)
    return first, second


def test_two_nodes_of_a_cluster_agree() -> None:
    assert talk(Handshake(TERMS, TWO, None), Handshake(OTHER, None, None)) == (TWO, ONE)
    both = (Handshake(TERMS, TWO, frozenset({TWO})), Handshake(OTHER, None, frozenset({ONE, THREE})))
    assert talk(*both) == (TWO, ONE)


@pytest.mark.parametrize(
    ("reason", "changed", "words"),
    [
        (Reason.CLUSTER, replace(OTHER, cluster="payments"), "cluster 'orders', not 'payments'"),
        (Reason.PROTOCOL, replace(OTHER, protocol="bully"), "protocol 'raft', not 'bully'"),
        (Reason.SPEC, replace(OTHER, spec_sha256="00" * 32), f"spec '{SPEC}', not '{'00' * 32}'"),
        (Reason.STRANGER, replace(OTHER, peers=frozenset({THREE})), "'node1' is no peer of node2"),
        (
            Reason.ADDRESSEE,
            replace(OTHER, me=THREE, peers=frozenset({ONE, TWO})),
            "'node2' was meant, and this is node3",
        ),
    ],
)
def test_a_node_that_does_not_belong_is_refused_and_told_why(reason: Reason, changed: Terms, words: str) -> None:
    dialled, accepted = talk(Handshake(TERMS, TWO, None), Handshake(changed, None, None))
    assert isinstance(accepted, Refusal)
    assert (accepted.reason, accepted.detail, accepted.by_peer) == (reason, words, False)
    assert isinstance(dialled, Refusal)
    assert (dialled.reason, dialled.by_peer) == (reason, True)
    assert words[:40] in dialled.detail.replace("\\'", "'")


def test_a_certificate_has_to_carry_the_name_that_is_claimed() -> None:
    dialled, accepted = talk(Handshake(TERMS, TWO, None), Handshake(OTHER, None, frozenset({THREE})))
    assert isinstance(accepted, Refusal)
    assert accepted.reason is Reason.CERTIFICATE
    dialled, accepted = talk(Handshake(TERMS, TWO, frozenset({THREE})), Handshake(OTHER, None, None))
    assert isinstance(dialled, Refusal)
    assert (dialled.reason, dialled.by_peer) == (Reason.CERTIFICATE, False)
    assert isinstance(accepted, Refusal)
    assert (accepted.reason, accepted.by_peer) == (Reason.CERTIFICATE, True)


def test_whoever_answers_has_to_be_the_one_that_was_dialled() -> None:
    answer = ["hello", 1, "orders", "raft", SPEC, list(THREE), list(ONE)]
    turn = heard(Handshake(TERMS, TWO, None), msgspec.msgpack.encode(answer))
    assert isinstance(turn.then, Refusal)
    assert turn.then.reason is Reason.ADDRESSEE


@pytest.mark.parametrize("more", [[], ["of", {"another": "shape"}]])
def test_another_version_is_refused_whatever_follows(more: list[object]) -> None:
    turn = heard(Handshake(TERMS, None, None), msgspec.msgpack.encode(["hello", 2, *more]))
    assert isinstance(turn.then, Refusal)
    assert (turn.then.reason, turn.then.detail) == (Reason.VERSION, "wire version 2, not 1")
    assert turn.say is not None
    assert msgspec.msgpack.decode(turn.say) == ["refuse", 1, "version", "wire version 2, not 1"]


def test_a_refusal_of_another_version_is_understood() -> None:
    body = msgspec.msgpack.encode(["refuse", 9, "mood", "not\ntoday" + "!" * 500, "more"])
    turn = heard(Handshake(TERMS, TWO, None), body)
    assert turn.say is None
    assert isinstance(turn.then, Refusal)
    assert (turn.then.reason, turn.then.by_peer) == (Reason.OTHER, True)
    assert turn.then.detail.startswith("'not\\ntoday!!")
    assert len(turn.then.detail) < 120


def test_what_is_repeated_of_the_other_side_is_short_and_printable() -> None:
    said = ["hello", 1, "\x1b[2J\n" * 300, "raft", SPEC, list(TWO), list(ONE)]
    turn = heard(Handshake(TERMS, None, None), msgspec.msgpack.encode(said))
    assert isinstance(turn.then, Refusal)
    assert turn.then.detail.isprintable()
    assert turn.say is not None
    assert len(turn.say) < HANDSHAKE_BYTES


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"GET / HTTP/1.1\r\n",
        b"\x91" * 4000,
        b"\x97\xa5hello\x01" + b"\xa1\xff" * 5,
        msgspec.msgpack.encode(["ready"]),
        msgspec.msgpack.encode(["hello", 1]),
        msgspec.msgpack.encode(["hello", 1, "orders", "raft", SPEC, ["node", -1], ["node", 0]]),
        msgspec.msgpack.encode(["hello", 1, "orders", "raft", SPEC, ["node", 2**64 - 1], ["node", "0"]]),
        msgspec.msgpack.encode(["hello", True, "orders"]),
    ],
)
def test_what_is_no_handshake_is_refused(body: bytes) -> None:
    turn = heard(Handshake(TERMS, None, None), body)
    assert isinstance(turn.then, Refusal)
    assert turn.then.reason is Reason.MALFORMED
    assert turn.say is not None


def test_nothing_is_said_twice() -> None:
    hello = opening(Handshake(OTHER, ONE, None))
    assert hello is not None
    turn = heard(Handshake(TERMS, None, None), hello)
    assert isinstance(turn.then, Handshake)
    again = heard(turn.then, hello)
    assert isinstance(again.then, Refusal)
    assert again.then.reason is Reason.MALFORMED


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)
TAGS = st.sampled_from(["hello", "ready", "refuse", "?"])


@given(
    st.binary(max_size=200)
    | st.builds(lambda tag, rest: msgspec.msgpack.encode([tag, *rest]), TAGS, st.lists(VALUES, max_size=8)),
    st.sampled_from([Handshake(TERMS, None, None), Handshake(TERMS, TWO, None), Handshake(TERMS, None, None, TWO)]),
)
def test_nothing_that_is_said_raises(body: bytes, handshake: Handshake) -> None:
    turn = heard(handshake, body)
    assert isinstance(turn, Turn)
    if isinstance(turn.then, Name):  # all that ends a handshake well is a hello that is right in all, or ready
        assert handshake.claimed == turn.then
        assert msgspec.msgpack.decode(body)[0] == "ready"
