"""Graphs of packed states, built by the compiled model: see `modelcheck/native/liveness.c`."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ctypes import POINTER, byref, c_int64, c_uint8, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass, field

from modelcheck.liveness.phases import Phase
from modelcheck.liveness.prepared import expressions_of
from modelcheck.model import Model
from modelcheck.native.build import QUICKLY_COMPILED, build
from modelcheck.native.emission import Goals
from modelcheck.native.emit import emit
from modelcheck.native.engine import Explorer, SearchOptions, TooLarge, Words, aside, load
from modelcheck.outcome import Limits, Status
from modelcheck.reductions import Reductions
from spec.protocol import Property

NOBODY = 2**32 - 1


class _Recovery(ctypes.Structure):
    _fields_ = [
        ("good", c_uint64),
        ("lost", c_uint64),
        ("cut", c_uint64),
        ("first_lost", c_uint32),
        ("first_cut", c_uint32),
    ]


@dataclass(frozen=True)
class Recovery:
    """Of the states asked about: from how many a goal can be reached, from how many it cannot, and from how many none
    was found though a bound stopped some step on the way; the numbers of the first of the latter two."""

    good: int
    lost: int
    cut: int
    first_lost: int | None
    first_cut: int | None


class Stopped(Exception):
    """A limit was reached, or it was interrupted; nothing is known but that."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True)
class Compiled:
    """A prepared model, compiled with the goals of a property."""

    explorer: Explorer

    @property
    def model(self) -> Model:
        return self.explorer.model

    @property
    def library(self) -> ctypes.CDLL:
        return self.explorer.library

    def bounds(self, flags: int) -> frozenset[str]:
        return frozenset(name for i, name in enumerate(self.explorer.emitted.bounds.names) if flags >> i & 1)


def goals_of(claim: Property) -> Goals:
    return Goals(expressions_of(claim), claim.about)


def compiled(model: Model, goals: Goals, reductions: Reductions) -> Compiled:
    """Compiles a prepared model. Raises Unsupported, NoCompiler or CompilerFailed."""
    emitted = emit(model, reductions, goals)
    library = load(build(emitted.text, QUICKLY_COMPILED))
    words = POINTER(c_uint64)
    library.graph_new.argtypes = [POINTER(SearchOptions), ctypes.c_int, ctypes.c_int]
    library.graph_new.restype = c_void_p
    for name in ("free", "cancel"):
        function = getattr(library, f"graph_{name}")
        function.argtypes, function.restype = [c_void_p], None
    for name in ("count", "steps", "bounds", "bytes"):
        function = getattr(library, f"graph_{name}")
        function.argtypes, function.restype = [c_void_p], c_uint64
    library.graph_parent.argtypes, library.graph_parent.restype = [c_void_p, c_uint32], c_uint32
    library.graph_flags.argtypes, library.graph_flags.restype = [c_void_p], POINTER(c_uint8)
    library.graph_state.argtypes, library.graph_state.restype = [c_void_p, c_uint32, words], None
    library.graph_find.argtypes, library.graph_find.restype = [c_void_p, words], c_uint32
    library.graph_reach.argtypes = [c_void_p]
    library.graph_seed.argtypes = [c_void_p, c_void_p, words, c_uint32, ctypes.c_int]
    library.graph_add.argtypes = [c_void_p, words]
    library.graph_seeds_of.argtypes = [c_void_p, c_void_p, c_uint64, ctypes.c_int, POINTER(c_uint32)]
    library.graph_seeds_of.restype = None
    library.graph_recover.argtypes = [c_void_p, ctypes.c_int, POINTER(_Recovery)]
    library.graph_future.argtypes, library.graph_future.restype = [c_void_p, c_uint32, ctypes.c_int], c_uint64
    library.graph_canonical.argtypes, library.graph_canonical.restype = [c_void_p, words, words], None
    library.graph_steps_of_all.argtypes = [c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int, c_uint64]
    library.graph_edges.argtypes = [c_void_p, *(POINTER(POINTER(of)) for of in (c_uint32, c_uint32, c_uint32))]
    library.graph_edges.restype = c_uint64
    library.graph_all_holding.argtypes = [c_void_p, c_uint32, c_int64, POINTER(c_uint8)]
    library.graph_all_holding.restype = None
    library.search_canonical.argtypes, library.search_canonical.restype = [words, words], None
    library.search_too_large.argtypes = []
    return Compiled(Explorer(emitted, library))


