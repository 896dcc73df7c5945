"""Kubernetes, a stand-in: what is its own. It was not run against the real thing."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.coordination import kubernetes
from runtime.coordination.kubernetes import KubernetesLock, in_cluster
from runtime.coordination.service import Unavailable
from tests.runtime.coordination.standin_kubernetes import KubernetesStandin
from tests.runtime.coordination.worlds import closing, granted, granted_in_time

BY_ANOTHER = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "lock", "labels": {"app": "orders"}, "ownerReferences": [{"name": "orders"}]},
    "spec": {
        "holderIdentity": "gone",
        "leaseDurationSeconds": 1,
        "acquireTime": "2001-01-01T00:00:00.000000Z",
        "renewTime": "2001-01-01T00:00:00.000000Z",
        "leaseTransitions": 7,
    },
}


@pytest.fixture
def standin() -> Iterator[KubernetesStandin]:
    made = KubernetesStandin()
    yield made
    made.kill()


def lock(standin: KubernetesStandin, **named: str) -> KubernetesLock:
    return KubernetesLock(f"http://127.0.0.1:{standin.port}", "default", "lock", **named)  # type: ignore[arg-type]


async def test_anothers_lease_is_over_only_when_we_have_seen_it_unchanged_for_so_long(
    standin: KubernetesStandin,
) -> None:
    """What the clocks of others wrote into it long ago says nothing."""
    with standin.changed:
        standin._create("default", BY_ANOTHER)
    one = lock(standin)
    async with closing(one):
        begun = time.monotonic()
        assert await one.acquire(10) is None
        grant = await granted_in_time(one, 10)
        assert time.monotonic() - begun >= 1.0
        assert grant.token == 9
    lease = standin.leases["default", "lock"]
    assert lease["spec"]["leaseTransitions"] == 8
    assert lease["metadata"]["labels"] == {"app": "orders"}
    assert lease["metadata"]["ownerReferences"] == [{"name": "orders"}]


async def test_a_lease_that_is_renewed_is_not_over(standin: KubernetesStandin) -> None:
    holder, other = lock(standin), lock(standin)
    async with closing(holder, other):
        grant = await granted(holder, 1)
        begun = time.monotonic()
        while time.monotonic() < begun + 2.0:
            asked = time.monotonic()
            assert await holder.renew(grant.token) == 1.0
            taken = await other.acquire(1)
            assert taken is None or time.monotonic() - asked > 0.5  # the machine stood still
            await asyncio.sleep(0.05)


async def test_who_begins_the_lease_writes_what_others_read(standin: KubernetesStandin) -> None:
    one = lock(standin, identity="orders-1")
    async with closing(one):
        assert (await granted(one, 3.2)).token == 1
        spec = dict(standin.leases["default", "lock"]["spec"])
        assert spec["holderIdentity"].startswith("orders-1_")
        assert (spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (4, 0)
        await one.renew(1)
        renewed = standin.leases["default", "lock"]["spec"]
        assert renewed["acquireTime"] == spec["acquireTime"]
        assert renewed["renewTime"] > spec["renewTime"]
    assert standin.leases["default", "lock"]["spec"]["holderIdentity"] == ""
    again = lock(standin, identity="orders-1")
    async with closing(again):
        assert (await granted(again, 3.2)).token == 2


async def test_a_lease_that_was_deleted_is_lost_and_tokens_begin_anew(standin: KubernetesStandin) -> None:
    """As the docs warn."""
    one = lock(standin)
    async with closing(one):
        for expected in (1, 2):
            grant = await granted(one, 10)
            assert grant.token == expected
            await one.release(grant.token)
        grant = await granted(one, 10)
        standin.delete("default", "lock")
        assert await one.renew(grant.token) is None
        await one.release(grant.token)
        assert (await granted(one, 10)).token == 1


async def test_a_record_that_changed_meanwhile_is_read_anew(standin: KubernetesStandin) -> None:
    one = lock(standin)
    async with closing(one):
        grant = await granted(one, 10)
        with standin.changed:  # somebody sets a label
            lease = json.loads(json.dumps(standin.leases["default", "lock"]))
            lease["metadata"]["labels"] = {"seen": "yes"}
            assert standin._update("default", "lock", lease).status == 200
        assert await one.renew(grant.token) == 10.0
        assert standin.leases["default", "lock"]["metadata"]["labels"] == {"seen": "yes"}


async def test_in_a_pod_it_finds_its_account_and_a_new_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="no pod"):
        in_cluster("lock")
    for name, text in (("namespace", "orders\n"), ("token", "first\n"), ("ca.crt", "")):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(kubernetes, "ACCOUNT", tmp_path)
    monkeypatch.setattr(ssl, "create_default_context", lambda **_: None)
    standin = KubernetesStandin(token="first")
    made = KubernetesLock
    monkeypatch.setattr(
        kubernetes,
        "KubernetesLock",
        lambda server, *rest, **named: made(server.replace("https://", "http://"), *rest, **{**named, "tls": None}),
    )
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT_HTTPS", str(standin.port))
    one = in_cluster("lock")
    try:
        grant = await granted(one, 10)
        standin.token = "second"
        with pytest.raises(Unavailable, match="401"):
            await one.renew(grant.token)
        (tmp_path / "token").write_text("second\n")
        assert await one.renew(grant.token) == 10.0
        assert list(standin.leases) == [("orders", "lock")]
        await one.close()
    finally:
        standin.kill()
