"""Random walks of the reference semantics, written down as nodes would: for any protocol, whatever its network."""

from __future__ import annotations

from random import Random
from typing import Any

from modelcheck.model import Caps, Model, Name, Packet, ProcessState, State, StepKind, Successor
from modelcheck.semantics import crashed, initial, offers, on_start, process_at_first, process_state
from spec.protocol import Protocol
from tests.modelcheck.conformance.runs import Files, text_of


class Walk:
    """A walk so far: the lines of each process, and the letters under way."""

    def __init__(self, protocol: Protocol, sizes: tuple[int, ...], seed: int) -> None:
        self.model = Model(protocol, sizes, Caps({}, {}, 0), protocol.network, protocol.faults, 4)
        self.random = Random(seed)
        self.names = [name for names in self.model.names for name in names]
        self.lines: dict[Name, list[dict[str, Any]]] = {name: [] for name in self.names}
        self.steps = dict.fromkeys(self.names, 0)
        self.next = {name: 1_000_000 * at for at, name in enumerate(self.names, 1)}
        self.under_way: list[tuple[int, Packet]] = []
        state = initial(self.model).state
        assert state is not None
        self.state: State = state
        for name in self.names:
            self.start(name, process_at_first(self.model, name))

    def start(self, name: Name, before: ProcessState) -> None:
        protocol = self.model.protocol
        header = {"oneleader-trace": 1, "protocol": protocol.name, "spec_sha256": protocol.source.sha256}
        sizes = {kind.name: size for kind, size in zip(protocol.kinds, self.model.sizes, strict=True)}
        self.lines[name].append({**header, "cluster": "walk", "process": list(name), "sizes": sizes})
        self.steps[name] = 0
        begun = on_start(self.model, name, before)
        assert begun.process is not None
        self.line(name, {"event": "start", "letter": self.next[name]}, begun.process, begun.sent)

    def line(self, name: Name, what: dict[str, Any], after: ProcessState, sent: tuple[Packet, ...]) -> None:
        kind = self.model.kinds[name.kind]
        state = {variable.name: plain(value) for variable, value in zip(kind.variables, after.values, strict=True)}
        armed = sorted(timer.name for timer, on in zip(kind.timers, after.armed, strict=True) if on)
        letters = []
        for packet in sent:
            self.under_way.append((self.next[name], packet))
            letters.append([*packet.receiver, self.next[name], [packet.message, *map(plain, packet.arguments)]])
            self.next[name] += 1
        self.steps[name] += 1
        line = {"step": self.steps[name], **what, "state": {**state, "armed": armed}}
        self.lines[name].append(line | ({"sent": letters} if letters else {}))

    def go(self) -> bool:
        """One step more. Whether there is one."""
        found = [one for one in (offer.taken() for offer in offers(self.model, self.state)) if one.state is not None]
        found = [one for one in found if one.beyond is None and one.state != self.state]
        if not found:
            return False
        self.write(self.random.choice(found))
        return True

    def write(self, taken: Successor) -> None:
        assert taken.state is not None
        step, before = taken.step, self.state
        self.state = taken.state
        if step.kind is StepKind.LOSE and step.packet is not None:
            self.under_way.pop(self.lost(step.packet))
        elif step.kind is StepKind.RESTART and step.process is not None:
            kind = self.model.kinds[step.process.kind]
            was = process_state(self.model, before, step.process)
            self.start(step.process, crashed(self.model, kind, was, disk=False, up=True))
        elif step.process is not None:
            what: dict[str, Any] = {"event": step.name, "arguments": [plain(value) for value in step.arguments]}
            if step.kind is StepKind.TIMEOUT:
                what = {"event": "timeout", "name": step.name}
            elif step.packet is not None:
                at = next(at for at, (_, packet) in enumerate(self.under_way) if packet == step.packet)
                message = [step.packet.message, *map(plain, step.packet.arguments)]
                what = {"event": "receive", "from": list(step.packet.sender), "letter": self.under_way[at][0]}
                what["message"] = message
                if step.kind is StepKind.DELIVER and not self.model.network.is_growing_set:
                    self.under_way.pop(at)
            self.line(step.process, what, process_state(self.model, self.state, step.process), taken.sent)

    def lost(self, lost: Packet) -> int:
        """Which of the letters under way it is: without it the link holds what the state says."""
        ends = lost.sender, lost.receiver
        after = next((link.queue for link in self.state.links if (link.sender, link.receiver) == ends), ())
        on_link = [at for at, (_, one) in enumerate(self.under_way) if (one.sender, one.receiver) == ends]
        for at in on_link:
            if tuple(self.under_way[other][1] for other in on_link if other != at) == after:
                return at
        raise AssertionError(lost)

    def files(self) -> Files:
        return {f"{name}.ndjson": text_of(lines) for name, lines in self.lines.items()}


def plain(value: Any) -> Any:
    """A value as nodes write it."""
    if isinstance(value, frozenset):
        return sorted(value)
    return [plain(entry) for entry in value] if isinstance(value, tuple) else value


def walked(protocol: Protocol, sizes: tuple[int, ...], seed: int, steps: int) -> Files:
    walk = Walk(protocol, sizes, seed)
    for _ in range(steps):
        if not walk.go():
            break
    return walk.files()
