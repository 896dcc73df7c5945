"""The reference semantics: the meaning of the language, small and slow. All other readers are tested against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import NamedTuple

from modelcheck.evaluate import Scope, evaluate, reader, scope_of
from modelcheck.model import (
    Failure,
    Link,
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
from spec.protocol import (
    Assert,
    Assign,
    Broadcast,
    Call,
    Clocks,
    Event,
    Expression,
    Fault,
    FaultKind,
    For,
    Handler,
    If,
    Let,
    OnAction,
    OnInput,
    OnStart,
    OnTimeout,
    Pass,
    ProcessKind,
    Reset,
    Send,
    Statement,
    Stop,
    Unreachable,
    Variable,
)
from spec.source import Span
from spec.types import BoolType, EnumType, IntType, MapType, OptionType, ProcessType, Type, Value, in_range

# One handler's run -----------------------------------------------------------------------------------------------


class StepFailed(Exception):
    """Raised inside a step that may not happen; becomes a `Failure`."""

    def __init__(self, reason: str, span: Span) -> None:
        super().__init__(reason)
        self.failure = Failure(reason, span)


class Run:
    """A handler being run by one process: its variables as they are now, and what it has done so far."""

    def __init__(self, model: Model, me: Name, state: ProcessState) -> None:
        self.model = model
        self.me = me
        self.kind = model.kinds[me.kind]
        self.values = list(state.values)
        self.armed = list(state.armed)
        self.locals: dict[int, Value] = {}
        self.sent: list[Packet] = []
        self.taken: set[int] = set()
        self.scope = Scope(model, _own_reader(model, me, self.values), me, self.locals)

    def result(self) -> ProcessState:
        return ProcessState(tuple(self.values), tuple(self.armed), True)


def _own_reader(model: Model, me: Name, values: list[Value]) -> Callable[[Name, str], Value]:
    """Reads a running process's variables as they are now. (A method of `Run` would refer to it, in a circle, and
    leave every run to the garbage collector.)"""
    index = model.variable_index

    def read(process: Name, variable: str) -> Value:
        assert process == me, "a handler reads its own process only"
        return values[index[process.kind, variable]]

    return read


def _execute(statements: tuple[Statement, ...], run: Run, point: int) -> None:
    """Runs statements that belong to the coverage point `point`."""
    for statement in statements:
        match statement:
            case If():
                for arm in statement.arms:
                    if arm.condition is None or evaluate(arm.condition, run.scope):
                        # An arm that is entered is something done by whoever holds the `if`.
                        run.taken |= {point, arm.point}
                        _execute(arm.body, run, arm.point)
                        break
                continue
            case Assign():
                _assign(statement, run)
            case Send():
                receiver = evaluate(statement.receiver, run.scope)
                if receiver is not None:
                    _send(statement.message, receiver, statement.arguments, run)
            case Broadcast():
                kind = run.model.messages[statement.message].receiver
                for receiver in run.model.names[run.model.kind_index[kind]]:
                    if receiver != run.me:
                        _send(statement.message, receiver.number, statement.arguments, run)
            case Reset():
                if statement.since is not None and not run.armed[run.model.timer_index[run.me.kind, statement.since]]:
                    raise StepFailed(f"{statement.since} is not armed", statement.span)
                run.armed[run.model.timer_index[run.me.kind, statement.timer]] = True
            case Stop():
                run.armed[run.model.timer_index[run.me.kind, statement.timer]] = False
            case Let():
                run.locals[statement.local.identity] = evaluate(statement.value, run.scope)
                continue
            case For():
                for element in sorted(evaluate(statement.domain, run.scope)):
                    run.locals[statement.variable.identity] = element
                    _execute(statement.body, run, point)
                continue
            case Call():
                procedure = run.model.procedures[statement.procedure]
                arguments = [evaluate(argument, run.scope) for argument in statement.arguments]
                for parameter, argument in zip(procedure.parameters, arguments, strict=True):
                    if not in_range(argument, parameter.type):
                        raise StepFailed(f"{parameter.name} = {argument} is no {parameter.type}", statement.span)
                    run.locals[parameter.identity] = argument
                _execute(procedure.body, run, point)
                continue
            case Pass():
                pass
            case Assert():
                if not evaluate(statement.condition, run.scope):
                    raise StepFailed("the assertion is false", statement.span)
            case Unreachable():
                raise StepFailed("this place is reached", statement.span)
        run.taken.add(point)


def _assign(statement: Assign, run: Run) -> None:
    index = run.model.variable_index[run.me.kind, statement.variable]
    variable = run.kind.variables[index]
    value = evaluate(statement.value, run.scope)
    stored: Type = variable.type
    if isinstance(stored, MapType) and not (statement.key is None and isinstance(statement.value.type, MapType)):
        stored = stored.value
    if not in_range(value, stored):
        raise StepFailed(f"{variable.name} = {value} is no {stored}", statement.span)
    if isinstance(variable.type, MapType) and stored != variable.type:
        if statement.key is None:
            value = (value,) * run.model.size(variable.type.key.kind)
        else:
            key = evaluate(statement.key, run.scope)
            entries = run.values[index]
            value = (*entries[:key], value, *entries[key + 1 :])
    run.values[index] = value


def _send(message: str, receiver: int, arguments: tuple[Expression, ...], run: Run) -> None:
    declared = run.model.messages[message]
    values = tuple(evaluate(argument, run.scope) for argument in arguments)
    for value, (name, of) in zip(values, declared.parameters, strict=True):
        if not in_range(value, of):
            raise StepFailed(f"{message}'s {name} = {value} is no {of}", declared.span)
    run.sent.append(Packet(message, run.me, Name(declared.receiver, receiver), values))


# States ----------------------------------------------------------------------------------------------------------


def _initial_value(model: Model, variable: Variable) -> Value:
    if isinstance(variable.type, MapType):
        return (variable.initial,) * model.size(variable.type.key.kind)
    return variable.initial


def process_at_first(model: Model, name: Name) -> ProcessState:
    """A process before its very first step."""
    kind = model.kinds[name.kind]
    return ProcessState(tuple(_initial_value(model, v) for v in kind.variables), (False,) * len(kind.timers), True)


def crashed(model: Model, kind: ProcessKind, state: ProcessState, *, disk: bool, up: bool) -> ProcessState:
    """A process after a crash; with `disk`, its durable variables are gone too."""
    values = tuple(
        value if variable.durable and not disk else _initial_value(model, variable)
        for variable, value in zip(kind.variables, state.values, strict=True)
    )
    return ProcessState(values, (False,) * len(kind.timers), up)


def initial(model: Model) -> Successor:
    """The one initial state: declared values, then `on start` of each process. It may fail as any step may.

    What holds while only some processes have started is no state of its own: nobody leads in it."""
    processes = tuple(tuple(process_at_first(model, name) for name in names) for names in model.names)
    spent = (0,) * len(model.bounded_faults)
    state = State(processes, frozenset(), frozenset(), (), spent, frozenset())
    taken: frozenset[int] = frozenset()
    sent: tuple[Packet, ...] = ()
    beyond = None
    for name in (name for names in model.names for name in names):
        start = _handled(model, state, Step(StepKind.ACTION, name, "start"), name, _handlers(model, name, OnStart()))
        taken, sent, beyond = taken | start.taken, sent + start.sent, beyond or start.beyond
        if start.state is None:
            return start
        state = start.state
    return Successor(Step(StepKind.ACTION, None, "start"), state, None, beyond, taken, sent)


def process_state(model: Model, state: State, name: Name) -> ProcessState:
    return state.processes[model.kind_index[name.kind]][name.number]


def _with_process(model: Model, state: State, name: Name, changed: ProcessState) -> State:
    of_kind = model.kind_index[name.kind]
    kind = state.processes[of_kind]
    kind = (*kind[: name.number], changed, *kind[name.number + 1 :])
    return state._replace(processes=(*state.processes[:of_kind], kind, *state.processes[of_kind + 1 :]))


def leads(model: Model, state: State, name: Name) -> int | None:
    """The token with which a process leads in a state; None where it does not. A process that is down leads nothing."""
    leader = model.protocol.leader
    if leader is None or leader.kind != name.kind or not process_state(model, state, name).up:
        return None
    scope = scope_of(model, state, name)
    return int(evaluate(leader.token, scope)) if evaluate(leader.condition, scope) else None


def _remember(model: Model, state: State, name: Name) -> State:
    """The state with the process that has just acted added to the history, if it leads. Whether the others lead has
    not changed: that depends on their own variables alone."""
    token = leads(model, state, name)
    if token is None or (name.number, token) in state.led:
        return state
    return state._replace(led=state.led | {(name.number, token)})


def connected(model: Model, state: State, one: Name, other: Name) -> bool:
    def side(name: Name) -> bool:
        return bool(state.sides) and state.sides[model.kind_index[name.kind]][name.number]

    return side(one) == side(other)


# Messages --------------------------------------------------------------------------------------------------------


def _put(model: Model, state: State, sent: list[Packet]) -> State:
    if model.network.is_growing_set:
        return state._replace(packets=state.packets | set(sent))
    queues = {(link.sender, link.receiver): link.queue for link in state.links}
    for packet in sent:
        between = (packet.sender, packet.receiver)
        queue = (*queues.get(between, ()), packet)
        queues[between] = tuple(sorted(queue, key=packet_order)) if model.network.reordering else queue
    return _with_queues(state, queues)


def _take(state: State, link: Link, position: int) -> State:
    queues = {(other.sender, other.receiver): other.queue for other in state.links}
    queues[link.sender, link.receiver] = link.queue[:position] + link.queue[position + 1 :]
    return _with_queues(state, queues)


def _with_queues(state: State, queues: dict[tuple[Name, Name], tuple[Packet, ...]]) -> State:
    return state._replace(links=frozenset(Link(*between, queue) for between, queue in queues.items() if queue))


# Bounds ----------------------------------------------------------------------------------------------------------


def _largest(value: Value, of: Type) -> int:
    """The largest number that a value of a type holds in places that only a bound limits; -1 where there is none."""
    match of:
        case OptionType(inner):
            return -1 if value is None else _largest(value, inner)
        case MapType(_, inner):
            return max((_largest(entry, inner) for entry in value), default=-1)
        case BoolType() | EnumType() | IntType() | ProcessType():
            return -1
        case _:
            return value if isinstance(value, int) else -1


def _beyond(model: Model, state: State, name: Name, sent: list[Packet]) -> str | None:
    values = process_state(model, state, name).values
    for variable, value in zip(model.kinds[name.kind].variables, values, strict=True):
        cap = model.caps.variables.get((name.kind, variable.name))
        if cap is not None and _largest(value, variable.type) > cap:
            return f"{variable.name} <= {cap}"
    for packet in sent:
        parameters = model.messages[packet.message].parameters
        for position, (value, (parameter, of)) in enumerate(zip(packet.arguments, parameters, strict=True)):
            cap = model.caps.arguments.get((packet.message, position))
            if cap is not None and _largest(value, of) > cap:
                return f"{packet.message}.{parameter} <= {cap}"
    if any(len(link.queue) > model.channel for link in state.links):
        return f"channel <= {model.channel}"
    return None


# Steps -----------------------------------------------------------------------------------------------------------


Candidate = tuple[Handler, dict[int, Value]]
"""A handler of an event, and the event's arguments by the identity of the locals they are bound to."""


