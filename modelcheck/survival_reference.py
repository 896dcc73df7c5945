"""What a cluster survives, found in the plainest way: by the reference semantics, state by state.

Slow, and obviously right: every reachable state is made, the scenario is imposed on it as `modelcheck.survival` says,
and from there a search goes on until somebody leads anew. Faster engines are held against this one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

from modelcheck.bounds import caps
from modelcheck.check import Options, model_of
from modelcheck.explore import uncollected, within
from modelcheck.isolation import never_elects
from modelcheck.model import Link, Model, Name, Packet, State, Step, StepKind
from modelcheck.semantics import Offer, crashed, initial, leads, offers, process_at_first, steps
from modelcheck.survival import Answer, Scenario, Survived, shape
from spec.protocol import Protocol, Row

GOING_ON = {StepKind.DELIVER, StepKind.TIMEOUT, StepKind.ACTION, StepKind.INPUT, StepKind.RECOVER}
"""What happens within a side. All other steps are faults, or end those that are for good."""


class Imposed(NamedTuple):
    """A state as one side sees it: all others are down, and what cannot reach the side any more is gone. `floor` is the
    greatest token that anybody has led with; -1 for nobody."""

    state: State
    floor: int


class Found(Enum):
    """How a search for an election ended."""

    YES = "somebody leads anew"
    NO = "nobody does, in all that may follow"
    BOUND = "nobody does, as far as the bounds reach"


@dataclass
class Reference:
    """Answers for one protocol under the bounds of a row. From the reachable states within these bounds, a search may
    go on until they are passed by more than `further`. It stops when all scenarios of one size together have taken so
    many `seconds` (0: never)."""

    protocol: Protocol
    row: Row
    further: int = 2
    seconds: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _reachable: dict[tuple[int, ...], list[State]] = field(default_factory=dict)
    _spent: dict[tuple[int, ...], float] = field(default_factory=dict)
    _never_electing: dict[tuple[tuple[int, ...], str, str], bool] = field(default_factory=dict)

    def __call__(self, protocol: Protocol, sizes: tuple[int, ...], scenario: Scenario) -> Survived:
        """As `modelcheck.survival.Survives`."""
        assert protocol is self.protocol
        began = self.clock()
        until = began + self.seconds - self._spent.get(sizes, 0.0) if self.seconds else math.inf
        try:
            found = self._found(sizes, scenario, lambda: self.clock() > until)
        except OutOfTime:
            found = Answer.UNKNOWN, (), 0, f"{self.seconds:g} s were over"
        took = self.clock() - began
        self._spent[sizes] = self._spent.get(sizes, 0.0) + took
        answer, winners, looked_at, reason = found
        return Survived(scenario, answer, winners, looked_at, took, reason)

    def _found(
        self, sizes: tuple[int, ...], scenario: Scenario, expired: Callable[[], bool]
    ) -> tuple[Answer, tuple[int, ...], int, str]:
        """The answer, the winners, how many states were looked at, the reason. Raises OutOfTime."""
        model = model_of(self.protocol, self.row, sizes, Options())
        start = initial(model).state
        if self.protocol.leader is None:
            return Answer.DOES_NOT, (), 0, "the protocol says of nobody that it leads"
        if start is None:
            return Answer.UNKNOWN, (), 0, "the initial state cannot be made"
        searches = [Search(self._further(sizes), side, expired) for side in scenario.sides]
        first = [imposed(model, start, scenario, search.side) for search in searches]
        if self.never_elects(sizes, scenario):
            return Answer.DOES_NOT, (), 0, "from the initial state nobody can ever lead, whatever the numbers"
        able = [search.elects(one) is Found.YES for search, one in zip(searches, first, strict=True)]
        states = self._all(model, expired)
        winning = set(range(len(searches)))
        kept = stuck = 0
        for number, state in enumerate(states, 1):
            seen = [imposed(model, state, scenario, search.side) for search in searches]
            found = [search.elects(one) for search, one in zip(searches, seen, strict=True)]
            in_office = [
                is_able and search.is_in_office(one) for is_able, search, one in zip(able, searches, seen, strict=True)
            ]
            winning &= {i for i in range(len(searches)) if found[i] is Found.YES or in_office[i]}
            if Found.YES in found:
                continue
            if any(in_office):
                kept += 1
            elif Found.BOUND in found:
                stuck += 1
            else:
                return Answer.DOES_NOT, (), number, "there is a reachable state after which nobody can lead"
        winners = tuple(sorted(winning))
        of_all = f"of {len(states)} reachable states"
        if stuck:
            reason = f"from {stuck} {of_all} no election was found within {self.bounds_named(sizes)}"
            return Answer.UNKNOWN, (), len(states), reason
        if kept:
            reason = f"from {kept} {of_all} nobody was found to be elected anew, but a leader is in office there"
            return Answer.KEEPS, winners, len(states), reason
        return Answer.SURVIVES, winners, len(states), f"somebody can be elected from each {of_all}"

    def never_elects(self, sizes: tuple[int, ...], scenario: Scenario) -> bool:
        """Whether it is shown that from the initial state nobody can ever lead, on no side, whatever the numbers."""
        model = model_of(self.protocol, self.row, sizes, Options())
        start = initial(model).state
        if start is None:
            return True
        sides = [(side, imposed(model, start, scenario, side)) for side in scenario.sides]
        return all(self._never(model, scenario, side, first) for side, first in sides)

    def _never(self, model: Model, scenario: Scenario, side: frozenset[Name], first: Imposed) -> bool:
        """As `never_elects`, of the initial state. It takes its time with many processes, and those that can take
        each other's place need not be looked at again."""
        key = (model.sizes, shape(self.protocol, side), shape(self.protocol, scenario.down))
        if key not in self._never_electing:
            self._never_electing[key] = never_elects(model, side, first.state)
        return self._never_electing[key]

    def _all(self, model: Model, expired: Callable[[], bool]) -> list[State]:
        """All reachable states, the nearest first. Raises OutOfTime."""
        if model.sizes in self._reachable:
            return self._reachable[model.sizes]
        start = initial(model).state
        assert start is not None
        found = {start: None}
        with uncollected():
            waiting = [start]
            for state in waiting:
                if expired():
                    raise OutOfTime
                for after in within(tuple(steps(model, state))):
                    if after not in found:
                        found[after] = None
                        waiting.append(after)
        return self._reachable.setdefault(model.sizes, waiting)

    def _further(self, sizes: tuple[int, ...]) -> Model:
        """The model in which a search goes on: with higher bounds, and without faults."""
        bounds = tuple(replace(bound, limit=bound.limit + self.further) for bound in self.row.bounds)
        model = model_of(self.protocol, self.row, sizes, Options())
        return replace(model, caps=caps(self.protocol, sizes, bounds), faults=(), channel=model.channel + self.further)

    def bounds_named(self, sizes: tuple[int, ...]) -> str:
        """How far a search goes on."""
        model = self._further(sizes)
        named = [f"{variable} <= {model.caps.variables[kind, variable]}" for kind, variable in model.caps.declared]
        return ", ".join(named if model.network.is_growing_set else [*named, f"channel <= {model.channel}"])


