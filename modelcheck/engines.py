"""Which engine searches a model, and what it makes of symmetry and reductions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from modelcheck.concrete import concrete
from modelcheck.layout import Unsupported
from modelcheck.model import Model
from modelcheck.native.build import CompilerFailed, NoCompiler
from modelcheck.native.engine import NativeSearch, TooLarge, explorer
from modelcheck.outcome import Hit, Limits, Outcome, Progress
from modelcheck.python_engine import PythonSearch
from modelcheck.reductions import ALL, SYMMETRY, reductions_of
from modelcheck.trace import Trace

HOW_TO_GET_A_COMPILER = (
    "no C compiler was found, so the slower Python engine searches; "
    "install gcc or clang, or `pip install 'oneleader[compiler]'`"
)

Watch = Callable[[Progress], None]


class Wanted(Enum):
    """Which engine the person asks for."""

    AUTO = "auto"
    NATIVE = "native"
    PYTHON = "python"


class Running(Protocol):
    """A search of either engine."""

    def run(self, watch: Watch | None = None) -> Outcome:
        """Searches; to be called once."""
        ...

    def trace(self, hit: Hit) -> Trace | None:
        """The behaviour up to a hit; None where memory does not suffice to find it again."""
        ...


@dataclass(frozen=True)
class Engine:
    """An engine made ready for one model. `symmetry` says whether states are counted up to it, or why not;
    `reductions` are those in force; `remarks` is what the person should know."""

    name: str
    symmetric: bool
    symmetry: str
    reductions: tuple[str, ...]
    remarks: tuple[str, ...]
    search: Callable[[Limits], AbstractContextManager[Running]] = field(repr=False)


@dataclass(frozen=True)
class Choice:
    """What of it the person wants; `reductions` are names of `modelcheck.reductions`."""

    engine: Wanted = Wanted.AUTO
    reductions: frozenset[str] = ALL


class NoEngine(Exception):
    """The engine asked for cannot search this model; the message says why."""


def engine_for(model: Model, choice: Choice) -> Engine:
    """The engine for a model. Raises NoEngine where the native one is asked for and cannot be had."""
    if choice.engine is Wanted.PYTHON:
        return python_engine(model)
    try:
        return native_engine(model, choice)
    except NoCompiler as problem:
        if choice.engine is Wanted.NATIVE:
            raise NoEngine(str(problem)) from problem
        return python_engine(model, (HOW_TO_GET_A_COMPILER,))
    except CompilerFailed as problem:
        if choice.engine is Wanted.NATIVE:
            raise NoEngine(str(problem)) from problem
        return python_engine(model, (f"the slower Python engine searches: {problem}; set CC to one that works",))
    except Unsupported as problem:
        if choice.engine is Wanted.NATIVE:
            raise NoEngine(str(problem)) from problem
        return python_engine(model, (f"the slower Python engine searches: {problem}",))


def python_engine(model: Model, remarks: tuple[str, ...] = ()) -> Engine:
    @contextmanager
    def search(limits: Limits) -> Iterator[Running]:
        yield PythonSearch(model, limits)

    return Engine("python", False, "off: the Python engine has none", (), remarks, search)


def native_engine(model: Model, choice: Choice) -> Engine:
    """Raises NoCompiler, CompilerFailed or Unsupported."""
    compiled = explorer(model, reductions_of(model, choice.reductions))
    in_force = tuple(sorted(compiled.reductions.names - {SYMMETRY}))

    @contextmanager
    def search(limits: Limits) -> Iterator[Running]:
        with NativeSearch(compiled, limits) as running:
            yield _Native(running)

    return Engine("native", compiled.reductions.symmetry, symmetry_of(model, choice), in_force, (), search)


class _Native:
    """A native search whose traces are behaviours of the reference semantics."""

    def __init__(self, search: NativeSearch) -> None:
        self._search = search

    def run(self, watch: Watch | None = None) -> Outcome:
        try:
            return self._search.run(watch)
        except TooLarge as problem:
            raise NoEngine(f"{problem}, which only the Python engine can hold: --engine python") from problem

    def trace(self, hit: Hit) -> Trace | None:
        path = self._search.trace(hit)
        return None if path is None else concrete(self._search.explorer, path, hit)


def symmetry_of(model: Model, choice: Choice) -> str:
    """In words, over which kinds of process states are counted up to symmetry."""
    if SYMMETRY not in choice.reductions:
        return "off: not wanted"
    several = [kind for kind, size in zip(model.protocol.kinds, model.sizes, strict=True) if size > 1]
    free = [kind.name for kind in several if not kind.ordered]
    held = [kind.name for kind in several if kind.ordered]
    if not several:
        return "off: there is only one process of each kind"
    if not free:
        return f"off: {' and '.join(held)} is ordered"
    over = f"over {' and '.join(free)}"
    return f"{over}; not over {' and '.join(held)}, which is ordered" if held else over
