"""What a client of a hosted lock and its host say to each other: a line of JSON each way, one request a connection at
a time."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

LONGEST_LINE = 4096


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`watch` is answered when the lock may have become free, or after a while."""

    what: Literal["acquire", "renew", "release", "watch"]
    lock: str
    client: str
    token: int = 0
    time_to_live: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.time_to_live < math.inf:
            raise ValueError("the time to live is a number of seconds")


class Answer(msgspec.Struct, frozen=True):
    """`is_host` is whether it comes from a host that a quorum has confirmed since the request came: nothing else in
    it counts where it does not."""

    is_host: bool
    done: bool = False
    token: int = 0
    time_to_live: float = 0.0
