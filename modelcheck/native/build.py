"""Compiles emitted C into a shared library, once for each text."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from spec.cache import writable_cache

OPTIMISED, QUICKLY_COMPILED = "-O3", "-O1"
"""How hard the compiler tries. A search that is over in a second does not make up for what it takes to be fast."""
FLAGS = ("-std=gnu11", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-strict-aliasing", "-w", "-pthread")


class NoCompiler(Exception):
    """There is no C compiler."""


class CompilerFailed(Exception):
    """There is a C compiler, and it did not make a library that can be loaded; the message says in a line why."""


def compilers() -> Iterator[tuple[str, ...]]:
    """Commands that may compile C, the most wanted first. One that the person names is the only one."""
    for variable in ("ONELEADER_CC", "CC"):
        if command := shlex.split(os.environ.get(variable, "")):
            yield tuple(command)
            return
    for name in ("cc", "gcc", "clang"):
        yield (name,)
    if importlib.util.find_spec("ziglang") is not None:
        yield (sys.executable, "-m", "ziglang", "cc")


def find_compilers() -> list[tuple[str, ...]]:
    """Those of them that are there. Raises NoCompiler."""
    found = {path: (path, *command[1:]) for command in compilers() if (path := shutil.which(command[0])) is not None}
    if not found:
        raise NoCompiler("no C compiler was found")
    return list(found.values())


@cache
def native_flags() -> tuple[str, ...]:
    """For the processor at hand, where the compiler's name for that is the same everywhere."""
    return ("-march=native",) if platform.machine() in ("x86_64", "AMD64") else ()


def _processor() -> str:
    """What `-march=native` depends on: a cache may be shared between machines."""
    try:
        with Path("/proc/cpuinfo").open(encoding="ascii", errors="replace") as file:
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        flags = ""
    return platform.machine() + flags


def _identity(command: tuple[str, ...]) -> str:
    """Changes when the compiler does."""
    status = Path(command[0]).resolve().stat()
    return f"{command} {status.st_size} {status.st_mtime_ns}"


def build(text: str, level: str = OPTIMISED) -> Path:
    """The shared library of a C text. Raises NoCompiler or CompilerFailed."""
    failed: list[CompilerFailed] = []
    for command in find_compilers():
        try:
            return _build(text, command, level)
        except CompilerFailed as problem:
            failed.append(problem)
        except OSError as problem:
            failed.append(CompilerFailed(f"the model cannot be compiled: {problem}"))
    raise failed[0]


def _build(text: str, command: tuple[str, ...], level: str) -> Path:
    """With this compiler; or what it has built before, if that is still whole."""
    plain = (level, *FLAGS)
    flags = (*plain, *native_flags())
    key = "\0".join((text, _identity(command), " ".join(flags), _processor()))
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    directory = writable_cache()
    for library in directory.glob(f"{name}-*.so"):
        with suppress(FileNotFoundError):  # another process may have found out, too
            if library.name == _name(name, library):
                return library
            library.unlink()  # cut short or changed: to load it may crash
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        source = Path(scratch) / "model.c"
        built = Path(scratch) / "model.so"
        source.write_text(text, encoding="utf-8")
        output = ""
        for attempt in (flags, plain):  # an odd compiler may not know the processor
            run = subprocess.run(
                [*command, *attempt, "-o", str(built), str(source)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
            )
            if run.returncode == 0 and built.exists():
                library = directory / _name(name, built)
                built.replace(library)
                return library
            output = _complaint(run.stderr) or f"it exited with status {run.returncode} and no library"
    raise CompilerFailed(f"the C compiler {shlex.join(command)} failed: {output}")


def _name(key: str, library: Path) -> str:
    """A library's name says what is in it, so that one that was damaged is not taken for whole."""
    return f"{key}-{hashlib.sha256(library.read_bytes()).hexdigest()[:32]}.so"


def _complaint(output: str) -> str:
    """The line of a compiler's output that matters most."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line), lines[-1] if lines else "")
