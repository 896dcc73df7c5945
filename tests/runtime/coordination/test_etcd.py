"""etcd, a real server: what is its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.servers import EtcdServer, Server, SlowEtcdServer, TlsEtcdServer, free_ports
from runtime.coordination.etcd import EtcdLock
from runtime.coordination.service import Grant, Unavailable
from tests.runtime.coordination.conftest import started
from tests.runtime.coordination.worlds import PATIENCE, closing, granted, granted_in_time
from tests.runtime.transport.certificates import authority


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def ask(server: Server, path: str, body: object) -> None:
    request = urllib.request.Request(url(server.port) + path, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        answer.read()


@pytest.fixture(scope="module")
def slow_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from started(SlowEtcdServer, tmp_path_factory.mktemp("slow"))


@pytest.fixture
def own_etcd(tmp_path: Path) -> Iterator[Server]:
    """One that a test can change for good."""
    yield from started(EtcdServer, tmp_path)


async def test_one_second_is_two_where_the_election_timeout_is_one(slow_etcd: Server) -> None:
    lock = EtcdLock([url(slow_etcd.port)], "rounded")
    async with closing(lock):
        assert (await granted(lock, 1.0)).time_to_live == 2.0


async def test_a_time_to_live_is_rounded_up_to_whole_seconds(etcd_server: Server) -> None:
    lock = EtcdLock([url(etcd_server.port)], "whole")
    async with closing(lock):
        grant = await granted(lock, 4.2)
        assert grant.time_to_live == 5.0
        assert await granted(lock, 7.0) == Grant(grant.token, 7.0)
        assert await lock.renew(grant.token) == 7.0


async def test_a_lease_that_lives_on_is_no_lock(etcd_server: Server) -> None:
    """Somebody deletes the key. Keeping the lease alive alone would not tell."""
    lock, other = (EtcdLock([url(etcd_server.port)], "deleted") for _ in range(2))
    async with closing(lock, other):
        grant = await granted(lock, 60)
        ask(etcd_server, "/v3/kv/deleterange", {"key": "ZGVsZXRlZA=="})
        assert await lock.renew(grant.token) is None
        second = await granted(other, 60)
        assert second.token > grant.token
        assert await lock.renew(grant.token) is None
        await lock.close()
        assert await other.renew(second.token) is not None


async def test_the_next_endpoint_is_asked(etcd_server: Server) -> None:
    lock = EtcdLock([url(free_ports(1)[0]), url(etcd_server.port)], "endpoints")
    async with closing(lock):
        grant = await granted(lock, 60)
        assert await lock.renew(grant.token) == 60


async def test_with_authentication(own_etcd: Server) -> None:
    ask(own_etcd, "/v3/auth/user/add", {"name": "root", "password": "geheim"})
    ask(own_etcd, "/v3/auth/role/add", {"name": "root"})
    ask(own_etcd, "/v3/auth/user/grant", {"user": "root", "role": "root"})
    ask(own_etcd, "/v3/auth/enable", {})
    endpoint = [url(own_etcd.port)]
    lock, waiting, nobody, wrong = (
        EtcdLock(endpoint, "key", user=("root", "geheim")),
        EtcdLock(endpoint, "another key", user=("root", "geheim")),
        EtcdLock(endpoint, "key"),
        EtcdLock(endpoint, "key", user=("root", "falsch")),
    )
    async with closing(lock, waiting, nobody, wrong):
        grant = await granted(lock, 60)
        with pytest.raises(Unavailable, match="user name is empty"):
            await nobody.acquire(60)
        with pytest.raises(Unavailable, match="authentication failed"):
            await wrong.acquire(60)
        async with contextlib.aclosing(waiting.freed()) as hints:
            await anext(hints)
            own_etcd.kill()
            own_etcd.start()  # it forgets the tokens that it gave out
            assert await granted_in_time(lock, 60) == grant
            await anext(hints)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl command")
async def test_a_client_with_a_certificate(tmp_path: Path) -> None:
    """Both sides show one; without, or with no trust in the server's, there is no answer."""
    files = authority(tmp_path, "authority").sign("both", "localhost")
    trusting = ssl.create_default_context(cafile=str(files.authority))
    known = ssl.create_default_context(cafile=str(files.authority))
    known.load_cert_chain(files.certificate, files.key)
    server = TlsEtcdServer(tmp_path, files)
    if not server.installed():
        pytest.skip(f"{server.needs} is not installed")
    try:
        server.start()
        endpoint = [f"https://localhost:{server.port}"]
        lock, stranger, distrustful = (
            EtcdLock(endpoint, "key", tls=known),
            EtcdLock(endpoint, "key", tls=trusting, timeout=2.0),
            EtcdLock(endpoint, "key", timeout=2.0),
        )
        async with closing(lock, stranger, distrustful):
            grant = await granted(lock, 60)
            async with contextlib.aclosing(lock.freed()) as hints:
                await lock.release(grant.token)
                await anext(hints)
            for other in (stranger, distrustful):
                with pytest.raises(Unavailable):
                    await other.acquire(60)
    finally:
        server.kill()
