"""Steps of a whole cluster held against the model one by one, in the order in which they are taken."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import NamedTuple

from modelcheck.conformance.joint import Clash, NoStep, Progress, Taken, Whole, advance, whole_of
from modelcheck.conformance.lost import asks, make_up
from modelcheck.conformance.recorded import Address, History, Run, Traces, line_from, packet_of
from modelcheck.model import Name, State, Step, StepKind
from modelcheck.properties import (
    FAILURE,
    ONE_LEADER_PER_TOKEN,
    TOKEN_NEVER_GOES_BACKWARDS,
    Checked,
    checked,
    found_in_state,
    found_in_step,
)
from modelcheck.semantics import Handled, crashed, on_packet, on_request, on_start, on_timeout, values_of
from spec.lint import nodes
from spec.protocol import (
    Apply,
    Elapsed,
    FaultKind,
    Led,
    OnInput,
    Paused,
    Property,
    PropertyKind,
    Protocol,
    Underway,
)

MOST_KNOWN = 1_000_000
"""So many steps are kept in memory, from one run to the next."""


class Act(NamedTuple):
    """What a process did; `restart` is the fault from which it starts with it."""

    process: int
    step: Step
    restart: StepKind | None = None


class PropertyFalse(Exception):
    """The steps are the model's, and the last one makes a property false."""

    def __init__(self, item: Checked, acts: tuple[Act, ...], reason: str) -> None:
        super().__init__(reason)
        self.item = item
        self.acts = acts


@dataclass
class Watch:
    """What a cluster has done so far. Properties are judged after each step, but for those of messages under way:
    what is lost in the network, nobody records."""

    whole: Whole
    judged: tuple[Checked, ...]
    known: set[object] = field(default_factory=set)
    """What was judged before, and is as it should be."""
    led: frozenset[tuple[int, int]] = frozenset()
    """Who has led, by number, and with which token."""
    started: set[int] = field(default_factory=set)

    def took(self, process: Address, text: bytes) -> None:
        """The next step, in the line that a node records of it. Raises NoStep where the model takes none such, and
        PropertyFalse."""
        whole = self.whole
        one = whole.processes[whole.by_address[process]]
        line = line_from(text)
        before, taken = self._key(), len(whole.taken)
        runs = one.history.runs
        assert isinstance(runs, list)
        try:
            if line.step == 1:
                last = runs[-1] if runs else None
                runs.append(Run(last.header + len(last.steps) + 1 if last is not None else 1))
            runs[-1].steps.append(line)
            if line.step == 1 and len(runs) > 1:
                self._begin_anew(one)
            advance(whole, one, deque())
        except Clash as problem:
            item = next(item for item in checked(whole.model) if item.name == problem.property)
            raise PropertyFalse(item, (*self.acts(), _act(problem.taken)), str(problem)) from None
        for number in range(taken, len(whole.taken)):
            before = self._judged_after(before, number)

    def failed(self, process: Address, reason: str) -> None:
        """A process did what it says can never happen. Raises PropertyFalse where the model does that, too, in some
        step that is possible there; NoStep where it does not."""
        whole = self.whole
        one = whole.processes[whole.by_address[process]]
        for step, handled in _possible(whole, one):
            if handled is not None and handled.process is None:
                item = next(item for item in checked(whole.model) if item.name == FAILURE)
                raise PropertyFalse(item, (*self.acts(), Act(one.index, step)), reason)
        raise NoStep(one.index, f"the process failed: {reason}")

    def acts(self, count: int | None = None) -> tuple[Act, ...]:
        """All that was done, or the first of it."""
        return tuple(_act(taken) for taken in self.whole.taken[:count])

    @cached_property
    def _looks_back(self) -> bool:
        """Whether a property is about who has led."""
        return any(isinstance(part, Led) for item in self.judged for part in nodes(item.declared))

    @property
    def steps(self) -> int:
        """How many steps the model has taken."""
        return len(self.whole.taken)

    def _begin_anew(self, one: Progress) -> None:
        """A process died and has started again; its last step may have been stored and not recorded."""
        if asks(self.whole, one):
            make_up(self.whole, one, deque())
        one.run, one.at, one.settled = one.run + 1, 0, False

    def _key(self) -> tuple[int, ...]:
        return tuple(one.state for one in self.whole.processes)

    def _judged_after(self, before: tuple[int, ...], number: int) -> tuple[int, ...]:
        """The states after a step, which is judged. Raises PropertyFalse."""
        taken = self.whole.taken[number]
        after = (*before[: taken.process], taken.after, *before[taken.process + 1 :])
        if taken.expected.token is not None:
            self.led |= {(self.whole.processes[taken.process].history.process.number, taken.expected.token)}
        began = taken.process in self.started
        self.started.add(taken.process)
        key = before, after, taken.restart, began, self.led if self._looks_back else None
        if key in self.known or not self.judged or not all(one.began for one in self.whole.processes):
            return after
        for first, then in stages(self.whole, taken.process, taken.restart, before, after):
            earlier, later = (state_of(self.whole, states, self.led) for states in (first, then))
            for item in self.judged:
                if item.in_step:
                    is_false = began and found_in_step(self.whole.model, item, earlier, later)
                else:
                    is_false = found_in_state(self.whole.model, item, later)
                if is_false:
                    raise PropertyFalse(item, self.acts(number + 1), f"{item.name} is false")
        self.known.add(key)
        return after


