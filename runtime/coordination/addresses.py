"""Where a lock service is, as one line of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import SplitResult, urlsplit

from runtime.coordination.service import LockService
from runtime.transport.tls import TlsFiles

FORMS = {
    "etcd": "etcd://HOST:PORT[,HOST:PORT]/KEY",
    "zookeeper": "zookeeper://HOST:PORT[,HOST:PORT]/PATH",
    "kubernetes": "kubernetes://HOST:PORT/NAMESPACE/NAME",
    "consul": "consul://HOST:PORT/KEY",
}


class BadCoordination(ValueError):
    """A text says of no lock service where it is."""


def service_at(text: str, client: str, tls: TlsFiles | None) -> LockService:
    """A client, by this name, of the lock service that a text such as `etcd://127.0.0.1:2379/orders` means. Raises
    BadCoordination, and ModuleNotFoundError where what it needs is not installed."""
    where = urlsplit(text)
    if where.scheme not in FORMS or not where.netloc or not where.path.strip("/"):
        raise BadCoordination(f"{text!r} is no lock service; expected {', '.join(FORMS.values())}")
    return MAKERS[where.scheme](where, client, tls)


MAKERS: Mapping[str, Callable[[SplitResult, str, TlsFiles | None], LockService]] = {}
