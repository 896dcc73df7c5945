"""Runs a compiled search in-process and brings its results back to Python."""

from __future__ import annotations

import ctypes
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_double, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread, current_thread, main_thread

from modelcheck.model import Model, State
from modelcheck.native.build import CompilerFailed, build
from modelcheck.native.emit import Emitted, emit
from modelcheck.outcome import Hit, Limits, Outcome, Progress, Status
from modelcheck.packing import pack, unpack
from modelcheck.reductions import Reductions, reductions_of

Words = tuple[int, ...]


class SearchOptions(ctypes.Structure):
    _fields_ = [
        ("memory_bytes", c_uint64),
        ("seconds", c_double),
        ("threads", c_uint32),
        ("max_depth", c_uint32),
        ("stop_at_violation", c_uint32),
        ("keep_levels", c_uint32),
    ]


class _Progress(ctypes.Structure):
    _fields_ = [
        ("states", c_uint64),
        ("steps", c_uint64),
        ("frontier", c_uint64),
        ("depth", c_uint64),
        ("table_bytes", c_uint64),
    ]


@dataclass(frozen=True)
class Explorer:
    """A model compiled. All of its states are packed; `decode` turns them into states of the reference."""

    emitted: Emitted
    library: ctypes.CDLL = field(repr=False)

    @property
    def model(self) -> Model:
        return self.emitted.layout.model

    @property
    def reductions(self) -> Reductions:
        return self.emitted.reductions

    def decode(self, words: Words) -> State:
        return unpack(self.emitted.layout, words)

    def encode(self, state: State) -> Words:
        return pack(self.emitted.layout, state)

    def canonicalise(self, words: Words) -> Words:
        """The representative of all states that the reductions take for one."""
        array = c_uint64 * len(words)
        out = array()
        self.library.search_canonical(array(*words), out)
        return tuple(out)

    def successors(self, words: Words | None) -> list[Words]:
        """The canonical state that each changing step leads to (of None: the initial state)."""
        width = self.emitted.layout.words
        given = None if words is None else (c_uint64 * width)(*words)
        room = 256
        while True:
            out, steps = (c_uint64 * (room * width))(), (c_uint32 * room)()
            count = self.library.search_successors(given, out, steps, room)
            if count == 2**64 - 1:
                raise MemoryError
            if count <= room:
                return [tuple(out[i * width : (i + 1) * width]) for i in range(count)]
            room = count


def explorer(model: Model, reductions: Reductions | None = None) -> Explorer:
    """Compiles a model, or finds it compiled; with all reductions that it allows, if none are given.

    Raises Unsupported, NoCompiler or CompilerFailed."""
    emitted = emit(model, reductions_of(model) if reductions is None else reductions)
    library = load(build(emitted.text))
    words = POINTER(c_uint64)
    library.search_new.argtypes = [POINTER(SearchOptions)]
    library.search_new.restype = c_void_p
    library.search_free.argtypes = [c_void_p]
    library.search_free.restype = None
    library.search_run.argtypes = [c_void_p]
    library.search_cancel.argtypes = [c_void_p]
    library.search_cancel.restype = None
    library.search_progress.argtypes = [c_void_p, POINTER(_Progress)]
    library.search_progress.restype = None
    library.search_levels.argtypes = [c_void_p, words, c_uint32]
    library.search_levels.restype = c_uint32
    library.search_seconds.argtypes = [c_void_p]
    library.search_seconds.restype = c_double
    library.search_too_large.argtypes = []
    library.search_bounds.argtypes = [c_void_p]
    library.search_bounds.restype = c_uint64
    library.search_covered.argtypes = [c_void_p, words]
    library.search_covered.restype = None
    library.search_hit.argtypes = [c_void_p, c_uint32, POINTER(c_uint32), words]
    library.search_states.argtypes = [c_void_p, words, c_uint64]
    library.search_states.restype = c_uint64
    library.search_canonical.argtypes = [words, words]
    library.search_canonical.restype = None
    library.search_successors.argtypes = [words, words, POINTER(c_uint32), c_uint64]
    library.search_successors.restype = c_uint64
    library.search_trace.argtypes = [c_void_p, words, c_uint32, words]
    return Explorer(emitted, library)


