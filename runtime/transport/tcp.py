"""Messages over TCP, with mutual TLS or without.

A node opens one connection to each peer and sends over it alone; over those that it accepts it receives alone. So there
are two connections between two nodes, each with one owner: no rule is needed for two nodes that dial each other at
once, a broken connection is always dialled anew by the side that has something to send, and each side notices by itself
when the other dies. The price is a second socket.

Without TLS, a node that claims a peer's name is believed. Whoever reaches the port can then speak for any node.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from random import Random
from typing import Any

from runtime.process import Name
from runtime.transport import Broken, Malformed, Received
from runtime.transport.accepting import Acceptor
from runtime.transport.addresses import Address
from runtime.transport.cluster import Cluster
from runtime.transport.connection import Connection
from runtime.transport.dialling import Dialler, Meeting
from runtime.transport.handshake import Handshake, Refusal, Terms
from runtime.transport.limits import Limits
from runtime.transport.link import Link
from runtime.transport.notices import Notices
from runtime.transport.sockets import listen
from runtime.transport.stats import Dropped, Stats
from runtime.transport.tls import TlsFiles, certificate_names, certified, contexts, misfit

logger = logging.getLogger(__name__)


class TcpTransport:
    """A `runtime.transport.Transport`.

    `certificate_names` maps nodes to the DNS names in their certificates, where these are not `node1.<cluster>` and so
    on. Raises BadTlsFiles."""

    def __init__(
        self,
        cluster: Cluster,
        received: Received,
        broken: Broken,
        random: Random,
        *,
        tls: TlsFiles | None = None,
        certificate_names: Mapping[Name, str] | None = None,
        insecure: bool = False,
        limits: Limits | None = None,
    ) -> None:
        self.cluster = cluster
        self._received = received
        self._broken = broken
        self._insecure = insecure
        self._limits = limits or Limits()
        self._tls_files = tls
        self._tls = None if tls is None else contexts(tls)
        self._certificate_names = _default_names(cluster) | dict(certificate_names or {})
        self._terms = Terms(cluster.name, cluster.protocol, cluster.spec_sha256, cluster.me, frozenset(cluster.peers))
        self._stats = Stats()
        self._notices = Notices(logger, time.monotonic)
        self._links = {peer: Link(self._limits, self._stats, time.monotonic) for peer in cluster.peers}
        self._from: dict[Name, Connection] = {}
        self._open: set[Connection] = set()
        self._alive: set[Name] = set()
        """Peers with which a connection was established since they were last said to be broken."""
        self._closed = False
        meeting = Meeting(self._limits, self._stats, self._connection, lambda: self._tls, self._refused)
        self._acceptor = Acceptor(meeting, self._notices)
        self._diallers = [
            Dialler(meeting, peer, where, self._links[peer], random) for peer, where in cluster.peers.items()
        ]

    @property
    def stats(self) -> Stats:
        """See `Transport`."""
        return self._stats

    @property
    def address(self) -> Address:
        """Where it listens; with the port that was chosen, if that was left open. To be asked for after `start`."""
        return Address(self.cluster.listen.host, self._acceptor.port)

    async def start(self) -> None:
        """See `Transport`. Raises InsecureAddress where others than this machine could speak for any node."""
        loopback_only = self._tls is None and not self._insecure
        self._acceptor.start(await listen(self.cluster.listen, loopback_only))
        self._look_at_own()
        for dialler in self._diallers:
            dialler.start()

    async def close(self) -> None:
        """See `Transport`."""
        self._closed = True
        await asyncio.gather(self._acceptor.stop(), *(dialler.stop() for dialler in self._diallers))
        connections = tuple(self._open)
        for connection in connections:
            connection.close()
        if not await _all_gone(connections, self._limits.closing_seconds):
            for connection in connections:
                connection.abort()
            await _all_gone(connections, self._limits.closing_seconds)

    def send(self, to: Name, payload: bytes) -> None:
        """See `Transport`."""
        link = self._links.get(to)
        if link is None:
            raise ValueError(f"{to} is no peer of {self.cluster.me}")
        if self._closed:
            self._stats.dropped[Dropped.CLOSED] += 1
        elif 0 < len(payload) <= self._limits.frame_bytes:
            link.send(payload)
        else:
            self._stats.dropped[Dropped.TOO_LARGE] += 1
            self._notices.say(
                logging.ERROR, "payload_dropped", (to,), peer=to, reason=Dropped.TOO_LARGE.value, bytes=len(payload)
            )

    def connected(self, peer: Name) -> bool:
        """See `Transport`."""
        link = self._links.get(peer)
        return link is not None and link.outlet is not None and link.outlet.writable

    def reload(self) -> None:
        """Reads the TLS files anew, for the connections that are made from now on. Raises BadTlsFiles, and keeps what
        it had, if there is anything wrong with them; ValueError without TLS."""
        if self._tls_files is None:
            raise ValueError("there are no TLS files to read again")
        self._tls = contexts(self._tls_files)
        self._look_at_own()

    def _look_at_own(self) -> None:
        """The other side is told why it refused a certificate, but who shows one learns only that it was hung up on."""
        if self._tls is not None and (why := misfit(self._tls, self._certificate_names[self.cluster.me])):
            logger.warning("own_certificate_unfit detail=%s", why)

    # What connections tell

    def opened(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        self._open.add(connection)

    def established(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        peer = connection.peer
        assert peer is not None
        if self._closed:
            connection.abort()
            return
        self._alive.add(peer)
        way = "to" if connection.dialled else "from"
        self._notices.say(logging.INFO, "connected", (peer, way), peer=peer, way=way, address=connection.remote)
        link = self._links[peer]
        if connection.dialled:
            link.outlet = connection
            link.flush()
        else:
            before = self._from.pop(peer, None)
            self._from[peer] = connection
            if before is not None:
                self._stats.replaced += 1
                before.abort()
            link.wanted.set()

    def arrived(self, connection: Connection, payload: bytes) -> None:
        """See `connection.Owner`."""
        assert connection.peer is not None
        try:
            self._received(connection.peer, payload)
        except Malformed:
            connection.abort()
            self.spoiled(connection, Dropped.MALFORMED)
        else:
            self._stats.received += 1

    def writable(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        assert connection.peer is not None
        self._links[connection.peer].flush()

    def spoiled(self, connection: Connection, reason: Dropped) -> None:
        """See `connection.Owner`."""
        self._stats.dropped[reason] += 1
        self._notices.say(
            logging.WARNING, "frame_dropped", (connection.peer, reason), peer=connection.peer, reason=reason.value
        )

    def ended(self, connection: Connection, broken: bool) -> None:
        """See `connection.Owner`."""
        self._open.discard(connection)
        peer = connection.peer
        if peer is None:
            return
        if self._from.get(peer) is connection:
            del self._from[peer]
        if self._links[peer].outlet is connection:
            self._links[peer].outlet = None
        if broken and not self._closed and peer in self._alive:
            self._alive.discard(peer)
            self._notices.say(logging.INFO, "connection_broken", (peer,), peer=peer, address=connection.remote)
            self._broken(peer)

    # What is wanted to make them

    def _connection(self, dialled: Name | None) -> Connection:
        return Connection(self, self._limits, lambda certificate: self._handshake(dialled, certificate))

    def _handshake(self, dialled: Name | None, certificate: Mapping[str, Any] | None) -> Handshake:
        names = None if self._tls is None else certified(certificate, self._certificate_names)
        return Handshake(self._terms, dialled, names)

    def _refused(self, dialled: Name | None, address: str, refusal: Refusal) -> None:
        counters = self._stats.refused_by_peer if refusal.by_peer else self._stats.refused
        counters[refusal.reason] += 1
        peer = dialled or refusal.claimed
        self._notices.say(
            logging.WARNING,
            "handshake_refused",
            (dialled, peer, refusal.reason, refusal.by_peer),
            peer=peer,
            way="from" if dialled is None else "to",
            address=address,
            by="peer" if refusal.by_peer else "this node",
            reason=refusal.reason.value,
            detail=refusal.detail,
        )


def _default_names(cluster: Cluster) -> dict[Name, str]:
    return certificate_names((cluster.me, *cluster.peers), cluster.name)


async def _all_gone(connections: tuple[Connection, ...], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            for connection in connections:
                await connection.gone.wait()
    except TimeoutError:
        return False
    return True
