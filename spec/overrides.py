"""What the command line says in the spec's own words: rows of a check, a network, faults, fairness."""

from __future__ import annotations

from spec import syntax
from spec.diagnostics import Diagnostic, SpecError
from spec.fairness import Fairness
from spec.names import Names, Reported
from spec.parser import parse
from spec.protocol import Check, Fault, Network, Protocol, Timing
from spec.settings import checks_of, fairness_of, faults_of, network_of
from spec.source import Source, Span
from spec.timing import read_timing


def check_from(text: str, protocol: Protocol, option: str) -> Check:
    """The check that `5 nodes, term <= 2` means. Raises SpecError, whose source is the option's own text."""
    file = _file(f"check command_line: {text}\n", option)
    names = _names(file, protocol)
    check = checks_of(file, names)
    _finish(names)
    return check[0]


def network_from(text: str, protocol: Protocol, option: str) -> Network:
    """The network that `loss, reordering` means. Raises SpecError."""
    file = _file(f"network: {text}\n", option)
    names = _names(file, protocol)
    network = network_of(file, names)
    _finish(names)
    return network


def faults_from(text: str, protocol: Protocol, option: str) -> tuple[Fault, ...]:
    """The faults that `crash up to 2, partition` means. Raises SpecError."""
    file = _file(f"faults: {text}\n", option)
    names = _names(file, protocol)
    faults = faults_of(file, names)
    _finish(names)
    return faults


def timing_from(text: str, protocol: Protocol, option: str) -> Timing:
    """What `drift 1 in 10, lease 15 s` changes in what a spec with time says of it. Raises SpecError."""
    file = _file(f"timed: {text}\n", option)
    names = _names(file, protocol)
    (item,) = file.items
    assert isinstance(item, syntax.TimedItem)
    if protocol.timing is None:
        names.report("E0217", "the spec is not `timed`", item.span, "time does not pass in it")
        _finish(names)
    try:
        return read_timing(item, names, protocol.timing)
    except Reported:
        raise SpecError(names.source, tuple(names.problems)) from None


def fairness_from(text: str, protocol: Protocol, option: str) -> Fairness:
    """The assumptions that `eventually calm, weak delivery` means. Raises SpecError."""
    file = _file(f"fairness: {text}\n", option)
    names = _names(file, protocol)
    fairness = fairness_of(file, names, protocol.handlers)
    _finish(names)
    assert fairness is not None
    return fairness


def _file(text: str, option: str) -> syntax.File:
    """What one line says: a second one would be another item, which nobody asked for."""
    lines = text.removesuffix("\n").splitlines()
    if len(lines) > 1:
        span = Span(2, 1, 2, max(2, len(lines[1]) + 1))
        raise SpecError(
            Source(option, text), (Diagnostic("E0101", "this goes on on another line", span, "expected one line"),)
        )
    return parse(Source(option, text))


def _names(file: syntax.File, protocol: Protocol) -> Names:
    return Names(
        file.source,
        kinds={kind.name: kind for kind in protocol.kinds},
        ordered={kind.name: kind.ordered for kind in protocol.kinds},
        messages={message.name: message for message in protocol.messages},
    )


def _finish(names: Names) -> None:
    if names.problems:
        raise SpecError(names.source, tuple(names.problems))
