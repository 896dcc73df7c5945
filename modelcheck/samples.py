"""Steps of single processes, sampled from what a model can reach: for tests of whatever else takes these steps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from modelcheck.explore import uncollected
from modelcheck.model import Failure, Model, Name, Packet, ProcessState, State, Step, StepKind, Successor
from modelcheck.semantics import (
    Handled,
    attempts,
    crashed,
    initial,
    leads,
    on_packet,
    on_request,
    on_start,
    on_timeout,
    process_at_first,
    process_state,
)
from spec.protocol import OnAction, OnInput

SAME = {StepKind.DELIVER_AND_KEEP: StepKind.DELIVER, StepKind.RECOVER: StepKind.RESTART}
"""Steps that are to the process itself what others are."""


class Sample(NamedTuple):
    """A step of one process. `step` is a delivery, a timeout, an input, an action, a restart, a crash, or a disk loss,
    which is how a process begins that was never there before. `after` is None where the step fails; `taken` is empty
    where no handler takes the event. `reset` and `stopped` are the timers that the step resets or stops, whether they
    were armed before or not. `tokens` are those with which the process leads before and after."""

    name: Name
    before: ProcessState
    step: Step
    after: ProcessState | None
    failure: Failure | None
    sent: tuple[Packet, ...]
    taken: frozenset[int]
    reset: tuple[str, ...]
    stopped: tuple[str, ...]
    tokens: tuple[int | None, int | None]


class Event(NamedTuple):
    """What happens to a process; its step depends on nothing else."""

    name: Name
    before: ProcessState
    step: Step


@dataclass(frozen=True)
class Sampled:
    """Samples, and how many states of the model they are from; `whole` where these are all that it reaches."""

    samples: tuple[Sample, ...]
    states: int
    whole: bool

    @property
    def taken(self) -> frozenset[int]:
        """The coverage points that the samples take."""
        return frozenset(point for sample in self.samples for point in sample.taken)


def sampled(model: Model, most: int, states: int) -> Sampled:
    """At most so many samples, from so many states. The same model gives the same ones, and for each way through the
    handlers that was found there is one, if there are not more ways than samples."""
    events, looked_at, whole = _events(model, states)
    ways: dict[object, list[Event]] = {}
    for event, taken in events.items():
        ways.setdefault((event.name.kind, event.step.kind, _said(event.step), taken), []).append(event)
    order = [event for turn in zip_longest(*ways.values()) for event in turn if event is not None]
    return Sampled(tuple(_sample(model, event) for event in order[:most]), looked_at, whole)


def _said(step: Step) -> str:
    return step.packet.message if step.packet is not None else step.name


# Search --------------------------------------------------------------------------------------------------------------


def _events(model: Model, limit: int) -> tuple[dict[Event, frozenset[int]], int, bool]:
    """The events of so many reachable states, with what they take; and how many states there were, and whether all.

    States are not looked at in the order of their distance: first come those that were reached by a step that takes a
    handler or branch for the first time, then those in which a process is as none was before. That finds within a
    few states what a plain search finds within thousands."""
    found: dict[Event, frozenset[int]] = {}
    for name in (name for names in model.names for name in names):
        event = Event(name, process_at_first(model, name), Step(StepKind.DISK_LOSS, name))
        found[event] = _handled(model, event, event.before).taken
    start = initial(model)
    if start.state is None:
        return found, 0, True
    covered, met, known, looked_at = set(start.taken), set[object](), {start.state}, 0
    waiting: tuple[deque[State], ...] = (deque([start.state]), deque(), deque())
    with uncollected():
        while looked_at < limit and any(waiting):
            state = next(queue for queue in waiting if queue).popleft()
            looked_at += 1
            for successor in attempts(model, state):
                event_here = _event(model, state, successor)
                if event_here is not None:
                    found.setdefault(event_here, successor.taken)
                after = successor.state
                if after is None or successor.beyond is not None or after in known:
                    continue
                known.add(after)
                own = None if event_here is None else (event_here.name, process_state(model, after, event_here.name))
                place = 0 if not successor.taken <= covered else 1 if own is not None and own not in met else 2
                waiting[place].append(after)
                covered |= successor.taken
                met.add(own)
    return found, looked_at, not any(waiting)


def _event(model: Model, state: State, successor: Successor) -> Event | None:
    """What a step is to the process that takes it; None where none does."""
    step = successor.step
    if step.process is None:
        return None
    if step.kind is StepKind.DISK_LOSS:  # nothing is left of what was before
        return Event(step.process, process_at_first(model, step.process), Step(step.kind, step.process))
    return Event(
        step.process, process_state(model, state, step.process), step._replace(kind=SAME.get(step.kind, step.kind))
    )


# Steps ---------------------------------------------------------------------------------------------------------------


def _sample(model: Model, event: Event) -> Sample:
    name, before, step = event
    done = _handled(model, event, _found(model, event))
    timers = [timer.name for timer in model.kinds[name.kind].timers]
    reset = tuple(timer for timer, on in zip(timers, _armed_after(model, event, False), strict=True) if on)
    stopped = tuple(timer for timer, on in zip(timers, _armed_after(model, event, True), strict=True) if not on)
    tokens = _token(model, name, before), None if done.process is None else _token(model, name, done.process)
    sent = done.sent if done.process is not None else ()
    return Sample(name, before, step, done.process, done.failure, sent, done.taken, reset, stopped, tokens)


def _armed_after(model: Model, event: Event, armed: bool) -> tuple[bool, ...]:
    """Which timers are armed after a step before which none was, or all were. No handler can ask which are: what is
    armed after a step though nothing was, the step has reset; what is not though everything was, it has stopped."""
    process = _found(model, event)
    fires = [
        event.step.kind is StepKind.TIMEOUT and t.name == event.step.name for t in model.kinds[event.name.kind].timers
    ]
    done = _handled(model, event, process._replace(armed=tuple(armed or one for one in fires)))
    if event.step.kind is StepKind.CRASH or done.process is None:
        return (armed,) * len(fires)
    # The timer that fires is disarmed by that: whether the step stops it, too, makes no difference.
    return tuple(on or (armed and one) for on, one in zip(done.process.armed, fires, strict=True))


def _found(model: Model, event: Event) -> ProcessState:
    """The process as the handlers find it."""
    match event.step.kind:
        case StepKind.RESTART | StepKind.CRASH:
            return crashed(model, model.kinds[event.name.kind], event.before, disk=False, up=True)
        case StepKind.DISK_LOSS:
            return process_at_first(model, event.name)
        case _:
            return event.before


def _handled(model: Model, event: Event, process: ProcessState) -> Handled:
    """The step of a process that the handlers find like this, as the semantics takes it."""
    name, _, step = event
    match step.kind:
        case StepKind.DELIVER:
            assert step.packet is not None
            return on_packet(model, process, step.packet)
        case StepKind.TIMEOUT:
            fired = on_timeout(model, name, process, step.name)
            assert fired is not None, "only what is armed fires"
            return fired
        case StepKind.INPUT | StepKind.ACTION:
            sort = OnInput if step.kind is StepKind.INPUT else OnAction
            asked = next(e for e in model.spontaneous[name.kind] if isinstance(e, sort) and e.name == step.name)
            return on_request(model, name, process, asked, step.arguments)
        case StepKind.RESTART | StepKind.DISK_LOSS:
            return on_start(model, name, process)
        case StepKind.CRASH:
            return Handled(process, (), frozenset())
        case _:
            raise TypeError(f"a process takes no part in {step.kind}")


def _token(model: Model, name: Name, process: ProcessState) -> int | None:
    """The token with which a process leads. It depends on the process alone: the others are as they were at first."""
    others = tuple(tuple(process if one == name else process_at_first(model, one) for one in of) for of in model.names)
    return leads(model, State(others, frozenset(), frozenset(), (), (), frozenset()), name)
