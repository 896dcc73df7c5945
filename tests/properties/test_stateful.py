"""Emitted handlers and the reference semantics side by side, through whole runs with faults.

Elsewhere each step of the emitted code is taken from a state that the model gives. Here emitted processes go on from
what they themselves have made of their state, their timers and the messages; and Hypothesis, which chooses what
happens, makes a run that fails as short as it can.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

import generated.raft.node
from codegen.python.loaded import loaded
from modelcheck.model import Model, Name, Packet, ProcessState, State, Step, StepKind
from modelcheck.semantics import initial, leads, offers, process_state
from runtime.steps import Impossible, Send
from runtime.steps import Step as Taken
from runtime.wire import Letter, codec_of
from spec.protocol import Fault, FaultKind, Network
from tests.codegen.python.emitted import ROOT, Beside, armed_by, texts_of
from tests.codegen.python.test_every_state import model_at

REQUESTS = (StepKind.INPUT, StepKind.ACTION)
ENDS = (StepKind.RESTART, StepKind.CRASH, StepKind.DISK_LOSS)
SPLITS = (StepKind.PARTITION, StepKind.HEAL)
DISARMING = {*ENDS, StepKind.RECOVER}
"""What leaves no timer armed, but for those that the first step after it sets."""

Rule = TypeVar("Rule", bound=Callable[..., None])
AT_ONCE = 8
"""So many messages are delivered one after the other at most."""


def needs(*kinds: StepKind) -> Callable[[Rule], Rule]:
    """For a rule that needs a step of these kinds to be possible now."""
    return precondition(lambda machine: machine.possible(*kinds))


class Cluster(RuleBasedStateMachine):
    """A state of the model, and what emitted processes have made of the same run: their states, the timers as their
    steps say that they are to be set, and the messages that they sent, as they come off the wire. The bounds of the
    model are passed over: terms grow as they like."""

    both: ClassVar[Beside]

    def __init__(self) -> None:
        super().__init__()
        begun = initial(self.both.model).state
        assert begun is not None
        self.own: dict[Name, Any] = {}
        self.armed: dict[Name, frozenset[str]] = {}
        self.letters: dict[Packet, Any] = {}
        self.unheard: set[Packet] = set()
        for name in (name for names in self.both.model.names for name in names):
            process = self.both.process(name.kind)
            self._go_on(name, process.start(name.number, self.both.everyone, process.initial(self.both.everyone)))
        self._reach(begun)

    @precondition(lambda machine: machine.deliverable(new=True))
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        self._happen(data, self.deliverable(new=True))

    @precondition(lambda machine: machine.deliverable(new=False))
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        self._happen(data, self.deliverable(new=False))

    @precondition(lambda machine: machine.deliverable(new=True))
    @rule()
    def deliver_all(self) -> None:
        """What is under way, and what that leads to, one after the other: by chance alone, hardly anybody leads."""
        for _ in range(AT_ONCE):
            if not (found := self.deliverable(new=True)):
                break
            self._take_step(found[0])
            self.both_agree()

    @needs(StepKind.LOSE)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self._happen(data, self.possible(StepKind.LOSE))

    @needs(StepKind.TIMEOUT)
    @rule(data=st.data())
    def let_a_timer_run_out(self, data: st.DataObject) -> None:
        self._happen(data, self.possible(StepKind.TIMEOUT))

    @needs(*REQUESTS)
    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        self._happen(data, self.possible(*REQUESTS))

    @needs(*ENDS)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        """A crash; also one that is followed by a restart at once, or takes the disk along."""
        self._happen(data, self.possible(*ENDS))

    @needs(StepKind.RECOVER)
    @rule(data=st.data())
    def recover(self, data: st.DataObject) -> None:
        self._happen(data, self.possible(StepKind.RECOVER))

    @needs(*SPLITS)
    @rule(data=st.data())
    def split_or_heal(self, data: st.DataObject) -> None:
        self._happen(data, self.possible(*SPLITS))

    @invariant()
    def both_agree(self) -> None:
        """On the state of each process, on its timers, and on whether it leads."""
        for name, own in self.own.items():
            wanted: ProcessState = process_state(self.both.model, self.state, name)
            assert own == self.both.emitted(name, wanted), name
            assert own.armed == self.armed[name], name
            if wanted.up:
                token = self.both.process(name.kind).leader(name.number, self.both.everyone, own)
                assert token == leads(self.both.model, self.state, name), name

    def possible(self, *kinds: StepKind) -> list[Step]:
        return [step for step in self.next if step.kind in kinds]

    def deliverable(self, new: bool) -> list[Step]:
        """Deliveries of what has not been delivered since it was last sent, or of what has."""
        found = self.possible(StepKind.DELIVER, StepKind.DELIVER_AND_KEEP)
        return [step for step in found if (step.packet in self.unheard) is new]

    def _reach(self, state: State) -> None:
        self.state = state
        self.next = {offer.step: offer.taken for offer in offers(self.both.model, state)}

    def _go_on(self, name: Name, taken: Taken[Any, Any], armed: frozenset[str] = frozenset()) -> None:
        self.own[name], self.armed[name] = taken.state, armed_by(taken, armed)

    def _happen(self, data: st.DataObject, which: list[Step]) -> None:
        self._take_step(data.draw(st.sampled_from(which)))

    def _take_step(self, step: Step) -> None:
        """One step, in both."""
        successor = self.next[step]()
        sent: list[Send[Any]] = []
        if (name := step.process) is not None:
            try:
                taken = self._take(name, step)
            except Impossible:
                assert successor.failure is not None, step
                return
            if taken is not None:
                sent = [one for one in taken.effects if isinstance(one, Send)]
                before = self.armed[name] - ({step.name} if step.kind is StepKind.TIMEOUT else set())
                self._go_on(name, taken, frozenset() if step.kind in DISARMING else before)
        assert successor.state is not None, (step, successor.failure)
        wanted = [
            (packet.receiver, self.both.message(packet.sender.kind, packet.message, packet.arguments))
            for packet in successor.sent
        ]
        assert [(Name(one.kind, one.to), one.message) for one in sent] == wanted, step
        if step.packet is not None:
            self.unheard.discard(step.packet)
        self.unheard.update(successor.sent)
        for packet, one in zip(successor.sent, sent, strict=True):
            self.letters[packet] = self._carried(packet, one.message)
        self._reach(successor.state)

    def _take(self, name: Name, step: Step) -> Taken[Any, Any] | None:
        """A step in emitted code, from the state that it is in and with the message that was sent."""
        if step.packet is None:
            return self.both.take(name, self.own[name], step)
        process, sender = self.both.process(name.kind), step.packet.sender.number
        return process.receive(name.number, self.both.everyone, self.own[name], sender, self.letters[step.packet])

    def _carried(self, packet: Packet, message: Any) -> Any:
        """A message as its receiver reads it from the bytes that its sender made of it."""
        sender, receiver = (self.both.process(one.kind) for one in (packet.sender, packet.receiver))
        return codec_of(receiver).decode(codec_of(sender).encode(Letter(1, 0, message))).message


SETTINGS = settings(max_examples=10, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
FIXED = settings(SETTINGS, max_examples=40, derandomize=True, database=None, phases=[Phase.generate], print_blob=False)
"""The same runs each time; where one fails, no shorter one is looked for."""
TWICE = Network(loss=True, duplication=True, reordering=False)
SHUFFLED = Network(loss=True, duplication=False, reordering=True)
FAULTS = tuple(map(Fault, (FaultKind.RESTART, FaultKind.CRASH, FaultKind.DISK_LOSS, FaultKind.PARTITION)))


def run(model: Model, modules: Mapping[str, ModuleType], chosen: settings = SETTINGS) -> None:
    both = Beside(model, modules)
    both.begins()
    run_state_machine_as_test(type("Cluster", (Cluster,), {"both": both}), settings=chosen)


def shipped(name: str, network: Network | None = None, faults: tuple[Fault, ...] | None = None) -> Model:
    """The model of a shipped protocol's first check; with another network or other faults."""
    model = model_at(ROOT / f"spec/protocols/{name}.elect")
    return dataclasses.replace(
        model,
        network=model.network if network is None else network,
        faults=model.faults if faults is None else faults,
    )