def _handlers(model: Model, name: Name, event: Event, arguments: tuple[Value, ...] = ()) -> list[Candidate]:
    """The handlers of a start, a timeout, an action or an input."""
    parameters = event.parameters if isinstance(event, OnInput) else ()
    bound = {parameter.identity: argument for parameter, argument in zip(parameters, arguments, strict=True)}
    return [(handler, bound) for handler in model.handlers.get((name.kind, event), ())]


def _receivers(model: Model, packet: Packet) -> list[Candidate]:
    found: list[Candidate] = []
    for handler, event in model.receivers[packet.message]:
        bound = {p.identity: a for p, a in zip(event.parameters, packet.arguments, strict=True)}
        found.append((handler, {**bound, event.sender.identity: packet.sender.number}))
    return found


class Handled(NamedTuple):
    """What an event does to the one process that handles it. `process` is None where the step fails."""

    process: ProcessState | None
    sent: tuple[Packet, ...]
    taken: frozenset[int]
    failure: Failure | None = None


def handled(model: Model, name: Name, process: ProcessState, candidates: list[Candidate]) -> Handled:
    """The first handler whose guard holds runs, if there is one."""
    for handler, arguments in candidates:
        run = Run(model, name, process)
        run.locals.update(arguments)
        try:
            if handler.guard is None or evaluate(handler.guard, run.scope):
                _execute(handler.body, run, handler.point)
                return Handled(run.result(), tuple(run.sent), frozenset(run.taken))
        except StepFailed as failed:
            return Handled(None, tuple(run.sent), frozenset(run.taken), failed.failure)
    return Handled(process, (), frozenset())


