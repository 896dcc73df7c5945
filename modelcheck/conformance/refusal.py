"""A recorded step that the model does not take: what was recorded, what the model would have given, what led to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelcheck.conformance.joint import Letter, NoStep, Place, Progress, Taken, Whole
from modelcheck.conformance.local import Expected
from modelcheck.conformance.recorded import BadTrace, BadValue, Line, packet_of, state_of
from modelcheck.model import Model, Name, ProcessState, State, Step, StepKind, Successor
from modelcheck.semantics import process_at_first
from modelcheck.story import describe_changes, describe_sends, describe_step
from modelcheck.trace import Trace
from spec.types import MapType

SHOWN = 12
"""So many steps before the refused one are shown."""
MOST_POSSIBLE = 20
"""So many possible steps are listed, and of messages the ones that were sent last."""


@dataclass(frozen=True)
class Refusal:
    """`recorded` and `possible` are in words; `leading_up` are the places of the steps of the trace, None for one
    whose line is lost. The trace ends in the state before the refused step."""

    place: Place
    process: Name
    reason: str
    recorded: str
    given: str
    possible: tuple[str, ...]
    leading_up: tuple[Place | None, ...]
    trace: Trace


def refusal_of(whole: Whole, problem: NoStep) -> Refusal:
    """All that there is to say about it."""
    one = whole.processes[problem.process]
    place = problem.place or one.place()
    line = one.current.steps[place.line - one.current.header - 1]
    trace, places = _leading_up(whole, one, line)
    try:
        recorded = _recorded(whole, one, line)
    except BadValue as wrong:
        raise BadTrace(place.file, place.line, str(wrong)) from None
    given = "" if problem.expected is None else _outcome(whole, one, problem.expected)
    return Refusal(
        place,
        one.history.process,
        problem.reason,
        recorded,
        given,
        tuple(_possible(whole, one)),
        places,
        trace,
    )


# In words ------------------------------------------------------------------------------------------------------------


def _around(whole: Whole, name: Name, process: ProcessState) -> State:
    """A state in which one process is as it is given."""
    at_first = [[process_at_first(whole.model, each) for each in names] for names in whole.model.names]
    at_first[whole.model.kind_index[name.kind]][name.number] = process
    return State(tuple(map(tuple, at_first)), frozenset(), frozenset(), (), (), frozenset())


def _recorded(whole: Whole, one: Progress, line: Line) -> str:
    name = one.history.process
    after = state_of(whole.model, name.kind, bytes(line.state))
    sent = tuple(
        packet_of(whole.model, name, whole.names[kind, number], bytes(raw))
        for kind, number, _, raw in line.sent
        if (kind, number) in whole.names
    )
    said = line.event
    if line.sender is not None and line.message and line.sender in whole.names:
        packet = packet_of(whole.model, whole.names[line.sender], name, bytes(line.message))
        said = describe_step(whole.model, Step(StepKind.DELIVER, name, packet=packet)) + f" (letter {line.letter})"
    elif line.name or line.event:
        said = f"{name}: {line.event} {line.name}".rstrip()
    return f"{said}: " + _result(
        whole, name, one.local.states.values[one.state], after, tuple(describe_sends(whole.model, sent))
    )


def _outcome(whole: Whole, one: Progress, expected: Expected) -> str:
    """A step and what comes of it."""
    after = one.local.states.values[expected.after]
    sends = tuple(describe_sends(whole.model, expected.sent))
    before = one.local.states.values[one.state]
    return f"{describe_step(whole.model, expected.step)}: {_result(whole, one.history.process, before, after, sends)}"


def _result(whole: Whole, name: Name, before: ProcessState, after: ProcessState, sends: tuple[str, ...]) -> str:
    changes = describe_changes(whole.model, _around(whole, name, before), _around(whole, name, after))
    return ", ".join((*changes, *sends)) or "it changes nothing"


def _possible(whole: Whole, one: Progress) -> Iterator[str]:
    """Each step that the process could have taken instead."""
    if one.at == 0:
        states = [state for _, state in one.local.restarts(one.state)] if one.began else [one.state]
        starts = (one.local.expected(state, ("start", b"")) for state in states)
        yield from (_outcome(whole, one, expected) for expected in starts if isinstance(expected, Expected))
        return
    found = [_outcome(whole, one, expected) for expected in one.local.own(one.state)]
    tried = set()
    for (sender, _), letter in reversed(whole.letters.items()):
        if len(found) > MOST_POSSIBLE:
            break
        if letter.receiver == one.address and (sender, letter.message) not in tried:
            tried.add((sender, letter.message))
            expected = one.local.expected(one.state, (sender, letter.message))
            found += [_outcome(whole, one, expected)] if isinstance(expected, Expected) else []
    yield from found[:MOST_POSSIBLE]
    if len(found) > MOST_POSSIBLE:
        yield "and the receipt of what was sent to it earlier"


# What led to it ------------------------------------------------------------------------------------------------------


def _of_those_there(whole: Whole) -> Model:
    """The model, to be drawn. Where a lock service coordinates them, nobody knows how many clients there are, and what
    is recorded says that there may be very many: those that have no trace have nothing to show."""
    model = whole.model
    maps = any(isinstance(variable.type, MapType) for kind in model.protocol.kinds for variable in kind.variables)
    if not whole.outside or maps:  # a map has an entry for each process that there may be
        return model
    there = [one.history.process for one in whole.processes]
    sizes = (
        max((name.number + 1 for name in there if name.kind == kind.name), default=1) for kind in model.protocol.kinds
    )
    return replace(model, sizes=tuple(map(min, sizes, model.sizes)))


def _leading_up(whole: Whole, one: Progress, line: Line) -> tuple[Trace, tuple[Place | None, ...]]:
    """The last steps among those that the refused one comes after, as a trace."""
    wanted = {one.index: len(whole.taken)}
    letter = None if line.sender is None else whole.letters.get((line.sender, line.letter or 0))
    if letter is not None and line.sender is not None:
        _want(wanted, whole.by_address[line.sender], letter)
    kept: list[Taken] = []
    states: dict[int, int] = {}
    for at in range(len(whole.taken) - 1, -1, -1):
        taken = whole.taken[at]
        if at > wanted.get(taken.process, -1):
            continue
        if len(kept) < SHOWN:
            kept.append(taken)
            states[taken.process] = taken.before
        elif taken.process not in states:
            states[taken.process] = taken.after
            if len(states) == len(whole.processes):
                break
        if taken.letter is not None and taken.expected.step.packet is not None:
            sender = taken.expected.step.packet.sender
            _want(wanted, whole.by_address[sender.kind, sender.number], taken.letter)
    kept.reverse()
    model = _of_those_there(whole)
    begun = {whole.processes[index].history.process: state for index, state in states.items()}
    started = {taken.process for taken in kept if taken.expected.step.name == "start" and taken.restart is None}
    down = {whole.processes[index].history.process for index in started}
    at_first = tuple(tuple(process_at_first(model, name) for name in names) for names in model.names)
    start = State(at_first, frozenset(), frozenset(), (), (), frozenset())
    for name in (name for names in model.names for name in names):
        process = process_at_first(model, name)
        if name in begun:
            index = whole.by_address[name.kind, name.number]
            process = whole.processes[index].local.states.values[begun[name]]
        if name in down or name not in begun:
            process = process._replace(up=False)
        start = _with(whole, start, name, process)
    steps: list[Successor] = []
    state = start
    for taken in kept:
        progress = whole.processes[taken.process]
        name = progress.history.process
        after = progress.local.states.values[taken.after]
        state = _with(whole, state, name, after)
        step = taken.expected.step
        if step.name == "start" and step.kind is StepKind.ACTION:
            step = Step(taken.restart or StepKind.RECOVER, name)
        steps.append(Successor(step, state, None, None, frozenset({0}), taken.expected.sent))
    places = tuple(
        None if taken.place is None else Place(whole.processes[taken.process].history.file, taken.place)
        for taken in kept
    )
    return Trace(model, start, tuple(steps), begins="before these steps"), places


def _want(wanted: dict[int, int], sender: int, letter: Letter) -> None:
    wanted[sender] = max(wanted.get(sender, -1), letter.sent_in)


def _with(whole: Whole, state: State, name: Name, process: ProcessState) -> State:
    at = whole.model.kind_index[name.kind]
    kind = state.processes[at]
    kind = (*kind[: name.number], process, *kind[name.number + 1 :])
    return state._replace(processes=(*state.processes[:at], kind, *state.processes[at + 1 :]))
