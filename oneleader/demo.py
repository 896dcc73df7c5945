"""`oneleader demo`."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import typer

import spec
from modelcheck.proof.scope import setting_of
from oneleader.console import fail, problems_told, read
from oneleader.demonstration.cluster import CannotStart
from oneleader.demonstration.script import BadScript, steps_of
from oneleader.demonstration.show import live, plain
from oneleader.generate import emit

SIZES = (3, 5)
UNFINISHED = 1
PACKAGE = "demo_election"


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    spec: Path | None = None
    nodes: int = 3
    seconds: float | None = None
    plain: bool = False
    script: str = ""


def run(request: Request) -> None:
    """Runs a cluster of emitted nodes on this machine, and shows it. Of a kind that is single there is one."""
    if request.nodes not in SIZES:
        fail(f"--nodes: {request.nodes}; expected 3 or 5")
    if request.seconds is not None and not request.seconds > 0:
        fail(f"--seconds: {request.seconds:g} is no time")
    protocol = read(request.spec or Path(spec.__file__).parent / "protocols" / "raft.elect")
    sizes = setting_of(protocol, request.nodes).size
    names = tuple(f"{kind}{number}" for kind, size in sizes.items() for number in range(1, (size or 0) + 1))
    try:
        steps = steps_of(request.script, names)
    except BadScript as problem:
        fail(f"--script: {problem}")
    files = emit(protocol, PACKAGE).files
    with problems_told("the demonstration's folder"), tempfile.TemporaryDirectory(prefix="oneleader-demo-") as folder:
        package = Path(folder) / PACKAGE
        for name, text in files.items():
            path = package / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        in_lines = request.plain or not (sys.stdin.isatty() and sys.stdout.isatty())
        try:
            if in_lines:
                ended = asyncio.run(plain(package, names, steps, request.seconds))
            else:
                ended = asyncio.run(live(package, protocol.kinds, names, steps, request.seconds))
        except ExceptionGroup as problems:  # of the tasks that watch the nodes
            if (found := problems.subgroup(CannotStart)) is None:
                raise
            fail(f"{found.exceptions[0]}")
    if steps and not ended:
        print("oneleader: the script did not come to its end", file=sys.stderr)
        raise typer.Exit(UNFINISHED)