def on_start(model: Model, name: Name, process: ProcessState) -> Handled:
    """The first step of a process, also after a restart."""
    return handled(model, name, process, _handlers(model, name, OnStart()))


def on_packet(model: Model, process: ProcessState, packet: Packet) -> Handled:
    """The step of the receiver of a message."""
    return handled(model, packet.receiver, process, _receivers(model, packet))


def on_timeout(model: Model, name: Name, process: ProcessState, timer: str) -> Handled | None:
    """The step of a process whose timer fires, which disarms it first; None where it is not armed."""
    position = model.timer_index[name.kind, timer]
    if not process.armed[position]:
        return None
    disarmed = (*process.armed[:position], False, *process.armed[position + 1 :])
    return handled(model, name, process._replace(armed=disarmed), _handlers(model, name, OnTimeout(timer)))


def on_request(
    model: Model, name: Name, process: ProcessState, event: OnAction | OnInput, arguments: tuple[Value, ...]
) -> Handled:
    """The step of a process for an action or an input."""
    return handled(model, name, process, _handlers(model, name, event, arguments))


def _handled(model: Model, state: State, step: Step, name: Name, candidates: list[Candidate]) -> Successor:
    """`state` after a process has handled an event."""
    process, sent, taken, failure = handled(model, name, process_state(model, state, name), candidates)
    if process is None:
        return Successor(step, None, failure, None, taken, sent)
    if not taken:
        return Successor(step, _remember(model, state, name), None, None, taken, sent)
    after = _put(model, _with_process(model, state, name, process), list(sent))
    beyond = _beyond(model, after, name, list(sent))
    return Successor(step, _remember(model, after, name), None, beyond, taken, sent)


