"""What the processes of a simulated cluster would record, without files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runtime.process import Name, Process
from runtime.replica import Took
from runtime.trace import header_of, line_of


class Lines:
    """Each step of each process as the line that a node would record of it."""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder(order="deterministic").encode

    def line(self, took: Took) -> bytes:
        return self._encode(line_of(took))


class Recorder:
    """To be given to a cluster as `seen`. `lines` are those of each process, of all its runs."""

    def __init__(self, processes: Mapping[str, Process[Any, Any]], sizes: Mapping[str, int]) -> None:
        self.lines: dict[Name, list[bytes]] = {}
        self._processes = processes
        self._sizes = sizes
        self._lines = Lines()

    def __call__(self, name: Name, took: Took) -> None:
        lines = self.lines.setdefault(name, [])
        if took.number == 1:
            header = header_of(self._processes[name.kind], "simulated", name, self._sizes)
            lines.append(msgspec.json.encode(header, order="deterministic"))
        lines.append(self._lines.line(took))

    def files(self) -> dict[str, bytes]:
        """The text of each process's file, by the file's name."""
        return {f"{name}.ndjson": b"".join(line + b"\n" for line in lines) for name, lines in self.lines.items()}