# Imposing a scenario -------------------------------------------------------------------------------------------------


def imposed(model: Model, state: State, scenario: Scenario, side: frozenset[Name]) -> Imposed:
    """A state of the model with the scenario imposed, as one side sees it.

    Nobody on the side can tell a process that is down from one that is cut off, but by what it had sent before: that
    may still arrive from one that is down. What such a process holds makes no difference any more, and is forgotten."""
    processes = tuple(
        tuple(
            process
            if name in side
            else crashed(model, model.kinds[name.kind], process_at_first(model, name), disk=True, up=False)
            for name, process in zip(names, of_kind, strict=True)
        )
        for names, of_kind in zip(model.names, state.processes, strict=True)
    )
    return Imposed(
        State(
            processes,
            frozenset(packet for packet in state.packets if _arrives(packet, scenario, side)),
            frozenset(link for link in state.links if _arrives(link, scenario, side)),
            (),
            (),
            frozenset(),
        ),
        max((token for _, token in state.led), default=-1),
    )


def _arrives(sent: Packet | Link, scenario: Scenario, side: frozenset[Name]) -> bool:
    return sent.receiver in side and (sent.sender in side or sent.sender in scenario.down)


# Searching -----------------------------------------------------------------------------------------------------------


class OutOfTime(Exception):
    """A search has taken as long as it may."""


