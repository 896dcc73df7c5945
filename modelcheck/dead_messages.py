"""Messages that can have no effect any more, whatever happens.

In a growing-set network nothing that was sent is ever gone, but much of it is of no consequence: a request of term 1
to a node that has reached term 2. Such a message is *dead* for a receiver if from the receiver's present state no
sequence of steps leads to one in which it would react, that is, in which a statement of a handler runs. States that
differ in dead messages alone behave alike.

Which messages are dead is computed, not guessed: a receiver's state is projected to its variables of few values (sets,
maps and timers are left out as *unknown*, and what depends on them may go either way), and the projection's graph is
explored under arbitrary inputs: every message of the universe from any sender, every timeout, action, input and fault.
The projection allows at least all that the receiver can really do, so what reacts nowhere in it is dead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from modelcheck.abstract import UNKNOWN, Above, KnownScope, abstract
from modelcheck.dead_variables import clock_variables, restarts
from modelcheck.model import Model, Name, Packet
from modelcheck.semantics import values_of
from spec.lint import bodies, nodes
from spec.protocol import (
    Assign,
    Call,
    For,
    Handler,
    If,
    Let,
    Message,
    OnInput,
    OnMessage,
    OnStart,
    Protocol,
    Send,
    Statement,
    Underway,
    Variable,
)
from spec.types import MapType, NatType, NumberType, OptionType, SetType, Type, Value

LARGEST_PROJECTION = 4_000
"""Projected states at most; variables of many values are left out until the projection is no larger."""
LARGEST_UNIVERSE = 2_000
"""Messages to one receiver at most; with more, nothing is reduced."""

Local = tuple[Value, ...]


@dataclass(frozen=True)
class DeadMessages:
    """For receivers of one kind: which packets are dead, by receiver and by the values of `variables`.

    `domains` are the variables' values in order; what has no entry in `dead` is not known to be reachable and keeps
    all its messages."""

    kind: str
    variables: tuple[str, ...]
    domains: tuple[tuple[Value, ...], ...]
    dead: dict[tuple[int, Local], frozenset[Packet]]


Place = tuple[str, str | int]
"""A variable by kind and name, or an argument by message and position."""


def dead_messages(model: Model, above: frozenset[Place] = frozenset()) -> tuple[DeadMessages, ...]:
    """The dead messages for each kind of process that receives any; none where the network is no growing set, or
    where a property looks at messages. Numbers at the places `above` may pass their bounds: all that do are one value
    (`Above`)."""
    if not model.network.is_growing_set or looks_at_network(model.protocol):
        return ()
    found = []
    for kind in model.protocol.kinds:
        if any(message.receiver == kind.name for message in model.protocol.messages):
            one = _for_kind(model, kind.name, above)
            if one is not None:
                found.append(one)
    return tuple(found)


def looks_at_network(protocol: Protocol) -> bool:
    """Whether a property looks at what is under way; then a message that can have no effect is seen all the same."""
    return any(isinstance(part, Underway) for part in nodes(protocol.properties))


def _for_kind(model: Model, kind: str, above: frozenset[Place]) -> DeadMessages | None:
    declared = model.protocol.kind(kind)
    clocks = clock_variables(model.protocol)
    domains = {
        v.name: domain
        for v in declared.variables
        if (kind, v.name) not in clocks and (domain := _domain(model, kind, v, above)) is not None
    }
    while prod(len(domain) for domain in domains.values()) > LARGEST_PROJECTION:
        del domains[max(domains, key=lambda name: len(domains[name]))]
    ordered = tuple(v.name for v in declared.variables if v.name in domains)
    dead: dict[tuple[int, Local], frozenset[Packet]] = {}
    for name in model.names[model.kind_index[kind]]:
        found = _Receiver(model, name, {v: domains[v] for v in ordered}, above).dead()
        if found is None:
            return None
        dead |= {(name.number, local): packets for local, packets in found.items()}
    return DeadMessages(kind, ordered, tuple(domains[v] for v in ordered), dead)


def _domain(model: Model, kind: str, variable: Variable, above: frozenset[Place]) -> tuple[Value, ...] | None:
    """The values of a variable under the model's bounds; None for one that is left out."""
    match variable.type:
        case SetType() | MapType():
            return None
        case of:
            cap = model.caps.variables.get((kind, variable.name), 0)
            return (*_values(model, of, cap), *((Above(cap),) if (kind, variable.name) in above else ()))