def watch_of(protocol: Protocol, sizes: tuple[int, ...], earlier: Watch | None = None) -> Watch:
    """To be told of all steps of a cluster of so many processes of each kind, from their first start on. What an
    `earlier` watch of such a cluster has found out of single steps is used again."""
    names = [
        Name(kind.name, number) for kind, size in zip(protocol.kinds, sizes, strict=True) for number in range(size)
    ]
    traces = Traces("simulated", sizes, tuple(History(name, str(name), []) for name in names))
    if earlier is not None and len(earlier.known) + _known_steps(earlier) < MOST_KNOWN:
        return Watch(whole_of(protocol, traces, earlier.whole), earlier.judged, earlier.known)
    whole = whole_of(protocol, traces)
    elsewhere = {FAILURE, ONE_LEADER_PER_TOKEN, TOKEN_NEVER_GOES_BACKWARDS}
    judged = tuple(
        item
        for item in checked(whole.model)
        if item.is_violation and item.name not in elsewhere and not _cannot_be_judged(protocol, item.declared)
    )
    return Watch(whole, judged)


def _known_steps(watch: Watch) -> int:
    return sum(len(one.local.known) for one in watch.whole.processes)


def not_judged(protocol: Protocol) -> tuple[str, ...]:
    """The properties that are looked for in each state or step, and that no watch judges."""
    kinds = (PropertyKind.SAFETY, PropertyKind.INVARIANT, PropertyKind.STEP)
    return tuple(one.name for one in protocol.properties if one.kind in kinds and _cannot_be_judged(protocol, one))


def _cannot_be_judged(protocol: Protocol, declared: Property | None) -> bool:
    """Whether a property looks at messages, which nobody gathers; asks for time, which a watch does not count; or is a
    statement about runs without some faults, which may be among those that happen."""
    whole: list[object] = [declared]
    while whole:
        for part in nodes(whole.pop()):
            if isinstance(part, Underway | Elapsed | Paused):
                return True
            if isinstance(part, Apply):
                whole.append(protocol.definition(part.definition).body)
    return declared is not None and bool(declared.without)


def stages(
    whole: Whole, process: int, restart: StepKind | None, before: tuple[int, ...], after: tuple[int, ...]
) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """What a process does at once, as steps of the model, each with the states before and after it: where nothing
    restarts in one step, a process crashes, and starts again later."""
    if restart is not StepKind.RESTART or whole.model.fault(FaultKind.RESTART) is not None:
        return ((before, after),)
    local = whole.processes[process].local
    declared, held = whole.model.kinds[local.name.kind], local.states.values[before[process]]
    down = local.states.number(crashed(whole.model, declared, held, disk=False, up=False))
    between = (*before[:process], down, *before[process + 1 :])
    return (before, between), (between, after)


def state_of(whole: Whole, numbers: tuple[int, ...], led: frozenset[tuple[int, int]]) -> State:
    """All processes, each in a state of its own, and who has led; no message is under way."""
    at = iter(zip(whole.processes, numbers, strict=True))
    processes = []
    for names in whole.model.names:
        pairs = [next(at) for _ in names]
        processes.append(tuple(one.local.states.values[number] for one, number in pairs))
    return State(tuple(processes), frozenset(), frozenset(), (), (), led)


def _act(taken: Taken) -> Act:
    return Act(taken.process, taken.expected.step, taken.restart)


def _possible(whole: Whole, one: Progress) -> Iterator[tuple[Step, Handled | None]]:
    """All that a process might do next."""
    model, name = whole.model, one.history.process
    state = one.local.states.values[one.state]
    if not one.began:
        yield Step(StepKind.ACTION, name, "start"), on_start(model, name, state)
    for (sender, _), letter in reversed(whole.letters.items()):
        if letter.receiver == one.address:
            packet = packet_of(model, whole.names[sender], name, letter.message)
            yield Step(StepKind.DELIVER, name, packet=packet), on_packet(model, state, packet)
    for timer in model.kinds[name.kind].timers:
        yield Step(StepKind.TIMEOUT, name, timer.name), on_timeout(model, name, state, timer.name)
    for event in model.spontaneous[name.kind]:
        kind = StepKind.INPUT if isinstance(event, OnInput) else StepKind.ACTION
        parameters = event.parameters if isinstance(event, OnInput) else ()
        for arguments in product(*(values_of(model, parameter.type) for parameter in parameters)):
            yield Step(kind, name, event.name, arguments), on_request(model, name, state, event, arguments)
    for kind, number in one.local.restarts(one.state):
        yield Step(kind, name), on_start(model, name, one.local.states.values[number])
