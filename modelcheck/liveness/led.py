"""What may be found out about a `leads_to`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelcheck.epochs import Epoch
from modelcheck.model import Model, State, Successor
from modelcheck.outcome import Status
from modelcheck.semantics import initial
from modelcheck.trace import Trace, Violation
from spec.fairness import Fairness
from spec.protocol import Property
from spec.show import show

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


def number_of(model: Model, state: State, epoch: Epoch) -> int:
    """One of the numbers of an epoch, the same one in every state."""
    kind, variable = epoch.variables[0]
    process = state.processes[model.kind_index[kind]][0]
    return int(process.values[model.variable_index[kind, variable]])


def rises_of(model: Model, epochs: Sequence[Epoch], taken: Sequence[Successor], loop: int) -> dict[str, int]:
    """By how much the steps after `loop` raise the numbers of each epoch, by the name of a variable; those that they
    do."""
    before = taken[loop - 1].state if loop else initial(model).state
    after = taken[-1].state if taken else before
    assert before is not None and after is not None
    found = {e.variables[0][1]: number_of(model, after, e) - number_of(model, before, e) for e in epochs}
    return {name: by for name, by in found.items() if by}


def violation_of(
    model: Model, taken: Sequence[Successor], loop: int, rises: dict[str, int], fairness: Fairness, subject: int
) -> Violation:
    """What is wrong with a run in which the steps after `loop` are repeated (none: it stops), in words. `model` is
    prepared for the property, which is about process `subject`, if it is about any."""
    (claim,) = model.protocol.properties
    assert claim.then is not None
    text = f"{show(claim.expression)} ~> {show(claim.then)}"
    return Violation(claim.name, text, tuple(_clauses(model, taken, loop, rises, fairness, subject)))


def _clauses(
    model: Model, taken: Sequence[Successor], loop: int, rises: dict[str, int], fairness: Fairness, subject: int
) -> Iterator[str]:
    (claim,) = model.protocol.properties
    assert claim.then is not None
    whom = f" of {model.names[model.kind_index[claim.about]][subject]}" if claim.about is not None else ""
    if loop == len(taken):
        yield "here the run may stop"
    else:
        which = f"step {loop + 1}" if loop + 1 == len(taken) else f"steps {loop + 1} to {len(taken)}"
        risen = " and ".join(f"`{name}` {by} higher" for name, by in rises.items())
        yield f"{which} can be taken again and again for ever{f', each time with {risen}' if risen else ''}"
    yield f"`{show(claim.then)}`{whom} is true in no state from where `{show(claim.expression)}` held on"
    yield f"this keeps all that is promised: {fairness}" if str(fairness) else "the spec promises no fairness at all"