class Offer(NamedTuple):
    """Something that may happen in a state, not tried yet."""

    step: Step
    taken: Callable[[], Successor]


def attempts(model: Model, state: State) -> list[Successor]:
    """All that may happen in a state, in a fixed order: also what changes nothing, fails, or passes a bound."""
    return [offer.taken() for offer in offers(model, state)]


def steps(model: Model, state: State) -> list[Successor]:
    """All steps from a state: what changes it or fails. Those beyond a bound are among them."""
    return [successor for successor in attempts(model, state) if successor.state != state]


def offers(model: Model, state: State) -> Iterator[Offer]:
    """All that may happen in a state, in a fixed order, for one who wants to try some of it only."""
    yield from _deliveries(model, state)
    yield from _own_steps(model, state)
    yield from _faults(model, state)
    if model.protocol.clocks is not None and (later := ticked(model, state, model.protocol.clocks)) is not None:
        yield _done(Step(StepKind.TICK), later)


def _offer(model: Model, state: State, step: Step, name: Name, candidates: Callable[[], list[Candidate]]) -> Offer:
    return Offer(step, lambda: _handled(model, state, step, name, candidates()))


def _done(step: Step, state: State) -> Offer:
    """A step that no handler has a part in."""
    return Offer(step, lambda: Successor(step, state, None, None, frozenset(), ()))


def _deliveries(model: Model, state: State) -> Iterator[Offer]:
    def can_receive(packet: Packet) -> bool:
        return may_receive(model, state, packet)

    def delivered(before: State, kind: StepKind, packet: Packet) -> Offer:
        step = Step(kind, packet.receiver, packet=packet)
        return _offer(model, before, step, packet.receiver, lambda: _receivers(model, packet))

    for packet in sorted(state.packets, key=packet_order):
        if can_receive(packet):
            yield delivered(state, StepKind.DELIVER, packet)
    for link in sorted(state.links, key=link_order):
        for position, packet in enumerate(link.queue):
            if model.network.reordering and packet in link.queue[:position]:
                continue  # two equal messages of a bag are one choice
            if model.network.loss:
                yield _done(Step(StepKind.LOSE, packet=packet), _take(state, link, position))
            if (position == 0 or model.network.reordering) and can_receive(packet):
                yield delivered(_take(state, link, position), StepKind.DELIVER, packet)
                if model.network.duplication:
                    yield delivered(state, StepKind.DELIVER_AND_KEEP, packet)


