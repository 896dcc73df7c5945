"""A trace in words, one scene for each step: what the drawings of a trace have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from textwrap import wrap

from modelcheck.explain import explain_witness
from modelcheck.model import (
    Model,
    Name,
    Packet,
    ProcessState,
    State,
    Step,
    StepKind,
    Successor,
    link_order,
    packet_order,
)
from modelcheck.properties import FAILURE
from modelcheck.semantics import initial, is_paused, leads, process_state
from modelcheck.trace import Trace
from spec.clocks import hidden_variables
from spec.protocol import OnInput, ProcessKind, PropertyKind
from spec.show import show, show_duration, show_value
from spec.types import MapType, Type, Value


@dataclass(frozen=True)
class Arrow:
    """A message that is delivered, or lost on its way."""

    sender: Name
    receiver: Name
    label: str
    lost: bool = False


@dataclass(frozen=True)
class Standing:
    """How a process stands after a step: whether it is up, cut off from the very first one, its token if it leads,
    and whether it is paused."""

    up: bool
    cut_off: bool
    token: int | None
    paused: bool = False


class Tone(Enum):
    """How a note is to be taken, for those who draw in colours."""

    LEADS = "leads"
    FAILS = "fails"
    PLAIN = "plain"


@dataclass(frozen=True)
class Note:
    text: str
    tone: Tone = Tone.PLAIN

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Scene:
    """One step, or several ticks one after another. `number` counts steps from 1, and is the last one's; 0 is the
    start. `ticks` is how many steps it is. `title` says who did what, `changes` what is now different
    (only that), `sends` what was sent to whom, `notes` what else is worth knowing; `sent_in` is the step that sent
    the message which is delivered (None: there is none, or more than one may have). `standings` are those after the
    step, in the order of `Story.names`."""

    number: int
    kind: StepKind
    actor: Name | None
    title: str
    arrow: Arrow | None
    sent_in: int | None
    changes: tuple[str, ...]
    sends: tuple[str, ...]
    notes: tuple[Note, ...]
    standings: tuple[Standing, ...]
    ticks: int = 1

    @property
    def first(self) -> int:
        return self.number - self.ticks + 1

    @property
    def is_fault(self) -> bool:
        return self.kind in FAULTS


FOR_EVER = "from here on, for ever:"
"""Stands before what is gone through again and again."""
ARBITRARY = "a state that satisfies the invariant, not necessarily reachable"
FAULTS = (*(StepKind.RESTART, StepKind.CRASH, StepKind.DISK_LOSS, StepKind.PARTITION, StepKind.LOSE), StepKind.PAUSE)


@dataclass(frozen=True)
class Ending:
    """What the trace shows: `verdict` in a sentence, the property's text and description, and clause by clause why."""

    is_violation: bool
    verdict: str
    text: str
    description: str
    clauses: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """`start` says how all processes begin, and `scenes` what happens then. With `loop`, the scenes after so many are
    gone through again and again."""

    title: str
    names: tuple[Name, ...]
    start: Scene
    scenes: tuple[Scene, ...]
    ending: Ending
    loop: int | None = None

    @property
    def length(self) -> int:
        """How many steps it is."""
        return self.scenes[-1].number if self.scenes else 0

    def repeats_from(self, scene: Scene) -> bool:
        """Whether what is gone through for ever begins with a scene."""
        return self.loop is not None and scene.number > 0 and scene.first == self.loop + 1


def story(trace: Trace) -> Story:
    """The trace in words. Pure: the same trace gives the same story."""
    model = trace.model
    names = tuple(name for names in model.names for name in names)
    scenes: list[Scene] = []
    state = trace.start
    ticks = 0
    for number, successor in enumerate(trace.steps, 1):
        ticks = ticks + 1 if successor.step.kind is StepKind.TICK else 0
        if not ticks:
            scenes.append(_scene(trace, number, state, successor))
        elif number in (len(trace.steps), trace.loop) or trace.steps[number].step.kind is not StepKind.TICK:
            # Ticks one after another are one scene, but for those that lead to what is gone through for ever.
            passed = _scene(trace, number, state, successor)
            scenes.append(replace(passed, title=_passed(model, ticks), ticks=ticks))
            ticks = 0
        state = successor.state or state
    return Story(title(model), names, _start(trace), tuple(scenes), _ending(trace), trace.loop)


def title(model: Model) -> str:
    """The protocol and how many processes of each kind it is looked at with."""
    sizes = (
        f"{size} {kind.name}{'' if size == 1 else 's'}"
        for kind, size in zip(model.protocol.kinds, model.sizes, strict=True)
    )
    return f"{model.protocol.name}, {', '.join(sizes)}"


