"""The files with which a wheel's nodes are deployed, from templates. They are the user's to change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, count

from jinja2 import Environment, PackageLoader, StrictUndefined

from codegen.python.module import Module
from codegen.python.wheel import Wheel
from spec.protocol import Protocol

SEVERAL = 3
"""Processes of a kind of which there may be more than one."""
PORT, HTTP_PORT = 7000, 8000
FILES = {
    "node.example.toml": "node.example.toml.j2",
    "compose.node.toml": "compose.node.toml.j2",
    "Dockerfile": "Dockerfile.j2",
    "compose.yaml": "compose.yaml.j2",
    "kubernetes.yaml": "kubernetes.yaml.j2",
    "{app}.service": "systemd.service.j2",
}


@dataclass(frozen=True)
class Group:
    """The processes of one kind: how many there are, and what a StatefulSet of them is called."""

    kind: str
    count: int
    set: str


def deployment_of(protocol: Protocol, wheel: Wheel) -> tuple[Module, ...]:
    """The files by name."""
    environment = Environment(
        loader=PackageLoader("codegen.deployment"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    app = host_name(wheel.name)
    groups = groups_of(protocol, app)
    hosts = host_names(protocol)
    given = {
        "app": app,
        "wheel": wheel,
        "protocol": protocol,
        "sha256": protocol.source.sha256,
        "groups": groups,
        "me": f"{groups[0].kind}1",
        "port": PORT,
        "http_port": HTTP_PORT,
        "said": lambda low, high: f"{low} ms" if low == high else f"{low} ms .. {high} ms",
        "dashed": hosts.__getitem__,
    }
    return tuple(
        Module(name.format(app=app), environment.get_template(template).render(**given))
        for name, template in FILES.items()
    )


def groups_of(protocol: Protocol, app: str) -> tuple[Group, ...]:
    """How many processes of each kind are deployed: one, where every check has one, and else a few."""
    counts = _counts(protocol)
    several, hosts = len(counts) > 1, host_names(protocol)
    return tuple(Group(kind, count, f"{app}-{hosts[kind]}" if several else app) for kind, count in counts.items())


def _counts(protocol: Protocol) -> Mapping[str, int]:
    rows = [size for check in protocol.checks for row in check.rows for size in row.sizes]
    return {
        kind.name: 1 if rows and all(size[number] == 1 for size in rows) else SEVERAL
        for number, kind in enumerate(protocol.kinds)
    }


def host_names(protocol: Protocol) -> dict[str, str]:
    """What hosts of each kind of process are called: hosts cannot have all names that kinds can, and no two kinds get
    the same."""
    found: dict[str, str] = {}
    for kind in protocol.kinds:
        wanted = host_name(kind.name) or "process"
        free = chain((wanted,), (f"{wanted}-{number}" for number in count(2)))
        found[kind.name] = next(name for name in free if name not in found.values())
    return found


def host_name(name: str) -> str:
    """A name as a host may have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