def load(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as problem:  # a compiler for another machine, a file system from which nothing may run
        raise CompilerFailed(f"the compiled model cannot be loaded: {problem}") from problem


class TooLarge(Exception):
    """A number that the search came upon does not fit the 64 bits that it has for numbers."""


@contextmanager
def interrupts(cancel: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C cancels, instead of raising KeyboardInterrupt wherever Python happens to be: however often it is pressed,
    nothing is freed while it is in use."""
    if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: cancel())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def aside(
    call: Callable[[], int], cancel: Callable[[], None], watch: Callable[[], None] | None = None, every: float = 0.2
) -> int:
    """Makes a call that takes its time in a thread of its own, so that Ctrl-C can end it early. It has always come
    back before this does: what it works on may then be freed. `watch` is called now and then."""
    results: list[int] = []
    ended = Event()

    def work() -> None:
        try:
            results.append(call())
        finally:
            ended.set()

    with interrupts(cancel):
        Thread(target=work, daemon=True).start()
        try:
            while not ended.wait(every):
                if watch is not None:
                    watch()
        finally:
            if not ended.is_set():
                cancel()
            ended.wait()
    return results[0]


class NativeSearch:
    """One run of an explorer. To be closed: it holds the table of all states."""

    def __init__(self, of: Explorer, limits: Limits) -> None:
        self.explorer = of
        options = SearchOptions(
            limits.memory_bytes,
            limits.seconds,
            limits.threads,
            2**32 - 1 if limits.max_depth is None else limits.max_depth,
            int(limits.stop_at_violation),
            0,
        )
        self._search = c_void_p(of.library.search_new(byref(options)))
        if self._search.value is None:
            raise MemoryError("there is no memory for the search")

    def __enter__(self) -> NativeSearch:
        return self

    def __exit__(self, *_: object) -> None:
        self.explorer.library.search_free(self._search)

    def run(self, watch: Callable[[Progress], None] | None = None, every: float = 0.2) -> Outcome:
        """Searches to the end, or until a limit, or until it is interrupted (Ctrl-C): the outcome is then of what was
        explored. `watch` is called now and then. Raises TooLarge."""
        status = Status(
            aside(lambda: self.explorer.library.search_run(self._search), self.cancel, self._told(watch), every)
        )
        if self.explorer.library.search_too_large():
            raise TooLarge("a product in this spec takes more than 64 bits")
        return self._outcome(status)

    def _told(self, watch: Callable[[Progress], None] | None) -> Callable[[], None] | None:
        return None if watch is None else lambda: watch(self.progress())

    def cancel(self) -> None:
        """May be called from any thread while the search runs."""
        self.explorer.library.search_cancel(self._search)

    def progress(self) -> Progress:
        now = self._progress()
        return Progress(now.states, now.frontier, now.depth, now.table_bytes)

    def _progress(self) -> _Progress:
        progress = _Progress()
        self.explorer.library.search_progress(self._search, byref(progress))
        return progress

    def _outcome(self, status: Status) -> Outcome:
        library, emitted = self.explorer.library, self.explorer.emitted
        now = self._progress()
        count = library.search_levels(self._search, None, 0)
        levels = (c_uint64 * count)()
        library.search_levels(self._search, levels, count)
        points = len(self.explorer.model.protocol.points)
        covered = (c_uint64 * (points // 64 + 1))()
        library.search_covered(self._search, covered)
        flags = library.search_bounds(self._search)
        hits = []
        for number, checked in enumerate(emitted.checked):
            depth, state = c_uint32(), (c_uint64 * emitted.layout.words)()
            if library.search_hit(self._search, number, byref(depth), state):
                hits.append(Hit(checked, depth.value + int(checked.in_step), tuple(state)))
        return Outcome(
            status,
            now.states,
            now.steps,
            tuple(levels),
            tuple(hits),
            emitted.start.taken | {point for point in range(points) if covered[point // 64] >> point % 64 & 1},
            frozenset(name for i, name in enumerate(emitted.bounds.names) if flags >> i & 1),
            library.search_seconds(self._search),
            now.table_bytes,
        )

    def states(self) -> list[Words]:
        """All states found, in no order."""
        width = self.explorer.emitted.layout.words
        count = self.explorer.library.search_states(self._search, None, 0)
        out = (c_uint64 * (count * width))()
        self.explorer.library.search_states(self._search, out, count)
        return [tuple(out[i * width : (i + 1) * width]) for i in range(count)]

    def trace(self, hit: Hit) -> tuple[Words, ...] | None:
        """Canonical states from the initial one to the one of the hit, each with a step to (one of the orbit of) the
        next. Searches again, up to that depth. None where memory or time does not suffice for that, or
        when it is interrupted."""
        width = self.explorer.emitted.layout.words
        depth = hit.length - int(hit.checked.in_step)
        out = (c_uint64 * ((depth + 1) * width))()
        state = (c_uint64 * width)(*hit.state)
        if not aside(lambda: int(self.explorer.library.search_trace(self._search, state, depth, out)), self.cancel):
            return None
        return tuple(tuple(out[i * width : (i + 1) * width]) for i in range(depth + 1))
