"""Locks that the leader of a group of real nodes hosts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.servers import free_ports
from generated.raft.node import PROCESS
from runtime.config import Config, settings_of
from runtime.coordination.hosted import HostedLock
from runtime.coordination.hosted_table import COUNTS, Table
from runtime.coordination.hosted_wire import Request
from runtime.coordination.hosting import Host, NotAHost, hosting
from runtime.coordination.service import Unavailable
from runtime.node import Node, open_node
from runtime.transport.addresses import Address, parse_address

LONGEST = 0.6
TIMERS = {"election": "100 ms .. 200 ms", "heartbeat": "20 ms"}


class Group:
    """Three nodes, each of which can be closed by itself."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports(6)
        self.folder = folder
        self.members = {f"node{i + 1}": f"127.0.0.1:{ports[i]}" for i in range(3)}
        self.locks = [Address("127.0.0.1", port) for port in ports[3:]]
        self.stacks: dict[int, contextlib.AsyncExitStack] = {}
        self.nodes: dict[int, Node] = {}
        self.hosts: dict[int, Host] = {}

    async def open(self, number: int) -> None:
        name = f"node{number + 1}"
        config = Config("group", name, str(self.folder / f"{name}.db"), self.members, timers=TIMERS)
        stack = self.stacks[number] = contextlib.AsyncExitStack()
        node = await stack.enter_async_context(open_node(settings_of(config, {"node": PROCESS}), PROCESS))
        self.hosts[number], _ = await stack.enter_async_context(hosting(node, self.locks[number], LONGEST))
        self.nodes[number] = node

    async def close(self, number: int) -> None:
        del self.nodes[number]
        await self.stacks.pop(number).aclose()

    async def leader(self) -> int:
        while True:
            for number, node in self.nodes.items():
                if node.token() is not None:
                    return number
            await asyncio.sleep(0.005)

    def client(self, timeout: float = 10.0) -> HostedLock:
        return HostedLock(self.locks, "orders", timeout=timeout)


@contextlib.asynccontextmanager
async def group(folder: Path) -> AsyncIterator[Group]:
    whole = Group(folder)
    try:
        for number in range(3):
            await whole.open(number)
        yield whole
    finally:
        for number in tuple(whole.nodes):
            await whole.close(number)


async def granted(client: HostedLock, time_to_live: float = LONGEST) -> int:
    while True:
        with contextlib.suppress(Unavailable):
            if (grant := await client.acquire(time_to_live)) is not None:
                assert grant.time_to_live == pytest.approx(min(time_to_live, LONGEST))
                return grant.token
        await asyncio.sleep(0.01)


async def test_one_holds_and_the_next_has_a_greater_token(tmp_path: Path) -> None:
    async with group(tmp_path) as whole:
        one, other = whole.client(), whole.client()
        first = await granted(one)
        assert await other.acquire(LONGEST) is None
        assert await granted(one) == first
        assert await one.renew(first) == pytest.approx(LONGEST)
        await one.release(first)
        second = await granted(other)
        assert second > first
        assert await one.renew(first) is None
        await one.release(first)  # late, and of what is not held
        assert await other.renew(second) == pytest.approx(LONGEST)
        await asyncio.sleep(LONGEST)  # it has stopped to renew
        assert await granted(one, 30.0) > second
        await asyncio.gather(one.close(), other.close())


async def test_the_next_host_waits_out_the_leases_of_the_one_before(tmp_path: Path) -> None:
    async with group(tmp_path) as whole:
        loop = asyncio.get_running_loop()
        one, other = whole.client(), whole.client()
        first = await granted(one)
        host = await whole.leader()
        asked = loop.time()
        assert await one.renew(first) == pytest.approx(LONGEST)
        await whole.close(host)
        second = await granted(other)
        assert loop.time() >= asked + LONGEST
        assert second > first
        assert second // COUNTS > first // COUNTS, "the term is a later one"
        await asyncio.gather(one.close(), other.close())


async def test_a_host_that_is_cut_off_grants_nothing(tmp_path: Path) -> None:
    """It goes on to lead by its own word for a while: what counts is that a quorum answers after it was asked."""
    async with group(tmp_path) as whole:
        one = whole.client(timeout=0.5)
        token = await granted(one)
        host = await whole.leader()
        for number in tuple(whole.nodes):
            if number != host:
                await whole.close(number)
        with pytest.raises(Unavailable):
            await one.renew(token)
        await one.close()


async def test_who_waits_is_told(tmp_path: Path) -> None:
    async with group(tmp_path) as whole:
        one, other = whole.client(), whole.client()
        first = await granted(one)
        told: asyncio.Future[None] = asyncio.ensure_future(anext(aiter(other.freed())))
        await asyncio.sleep(0.1)
        await one.renew(first)
        assert not told.done()
        await one.release(first)
        await told
        assert await granted(other) > first
        await asyncio.gather(one.close(), other.close())


