"""Mutual TLS: both sides of a connection show a certificate of the cluster's authority.

A certificate carries its node's name as a DNS entry of its subjectAltName: `node1.orders` for the first node of the
cluster `orders`, unless another one is configured. Host names play no part: a node is known by its name wherever it
runs. If a certificate has an extended key usage, it must allow both a server and a client.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from runtime.process import Name


class BadTlsFiles(ValueError):
    """The files do not make a TLS identity. The message says which one, and why."""


@dataclass(frozen=True)
class TlsFiles:
    """A node's certificate (with the intermediate ones, if any), its key, without a passphrase, and the certificates of
    the authorities that it trusts; all in PEM. Trust an authority that signs for this cluster only."""

    certificate: Path
    key: Path
    authority: Path


class Contexts(NamedTuple):
    """What the files are made into, for the connections of either direction."""

    accepting: ssl.SSLContext
    dialling: ssl.SSLContext


def contexts(files: TlsFiles) -> Contexts:
    """Reads the files. Raises BadTlsFiles."""
    accepting = _context(files, ssl.PROTOCOL_TLS_SERVER)
    accepting.num_tickets = 0  # sessions are never resumed
    return Contexts(accepting, _context(files, ssl.PROTOCOL_TLS_CLIENT))


def certificate_names(names: Iterable[Name], cluster: str) -> dict[Name, str]:
    """The DNS names that certificates carry, unless others are configured."""
    return {name: f"{name}.{cluster}" for name in names}


def certified(certificate: Mapping[str, Any] | None, wanted: Mapping[Name, str]) -> frozenset[Name]:
    """Those of the nodes whose DNS name a verified certificate carries, given as `SSLSocket.getpeercert` does. Names
    are compared whole: `*` stands for nothing else."""
    entries = (certificate or {}).get("subjectAltName", ())
    carried = {value.lower() for sort, value in entries if sort == "DNS"}
    return frozenset(name for name, dns in wanted.items() if dns.lower() in carried)


def misfit(made: Contexts, name: str) -> str | None:
    """Why other nodes with the same authority refuse this certificate, where they do: what a handshake of the two with
    each other comes to, in memory."""
    one_way, other_way = ssl.MemoryBIO(), ssl.MemoryBIO()
    dialling = made.dialling.wrap_bio(other_way, one_way)
    accepting = made.accepting.wrap_bio(one_way, other_way, server_side=True)
    try:
        for side in (dialling, accepting, dialling, accepting):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError as error:
        return str(error)
    me = Name("", 0)
    return None if certified(accepting.getpeercert(), {me: name}) else f"it does not carry the name {name}"


def _context(files: TlsFiles, side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    for file in (files.certificate, files.key, files.authority):
        _readable(file)
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_passphrase)
    except ssl.SSLError as error:
        raise BadTlsFiles(
            f"{files.certificate} and {files.key} are no certificate and its key, in PEM, without a passphrase: {error}"
        ) from error
    try:
        context.load_verify_locations(files.authority)
    except ssl.SSLError as error:
        raise BadTlsFiles(f"{files.authority} has no certificates of an authority, in PEM: {error}") from error
    return context


def _readable(file: Path) -> None:
    try:
        file.read_bytes()
    except OSError as error:
        raise BadTlsFiles(f"{file} cannot be read: {error.strerror}") from error


def _no_passphrase() -> str:
    """Without this, OpenSSL asks for one at the terminal and stops the node."""
    return ""
