"""The C compiler, for tests that compile models."""

from __future__ import annotations

import pytest

from modelcheck.native import build


def has_compiler() -> bool:
    try:
        build.find_compilers()
    except build.NoCompiler:
        return False
    return True


needs_compiler = pytest.mark.skipif(not has_compiler(), reason="there is no C compiler")
