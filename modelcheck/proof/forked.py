"""Work on several processors at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

PROCESSES = 2

_works: list[Callable[[Any], Any]] = []
"""What there is to be done. It is inherited by the processes that are forked, and need not be written down for them."""

Given = TypeVar("Given")
Found = TypeVar("Found")


def workers(count: int) -> ProcessPoolExecutor:
    """Processes that know all that this one knows. Ctrl-C ends them without a word."""
    return ProcessPoolExecutor(count, get_context("fork"), signal.signal, (signal.SIGINT, signal.SIG_DFL))


def forked(work: Callable[[Given], Found], of: Sequence[Given]) -> list[Found]:
    """What some work comes to for each of several things, in their order."""
    _works.append(work)
    try:
        with workers(PROCESSES) as pool:
            return list(pool.map(_done, of))
    finally:
        _works.pop()


def _done(given: Any) -> Any:
    return _works[-1](given)