def _passed(model: Model, ticks: int) -> str:
    """How much time passes, and in how many steps."""
    clocks = model.protocol.clocks
    assert clocks is not None
    steps = "" if ticks == 1 else f" ({ticks} steps)"
    passed = show_duration(ticks * clocks.timing.tick)
    return f"{passed} pass{'es' if passed.startswith('1 ') else ''}{steps}"


# Scenes --------------------------------------------------------------------------------------------------------------


def _scene(trace: Trace, number: int, before: State, successor: Successor) -> Scene:
    model, step = trace.model, successor.step
    after = successor.state or before
    changes = tuple(describe_changes(model, before, after))
    sends: tuple[str, ...] = ()
    notes = list(_leading(model, before, after))
    if successor.failure is not None:
        # What it had sent until then never left.
        notes.append(Note(f"the step fails: {successor.failure.reason}", Tone.FAILS))
    else:
        sends = tuple(describe_sends(model, successor.sent))
        if step.kind is StepKind.DELIVER and not (changes or sends):
            notes.append(Note("it changes nothing" if successor.taken else "no handler takes it"))
    arrow = None
    if step.packet is not None:
        lost = step.kind is StepKind.LOSE
        arrow = Arrow(step.packet.sender, step.packet.receiver, describe_packet(model, step.packet), lost)
    return Scene(
        number,
        step.kind,
        step.process,
        describe_step(model, step),
        arrow,
        _sent_in(trace, number, step.packet),
        changes,
        sends,
        tuple(notes),
        _standings(model, after),
    )


def _start(trace: Trace) -> Scene:
    model = trace.model
    described: list[str] = []
    for kind, processes in zip(model.protocol.kinds, trace.start.processes, strict=True):
        hidden = hidden_variables(kind) if model.protocol.clocks is not None and trace.is_initial else ()
        if len(set(processes)) == 1 and len(processes) > 1:
            described.append(f"each {kind.name} has {_description(kind, processes[0], hidden)}")
        else:
            names = (Name(kind.name, number) for number in range(len(processes)))
            described += [
                f"{name} has {_description(kind, p, hidden)}" for name, p in zip(names, processes, strict=True)
            ]
    if not trace.is_initial:
        described += _besides(model, trace.start)
    by_sender: dict[Name, list[Packet]] = {}
    for packet in initial(model).sent if trace.is_initial else ():
        by_sender.setdefault(packet.sender, []).append(packet)
    sends = [
        f"{sender} {sent}" for sender, packets in by_sender.items() for sent in describe_sends(model, tuple(packets))
    ]
    nobody = trace.start._replace(processes=tuple(tuple(_down(p) for p in of) for of in trace.start.processes))
    notes = tuple(_leading(model, nobody, trace.start))
    return Scene(
        0,
        StepKind.ACTION,
        None,
        trace.begins or (ARBITRARY if trace.arbitrary else "at the start"),
        None,
        None,
        tuple(described),
        tuple(sends),
        notes,
        _standings(model, trace.start),
    )


def _besides(model: Model, state: State) -> Iterator[str]:
    """What else there is to a state that is not the initial one: what is under way, and what has happened."""
    for names, processes in zip(model.names, state.processes, strict=True):
        yield from (f"{name} is down" for name, process in zip(names, processes, strict=True) if not process.up)
    queues = [link.queue for link in sorted(state.links, key=link_order)]
    for queue in (*((packet,) for packet in sorted(state.packets, key=packet_order)), *queues):
        messages = ", then ".join(describe_packet(model, packet) for packet in queue)
        yield f"under way from {queue[0].sender} to {queue[0].receiver}: {messages}"
    leader = model.protocol.leader
    for number, token in sorted(state.led):
        if leader is not None and leads(model, state, Name(leader.kind, number)) != token:
            yield f"{Name(leader.kind, number)} has led with token {token}"
    if state.sides:
        yield f"partition: {' | '.join(_sides(model, state.sides))}"


def _down(process: ProcessState) -> ProcessState:
    return process._replace(up=False)


def _description(kind: ProcessKind, process: ProcessState, hidden: tuple[str, ...]) -> str:
    parts = []
    for variable, value in zip(kind.variables, process.values, strict=True):
        if variable.name in hidden:
            continue
        if isinstance(variable.type, MapType) and len(value) > 1 and len(set(value)) == 1:
            each = show_value(value[0], variable.type.value)
            parts.append(f"{variable.name} = {each} for each {variable.type.key}")
        else:
            parts.append(f"{variable.name} = {show_value(value, variable.type)}")
    parts += [f"{timer.name} armed" for timer, armed in zip(kind.timers, process.armed, strict=True) if armed]
    return ", ".join(parts) or "nothing to remember"


