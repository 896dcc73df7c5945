"""Servers, started once for all tests of a worker, and tests that are coroutines."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.servers import EtcdServer, FirstHostingGroup, Server, ZooKeeperServer
from runtime.coordination.hosted import HostedLock
from runtime.transport.addresses import Address
from tests.runtime.coordination import worlds
from tests.runtime.coordination.standin_consul import ConsulStandin
from tests.runtime.coordination.standin_kubernetes import KubernetesStandin
from tests.runtime.coordination.worlds import PATIENCE, World

SPEED = 10.0


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs a test that is a coroutine."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}

    async def scenario() -> None:
        async with asyncio.timeout(PATIENCE):
            await pyfuncitem.obj(**arguments)

    asyncio.run(scenario())
    return True


def started(kind: type[Server], folder: Path) -> Iterator[Server]:
    if not kind.installed():  # type: ignore[attr-defined]
        pytest.skip(f"{kind.needs} is not installed")
    server = kind(folder)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def etcd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from started(EtcdServer, tmp_path_factory.mktemp("etcd"))


@pytest.fixture(scope="session")
def zookeeper_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from started(ZooKeeperServer, tmp_path_factory.mktemp("zookeeper"))


@pytest.fixture(scope="session")
def kubernetes_standin() -> Iterator[KubernetesStandin]:
    standin = KubernetesStandin()
    yield standin
    standin.kill()


@pytest.fixture(scope="session")
def consul_standin() -> Iterator[ConsulStandin]:
    standin = ConsulStandin(SPEED)
    yield standin
    standin.kill()


@pytest.fixture(scope="session")
def hosting_group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Whose first node leads, and has waited out the longest lease."""
    server = FirstHostingGroup(tmp_path_factory.mktemp("hosted"))
    server.start()

    async def grants() -> None:
        client = HostedLock([Address("127.0.0.1", server.port)], "first")
        try:
            await worlds.granted_in_time(client, 1.0)
        finally:
            await client.close()

    try:
        asyncio.run(grants())
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["etcd", "zookeeper", "kubernetes", "consul", "hosted"])
def world(request: pytest.FixtureRequest) -> World:
    """Each back end."""
    match request.param:
        case "etcd":
            return worlds.etcd(request.getfixturevalue("etcd_server"))
        case "zookeeper":
            return worlds.zookeeper(request.getfixturevalue("zookeeper_server"))
        case "kubernetes":
            return worlds.kubernetes(request.getfixturevalue("kubernetes_standin"))
        case "hosted":
            return worlds.hosted(request.getfixturevalue("hosting_group"))
        case _:
            return worlds.consul(request.getfixturevalue("consul_standin"), SPEED)