def _values(model: Model, of: Type, cap: int) -> list[Value]:
    match of:
        case NatType() | NumberType():
            return list(range(cap + 1))
        case OptionType(inner):
            return [None, *_values(model, inner, cap)]
        case SetType():
            everyone = range(model.size(of.of.kind))
            chosen = product((False, True), repeat=len(everyone))
            return [frozenset(e for e, is_in in zip(everyone, bits, strict=True) if is_in) for bits in chosen]
        case _:
            return values_of(model, of)


# One receiver --------------------------------------------------------------------------------------------------------


class _Receiver:
    """The projected graph of one receiver."""

    def __init__(self, model: Model, me: Name, domains: dict[str, tuple[Value, ...]], above: frozenset[Place]) -> None:
        self.model = model
        self.above = above
        self.me = me
        self.domains = domains
        self.variables = tuple(domains)
        self.kind = model.protocol.kind(me.kind)
        self.starting = [h for h in model.protocol.handlers if h.kind == me.kind and isinstance(h.event, OnStart)]
        self.spontaneous = [
            h for h in model.protocol.handlers if h.kind == me.kind and not isinstance(h.event, OnMessage | OnStart)
        ]

    def dead(self) -> dict[Local, frozenset[Packet]] | None:
        """The dead packets of each projected state that can be reached at all."""
        universe = list(self._universe())
        if len(universe) > LARGEST_UNIVERSE:
            return None
        initial = tuple(self.kind.variable(name).initial for name in self.variables)
        sources: dict[Local, set[Local]] = defaultdict(set)
        reacting: dict[Packet, set[Local]] = {packet: set() for packet in universe}
        waiting = [initial, *self._started(initial)]
        seen = set(waiting)
        while waiting:
            local = waiting.pop()
            following = set(self._own_steps(local))
            for packet in universe:
                reacts, after = self._receive(local, packet)
                if reacts:
                    reacting[packet].add(local)
                    following |= after
            for one in following:
                sources[one].add(local)
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)
        found: dict[Local, set[Packet]] = {local: set() for local in seen}
        for packet in universe:
            for local in seen - _all_leading_to(reacting[packet], sources):
                found[local].add(packet)
        return {local: frozenset(packets) for local, packets in found.items() if packets}

    def _universe(self) -> Iterator[Packet]:
        """Every packet that may ever be addressed to this receiver."""
        for message in self.model.protocol.messages:
            if message.receiver != self.me.kind:
                continue
            domains = []
            for position, (_, of) in enumerate(message.parameters):
                place = message.name, position
                cap = self.model.caps.arguments.get(place, 0)
                domains.append([*_values(self.model, of, cap), *([Above(cap)] if place in self.above else [])])
            senders = self.model.names[self.model.kind_index[message.sender]]
            if not (self.me.kind == message.sender and _is_sent_singly(self.model, message)):
                senders = tuple(sender for sender in senders if sender != self.me)
            for sender in senders:
                for arguments in product(*domains):
                    yield Packet(message.name, sender, self.me, arguments)

    def _receive(self, local: Local, packet: Packet) -> tuple[bool, set[Local]]:
        candidates = []
        for handler, event in self.model.receivers[packet.message]:
            bound = {p.identity: a for p, a in zip(event.parameters, packet.arguments, strict=True)}
            candidates.append((handler, {**bound, event.sender.identity: packet.sender.number}))
        return self._handle(local, candidates)

    def _own_steps(self, local: Local) -> Iterator[Local]:
        for handler in self.spontaneous:
            parameters = handler.event.parameters if isinstance(handler.event, OnInput) else ()
            for arguments in product(*(values_of(self.model, p.type) for p in parameters)):
                bound = {p.identity: a for p, a in zip(parameters, arguments, strict=True)}
                yield from self._handle(local, [(handler, bound)])[1]
        for disk in restarts(self.model):
            reset = tuple(
                value if self.kind.variable(name).durable and not disk else self.kind.variable(name).initial
                for name, value in zip(self.variables, local, strict=True)
            )
            yield reset
            yield from self._started(reset)

    def _started(self, local: Local) -> set[Local]:
        return self._handle(local, [(handler, {}) for handler in self.starting])[1]

    def _handle(self, local: Local, candidates: list[tuple[Handler, dict[int, Value]]]) -> tuple[bool, set[Local]]:
        """Whether a statement may run, and the projected states after it."""
        reacts = False
        after: set[Local] = set()
        for handler, arguments in candidates:
            run = _Run(self, dict(zip(self.variables, local, strict=True)), arguments, False)
            decided = True if handler.guard is None else abstract(handler.guard, run.scope())
            if decided is False:
                continue
            for end in _block(handler.body, [run]):
                reacts = reacts or end.done
                after |= set(end.locals_within())
            if decided is True:
                break
        return reacts, after


