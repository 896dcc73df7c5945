"""Where a lock service is, as one line of a configuration."""

from __future__ import annotations

import contextlib
import math
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from runtime.coordination.service import LockService, Unavailable
from runtime.transport.addresses import parse_address
from runtime.transport.tls import TlsFiles, contexts

FORMS = {
    "hosted": "hosted://HOST:PORT[,HOST:PORT]/NAME",
    "etcd": "etcd://HOST:PORT[,HOST:PORT]/KEY",
    "zookeeper": "zookeeper://HOST:PORT[,HOST:PORT]/PATH[?tick=SECONDS]",
    "kubernetes": "kubernetes://HOST:PORT/NAMESPACE/NAME[?token-file=FILE]",
    "consul": "consul://HOST:PORT/KEY[?lock-delay=SECONDS&token-file=FILE]",
}
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where a pod finds the token of its service account."""

Options = Mapping[str, str]


class BadCoordination(ValueError):
    """A text says of no lock service where it is."""


def service_at(text: str, client: str, timeout: float, tls: TlsFiles | None) -> LockService:
    """A client of the lock service that a text such as `etcd://127.0.0.1:2379/orders` means. Each of its calls ends
    within `timeout` seconds. Raises BadCoordination, and what says that a library is not installed."""
    try:
        where = urlsplit(text)
    except ValueError as problem:
        raise BadCoordination(f"{text!r}: {problem}; expected {' or '.join(FORMS.values())}") from None
    maker = MAKERS.get(where.scheme)
    path = where.path.strip("/")
    if maker is None or not where.netloc or not path or where.fragment:
        raise BadCoordination(f"{text!r} is no lock service; expected {' or '.join(FORMS.values())}")
    make, known = maker
    options = dict(parse_qsl(where.query, keep_blank_values=True))
    if unknown := [name for name in options if name not in known]:
        raise BadCoordination(f"{text!r}: there is no option `{unknown[0]}`; expected {FORMS[where.scheme]}")
    try:
        for host in where.netloc.split(","):
            parse_address(host)
        return make(where.netloc, path, client, timeout, tls, options)
    except ValueError as problem:
        raise BadCoordination(f"{text!r}: {problem}") from None


def _url(host: str, tls: TlsFiles | None) -> str:
    return f"{'http' if tls is None else 'https'}://{host}"


def _context(tls: TlsFiles | None) -> ssl.SSLContext | None:
    """The servers of others have certificates in the names of their hosts."""
    if tls is None:
        return None
    context = contexts(tls).dialling
    context.check_hostname = True
    return context


def _seconds(options: Options, name: str, otherwise: float) -> float:
    text = options.get(name)
    with contextlib.suppress(ValueError):
        seconds = otherwise if text is None else float(text)
        if 0 <= seconds < math.inf:
            return seconds
    raise BadCoordination(f"{name}: {text!r} is no number of seconds")


def _secret(path: Path) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except OSError as problem:
        raise BadCoordination(f"token-file: {path}: {problem.strerror or problem}") from None
    except UnicodeDecodeError:
        text = ""
    if not text.isprintable() or not text:
        raise BadCoordination(f"token-file: {path}: this is no token: one line of printable ASCII is expected")
    return text


def _secret_now(path: Path) -> str:
    """As it is for a request. Raises Unavailable: such files are replaced, and are away for a moment."""
    try:
        return _secret(path)
    except BadCoordination as problem:
        raise Unavailable(str(problem)) from None


def _hosted(hosts: str, path: str, client: str, timeout: float, tls: TlsFiles | None, options: Options) -> LockService:
    from runtime.coordination.hosted import HostedLock

    nodes = [parse_address(host) for host in hosts.split(",")]
    # The nodes of a group are known by the authority that signed for them, and not by the names of hosts.
    return HostedLock(nodes, path, timeout=timeout, tls=None if tls is None else contexts(tls).dialling)


def _etcd(hosts: str, path: str, client: str, timeout: float, tls: TlsFiles | None, options: Options) -> LockService:
    from runtime.coordination.etcd import EtcdLock

    urls = [_url(host, tls) for host in hosts.split(",")]
    return EtcdLock(urls, path, timeout=timeout, tls=_context(tls))


def _zookeeper(
    hosts: str, path: str, client: str, timeout: float, tls: TlsFiles | None, options: Options
) -> LockService:
    from runtime.coordination.zookeeper import ZooKeeperLock

    return ZooKeeperLock(hosts, f"/{path}", tick_time=_seconds(options, "tick", 2.0), timeout=timeout, tls=tls)


def _kubernetes(
    hosts: str, path: str, client: str, timeout: float, tls: TlsFiles | None, options: Options
) -> LockService:
    from runtime.coordination.kubernetes import KubernetesLock

    namespace, slash, name = path.partition("/")
    if not slash or "/" in name:
        raise BadCoordination(f"a Lease has a namespace and a name, unlike {path!r}")
    file = Path(options["token-file"]) if "token-file" in options else SERVICE_ACCOUNT
    token = None
    if "token-file" in options or file.exists():
        _secret(file)
        # It is read again for each request: such tokens are replaced while a pod runs.
        token = partial(_secret_now, file)
    return KubernetesLock(
        _url(hosts, tls), namespace, name, identity=client, timeout=timeout, tls=_context(tls), token=token
    )


def _consul(hosts: str, path: str, client: str, timeout: float, tls: TlsFiles | None, options: Options) -> LockService:
    from runtime.coordination.consul import ConsulLock

    token = _secret(Path(options["token-file"])) if "token-file" in options else None
    delay = _seconds(options, "lock-delay", 0.0)
    return ConsulLock(_url(hosts, tls), path, timeout=timeout, lock_delay=delay, tls=_context(tls), token=token)


MAKERS: Mapping[str, tuple[Callable[..., LockService], frozenset[str]]] = {
    "hosted": (_hosted, frozenset()),
    "etcd": (_etcd, frozenset()),
    "zookeeper": (_zookeeper, frozenset({"tick"})),
    "kubernetes": (_kubernetes, frozenset({"token-file"})),
    "consul": (_consul, frozenset({"lock-delay", "token-file"})),
}
