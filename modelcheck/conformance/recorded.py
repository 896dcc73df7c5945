"""What nodes have recorded of their steps, as NDJSON: read strictly, and not believed yet.

A file is the record of one process: for each of its runs a line that says whose it is, and then a line for each step. A
process that is killed may leave the last line of a run incomplete.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from modelcheck.model import Model, Name, Packet, ProcessState
from spec.protocol import Protocol
from spec.types import (
    BoolType,
    EnumType,
    IntType,
    MapType,
    NatType,
    NumberType,
    OptionType,
    ProcessType,
    SetType,
    Type,
    Value,
    in_range,
)

VERSION = 1


class BadTrace(Exception):
    """What is no record of this protocol; says where and why."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(file, line, reason)

    def __str__(self) -> str:
        file, line, reason = self.args
        return f"{file}:{line}: {reason}" if line else f"{file}: {reason}"


class BadValue(Exception):
    """A value that nothing in the protocol can have."""


Address = tuple[str, int]
"""A process as lines name it: its kind, and its number from 0."""


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """What stands before the steps of a run."""

    version: int = msgspec.field(name="oneleader-trace")
    protocol: str
    spec_sha256: str
    cluster: str
    process: Address
    sizes: dict[str, int]


class Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A step. Of a receipt, `sender`, `letter` and `message` say what was received; the `letter` of a run's first step
    is the number of the first letter that the run sends."""

    step: int
    event: str
    state: msgspec.Raw
    sender: Address | None = msgspec.field(name="from", default=None)
    letter: int | None = None
    message: msgspec.Raw = msgspec.Raw()
    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw()
    sent: tuple[tuple[str, int, int, msgspec.Raw], ...] = ()


@dataclass
class Run:
    """From a start of a process to its end. The header stands in line `header` of the file, and the steps, one a line,
    below it."""

    header: int
    steps: list[Line] = field(default_factory=list)
    cut: int | None = None
    """The line that is incomplete, if there is one."""

    @property
    def first_letter(self) -> int | None:
        """The number of the first letter that it sends; None where no step is recorded, which would say it."""
        return self.steps[0].letter if self.steps else None

    @property
    def next_letter(self) -> int | None:
        """The number of the first letter behind those that are recorded."""
        first = self.first_letter
        return None if first is None else first + sum(len(line.sent) for line in self.steps)


@dataclass(frozen=True)
class History:
    """All that a process has recorded."""

    process: Name
    file: str
    runs: Sequence[Run]


@dataclass(frozen=True)
class Traces:
    """The histories of processes of one cluster; `sizes` are in the order of the protocol's kinds."""

    cluster: str
    sizes: tuple[int, ...]
    histories: tuple[History, ...]


def read_traces(texts: Iterable[tuple[str, bytes]], protocol: Protocol) -> Traces:
    """The histories in files, each with its name. Raises BadTrace."""
    histories: dict[Name, History] = {}
    first: Header | None = None
    for file, text in texts:
        header, history = _history(file, text, protocol)
        if first is None:
            first = header
        elif header.cluster != first.cluster:
            raise BadTrace(
                file, 1, f"this is of the cluster {header.cluster!r}, and the first file is of {first.cluster!r}"
            )
        elif header.sizes != first.sizes:
            raise BadTrace(
                file, 1, f"here the cluster has the sizes {header.sizes}, and in the first file {first.sizes}"
            )
        if (other := histories.setdefault(history.process, history)) is not history:
            raise BadTrace(
                file, 1, f"{other.file} is of {history.process}, too: put the runs of a process into one file, in order"
            )
    if first is None:
        raise BadTrace("traces", 0, "there is none")
    sizes = tuple(first.sizes[kind.name] for kind in protocol.kinds)
    order = {kind.name: position for position, kind in enumerate(protocol.kinds)}
    found = sorted(histories.values(), key=lambda history: (order[history.process.kind], history.process.number))
    return Traces(first.cluster, sizes, tuple(found))


_HEADER = msgspec.json.Decoder(Header)
_LINE = msgspec.json.Decoder(Line)
line_from = _LINE.decode
"""The step that a line says. Raises msgspec.DecodeError."""
_BEGINS = b'"oneleader-trace"'


def _history(file: str, text: bytes, protocol: Protocol) -> tuple[Header, History]:
    lines = text.split(b"\n")
    incomplete = lines.pop()  # behind the last newline
    first: Header | None = None
    runs: list[Run] = []
    for number, line in enumerate(lines, 1):
        if _BEGINS in line and (header := _header(file, number, line, protocol)) is not None:
            if first is not None and header != first:
                raise BadTrace(file, number, "this run is of another process or cluster than the first one of the file")
            first = first or header
            runs.append(Run(number))
            continue
        try:
            step = _LINE.decode(line)
        except (msgspec.DecodeError, RecursionError) as problem:
            if runs and (number == len(lines) or _BEGINS in lines[number]) and not _is_whole(line):
                runs[-1].cut = number  # a new run has ended the line that an older one had begun
                continue
            raise BadTrace(file, number, f"this is no step: {problem}") from None
        if not runs:
            raise BadTrace(file, number, "a step before the line that says whose it is")
        if runs[-1].cut is not None:
            raise BadTrace(file, number - 1, "an incomplete line, and the run goes on")
        runs[-1].steps.append(step)
    if first is None:
        raise BadTrace(file, 1, "no line says whose steps these are")
    if incomplete:
        runs[-1].cut = len(lines) + 1
    return first, History(Name(*first.process), file, tuple(runs))