def _standings(model: Model, state: State) -> tuple[Standing, ...]:
    def cut_off(name: Name) -> bool:
        return bool(state.sides) and state.sides[model.kind_index[name.kind]][name.number]

    return tuple(
        Standing(
            process_state(model, state, name).up,
            cut_off(name),
            leads(model, state, name),
            is_paused(model, state, name),
        )
        for names in model.names
        for name in names
    )


def _leading(model: Model, before: State, after: State) -> Iterator[Note]:
    """Who begins or ceases to lead."""
    for name in (name for names in model.names for name in names):
        was, now = leads(model, before, name), leads(model, after, name)
        if now is not None and was != now:
            yield Note(f"{name} now leads with token {now}", Tone.LEADS)
        elif now is None and was is not None:
            yield Note(f"{name} leads no longer")


def _sent_in(trace: Trace, number: int, packet: Packet | None) -> int | None:
    """The step that sent a message which is delivered in step `number`: where messages are a growing set, the first
    that did; on a link that keeps the order and all that was sent, the one whose turn it is; else the only one."""
    if packet is None:
        return None
    sent = [
        initial(trace.model).sent if trace.is_initial else (),
        *(successor.sent for successor in trace.steps[: number - 1]),
    ]
    found = [at for at, packets in enumerate(sent) if packet in packets]
    if trace.model.network.is_growing_set:
        return found[0] if found else None
    network = trace.model.network
    if not (network.loss or network.duplication or network.reordering):
        link = (packet.sender, packet.receiver)
        turns = [at for at, packets in enumerate(sent) for one in packets if (one.sender, one.receiver) == link]
        earlier = [successor.step.packet for successor in trace.steps[: number - 1]]
        if not trace.is_initial:
            return None  # the queue was not empty at the start
        return turns[sum(one is not None and (one.sender, one.receiver) == link for one in earlier)]
    return found[0] if len(found) == 1 and sent[found[0]].count(packet) == 1 else None


# Words ---------------------------------------------------------------------------------------------------------------


def describe_packet(model: Model, packet: Packet) -> str:
    """A message with its arguments, as a spec would write it: `request_vote(2)`."""
    parameters = model.protocol.message(packet.message).parameters
    clocks = model.protocol.clocks
    if clocks is not None and clocks.delay is not None:
        parameters = parameters[:-1]  # its age is no part of what it says
    arguments = (show_value(value, of) for value, (_, of) in zip(packet.arguments, parameters, strict=False))
    return f"{packet.message}({', '.join(arguments)})"


def describe_step(model: Model, step: Step) -> str:
    """Who does what, in a few words."""
    who = step.process
    match step.kind:
        case StepKind.DELIVER if step.packet is not None:
            return f"{who} receives {describe_packet(model, step.packet)} from {step.packet.sender}"
        case StepKind.DELIVER_AND_KEEP if step.packet is not None:
            return f"{who} receives a copy of {describe_packet(model, step.packet)} from {step.packet.sender}"
        case StepKind.LOSE if step.packet is not None:
            packet = step.packet
            return f"{describe_packet(model, packet)} from {packet.sender} to {packet.receiver} is lost"
        case StepKind.INPUT if who is not None:
            return f"{who}: input {step.name}({_input_arguments(model, step)})"
        case StepKind.TIMEOUT | StepKind.ACTION:
            return f"{who}: {step.kind.value} {step.name}"
        case StepKind.RESTART:
            return f"{who} crashes and restarts"
        case StepKind.CRASH:
            return f"{who} crashes"
        case StepKind.RECOVER:
            return f"{who} comes up again"
        case StepKind.DISK_LOSS:
            return f"{who} loses its disk and restarts"
        case StepKind.PARTITION:
            return f"partition: {' | '.join(_sides(model, step.sides))}"
        case StepKind.HEAL:
            return "the partition heals"
        case StepKind.PAUSE:
            return f"{who} is paused"
        case StepKind.RESUME:
            return f"{who} goes on"
        case StepKind.TICK:
            return _passed(model, 1)
    raise ValueError(f"a step without its message: {step}")


MOST_NAMED = 3
"""A side of a partition with more processes than this is called the others, where the other side is named."""


def _sides(model: Model, sides: tuple[tuple[bool, ...], ...]) -> tuple[str, str]:
    parts: dict[bool, list[Name]] = {False: [], True: []}
    for names, cut in zip(model.names, sides, strict=True):
        for name, side in zip(names, cut, strict=True):
            parts[side].append(name)
    first, second = ("{" + ", ".join(map(str, part)) + "}" for part in parts.values())
    if max(map(len, parts.values())) > MOST_NAMED:
        return (first, "the others") if len(parts[True]) >= len(parts[False]) else ("the others", second)
    return first, second


HELD_TOGETHER = re.compile(r" (=|==|!=|<|<=|>|>=|->|in|not in) |(?<=\w): (?=\w+[,}])| (?=(dis)?armed\b)")


