"""Where a node listens: `host:port`, or `[::1]:7000` for IPv6."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

_PORT = re.compile(r"[0-9]{1,5}")
_NUMERIC = re.compile(r"[0-9.]+")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


class BadAddress(ValueError):
    """A text is no address. The message says what is wrong, and what one looks like."""


class Address(NamedTuple):
    """A host (a name, or an IP address without brackets) and a TCP port; 0 is any free one, to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address that a text means. Raises BadAddress."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise _bad(text, "the bracket is not closed")
        if not rest.startswith(":"):
            raise _bad(text, "a colon and a port have to follow the bracket")
        return Address(_ipv6(text, host), _port(text, rest[1:]))
    host, colon, port = text.rpartition(":")
    if not colon:
        raise _bad(text, "there is no port")
    if ":" in host:
        raise _bad(text, "an IPv6 address stands in brackets")
    return Address(_host(text, host), _port(text, port))


def is_loopback(host: str) -> bool:
    """Whether an IP address can be reached from this machine only."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _bad(text: str, why: str) -> BadAddress:
    return BadAddress(f"{text!r} is no address: {why}; write it as node1.example:7000, 10.0.0.1:7000 or [::1]:7000")


def _ipv6(text: str, host: str) -> str:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise _bad(text, f"{host!r} is no IPv6 address") from None
    return host


def _host(text: str, host: str) -> str:
    if not host:
        raise _bad(text, "there is no host")
    if _NUMERIC.fullmatch(host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise _bad(text, f"{host!r} is no IPv4 address") from None
    elif not _HOST.fullmatch(host):
        raise _bad(text, f"{host!r} is no host name")
    return host


def _port(text: str, port: str) -> int:
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise _bad(text, f"{port!r} is no port, which is a number up to 65535")
    return int(port)
