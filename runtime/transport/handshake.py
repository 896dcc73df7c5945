"""What two nodes say to each other before any payload: who they are, and that they belong together.

The one that dials says `hello`, the other answers `hello`, and the first ends it with `ready`. Either may say `refuse`
with a reason instead, and closes. Each is one MessagePack array in one frame; the first two entries of `hello` and all
of `refuse` stay as they are in every version, so that two versions can tell each other that they differ.

Here are values and functions only. No bytes whatsoever make them raise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, TypeVar

import msgspec

from runtime.process import Name
from runtime.transport.stats import Reason

WIRE_VERSION = 1
HANDSHAKE_BYTES = 4096
"""The greatest length of a frame before a node knows who the other side is."""
_SHOWN = 100
"""So much of a text of the other side is repeated, to it and in the log."""

Natural = Annotated[int, msgspec.Meta(ge=0)]
Told = TypeVar("Told")


class _Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    version: int
    cluster: str
    protocol: str
    spec_sha256: str
    me: tuple[str, Natural]
    you: tuple[str, Natural]


class _AnyHello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    version: int


class _Ready(msgspec.Struct, frozen=True, array_like=True, tag="ready"):
    pass


class _Refuse(msgspec.Struct, frozen=True, array_like=True, tag="refuse"):
    version: int
    reason: str
    detail: str


_encode = msgspec.msgpack.Encoder().encode
_hello = msgspec.msgpack.Decoder(_Hello)
_any = msgspec.msgpack.Decoder(_AnyHello | _Ready | _Refuse)


@dataclass(frozen=True)
class Terms:
    """What a node is, and whom it talks to."""

    cluster: str
    protocol: str
    spec_sha256: str
    me: Name
    peers: frozenset[Name]


@dataclass(frozen=True)
class Refusal:
    """A handshake that came to nothing. `by_peer` says that the other side refused it; `claimed` is the peer that the
    other side says it is, where it got that far."""

    reason: Reason
    detail: str
    by_peer: bool = False
    claimed: Name | None = None


@dataclass(frozen=True)
class Handshake:
    """A handshake under way. `dialled` is the peer that this node dialled, or None if it was dialled itself.
    `certified` has the names in the other side's certificate; None without TLS, where names are taken on trust."""

    terms: Terms
    dialled: Name | None
    certified: frozenset[Name] | None
    claimed: Name | None = None


@dataclass(frozen=True)
class Turn:
    """What to say, if anything, and what came of it: a handshake that goes on, a peer, or a refusal."""

    say: bytes | None
    then: Handshake | Name | Refusal


def opening(handshake: Handshake) -> bytes | None:
    """What this node says unasked."""
    return None if handshake.dialled is None else _greeting(handshake.terms, handshake.dialled)


def heard(handshake: Handshake, body: bytes) -> Turn:
    """What the next body from the other side leads to."""
    told = _decoded(_any, body)
    match told:
        case _Refuse():
            return Turn(None, _refused_by_peer(handshake, told))
        case _AnyHello() if told.version != WIRE_VERSION:
            return _refuse(Reason.VERSION, f"wire version {told.version}, not {WIRE_VERSION}")
        case _AnyHello() if handshake.claimed is None:
            hello = _decoded(_hello, body)
            if hello is None:
                return _refuse(Reason.MALFORMED, "no proper hello")
            return _greeted(handshake, hello)
        case _Ready() if handshake.claimed is not None:
            return Turn(None, handshake.claimed)
        case _:
            return _refuse(Reason.MALFORMED, "no handshake")


def _decoded(decoder: msgspec.msgpack.Decoder[Told], body: bytes) -> Told | None:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # wrong UTF-8; arrays within arrays within arrays
        return None


def _greeting(terms: Terms, to: Name) -> bytes:
    return _encode(_Hello(WIRE_VERSION, terms.cluster, terms.protocol, terms.spec_sha256, _pair(terms.me), _pair(to)))


def _pair(name: Name) -> tuple[str, int]:
    return name.kind, name.number


def _greeted(handshake: Handshake, hello: _Hello) -> Turn:
    terms, sender, to = handshake.terms, Name(*hello.me), Name(*hello.you)
    claimed = sender if sender in terms.peers else None
    for reason, what, theirs, ours in (
        (Reason.CLUSTER, "cluster", hello.cluster, terms.cluster),
        (Reason.PROTOCOL, "protocol", hello.protocol, terms.protocol),
        (Reason.SPEC, "spec", hello.spec_sha256, terms.spec_sha256),
    ):
        if theirs != ours:
            return _refuse(reason, f"{what} {_shown(theirs)}, not {_shown(ours)}", claimed)
    if claimed is None:
        return _refuse(Reason.STRANGER, f"{_shown(str(sender))} is no peer of {terms.me}")
    if to != terms.me:
        return _refuse(Reason.ADDRESSEE, f"{_shown(str(to))} was meant, and this is {terms.me}", claimed)
    if handshake.certified is not None and claimed not in handshake.certified:
        return _refuse(Reason.CERTIFICATE, f"the certificate does not carry the name of {claimed}", claimed)
    if handshake.dialled is None:
        return Turn(_greeting(terms, claimed), replace(handshake, claimed=claimed))
    if claimed != handshake.dialled:
        return _refuse(Reason.ADDRESSEE, f"{handshake.dialled} was dialled, and this is {claimed}", claimed)
    return Turn(_encode(_Ready()), claimed)


def _refuse(reason: Reason, detail: str, claimed: Name | None = None) -> Turn:
    return Turn(_encode(_Refuse(WIRE_VERSION, reason.value, detail)), Refusal(reason, detail, claimed=claimed))


def _refused_by_peer(handshake: Handshake, told: _Refuse) -> Refusal:
    reason = Reason(told.reason) if told.reason in set(Reason) else Reason.OTHER
    return Refusal(reason, _shown(told.detail), by_peer=True, claimed=handshake.dialled or handshake.claimed)


def _shown(text: str) -> str:
    """A text as it may stand in a log: short, on one line, in ASCII."""
    return ascii(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "~")
