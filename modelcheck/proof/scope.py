"""For which sizes a protocol is proved, and how that is said."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelcheck.proof.setting import Setting
from modelcheck.timed import stated_without, with_time
from spec.protocol import Fault, FaultKind, Network, Protocol

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
    """So many processes (None: any number) of each kind that is not single. What a protocol says of time is left
    out."""
    sizes = sizes_of(protocol, size)
    return Setting(protocol, sizes, network or protocol.network, protocol.faults if faults is None else faults)


def sizes_of(protocol: Protocol, size: int | None) -> tuple[int | None, ...]:
    single = singletons(protocol)
    return tuple(1 if kind.name in single else size for kind in protocol.kinds)


@dataclass(frozen=True)
class Assumptions:
    """What is supposed of the world: the network, and the faults but for those of the kinds in `without`."""

    network: Network
    faults: tuple[Fault, ...]
    without: frozenset[FaultKind] = frozenset()

    @property
    def left(self) -> tuple[Fault, ...]:
        """The faults in force."""
        return tuple(fault for fault in self.faults if fault.kind not in self.without)


def assumptions_of(
    protocol: Protocol, network: Network | None = None, faults: tuple[Fault, ...] | None = None
) -> Assumptions:
    """Those of the spec, but for what is given."""
    return Assumptions(network or protocol.network, protocol.faults if faults is None else faults)


def proof_setting(protocol: Protocol, sizes: tuple[int | None, ...], assumptions: Assumptions) -> Setting:
    """What is to be proved of these sizes: the properties that are stated without just those faults which the
    assumptions leave out. Those that are stated under more faults hold as well, and may be supposed. A protocol with
    time has its clocks as variables. Raises SpecError for what time cannot give."""
    groups = stated_without(protocol, assumptions.faults)
    known = tuple(p for without, claims in groups.items() if without <= assumptions.without for p in claims)
    timed = with_time(replace(protocol, properties=known), assumptions.network, assumptions.left)
    goals = None
    if assumptions.without:
        goals = frozenset(claim.name for claim in groups.get(assumptions.without, ()))
    return Setting(timed, sizes, assumptions.network, assumptions.left, spells_out=True, goals=goals)


def described(setting: Setting) -> str:
    """`3 nodes`; `any number of clients, 1 lock_service`."""
    return ", ".join(
        f"any number of {kind}s" if size is None else f"{size} {kind}{'' if size == 1 else 's'}"
        for kind, size in setting.size.items()
    )


def label(size: int | None) -> str:
    return ANY if size is None else str(size)
