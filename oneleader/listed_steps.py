"""Sampled steps of a model as they are listed for the tests of an emitted package, in its own words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from codegen.python.module import names_of
from codegen.testing.files import Steps
from modelcheck.check import Options, models_of
from modelcheck.model import Model, ProcessState, StepKind
from modelcheck.samples import Sample, sampled
from spec.clocks import without_time
from spec.protocol import Protocol
from spec.types import Value

MOST, STATES = (700, 300), (1000, 300)
"""So many steps at most, from so many states, for the first size and for the second one."""
EVENTS = {
    StepKind.DISK_LOSS: "begin",
    StepKind.RESTART: "restart",
    StepKind.CRASH: "crash",
    StepKind.TIMEOUT: "timeout",
    StepKind.INPUT: "input",
    StepKind.ACTION: "action",
    StepKind.DELIVER: "receive",
}
"""How each sort of step is called, in the order in which they are listed."""


def steps_of(models: Sequence[Model]) -> Steps:
    """The steps of models of one protocol, of different sizes, for tests."""
    protocol = models[0].protocol
    found = [sampled(model, most, states) for model, most, states in zip(models, MOST, STATES, strict=False)]
    names = names_of(protocol)
    kinds, events = [kind.name for kind in protocol.kinds], list(EVENTS)

    def place(sample: Sample) -> tuple[int, int, str]:
        return kinds.index(sample.name.kind), events.index(sample.step.kind), _said(sample)

    lines = [
        {"size": number, **_line(model, names[sample.name.kind], sample)}
        for number, (model, one) in enumerate(zip(models, found, strict=True))
        for sample in sorted(one.samples, key=place)
    ]
    taken = frozenset(point for one in found for point in one.taken)
    missing = (p.label for number, p in enumerate(protocol.points) if number not in taken and not p.unreachable)
    sizes = [dict(zip(kinds, model.sizes, strict=True)) for model in models]
    return Steps(lines, sizes, sum(one.states for one in found), all(one.whole for one in found), tuple(missing))


def models_for(protocol: Protocol) -> list[Model]:
    """The smallest model of the spec's first check; and the next larger one of any check, as a majority of three is
    also half of them, rounded up. Raises SpecError where a `nat` has no bound.

    The models have no time: what a step does to a process does not depend on when it happens."""
    protocol = without_time(protocol)
    first = min(models_of(protocol, protocol.checks[0], Options()), key=_total)
    every = [model for check in protocol.checks for model in models_of(protocol, check, Options())]
    larger = [model for model in every if _total(model) > _total(first)]
    return [first, min(larger, key=_total)] if larger else [first]


def _total(model: Model) -> int:
    return sum(model.sizes)


def _said(sample: Sample) -> str:
    """The name of the message, the timer, the input or the action."""
    return sample.step.packet.message if sample.step.packet is not None else sample.step.name


def _line(model: Model, names: dict[str, Any], sample: Sample) -> dict[str, Any]:
    line: dict[str, Any] = {"kind": sample.name.kind, "me": sample.name.number, "event": EVENTS[sample.step.kind]}
    if name := _said(sample):
        line["name"] = name
    if (packet := sample.step.packet) is not None:
        line["sender"] = packet.sender.number
        line["message"] = [packet.message, *map(_plain, packet.arguments)]
    if sample.step.arguments:
        line["arguments"] = [_plain(argument) for argument in sample.step.arguments]
    line["before"] = _state(model, names, sample, sample.before)
    if sample.failure is not None:
        line["impossible"] = sample.failure.reason
    if sample.after is not None:
        line["after"] = _state(model, names, sample, sample.after)
        line["sent"] = [
            [one.receiver.kind, one.receiver.number, [one.message, *map(_plain, one.arguments)]] for one in sample.sent
        ]
        line["reset"], line["stopped"] = list(sample.reset), list(sample.stopped)
    line["leads"] = list(sample.tokens)
    return line


def _state(model: Model, names: dict[str, Any], sample: Sample, process: ProcessState) -> dict[str, Any]:
    """A process's state by the names of its fields in the package."""
    kind = model.kinds[sample.name.kind]
    python = {spec: own for own, spec in names["variables"].items()}
    found = {
        python[variable.name]: _plain(value) for variable, value in zip(kind.variables, process.values, strict=True)
    }
    found["armed"] = [timer.name for timer, on in zip(kind.timers, process.armed, strict=True) if on]
    return found


def _plain(value: Value) -> Any:
    """A value as JSON has it."""
    match value:
        case frozenset():
            return sorted(value)
        case tuple():
            return [_plain(entry) for entry in value]
        case _:
            return value
