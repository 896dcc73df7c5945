"""A few thousand of the inputs of the fuzz harness."""

from __future__ import annotations

import asyncio

from tests.runtime.transport.fuzz_frames import SEEDS, throw, throw_mutated


def test_whatever_comes_in_nothing_is_raised() -> None:
    asyncio.run(throw_mutated(seed=1, inputs=4000))


def test_the_seeds_themselves_in_all_cuts() -> None:
    async def all_cuts() -> None:
        for seed in SEEDS:
            for first in range(256):
                await throw(bytes((first,)) + seed)

    asyncio.run(all_cuts())
