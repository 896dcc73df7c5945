"""The messages of lease: A lock that expires, with fencing tokens.

Emitted from lease.elect by Oneleader; change the spec and generate again.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

PROTOCOL = "lease"
SPEC_SHA256 = "4c21aa9a465f6894cdb394a45dff427e764c185867c4c347b29d5efcbfe46aa4"
"""Of the spec's text. A node that was emitted from another text is not talked to."""
KINDS = (
    "client",
    "lock_service",
    "storage",
)


class Acquire(msgspec.Struct, frozen=True, tag="acquire", array_like=True, forbid_unknown_fields=True):
    """lease.elect:43, from a client to a lock_service.

    acquire(life: nat, round: int 0..1)
    """

    life: int
    round: int


class Renew(msgspec.Struct, frozen=True, tag="renew", array_like=True, forbid_unknown_fields=True):
    """lease.elect:44, from a client to a lock_service.

    renew(token: nat, life: nat, round: int 0..1)
    """

    token: int
    life: int
    round: int


class Granted(msgspec.Struct, frozen=True, tag="granted", array_like=True, forbid_unknown_fields=True):
    """lease.elect:45, from a lock_service to a client.

    granted(token: nat, life: nat, round: int 0..1)
    """

    token: int
    life: int
    round: int


class Refused(msgspec.Struct, frozen=True, tag="refused", array_like=True, forbid_unknown_fields=True):
    """lease.elect:46, from a lock_service to a client.

    refused(life: nat, round: int 0..1)
    """

    life: int
    round: int


class Release(msgspec.Struct, frozen=True, tag="release", array_like=True, forbid_unknown_fields=True):
    """lease.elect:47, from a client to a lock_service.

    release(token: nat)
    """

    token: int


class Freed(msgspec.Struct, frozen=True, tag="freed", array_like=True, forbid_unknown_fields=True):
    """lease.elect:48, from a lock_service to a client.

    freed()
    """


class Write(msgspec.Struct, frozen=True, tag="write", array_like=True, forbid_unknown_fields=True):
    """lease.elect:49, from a client to a storage.

    write(token: nat)
    """

    token: int


Message: TypeAlias = Acquire | Renew | Granted | Refused | Release | Freed | Write

MESSAGES: dict[str, type[msgspec.Struct]] = {
    "acquire": Acquire,
    "renew": Renew,
    "granted": Granted,
    "refused": Refused,
    "release": Release,
    "freed": Freed,
    "write": Write,
}
