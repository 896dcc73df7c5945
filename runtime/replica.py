"""One process of a protocol, at work. The order in which a step takes effect is here, and nowhere else:

receive, read the clock once, step, store, set timers and send, record, tell the application.

A step that fails, or whose letters cannot be written or state cannot be stored, has no effect at all: no message
leaves, and the process stops for good.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import Any, NamedTuple

from runtime.clock import Clock
from runtime.confirmation import NEVER, Confirmed
from runtime.counts import Counts
from runtime.process import Accepted, Everyone, Name, Process
from runtime.steps import Impossible, Reset, Send, Step, Stop
from runtime.storage import DurableStore, StorageFailed
from runtime.timers import Timers
from runtime.wire import Letter, TooLarge, Unreadable, codec_of, fields_of

log = logging.getLogger("oneleader")

HASTE = 0.1
"""When the process that a timer waits for has died, the next process lets the timer run out at once, the one after it
this part of the timer's shortest duration later, and so on: if all did at once, they would compete."""


class Took(NamedTuple):
    """A step that a process has taken, for whoever records it."""

    event: str
    """`start`, `receive`, `timeout`, or an input's or action's name."""
    name: str
    """Of the message or the timer."""
    number: int
    """The step's among those that the process has taken since it began, from 1."""
    sender: Name | None
    letter: Letter | None
    arguments: tuple[Any, ...]
    before: Any
    after: Any
    sent: tuple[tuple[Name, Letter], ...]
    at: float
    first: int
    """The number of the first letter that was sent in this step, or will be in the next one that sends any."""


@dataclass(frozen=True)
class World:
    """What a process acts on. `send` hands bytes to the network, and never fails; `changed` is called after each step
    with which the process begins or ceases to lead, or leads with another token; `failed`, when it has stopped for
    good; `record`, after each step, where that is wanted."""

    loop: Clock
    random: Random
    store: DurableStore
    send: Callable[[Name, bytes], None]
    changed: Callable[[], None] = lambda: None
    failed: Callable[[Exception], None] = lambda _: None
    record: Callable[[Took], None] | None = None


