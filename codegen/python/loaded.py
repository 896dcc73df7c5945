"""An emitted package at work without files: for tests, and for simulation."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from types import ModuleType

from codegen.python.module import names_of
from spec.protocol import Protocol

_number = count()


@contextmanager
def loaded(protocol: Protocol, texts: Mapping[str, str]) -> Iterator[dict[str, ModuleType]]:
    """The modules of each kind of process, run from their text."""
    package = f"emitted_{next(_number)}"
    before = set(sys.modules)
    try:
        modules: dict[str, ModuleType] = {}
        order = sorted(texts, key=lambda name: (name != "__init__.py", name != "messages.py"))
        for name in order:
            if name == "__main__.py":  # a command, which runs a node
                continue
            called = package if name == "__init__.py" else f"{package}.{name.removesuffix('.py')}"
            module = modules[name] = ModuleType(called)
            module.__package__ = package
            if name == "__init__.py":
                module.__path__ = []
            sys.modules[called] = module
            exec(compile(texts[name], f"<{called}>", "exec", dont_inherit=True), module.__dict__)
        yield {kind: modules[given["module"]] for kind, given in names_of(protocol).items()}
    finally:
        for name in set(sys.modules) - before:
            if name.split(".")[0] == package:
                del sys.modules[name]
