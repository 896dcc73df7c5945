"""Lock services as lines of a configuration."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runtime.coordination.addresses import BadCoordination, service_at
from runtime.coordination.consul import ConsulLock
from runtime.coordination.etcd import EtcdLock
from runtime.coordination.kubernetes import KubernetesLock
from runtime.coordination.service import Unavailable
from runtime.coordination.zookeeper import ZooKeeperLock


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("etcd://127.0.0.1:1,127.0.0.1:2/orders", EtcdLock),
        ("zookeeper://127.0.0.1:1/orders/lock?tick=0.1", ZooKeeperLock),
        ("kubernetes://127.0.0.1:1/default/orders", KubernetesLock),
        ("consul://127.0.0.1:1/orders?lock-delay=0", ConsulLock),
    ],
)
def test_each_means_a_client(text: str, kind: type[object]) -> None:
    async def main() -> None:
        service = service_at(text, "client1.test", 1.0, None)
        assert isinstance(service, kind)
        await service.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("orders", "is no lock service; expected hosted://"),
        ("redis://127.0.0.1:1/orders", "is no lock service"),
        ("etcd://127.0.0.1:1", "is no lock service"),
        ("etcd:///orders", "is no lock service"),
        ("etcd://127.0.0.1/orders", "there is no port"),
        ("etcd://127.0.0.1:1/orders?tick=1", "there is no option `tick`"),
        ("zookeeper://127.0.0.1:1/orders?tick=soon", "tick: 'soon' is no number of seconds"),
        ("kubernetes://127.0.0.1:1/orders", "a Lease has a namespace and a name, unlike 'orders'"),
        ("consul://127.0.0.1:1/orders?lock-delay=3600", "a lock delay is 0 to 60 s"),
        ("zookeeper://127.0.0.1:1/orders?tick=nan", "tick: 'nan' is no number of seconds"),
        ("zookeeper://127.0.0.1:1/orders?tick=inf", "tick: 'inf' is no number of seconds"),
        ("zookeeper://127.0.0.1:1/a/../b", "ZooKeeper has no node with the path '/a/../b'"),
        ("zookeeper://127.0.0.1:1/a//b", "ZooKeeper has no node with the path"),
        ("consul://127.0.0.1:1/orders?token-file=/nowhere", "token-file: /nowhere"),
        ("kubernetes://127.0.0.1:1/default/orders?token-file=/nowhere", "token-file: /nowhere: No such file"),
        ("etcd://[::1/orders", "expected hosted://"),
        ("etcd://127.0.0.1:1/orders#two", "is no lock service"),
        ("", "'' is no lock service"),
    ],
)
def test_what_means_none(text: str, said: str) -> None:
    with pytest.raises(BadCoordination, match=said):
        service_at(text, "client1.test", 1.0, None)


def test_a_token_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("secret\n")

    async def main() -> None:
        await service_at(f"consul://127.0.0.1:1/orders?token-file={file}", "client1.test", 1.0, None).close()

    asyncio.run(main())


@pytest.mark.parametrize("text", [b"two\nlines", "schlüssel".encode(), b"\xff", b""])
def test_what_is_no_token_is_refused(text: bytes, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(text)
    with pytest.raises(BadCoordination, match="this is no token"):
        service_at(f"consul://127.0.0.1:1/orders?token-file={file}", "client1.test", 1.0, None)


def test_a_token_s_file_may_be_away_for_a_moment(tmp_path: Path) -> None:
    """As where it is replaced while a pod runs."""
    file = tmp_path / "token"
    file.write_text("secret")

    async def main() -> None:
        service = service_at(f"kubernetes://127.0.0.1:1/default/orders?token-file={file}", "client1.test", 1.0, None)
        file.unlink()
        with pytest.raises(Unavailable, match="token-file"):
            await service.acquire(1.0)
        await service.close()

    asyncio.run(main())
