"""What is peculiar to locks kept by Kubernetes, on a stand-in for its API server."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.coordination import kubernetes
from runtime.coordination.kubernetes import KubernetesLock, in_cluster
from runtime.coordination.kubernetes_lease import Observed, Spec, now
from runtime.coordination.service import Unavailable
from tests.runtime.coordination.standin_http import Fate, Said
from tests.runtime.coordination.standin_kubernetes import KubernetesStandin
from tests.runtime.coordination.worlds import answered, closing, granted, granted_in_time, taken_when_told
from tests.runtime.transport.certificates import authority

NAME = ("default", "orders")
LONG = 60
SOMEBODY: dict[str, Any] = {"holderIdentity": "somebody", "leaseDurationSeconds": 1, "leaseTransitions": 6}


@pytest.fixture
def server() -> Iterator[KubernetesStandin]:
    standin = KubernetesStandin()
    yield standin
    standin.kill()


def client_of(server: KubernetesStandin, **named: Any) -> KubernetesLock:
    return KubernetesLock(f"http://127.0.0.1:{server.port}", *NAME, **named)


def record(server: KubernetesStandin) -> dict[str, Any]:
    found: dict[str, Any] = server.leases[NAME]["spec"]
    return found


# The record ----------------------------------------------------------------------------------------------------------


async def test_a_grant_is_a_record_that_people_can_read(server: KubernetesStandin) -> None:
    one = client_of(server, identity="pod-7")
    async with closing(one):
        grant = await granted(one, 1.4)
        assert (grant.token, grant.time_to_live) == (1, 2.0)
        assert re.fullmatch("pod-7_[0-9a-f]{32}", record(server)["holderIdentity"])
        assert (record(server)["leaseDurationSeconds"], record(server)["leaseTransitions"]) == (2, 0)
        first = dict(record(server))
        assert await one.renew(grant.token) == 2.0
        assert record(server)["renewTime"] > first["renewTime"]
        assert record(server) == first | {"renewTime": record(server)["renewTime"]}
        await one.release(grant.token)
        assert (record(server)["holderIdentity"], record(server)["leaseTransitions"]) == ("", 0)
        assert (await granted(one, 1.4)).token == 2


async def test_a_change_of_the_object_by_others_is_kept_and_does_not_end_a_grant(server: KubernetesStandin) -> None:
    one = client_of(server)
    async with closing(one):
        grant = await granted(one, LONG)
        server.write(*NAME, {}, annotations={"team": "payments"})
        assert await one.renew(grant.token) == LONG
        assert await one.acquire(LONG) == grant
        assert server.leases[NAME]["metadata"]["annotations"] == {"team": "payments"}


async def test_a_grant_is_never_cut_short(server: KubernetesStandin) -> None:
    """The holder may not hear of it, and count on what it was granted before."""
    one = client_of(server, timeout=0.5)
    async with closing(one):
        grant = await granted(one, 30)
        server.fate = lambda asked: Fate.UNANSWERED if asked.method == "PUT" else Fate.ANSWERED
        with pytest.raises(Unavailable):
            await one.acquire(1)
        assert record(server)["leaseDurationSeconds"] == 30
        server.fate = lambda _: Fate.ANSWERED
        assert await one.acquire(1) == grant
        assert (await granted(one, 45)).time_to_live == 45
        assert await one.renew(grant.token) == 45


# Time ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("renewed", ["2001-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z"])
async def test_the_clocks_of_others_play_no_part(server: KubernetesStandin, renewed: str) -> None:
    server.write(*NAME, SOMEBODY | {"renewTime": renewed, "acquireTime": renewed})
    one = client_of(server)
    async with closing(one):
        begun = time.monotonic()
        grant = await granted_in_time(one, LONG)
        assert time.monotonic() - begun >= 1.0
        assert grant.token == 8


async def test_the_time_begins_anew_whenever_the_record_changes(server: KubernetesStandin) -> None:
    server.write(*NAME, SOMEBODY)
    one = client_of(server)
    async with closing(one):
        for turn in range(3):
            assert await one.acquire(LONG) is None
            await asyncio.sleep(0.6)
            server.write(*NAME, {"renewTime": f"2026-01-01T00:00:0{turn}.000000Z"})
        changed = time.monotonic()
        await granted_in_time(one, LONG)
        assert time.monotonic() - changed >= 1.0


def test_who_says_nothing_of_a_duration_holds_it_until_it_says_so() -> None:
    assert Observed(Spec("somebody"), 5.0).over() == math.inf
    assert Observed(Spec("somebody", lease_duration_seconds=3), 5.0).over() == 8.0


async def test_of_several_that_wait_for_an_expired_lease_one_gets_it(server: KubernetesStandin) -> None:
    server.write(*NAME, SOMEBODY)
    clients = [client_of(server) for _ in range(4)]
    async with closing(*clients):
        assert [await client.acquire(LONG) for client in clients] == [None] * 4
        await asyncio.sleep(1.1)
        grants = await asyncio.gather(*(client.acquire(LONG) for client in clients))
        assert [grant.token for grant in grants if grant is not None] == [8]


async def test_who_was_late_but_was_not_replaced_goes_on(server: KubernetesStandin) -> None:
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        grant = await granted(one, 1)
        await asyncio.sleep(1.1)
        assert await one.renew(grant.token) == 1.0
        assert await other.acquire(1) is None
        assert await one.acquire(1) == grant


# A Lease that is deleted ---------------------------------------------------------------------------------------------


async def test_who_has_seen_a_lease_before_it_was_deleted_waits_and_goes_on_above_it(server: KubernetesStandin) -> None:
    server.write(*NAME, SOMEBODY)
    one = client_of(server)
    async with closing(one):
        begun = time.monotonic()
        assert await one.acquire(LONG) is None
        server.delete(*NAME)
        grant = await granted_in_time(one, LONG)
        assert time.monotonic() - begun >= 1.0
        assert grant.token == 8
        server.delete(*NAME)
        assert await one.renew(grant.token) is None
        assert (await granted(one, LONG)).token == 9


async def test_who_has_not_seen_it_begins_at_1_again_until_somebody_comes_who_has(server: KubernetesStandin) -> None:
    """What the documentation warns of."""
    server.write(*NAME, SOMEBODY | {"holderIdentity": ""})
    old, fresh = client_of(server), client_of(server)
    async with closing(old, fresh):
        first = await granted(old, LONG)
        await old.release(first.token)
        server.delete(*NAME)
        second = await granted(fresh, LONG)
        assert (first.token, second.token) == (8, 1)
        await fresh.release(second.token)
        assert (await granted(old, LONG)).token == 9


async def test_who_waits_is_told_of_a_deletion(server: KubernetesStandin) -> None:
    server.write(*NAME, SOMEBODY | {"leaseDurationSeconds": 2})
    one = client_of(server)
    async with closing(one):
        assert await one.acquire(LONG) is None
        waiting = asyncio.create_task(taken_when_told(one, LONG))
        await asyncio.sleep(0.2)
        server.delete(*NAME)
        assert (await waiting).token == 8


# The watch -----------------------------------------------------------------------------------------------------------


async def test_a_watch_from_a_version_that_was_forgotten_is_begun_anew(server: KubernetesStandin) -> None:
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        grant = await granted(one, LONG)
        waiting = asyncio.create_task(taken_when_told(other, LONG))
        for _ in range(3):
            await asyncio.sleep(0.1)
            server.compact()
        assert not waiting.done()
        await one.release(grant.token)
        await waiting


async def test_a_watch_asks_for_one_lease(server: KubernetesStandin) -> None:
    one = client_of(server)
    async with closing(one):
        async with contextlib.aclosing(one.freed()) as hints:
            await anext(hints)
            while not (asked := [each for each in server.requests if "watch" in each.query]):
                await asyncio.sleep(0.01)
        assert asked[0].path.endswith("/namespaces/default/leases")
        assert asked[0].query["fieldSelector"] == "metadata.name=orders"


# What is lost --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.UNANSWERED, Fate.LATE])
async def test_a_release_that_was_lost_is_not_undone_by_asking_again(server: KubernetesStandin, fate: Fate) -> None:
    one, other = client_of(server), client_of(server)
    async with closing(one, other):
        first = await granted(one, LONG)
        server.fate = lambda asked: fate if asked.method == "PUT" else Fate.ANSWERED
        with pytest.raises(Unavailable):
            await one.release(first.token)
        server.fate = lambda _: Fate.ANSWERED
        assert await one.renew(first.token) is None
        second = await granted(one, LONG)
        assert second.token == 2
        server.deliver()
        assert await one.renew(second.token) == LONG
        assert await other.acquire(LONG) is None


async def test_a_release_whose_turn_never_came_is_not_undone(server: KubernetesStandin) -> None:
    one = client_of(server, timeout=0.3)
    async with closing(one):
        first = await granted(one, LONG)
        server.pause()
        calls = await asyncio.gather(one.acquire(LONG), one.release(first.token), return_exceptions=True)
        server.resume()
        assert [type(each) for each in calls] == [Unavailable] * 2
        assert (await answered(lambda: granted(one, LONG))).token > first.token


async def test_what_was_granted_unheard_is_given_back_at_the_end(server: KubernetesStandin) -> None:
    one, other = client_of(server), client_of(server)
    server.fate = lambda asked: Fate.LATE if asked.method == "POST" else Fate.ANSWERED
    with pytest.raises(Unavailable):
        await one.acquire(LONG)
    server.deliver()
    async with closing(other):
        server.fate = lambda _: Fate.ANSWERED
        assert await other.acquire(LONG) is None
        await one.close()
        assert (await granted(other, LONG)).token == 2


@pytest.mark.parametrize(
    ("said", "told_of"),
    [
        (Said(403, {"kind": "Status", "message": "leases is forbidden"}), "403: .*forbidden"),
        (Said(429, "slow down"), "429: .*slow down"),
        (Said(503, "etcd has no leader"), "503: .*no leader"),
        (Said(200, b"<html>"), "cannot be understood.*<html>"),
        (Said(200, {"metadata": {}, "spec": {"leaseTransitions": "many"}}), "cannot be understood"),
    ],
)
async def test_an_answer_that_is_none_is_unavailable(server: KubernetesStandin, said: Said, told_of: str) -> None:
    server.instead = said
    one = client_of(server)
    async with closing(one):
        with pytest.raises(Unavailable, match=told_of):
            await one.acquire(LONG)


# Who may -------------------------------------------------------------------------------------------------------------


async def test_a_bearer_token_is_that_of_the_moment(server: KubernetesStandin) -> None:
    server.token = "old"
    token = ["old"]
    one, stranger = client_of(server, token=lambda: token[0]), client_of(server, token="wrong")
    async with closing(one, stranger):
        grant = await granted(one, LONG)
        server.token = token[0] = "new"
        assert await one.renew(grant.token) == LONG
        with pytest.raises(Unavailable, match="401"):
            await stranger.acquire(LONG)


async def test_in_a_pod_it_is_found_with_the_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signed_by = authority(tmp_path, "ca")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    files = signed_by.sign("server", "localhost")
    tls.load_cert_chain(files.certificate, files.key)
    server = KubernetesStandin(token="secret", tls=tls)
    account = tmp_path / "account"
    account.mkdir()
    (account / "ca.crt").write_bytes(signed_by.certificate.read_bytes())
    (account / "namespace").write_text("shop\n")
    (account / "token").write_text("secret\n")
    monkeypatch.setattr(kubernetes, "ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "localhost")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT_HTTPS", str(server.port))
    try:
        one = in_cluster("orders", identity="pod-7")
        async with closing(one):
            await granted(one, LONG)
            (account / "token").unlink()
            with pytest.raises(Unavailable, match="token"):
                await one.acquire(LONG)
            (account / "token").write_text("secret\n")
            assert list(server.leases) == [("shop", "orders")]
    finally:
        server.kill()


def test_outside_of_a_pod_it_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(OSError, match="no pod"):
        in_cluster("orders")


@pytest.mark.parametrize("before", ["2999-01-01T00:00:00.000000Z", "2999-12-31T23:59:59.999999Z"])
def test_a_renewal_is_later_than_the_one_before_whatever_the_clock_says(before: str) -> None:
    """That a record has changed is how others know that it was renewed."""
    assert now(before) > before
    assert now(now(before)) > now(before)
    assert now("2020-01-01T00:00:00.000000Z")[:4] >= "2026"
    assert now("3000, some time") != "3000, some time"
