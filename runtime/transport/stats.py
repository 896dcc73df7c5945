"""What a transport counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Dropped(StrEnum):
    """Why a payload was dropped."""

    QUEUE_FULL = "queue_full"
    """It was the oldest that waited for a peer, and one more came."""
    STALE = "stale"
    """It had waited for a peer for too long."""
    TOO_LARGE = "too_large"
    """It was to be sent, and is larger than a frame may be."""
    CLOSED = "closed"
    """It was to be sent after the transport was closed."""
    OVERSIZE = "oversize"
    """It came in, and was said to be larger than a frame may be."""
    MALFORMED = "malformed"
    """It came in, and is no message."""
    UNFINISHED = "unfinished"
    """Its beginning came in, and its end not within the time that it is given."""


class Reason(StrEnum):
    """Why a handshake came to nothing."""

    VERSION = "version"
    CLUSTER = "cluster"
    PROTOCOL = "protocol"
    SPEC = "spec"
    STRANGER = "stranger"
    """The other side is none of this node's peers, by its own words."""
    ADDRESSEE = "addressee"
    """The other side takes this node for another one, or is not the one that was dialled."""
    CERTIFICATE = "certificate"
    """The other side's certificate does not carry the name that it claims."""
    TLS = "tls"
    MALFORMED = "malformed"
    OVERSIZE = "oversize"
    TIMEOUT = "timeout"
    CROWDED = "crowded"
    """Too many others had not yet said who they are."""
    GONE = "gone"
    """The other side closed the connection without a word."""
    OTHER = "other"
    """The other side gave a reason that this node does not know."""


def _zeros(reasons: type[StrEnum]) -> dict[str, int]:
    return {reason.value: 0 for reason in reasons}


@dataclass
class Stats:
    """Counters, which only grow. Those by reason have an entry for each reason from the beginning."""

    sent: int = 0
    """Payloads handed to an established connection. They may be lost all the same."""
    received: int = 0
    """Payloads handed to the node."""
    connects: int = 0
    """Connections to peers that this node opened and established."""
    reconnects: int = 0
    """Those of them that were not the first to their peer."""
    failed_dials: int = 0
    """Attempts to reach a peer that nobody answered."""
    replaced: int = 0
    """Connections from a peer that it opened anew while the one before still stood."""
    dropped: dict[str, int] = field(default_factory=lambda: _zeros(Dropped))
    refused: dict[str, int] = field(default_factory=lambda: _zeros(Reason))
    """Handshakes that this node refused or gave up."""
    refused_by_peer: dict[str, int] = field(default_factory=lambda: _zeros(Reason))
    """Handshakes that the other side refused, by the reason that it gave."""

    def counters(self) -> dict[str, int]:
        """All of them by name, such as `sent` and `dropped.queue_full`."""
        flat: dict[str, int] = {}
        for name, value in vars(self).items():
            flat.update(
                {f"{name}.{reason}": n for reason, n in value.items()} if isinstance(value, dict) else {name: value}
            )
        return flat
