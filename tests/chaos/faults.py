"""What can go wrong, and what a network and disks have to offer for that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong, so often compared to others. `happens` says whether it changed anything: a node that
    is dead cannot be killed."""

    name: str
    weight: int
    happens: Callable[[], Awaitable[bool]]


class Network(Protocol):
    """How nodes, which are numbered from 0, reach each other."""

    @property
    def told(self) -> Sequence[str]:
        """What it is, and what it cannot do on this machine, for the report."""
        ...

    async def open(self) -> None: ...

    def addresses(self, node: int) -> list[str]:
        """Where a node reaches each node, and itself listens."""
        ...

    def command(self, node: int) -> list[str]:
        """What a node's command has to begin with."""
        ...

    async def started(self, node: int) -> None:
        """A node is about to be started."""

    async def ended(self, node: int) -> None:
        """A node's process is dead."""

    def faults(self) -> list[Fault]: ...

    async def mend(self) -> None: ...

    async def close(self) -> None:
        """Leaves nothing behind; may be called when `open` has failed, and again."""


class Disks(Protocol):
    """Where nodes keep their state."""

    pipes: bool
    """Whether traces and logs have to go through pipes, as no file may be written when the disk is said to be full."""

    @property
    def told(self) -> Sequence[str]:
        """As of Network."""
        ...

    def open(self) -> None: ...

    def state(self, node: int) -> Path:
        """The file for a node's state."""
        ...

    def prepare(self, node: int) -> None:
        """A node is about to be started: its disk is there again, though it may be full."""

    def started(self, node: int, process: int) -> None:
        """A node was started, as this process."""

    def ended(self, node: int) -> None:
        """A node's process is dead."""

    def failing(self, node: int) -> bool:
        """Whether a store of the node may have failed since it was started."""
        ...

    def lost(self, node: int) -> bool:
        """Whether the node's disk will not work again before the node is started anew."""
        ...

    def faults(self) -> list[Fault]: ...

    def mend(self) -> None:
        """Makes room on all disks."""

    def close(self) -> None:
        """As of Network."""