def _is_sent_singly(model: Model, message: Message) -> bool:
    return any(
        isinstance(part, Send) and part.message == message.name
        for part in nodes(bodies(model.protocol, message.sender))
    )


def _all_leading_to(targets: set[Local], sources: dict[Local, set[Local]]) -> set[Local]:
    found = set(targets)
    waiting = list(targets)
    while waiting:
        for source in sources[waiting.pop()]:
            if source not in found:
                found.add(source)
                waiting.append(source)
    return found


# Running a handler with unknowns -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """A handler being run: values known or `UNKNOWN`; `done` once a statement has run."""

    receiver: _Receiver
    values: dict[str, Value]
    locals: dict[int, Value]
    done: bool

    def scope(self) -> KnownScope:
        return KnownScope(self.receiver.model, self.receiver.me, self.values, self.locals)

    def locals_within(self) -> Iterator[Local]:
        """The projected states that this may be, within the bounds; an unknown value may be any."""
        choices = []
        for name, domain in self.receiver.domains.items():
            value = self.values[name]
            if value is UNKNOWN:
                choices.append(domain)
            elif value in domain:
                choices.append((value,))
            elif isinstance(domain[-1], Above) and value > domain[-1].limit:
                choices.append((domain[-1],))
            else:
                return
        yield from product(*choices)


def _block(statements: tuple[Statement, ...], runs: list[_Run]) -> list[_Run]:
    for statement in statements:
        runs = [after for run in runs for after in _statement(statement, run)]
    return runs


def _statement(statement: Statement, run: _Run) -> list[_Run]:
    match statement:
        case If(arms):
            ends: list[_Run] = []
            for arm in arms:
                decided = True if arm.condition is None else abstract(arm.condition, run.scope())
                if decided is not False:
                    ends += _block(arm.body, [replace(run, done=True)])
                if decided is True:
                    return ends
            return [*ends, run]
        case Let(local, value):
            return [replace(run, locals={**run.locals, local.identity: abstract(value, run.scope())})]
        case For(variable, _, body):
            # The body changes no variable but maps, which are unknown anyway; that it runs at all is what counts.
            once = _block(body, [replace(run, locals={**run.locals, variable.identity: UNKNOWN})])
            return [run, *once]
        case Call(name, arguments):
            procedure = run.receiver.model.protocol.procedure(name)
            bound = {p.identity: abstract(a, run.scope()) for p, a in zip(procedure.parameters, arguments, strict=True)}
            # An argument out of its parameter's range is a failure, and that is a reaction, too.
            return _block(procedure.body, [replace(run, locals={**run.locals, **bound}, done=True)])
        case Assign(variable, None, value) if variable in run.values:
            return [replace(run, values={**run.values, variable: abstract(value, run.scope())}, done=True)]
        case _:
            return [replace(run, done=True)]
