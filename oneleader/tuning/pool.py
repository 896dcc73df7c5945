"""Trials on all cores. What is found depends on the tasks alone, and not on how many cores there are."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

from codegen.python.loaded import loaded
from oneleader.tuning.trials import Processes, silenced
from spec.check import check
from spec.protocol import Protocol as Spec
from spec.source import Source

ResultT_co = TypeVar("ResultT_co", covariant=True)
ResultT = TypeVar("ResultT")


class Task(Protocol[ResultT_co]):
    """What a worker does: a value that can be sent to another process, with all that it depends on."""

    def __call__(self, processes: Processes) -> ResultT_co: ...


Workers = Callable[[Sequence[Task[Any]]], Iterator[Any]]
"""Does tasks; their results come in the order of the tasks."""


@contextmanager
def emitted(spec: Spec, files: Mapping[str, str]) -> Iterator[Processes]:
    """The processes of an emitted package, which say nothing in the log."""
    with silenced(), loaded(spec, files) as modules:
        yield {kind: module.PROCESS for kind, module in modules.items()}


@contextmanager
def workers(spec: Spec, files: Mapping[str, str], jobs: int) -> Iterator[Workers]:
    """So many processes that do tasks with the processes of an emitted package; with one job, this process alone."""
    if jobs == 1:
        with emitted(spec, files) as processes:
            yield lambda tasks: (task(processes) for task in tasks)
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with context.Pool(jobs, _begin, (spec.source.name, spec.source.text, dict(files))) as pool:
        yield lambda tasks: pool.imap(_do, tasks)


def done(work: Workers, tasks: Sequence[Task[ResultT]]) -> Iterable[ResultT]:
    """The results of tasks of one type."""
    return work(tasks)


_here: list[tuple[Processes, ExitStack]] = []
"""What a worker works on."""


def _begin(name: str, text: str, files: Mapping[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who has asked
    spec, _ = check(Source(name, text))
    stack = ExitStack()
    _here.append((stack.enter_context(emitted(spec, files)), stack))


def _do(task: Task[Any]) -> Any:
    return task(_here[0][0])
