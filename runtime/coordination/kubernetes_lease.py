"""What a Lease of Kubernetes says, as `runtime.coordination.kubernetes` reads and writes it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec


class Spec(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """Who holds it."""

    holder_identity: str | None = None
    """Nobody, where there is none or where it is empty."""
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(msgspec.Struct, rename="camel"):
    """The object."""

    metadata: dict[str, Any]
    """As the server has it: who writes a Lease writes all of it."""
    spec: Spec = msgspec.field(default_factory=Spec)
    api_version: str = "coordination.k8s.io/v1"
    kind: str = "Lease"

    def token(self) -> int:
        return (self.spec.lease_transitions or 0) + 1

    def seconds(self) -> float:
        return float(self.spec.lease_duration_seconds or 0)


class Event(msgspec.Struct):
    """What a watch tells."""

    type: str
    object: msgspec.Raw


class Observed(NamedTuple):
    """A record of somebody else, and since when it was seen unchanged."""

    spec: Spec
    since: float

    def over(self) -> float:
        """When it is over, on the same clock. A holder who does not say for how long holds it until it says so."""
        return self.since + (self.spec.lease_duration_seconds or math.inf)


FORM = "%Y-%m-%dT%H:%M:%S.%fZ"
"""To the microsecond, as Kubernetes writes moments."""


def now(before: str | None = None) -> str:
    """The moment, for people: nobody here compares it with a clock. But later than the one before, whatever the clock
    says: that a record has changed is how others know that it was renewed."""
    moment = datetime.now(UTC).strftime(FORM)
    if before is None or moment > before:
        return moment
    try:
        return (datetime.strptime(before, FORM) + timedelta(microseconds=1)).strftime(FORM)
    except (ValueError, OverflowError):  # somebody else has written it
        return moment
