"""For which sizes a protocol is proved, and how that is said."""

from __future__ import annotations

from modelcheck.proof.setting import Setting
from modelcheck.timed import with_time
from spec.protocol import Fault, Network, Protocol

ANY = "any"
LARGEST_SIZE = 15
"""Of a proof for a fixed number of processes: quorums are spelled out."""


def singletons(protocol: Protocol) -> frozenset[str]:
    """The kinds of which every check has exactly one process (and there is another kind): a lock service, a storage.
    They stay single in every proof."""
    found = {
        kind.name
        for index, kind in enumerate(protocol.kinds)
        if protocol.checks
        and all(size[index] == 1 for check in protocol.checks for row in check.rows for size in row.sizes)
    }
    return frozenset(found) if len(found) < len(protocol.kinds) else frozenset()


def setting_of(
    protocol: Protocol, size: int | None, network: Network | None = None, faults: tuple[Fault, ...] | None = None
) -> Setting:
    """So many processes (None: any number) of each kind that is not single. A protocol with time has its clocks as
    variables in it. Raises SpecError for what time cannot give."""
    single = singletons(protocol)
    sizes = tuple(1 if kind.name in single else size for kind in protocol.kinds)
    return timed_setting(protocol, sizes, network or protocol.network, protocol.faults if faults is None else faults)


def timed_setting(
    protocol: Protocol, sizes: tuple[int | None, ...], network: Network, faults: tuple[Fault, ...]
) -> Setting:
    """The setting of these sizes, in which a protocol with time has its clocks as variables. Raises SpecError."""
    return Setting(with_time(protocol, network, faults), sizes, network, faults)


def described(setting: Setting) -> str:
    """`3 nodes`; `any number of clients, 1 lock_service`."""
    return ", ".join(
        f"any number of {kind}s" if size is None else f"{size} {kind}{'' if size == 1 else 's'}"
        for kind, size in setting.size.items()
    )


def label(size: int | None) -> str:
    return ANY if size is None else str(size)