@pytest.mark.parametrize("network", [None, TWICE, SHUFFLED], ids=["its own", "in order, twice", "shuffled"])
def test_the_committed_node_goes_the_models_way(network: Network | None) -> None:
    run(shipped("raft", network, FAULTS), {"node": generated.raft.node})


@pytest.mark.parametrize("faults", [None, FAULTS], ids=["its own", "all"])
@pytest.mark.parametrize("name", ["prevote", "ring", "lock_service"])
def test_emitted_nodes_go_the_models_way(name: str, faults: tuple[Fault, ...] | None) -> None:
    model = shipped(name, None if faults is None else TWICE, faults)
    with loaded(model.protocol, texts_of(model.protocol)) as modules:
        run(model, modules)


def test_the_runs_lead_somewhere() -> None:
    """All kinds of step are taken, and somebody has led in many of the runs: none of this is agreed on in vain."""
    led: list[bool] = []
    kinds: set[StepKind] = set()

    class Watched(Cluster):
        both = Beside(shipped("raft", TWICE, FAULTS), {"node": generated.raft.node})

        def _take_step(self, step: Step) -> None:
            super()._take_step(step)
            kinds.add(step.kind)

        def teardown(self) -> None:
            led.append(bool(self.state.led))

    run_state_machine_as_test(Watched, settings=FIXED)
    assert kinds == set(StepKind) - {StepKind.PAUSE, StepKind.RESUME, StepKind.TICK} - {StepKind.INPUT, StepKind.ACTION}
    assert sum(led) >= len(led) / 10


MISTAKES = {
    "raft: a vote is given twice": ("raft", "now.voted_for in (None, candidate)", "True"),
    "raft: a timer is not set again": (
        "raft",
        'Heartbeat(term=now.term))\n    now.reset("heartbeat")',
        "Heartbeat(term=now.term))",
    ),
    "raft: too few answers": ("raft", "now.answered = now.answered | frozenset({follower_of_mine})", "pass"),
    "raft: a vote outlives a term": ("raft", "now.term = t\n    now.voted_for = None", "now.term = t"),
    "raft: the vote is not kept": ("raft", "voted_for=state.voted_for,\n    )", ")"),
    "raft: another leads": (
        "raft",
        'return now.term if now.role == "leader"',
        'return now.term if now.role == "candidate"',
    ),
    "prevote: it answers though it hears a leader": ("prevote", "not now.hears_leader", "True"),
    "lock_service: a token is given again": ("lock_service", "now.last_token + 1", "1"),
    "ring: a smaller name goes on": ("ring", "largest > now.me", "True"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(mistake: str) -> None:
    name, right, wrong = MISTAKES[mistake]
    model = shipped(name)
    texts = texts_of(model.protocol)
    changed = {file: text.replace(right, wrong) for file, text in texts.items()}
    assert changed != texts, mistake
    with loaded(model.protocol, changed) as modules, pytest.raises(AssertionError):
        run(model, modules, FIXED)
