"""Nodes on loopback, with real sockets and files, as a service uses them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from generated.raft.node import PROCESS
from runtime.config import Config, Settings, settings_of
from runtime.node import Node, NodeFailed, Term, open_node
from runtime.storage import StorageFailed, StorageInUse
from runtime.transport.tcp import TcpTransport

SECONDS = 20.0
"""For anything that has to happen at all."""


@pytest.fixture
def ports() -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(3)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


SHORT = {"election": "150 ms .. 300 ms", "heartbeat": "50 ms"}
LONG = {"election": "5 s .. 6 s", "heartbeat": "50 ms"}


def settings(folder: Path, ports: list[int], number: int, timers: dict[str, str]) -> Settings:
    config = Config(
        cluster="test",
        node=f"node{number}",
        members={f"node{i + 1}": f"127.0.0.1:{port}" for i, port in enumerate(ports)},
        state=str(folder / f"node{number}.db"),
        timers=timers,
    )
    return settings_of(config, {"node": PROCESS})


class Cluster:
    """Three nodes, each of which can be closed by itself."""

    def __init__(self, folder: Path, ports: list[int], timers: dict[str, str]) -> None:
        self.folder, self.ports, self.timers = folder, ports, timers
        self.stacks: dict[int, contextlib.AsyncExitStack] = {}
        self.nodes: dict[int, Node] = {}

    async def open(self, number: int) -> Node:
        stack = self.stacks[number] = contextlib.AsyncExitStack()
        node = await stack.enter_async_context(
            open_node(settings(self.folder, self.ports, number, self.timers), PROCESS)
        )
        self.nodes[number] = node
        return node

    async def close(self, number: int) -> None:
        del self.nodes[number]
        await self.stacks.pop(number).aclose()

    async def leader(self) -> tuple[int, int]:
        """Who knows that it leads, and with which token."""
        while True:
            for number, node in self.nodes.items():
                if (token := node.token()) is not None:
                    return number, token
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def cluster_of_three(folder: Path, ports: list[int], timers: dict[str, str] = SHORT) -> AsyncIterator[Cluster]:
    cluster = Cluster(folder, ports, timers)
    try:
        async with asyncio.timeout(SECONDS):
            for number in (1, 2, 3):
                await cluster.open(number)
            yield cluster
    finally:
        for number in list(cluster.stacks):
            await cluster.close(number)


def test_a_leader_is_told_and_another_follows_when_it_leaves(tmp_path: Path, ports: list[int]) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, token = await cluster.leader()
            assert cluster.nodes[number].status().token == token
            assert sum(node.token() is not None for node in cluster.nodes.values()) == 1
            await cluster.close(number)
            other, newer = await cluster.leader()
            assert other != number
            assert newer > token

    asyncio.run(main())


def test_when_a_leader_stops_nobody_waits_for_a_timeout(tmp_path: Path, ports: list[int]) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports, LONG) as cluster:
            first = cluster.nodes[1].replica
            first._timers.hasten("election", asyncio.get_running_loop().time())
            assert (await cluster.leader())[0] == 1
            # Those that follow it have heard from it: until then they wait for nobody.
            while any(cluster.nodes[one].replica.state.term != first.state.term for one in (2, 3)):
                await asyncio.sleep(0.005)
            await cluster.close(1)
            async with asyncio.timeout(4.0):
                number, token = await cluster.leader()
            assert token > first.state.term
            assert cluster.nodes[number].replica.counts.hastened == 1

    asyncio.run(main())


def test_a_body_is_cancelled_when_leadership_is_lost_and_the_next_term_can_come(
    tmp_path: Path, ports: list[int]
) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, _ = await cluster.leader()
            node = cluster.nodes[number]
            tokens: list[int] = []
            ended: list[str] = []

            async def serve() -> None:
                async for term in node.leadership():
                    async with term as token:
                        tokens.append(token)
                        try:
                            await asyncio.sleep(3600)
                        except asyncio.CancelledError:
                            ended.append("cancelled")
                            raise

            serving = asyncio.create_task(serve())
            while not tokens:
                await asyncio.sleep(0.005)
            others = [other for other in (1, 2, 3) if other != number]
            for other in others:
                await cluster.close(other)
            while not ended:
                await asyncio.sleep(0.005)
            assert node.token() is None
            assert not serving.done()
            # The others come back, and this one leads again at some time: with its old token, if none of them has led.
            for other in others:
                await cluster.open(other)
            while len(tokens) < 2:
                leader, _ = await cluster.leader()
                if leader != number:
                    await cluster.close(leader)
                    await cluster.open(leader)
                await asyncio.sleep(0.005)
            assert tokens[1] >= tokens[0]
            serving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await serving

    asyncio.run(main())


class Losing:
    """What a term needs of a node; `lose` is what a service may do to it by what it asks for."""

    def __init__(self) -> None:
        self.leads: int | None = 3
        self.terms: list[Term] = []

    def token(self) -> int | None:
        return self.leads

    def watch(self, term: Term) -> None:
        self.terms.append(term)

    def unwatch(self, term: Term) -> None:
        self.terms = [one for one in self.terms if one is not term]

    def lose(self) -> None:
        self.leads = None
        self.terms = [term for term in self.terms if term.still(None)]


@pytest.mark.parametrize("from_outside", [False, True])
def test_a_body_that_gives_the_leadership_up_at_its_end_cancels_nothing_else(from_outside: bool) -> None:
    async def main() -> str:
        node = Losing()
        try:
            async with Term(node):  # type: ignore[arg-type]
                node.lose()
                if from_outside:
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return "cancelled"
        return "goes on"

    assert asyncio.run(main()) == ("cancelled" if from_outside else "goes on")


def test_a_cancellation_from_outside_is_not_swallowed(tmp_path: Path, ports: list[int]) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, _ = await cluster.leader()
            entered = asyncio.Event()

            async def serve() -> None:
                async for term in cluster.nodes[number].leadership():
                    async with term:
                        entered.set()
                        await asyncio.sleep(3600)

            serving = asyncio.create_task(serve())
            await entered.wait()
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving

    asyncio.run(main())


def test_an_error_in_the_body_is_the_service_s_own(tmp_path: Path, ports: list[int]) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, _ = await cluster.leader()

            async def serve() -> None:
                async for term in cluster.nodes[number].leadership():
                    async with term:
                        raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await serve()

    asyncio.run(main())


def test_callbacks_are_told_of_both(tmp_path: Path, ports: list[int]) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            told: list[int | None] = []
            number, token = await cluster.leader()
            node = cluster.nodes[number]
            node.on_change(told.append)
            for other in [one for one in (1, 2, 3) if one != number]:
                await cluster.close(other)
            while not told:
                await asyncio.sleep(0.005)
            assert told == [None]
            assert token > 0

    asyncio.run(main())


def test_a_leader_that_is_closed_says_that_it_leads_no_more(
    tmp_path: Path, ports: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            told: list[int | None] = []
            number, _ = await cluster.leader()
            cluster.nodes[number].on_change(told.append)
            with caplog.at_level("INFO"):
                await cluster.close(number)
            assert told == [None]
            assert f"node{number} does not lead" in caplog.messages

    asyncio.run(main())


def test_a_callback_that_fails_at_the_end_leaves_nothing_open(tmp_path: Path, ports: list[int]) -> None:
    def fails(_: int | None) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, _ = await cluster.leader()
            node = cluster.nodes[number]
            node.on_change(fails)
            with pytest.raises(ZeroDivisionError):
                await cluster.close(number)
            assert isinstance(node.transport, TcpTransport)
            assert node.transport._open == set()
            await cluster.open(number)

    asyncio.run(main())


def test_each_callback_is_told_whatever_another_does(tmp_path: Path, ports: list[int]) -> None:
    """One fails, another one stops the node; those after them are told what is true then, and once."""
    told: list[int | None] = []

    def fails(_: int | None) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        async with open_node(settings(tmp_path, ports, 1, SHORT), PROCESS) as node:
            leads: list[int | None] = [3]
            node.token = lambda: leads[0]  # type: ignore[method-assign]

            def resigns(token: int | None) -> None:
                if token is not None:
                    leads[0] = None
                    node.look()

            node.on_change(fails)
            node.on_change(resigns)
            node.on_change(told.append)
            with pytest.raises(ZeroDivisionError):
                node.look()
            node._callbacks.clear()
            del node.token

    asyncio.run(main())
    assert told == [None]


def test_a_node_whose_disk_fails_stops_and_says_so(tmp_path: Path, ports: list[int]) -> None:
    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, token = await cluster.leader()
            follower = next(one for one in (1, 2, 3) if one != number)
            node = cluster.nodes[follower]

            def full(changed: object) -> None:
                raise StorageFailed("no space is left")

            node.replica._world.store.store = full  # type: ignore[method-assign]
            await cluster.close(number)
            with pytest.raises(NodeFailed, match="no space is left"):
                await node.failed()
            assert node.token() is None
            assert node.status().failure == "no space is left"
            with pytest.raises(NodeFailed):
                await anext(aiter(node.leadership()))
            assert token > 0

    asyncio.run(main())


def test_a_state_file_belongs_to_one_running_node(tmp_path: Path, ports: list[int]) -> None:
    async def main() -> None:
        async with open_node(settings(tmp_path, ports, 1, SHORT), PROCESS):
            with pytest.raises(StorageInUse):
                async with open_node(settings(tmp_path, ports, 1, SHORT), PROCESS):
                    pass

    asyncio.run(main())


def test_a_cut_link_to_a_living_leader_hastens_no_election(tmp_path: Path, ports: list[int]) -> None:
    """The leader's connections are broken again and again; it is there, so nobody gives up on it."""

    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, token = await cluster.leader()
            for _ in range(8):
                for node in cluster.nodes.values():
                    assert isinstance(node.transport, TcpTransport)
                    for connection in tuple(node.transport._open):
                        connection.abort()
                await asyncio.sleep(0.2)
            assert sum(node.replica.counts.hastened for node in cluster.nodes.values()) == 0
            assert cluster.nodes[number].replica.token == token

    asyncio.run(main())
