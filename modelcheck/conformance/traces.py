"""Recorded runs against the model: are they, together, one of its behaviours? If not, the first step that is not.

The steps are taken in an order in which each comes after what its process did before, and after the sending of what it
receives: there is one unless a message was received before it was sent. No clock plays a part. So a step is refused
only where nothing that could have led to it was.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from modelcheck.conformance.joint import NoStep, Place, Progress, Whole, advance, whole_of
from modelcheck.conformance.lost import asks, gather_unsent, make_up
from modelcheck.conformance.recorded import Traces
from modelcheck.conformance.refusal import Refusal, refusal_of
from modelcheck.model import Model, Name
from modelcheck.story import describe_step
from spec.protocol import Protocol


@dataclass(frozen=True)
class LostStep:
    """A step that must have been taken after a line, and whose own line is lost."""

    after: Place
    description: str


@dataclass(frozen=True)
class Validated:
    """What was found. `steps` are the recorded ones that the model takes, all of them where there is no `refusal`;
    `cut` are incomplete lines, `silent` the processes of which there is no trace, and no message either; `outside` the
    kinds of process for which something else stood."""

    model: Model
    steps: int
    processes: int
    lost: tuple[LostStep, ...]
    cut: tuple[Place, ...]
    silent: tuple[Name, ...]
    refusal: Refusal | None
    outside: tuple[str, ...] = ()


def validate(protocol: Protocol, traces: Traces, outside: frozenset[str] = frozenset()) -> Validated:
    """Whether recorded runs are a behaviour of the model. Of kinds `outside`, something else stood for the processes,
    such as a lock service that is no process of the protocol: what others received from them is taken as it comes.
    Raises BadTrace for what speaks of other things than the protocol does, or of messages of a process whose trace was
    not given."""
    whole = whole_of(protocol, traces, outside=outside)
    gather_unsent(whole)
    refusal = None
    try:
        _take_all(whole)
    except NoStep as problem:
        refusal = refusal_of(whole, problem)
    model = whole.model
    traced = {history.process for history in traces.histories}
    return Validated(
        model,
        sum(taken.place is not None for taken in whole.taken),
        len(traced),
        tuple(LostStep(after, describe_step(model, whole.taken[at].expected.step)) for after, at in whole.lost),
        tuple(
            Place(history.file, run.cut) for history in traces.histories for run in history.runs if run.cut is not None
        ),
        () if outside else tuple(name for names in model.names for name in names if name not in traced),
        refusal,
        tuple(sorted(outside)),
    )


def _take_all(whole: Whole) -> None:
    awake = deque(one.index for one in whole.processes)
    while True:
        while awake:
            _advance(whole, whole.processes[awake.popleft()], awake)
        unfinished = [one for one in whole.processes if not _is_done(one)]
        if not unfinished:
            return
        _go_on(whole, unfinished, awake)


def _advance(whole: Whole, one: Progress, awake: deque[int]) -> None:
    """Takes the steps of a process, run after run, as far as that goes by itself."""
    while True:
        advance(whole, one, awake)
        if one.at < len(one.current.steps):
            return
        if not one.settled:
            if asks(whole, one):
                return
            one.settled = True
        if one.run + 1 == len(one.history.runs):
            return
        one.run, one.at, one.settled = one.run + 1, 0, False


def _is_done(one: Progress) -> bool:
    return one.settled and one.run + 1 == len(one.history.runs) and one.at == len(one.current.steps)


def _go_on(whole: Whole, unfinished: list[Progress], awake: deque[int]) -> None:
    """Finds what holds all of them up, and does something about it. Raises NoStep where nothing can be done."""
    ended = [one for one in unfinished if one.at == len(one.current.steps)]
    waiting = [one for one in unfinished if one.at < len(one.current.steps)]
    for one in waiting:
        line = one.current.steps[one.at]
        if line.sender is not None and line.letter is not None and (line.sender, line.letter) in whole.letters:
            awake.append(one.index)
    if awake:
        return
    for one in ended:
        if make_up(whole, one, awake):
            awake.append(one.index)
            return
    to_come = {
        (other.address, letter)
        for other in unfinished
        for run in other.history.runs[other.run :]
        for line in run.steps
        for _, _, letter, _ in line.sent
    }
    asked = {
        (whole.processes[index].address, receipt.number)
        for (index, _), found in whole.unsent.items()
        for receipt in found
    }
    for one in waiting:
        line = one.current.steps[one.at]
        assert line.sender is not None
        key = line.sender, line.letter or 0
        if key not in to_come | asked:
            raise NoStep(one.index, f"{Name(*line.sender)} has not sent letter {line.letter}, by all that is recorded")
    for one in ended:
        if receipts := whole.unsent.get((one.index, one.run)):
            by = whole.processes[receipts[0].by]
            if by in waiting and by.place() == receipts[0].place:
                raise NoStep(
                    by.index,
                    f"no line of {one.history.process} sends letter {receipts[0].number}, nor does any step that may "
                    "have followed the last line of its run",
                )
        else:
            one.settled = True
            awake.append(one.index)
            return
    if not waiting:
        first = next(iter(whole.unsent.values()))[0]
        raise NoStep(first.by, f"nobody can have sent letter {first.number}", place=first.place)
    one = _of_circle(whole, waiting)
    line = one.current.steps[one.at]
    assert line.sender is not None
    raise NoStep(
        one.index, f"{Name(*line.sender)} sends letter {line.letter} only after what follows from this receipt"
    )


def _of_circle(whole: Whole, waiting: list[Progress]) -> Progress:
    """A process among those that wait for each other."""
    one = waiting[0]
    for _ in waiting:
        sender = one.current.steps[one.at].sender
        assert sender is not None
        following = whole.processes[whole.by_address[sender]]
        one = following if following in waiting else one
    return one
