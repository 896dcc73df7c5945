"""A record of a node's steps in NDJSON: a line for each, to check that they are steps of the model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from runtime.config import Settings
from runtime.process import Process
from runtime.replica import Took

VERSION = 1


@contextlib.contextmanager
def recording(path: Path, settings: Settings, process: Process[Any, Any]) -> Iterator[Callable[[Took], None]]:
    """Appends to a file, a line at a time, each complete before any message of its step is sent on: the line is handed
    to the system with the step. The first line of a run says whose it is. Raises OSError."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    count = 0
    with path.open("ab", buffering=0) as file:
        file.write(
            encode(
                {
                    "oneleader-trace": VERSION,
                    "protocol": process.protocol,
                    "spec_sha256": process.spec_sha256,
                    "cluster": settings.config.cluster,
                    "process": [settings.me.kind, settings.me.number],
                    "sizes": settings.sizes,
                }
            )
            + b"\n"
        )

        def record(took: Took) -> None:
            nonlocal count
            count += 1
            file.write(encode(line_of(count, took)) + b"\n")

        yield record


def line_of(number: int, took: Took) -> dict[str, Any]:
    """A step as it is recorded: what happened, the state after it, and what was sent."""
    line: dict[str, Any] = {"step": number, "event": took.event}
    if took.name:
        line["name"] = took.name
    if took.letter is not None and took.sender is not None:
        line["from"] = [took.sender.kind, took.sender.number]
        line["letter"] = took.letter.number
    if took.arguments:
        line["arguments"] = took.arguments
    line["state"] = took.after
    if took.sent:
        line["sent"] = [[to.kind, to.number, letter.number, letter.message] for to, letter in took.sent]
    return line
