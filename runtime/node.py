"""A node: one process of an emitted protocol on a real network, a real disk and a real clock, for a service to use.

    async with open_node(settings, PROCESS) as node:
        async for term in node.leadership():
            async with term as token:
                ...  # leads, as far as it can know; cancelled when that ends

Two nodes may believe for a moment that they lead: an old leader that was paused finds out only when it runs again. What
protects is the token: hand it to whatever is written to, and let that refuse an older one (`runtime.fencing`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random, SystemRandom
from types import TracebackType
from typing import Any

from runtime.config import Settings
from runtime.coordination.addresses import service_at
from runtime.coordination.service import LockService
from runtime.coordination.transport import CoordinationTransport
from runtime.counts import Led
from runtime.process import Name, Process
from runtime.replica import Replica, Took, World
from runtime.shown import shown
from runtime.storage import Identity, Storage
from runtime.transport import Broken, Malformed, Received, Transport
from runtime.transport.cluster import Cluster
from runtime.transport.tcp import TcpTransport
from runtime.transport.tls import TlsFiles

log = logging.getLogger("oneleader")

Changed = Callable[[int | None], None]
"""Is told the token with which a node has come to know that it leads, or None when it does not know it any more."""

PROBES = 5
"""So often a peer is asked whether it is there."""
PROBED_SECONDS = 0.5
ALIVE_SECONDS = 0.05
"""A peer that has kept a connection open for so long is alive."""


class NodeFailed(Exception):
    """The node has stopped for good: its disk failed, or the protocol did what it says can never happen."""


@dataclass(frozen=True)
class Status:
    """What a node knows of itself. `token` is that with which it leads, as far as it can know at this moment."""

    protocol: str
    spec_sha256: str
    cluster: str
    node: str
    token: int | None
    state: dict[str, Any]
    """With processes by their names."""
    connected: dict[str, bool]
    sent: dict[str, int]
    """Messages, by name, since the node began."""
    received: dict[str, int]
    failure: str | None
    up_seconds: float


class Term:
    """A time of leadership that is to come or has begun: `async with` waits until the node leads, gives the token, and
    cancels its body when the leadership is lost, which then simply ends."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._task: asyncio.Task[Any] | None = None
        self._lost = False
        self.token = 0

    async def __aenter__(self) -> int:
        while (token := self._node.token()) is None:
            await self._node.changed()
        self.token = token
        self._task = asyncio.current_task()
        self._node.watch(self)
        return token

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._node.unwatch(self)
        if not self._lost or self._task is None:
            return False
        if kind is None:  # it has lost the leadership by what it did last, and its cancellation is still to come
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                if self._task.uncancel() > 0:
                    raise
                return False
        if self._task.uncancel() <= 0:
            return kind is not None and issubclass(kind, asyncio.CancelledError)
        return False

    def still(self, token: int | None) -> bool:
        """Ends it, if the node leads with no token or with another one. Whether it goes on."""
        if token == self.token:
            return True
        if self._task is not None and not self._lost:
            self._lost = True
            self._task.cancel("leadership was lost")
        return False