def may_receive(model: Model, state: State, packet: Packet) -> bool:
    up = process_state(model, state, packet.receiver).up
    reached = connected(model, state, packet.sender, packet.receiver)
    return up and reached and not is_paused(model, state, packet.receiver)


def _own_steps(model: Model, state: State) -> Iterator[Offer]:
    def offered(name: Name, before: State, step: Step, event: Event) -> Offer:
        return _offer(model, before, step, name, lambda: _handlers(model, name, event, step.arguments))

    for name in (name for names in model.names for name in names):
        process = process_state(model, state, name)
        if not process.up or is_paused(model, state, name):
            continue
        for timer, armed in zip(model.kinds[name.kind].timers, process.armed, strict=True):
            if armed and may_fire(model, state, name, timer.name):
                position = model.timer_index[name.kind, timer.name]
                disarmed = (*process.armed[:position], False, *process.armed[position + 1 :])
                fired = _with_process(model, state, name, process._replace(armed=disarmed))
                yield offered(name, fired, Step(StepKind.TIMEOUT, name, timer.name), OnTimeout(timer.name))
        for event in model.spontaneous[name.kind]:
            if isinstance(event, OnAction):
                yield offered(name, state, Step(StepKind.ACTION, name, event.name), event)
            else:
                universe = [values_of(model, parameter.type) for parameter in event.parameters]
                for arguments in product(*universe):
                    yield offered(name, state, Step(StepKind.INPUT, name, event.name, arguments), event)


def values_of(model: Model, of: Type) -> list[Value]:
    """All values of a finite type, in order."""
    match of:
        case BoolType():
            return [False, True]
        case EnumType():
            return list(of.values)
        case IntType():
            return list(range(of.low, of.high + 1))
        case ProcessType(kind):
            return list(range(model.size(kind)))
        case OptionType(inner):
            return [None, *values_of(model, inner)]
        case _:
            raise TypeError(f"{of} is not finite")


def _faults(model: Model, state: State) -> Iterator[Offer]:
    def started(name: Name, before: State, step: Step) -> Offer:
        return _offer(model, before, step, name, lambda: _handlers(model, name, OnStart()))

    for fault, spent in _affordable(model, state):
        kind = fault.kind
        if kind is FaultKind.PARTITION:
            for sides in splits(model):
                if sides != state.sides:
                    yield _done(Step(StepKind.PARTITION, sides=sides), spent._replace(sides=sides))
            continue
        for name in (name for names in model.names for name in names):
            process = process_state(model, state, name)
            declared = model.kinds[name.kind]
            if not process.up or not fault.happens_to(name.kind):
                continue
            match kind:
                case FaultKind.PAUSE if model.protocol.clocks is not None and not is_paused(model, state, name):
                    yield _done(Step(StepKind.PAUSE, name), _paused(model, spent, name, paused=True))
                case FaultKind.RESTART | FaultKind.DISK_LOSS:
                    lost = kind is FaultKind.DISK_LOSS
                    restarted = _with_process(model, spent, name, crashed(model, declared, process, disk=lost, up=True))
                    offer = started(name, restarted, Step(StepKind.DISK_LOSS if lost else StepKind.RESTART, name))
                    yield offer._replace(taken=partial(_unless_idle, offer.taken, state))
                case FaultKind.CRASH:
                    down = _with_process(model, spent, name, crashed(model, declared, process, disk=False, up=False))
                    yield _done(Step(StepKind.CRASH, name), down)
    for name in (name for names in model.names for name in names):
        process = process_state(model, state, name)
        if is_paused(model, state, name):
            yield _done(Step(StepKind.RESUME, name), _paused(model, state, name, paused=False))
        if not process.up:
            up = _with_process(model, state, name, process._replace(up=True))
            yield started(name, up, Step(StepKind.RECOVER, name))
    if state.sides:
        yield _done(Step(StepKind.HEAL), state._replace(sides=()))


