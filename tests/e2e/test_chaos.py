"""Real nodes under faults for a few seconds; `make chaos` does it for an hour."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.__main__ import judged, suffer


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_happens_gives_two_leaders(tmp_path: Path, seed: int) -> None:
    world = asyncio.run(suffer(tmp_path, 8.0, 3, seed))
    assert "0 tokens" not in judged(world)