class Search:
    """Elections on one side of a scenario. What is found out about a state is kept for the next one that leads to
    it."""

    def __init__(self, model: Model, side: frozenset[Name], expired: Callable[[], bool] = lambda: False) -> None:
        self.model = model
        self.side = side
        self.expired = expired
        self._known: dict[Imposed, Found] = {}

    def elects(self, start: Imposed) -> Found:
        """Whether somebody of the side can come to lead with a token greater than all before: a search in depth, and
        what was sent last is delivered first. Every state on the way to an election can elect, too: what is a greater
        token at its end was greater all the way."""
        if start in self._known:
            return self._known[start]
        seen = {start}
        path = [start]
        following = [self._following(start)]
        ended = Found.NO
        while path:
            if self.expired():
                raise OutOfTime
            after = next(following[-1], None)
            if after is None:
                path.pop()
                following.pop()
            elif isinstance(after, Found) or after in self._known:
                found = after if isinstance(after, Found) else self._known[after]
                if found is Found.YES:
                    self._known |= dict.fromkeys(path, Found.YES)
                    return Found.YES
                ended = Found.BOUND if found is Found.BOUND else ended
            elif after not in seen:
                seen.add(after)
                path.append(after)
                following.append(self._following(after))
        # All that was seen leads to nothing else than what was seen.
        self._known |= dict.fromkeys(seen, ended)
        return ended

    def is_in_office(self, one: Imposed) -> bool:
        """Whether somebody of the side leads with the greatest token so far."""
        tokens = [leads(self.model, one.state, name) for name in self.side]
        return any(token == one.floor for token in tokens if token is not None)

    def _following(self, before: Imposed) -> Iterator[Imposed | Found]:
        """What one step leads to; YES for an election, BOUND where a bound hides what follows."""
        possible = [offer for offer in offers(self.model, before.state) if self._goes_on(offer.step)]
        for offer in sorted(possible, key=_eagerness):
            successor = offer.taken()
            if successor.state is None or successor.state == before.state:
                continue
            if successor.beyond is not None:
                yield Found.BOUND
                continue
            after = self._kept(successor.state, before.floor)
            actor = offer.step.process
            token = leads(self.model, after.state, actor) if actor is not None else None
            yield Found.YES if token is not None and token > before.floor else after

    def _goes_on(self, step: Step) -> bool:
        """Whether a step is one of the side, and no fault. All others are down, so that nothing reaches them."""
        return step.kind in GOING_ON and step.process in self.side

    def _kept(self, state: State, floor: int) -> Imposed:
        """A state without what is sent to others than the side, and without the history, of which `floor` says all."""
        return Imposed(
            state._replace(
                packets=frozenset(packet for packet in state.packets if packet.receiver in self.side),
                links=frozenset(link for link in state.links if link.receiver in self.side),
                led=frozenset(),
            ),
            floor,
        )


def _eagerness(offer: Offer) -> tuple[bool, int]:
    """Deliveries before all else, and of them those with the largest numbers: these are the newest."""
    packet = offer.step.packet
    if packet is None:
        return True, 0
    return False, -max((value for value in packet.arguments if isinstance(value, int)), default=0)
