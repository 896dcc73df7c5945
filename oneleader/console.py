"""What the commands share: how problems are told, and how a run ends."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from modelcheck.verdict import BAD_INPUT
from spec.check import load
from spec.diagnostics import Diagnostic, SpecError
from spec.protocol import Protocol
from spec.render import render, render_rich
from spec.source import Source

INTERRUPTED = 130


def fail(message: str) -> NoReturn:
    """Says what is wrong with what was asked, and ends with the status of bad input."""
    print(f"oneleader: {message}", file=sys.stderr)
    raise typer.Exit(BAD_INPUT)


def tell(source: Source, diagnostics: tuple[Diagnostic, ...]) -> None:
    """Diagnostics, on standard error, in colour where that is a terminal."""
    if not diagnostics:
        return
    if sys.stderr.isatty():
        from rich.console import Console

        Console(stderr=True, soft_wrap=True).print(render_rich(source, diagnostics))
    else:
        print(render(source, diagnostics), end="", file=sys.stderr)


def read(path: Path) -> Protocol:
    """The protocol of a file; its warnings are told. Ends the run where there is none."""
    with problems_told(str(path)):
        protocol, warnings = load(path)
    tell(protocol.source, warnings)
    return protocol


@contextmanager
def problems_told(file: str = "a file") -> Iterator[None]:
    """Turns what may be wrong with files and specs into messages and the status of bad input. `file` is the one at
    work, for problems that do not name theirs."""
    try:
        yield
    except SpecError as problem:
        tell(problem.source, problem.diagnostics)
        raise typer.Exit(BAD_INPUT) from None
    except UnicodeDecodeError as problem:
        fail(f"{file}: this is no UTF-8 text: {problem.reason} at byte {problem.start}")
    except OSError as problem:
        fail(f"{problem.filename or file}: {problem.strerror or problem}")


@contextmanager
def printing() -> Iterator[None]:
    """Around what writes to standard output: a reader who has had enough changes no verdict; a full disk is told."""
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as problem:
        # What is still buffered has nowhere to go, and would fail once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(problem, BrokenPipeError):
            fail(f"standard output: {problem.strerror}")


def write(path: Path, text: str) -> None:
    """As `write_bytes`, in UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all. Ends the run where that fails, naming the file, not the scratch one."""
    try:
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            # mkstemp makes a private file; a result is an ordinary one.
            mask = os.umask(0)
            os.umask(mask)
            Path(scratch).chmod(0o666 & ~mask)
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
    except OSError as problem:
        fail(f"{path}: {problem.strerror or problem}")
