"""What a node is told: a TOML file, checked before anything is opened."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from runtime.coordination import SERVICE
from runtime.durations import LEASE, BadDuration, Timers, between, check_leases, timers_of, unwise
from runtime.process import Name, Process, Timer
from runtime.transport.addresses import Address, BadAddress, parse_address


class BadConfig(Exception):
    """A configuration that a node cannot run with; says what is wrong, and why that is."""


class TlsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PEM files for mutual TLS."""

    certificate: str
    key: str
    authority: str


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """A node's configuration, as it is written: a duration as `150 ms` or `1.5 s`, a range as `150 ms .. 300 ms`. (A
    bare number can be read, so that it can be refused in words.)"""

    cluster: str
    node: str
    """Which of the members this is: `node1`. In the paths below, `{node}` stands for it, so that all nodes can have one
    file, and be told by a command line who they are."""
    state: str
    """The file for the durable state."""
    members: dict[str, str] = {}
    """All members of the cluster, this one too, each with its address, `host:port`. A kind of process that sends
    nothing to anybody, such as a storage, may be left out: whoever writes to it does so by itself, with the token."""
    coordination: str | None = None
    """Where a lock service is that does for a lease client what the protocol's own would, such as
    `etcd://127.0.0.1:2379/orders`; instead of members."""
    timers: Mapping[str, str | int | float] = {}
    """Durations instead of the spec's, by timer; of any kind of process."""
    listen: str | None = None
    """An address to listen at, where that is another one than the members connect to."""
    tls: TlsConfig | None = None
    insecure: bool = False
    """Whether to listen without TLS where others than this machine can connect."""
    http: str | None = None
    """An address for /healthz, /status and /metrics (which needs prometheus-client)."""
    trace: str | None = None
    """A file to which each step is written, for `oneleader validate-trace`."""
    locks: str | None = None
    """An address at which a node that leads grants locks that expire (`runtime.coordination.hosting`)."""
    longest_lease: str | int | float | None = None
    """The longest time to live of such a lock, 10 s where nothing is said; the same for all members. A node that comes
    to lead waits for so long before it grants any."""
    hints: bool = True
    """Whether the death of the process that a timer waits for lets the timer run out early."""


class Settings(msgspec.Struct, frozen=True):
    """A configuration that was checked for a kind of process. `warnings` are what is allowed and not wise."""

    config: Config
    me: Name
    addresses: dict[Name, Address]
    """Of all members; none where the node is coordinated by somebody else."""
    listen: Address
    sizes: dict[str, int]
    """Of each kind of process at least one, also where that is left out."""
    timers: dict[str, Timer]
    warnings: tuple[str, ...]
    lease: float = 0.0
    """For how many seconds a lock service is asked for its lock; 0 where the protocol has none."""
    longest_lease: float = 0.0
    """For how many seconds a node that leads grants its locks at most."""

    @property
    def peers(self) -> tuple[Name, ...]:
        """All whom the node sends messages to."""
        if self.config.coordination is not None:
            return (SERVICE,)
        return tuple(name for name in self.addresses if name != self.me)


