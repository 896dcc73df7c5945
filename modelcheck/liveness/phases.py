"""What may happen when."""

from __future__ import annotations

from enum import IntEnum

from modelcheck.model import StepKind


class Phase(IntEnum):
    """The numbers are those of the C core's `enum phase`."""

    FAULTY = 0
    """Everything."""
    CALM = 1
    """Nothing goes wrong any more; what is down or cut off comes back."""
    LEFT = 2
    """Nothing goes wrong any more; what is down stays down. What it had sent may still arrive."""
    CUT_OFF = 3
    """As `LEFT`, and nothing arrives of those that are down."""


WRONG = frozenset(
    (
        StepKind.DELIVER_AND_KEEP,
        StepKind.LOSE,
        StepKind.RESTART,
        StepKind.CRASH,
        StepKind.DISK_LOSS,
        StepKind.PARTITION,
    )
)
"""The steps by which something goes wrong. In the calm there are none of them."""
