"""What a cluster did until a property was false, with all left out that was not needed for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from modelcheck.bounds import caps, is_nat
from modelcheck.conformance.joint import Whole
from modelcheck.conformance.local import Expected, Local
from modelcheck.conformance.watch import Act, PropertyFalse, stages, state_of
from modelcheck.model import Model, Packet, State, Step, StepKind, Successor
from modelcheck.properties import FAILURE, Checked, found_in_state, found_in_step
from modelcheck.replay import ReplayError, violated
from modelcheck.semantics import attempts, initial, on_packet, on_request, on_timeout
from modelcheck.trace import Trace
from spec.protocol import Bound, FaultKind
from spec.types import Value

DELIVERIES = (StepKind.DELIVER, StepKind.DELIVER_AND_KEEP)


def trace_of(whole: Whole, problem: PropertyFalse) -> Trace | None:
    """A behaviour of the model that ends in the same property's being false, taken step by step by the reference
    semantics: as few of the acts as will do, or all of them where the network keeps an order that is lost with what is
    left out. None where not even all of them are a behaviour."""
    model = replace(whole.model, faults=tuple(replace(fault, up_to=None) for fault in whole.model.faults))
    wanted = _Wanted(whole, problem.item)
    acts = list(_after_first_starts(problem.acts))
    for some in (_fewest(acts, wanted.is_false_after), acts):
        trace = _taken(model, whole, some, problem.item)
        if trace is not None:
            return trace
    return None


def _after_first_starts(acts: Sequence[Act]) -> Iterator[Act]:
    """All but the first act of each process: the model begins when all processes have started."""
    began: set[int] = set()
    for act in acts:
        if act.process in began:
            yield act
        began.add(act.process)


def _fewest(acts: list[Act], fails: Callable[[Sequence[Act]], bool]) -> list[Act]:
    """Acts without which it fails as well are left out, the last ones first, many at once where that goes."""
    size = len(acts) // 2
    while size:
        before = len(acts)
        end = len(acts)
        while end > 0:
            rest = acts[: max(end - size, 0)] + acts[end:]
            if fails(rest):
                acts = rest
            end -= size
        if size > 1 or len(acts) == before:
            size //= 2
    return acts


# By the semantics of single processes, which is quick -----------------------------------------------------------------


@dataclass
class _Wanted:
    """Whether acts can be done one after the other, and whether a property is false after the last one. The order of
    what is on a link is not looked at."""

    whole: Whole
    item: Checked
    known: dict[tuple[int, int, Step, StepKind | None], Expected | str | None] = field(default_factory=dict)

    def is_false_after(self, acts: Sequence[Act]) -> bool:
        whole = self.whole
        states, sent = self._begun()
        before = list(states)
        led: set[tuple[int, int]] = set()
        for position, act in enumerate(acts):
            before = list(states)
            packet = act.step.packet
            if packet is not None:
                if not sent[packet]:
                    return False
                if not whole.model.network.duplication:
                    sent[packet] -= 1
            key = act.process, states[act.process], act.step, act.restart
            if key not in self.known:
                self.known[key] = _again(whole.processes[act.process].local, states[act.process], act)
            expected = self.known[key]
            if isinstance(expected, str):
                return self.item.name == FAILURE and position == len(acts) - 1
            if expected is None:
                return False
            states[act.process] = expected.after
            sent.update(expected.sent)
            if expected.token is not None:
                led.add((whole.processes[act.process].history.process.number, expected.token))
        last = acts[-1] if acts else Act(0, Step(StepKind.ACTION))
        for each in stages(whole, last.process, last.restart, tuple(before), tuple(states)):
            first, then = (state_of(whole, numbers, frozenset(led)) for numbers in each)
            if self.item.in_step and found_in_step(whole.model, self.item, first, then):
                return True
            if not self.item.in_step and found_in_state(whole.model, self.item, then):
                return True
        return False

    def _begun(self) -> tuple[list[int], Counter[Packet]]:
        states: list[int] = []
        sent: Counter[Packet] = Counter()
        for one in self.whole.processes:
            started = one.local.expected(one.local.at_first(), ("start", b""))
            assert isinstance(started, Expected)
            states.append(started.after)
            sent.update(started.sent)
        return states, sent


def _again(local: Local, state: int, act: Act) -> Expected | str | None:
    """What an act leads to in another state; why it fails there; None where it is not possible."""
    model, step = local.model, act.step
    process = local.states.values[state]
    if act.restart is not None:
        for kind, from_state in local.restarts(state):
            if kind is act.restart:
                return local.expected(from_state, ("start", b""))
        return None
    if step.packet is not None:
        return local.taken(step, on_packet(model, process, step.packet))
    if step.kind is StepKind.TIMEOUT:
        handled = on_timeout(model, local.name, process, step.name)
        return None if handled is None else local.taken(step, handled)
    event = next(event for event in model.spontaneous[local.name.kind] if event.name == step.name)
    return local.taken(step, on_request(model, local.name, process, event, step.arguments))


# By the semantics of the whole, which is believed --------------------------------------------------------------------


def _taken(model: Model, whole: Whole, acts: Sequence[Act], item: Checked) -> Trace | None:
    """The acts as the reference semantics takes them; None where it does not."""
    start = initial(model).state
    if start is None:
        return None
    state: State = start
    taken: list[Successor] = []
    for position, act in enumerate(acts):
        for step in _steps_of(model, whole, act):
            again = any(later.step.packet == step.packet for later in acts[position + 1 :])
            while (found := _offered(model, state, step, again=again)) is None:
                lost = _lost(model, state, step.packet)
                if lost is None or lost.state is None:
                    return None
                taken.append(lost)
                state = lost.state
            if found.state == state:
                continue
            taken.append(found)
            if found.state is None:
                break
            state = found.state
            if position == len(acts) - 1 and (trace := _violating(model, start, taken, item)) is not None:
                return trace
    return _violating(model, start, taken, item)


def _violating(model: Model, start: State, taken: Sequence[Successor], item: Checked) -> Trace | None:
    """The steps as a trace at whose end a property is false; None where it is not."""
    try:
        trace = _bounded(Trace(model, start, tuple(taken)))
        return replace(trace, violation=violated(trace, item.name))
    except ReplayError:
        return None


def _bounded(trace: Trace) -> Trace:
    """The same, in a model that bounds numbers by what they are in the trace: one that is saved says its bounds."""
    model = trace.model
    bounds = []
    for kind in model.protocol.kinds:
        processes = [one for state in trace.states for one in state.processes[model.kind_index[kind.name]]]
        for position, variable in enumerate(kind.variables):
            if is_nat(variable.type):
                most = max((_largest(process.values[position]) for process in processes), default=0)
                bounds.append(Bound(kind.name, variable.name, most))
    return replace(trace, model=replace(model, caps=caps(model.protocol, model.sizes, tuple(bounds))))


def _largest(value: Value) -> int:
    """The largest number in a value of a variable that holds natural numbers."""
    if isinstance(value, tuple):
        return max(map(_largest, value), default=0)
    return value if isinstance(value, int) else 0


def _steps_of(model: Model, whole: Whole, act: Act) -> tuple[Step, ...]:
    """An act in the steps of the whole model: where nothing restarts in one step, a process crashes and recovers."""
    if act.restart is None:
        return (act.step,)
    name = whole.processes[act.process].history.process
    if act.restart is StepKind.RESTART and model.fault(FaultKind.RESTART) is None:
        return Step(StepKind.CRASH, name), Step(StepKind.RECOVER, name)
    return (Step(act.restart, name),)


def _offered(model: Model, state: State, step: Step, *, again: bool) -> Successor | None:
    """The step, where it is possible. A message that is needed once more is kept, where the network duplicates."""
    wanted = [step]
    if step.packet is not None:
        wanted = [step._replace(kind=kind) for kind in (reversed(DELIVERIES) if again else DELIVERIES)]
    found = {successor.step: successor for successor in attempts(model, state)}
    return next((found[one] for one in wanted if one in found), None)


def _lost(model: Model, state: State, packet: Packet | None) -> Successor | None:
    """The loss of what stands first on the link of a message that is not first on it."""
    for link in state.links:
        if packet is not None and (link.sender, link.receiver) == (packet.sender, packet.receiver):
            step = Step(StepKind.LOSE, packet=link.queue[0])
            lost = (one for one in attempts(model, state) if one.step == step)
            return next(lost, None) if packet in link.queue[1:] else None
    return None
