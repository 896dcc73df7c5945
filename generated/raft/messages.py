"""The messages of raft: Leader election of the Raft consensus algorithm (Ongaro and Ousterhout 2014, section
5.2).

Emitted from raft.elect by Oneleader; change the spec and generate again.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

PROTOCOL = "raft"
SPEC_SHA256 = "5c43c637c7828aa5a252a2b44286c3d9a398f1a4a33b3aae8bb64acb72c830c8"
"""Of the spec's text. A node that was emitted from another text is not talked to."""
KINDS = ("node",)

Role: TypeAlias = Literal["follower", "candidate", "leader"]


class RequestVote(msgspec.Struct, frozen=True, tag="request_vote", array_like=True, forbid_unknown_fields=True):
    """raft.elect:14, from a node to a node.

    request_vote(term: nat)
    """

    term: int


class Vote(msgspec.Struct, frozen=True, tag="vote", array_like=True, forbid_unknown_fields=True):
    """raft.elect:15, from a node to a node.

    vote(term: nat)
    """

    term: int


class Heartbeat(msgspec.Struct, frozen=True, tag="heartbeat", array_like=True, forbid_unknown_fields=True):
    """raft.elect:16, from a node to a node.

    heartbeat(term: nat)
    """

    term: int


class HeartbeatAck(msgspec.Struct, frozen=True, tag="heartbeat_ack", array_like=True, forbid_unknown_fields=True):
    """raft.elect:17, from a node to a node.

    heartbeat_ack(term: nat)
    """

    term: int


Message: TypeAlias = RequestVote | Vote | Heartbeat | HeartbeatAck

MESSAGES: dict[str, type[msgspec.Struct]] = {
    "request_vote": RequestVote,
    "vote": Vote,
    "heartbeat": Heartbeat,
    "heartbeat_ack": HeartbeatAck,
}