def read_config(path: Path, node: str | None = None) -> Config:
    """The configuration in a file; of this node, if one is given, whatever the file says. Raises BadConfig."""
    try:
        whole = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadConfig(f"{path}: {problem.strerror or problem}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadConfig(f"{path}: this is no TOML: {problem}") from None
    try:
        return _with_names(msgspec.convert(whole if node is None else {**whole, "node": node}, Config))
    except msgspec.ValidationError as problem:
        known = [name for field in msgspec.structs.fields(Config) if (name := field.encode_name) not in whole]
        close = [near for name in whole if f"`{name}`" in str(problem) for near in get_close_matches(name, known, 1)]
        raise BadConfig(f"{path}: {problem}{f'; did you mean `{close[0]}`?' if close else ''}") from None


def _with_names(config: Config) -> Config:
    """The same, with the node's name in its paths."""

    def named(path: str) -> str:
        return path.replace("{node}", config.node)

    tls = config.tls
    return msgspec.structs.replace(
        config,
        state=named(config.state),
        trace=named(config.trace) if config.trace is not None else None,
        tls=TlsConfig(named(tls.certificate), named(tls.key), named(tls.authority)) if tls is not None else None,
    )


def settings_of(config: Config, kinds: Mapping[str, Process[Any, Any]]) -> Settings:
    """What a configuration means for a protocol, whose kinds of process these are. Raises BadConfig."""
    me = _name(config.node, kinds, "node")
    if config.http is not None:
        _address(config.http, "http")
    if config.coordination is not None:
        return _coordinated(config, me, kinds)
    addresses: dict[Name, Address] = {}
    for text, where in config.members.items():
        addresses[_name(text, kinds, "members")] = _address(where, f"members.{text}")
    if not addresses:
        raise BadConfig("members: there are none, and no `coordination` either: say with whom this node is to talk")
    if me not in addresses:
        raise BadConfig(f"node: {config.node} is not among the members: {', '.join(config.members)}")
    there = {kind: sum(name.kind == kind for name in addresses) for kind in kinds}
    for kind, count in there.items():
        if absent := {Name(kind, number) for number in range(count)} - set(addresses):
            raise BadConfig(f"members: {min(absent)} is missing: members of a kind are numbered from 1 on")
        if count == 0 and any(kind in process.receives.values() for process in kinds.values()):
            raise BadConfig(f"members: there is no {kind}, and the protocol has such a process")
    sizes = {kind: count or 1 for kind, count in there.items()}
    taken: dict[Address, Name] = {}
    for member, address in addresses.items():
        if (other := taken.setdefault(address, member)) != member:
            raise BadConfig(f"members: {other} and {member} have one address, {address}")
    listen = addresses[me] if config.listen is None else _address(config.listen, "listen")
    if config.locks is not None:
        if _address(config.locks, "locks") in (listen, *addresses.values()):
            raise BadConfig(f"locks: {config.locks} is where members connect to; expected an address of its own")
        if kinds[me.kind].confirmation is None:
            raise BadConfig(f"locks: a {me.kind} cannot know that it still leads: its spec says no `confirmed by`")
    timers, warnings = _timers(config, kinds[me.kind], kinds)
    warnings += _even(kinds[me.kind], sizes[me.kind])
    if config.longest_lease is not None and config.locks is None:
        warnings.append("longest-lease: nobody is granted a lock here, for nothing says `locks`")
    own, lease, longest = timers[me.kind], _lease(timers), _longest_lease(config)
    return Settings(config, me, addresses, listen, sizes, own, tuple(warnings), lease, longest)


def _lease(timers: Timers) -> float:
    """For how long the protocol's lock service grants its lock; 0 where there is none."""
    lease = timers.get(SERVICE.kind, {}).get(LEASE)
    return 0.0 if lease is None else lease.shortest


def _longest_lease(config: Config) -> float:
    try:
        shortest, longest = between("10 s" if config.longest_lease is None else config.longest_lease, "longest-lease")
    except BadDuration as problem:
        raise BadConfig(str(problem)) from None
    if shortest != longest or not longest > 0:
        is_range = "one duration is expected, not a range" if shortest != longest else "this is no time at all"
        raise BadConfig(f"longest-lease: {config.longest_lease!r}: {is_range}")
    return longest


MOST_CLIENTS = 99
"""Nobody says how many clients of a lock service there are; the traces of all must say the same."""


def _coordinated(config: Config, me: Name, kinds: Mapping[str, Process[Any, Any]]) -> Settings:
    """The settings of a lease client of a lock service that is no member. Raises BadConfig."""
    if config.members:
        raise BadConfig("members: whoever is coordinated by a lock service has none; leave them out, or `coordination`")
    if config.listen is not None:
        raise BadConfig("listen: nobody connects to a node that is coordinated by a lock service")
    if config.locks is not None:
        raise BadConfig("locks: a node that is coordinated by a lock service grants none itself")
    process = kinds[me.kind]
    if SERVICE.kind not in kinds or LEASE not in kinds[SERVICE.kind].timers:
        raise BadConfig(
            f"coordination: {process.protocol} has no {SERVICE.kind} with a timer `{LEASE}`: none can stand for it"
        )
    if SERVICE.kind not in process.receives.values():
        raise BadConfig(f"node: a {me.kind} is no client of a {SERVICE.kind}, which is what `coordination` is for")
    timers, warnings = _timers(config, process, kinds)
    if process.until is not None and not process.counts_from:
        warnings.append(
            f"{process.until} counts from an answer, and not from when the lock was asked for (`reset {process.until} "
            f"since ...`): the lock may be over before it is, by as long as an answer takes"
        )
    if me.number >= MOST_CLIENTS:
        raise BadConfig(f"node: {config.node}: a lock service coordinates at most {MOST_CLIENTS} clients")
    sizes = {kind: MOST_CLIENTS if kind == me.kind else 1 for kind in kinds}
    nowhere = Address("127.0.0.1", 0)
    return Settings(config, me, {}, nowhere, sizes, timers[me.kind], tuple(warnings), _lease(timers))


def _address(text: str, where: str) -> Address:
    try:
        return parse_address(text)
    except BadAddress as problem:
        raise BadConfig(f"{where}: {problem}") from None


def _name(text: str, kinds: Mapping[str, object], where: str) -> Name:
    for kind in sorted(kinds, key=len, reverse=True):
        number = text.removeprefix(kind)
        if text.startswith(kind) and re.fullmatch("[1-9][0-9]{0,2}", number):
            return Name(kind, int(number) - 1)
    raise BadConfig(f"{where}: {text!r} is no process of the protocol; expected {' or '.join(f'{k}1' for k in kinds)}")


def _timers(
    config: Config, process: Process[Any, Any], kinds: Mapping[str, Process[Any, Any]]
) -> tuple[dict[str, dict[str, Timer]], list[str]]:
    """The timers of all kinds of process, and what is not wise about those of this one. Raises BadConfig."""
    try:
        timers = timers_of(config.timers, kinds)
        check_leases(kinds, timers)
        return timers, list(unwise(process, timers[process.kind]))
    except BadDuration as problem:
        raise BadConfig(str(problem)) from None


def _even(process: Process[Any, Any], count: int) -> list[str]:
    if process.confirmation is None or count % 2:
        return []
    return [f"{count} {process.kind}s survive no more failures than {count - 1}, and need one more of them to agree"]
