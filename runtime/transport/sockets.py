"""The sockets under a transport: where to listen, and how a dead link is noticed."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from runtime.transport.addresses import Address, is_loopback


class InsecureAddress(ValueError):
    """Others than this machine can reach the address, and nothing keeps them from claiming a peer's name."""

    def __init__(self, address: Address, host: str) -> None:
        self.address = address
        self.host = host
        super().__init__(self.told("give TLS files", "say insecure=True"))

    def told(self, secure: str, insecure: str) -> str:
        """The message, with what is to be done in the words of whoever is told."""
        return (
            f"{self.address} can be reached from other machines ({self.host}), and without TLS anyone there can claim "
            f"to be a peer: {secure}, listen on 127.0.0.1, or {insecure} if the network is trusted"
        )


async def addresses_of(address: Address, loopback_only: bool) -> dict[tuple[int, str], None]:
    """The family and the IP address of each that the host has. Raises OSError where there is none, and InsecureAddress
    if only loopback addresses are allowed and there is another one."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError) as error:  # the latter for a host name that cannot be
        raise OSError(f"cannot listen on {address}: {getattr(error, 'strerror', None) or error}") from error
    hosts = dict.fromkeys((int(family), str(where[0])) for family, _, _, _, where in found)
    if loopback_only:
        for _, host in hosts:
            if not is_loopback(host):
                raise InsecureAddress(address, host)
    return hosts


async def listen(address: Address, loopback_only: bool) -> list[socket.socket]:
    """Listens on each IP address that the host has, all on the same port. Raises OSError where that cannot be, and
    InsecureAddress as `addresses_of` does."""
    hosts = await addresses_of(address, loopback_only)
    opened: list[socket.socket] = []
    port = address.port
    try:
        for family, host in hosts:
            opened.append(_listening(family, host, port))
            port = opened[0].getsockname()[1]
    except OSError as error:
        for each in opened:
            each.close()
        raise OSError(error.errno, f"cannot listen on {address}: {error.strerror or error}") from error
    return opened


def tune(connected: socket.socket, dead_link_seconds: float) -> None:
    """Sends small messages at once, and has the kernel break the connection when the other machine is gone. Where a
    platform lacks an option, it does without."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    probe = max(1, round(dead_link_seconds / 3))
    for name, value in (
        ("TCP_KEEPIDLE", probe),
        ("TCP_KEEPALIVE", probe),  # what macOS calls it
        ("TCP_KEEPINTVL", probe),
        ("TCP_KEEPCNT", 2),
        ("TCP_USER_TIMEOUT", max(1, round(dead_link_seconds * 1000))),
    ):
        option = getattr(socket, name, None)
        if option is not None:
            with suppress(OSError):
                connected.setsockopt(socket.IPPROTO_TCP, option, value)


def is_itself(connected: socket.socket) -> bool:
    """Whether a connection has come back to its own beginning, as TCP does when a port on this machine is dialled that
    nobody listens on and that happens to be drawn for the dialling end. It would keep the peer from listening there."""
    return bool(connected.getsockname() == connected.getpeername())


def _listening(family: int, host: str, port: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
        made.listen(64)
    except BaseException:
        made.close()
        raise
    return made
