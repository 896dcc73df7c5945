"""What may be found out about a `leads_to`."""

from __future__ import annotations

from dataclasses import dataclass

from modelcheck.outcome import Status
from modelcheck.trace import Trace
from spec.protocol import Fairness, Property

NOTHING = Fairness(False, False, ())
"""What holds where a spec promises nothing."""

EVERY = "every fair run comes to it"
SOME = "a fair run never comes to it"
VACUOUS = "what it begins with never holds"
UNFAIR = "no run within the bounds keeps what fairness promises"
STOPS_SHORT = "a run that never comes to it may pass a bound"


@dataclass(frozen=True)
class FoundLed:
    """What was found out about a `leads_to` under a `fairness`, over how many `states` and `steps`.

    `holds` is None where it is not known, `reason` says in words what came of it. `more` is what bounds were raised by
    in the calm; `rebased` names the numbers that are counted from the least of them on; `bounds` are those that stopped
    a run that might have been against it. `stopped` is the limit that ended it early; then nothing else is known.
    `trace` ends in a closed walk that a run may take for ever."""

    claim: Property
    fairness: Fairness
    holds: bool | None
    reason: str
    states: int = 0
    steps: int = 0
    more: int = 0
    bounds: tuple[str, ...] = ()
    rebased: tuple[str, ...] = ()
    seconds: float = 0.0
    engine: str = "native"
    trace: Trace | None = None
    stopped: Status | None = None

    @property
    def is_violated(self) -> bool:
        return self.holds is False
