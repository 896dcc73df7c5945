"""How much a transport takes, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.transport.frames import LARGEST_LIMIT


@dataclass(frozen=True)
class Limits:
    """Times are in seconds. Raises ValueError for what makes no sense."""

    frame_bytes: int = 64 * 1024
    """The greatest length of a payload."""
    waiting: int = 64
    """So many payloads wait for each peer."""
    waiting_seconds: float = 3.0
    """So long a payload waits for a peer to come back: what is old would only keep what is new from arriving."""
    unauthenticated: int = 16
    """So many incoming connections at once may not yet have said who they are. For one more, the oldest is closed: a
    true peer needs one round trip, and those that hold out to the end are the others."""
    handshake_seconds: float = 2.0
    """From the first attempt to connect, or from the accepted connection, to the end of the handshake."""
    frame_seconds: float = 5.0
    """From the beginning of a frame to its end."""
    dead_link_seconds: float = 3.0
    """What was sent and not acknowledged for so long, by the other side's kernel, breaks a connection; so does silence,
    after some probes."""
    closing_seconds: float = 0.5
    """So long `close` waits for the last payloads to leave."""
    shortest_delay: float = 0.01
    """Before a peer is dialled again after a connection with it has broken."""
    longest_delay: float = 1.0
    """Between two attempts, after many in vain."""
    settled_seconds: float = 0.1
    """A connection that lasted so long is dialled anew after the shortest delay: a link that fails now and then costs
    little each time. After those that were lost sooner the delays grow."""

    def __post_init__(self) -> None:
        if not 0 < self.frame_bytes <= LARGEST_LIMIT:
            raise ValueError(f"frame_bytes is {self.frame_bytes}, and has to be in 1..{LARGEST_LIMIT}")
        for name in (
            *("waiting", "waiting_seconds", "unauthenticated", "handshake_seconds", "frame_seconds"),
            "dead_link_seconds",
        ):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, and has to be greater than 0")
        if not 0 < self.shortest_delay <= self.longest_delay:
            raise ValueError("shortest_delay has to be greater than 0 and at most longest_delay")