def _affordable(model: Model, state: State) -> Iterator[tuple[Fault, State]]:
    """The faults that may still happen, each with the state in which it is already counted."""
    for fault in model.faults:
        if fault.up_to is None:
            yield fault, state
        elif fault in model.bounded_faults:
            position = model.bounded_faults.index(fault)
            if state.spent[position] < fault.up_to:
                spent = list(state.spent)
                spent[position] += 1
                yield fault, state._replace(spent=tuple(spent))


def _unless_idle(taken: Callable[[], Successor], before: State) -> Successor:
    """A fault that changes nothing but its own counter did not happen."""
    successor = taken()
    if successor.state is not None and successor.state._replace(spent=before.spent) == before:
        return successor._replace(state=before)
    return successor


# Time ------------------------------------------------------------------------------------------------------------


def is_paused(model: Model, state: State, name: Name) -> bool:
    clocks = model.protocol.clocks
    pause = clocks.pause(name.kind) if clocks is not None else None
    return pause is not None and bool(reader(model, state)(name, pause.variable))


def may_fire(model: Model, state: State, name: Name, timer: str) -> bool:
    """Whether an armed timer has run for its shortest duration."""
    clocks = model.protocol.clocks
    if clocks is None:
        return True
    clock = clocks.timer(name.kind, timer)
    if clock is None:
        return True
    return bool(reader(model, state)(name, clock.variable) >= clock.shortest)


def _paused(model: Model, state: State, name: Name, *, paused: bool) -> State:
    assert model.protocol.clocks is not None
    pause = model.protocol.clocks.pause(name.kind)
    assert pause is not None
    state = _with_value(model, state, name, pause.variable, paused)
    return state if pause.lasted is None else _with_value(model, state, name, pause.lasted, 0)


def _with_value(model: Model, state: State, name: Name, variable: str, value: Value) -> State:
    process = process_state(model, state, name)
    at = model.variable_index[name.kind, variable]
    values = (*process.values[:at], value, *process.values[at + 1 :])
    return _with_process(model, state, name, process._replace(values=values))


def ticked(model: Model, state: State, clocks: Clocks) -> State | None:
    """The state a tick later; None where time cannot go on: somebody who is able to must act first, a message must
    arrive or be lost, or a pause must end."""
    read = reader(model, state)
    for pause in clocks.pauses:
        for name in model.names[model.kind_index[pause.kind]]:
            if pause.lasted is not None and is_paused(model, state, name):
                lasted = read(name, pause.lasted)
                if lasted == pause.longest:
                    return None
                state = _with_value(model, state, name, pause.lasted, lasted + 1)
    for clock in clocks.timers:
        for name in model.names[model.kind_index[clock.kind]]:
            elapsed = read(name, clock.variable)
            if elapsed >= clock.longest and not is_paused(model, state, name):
                return None
            if elapsed >= 0:
                state = _with_value(model, state, name, clock.variable, min(elapsed + 1, clock.top))
    return state if clocks.delay is None else _aged(model, state, clocks.delay)


def _aged(model: Model, state: State, delay: int) -> State | None:
    queues = {}
    for link in state.links:
        if any(packet.arguments[-1] == delay and may_receive(model, state, packet) for packet in link.queue):
            return None
        queue = (
            packet._replace(arguments=(*packet.arguments[:-1], min(packet.arguments[-1] + 1, delay)))
            for packet in link.queue
        )
        queues[link.sender, link.receiver] = tuple(queue)
    return _with_queues(state, queues)


def splits(model: Model) -> list[tuple[tuple[bool, ...], ...]]:
    """All ways to cut the processes into two sides, each of at least one; the very first process is on side False."""
    total = sum(model.sizes)
    found = []
    for bits in product((False, True), repeat=max(total - 1, 0)):
        flat = iter((False, *bits))
        sides = tuple(tuple(next(flat) for _ in range(size)) for size in model.sizes)
        if any(bits):
            found.append(sides)
    return found
