"""What every back end promises. etcd and ZooKeeper are real servers; Kubernetes and Consul are stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterator

import pytest

from bench.servers import free_ports
from runtime.coordination.service import MAX_TOKEN, Unavailable
from tests.runtime.coordination.proxy import proxy_to
from tests.runtime.coordination.worlds import World, answered, granted, granted_in_time, taken_when_told

IMPATIENT = 0.5
"""A timeout for calls that are not to be answered."""

# Holding -------------------------------------------------------------------------------------------------------------


async def test_one_holds_and_others_do_not(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        grant = await granted(one, world.long)
        assert 0 <= grant.token <= MAX_TOKEN
        assert 0 < grant.time_to_live < math.inf
        assert await other.acquire(world.long) is None


async def test_locks_have_nothing_to_do_with_each_other(world: World) -> None:
    async with world.lock() as client, world.lock() as other_client:
        await granted(client(), world.long)
        await granted(other_client(), world.long)


async def test_who_holds_it_is_given_the_same_grant_again(world: World) -> None:
    async with world.lock() as client:
        one = client()
        grant = await granted(one, world.long)
        assert await one.acquire(world.long) == grant
        assert await one.renew(grant.token) == grant.time_to_live
        assert await one.acquire(world.long) == grant


async def test_a_renewal_keeps_it_for_longer_than_its_time(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        grant = await granted(one, world.short)
        begun = time.monotonic()
        kept = True
        while kept and time.monotonic() < begun + 1.7 * grant.time_to_live / world.speed:
            asked = time.monotonic()
            kept = await one.renew(grant.token) is not None
            if not kept:  # the machine stood still for longer than the time to live
                assert time.monotonic() - asked > 0.5 * grant.time_to_live / world.speed
            if await other.acquire(world.short) is not None:
                assert await one.renew(grant.token) is None
                break
            await asyncio.sleep(grant.time_to_live / world.speed / 10)
        else:
            assert kept
            assert await one.acquire(world.short) == grant


async def test_only_a_grant_that_stands_is_renewed(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        assert await one.renew(0) is None
        assert await one.renew(1) is None
        grant = await granted(one, world.long)
        assert await one.renew(grant.token + 1) is None
        assert await one.renew(max(grant.token - 1, 0)) is None
        assert await other.renew(grant.token) is None
        assert await one.renew(grant.token) is not None


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.inf, math.nan])
async def test_a_time_to_live_is_a_time(world: World, wrong: float) -> None:
    async with world.lock() as client:
        with pytest.raises(ValueError, match="time to live"):
            await client().acquire(wrong)


# Releasing -----------------------------------------------------------------------------------------------------------


async def test_what_is_released_is_free_at_once(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        first = await granted(one, world.long)
        assert await other.acquire(world.long) is None
        await one.release(first.token)
        second = await granted(other, world.long)
        assert second.token > first.token
        assert await one.renew(first.token) is None
        assert await one.acquire(world.long) is None


async def test_a_late_release_takes_nothing_from_the_next_holder(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        first = await granted(one, world.long)
        await one.release(first.token)
        second = await granted(other, world.long)
        await one.release(first.token)
        assert await other.renew(second.token) is not None
        assert await client().acquire(world.long) is None


async def test_a_late_release_takes_nothing_from_ones_own_next_grant(world: World) -> None:
    async with world.lock() as client:
        one = client()
        first = await granted(one, world.long)
        await one.release(first.token)
        second = await granted(one, world.long)
        assert second.token > first.token
        await one.release(first.token)
        assert await one.renew(second.token) is not None
        assert await client().acquire(world.long) is None


async def test_to_release_what_one_never_had_does_nothing(world: World) -> None:
    async with world.lock() as client:
        one = client()
        await one.release(0)
        await one.release(MAX_TOKEN)
        grant = await granted(one, world.long)
        await one.release(grant.token + 1)
        assert await one.renew(grant.token) is not None


# Time ----------------------------------------------------------------------------------------------------------------


async def test_who_does_not_renew_loses_it_not_before_its_time(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        asked = time.monotonic()
        first = await granted(one, world.short)
        second = await granted_in_time(other, world.short)
        assert time.monotonic() - asked >= first.time_to_live / world.speed
        assert second.token > first.token
        assert await one.renew(first.token) is None


async def test_a_late_release_after_the_time_is_over_takes_nothing(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        first = await granted(one, world.short)
        second = await granted_in_time(other, world.long)
        await one.release(first.token)
        assert await other.renew(second.token) is not None
        assert await one.acquire(world.long) is None


async def test_who_lost_it_has_it_again_with_a_greater_token(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        first = await granted(one, world.short)
        second = await granted_in_time(other, world.long)
        await other.release(second.token)
        third = await granted_in_time(one, world.long)
        assert first.token < second.token < third.token


# Tokens --------------------------------------------------------------------------------------------------------------


async def test_tokens_grow_over_many_handovers(world: World) -> None:
    async with world.lock() as client:
        clients = [client() for _ in range(3)]
        tokens = []
        for turn in range(30):
            holder = clients[turn % 3]
            grant = await granted_in_time(holder, world.long)
            tokens.append(grant.token)
            await holder.release(grant.token)
        assert tokens == sorted(set(tokens))


async def test_tokens_grow_over_clients_that_come_and_go(world: World) -> None:
    """Nothing is left of the lock between two of them."""
    async with world.lock() as client:
        tokens = []
        for _ in range(4):
            one = client()
            tokens.append((await granted_in_time(one, world.long)).token)
            await one.close()
        assert tokens == sorted(set(tokens))


async def test_of_two_that_race_never_both_hold_it(world: World) -> None:
    async with world.lock() as client:
        both = client(), client()
        last = -1
        for _ in range(50):
            grants = await asyncio.gather(*(each.acquire(world.long) for each in both))
            held = [(each, grant) for each, grant in zip(both, grants, strict=True) if grant is not None]
            assert len(held) == 1
            ((holder, grant),) = held
            assert grant.token > last
            last = grant.token
            await holder.release(grant.token)


# Hints ---------------------------------------------------------------------------------------------------------------


async def test_who_waits_is_told_of_a_release(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        first = await granted(one, world.long)
        assert await other.acquire(world.long) is None
        waiting = asyncio.create_task(taken_when_told(other, world.long))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await one.release(first.token)
        assert (await waiting).token > first.token


async def test_who_waits_is_told_when_the_time_is_over(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        first = await granted(one, world.short)
        assert (await taken_when_told(other, world.long)).token > first.token


async def test_who_waits_is_told_over_a_broken_connection(world: World) -> None:
    async with world.lock() as client, proxy_to(world.server.port) as proxy:
        one, other = client(), client(proxy.port)
        first = await granted(one, world.long)
        assert await other.acquire(world.long) is None
        waiting = asyncio.create_task(taken_when_told(other, world.long))
        await asyncio.sleep(0.2)
        proxy.reset()
        await asyncio.sleep(0.1)
        await one.release(first.token)
        assert (await waiting).token > first.token


# A service that cannot be reached ------------------------------------------------------------------------------------


@contextlib.contextmanager
def paused(world: World) -> Iterator[None]:
    world.server.pause()
    try:
        yield
    finally:
        world.server.resume()


async def test_a_service_that_stands_still_is_unavailable(world: World) -> None:
    async with world.lock() as client:
        one, other = client(timeout=IMPATIENT), client(timeout=IMPATIENT)
        grant = await granted_in_time(one, world.long)
        await answered(lambda: other.acquire(world.long))
        with paused(world):
            with pytest.raises(Unavailable):
                await one.renew(grant.token)
            with pytest.raises(Unavailable):
                await other.acquire(world.long)
            with pytest.raises(Unavailable):
                await one.acquire(world.long)
        assert await answered(lambda: one.renew(grant.token)) is not None
        assert await answered(lambda: other.acquire(world.long)) is None


async def test_a_release_that_was_lost_is_not_granted_again(world: World) -> None:
    async with world.lock() as client, proxy_to(world.server.port) as proxy:
        one = client(proxy.port, timeout=IMPATIENT)
        first = await granted_in_time(one, world.long)
        proxy.cut()
        with pytest.raises(Unavailable):
            await one.release(first.token)
        proxy.heal()
        second = await granted_in_time(one, world.long)
        assert second.token > first.token
        await asyncio.sleep(0.2)  # for what was sent first to arrive
        assert await answered(lambda: one.renew(second.token)) is not None
        assert await one.renew(first.token) is None


async def test_a_release_that_never_had_its_turn_is_not_granted_again(world: World) -> None:
    async with world.lock() as client, proxy_to(world.server.port) as proxy:
        one = client(proxy.port, timeout=IMPATIENT)
        first = await granted_in_time(one, world.long)
        proxy.cut()
        calls = await asyncio.gather(
            one.renew(first.token), one.renew(first.token), one.release(first.token), return_exceptions=True
        )
        assert [type(each) for each in calls] == [Unavailable] * 3
        proxy.heal()
        second = await granted_in_time(one, world.long)
        assert second.token > first.token
        assert await one.renew(first.token) is None
        assert await answered(lambda: one.renew(second.token)) is not None


async def test_a_release_can_be_tried_again(world: World) -> None:
    async with world.lock() as client, proxy_to(world.server.port) as proxy:
        one, other = client(proxy.port, timeout=IMPATIENT), client()
        first = await granted_in_time(one, world.long)
        proxy.cut()
        with pytest.raises(Unavailable):
            await one.release(first.token)
        proxy.reset()
        proxy.heal()
        await answered(lambda: one.release(first.token))
        assert (await granted_in_time(other, world.long)).token > first.token


async def test_an_acquire_whose_answer_was_lost_is_not_lost(world: World) -> None:
    async with world.lock() as client, proxy_to(world.server.port) as proxy:
        one, other = client(proxy.port, timeout=IMPATIENT), client()
        first = await granted_in_time(one, world.long)
        await answered(lambda: one.release(first.token))
        proxy.cut_answers()
        with pytest.raises(Unavailable):
            await one.acquire(world.long)
        proxy.heal()
        grant = await granted_in_time(one, world.long)
        assert grant.token > first.token
        assert await other.acquire(world.long) is None
        assert await answered(lambda: one.renew(grant.token)) is not None


async def test_who_asks_for_less_and_is_not_answered_keeps_what_it_has(world: World) -> None:
    """It counts on what it was granted before."""
    async with world.lock() as client, proxy_to(world.server.port) as proxy:
        one, other = client(proxy.port, timeout=IMPATIENT), client()
        first = await granted_in_time(one, world.long)
        proxy.cut_answers()
        with pytest.raises(Unavailable):
            await one.acquire(world.short)
        await asyncio.sleep(2.5 * world.short / world.speed)
        assert await answered(lambda: other.acquire(world.long)) is None
        proxy.heal()
        assert await answered(lambda: one.renew(first.token)) is not None


async def test_who_is_cut_off_loses_it_and_knows_when_it_is_back(world: World) -> None:
    async with world.lock() as client, proxy_to(world.server.port) as proxy:
        one, other = client(proxy.port, timeout=IMPATIENT), client()
        asked = time.monotonic()
        first = await granted_in_time(one, world.short)
        proxy.cut()
        with pytest.raises(Unavailable):
            await one.renew(first.token)
        second = await granted_in_time(other, world.long)
        assert time.monotonic() - asked >= first.time_to_live / world.speed
        assert second.token > first.token
        proxy.heal()
        assert await answered(lambda: one.renew(first.token)) is None
        assert await answered(lambda: one.acquire(world.long)) is None
        assert await other.renew(second.token) is not None


async def test_nobody_at_the_address_is_unavailable(world: World) -> None:
    async with world.lock() as client:
        one = client(free_ports(1)[0], timeout=IMPATIENT)
        with pytest.raises(Unavailable):
            await one.acquire(world.long)


async def test_calls_wait_for_each_other_no_longer_than_their_timeout(world: World) -> None:
    async with world.lock() as client:
        one = client(timeout=IMPATIENT)
        await granted_in_time(one, world.long)
        with paused(world):
            calls = await asyncio.gather(*(one.acquire(world.long) for _ in range(5)), return_exceptions=True)
        assert [type(each) for each in calls] == [Unavailable] * 5


async def test_a_call_can_be_cancelled(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        await granted(one, world.long)
        with paused(world):
            for call in (one.acquire(world.long), other.acquire(world.long)):
                task = asyncio.ensure_future(call)
                await asyncio.sleep(0.05)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
        await granted_in_time(one, world.long)
        assert await answered(lambda: other.acquire(world.long)) is None


# Ending --------------------------------------------------------------------------------------------------------------


async def test_who_ends_gives_back_what_it_holds(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        first = await granted(one, world.long)
        await one.close()
        await one.close()
        assert (await granted_in_time(other, world.long)).token > first.token
        with pytest.raises(RuntimeError, match="closed"):
            await one.acquire(world.long)
        with pytest.raises(RuntimeError, match="closed"):
            await one.renew(first.token)


async def test_hints_end_with_the_client(world: World) -> None:
    async with world.lock() as client:
        one, other = client(), client()
        await granted(one, world.long)

        async def all_of_them() -> int:
            return len([None async for _ in other.freed()])

        told = asyncio.create_task(all_of_them())
        await asyncio.sleep(0.1)
        await other.close()
        assert await told <= 1
        assert [None async for _ in other.freed()] == []


async def test_who_ends_does_not_wait_for_a_service_that_stands_still(world: World) -> None:
    async with world.lock() as client:
        one = client(timeout=IMPATIENT)
        await granted_in_time(one, world.long)
        with paused(world):
            await one.close()


# A server that dies --------------------------------------------------------------------------------------------------


async def test_a_server_that_was_killed_remembers(world: World) -> None:
    server = world.restartable
    if server is None:
        pytest.skip("a stand-in has no disk")
    async with world.lock() as client:
        one, other = client(timeout=2.0), client(timeout=2.0)
        first = await granted_in_time(one, world.long)
        server.kill()
        with pytest.raises(Unavailable):
            await one.renew(first.token)
        await asyncio.to_thread(server.start)
        assert await answered(lambda: other.acquire(world.long)) is None
        assert await answered(lambda: one.renew(first.token)) is not None
        await answered(lambda: one.release(first.token))
        assert (await granted_in_time(other, world.long)).token > first.token
