"""A protocol as the files of a Python package."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from codegen.python.module import Module, modules_of
from codegen.python.names import module_name
from codegen.python.quoting import safe, source_name
from spec.protocol import Protocol

LINE_LENGTH = 120


class NoFormatter(Exception):
    """What formats emitted code is not installed."""


def package_of(protocol: Protocol, runtime: str = "runtime") -> tuple[Module, ...]:
    """The modules of a package, formatted. `runtime` is how they import what they stand on. Raises NotEmitted and
    NoFormatter."""
    modules = (
        Module("__init__.py", _init(protocol)),
        Module("__main__.py", _main(protocol, runtime)),
        *modules_of(protocol, runtime),
    )
    own = [runtime.split(".")[0]] if not runtime.startswith(".") else []
    return tuple(Module(one.name, formatted(one.text, own)) for one in modules)


def _init(protocol: Protocol) -> str:
    said = f": {safe(protocol.description)}" if protocol.description else ""
    return f'"""{protocol.name}{said}\n\nEmitted from {source_name(protocol)} by Oneleader."""\n'


def _main(protocol: Protocol, runtime: str) -> str:
    modules = [module_name(kind.name) for kind in protocol.kinds]
    listed = ", ".join(f'"{kind.name}": {module}.PROCESS' for kind, module in zip(protocol.kinds, modules, strict=True))
    return f'''"""Runs a node of {protocol.name}: python -m PACKAGE node.toml

Emitted from {source_name(protocol)} by Oneleader."""

import sys

from . import {", ".join(modules)}
from {runtime}.main import main


def run() -> int:
    """The status with which the command ends."""
    return main({{{listed}}})


if __name__ == "__main__":
    sys.exit(run())
'''


def formatted(text: str, own: Sequence[str] = ()) -> str:
    """Python in its canonical form, without imports that it does not need. `own` are the packages that are no other
    project's."""
    try:
        from ruff import find_ruff_bin  # type: ignore[import-untyped]

        ruff = find_ruff_bin()
    except (ImportError, FileNotFoundError):
        raise NoFormatter from None
    settings = ["--isolated", "--quiet", "--line-length", str(LINE_LENGTH), "--stdin-filename", "emitted.py"]
    settings += ["--config", f"lint.isort.known-first-party={json.dumps(sorted(set(own)))}"]
    for command in (["check", "--fix", "--exit-zero", "--select", "F401,I001"], ["format"]):
        done = subprocess.run([ruff, *command, *settings, "-"], input=text, capture_output=True, text=True, check=True)
        text = done.stdout
    return text
