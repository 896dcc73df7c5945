"""The runtime as a part of an emitted package, so that the package stands alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from codegen.python.module import Module

IMPORT = re.compile(r"^(\s*)(from|import) runtime\b", re.MULTILINE)


def runtime_modules(folder: Path, package: str) -> Iterator[Module]:
    """The runtime's modules from its folder, as those of `package.runtime`. Raises OSError."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        yield Module(f"runtime/{path.relative_to(folder).as_posix()}", IMPORT.sub(rf"\1\2 {package}.runtime", text))
