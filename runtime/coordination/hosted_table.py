"""The locks that the elected leader of a group grants, from memory: who holds which, and until when. Pure.

This is the host of spec/protocols/hosted_lock.elect, for any number of locks. A host knows nothing of the leases of the
hosts before it: it waits until the longest of them has ended before it grants one of its own. A token is its term, and
the number of the grant in that term.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

COUNTS: Final = 1 << 32
"""Grants in one term at most; a token is the term times this, and the number of the grant."""
LARGEST_TERM: Final = (1 << 31) - 1


@dataclass(frozen=True)
class Held:
    """A lock that is held, by whom, with which token, and until when. Times are seconds of the host's clock."""

    client: str
    token: int
    until: float


@dataclass
class Table:
    """Of a host that leads in a term, and grants no lock before `grants_from`. `count` is of all grants that it made in
    that term, also before it lost touch with the others and came to lead again."""

    term: int
    grants_from: float
    held: dict[str, Held] = field(default_factory=dict)
    count: int = 0

    def acquire(self, lock: str, client: str, time_to_live: float, now: float) -> Held | None:
        """The lock for a client; None where another holds it, or where leases of earlier hosts may not have ended."""
        if now < self.grants_from:
            return None
        held = self.holding(lock, now)
        if held is not None and held.client != client:
            return None
        if held is None and (self.term > LARGEST_TERM or self.count + 1 >= COUNTS):
            return None
        if held is None:
            self.count += 1
        token = held.token if held is not None else self.term * COUNTS + self.count
        return self._holds(lock, client, token, now + time_to_live)

    def renew(self, lock: str, client: str, token: int, time_to_live: float, now: float) -> bool:
        """Whether the lock is held with this token still; then its time begins anew."""
        held = self.holding(lock, now)
        if held is None or (held.client, held.token) != (client, token):
            return False
        self._holds(lock, client, token, now + time_to_live)
        return True

    def _holds(self, lock: str, client: str, token: int, until: float) -> Held:
        """Until then at least: who asks for less, and is not heard from again, counts on what it was told before."""
        held = self.held.get(lock)
        longer = max(until, held.until) if held is not None and held.token == token else until
        self.held[lock] = Held(client, token, longer)
        return self.held[lock]

    def release(self, lock: str, client: str, token: int, now: float) -> bool:
        """Gives a lock back; whether it was held with this token."""
        held = self.holding(lock, now)
        if held is None or (held.client, held.token) != (client, token):
            return False
        del self.held[lock]
        return True

    def holding(self, lock: str, now: float) -> Held | None:
        """Who holds a lock, if its time is not over."""
        held = self.held.get(lock)
        if held is not None and held.until <= now:
            del self.held[lock]
            return None
        return held

    def free_at(self, lock: str, now: float) -> float:
        """When a lock can be had, if nobody asks for it until then."""
        held = self.holding(lock, now)
        return max(self.grants_from, now if held is None else held.until)
