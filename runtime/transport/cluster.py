"""A node's place among the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from runtime.process import Name
from runtime.transport.addresses import Address

_LONGEST_TEXT = 255
"""Of a name in a handshake, which has to fit into one small frame."""


@dataclass(frozen=True)
class Cluster:
    """A node's place in its cluster. Two nodes talk to each other only if they agree on cluster, protocol and spec, and
    each has the other among its peers."""

    name: str
    protocol: str
    spec_sha256: str
    me: Name
    listen: Address
    peers: Mapping[Name, Address]

    def __post_init__(self) -> None:
        if self.me in self.peers:
            raise ValueError(f"{self.me} cannot be a peer of itself")
        for text in (self.name, self.protocol, self.spec_sha256):
            if len(text) > _LONGEST_TEXT:
                raise ValueError(f"{text!r} is longer than {_LONGEST_TEXT} characters")
