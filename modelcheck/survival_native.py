"""What a cluster survives, found by the compiled model: for all reachable states at once, up to symmetry.

It says what `modelcheck.survival_reference` says, and is held against it. A state stands there for all under other
names, so a scenario is asked about under all names that it might have.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from modelcheck.check import Options, model_of
from modelcheck.layout import Unsupported
from modelcheck.liveness.elections import CUT, ELECTS, IN_OFFICE, Elections, elections
from modelcheck.liveness.graph import Stopped
from modelcheck.model import Name
from modelcheck.native.build import CompilerFailed, NoCompiler
from modelcheck.native.engine import TooLarge
from modelcheck.outcome import Limits, Status
from modelcheck.survival import Answer, Scenario, Survived
from modelcheck.survival_reference import Reference
from spec.protocol import FaultKind, Protocol, Row

Side = frozenset[Name]
Bits = NDArray[np.uint8]


@dataclass
class Native:
    """Answers for one protocol under the bounds of a row; by the reference semantics where there is no compiler, the
    model cannot be packed, some processes are down and the others split, or the spec has crashes (who is down for good
    is then not told from who may start again). To be closed: it keeps what it has
    explored. All scenarios of one size together take so many `seconds` at most (0: no limit)."""

    protocol: Protocol
    row: Row
    further: int = 2
    seconds: float = 0.0
    memory_bytes: int = 0
    plain: Reference = field(init=False)
    _stack: ExitStack = field(default_factory=ExitStack)
    _known: dict[tuple[int, ...], Elections | None] = field(default_factory=dict)
    _stopped: dict[tuple[int, ...], Status] = field(default_factory=dict)
    _spent: dict[tuple[int, ...], float] = field(default_factory=dict)
    _sides: dict[tuple[tuple[int, ...], Side, bool], Bits] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.plain = Reference(self.protocol, self.row, self.further, self.seconds)

    def __enter__(self) -> Native:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, protocol: Protocol, sizes: tuple[int, ...], scenario: Scenario) -> Survived:
        """As `modelcheck.survival.Survives`."""
        began = time.monotonic()
        crashes = any(fault.kind is FaultKind.CRASH for fault in protocol.faults)
        if crashes or (scenario.down and len(scenario.sides) > 1) or protocol.leader is None or not scenario.sides:
            return self.plain(protocol, sizes, scenario)
        if self.plain.never_elects(sizes, scenario):
            return self.plain(protocol, sizes, scenario)
        try:
            known = self._elections(sizes)
            if known is None:
                return self.plain(protocol, sizes, scenario)
            answer, winners, reason = self._found(known, sizes, scenario)
            states = known.states
        except Stopped as stop:
            self._stopped[sizes] = stop.status
            answer, winners, states, reason = Answer.UNKNOWN, (), 0, self._ended(stop.status)
        took = time.monotonic() - began
        self._spent[sizes] = self._spent.get(sizes, 0.0) + took
        return Survived(scenario, answer, winners, states, took, reason)

    def _ended(self, status: Status) -> str:
        ends = {Status.TIME: f"{self.seconds:g} s were over", Status.MEMORY: "the memory was full"}
        return ends.get(status, "interrupted")

    def _elections(self, sizes: tuple[int, ...]) -> Elections | None:
        """None where the model cannot be compiled. Raises Stopped, now and for ever after."""
        if sizes in self._stopped:
            raise Stopped(self._stopped[sizes])
        if sizes not in self._known:
            model = model_of(self.protocol, self.row, sizes, Options())
            limits = Limits(memory_bytes=self.memory_bytes, seconds=self.seconds)
            try:
                self._known[sizes] = self._stack.enter_context(elections(model, self.further, limits))
            except (NoCompiler, CompilerFailed, Unsupported, TooLarge):
                self._known[sizes] = None
            except MemoryError:
                raise Stopped(Status.MEMORY) from None
        return self._known[sizes]

    def _bits(self, known: Elections, sizes: tuple[int, ...], side: Side, *, down: bool) -> Bits:
        """Of each state: what is known of a side. Raises Stopped."""
        key = sizes, side, down
        if key not in self._sides:
            spent = self._spent.get(sizes, 0.0)
            if self.seconds and spent > self.seconds:
                raise Stopped(Status.TIME)
            known.limits = replace(known.limits, seconds=self.seconds - spent if self.seconds else 0.0)
            try:
                self._sides[key] = known.known(side, down=down)
            except MemoryError:
                raise Stopped(Status.MEMORY) from None
        return self._sides[key]

    def _found(
        self, known: Elections, sizes: tuple[int, ...], scenario: Scenario
    ) -> tuple[Answer, tuple[int, ...], str]:
        """The answer, the winners, the reason. Raises Stopped."""
        down = len(scenario.sides) == 1
        winning = set(range(len(scenario.sides)))
        states = known.states
        kept_at, stuck_at = np.zeros(states, np.bool_), np.zeros(states, np.bool_)
        for sides in renamed(self.protocol, known.model.names, scenario.sides):
            bits = [self._bits(known, sizes, side, down=down) for side in sides]
            electing = [(one & ELECTS) > 0 for one in bits]
            # The initial state is the first; who is in office counts on a side that could have elected him.
            office = [((one & IN_OFFICE) > 0) & bool(one[0] & ELECTS) for one in bits]
            winning &= {i for i in winning if bool((electing[i] | office[i]).all())}
            some = np.logical_or.reduce(electing)
            in_office = ~some & np.logical_or.reduce(office)
            cut = ~some & ~in_office & np.logical_or.reduce([(one & CUT) > 0 for one in bits])
            kept_at |= in_office
            stuck_at |= cut
            if not bool((some | in_office | cut).all()):
                return Answer.DOES_NOT, (), "there is a reachable state after which nobody can lead"
        kept, stuck = int(kept_at.sum()), int(stuck_at.sum())
        of_all = f"of {states:,} reachable states"
        winners = tuple(sorted(winning))
        if stuck:
            reason = f"from {stuck:,} {of_all} no election was found within {self.plain.bounds_named(sizes)}"
            return Answer.UNKNOWN, (), reason
        if kept:
            reason = f"from {kept:,} {of_all} nobody was found to be elected anew, but a leader is in office there"
            return Answer.KEEPS, winners, reason
        return Answer.SURVIVES, winners, f"somebody can be elected from each {of_all}"


def renamed(
    protocol: Protocol, everyone: Sequence[tuple[Name, ...]], sides: Sequence[Side]
) -> Iterator[tuple[Side, ...]]:
    """All that groups of processes may be called: processes of a kind take each other's names, unless it is ordered."""
    by_kind = []
    for kind, names in zip(protocol.kinds, everyone, strict=True):
        own = [frozenset(name for name in side if name.kind == kind.name) for side in sides]
        by_kind.append([tuple(own)] if kind.ordered else list(_dealt(names, [len(some) for some in own])))
    for chosen in product(*by_kind):
        yield tuple(frozenset().union(*parts) for parts in zip(*chosen, strict=True))


def _dealt(names: Sequence[Name], counts: Sequence[int]) -> Iterator[tuple[Side, ...]]:
    """All ways to give each group so many of some names."""
    if not counts:
        yield ()
        return
    for some in combinations(names, counts[0]):
        rest = [name for name in names if name not in some]
        for others in _dealt(rest, counts[1:]):
            yield (frozenset(some), *others)