def folded(text: str, room: int, indent: str = "") -> list[str]:
    """The text in lines of at most `room` letters, all but the first one indented; what is compared stays together."""
    whole = HELD_TOGETHER.sub(lambda found: found[0].replace(" ", "\0"), text)
    return [
        line.replace("\0", " ")
        for line in wrap(whole, room, subsequent_indent=indent, break_on_hyphens=False, break_long_words=True)
    ]


def listed(parts: Sequence[str], room: int) -> Iterator[str]:
    """Lines of parts with commas between them, broken between parts where that is enough."""
    line = ""
    for number, part in enumerate(parts):
        text = part + ("," if number < len(parts) - 1 else "")
        if line and len(line) + 1 + len(text) > room:
            yield line
            line = ""
        line = f"{line} {text}" if line else text
        if len(line) > room:
            *full, line = folded(line, room, "  ")
            yield from full
    if line:
        yield line


def _input_arguments(model: Model, step: Step) -> str:
    for handler in model.protocol.handlers:
        if isinstance(handler.event, OnInput) and handler.event.name == step.name:
            types = [parameter.type for parameter in handler.event.parameters]
            return ", ".join(show_value(value, of) for value, of in zip(step.arguments, types, strict=True))
    raise ValueError(f"no handler takes the input {step.name}")


def describe_sends(model: Model, sent: tuple[Packet, ...]) -> Iterator[str]:
    """What is sent to whom; a message to everyone else of a kind is a broadcast."""
    together: dict[tuple[str, str], list[Name]] = {}
    for packet in sent:
        together.setdefault((describe_packet(model, packet), packet.receiver.kind), []).append(packet.receiver)
    for (message, kind), receivers in together.items():
        sender = sent[0].sender
        others = [name for name in model.names[model.kind_index[kind]] if name != sender]
        if len(receivers) > 1 and receivers == others:
            yield f"broadcasts {message}"
        else:
            yield f"sends {message} to {', '.join(map(str, receivers))}"


def describe_changes(model: Model, before: State, after: State, *, named: bool = False) -> Iterator[str]:
    """What differs in the processes' own state. A process is named where more than one differs, or all are `named`."""
    differing = [
        name
        for names in model.names
        for name in names
        if process_state(model, before, name) != process_state(model, after, name)
    ]
    for name in differing:
        prefix = "" if len(differing) == 1 and not named else f"{name}."
        kind = model.protocol.kind(name.kind)
        old, new = process_state(model, before, name), process_state(model, after, name)
        hidden = hidden_variables(kind) if model.protocol.clocks is not None else ()
        for variable, was, now in zip(kind.variables, old.values, new.values, strict=True):
            if variable.name in hidden:
                continue
            for change in _changes(variable.name, was, now, variable.type):
                yield prefix + change
        if named and old.up != new.up:
            yield f"{name} {'up -> down' if old.up else 'down -> up'}"
        for timer, was_armed, is_armed in zip(kind.timers, old.armed, new.armed, strict=True):
            if was_armed != is_armed:
                yield f"{prefix}{timer.name} {'armed' if is_armed else 'disarmed'}"


def _changes(what: str, was: Value, now: Value, of: Type) -> Iterator[str]:
    if was == now:
        return
    if isinstance(of, MapType):
        for at, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from _changes(f"{what}[{show_value(at, of.key)}]", one, other, of.value)
    else:
        yield f"{what} {show_value(was, of)} -> {show_value(now, of)}"


# The end -------------------------------------------------------------------------------------------------------------


def _ending(trace: Trace) -> Ending:
    declared = {claim.name: claim for claim in trace.model.protocol.properties}
    last = f"after step {len(trace)}" if trace.steps else "in the state" if not trace.is_initial else "at the start"
    if trace.violation is not None:
        violation = trace.violation
        claim = declared.get(violation.property)
        if claim is not None and claim.kind is PropertyKind.STEP:
            last = f"in step {len(trace)}"
        verdict = f"{violation.property} is false {last}"
        if claim is not None and claim.kind is PropertyKind.RECOVERS:
            verdict = f"{last} {claim.name} cannot come about any more"
        elif claim is not None and claim.kind is PropertyKind.LEADS_TO:
            verdict = f"{last} {claim.name} can be put off for ever"
        if violation.property == FAILURE:
            verdict = f"step {len(trace)} fails"
        if trace.arbitrary:
            verdict = f"not inductive: {verdict}, from a state that need not be reachable"
        return Ending(True, verdict, violation.text, claim.description if claim else "", violation.clauses)
    claim = declared.get(trace.witness)
    if claim is None:
        return Ending(False, f"the trace ends {last}", "", "", ())
    clauses = explain_witness(trace.model, claim, trace.states[-1])
    return Ending(False, f"{claim.name} is true {last}", show(claim.expression), claim.description, clauses)
