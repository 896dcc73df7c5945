"""Messages between the nodes of a cluster: what a node asks of a network, be it real or simulated.

A transport may lose payloads, and does so when a peer is away. It never forges one, never hands one over twice, and
hands over those of one sender in the order in which they were sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runtime.process import Name
from runtime.transport.stats import Stats

Received = Callable[[Name, bytes], None]
"""Is told of a payload and who sent it. May raise `Malformed`, and nothing else."""

Broken = Callable[[Name], None]
"""Is told that an established connection to or from a peer has just broken: a hint that the peer has died, no proof.
Not told again before a connection with that peer has been established anew."""


class Malformed(Exception):
    """A payload is no message of the protocol. It is dropped and counted, and its connection is closed."""


class Transport(Protocol):
    """What carries a node's messages. The callbacks are given at construction, and called between `start` and `close`
    only, in the thread of the event loop."""

    @property
    def stats(self) -> Stats:
        """What has happened so far. It is the same object all the time, and it counts on."""
        ...

    async def start(self) -> None:
        """Begins to listen and to connect; to be called once. Raises OSError where it cannot listen."""
        ...

    async def close(self) -> None:
        """Ends all connections. What was handed to a connection before is still sent, if that is soon done."""
        ...

    def send(self, to: Name, payload: bytes) -> None:
        """Sends a payload to a peer, at once if it can be, or else when the peer is back. Returns at once in any case.

        A bounded number of payloads wait for each peer; then the oldest is dropped, and so is one that has waited for
        too long. A payload that is too large, or sent after `close`, is dropped. All this is counted and raises
        nothing. Raises ValueError if there is no such peer."""
        ...

    def connected(self, peer: Name) -> bool:
        """Whether a payload for the peer would leave at once. Says nothing of its arrival."""
        ...
