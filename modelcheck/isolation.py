"""Processes that can never elect a leader by themselves, whatever the numbers.

An exploration with bounds can show that a side of a partition *can* elect. That it *cannot* is more than it can say
of a protocol whose terms grow: a candidate without a quorum begins one term after the other, and each of them ends at
a bound. So what a side may do is approximated from above, with no bound at all:

- a `nat` may be any number, everywhere; a condition that hangs on one may be true and false;
- each process is looked at by itself: every local state that it may reach is combined with every message that may ever
  be sent to it, in any order and any number of times, whatever the states of the others.

What the side can really do is among that, so a side in which nobody leads even so can never elect. Where somebody does,
nothing is shown. (To look at each thread by itself, and to let what it has once published be there for good, is an old
way to check concurrent programs: Cormac Flanagan and Shaz Qadeer, "Thread-modular model checking", SPIN 2003.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from modelcheck.abstract import UNKNOWN
from modelcheck.model import Model, Name, Packet, ProcessState, State
from modelcheck.possible import Run, TooMuch, ends, lifted, value_of, with_entry
from modelcheck.semantics import values_of
from spec.protocol import Handler, OnInput, OnMessage, OnStart, OnTimeout
from spec.types import Value

LARGEST = 20_000
"""Local states and messages at most; with more, nothing is shown."""


def never_elects(model: Model, side: frozenset[Name], state: State) -> bool:
    """Whether it is shown that no process of a side ever leads, in whatever may follow a state in which the others are
    down or cut off. `state` holds of the messages under way those alone that may still arrive on the side. False where
    it is not shown, as where somebody leads already."""
    try:
        return not _Isolated(model, side).elects(state)
    except TooMuch:
        return False


@dataclass(frozen=True)
class _Local:
    """What a process holds, as far as it is known; whether its timers are armed."""

    values: tuple[Value, ...]
    armed: tuple[bool, ...]


class _Isolated:
    """What the processes of a side may come to hold and to send."""

    def __init__(self, model: Model, side: frozenset[Name]) -> None:
        self.model = model
        self.side = side
        self.held: dict[Name, set[_Local]] = defaultdict(set)
        self.sent: dict[Name, set[Packet]] = defaultdict(set)
        self.waiting: list[tuple[Name, _Local, Packet | None]] = []
        self.found = 0

    def elects(self, state: State) -> bool:
        """Whether somebody may lead, in all that follows."""
        for name in self.side:
            index = self.model.kind_index[name.kind]
            process = state.processes[index][name.number]
            self._hold(name, self._lifted(name, process))
            if not process.up:  # it may start again, from what it has kept
                for run in self._started(name, process):
                    self._hold(name, _Local(run.values, run.armed))
                    self._send(run.sent)
        queues = (packet for link in state.links for packet in link.queue)
        self._send(self._lifted_packet(packet) for packet in (*state.packets, *queues))
        while self.waiting:
            name, local, packet = self.waiting.pop()
            if packet is None and self._leads(name, local):
                return True
            following = self._own_steps(name, local) if packet is None else self._receive(local, packet)
            for run in following:
                self._hold(name, _Local(run.values, run.armed))
                self._send(run.sent)
        return False

    def _hold(self, name: Name, local: _Local) -> None:
        if local not in self.held[name]:
            self._count()
            self.held[name].add(local)
            self.waiting.append((name, local, None))
            self.waiting += [(name, local, packet) for packet in self.sent[name]]

    def _send(self, packets: Iterable[Packet]) -> None:
        for packet in packets:
            if packet.receiver in self.side and packet not in self.sent[packet.receiver]:
                self._count()
                self.sent[packet.receiver].add(packet)
                self.waiting += [(packet.receiver, local, packet) for local in self.held[packet.receiver]]

    def _count(self) -> None:
        self.found += 1
        if self.found > LARGEST:
            raise TooMuch

    # Steps

    def _leads(self, name: Name, local: _Local) -> bool:
        leader = self.model.protocol.leader
        if leader is None or leader.kind != name.kind:
            return False
        return value_of(self.model, leader.condition, Run(name, local.values, local.armed, {})) is not False

    def _own_steps(self, name: Name, local: _Local) -> Iterator[Run]:
        run = Run(name, local.values, local.armed, {})
        timers = self.model.kinds[name.kind].timers
        for handler in self.model.protocol.handlers:
            match handler.event:
                case OnMessage() | OnStart():
                    continue
                case OnTimeout(timer) if handler.kind == name.kind:
                    position = next(index for index, one in enumerate(timers) if one.name == timer)
                    if local.armed[position]:
                        yield from self._handled([handler], replace(run, armed=with_entry(run.armed, position, False)))
                case event if handler.kind == name.kind:
                    parameters = event.parameters if isinstance(event, OnInput) else ()
                    for arguments in product(*(values_of(self.model, one.type) for one in parameters)):
                        bound = {p.identity: a for p, a in zip(parameters, arguments, strict=True)}
                        yield from self._handled([handler], replace(run, locals=bound))

    def _receive(self, local: _Local, packet: Packet) -> Iterator[Run]:
        run = Run(packet.receiver, local.values, local.armed, {})
        for handler, event in self.model.receivers[packet.message]:
            bound = {p.identity: a for p, a in zip(event.parameters, packet.arguments, strict=True) if a is not UNKNOWN}
            bound[event.sender.identity] = packet.sender.number
            yield from self._handled([handler], replace(run, locals=bound))

    def _started(self, name: Name, process: ProcessState) -> Iterator[Run]:
        local = self._lifted(name, process)
        starting = self.model.handlers.get((name.kind, OnStart()), ())
        yield from self._handled(starting, Run(name, local.values, local.armed, {}))

    def _handled(self, handlers: Sequence[Handler], run: Run) -> Iterator[Run]:
        """What may be after any of the handlers, be it the first whose guard holds or not; and where none does, a
        timer has fired all the same."""
        yield run
        for handler in handlers:
            if handler.guard is None or value_of(self.model, handler.guard, run) is not False:
                yield from ends(self.model, handler.body, [run])

    # Values

    def _lifted(self, name: Name, process: ProcessState) -> _Local:
        variables = self.model.kinds[name.kind].variables
        values = tuple(lifted(variable.type, v) for variable, v in zip(variables, process.values, strict=True))
        return _Local(values, process.armed)

    def _lifted_packet(self, packet: Packet) -> Packet:
        types = [of for _, of in self.model.messages[packet.message].parameters]
        values = tuple(lifted(of, value) for of, value in zip(types, packet.arguments, strict=True))
        return packet._replace(arguments=values)