class Replica:
    """A process that holds its state, and does what its steps say."""

    def __init__(self, process: Process[Any, Any], me: int, everyone: Everyone, world: World) -> None:
        self.process = process
        self.me = me
        self.everyone = everyone
        self.counts = Counts()
        self.failure: Exception | None = None
        self._world = world
        self._codec = codec_of(process)
        self._fields = fields_of(process)
        self._timers = Timers(process.timers, world.loop, world.random, self._fired)
        self._next = world.random.getrandbits(62)
        self._token: int | None = None
        self._recorded = 0
        self._waits_for: dict[str, Name] = {}
        self.state: Any = self._restored(world.store.load())
        confirmation = process.confirmation
        self._confirmed: Confirmed | None = None
        if confirmation is not None:
            lasts = process.timers[confirmation.within].shortest
            self._confirmed = Confirmed(me, lasts, lambda some: confirmation.is_quorum(everyone, some))

    # What the application may know

    @property
    def token(self) -> int | None:
        """The token with which the protocol lets this process lead; None where it does not lead. It may have been
        replaced by another without having heard of it."""
        return None if self.failure is not None else self._token

    def leads_until(self) -> float:
        """Until when, on the loop's clock, this process knows that it leads, if nothing more is heard; a moment that
        has passed where it does not know it."""
        if self.token is None:
            return NEVER
        confirmed = float("inf") if self._confirmed is None else self._confirmed.until
        if self.process.until is None:
            return confirmed
        deadline = self._timers.deadline(self.process.until)
        return NEVER if deadline is None else min(deadline, confirmed)

    def leading(self) -> int | None:
        """The token with which this process knows that it leads at this very moment: the clock is read."""
        return self.token if self._world.loop.time() < self.leads_until() else None

    # Events

    def start(self) -> None:
        """The first step. Raises nothing; see `failed`."""
        now = self._world.loop.time()
        self._take("start", "", now, lambda: self.process.start(self.me, self.everyone, self.state))

    def received(self, sender: Name, payload: bytes) -> bool:
        """Takes a message. Whether it was one of the protocol."""
        if self.failure is not None:
            return True
        now = self._world.loop.time()
        try:
            letter = self._codec.decode(payload)
        except Unreadable:
            self.counts.unreadable += 1
            return False
        message = letter.message
        name = type(message).__struct_config__.tag
        if self.process.receives[name] != sender.kind:  # another kind of process sends these
            self.counts.unreadable += 1
            return False
        self.counts.received[name] += 1
        self._take(
            "receive",
            name,
            now,
            lambda: self.process.receive(self.me, self.everyone, self.state, sender.number, message),
            sender,
            letter,
        )
        confirmation = self.process.confirmation
        if confirmation is not None and self._confirmed is not None and name == confirmation.message:
            before = self._confirmed.until
            self._confirmed.answered(sender.number, letter.answers)
            if self._confirmed.until > before and self._token is not None:
                if now < self._confirmed.until:
                    self.counts.elections.known(now)
                self._world.changed()
        return True

    def ask(self, name: str, *arguments: Any) -> bool:
        """What the application asks for: an input or an action, by name. Whether it was taken. Raises ValueError for
        arguments that it does not have: a step is right for those of the protocol alone."""
        accepted = self.process.arguments.get(name, ())
        if len(arguments) != len(accepted) or not all(map(self._is_one, arguments, accepted)):
            raise ValueError(f"{name} is not asked for with {arguments}")
        if self.failure is not None:
            return False
        function = self.process.inputs.get(name) or self.process.actions[name]
        try:
            step = function(self.me, self.everyone, self.state, *arguments)
        except Impossible as problem:
            self._stop(problem)
            return False
        if step is None:
            return False
        self._take(name, "", self._world.loop.time(), lambda: step, arguments=arguments)
        return self.failure is None

    def _is_one(self, value: object, accepted: Accepted) -> bool:
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
        for one in accepted:
            match one:
                case None if value is None:
                    return True
                case range() if number is not None and number in one:
                    return True
                case frozenset() if isinstance(value, str) and value in one:
                    return True
                case str() if number is not None and number in self.everyone[one]:
                    return True
                case type() if isinstance(value, bool):
                    return True
        return False

    def died(self, peer: Name) -> None:
        """A hint that a process has died: a timer that waits to hear from it, and from it alone, runs out soon. The
        model lets a timer run out at any moment."""
        now = self._world.loop.time()
        for timer, awaited in self._waits_for.items():
            if awaited == peer and self._timers.deadline(timer) is not None and self._token is None:
                turn = self.process.timers[timer].shortest * HASTE
                self._timers.hasten(timer, now + turn * self._place_after(peer))
                self.counts.hastened += 1

    def _place_after(self, peer: Name) -> int:
        """How many others come between a process and this one, in the order of their numbers, around and around."""
        if peer.kind != self.process.kind:
            return self.me
        return (self.me - peer.number - 1) % len(self.everyone[peer.kind])

    def close(self) -> None:
        """Stops for good: no step is taken any more. The store is left open."""
        self._timers.close()
        if self.failure is None:
            self.failure = Closed()
        self._token = None

    # Steps

    def _fired(self, timer: str) -> None:
        self._waits_for.pop(timer, None)
        now = self._world.loop.time()
        self.counts.timeouts[timer] += 1
        confirmation = self.process.confirmation
        if confirmation is not None and timer == confirmation.within and self._token is None:
            self.counts.elections.ran_out(now)
        self._take("timeout", timer, now, lambda: self.process.timeout(self.me, self.everyone, self.state, timer))

    def _take(
        self,
        event: str,
        name: str,
        now: float,
        step: Callable[[], Step[Any, Any]],
        sender: Name | None = None,
        letter: Letter | None = None,
        arguments: tuple[Any, ...] = (),
    ) -> None:
        """One step, in the order that makes it safe."""
        if self.failure is not None:
            return
        before = self.state
        try:
            after, effects = step()
            letters = self._written(effects, letter.number if letter is not None else 0)
            self._store(before, after)
        except (Impossible, StorageFailed, TooLarge) as problem:
            self._stop(problem)
            return
        self.state = after
        self.counts.steps[event] += 1
        token = self.process.leader(self.me, self.everyone, after)
        began = token is not None and token != self._token
        if began:
            self.counts.elections.won()
            if self._confirmed is not None:
                self._confirmed.begin()
        first = self._next
        self._do(effects, now, sender, [payload for _, _, payload in letters])
        sent = [(receiver, one) for receiver, one, _ in letters]
        if token is None and self.counts.elections.since is not None:
            self._count_lost(sent)
        if token is not None and self._confirmed is not None:
            self._confirmed.sent((one.number for _, one in sent), now)
        if self._world.record is not None:
            self._recorded += 1
            took = Took(event, name, self._recorded, sender, letter, arguments, before, after, tuple(sent), now, first)
            self._world.record(took)
        if token != self._token:
            self._token = token
            self._world.changed()

    def _count_lost(self, sent: list[tuple[Name, Letter]]) -> None:
        """Finds out whether an election under way has ended: this process had won it and leads no more before it knew
        that it did, or it has just confirmed another leader."""
        confirmation = self.process.confirmation
        if self._token is not None:
            self.counts.elections.resigned()
        elif confirmation is not None and any(
            type(letter.message).__struct_config__.tag == confirmation.message for _, letter in sent
        ):
            self.counts.elections.lost()

    def _store(self, before: Any, after: Any) -> None:
        """Writes what has changed of what is durable. Raises StorageFailed, TooLarge."""
        changed: dict[str, bytes] = {}
        for name in self.process.durable:
            value = getattr(after, name)
            if value is not (old := getattr(before, name)) and value != old:
                changed[name] = self._fields.encode(value)
        if changed:
            began = perf_counter()
            self._world.store.store(changed)
            self.counts.stores.add(perf_counter() - began)

    def _written(self, effects: tuple[Send[Any] | Reset | Stop, ...], answers: int) -> list[tuple[Name, Letter, bytes]]:
        """The letters of a step, in order, each with its receiver and its bytes. Raises TooLarge."""
        written: list[tuple[Name, Letter, bytes]] = []
        for effect in effects:
            if isinstance(effect, Send):
                letter = Letter(self._next + len(written), answers, effect.message)
                written.append((Name(effect.kind, effect.to), letter, self._codec.encode(letter)))
        return written

    def _do(
        self,
        effects: tuple[Send[Any] | Reset | Stop, ...],
        now: float,
        sender: Name | None,
        payloads: list[bytes],
    ) -> None:
        """Sets timers, and sends what was written, in order."""
        waiting = iter(payloads)
        for effect in effects:
            match effect:
                case Send(kind, to, message):
                    self._next += 1
                    self._world.send(Name(kind, to), next(waiting))
                    self.counts.sent[type(message).__struct_config__.tag] += 1
                case Reset(timer, since):
                    self._timers.reset(timer, now, since)
                    if sender is not None:
                        self._waits_for[timer] = sender
                    else:
                        self._waits_for.pop(timer, None)
                case Stop(timer):
                    self._timers.stop(timer)
                    self._waits_for.pop(timer, None)

    def _stop(self, problem: Exception) -> None:
        log.critical("%s has stopped for good: %s", Name(self.process.kind, self.me), problem)
        self._timers.close()
        self.failure = problem
        self._token = None
        try:
            self._world.changed()
        finally:  # whatever a service does when it is told
            self._world.failed(problem)

    def _restored(self, stored: Mapping[str, bytes]) -> Any:
        """The state in which the process begins: what it was before, as far as that is durable."""
        state = self.process.initial(self.everyone)
        held = {name: self._fields.decoders[name](value) for name, value in stored.items()}
        if not held:
            return state
        kept = {field: getattr(state, field) for field in state.__struct_fields__}
        return self.process.restarted(self.everyone, type(state)(**{**kept, **held}))


class Closed(Exception):
    """The process was closed."""
