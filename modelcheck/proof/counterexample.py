"""Counterexamples to induction: from a solver's model of a step that breaks an invariant to a state and a step of the
reference semantics.

The state need not be reachable; that is what is wrong with the invariant, where the protocol is right. Of the messages
and the history only as much is kept as the step needs, and whatever variable may have its initial value has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

from modelcheck.model import Name, Packet, ProcessState, State, Step, Successor
from modelcheck.proof.bounded import with_messages
from modelcheck.proof.claims import Claim
from modelcheck.proof.concrete import Raw, arguments_of, cells_of, state_of
from modelcheck.proof.judge import Judge
from modelcheck.proof.logic import BOOL, NUMERIC, POSITION
from modelcheck.proof.obligations import Invariant, Obligation, together
from modelcheck.proof.setting import Setting
from modelcheck.proof.spell import Speller
from modelcheck.proof.steps import Unit
from modelcheck.proof.templates import columns_sorts
from modelcheck.semantics import attempts, initial
from modelcheck.trace import Trace
from spec.protocol import OnAction, OnInput, OnTimeout, ProcessKind
from spec.types import MapType, NatType, OptionType, Type, Value

if TYPE_CHECKING:
    import z3

MOST_NUMBERS = 24
"""How many numbers of a model are tried as what messages carry."""


class NotDecoded(Exception):
    """What the solver found is no step of the reference semantics that breaks anything: the engines disagree, or the
    step needs more messages than were looked for."""


@dataclass(frozen=True)
class Counterexample:
    """`trace` begins in a state with the invariant, and its last step, if it has one, leads to where `broken` is false
    (a clause of the invariant, a property, `failure`)."""

    trace: Trace
    broken: str


# From a solver's model -----------------------------------------------------------------------------------------------


class _Solved:
    """What Z3's model says of the symbols of an obligation's text."""

    def __init__(self, setting: Setting, model: z3.ModelRef) -> None:
        import z3

        self.z3 = z3
        self.setting = setting
        self.model = model
        self.context = model.ctx
        self.declared = {one.name(): one for one in model.decls()}
        self.initial = cells_of(setting, _initial_state(setting))

    def raw(self, value: z3.ExprRef) -> Raw:
        if self.z3.is_int_value(value):
            return int(value.as_long())
        if self.z3.is_true(value) or self.z3.is_false(value):
            return bool(self.z3.is_true(value))
        name = str(value.decl().name())
        if name.startswith("value/"):
            return name.removeprefix("value/")
        return int(name.rsplit(".", 1)[1]) - 1

    def expression(self, raw: Raw, sort: str, of: z3.SortRef) -> z3.ExprRef:
        """A raw value as Z3 writes it."""
        if sort == BOOL:
            return self.z3.BoolVal(bool(raw), self.context)
        if sort in NUMERIC:
            return self.z3.IntVal(int(raw), self.context)
        wanted = f"{sort.removeprefix('process/')}.{int(raw) + 1}" if sort.startswith("process/") else f"value/{raw}"
        constructors = (of.constructor(index) for index in range(of.num_constructors()))
        return next(one() for one in constructors if one.name() == wanted)

    def at(self, symbol: str, arguments: Sequence[tuple[Raw, str]]) -> Raw | None:
        """What a symbol is; None where it does not matter."""
        function = self.declared.get(symbol)
        if function is None:
            return None
        given = [self.expression(raw, sort, function.domain(i)) for i, (raw, sort) in enumerate(arguments)]
        return self.raw(self.model.eval(function(*given), model_completion=True))

    def cell(self, symbol: str, places: tuple[int, ...]) -> Raw:
        found = self.at(symbol, list(zip(places, self.setting.symbols[symbol].arguments, strict=True)))
        return self.initial[symbol, places] if found is None else found

    @cached_property
    def numbers(self) -> list[int]:
        """The whole numbers that occur in the model, those of variables first."""
        found: dict[int, None] = {}
        waiting: list[object] = []
        for one in sorted(self.model.decls(), key=lambda d: d.arity()):
            value = self.model[one]
            if isinstance(value, self.z3.FuncInterp):
                waiting += [value.else_value()]
                for index in range(value.num_entries()):
                    entry = value.entry(index)
                    waiting += [entry.value(), *(entry.arg_value(i) for i in range(entry.num_args()))]
            else:
                waiting.append(value)
        while waiting:
            part = waiting.pop(0)
            if self.z3.is_int_value(part):
                found[part.as_long()] = None  # type: ignore[attr-defined]
            elif self.z3.is_expr(part):
                waiting += part.children()  # type: ignore[attr-defined]
        return list(found)[:MOST_NUMBERS]

    def constant(self, name: str) -> Raw | None:
        return self.at(name, ())

    def state(self) -> State:
        """The state before the step."""
        setting = self.setting
        packets: set[Packet] = set()
        queues: dict[tuple[Name, Name], list[tuple[Raw, Packet]]] = {}
        for message in setting.protocol.messages:
            columns = columns_sorts(setting, message.name)
            if f"sent/{message.name}" not in self.declared:
                continue
            places = self.numbers if setting.has_positions else [None]
            silent: set[tuple[int, int]] = set()
            for sender, receiver, place in product(
                range(len(setting.processes[message.sender])), range(len(setting.processes[message.receiver])), places
            ):
                if (sender, receiver) in silent or self._is_silent(message.name, sender, receiver):
                    silent.add((sender, receiver))
                    continue
                ends = Name(message.sender, sender), Name(message.receiver, receiver)
                given: list[tuple[Raw, str]] = [
                    (sender, f"process/{message.sender}"),
                    (receiver, f"process/{message.receiver}"),
                ]
                if place is not None:
                    given.append((place, POSITION))
                for values in product(*(self._values(sort) for sort in columns)):
                    if self.at(f"sent/{message.name}", [*given, *zip(values, columns, strict=True)]):
                        packet = Packet(message.name, *ends, arguments_of(setting, message.name, values))
                        if place is None:
                            packets.add(packet)
                        else:
                            queues.setdefault(ends, []).append((place, packet))
        found = with_messages(setting, state_of(setting, self.cell), packets, queues)
        return found._replace(led=frozenset(self._led()))

    def _is_silent(self, message: str, sender: int, receiver: int) -> bool:
        """Whether it is plain that no such message is under way on a link."""
        function = self.declared[f"sent/{message}"]
        declared = self.setting.messages[message]
        ends = ((sender, declared.sender), (receiver, declared.receiver))
        given = [self.expression(n, f"process/{kind}", function.domain(i)) for i, (n, kind) in enumerate(ends)]
        rest = [self.z3.FreshConst(function.domain(i)) for i in range(2, function.arity())]
        return bool(self.z3.is_false(self.z3.simplify(self.model.eval(function(*given, *rest)))))

    def _led(self) -> Iterator[tuple[int, int]]:
        leader = self.setting.protocol.leader
        if leader is not None and "led" in self.declared:
            for index in range(len(self.setting.processes[leader.kind])):
                for token in self.numbers:
                    if token >= 0 and self.at("led", [(index, f"process/{leader.kind}"), (token, "number")]):
                        yield index, token

    def _values(self, sort: str) -> Sequence[Raw]:
        if sort == BOOL:
            return False, True
        if sort in NUMERIC:
            return self.numbers
        if sort.startswith("process/"):
            return range(len(self.setting.processes[sort.removeprefix("process/")]))
        return [value.removeprefix("value/") for value in Speller(self.setting).values[sort]]


def _initial_state(setting: Setting) -> State:
    start = initial(setting.model).state
    if start is None:
        raise NotDecoded("the initial state cannot be made")
    return start


def decode(
    setting: Setting,
    model: z3.ModelRef,
    unit: Unit | None,
    invariant: Invariant,
    properties: Sequence[Claim] = (),
) -> Counterexample:
    """A step from a state with the invariant that breaks a clause of it, or one of the properties of states, or a
    property of steps; without a unit, a state with the invariant in which one of the properties is false. Sizes are
    fixed. Raises NotDecoded."""
    solved = _Solved(setting, model)
    judge = Judge(setting, invariant)
    state = solved.state()
    if not judge.has_invariant(state):
        wrong = next(claim.name for claim in judge.claims if not judge.holds(claim, state))
        raise NotDecoded(f"the state that the solver found does not satisfy {wrong}")
    if unit is None:
        return _of_state(judge, state, properties)
    wanted = _wanted(solved, unit)
    for successor in attempts(judge.model, state):
        broken = judge.broken(state, successor, properties) if wanted(successor.step) else None
        if broken is not None:
            return _of_step(judge, state, successor.step, broken, properties)
    raise NotDecoded(f"`{unit.name}` breaks nothing in the state that the solver found")


def find(
    setting: Setting, obligation: Obligation, invariant: Invariant, properties: Sequence[Claim] = ()
) -> Counterexample | None:
    """Asks Z3 about an obligation of fixed sizes: None where it is shown. Raises NotDecoded, NoSolver."""
    from modelcheck.proof.solvers import z3_version

    z3_version()
    import z3

    context = z3.Context()
    solver = z3.Solver(ctx=context)
    solver.from_string(together(setting, obligation))
    answer = solver.check()
    if answer == z3.unsat:
        return None
    if answer != z3.sat:
        raise NotDecoded(f"the solver does not know: {solver.reason_unknown()}")
    return decode(setting, solver.model(), obligation.unit, invariant, properties)


def _wanted(solved: _Solved, unit: Unit) -> Callable[[Step], bool]:
    """Whether a step is the one of a unit with its constants as they are in the model."""
    numbers = {c.name: solved.constant(c.name) for c in unit.constants if c.sort.startswith("process/")}
    event = unit.handler.event if unit.handler is not None else None
    name = None
    if isinstance(event, OnTimeout):
        name = event.timer
    elif isinstance(event, OnAction | OnInput):
        name = event.name

    def same(number: Raw | None, of: Name | None) -> bool:
        return number is None or of is None or of.number == number

    def wanted(step: Step) -> bool:
        if step.kind is not unit.step or (name is not None and step.name != name):
            return False
        if not same(numbers.get("actor"), step.process) or (step.process and step.process.kind != unit.actor):
            return False
        return step.packet is None or same(numbers.get("sender"), step.packet.sender)

    return wanted


# The smallest one ----------------------------------------------------------------------------------------------------


def _of_state(judge: Judge, state: State, properties: Sequence[Claim]) -> Counterexample:
    broken = next((claim for claim in properties if not judge.holds(claim, state)), None)
    if broken is None:
        raise NotDecoded("in the state that the solver found nothing is false")
    claim = broken

    def shows(smaller: State) -> bool:
        return not judge.holds(claim, smaller) and judge.has_invariant(smaller)

    state = minimal(judge.setting, state, shows)
    violation = judge.violation(claim.name, [state], None, properties)
    return Counterexample(Trace(judge.model, state, (), violation, arbitrary=True), claim.name)


def _of_step(judge: Judge, state: State, step: Step, name: str, properties: Sequence[Claim]) -> Counterexample:
    def taken(before: State, step: Step) -> Successor | None:
        return next((s for s in attempts(judge.model, before) if s.step == step), None)

    def breaks(before: State, step: Step) -> bool:
        after = taken(before, step)
        if after is None or not judge.has_invariant(before):
            return False
        return judge.broken(before, after, properties) == name

    state = minimal(judge.setting, state, lambda smaller: breaks(smaller, step))
    for gap in (1, 2):
        closer = closed_up(judge.setting, state, step, gap)
        if breaks(*closer):
            state, step = closer
            break
    after = taken(state, step)
    assert after is not None
    states = [state] if after.state is None else [state, after.state]
    violation = judge.violation(name, states, after, properties)
    return Counterexample(Trace(judge.model, state, (after,), violation, arbitrary=True), name)


def closed_up(setting: Setting, state: State, step: Step, gap: int) -> tuple[State, Step]:
    """The state and the step with the `nat`s in them as small as their order allows, at most `gap` apart."""
    found = {0}

    def seen(value: int) -> int:
        found.add(value)
        return value

    _renumbered(setting, state, step, seen)
    closer: dict[int, int] = {}
    for value in sorted(found):
        before = max((one for one in closer), default=None)
        closer[value] = value if before is None else closer[before] + min(value - before, gap)
    return _renumbered(setting, state, step, closer.__getitem__)


def _renumbered(setting: Setting, state: State, step: Step, to: Callable[[int], int]) -> tuple[State, Step]:
    def value_to(value: Value, of: Type) -> Value:
        match of:
            case NatType():
                return to(value)
            case OptionType(inner):
                return None if value is None else value_to(value, inner)
            case MapType(_, inner):
                return tuple(value_to(entry, inner) for entry in value)
            case _:
                return value

    def process_to(kind: ProcessKind, process: ProcessState) -> ProcessState:
        values = zip(process.values, kind.variables, strict=True)
        return process._replace(values=tuple(value_to(value, variable.type) for value, variable in values))

    def packet_to(packet: Packet) -> Packet:
        values = zip(packet.arguments, setting.messages[packet.message].parameters, strict=True)
        return packet._replace(arguments=tuple(value_to(value, of) for value, (_, of) in values))

    state = state._replace(
        processes=tuple(
            tuple(process_to(kind, process) for process in of)
            for kind, of in zip(setting.protocol.kinds, state.processes, strict=True)
        ),
        packets=frozenset(map(packet_to, state.packets)),
        links=frozenset(link._replace(queue=tuple(map(packet_to, link.queue))) for link in state.links),
        led=frozenset((number, to(token)) for number, token in state.led),
    )
    return state, step if step.packet is None else step._replace(packet=packet_to(step.packet))


def minimal(setting: Setting, state: State, shows: Callable[[State], bool]) -> State:
    """A state that shows what the given one does, with less in it: nothing can be left out or reset alone."""
    while True:
        smaller = next((one for one in _smaller(setting, state) if one != state and shows(one)), None)
        if smaller is None:
            return state
        state = smaller


def _smaller(setting: Setting, state: State) -> Iterator[State]:
    """The state with one thing less in it; many at once first."""
    if len(state.packets) > 2:
        yield state._replace(packets=frozenset())
    if state.packets:
        yield from (state._replace(packets=state.packets - {packet}) for packet in sorted(state.packets, key=repr))
    for link in sorted(state.links, key=repr):
        others = state.links - {link}
        for position in range(len(link.queue)):
            queue = link.queue[:position] + link.queue[position + 1 :]
            left = others | {link._replace(queue=queue)} if queue else others
            yield state._replace(links=frozenset(left))
    yield from (state._replace(led=state.led - {one}) for one in sorted(state.led))
    if state.sides:
        yield state._replace(sides=())
    if any(state.spent):
        yield state._replace(spent=(0,) * len(state.spent))
    start = _initial_state(setting)
    for index, (of, initially) in enumerate(zip(state.processes, start.processes, strict=True)):
        for number_, (process, fresh) in enumerate(zip(of, initially, strict=True)):
            for simpler in _simpler(process, fresh):
                changed = (*of[:number_], simpler, *of[number_ + 1 :])
                yield state._replace(processes=(*state.processes[:index], changed, *state.processes[index + 1 :]))


def _simpler(process: ProcessState, fresh: ProcessState) -> Iterator[ProcessState]:
    if process != fresh:
        yield fresh
    if not process.up:
        yield process._replace(up=True)
    for position, value in enumerate(fresh.values):
        if process.values[position] != value:
            yield process._replace(values=(*process.values[:position], value, *process.values[position + 1 :]))
    if process.armed != fresh.armed:
        yield process._replace(armed=fresh.armed)