async def test_who_leads_again_in_the_same_term_goes_on_counting(tmp_path: Path) -> None:
    """A leader that loses touch with the others may hear from them again before anybody is elected. Then it forgets who
    holds which lock, and must not forget which tokens it has given."""
    async with group(tmp_path) as whole:
        one, other = whole.client(), whole.client()
        first = await granted(one)
        host = await whole.leader()
        token = whole.nodes[host].token()
        whole.hosts[host].changed(None)
        whole.hosts[host].changed(token)
        second = await granted(other)
        assert second > first
        assert second // COUNTS == first // COUNTS, "the term is the same"
        await asyncio.gather(one.close(), other.close())


async def test_one_host_counts_the_grants_of_a_node(tmp_path: Path) -> None:
    async with group(tmp_path) as whole:
        one = whole.client()
        first = await granted(one)
        await one.release(first)
        number = await whole.leader()
        node = whole.nodes[number]
        with pytest.raises(NotAHost, match="hosts locks already"):
            async with hosting(node, Address("127.0.0.1", 0), LONGEST):
                pass
        whole.hosts[number].end()
        again = Host(node, 0.01)
        again.begin()
        asked = asyncio.get_running_loop().time()
        while not (answer := await again.answer(Request("acquire", "orders", "somebody", time_to_live=0.01))).done:
            await asyncio.sleep(0.01)
        assert answer.token > first
        assert asyncio.get_running_loop().time() - asked > LONGEST / 2, "it waits out what was granted before"
        again.end()
        await one.close()


async def test_a_node_that_says_nothing_holds_nobody_up(tmp_path: Path) -> None:
    """As one that is stopped, or whose machine is off: connections to it are neither refused nor answered."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with group(tmp_path) as whole:
        at = Address("127.0.0.1", silent.sockets[0].getsockname()[1])
        one = HostedLock([at, *whole.locks], "orders", timeout=1.0)
        told: asyncio.Future[None] = asyncio.ensure_future(anext(aiter(one.freed())))
        token = await granted(one)
        assert await one.renew(token) is not None
        await one.release(token)
        await told
        await one.close()
    silent.close()


def test_a_request_is_for_a_time() -> None:
    for wrong in (b"-1", b"1e999"):
        with pytest.raises((msgspec.MsgspecError, ValueError)):
            msgspec.json.decode(b'{"what":"acquire","lock":"a","client":"b","time_to_live":%s}' % wrong, type=Request)


def test_who_asks_for_less_keeps_what_it_has() -> None:
    table = Table(7, 0.0)
    held = table.acquire("x", "a", 10.0, 0.0)
    assert held is not None and table.acquire("x", "a", 1.0, 1.0) == held
    assert table.renew("x", "a", held.token, 1.0, 2.0)
    assert table.acquire("x", "b", 1.0, 9.0) is None
    later = table.acquire("x", "b", 1.0, 10.0)
    assert later is not None and later.until == 11.0


async def test_nobody_there_is_unavailable() -> None:
    client = HostedLock([Address("127.0.0.1", port) for port in free_ports(2)], "orders", timeout=0.2)
    with pytest.raises(Unavailable, match=r"cannot be reached .*; .* cannot be reached"):
        await client.acquire(1.0)
    await client.close()


async def test_why_nobody_answers_is_told(tmp_path: Path) -> None:
    """A node that does not lead, and the address of something else."""
    async with group(tmp_path) as whole:
        follower = (await whole.leader() + 1) % 3
        other = parse_address(whole.members["node1"])
        client = HostedLock([whole.locks[follower], other], "orders", timeout=0.5)
        with pytest.raises(Unavailable, match=r"grants no locks now; .* does not speak as a host of locks"):
            await client.acquire(1.0)
        await client.close()


@given(st.data())
def test_a_table_grants_each_token_once_and_to_one(data: st.DataObject) -> None:
    """Against all that was granted before: a lock has one holder at a time, and tokens grow."""
    table, now = Table(7, 1.0), 0.0
    given_out: dict[int, tuple[str, str]] = {}
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
        client, lock = data.draw(st.sampled_from("abc")), data.draw(st.sampled_from("xy"))
        holder = table.holding(lock, now)
        match data.draw(st.sampled_from(["acquire", "renew", "release"])):
            case "acquire":
                held = table.acquire(lock, client, 0.4, now)
                assert (held is not None) == (now >= 1.0 and (holder is None or holder.client == client))
                if held is not None:
                    assert given_out.setdefault(held.token, (client, lock)) == (client, lock)
                    assert held.token == max(given_out) or holder is not None
                    assert held.until == now + 0.4
            case "renew":
                token = data.draw(st.sampled_from([holder.token if holder else 0, 7 * COUNTS + 1]))
                right = holder is not None and (holder.client, holder.token) == (client, token)
                assert table.renew(lock, client, token, 0.4, now) == right
            case _:
                token = holder.token if holder else 0
                right = holder is not None and holder.client == client
                assert table.release(lock, client, token, now) == right
                assert table.holding(lock, now) is None or not right