class Node:
    """See `open_node`. To be used from the loop that opened it."""

    def __init__(
        self,
        settings: Settings,
        replica: Replica,
        transport: TcpTransport | CoordinationTransport,
        failed: asyncio.Future[None],
    ) -> None:
        self.settings = settings
        self.replica = replica
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self._began = time.monotonic()
        self._known: int | None = None
        self._led = Led()
        self._lapse: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._terms: list[Term] = []
        self._callbacks: list[Changed] = []
        self._failed = failed

    # For the service

    def token(self) -> int | None:
        """The token with which this node leads, as far as it can know at this very moment; None where it does not. The
        clock is read at each call: a node that was paused for long finds that it has lost its leadership."""
        return self.replica.leading()

    async def leadership(self) -> AsyncIterator[Term]:
        """A term after another, for as long as the node is open. Raises NodeFailed when it has failed."""
        while True:
            while self.token() is None:
                await self.changed()
            term = Term(self)
            yield term
            if self.token() == term.token:  # left of its own accord: the next one is another term
                while self.token() == term.token:
                    await self.changed()

    def on_change(self, callback: Changed) -> None:
        """Calls back, in the loop, whenever the node comes to lead, leads with another token, or has lost it."""
        self._callbacks.append(callback)

    def ask(self, name: str, *arguments: Any) -> bool:
        """Asks the process for one of the protocol's inputs or actions. Whether it may be done now, and was. Raises
        ValueError for arguments that are none of the protocol's."""
        return self.replica.ask(name, *arguments)

    def status(self) -> Status:
        process = self.replica.process
        return Status(
            process.protocol,
            process.spec_sha256,
            self.settings.config.cluster,
            str(self.settings.me),
            self.token(),
            shown(process, self.replica.state),
            {str(name): self.transport.connected(name) for name in self.settings.peers},
            dict(self.replica.counts.sent),
            dict(self.replica.counts.received),
            str(self.replica.failure) if self.replica.failure is not None else None,
            time.monotonic() - self._began,
        )

    def led_seconds(self) -> float:
        """For how long it has known that it leads, all times taken together."""
        self._led.look(self._loop.time(), self.replica.leads_until())
        return self._led.seconds

    def reload(self) -> None:
        """Reads the certificates anew. Raises BadTlsFiles, and keeps the old ones; ValueError without TLS."""
        self.transport.reload()

    async def failed(self) -> None:
        """Waits until the node has failed, and raises NodeFailed."""
        await asyncio.shield(self._failed)

    # For terms

    async def changed(self) -> None:
        """Waits until something may have changed of who leads. Raises NodeFailed."""
        if self._failed.done():
            self._failed.result()
        waiting: asyncio.Future[Any] = asyncio.ensure_future(self._changed.wait())
        either: set[asyncio.Future[Any]] = {waiting, self._failed}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._failed.done():
            self._failed.result()

    def watch(self, term: Term) -> None:
        self._terms.append(term)
        self.look()

    def unwatch(self, term: Term) -> None:
        if term in self._terms:
            self._terms.remove(term)

    def look(self) -> None:
        """Finds out whether this node leads, and tells those who want to know; looks again when that may end."""
        token = self.token()
        self._led.look(self._loop.time(), self.replica.leads_until())
        if self._lapse is not None:
            self._lapse.cancel()
            self._lapse = None
        if token is not None and (until := self.replica.leads_until()) != float("inf"):
            self._lapse = self._loop.call_at(until, self.look)
        self._terms = [term for term in self._terms if term.still(token)]
        if token != self._known:
            self._known = token
            log.info("%s %s", self.settings.me, f"leads with token {token}" if token is not None else "does not lead")
            self._changed.set()
            self._changed = asyncio.Event()
            self._tell(token)

    def _tell(self, token: int | None) -> None:
        """Tells all who want to know; raises what the first of them raised, when all were told."""
        problems: list[Exception] = []
        for callback in tuple(self._callbacks):
            if token != self._known:  # another has done something that changed it, and all were told of that
                break
            try:
                callback(token)
            except Exception as problem:
                problems.append(problem)
        if problems:
            raise problems[0]


def tls_files(settings: Settings) -> TlsFiles | None:
    """None for a node without TLS."""
    tls = settings.config.tls
    return None if tls is None else TlsFiles(Path(tls.certificate), Path(tls.key), Path(tls.authority))


