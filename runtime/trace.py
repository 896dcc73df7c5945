"""A record of a node's steps in NDJSON: a line for each, to check that they are steps of the model."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from io import SEEK_END, FileIO
from pathlib import Path
from typing import Any

import msgspec

from runtime.config import Settings
from runtime.process import Name, Process
from runtime.replica import Took

log = logging.getLogger("oneleader")

VERSION = 1


@contextlib.contextmanager
def recording(path: Path, settings: Settings, process: Process[Any, Any]) -> Iterator[Callable[[Took], None]]:
    """Appends to a file, a line at a time. The first line of a run says whose it is.

    A line is handed to the system when what its step stored and sent is out already: a process that is killed leaves
    at most one step without its line, and at most one line that is cut off. To be entered when the state is locked, or
    a second process, started by mistake, would write between the lines of the first.

    Raises OSError where the file cannot be opened and begun; when it cannot be written later, the record ends
    there, and the node goes on."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    with path.open("a+b", buffering=0) as file:
        header = encode(header_of(process, settings.config.cluster, settings.me, settings.sizes)) + b"\n"
        try:
            _append(file, (b"" if _ends_a_line(file) else b"\n") + header)
        except OSError as problem:
            raise OSError(f"the trace {path} cannot be written: {problem.strerror}") from problem
        works = True

        def record(took: Took) -> None:
            nonlocal works
            if not works:
                return
            try:
                _append(file, encode(line_of(took)) + b"\n")
            except OSError as problem:
                works = False
                log.error("the trace %s ends before step %d: %s", path, took.number, problem)

        yield record


def _append(file: FileIO, line: bytes) -> None:
    """Writes all of it. Raises OSError."""
    written = file.write(line)
    while written < len(line):  # the disk is almost full, or a signal came in between
        line = line[written:]
        written = file.write(line)


def _ends_a_line(file: FileIO) -> bool:
    """Whether what is there so far is whole lines: a process that was killed may have left part of one."""
    if file.seek(0, SEEK_END) == 0:
        return True
    file.seek(-1, SEEK_END)
    return file.read(1) == b"\n"


def header_of(process: Process[Any, Any], cluster: str, me: Name, sizes: Mapping[str, int]) -> dict[str, Any]:
    """What stands before the steps of a run."""
    return {
        "oneleader-trace": VERSION,
        "protocol": process.protocol,
        "spec_sha256": process.spec_sha256,
        "cluster": cluster,
        "process": [me.kind, me.number],
        "sizes": sizes,
    }


class Line(msgspec.Struct, omit_defaults=True, gc=False):
    """A step as it is recorded: what happened, the state after it, and what was sent."""

    event: str
    state: Any
    step: int
    arguments: tuple[Any, ...] = ()
    sender: Name | None = msgspec.field(name="from", default=None)
    letter: int | None = None
    message: Any = None
    name: str = ""
    sent: tuple[tuple[str, int, int, Any], ...] = ()


def line_of(took: Took) -> Line:
    """A step as it is recorded. A run's first line says which number its first letter has, or will have: they go on
    from there one by one."""
    received = took.letter
    sent = tuple([(to.kind, to.number, letter.number, letter.message) for to, letter in took.sent])
    if received is not None:
        event, name, message = took.event, "", received.message
        number: int | None = received.number
    else:
        event, name, message = took.event, took.name, None
        number = took.first if took.number == 1 else None
    return Line(event, took.after, took.number, took.arguments, took.sender, number, message, name, sent)
