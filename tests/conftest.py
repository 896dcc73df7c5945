"""What tests of several folders ask for by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelcheck.native import build


@pytest.fixture(scope="module")
def quickly_compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each protocol is compiled for a few thousand states: what the compiler takes counts, not what it makes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "FLAGS", (*build.FLAGS, "-O0"))
        patch.setenv("ONELEADER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