@contextlib.asynccontextmanager
async def open_node(
    settings: Settings,
    process: Process[Any, Any],
    recording: contextlib.AbstractContextManager[Callable[[Took], None]] | None = None,
    service: LockService | None = None,
) -> AsyncIterator[Node]:
    """A node at work, for as long as the context lasts. When it ends, the connections are closed at once, so that
    another node leads soon. `recording` is entered for as long. A lease client may be given the lock service that it is
    coordinated by, instead of the address of one. Raises ForeignState and StorageFailed for the state's
    file, OSError where it cannot listen or record, BadTlsFiles and InsecureAddress."""
    loop = asyncio.get_running_loop()
    random = Random(SystemRandom().getrandbits(128))
    config, me = settings.config, settings.me
    everyone = {kind: frozenset(range(size)) for kind, size in settings.sizes.items()}
    failed: asyncio.Future[None] = loop.create_future()
    probes: set[asyncio.Task[None]] = set()

    def fail(problem: Exception) -> None:
        if not failed.done():
            failed.set_exception(NodeFailed(f"{me} has stopped: {problem}"))
            failed.exception()  # whoever waits for it is told; nobody has to

    def received(sender: Name, payload: bytes) -> None:
        if not replica.received(sender, payload):
            raise Malformed

    def broken(peer: Name) -> None:
        if config.hints and not process.timed:
            probe = loop.create_task(_probe(peer, settings, replica))
            probes.add(probe)
            probe.add_done_callback(probes.discard)

    def changed() -> None:
        node.look()

    identity = Identity(process.protocol, process.spec_sha256, config.cluster, settings.sizes, me)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(contextlib.closing(Storage.open(Path(config.state), identity)))
        record = stack.enter_context(recording) if recording is not None else None
        transport: TcpTransport | CoordinationTransport
        if service is not None or config.coordination is not None:
            where = config.coordination if config.coordination is not None else "its own lock service"
            name = f"{settings.me}.{config.cluster}"
            service = service or service_at(where, name, settings.lease, tls_files(settings))
            transport = CoordinationTransport(service, process, settings.lease, received, where)
        else:
            transport = _over_tcp(settings, process, received, broken, random)
        world = World(loop, random, store, _to(settings.peers, transport), changed, fail, record)
        replica = Replica(replace(process, timers=settings.timers), me.number, everyone, world)
        node = Node(settings, replica, transport, failed)
        await transport.start()
        try:
            replica.start()
            yield node
        finally:
            replica.close()
            try:
                node.look()  # it does not lead any more
            finally:  # whatever a callback does
                for probe in tuple(probes):
                    probe.cancel()
                await transport.close()


def _to(peers: tuple[Name, ...], transport: Transport) -> Callable[[Name, bytes], None]:
    """Sends to those who are there; what goes to a kind of process that was left out goes nowhere."""

    def send(to: Name, payload: bytes) -> None:
        if to in peers:
            transport.send(to, payload)

    return send


def _over_tcp(
    settings: Settings, process: Process[Any, Any], received: Received, broken: Broken, random: Random
) -> TcpTransport:
    config, me = settings.config, settings.me
    peers = {name: address for name, address in settings.addresses.items() if name != me}
    cluster = Cluster(config.cluster, process.protocol, process.spec_sha256, me, settings.listen, peers)
    return TcpTransport(cluster, received, broken, random, tls=tls_files(settings), insecure=config.insecure)


async def _probe(peer: Name, settings: Settings, replica: Replica) -> None:
    """Whether a peer whose connection has broken is dead: where nobody listens at its address any more it is, and where
    somebody does, only the link has failed. A process that is being ended may still seem to listen for a moment."""
    host, port = settings.addresses[peer]
    for _ in range(PROBES):
        try:
            async with asyncio.timeout(PROBED_SECONDS):
                reader, writer = await asyncio.open_connection(host, port)
        except ConnectionRefusedError:
            replica.died(peer)
            return
        except (OSError, TimeoutError):
            return
        try:
            async with asyncio.timeout(ALIVE_SECONDS):
                if await reader.read(1):
                    return
        except TimeoutError:
            return
        except OSError:
            pass  # it has gone in the meantime
        finally:
            writer.transport.abort()