def _is_whole(line: bytes) -> bool:
    """Whether it is JSON: part of an object never is."""
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
        msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _header(file: str, number: int, line: bytes, protocol: Protocol) -> Header | None:
    """None where the line is cut off."""
    try:
        header = _HEADER.decode(line)
    except (msgspec.DecodeError, RecursionError) as problem:
        if not _is_whole(line) and number > 1:
            return None
        raise BadTrace(file, number, f"this line does not say whose steps follow: {problem}") from None
    if header.version != VERSION:
        raise BadTrace(file, number, f"expected a trace of version {VERSION}, not {header.version}")
    if header.protocol != protocol.name:
        raise BadTrace(file, number, f"this is a trace of {header.protocol}, and not of {protocol.name}")
    if header.spec_sha256 != protocol.source.sha256:
        raise BadTrace(
            file,
            number,
            f"the node ran another text than {protocol.source.name}: that has the hash {header.spec_sha256[:12]}, and "
            f"this one {protocol.source.sha256[:12]}",
        )
    if set(header.sizes) != {kind.name for kind in protocol.kinds} or min(header.sizes.values()) < 1:
        raise BadTrace(
            file, number, f"`sizes` must say how many there are, at least one, of each kind of {protocol.name}"
        )
    kind, at = header.process
    if not 0 <= at < header.sizes.get(kind, 0):
        raise BadTrace(file, number, f"there is no process {Name(kind, at)} in {header.sizes}")
    return header


# Values --------------------------------------------------------------------------------------------------------------


def state_of(model: Model, kind: str, raw: bytes) -> ProcessState:
    """The state of a process, as it is recorded. Raises BadValue."""
    found = msgspec.json.decode(raw)
    declared = model.kinds[kind]
    if not isinstance(found, dict) or not isinstance(armed := found.pop("armed", None), list):
        raise BadValue("a state says what its variables are, and which timers are `armed`")
    values = []
    # Where Python has another use for a name, nodes write it, and those that differ from it in underscores at the end
    # alone, with one underscore more.
    longer = {one.name.rstrip("_") for one in declared.variables if one.name not in found}
    for variable in declared.variables:
        name = f"{variable.name}_" if variable.name.rstrip("_") in longer else variable.name
        if name not in found:
            raise BadValue(f"the state does not say what `{variable.name}` is")
        values.append(_in(variable.name, model, found.pop(name), variable.type))
    if found:
        raise BadValue(f"a {kind} has no variable `{next(iter(found))}`")
    timers = [timer.name for timer in declared.timers]
    if sorted(armed, key=str) != sorted(set(timers).intersection(map(str, armed))):
        raise BadValue(f"`armed` may name, once each: {', '.join(timers) or 'none'}")
    return ProcessState(tuple(values), tuple(timer in armed for timer in timers), True)


def packet_of(model: Model, sender: Name, receiver: Name, raw: bytes) -> Packet:
    """A message as it is recorded. Raises BadValue."""
    found = msgspec.json.decode(raw)
    if not isinstance(found, list) or not found or not isinstance(found[0], str) or found[0] not in model.messages:
        raise BadValue(f"{raw.decode()} is no message of the protocol")
    message = model.messages[found[0]]
    if (message.sender, message.receiver) != (sender.kind, receiver.kind):
        raise BadValue(f"a {sender.kind} sends no {message.name} to a {receiver.kind}")
    return Packet(
        message.name, sender, receiver, values_of_types(model, found[1:], [of for _, of in message.parameters])
    )


def values_of_types(model: Model, found: Iterable[Any], types: Iterable[Type]) -> tuple[Value, ...]:
    """Arguments as they are recorded. Raises BadValue."""
    found, types = tuple(found), tuple(types)
    if len(found) != len(types):
        raise BadValue(f"{len(found)} arguments where {len(types)} belong")
    return tuple(_value(model, value, of) for value, of in zip(found, types, strict=True))


def _in(variable: str, model: Model, value: Any, of: Type) -> Value:
    try:
        return _value(model, value, of)
    except BadValue as problem:
        raise BadValue(f"{variable}: {problem}") from None


def _value(model: Model, value: Any, of: Type) -> Value:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    match of:
        case OptionType(inner):
            return None if value is None else _value(model, value, inner)
        case BoolType() if isinstance(value, bool):
            return value
        case EnumType(values) if isinstance(value, str) and value in values:
            return value
        case NatType() | IntType() | NumberType() if is_number and in_range(value, of):
            return value
        case ProcessType(kind) if is_number and 0 <= value < model.size(kind):
            return value
        case SetType(inner) if isinstance(value, list):
            members = [_value(model, element, inner) for element in value]
            if len(set(members)) == len(members):
                return frozenset(members)
        case MapType(key, inner) if isinstance(value, list) and len(value) == model.size(key.kind):
            return tuple(_value(model, entry, inner) for entry in value)
    raise BadValue(f"{msgspec.json.encode(value).decode()} is no `{of}`")


def names_of(model: Model) -> dict[Address, Name]:
    """All processes, by how lines name them."""
    return {(name.kind, name.number): name for names in model.names for name in names}
