"""What a client of a lock that expires needs of whoever keeps the lock.

A lock service does not say who leads. It grants a lock for a while, with a token that is greater than those of all
grants before, and says whether it has begun the while anew. What may be believed from that, and until when, is the
client's affair: it counts the time to live from before it called, for the service began to count some time between the
call and its answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

MAX_TOKEN = 2**63 - 1


@dataclass(frozen=True)
class Grant:
    """The lock is held."""

    token: int
    """Greater than that of each grant before of this lock, to whomever; from 0 to `MAX_TOKEN`."""
    time_to_live: float
    """For how many seconds the service really grants it, at the least. It can be more or less than was asked for:
    services round, and have limits. Where it is too little, do not go on with it."""


class Unavailable(Exception):
    """There was no answer, or none that says whether it was done. Take the request for lost: it may have been done, it
    may be done yet, or never. The message says what went wrong."""


class LockService(Protocol):
    """One client of one lock. Its requests are taken one after another.

    Each call ends within the client's `timeout` (seconds, given when it is made), in `Unavailable` if need be; the time
    for which it waits for other calls of the same client counts. A call that is cancelled may have been done, as one
    that was lost. After `close`, calls raise RuntimeError. All is to be used in one event loop."""

    async def acquire(self, time_to_live: float) -> Grant | None:
        """Takes the lock for so many seconds; None where somebody else holds it. Who holds it already is given the same
        grant again, and its time begins anew; unless it was asked to release that: what was released once is never
        granted again, whatever became of the request. Raises Unavailable."""
        ...

    async def renew(self, token: int) -> float | None:
        """Begins the time of a grant anew, and says for how many seconds; None where it is not held with this token any
        more. Raises Unavailable."""
        ...

    async def release(self, token: int) -> None:
        """Gives the lock back. Does nothing where it is not held with this token any more, however late the request
        arrives. Raises Unavailable: then the lock is free when its time is over, at the latest."""
        ...

    def freed(self) -> AsyncIterator[None]:
        """Yields whenever the lock may have become free, until `close`. This is a hint to ask for it: it may be wrong,
        several may come as one, and one may be missed while the connection is broken. So ask now and then besides.
        Raises nothing that has to do with the service: it connects anew for as long as it takes."""
        ...

    async def close(self) -> None:
        """Ends the client. What it still holds is given back where the service answers within the timeout, and runs out
        otherwise. A second time does nothing."""
        ...
