"""ZooKeeper, a real server: what is its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from typing import Any

import pytest

from bench.servers import Server, ZooKeeperServer, said
from runtime.coordination.client import library
from runtime.coordination.service import Unavailable
from runtime.coordination.zookeeper import ZooKeeperLock
from tests.runtime.coordination.proxy import proxy_to
from tests.runtime.coordination.worlds import answered, closing, granted, granted_in_time


def lock(server: Server, name: str, **named: Any) -> ZooKeeperLock:
    return ZooKeeperLock(f"127.0.0.1:{server.port}", f"/own/{name}-{os.getpid()}", **{"tick_time": 0.0, **named})


def watches(server: Server) -> int:
    """How many the server keeps."""
    return int(said(server.port, b"wchs").rpartition(b":")[2])


async def test_half_a_tick_more_is_asked_for_than_is_counted_on(zookeeper_server: Server) -> None:
    tick = ZooKeeperServer.tick
    below, within, above = (
        lock(zookeeper_server, "below", tick_time=tick),
        lock(zookeeper_server, "within", tick_time=tick),
        lock(zookeeper_server, "above"),
    )
    async with closing(below, within, above):
        assert (await granted(below, 0.05)).time_to_live == pytest.approx(0.2 - tick / 2)
        grant = await granted(within, 30)
        assert grant.time_to_live == pytest.approx(30)
        assert await within.renew(grant.token) == grant.time_to_live
        assert (await granted(within, 3)).time_to_live == grant.time_to_live  # the session is the one it was
        assert (await granted(above, 3600)).time_to_live == 60


async def test_one_is_told_and_not_the_herd(zookeeper_server: Server) -> None:
    holder, *others = (lock(zookeeper_server, "herd") for _ in range(4))
    told: list[int] = []

    async def wait(place: int) -> None:
        async with contextlib.aclosing(others[place].freed()) as hints:
            while await anext(hints, False) is None:
                told.append(place)

    async with closing(holder, *others):
        first = await granted(holder, 30)
        for other in others:
            assert await other.acquire(30) is None
        waiting = [asyncio.create_task(wait(place)) for place in range(3)]
        await holder.release(first.token)
        while not told:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert told == [0]
        second = await granted(others[0], 30)
        assert second.token > first.token
        await others[1].close()  # who leaves the queue does not break it
        await others[0].release(second.token)
        while 2 not in told:
            await asyncio.sleep(0.01)
        await granted_in_time(others[2], 30)
        assert watches(zookeeper_server) == 0
    await asyncio.gather(*waiting)


async def test_who_is_next_and_does_not_ask_is_passed_over(zookeeper_server: Server) -> None:
    """Its pings alone would keep it in front for ever."""
    holder, idle, last = (lock(zookeeper_server, "idle") for _ in range(3))
    async with closing(holder, idle, last):
        first = await granted(holder, 30)
        assert await idle.acquire(0.5) is None
        assert await last.acquire(30) is None
        await holder.release(first.token)
        assert (await granted_in_time(last, 30)).token > first.token
        assert await idle.acquire(0.5) is None


async def test_a_loop_that_hangs_loses_the_lock(zookeeper_server: Server) -> None:
    """kazoo's thread would go on with its pings."""
    hanging = lock(zookeeper_server, "hanging")
    freed = asyncio.Event()

    def client_of_its_own() -> None:
        async def hang() -> None:
            await granted(hanging_there := lock(zookeeper_server, "hanging"), 0.5)
            while not freed.is_set():  # the loop does nothing else
                time.sleep(0.01)
            await hanging_there.close()

        asyncio.run(hang())

    there = asyncio.create_task(asyncio.to_thread(client_of_its_own))
    async with closing(hanging):
        await asyncio.sleep(0.1)
        await granted_in_time(hanging, 30)
        freed.set()
        await there


async def test_a_node_that_somebody_deleted_is_no_lock(zookeeper_server: Server) -> None:
    one, other = lock(zookeeper_server, "deleted"), lock(zookeeper_server, "deleted")
    kazoo = library("kazoo.client", "zookeeper").KazooClient(f"127.0.0.1:{zookeeper_server.port}")

    def delete_all() -> None:
        kazoo.start()
        path = f"/own/deleted-{os.getpid()}"
        for name in kazoo.get_children(path):
            kazoo.delete(f"{path}/{name}")
        kazoo.delete(path)  # so that the numbers in the names begin anew
        kazoo.stop()
        kazoo.close()

    async with closing(one, other):
        grant = await granted(one, 30)
        await asyncio.to_thread(delete_all)
        assert await one.renew(grant.token) is None
        second = await granted(other, 30)
        assert second.token > grant.token
        await one.release(grant.token)
        assert await other.renew(second.token) is not None


async def test_a_session_that_is_over_begins_anew(zookeeper_server: Server) -> None:
    async with proxy_to(zookeeper_server.port) as proxy:
        cut_off = ZooKeeperLock(f"127.0.0.1:{proxy.port}", "/own/over", tick_time=0.0, timeout=1.0)
        async with closing(cut_off):
            first = await granted(cut_off, 0.5)
            proxy.cut()
            await asyncio.sleep(1.0)
            with pytest.raises(Unavailable):
                await cut_off.acquire(0.5)
            proxy.heal()
            assert (await granted_in_time(cut_off, 30)).token > first.token
            assert await answered(lambda: cut_off.renew(first.token)) is None


async def test_only_who_has_the_password_touches_the_nodes(zookeeper_server: Server) -> None:
    known, stranger = (
        lock(zookeeper_server, "password", auth=[("digest", f"{name}:geheim")]) for name in ("me", "somebody")
    )
    async with closing(known, stranger):
        grant = await granted(known, 30)
        with pytest.raises(Unavailable, match="NoAuth"):
            await stranger.acquire(30)
        assert await known.renew(grant.token) is not None


async def test_threads_end_with_the_client(zookeeper_server: Server) -> None:
    before = threading.active_count()
    one = lock(zookeeper_server, "threads")
    await granted(one, 30)
    assert threading.active_count() > before
    await one.close()
    while threading.active_count() > before:
        await asyncio.sleep(0.01)
