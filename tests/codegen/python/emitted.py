"""Emitted packages, loaded from their text, and held against the reference semantics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from codegen.python.module import names_of
from codegen.python.package import package_of
from modelcheck.conformance.translation import Difference, differences
from modelcheck.conformance.wiring import Names
from modelcheck.model import Model, Name, ProcessState, State, Step, StepKind, Successor
from modelcheck.proof.scope import setting_of
from modelcheck.semantics import attempts, initial, leads, process_state
from runtime.process import Process
from runtime.steps import Impossible, Reset, Send, Stop
from runtime.steps import Step as Taken
from spec.check import check
from spec.protocol import Protocol
from spec.source import Source

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(ROOT.glob("spec/protocols/*.elect"))
BROKEN = sorted(ROOT.glob("spec/broken/*.elect"))


def protocol_of(text: str, name: str = "drawn.elect") -> Protocol:
    return check(Source(name, text))[0]


def protocol_at(path: Path) -> Protocol:
    return protocol_of(path.read_text(encoding="utf-8"), path.name)


def texts_of(protocol: Protocol) -> dict[str, str]:
    """The emitted files, by name."""
    return {one.name: one.text for one in package_of(protocol)}


def found_in(protocol: Protocol, texts: Mapping[str, str], sizes: tuple[int, ...] = (3,)) -> tuple[Difference, ...]:
    """In what emitted texts are not the protocol."""
    names = {kind: Names(**given) for kind, given in names_of(protocol).items()}
    return differences(
        protocol, texts, names, {size: setting_of(protocol, size, protocol.network, ()) for size in sizes}
    )


@dataclass
class Beside:
    """Emitted modules beside a model: what both make of the same events. What was looked at once is not looked at
    again: a step depends on the process and the event alone."""

    model: Model
    modules: Mapping[str, ModuleType]
    seen: set[object] = field(default_factory=set)
    failed: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        named = names_of(self.model.protocol)
        self.python = {
            kind: {spec: python for python, spec in given["variables"].items()} for kind, given in named.items()
        }
        self.parameters = {kind: given["parameters"] for kind, given in named.items()}
        self.everyone = {
            kind.name: frozenset(range(size))
            for kind, size in zip(self.model.protocol.kinds, self.model.sizes, strict=True)
        }

    def process(self, kind: str) -> Process[Any, Any]:
        found: Process[Any, Any] = self.modules[kind].PROCESS
        return found

    def emitted(self, name: Name, state: ProcessState) -> Any:
        """A process's state as emitted code has it."""
        kind = self.model.kinds[name.kind]
        values = zip(kind.variables, state.values, strict=True)
        given = {self.python[name.kind][variable.name]: value for variable, value in values}
        armed = frozenset(timer.name for timer, on in zip(kind.timers, state.armed, strict=True) if on)
        return self.process(name.kind).state_type(**given, armed=armed)

    def message(self, kind: str, name: str, arguments: tuple[Any, ...]) -> Any:
        declared = self.model.messages[name].parameters
        given = {self.parameters[kind][p]: value for (p, _), value in zip(declared, arguments, strict=True)}
        return self.process(kind).message_types[name](**given)

    def begins(self) -> None:
        """That processes that were never there before begin as those of the model do."""
        begun = initial(self.model).state
        for name in (name for names in self.model.names for name in names):
            process = self.process(name.kind)
            if begun is not None:
                taken = process.start(name.number, self.everyone, process.initial(self.everyone))
                assert taken.state == self.emitted(name, process_state(self.model, begun, name))

    def look(self, state: State) -> None:
        """All that may happen in a state, in both."""
        for names in self.model.names:
            for name in names:
                own = process_state(self.model, state, name)
                if own.up and (name, own) not in self.seen:
                    self.seen.add((name, own))
                    token = self.process(name.kind).leader(name.number, self.everyone, self.emitted(name, own))
                    assert token == leads(self.model, state, name), (name, own)
        for successor in attempts(self.model, state):
            acting = successor.step.process
            if acting is None:
                continue
            own = process_state(self.model, state, acting)
            key = (own, successor.step)
            if key not in self.seen:
                self.seen.add(key)
                self.compare(acting, own, successor)

    def compare(self, name: Name, own: ProcessState, successor: Successor) -> None:
        """One step in both."""
        step = successor.step
        before = self.emitted(name, own)
        try:
            taken = self.take(name, before, step)
        except Impossible:
            self.failed += 1
            assert successor.failure is not None, (own, step)
            return
        assert successor.failure is None, (own, step, taken)
        assert successor.state is not None
        after = process_state(self.model, successor.state, name)
        if step.kind is StepKind.CRASH:
            assert taken is not None and taken.state == self.emitted(name, after), (own, step)
            return
        if taken is None:
            self.refused += 1
            assert (after, successor.sent) == (own, ()), (own, step)
            return
        assert taken.state == self.emitted(name, after), (own, step, taken)
        assert type(taken.state) is type(before)
        sent = [(one.kind, one.to, one.message) for one in taken.effects if isinstance(one, Send)]
        wanted = [
            (p.receiver.kind, p.receiver.number, self.message(name.kind, p.message, p.arguments))
            for p in successor.sent
        ]
        assert sent == wanted, (own, step)
        assert armed_by(taken, self.armed_before(before, step)) == taken.state.armed, (own, step)

    def armed_before(self, before: Any, step: Step) -> frozenset[str]:
        match step.kind:
            case StepKind.TIMEOUT:
                armed: frozenset[str] = before.armed - {step.name}
                return armed
            case StepKind.RESTART | StepKind.DISK_LOSS | StepKind.RECOVER:
                return frozenset()
            case _:
                unchanged: frozenset[str] = before.armed
                return unchanged

    def take(self, name: Name, before: Any, step: Step) -> Taken[Any, Any] | None:
        """A step in emitted code."""
        process, me, everyone = self.process(name.kind), name.number, self.everyone
        match step.kind:
            case StepKind.DELIVER | StepKind.DELIVER_AND_KEEP:
                assert step.packet is not None
                message = self.message(name.kind, step.packet.message, step.packet.arguments)
                assert step.packet.message in process.receives
                return process.receive(me, everyone, before, step.packet.sender.number, message)
            case StepKind.TIMEOUT:
                return process.timeout(me, everyone, before, step.name)
            case StepKind.INPUT:
                return process.inputs[step.name](me, everyone, before, *step.arguments)
            case StepKind.ACTION:
                return process.actions[step.name](me, everyone, before)
            case StepKind.RESTART:
                return process.start(me, everyone, process.restarted(everyone, before))
            case StepKind.DISK_LOSS:
                return process.start(me, everyone, process.initial(everyone))
            case StepKind.CRASH:
                return Taken(process.restarted(everyone, before), ())
            case StepKind.RECOVER:
                return process.start(me, everyone, before)
            case _:
                raise TypeError(f"a process takes no part in {step.kind}")


def armed_by(taken: Taken[Any, Any], armed: frozenset[str]) -> frozenset[str]:
    """The timers that run after what a step says is to be done with them."""
    for one in taken.effects:
        match one:
            case Reset(timer):
                armed |= {timer}
            case Stop(timer):
                armed -= {timer}
    return armed