@dataclass(frozen=True)
class Graph:
    """States by number, in the order in which they were found. To be used within `graph`."""

    of: Compiled
    handle: c_void_p = field(repr=False)

    def __len__(self) -> int:
        return int(self.of.library.graph_count(self.handle))

    @property
    def steps(self) -> int:
        return int(self.of.library.graph_steps(self.handle))

    @property
    def bytes(self) -> int:
        return int(self.of.library.graph_bytes(self.handle))

    @property
    def bounds(self) -> frozenset[str]:
        """Those that stopped steps."""
        return self.of.bounds(self.of.library.graph_bounds(self.handle))

    def words(self, number: int) -> Words:
        out = (c_uint64 * self.of.explorer.emitted.layout.words)()
        self.of.library.graph_state(self.handle, number, out)
        return tuple(out)

    def parent(self, number: int) -> int | None:
        """The state from which one was found first; of a seed, the state of the other graph that it comes from."""
        parent = int(self.of.library.graph_parent(self.handle, number))
        return None if parent == NOBODY else parent

    def find(self, words: Words) -> int | None:
        """The number of a canonical state."""
        number = int(self.of.library.graph_find(self.handle, (c_uint64 * len(words))(*words)))
        return None if number == NOBODY else number

    def path(self, number: int) -> tuple[int, ...]:
        """The states on the way to one, along parents."""
        found = [number]
        while (parent := self.parent(found[-1])) is not None:
            found.append(parent)
        return tuple(reversed(found))

    def reach(self) -> None:
        """Adds all that is reachable while anything may go wrong. Raises Stopped and TooLarge."""
        self._run(lambda: self.of.library.graph_reach(self.handle))

    def seed(self, others: Graph, masks: Sequence[int] = (0,), phase: Phase = Phase.CALM) -> None:
        """Adds each state of another graph, once for each mask of processes that are down for good in what follows.
        Raises Stopped."""
        array = (c_uint64 * len(masks))(*masks)
        self._run(lambda: self.of.library.graph_seed(self.handle, others.handle, array, len(masks), int(phase)))

    def add(self, words: Words) -> None:
        """Adds one state. Raises Stopped."""
        array = (c_uint64 * len(words))(*words)
        self._run(lambda: self.of.library.graph_add(self.handle, array))

    def recover(self, phase: Phase) -> Recovery:
        """From which of the states that there are a goal can be reached. Raises Stopped and TooLarge."""
        out = _Recovery()
        self._run(lambda: self.of.library.graph_recover(self.handle, int(phase), byref(out)))
        first = [None if number == NOBODY else int(number) for number in (out.first_lost, out.first_cut)]
        return Recovery(out.good, out.lost, out.cut, *first)

    def future(self, number: int, phase: Phase) -> int:
        """How many states can be reached from one that `recover` found lost or cut, itself among them."""
        return int(self.of.library.graph_future(self.handle, number, int(phase)))

    def explore(self, phase: Phase, *, apart: bool = False, until: bool = False, pause: int = 2**63) -> bool:
        """Adds all that the states lead to, and keeps every step; `until` the second goal, if that is wanted. It pauses
        before the state of number `pause`, and goes on from there when it is called again. Whether it is done. Raises
        Stopped and TooLarge."""
        steps_of_all = self.of.library.graph_steps_of_all
        self._run(lambda: steps_of_all(self.handle, int(phase), int(apart), int(until), pause))
        return pause >= len(self)

    def canonicalise(self, words: Words) -> Words:
        """The form in which the graph has a state, whether it is among its states or not."""
        array = c_uint64 * len(words)
        out = array()
        self.of.library.graph_canonical(self.handle, array(*words), out)
        return tuple(out)

    def _run(self, call: Callable[[], int]) -> None:
        status = Status(aside(call, lambda: self.of.library.graph_cancel(self.handle)))
        if self.of.library.search_too_large():
            raise TooLarge("a product in this spec takes more than 64 bits")
        if status is not Status.EXHAUSTED:
            raise Stopped(status)


@contextmanager
def graph(of: Compiled, limits: Limits, *, symmetric: bool = True, rebasing: bool = True) -> Iterator[Graph]:
    """An empty graph. What symmetry and shifts of numbers make one (where the reductions have them) is one state of it,
    unless that is not wanted. Raises MemoryError."""
    options = SearchOptions(limits.memory_bytes, limits.seconds, 1, 0, 0, 0)
    handle = c_void_p(of.library.graph_new(byref(options), int(symmetric), int(rebasing)))
    if handle.value is None:
        raise MemoryError("there is no memory for the search")
    try:
        yield Graph(of, handle)
    finally:
        of.library.graph_free(handle)
