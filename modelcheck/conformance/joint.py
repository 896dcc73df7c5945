"""Recorded runs of several processes, taken step by step in an order in which each comes after what its process did
before, and after the sending of what it receives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from modelcheck.conformance.local import Expected, Local, Numbered, Sent, event_of
from modelcheck.conformance.recorded import Address, BadTrace, BadValue, History, Line, Run, Traces, names_of, packet_of
from modelcheck.model import Caps, Model, Name, StepKind
from modelcheck.properties import ONE_LEADER_PER_TOKEN, TOKEN_NEVER_GOES_BACKWARDS
from spec.protocol import Protocol

MOST_UNDER_WAY = 1 << 62
"""Nothing that is recorded was bounded: not what is under way on a link, and no number either."""


@dataclass(frozen=True)
class Place:
    """A line of a file."""

    file: str
    line: int


class Letter(NamedTuple):
    """A message that was sent: to whom, what it says, by which of all steps taken, and as which on its link."""

    receiver: Address
    message: bytes
    sent_in: int
    position: int


class Taken(NamedTuple):
    """A step that was taken: by which process, from which state to which, in which line (None: it is lost), with which
    letter. `restart` is the fault from which the process starts with it."""

    process: int
    before: int
    after: int
    expected: Expected
    place: int | None
    letter: Letter | None
    restart: StepKind | None


@dataclass
class Progress:
    """How far a process is. `run` and `at` say which line is next; before a run's first line, `state` is that in which
    the run before ended."""

    history: History
    local: Local
    address: Address
    index: int
    state: int
    run: int = 0
    at: int = 0
    next_letter: int = 0
    highest: int | None = None
    """The highest token that it has led with."""
    last_from: dict[Address, tuple[int, int]] = field(default_factory=dict)
    """Of each link, where the network keeps an order: the position of what was received last, and in which run."""
    restart: StepKind | None = None
    """The fault from which it starts in this run."""
    began: bool = False
    settled: bool = False
    """Whether nothing more is to be found out about what followed the last line of this run."""

    @property
    def current(self) -> Run:
        return self.history.runs[self.run]

    def place(self) -> Place:
        """Of the next line."""
        return Place(self.history.file, self.current.header + 1 + self.at)


@dataclass(frozen=True)
class Receipt:
    """A receipt of a letter that no line sends."""

    number: int
    by: int
    message: bytes
    place: Place


@dataclass
class Whole:
    """All processes, and what they have done so far."""

    model: Model
    processes: list[Progress]
    names: dict[Address, Name]
    by_address: dict[Address, int]
    letters: dict[tuple[Address, int], Letter] = field(default_factory=dict)
    received: set[tuple[Address, int]] = field(default_factory=set)
    """Letters that were received, where the network does not duplicate."""
    links: dict[tuple[Address, Address], int] = field(default_factory=dict)
    """How many messages were sent on each link."""
    led: dict[int, Name] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    unsent: dict[tuple[int, int], list[Receipt]] = field(default_factory=dict)
    """By process and run: receipts of letters that no line of it sends, and a lost one might."""
    waiting: dict[tuple[Address, int], int] = field(default_factory=dict)
    """Who waits for which letter."""
    outside: frozenset[str] = frozenset()
    """Kinds of process for which something else stood: what comes from there is taken as it comes."""
    lost: list[tuple[Place, int]] = field(default_factory=list)
    """Steps whose lines are lost: the line before each, and its position among `taken`."""


class NoStep(Exception):
    """A line that is no step of the model there. `expected` is what the model gives for its event, if anything."""

    def __init__(self, process: int, reason: str, expected: Expected | None = None, place: Place | None = None) -> None:
        super().__init__(reason)
        self.process = process
        self.reason = reason
        self.expected = expected
        self.place = place


class Clash(NoStep):
    """A step that the model takes, and that makes a process lead which by what has happened must not: `taken` is the
    step, `property` what is false after it."""

    def __init__(self, property: str, reason: str, taken: Taken) -> None:
        super().__init__(taken.process, f"{reason}: {property} is false", taken.expected)
        self.property = property
        self.taken = taken


def whole_of(
    protocol: Protocol, traces: Traces, earlier: Whole | None = None, outside: frozenset[str] = frozenset()
) -> Whole:
    """What is to be looked at, before anything of it is. What was found out of single steps in an `earlier` one, of the
    same protocol and sizes, is used again."""
    if earlier is not None:
        model, names = earlier.model, earlier.names
        processes = []
        for history, known in zip(traces.histories, earlier.processes, strict=True):
            local = known.local
            processes.append(Progress(history, local, known.address, known.index, local.at_first()))
        return Whole(model, processes, names, earlier.by_address, outside=earlier.outside)
    model = Model(protocol, traces.sizes, Caps({}, {}, 0), protocol.network, protocol.faults, MOST_UNDER_WAY)
    names = names_of(model)
    states = {kind.name: Numbered() for kind in protocol.kinds}
    processes = []
    for index, history in enumerate(traces.histories):
        local = Local(model, history.process, states[history.process.kind], names)
        processes.append(
            Progress(history, local, (history.process.kind, history.process.number), index, local.at_first())
        )
    by_address = {one.address: one.index for one in processes}
    return Whole(model, processes, names, by_address, outside=outside)


# Steps ---------------------------------------------------------------------------------------------------------------


def advance(whole: Whole, one: Progress, awake: deque[int]) -> None:
    """Takes the steps of a process up to the end of its run, or to the receipt of a letter that is not sent yet.
    Raises NoStep, and BadTrace for a line that speaks of what the protocol does not have."""
    run = one.current
    steps, header, local, letters = run.steps, run.header, one.local, whole.letters
    letter: Letter | None
    try:
        while one.at < len(steps):
            at = one.at
            line = steps[at]
            if line.step != at + 1:
                raise NoStep(one.index, f"this says that it is step {line.step} of its run, and it is step {at + 1}")
            sender = line.sender
            if sender is None or line.letter is None or sender[0] in whole.outside:
                letter = None
            elif (letter := letters.get((sender, line.letter))) is None:
                whole.waiting[sender, line.letter] = one.index
                return
            if at == 0:
                _start(whole, one, line)
            event = event_of(line, at == 0)
            if letter is not None:
                _arrives(whole, one, line, letter)
            before = one.state
            expected = local.known.get((before, event)) or local.expected(before, event)
            if isinstance(expected, str):
                raise NoStep(one.index, expected)
            if local.recorded(bytes(line.state)) != expected.after:
                raise NoStep(one.index, "the step leads to another state", expected)
            if line.sent or expected.sent:
                _sends(whole, one, line, expected, awake)
            take(whole, one, before, expected, header + 1 + at, letter)
            one.at = at + 1
    except BadValue as problem:
        place = one.place()
        raise BadTrace(place.file, place.line, str(problem)) from None


def _start(whole: Whole, one: Progress, line: Line) -> None:
    """Finds the state from which a run begins, and what it sends first."""
    if line.event != "start" or line.letter is None or line.sender is not None:
        raise NoStep(one.index, "a run begins with a start")
    one.next_letter = line.letter
    if not one.began:
        return
    restarts = one.local.restarts(one.state)
    if not restarts:
        raise NoStep(one.index, "the process starts again, and the spec has no such fault")
    recorded = one.local.recorded(bytes(line.state))
    one.restart, one.state = restarts[0]
    for restart, state in restarts[1:]:
        expected = one.local.expected(state, ("start", b""))
        if isinstance(expected, Expected) and expected.after == recorded:
            one.restart, one.state = restart, state


def _arrives(whole: Whole, one: Progress, line: Line, letter: Letter) -> None:
    """Checks that a letter is what was sent, and that the network may deliver it now."""
    assert line.sender is not None and line.letter is not None
    if letter.receiver != one.address:
        raise NoStep(one.index, f"letter {line.letter} was sent to {Name(*letter.receiver)}")
    sender = whole.names[line.sender]
    if letter.message != bytes(line.message):
        said, sent = (
            packet_of(whole.model, sender, one.history.process, raw) for raw in (bytes(line.message), letter.message)
        )
        if said != sent:
            raise NoStep(one.index, f"letter {line.letter} says {letter.message.decode()}")
    network = whole.model.network
    if not network.duplication:
        if (line.sender, line.letter) in whole.received:
            raise NoStep(one.index, f"letter {line.letter} is received again, and the network does not duplicate")
        whole.received.add((line.sender, line.letter))
    if not network.reordering:
        last, run = one.last_from.get(line.sender, (-1, one.run))
        if letter.position < last:
            raise NoStep(one.index, f"letter {line.letter} was overtaken, and the network keeps the order")
        # What a step received whose line is lost is behind us without having been seen.
        if not network.loss and letter.position > last + 1 + (one.run - run):
            raise NoStep(one.index, f"a letter before letter {line.letter} is missing, and the network loses none")
        one.last_from[line.sender] = letter.position, one.run


def _sends(whole: Whole, one: Progress, line: Line, expected: Expected, awake: deque[int]) -> None:
    sent = tuple([(kind, number, bytes(raw)) for kind, number, _, raw in line.sent])
    if sent != expected.as_sent:
        if len(sent) != len(expected.sent):
            raise NoStep(
                one.index, f"the step sends {len(expected.sent)} messages, and {len(sent)} were sent", expected
            )
        for packet, (kind, number, raw) in zip(expected.sent, sent, strict=True):
            receiver = whole.names.get((kind, number))
            if receiver != packet.receiver or packet_of(whole.model, one.history.process, receiver, raw) != packet:
                raise NoStep(one.index, "the step sends other messages", expected)
        expected.as_sent = sent
    for one_sent, recorded in zip(sent, line.sent, strict=True):
        if recorded[2] != one.next_letter:
            raise NoStep(one.index, f"the next letter has the number {one.next_letter}, and this one {recorded[2]}")
        post(whole, one, one_sent, awake)


def post(whole: Whole, one: Progress, sent: Sent, awake: deque[int]) -> None:
    """Sends the next letter of a process."""
    kind, number, message = sent
    receiver = kind, number
    position = 0
    if not whole.model.network.reordering:
        position = whole.links.get((one.address, receiver), 0)
        whole.links[one.address, receiver] = position + 1
    key = one.address, one.next_letter
    if key in whole.letters:
        raise NoStep(one.index, f"letter {one.next_letter} was sent before")
    whole.letters[key] = Letter(receiver, message, len(whole.taken), position)
    if whole.waiting and (waits := whole.waiting.pop(key, None)) is not None:
        awake.append(waits)
    one.next_letter += 1


def take(
    whole: Whole, one: Progress, before: int, expected: Expected, place: int | None, letter: Letter | None
) -> None:
    """Adds a step to what was done, and who leads after it. Raises Clash."""
    taken = Taken(one.index, before, expected.after, expected, place, letter, one.restart)
    if expected.token is not None and expected.token != one.highest:
        if (problem := clash(whole, one, expected.token)) is not None:
            raise Clash(*problem, taken)
        whole.led[expected.token] = one.history.process
        one.highest = expected.token
    one.restart = None
    whole.taken.append(taken)
    one.state = expected.after
    one.began = True


def clash(whole: Whole, one: Progress, token: int) -> tuple[str, str] | None:
    """What is false when a process leads with a token, after all that was, and why; None where nothing is."""
    if (other := whole.led.get(token, one.history.process)) != one.history.process:
        return ONE_LEADER_PER_TOKEN, f"{other} has led with token {token}, too"
    if one.highest is not None and token < one.highest:
        return TOKEN_NEVER_GOES_BACKWARDS, f"it has led with token {one.highest} before"
    return None
