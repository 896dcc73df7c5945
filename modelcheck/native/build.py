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
from functools import cache
from pathlib import Path

FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-strict-aliasing", "-w", "-pthread")


class NoCompiler(Exception):
    """There is no C compiler."""


class CompilerFailed(Exception):
    """There is a C compiler, and it refused the text; the message has its output."""


def compilers() -> Iterator[tuple[str, ...]]:
    """Commands that may compile C, the most wanted first."""
    for variable in ("ONELEADER_CC", "CC"):
        if value := os.environ.get(variable):
            yield tuple(shlex.split(value))
    for name in ("cc", "gcc", "clang"):
        yield (name,)
    if importlib.util.find_spec("ziglang") is not None:
        yield (sys.executable, "-m", "ziglang", "cc")


def find_compiler() -> tuple[str, ...]:
    for command in compilers():
        if command and (path := shutil.which(command[0])):
            return (path, *command[1:])
    raise NoCompiler("no C compiler was found")


@cache
def native_flags() -> tuple[str, ...]:
    """For the processor at hand, where the compiler's name for that is the same everywhere."""
    return ("-march=native",) if platform.machine() in ("x86_64", "AMD64") else ()


def cache_directory() -> Path:
    if value := os.environ.get("ONELEADER_CACHE"):
        return Path(value)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "oneleader"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oneleader"


def _writable_cache() -> Path:
    directory = cache_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if os.access(directory, os.W_OK):
            return directory
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="oneleader-"))


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


def build(text: str) -> Path:
    """The shared library of a C text. Raises NoCompiler or CompilerFailed."""
    command = find_compiler()
    wanted = tuple(shlex.split(os.environ.get("ONELEADER_CFLAGS", "")))
    flags = (*FLAGS, *native_flags(), *wanted)
    key = "\0".join((text, _identity(command), " ".join(flags), _processor()))
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    directory = _writable_cache()
    library = directory / f"{name}.so"
    if library.exists():
        return library
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        source = Path(scratch) / "model.c"
        built = Path(scratch) / "model.so"
        source.write_text(text, encoding="utf-8")
        output = ""
        for attempt in (flags, (*FLAGS, *wanted)):  # an odd compiler may not know the processor
            run = subprocess.run([*command, *attempt, "-o", str(built), str(source)], capture_output=True, text=True)
            if run.returncode == 0:
                built.replace(library)
                return library
            output = run.stderr.strip() or f"{command[0]} exited with {run.returncode}"
    raise CompilerFailed(output)
