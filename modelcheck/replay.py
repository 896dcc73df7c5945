"""A saved trace stepped through the reference semantics: what the protocol cannot do is refused."""

from __future__ import annotations

from dataclasses import replace

from modelcheck.explain import explain, explain_failure, explain_standard
from modelcheck.model import Model, State, Successor
from modelcheck.properties import FAILURE, Checked, checked, found_in_state
from modelcheck.semantics import initial, steps
from modelcheck.story import describe_changes, describe_packet, describe_step
from modelcheck.trace import Trace, Violation
from modelcheck.trace_json import SavedStep, SavedTrace
from spec.protocol import PropertyKind

FUTURE = (PropertyKind.RECOVERS, PropertyKind.LEADS_TO)
MOST_POSSIBLE = 30
"""How many of the possible steps an error lists."""


class ReplayError(Exception):
    """A trace that the protocol cannot take. `step` is the step that does not fit (0: the initial state), `possible`
    is what can happen there."""

    def __init__(self, step: int, reason: str, possible: tuple[str, ...] = ()) -> None:
        where = f"step {step}" if step else "the initial state"
        lines = [f"{where} does not fit: {reason}"]
        if possible:
            lines += ["possible there:", *(f"  {description}" for description in possible[:MOST_POSSIBLE])]
            if len(possible) > MOST_POSSIBLE:
                lines.append(f"  and {len(possible) - MOST_POSSIBLE} more")
        super().__init__("\n".join(lines))
        self.step = step
        self.reason = reason
        self.possible = possible


def replay(saved: SavedTrace) -> Trace:
    """The trace as the reference semantics takes it, and what it shows as found there: nothing of it is the file's
    own word. Raises ReplayError."""
    model = saved.model
    start = initial(model)
    if start.state is None:
        raise ReplayError(0, "it cannot be made: " + (start.failure.reason if start.failure else ""))
    if start.state != saved.start:
        raise ReplayError(0, difference(model, start.state, saved.start))
    state = start.state
    taken: list[Successor] = []
    for number, step in enumerate(saved.steps, 1):
        taken.append(_step(model, number, state, step))
        state = taken[-1].state or state
    trace = Trace(model, start.state, tuple(taken), loop=saved.loop)
    if saved.loop is not None and not saved.is_violation:
        raise ReplayError(len(trace), "steps are said to be repeated, and nothing to be violated by that")
    if not saved.shows:
        return trace
    if not saved.is_violation:
        return replace(trace, witness=_witnessed(trace, saved.shows))
    return replace(trace, violation=violated(trace, saved.shows))


def _step(model: Model, number: int, state: State, saved: SavedStep) -> Successor:
    """The step of the semantics that is the saved one."""
    found = steps(model, state)
    possible = tuple(describe_step(model, successor.step) for successor in found if successor.beyond is None)
    # A message that stands twice in a queue can be lost in two ways: one step by name, two results.
    same = [successor for successor in found if successor.step == saved.step]
    if not same:
        raise ReplayError(number, f"`{describe_step(model, saved.step)}` cannot happen", possible)
    here = next((successor for successor in same if successor.state == saved.state), same[0])
    if here.beyond is not None:
        raise ReplayError(number, f"it passes the bound {here.beyond}", possible)
    if here.failure is not None:
        if saved.failure is None:
            raise ReplayError(number, f"it fails here: {here.failure.reason}")
        if saved.failure != here.failure.reason:
            raise ReplayError(number, f"it fails with `{here.failure.reason}`, not with `{saved.failure}`")
        return here
    assert here.state is not None
    if saved.state is None:
        raise ReplayError(number, f"it does not fail, but the trace says: {saved.failure}")
    if here.state != saved.state:
        raise ReplayError(number, difference(model, here.state, saved.state))
    if here.sent != saved.sent:
        sent = ", ".join(f"{describe_packet(model, packet)} to {packet.receiver}" for packet in here.sent)
        raise ReplayError(number, f"it sends {sent or 'nothing'}, and the trace has it otherwise")
    return here


def difference(model: Model, here: State, said: State) -> str:
    """How a state that is reached differs from the one that a trace says is."""
    parts = list(describe_changes(model, here, said, named=True))
    for name, one, other in zip(State._fields, here, said, strict=True):
        if name != "processes" and one != other:
            parts.append(_PARTS[name])
    return "it leads to another state than the trace says (here -> in the trace): " + ", ".join(parts)


_PARTS = {
    "packets": "the messages sent differ",
    "links": "the messages under way differ",
    "sides": "the partition differs",
    "spent": "the faults counted so far differ",
    "led": "who has led so far differs",
}


# What it shows -------------------------------------------------------------------------------------------------------


def _item(trace: Trace, name: str, is_violation: bool) -> Checked:
    for item in checked(trace.model):
        if item.name == name and item.is_violation is is_violation:
            declared = item.declared
            without = frozenset() if declared is None else declared.without
            if there := [
                fault.kind.value for fault in trace.model.faults if fault.kind in without and fault.up_to != 0
            ]:
                raise ReplayError(len(trace), f"`{name}` is stated without {there[0]}, and these runs may have it")
            return item
    what = "property that can be violated" if is_violation else "`reachable` property"
    raise ReplayError(len(trace), f"the protocol has no {what} `{name}`")


def is_about_the_future(model: Model, name: str) -> bool:
    """Whether a property is a `recovers` or a `leads_to`."""
    return any(claim.name == name and claim.kind in FUTURE for claim in model.protocol.properties)


def violated(trace: Trace, name: str) -> Violation:
    """What is false at the end of a trace, and for whom. Raises ReplayError where nothing is."""
    if is_about_the_future(trace.model, name):
        # What it needs takes its time to be imported, and few traces are of such a property.
        from modelcheck.liveness.replayed import NotShown, shown

        try:
            return shown(trace, next(claim for claim in trace.model.protocol.properties if claim.name == name))
        except NotShown as problem:
            raise ReplayError(len(trace), f"the trace ends here, and does not violate `{name}`: {problem}") from None
    if trace.loop is not None:
        raise ReplayError(len(trace), f"steps are said to be repeated, and `{name}` is not about what is repeated")
    item = _item(trace, name, True)
    last = trace.steps[-1] if trace.steps else None
    if name == FAILURE and last is not None and last.failure is not None:
        return explain_failure(trace.model, last.failure)
    try:
        if name != FAILURE and not (last is not None and last.failure is not None):
            if item.declared is None:
                return explain_standard(trace.model, name, trace.states[-1])
            if not item.in_step:
                return explain(trace.model, item.declared, trace.states[-1])
            if trace.steps:
                return explain(trace.model, item.declared, *trace.states[-2:])
    except ValueError:
        pass
    raise ReplayError(len(trace), f"the trace ends here, and does not violate `{name}`")


def _witnessed(trace: Trace, name: str) -> str:
    item = _item(trace, name, False)
    fails = bool(trace.steps) and trace.steps[-1].failure is not None
    if fails or not found_in_state(trace.model, item, trace.states[-1]):
        raise ReplayError(len(trace), f"the trace ends here, and `{name}` is false")
    return name
