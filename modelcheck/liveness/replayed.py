"""Whether a saved trace shows what it is said to show of the future: by the reference semantics alone.

Of a `recovers`: all that can follow in the calm is explored. Of a `leads_to`: the steps that are said to be repeated
are taken again and again, with the numbers of each epoch higher by as much as they rose in the first round, until
nothing that was sent before can matter any more; what is then seen in one round is seen in all that follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from modelcheck.bounds import caps
from modelcheck.epochs import Epoch, epochs_of, lowered, offsets_of
from modelcheck.evaluate import evaluate, scope_of
from modelcheck.liveness import led, reference
from modelcheck.liveness.led import NOTHING, number_of, rises_of
from modelcheck.liveness.phases import WRONG, Phase
from modelcheck.liveness.prepared import prepared
from modelcheck.liveness.recovers import asked_of, more_of, same, violation_of
from modelcheck.liveness.reference_led import strength_of
from modelcheck.model import Model, Name, Packet, State, Step, Successor
from modelcheck.native.labels import Action, Sort, action_of, without_arguments
from modelcheck.semantics import initial, process_state, steps
from modelcheck.story import describe_step
from modelcheck.trace import Trace, Violation
from spec.fairness import Fairness, Strength
from spec.protocol import Bound, Property
from spec.show import show

MOST_STATES = 50_000
"""Of the calm, that are looked at for a `recovers`."""
MOST_STEPS = 20_000
"""That are taken in all rounds together."""
MOST_ADDED = 100
"""Steps that only send what has no effect, and are taken besides."""


class NotShown(Exception):
    """The trace does not show what it is said to show; the message says why."""


def shown(trace: Trace, claim: Property) -> Violation:
    """What is wrong at the end of a trace that is a behaviour, in words. Raises NotShown."""
    if trace.steps and trace.steps[-1].failure is not None:
        raise NotShown("its last step fails: nothing comes after it")
    return _led(trace, claim) if claim.then is not None else _lost(trace, claim)


def _followed(whole: Model, trace: Trace) -> list[State]:
    """The states of a trace, as a prepared model has them."""
    state = initial(whole).state
    assert state is not None
    found = [state]
    for number, one in enumerate(trace.steps, 1):
        assert one.state is not None
        fitting = (s.state for s in steps(whole, found[-1]) if s.step == one.step and s.beyond is None)
        state = next((after for after in fitting if after is not None and same(after, one.state)), None)
        if state is None:
            raise NotShown(f"step {number} passes a bound")
        found.append(state)
    return found


# recovers ------------------------------------------------------------------------------------------------------------


def _lost(trace: Trace, claim: Property) -> Violation:
    if trace.loop is not None:
        raise NotShown(f"steps are said to be repeated, and `{claim.name}` is about single states")
    model = trace.model
    groups, phase = asked_of(model, claim)
    reasons: list[str] = []
    for raised in more_of(model):
        whole = prepared(model, claim, raised, may_be_down=claim.quorum_of is not None)
        last = _followed(reference.while_faulty(whole), trace)[-1]
        reasons = []
        for gone in groups:
            if not reference.is_asked(whole, last, gone):
                continue
            reason, size = _ahead(whole, claim, last, gone, phase)
            if not reason:
                return violation_of(model, claim, gone, size, True, ())
            reasons.append(reason)
    raise NotShown(reasons[-1] if reasons else "somebody else is down, and there is no quorum to ask about")


def _ahead(whole: Model, claim: Property, state: State, gone: Sequence[Name], phase: Phase) -> tuple[str, int]:
    """Why a goal may still come about (empty: it cannot), and how many states can be reached."""
    count = 0

    def watched() -> None:
        nonlocal count
        count += 1
        if count > MOST_STATES:
            raise NotShown(f"more than {MOST_STATES:,} states can be reached from here: too many to look at them all")

    seed = reference.silenced(whole, state, gone) if gone else state
    ahead, cut = reference.future([seed], lambda one: reference.calm_steps(whole, one, phase), watched)
    without = f" with {' and '.join(map(str, gone))} gone" if gone else ""
    if any(reference.holds(whole, claim, claim.expression, one) for one in ahead):
        return f"`{show(claim.expression)}` can still be reached from here{without}", len(ahead)
    if cut:
        bound = next(s.beyond for s in reference.calm_steps(whole, next(iter(cut)), phase) if s.beyond is not None)
        return f"`{show(claim.expression)}` may lie behind the bound {bound}{without}", len(ahead)
    return "", len(ahead)


# leads_to ------------------------------------------------------------------------------------------------------------


def _led(trace: Trace, claim: Property) -> Violation:
    model = trace.model
    fairness = model.protocol.fairness or NOTHING
    subject = _missing(trace, claim)
    whole = replace(prepared(model, claim, 0), lower=None)
    epochs = epochs_of(whole)
    loop = len(trace) if trace.loop is None else trace.loop
    first, last = trace.states[loop], trace.states[-1]
    rises = [number_of(model, last, epoch) - number_of(model, first, epoch) for epoch in epochs]
    if any(by < 0 for by in rises):
        raise NotShown("a number falls while steps are repeated: it cannot do so for ever")
    repeated = _Repeated(whole, fairness, epochs, tuple(rises))
    if trace.loop is None:
        repeated.stops(_followed(whole, trace)[-1])
    else:
        rounds = repeated.rounds(last, first)
        if rounds * (len(trace) - loop) > MOST_STEPS:
            raise NotShown(f"it takes {rounds:,} rounds until what was sent before cannot matter: too many")
        raised = repeated.with_room(rounds)
        states = _followed(raised.whole, trace)
        raised.goes_on(states[loop:], [one.step for one in trace.steps[loop:]], rounds)
    return led.violation_of(whole, trace.steps, loop, rises_of(whole, epochs, trace.steps, loop), fairness, subject)


def _missing(trace: Trace, claim: Property) -> int:
    """The process of which the second half is false from a state on in which the first is true."""
    assert claim.then is not None
    subjects = [None] if claim.about is None else list(trace.model.names[trace.model.kind_index[claim.about]])
    loop = len(trace) if trace.loop is None else trace.loop
    for number, subject in enumerate(subjects):
        scopes = [scope_of(trace.model, state, subject) for state in trace.states]
        from_here = len(scopes)
        while from_here and not evaluate(claim.then, scopes[from_here - 1]):
            from_here -= 1
        if from_here <= loop and any(evaluate(claim.expression, scope) for scope in scopes[from_here:]):
            return number
    first, then = show(claim.expression), show(claim.then)
    where = "the state in which it stops" if trace.loop is None else "what is repeated"
    raise NotShown(f"`{then}` is true in {where}, or `{first}` is not true from where `{then}` is false on")


@dataclass
class _Place:
    """A state that a round passes through, what is taken there, and all that is possible there."""

    state: State
    taken: Successor
    possible: list[Successor]


@dataclass(frozen=True)
class _Repeated:
    """Steps that are taken again and again. `rises` says by how much, each time, for each epoch."""

    whole: Model
    fairness: Fairness
    epochs: tuple[Epoch, ...]
    rises: tuple[int, ...]

    def with_room(self, rounds: int) -> _Repeated:
        """With bounds that so many rounds do not reach."""
        more = (rounds + 2) * max(self.rises, default=0) + offsets_of(self.whole.protocol)
        old = self.whole.caps
        bounds = tuple(Bound(kind, name, old.variables[kind, name] + more) for kind, name in old.declared)
        return replace(self, whole=replace(self.whole, caps=caps(self.whole.protocol, self.whole.sizes, bounds)))

    # What is possible

    def possible(self, state: State) -> list[Successor]:
        """All steps of a state that the run may take for ever."""
        if not self.fairness.calm:
            return [one for one in steps(self.whole, state) if one.failure is None]
        found = list(reference.calm_steps(self.whole, state, Phase.CALM))
        if self.fairness.apart and any(action_of(one.step).sort is Sort.DELIVER for one in found):
            return [one for one in found if action_of(one.step).sort is not Sort.TIMEOUT]
        return found

    def is_silent(self, before: State, one: Successor) -> bool:
        """Whether a step only sends what then lies about."""
        return one.state is not None and one.beyond is None and one.state._replace(packets=before.packets) == before

    def is_moving(self, packet: Packet | None) -> bool:
        """Whether a message carries a number that rises."""
        return packet is not None and any(
            by and any(message == packet.message for message, _ in epoch.arguments)
            for epoch, by in zip(self.epochs, self.rises, strict=True)
        )

    def owed(self, one: Successor) -> Strength | None:
        return strength_of(self.whole, self.fairness, action_of(one.step))

    # A run that stops

    def stops(self, state: State) -> None:
        """Raises NotShown where something is promised that is possible in the last state. What only sends what has no
        effect can be taken before."""
        for _ in range(MOST_ADDED):
            owed = [one for one in self.possible(state) if self.owed(one) is not None]
            if not owed:
                return
            for one in owed:
                if not self.is_silent(state, one):
                    raise NotShown(
                        f"the run cannot stop here: `{describe_step(self.whole, one.step)}` is possible, and promised"
                    )
            assert owed[0].state is not None
            state = owed[0].state
        raise NotShown("the run does not stop here: there is always something to send that is promised")

    # A run that goes on

    def rounds(self, last: State, first: State) -> int:
        """How many rounds it takes until every number that was sent before them is lower than all others by more than
        is ever added to one: it compares with them then as it does for ever."""
        found = 2
        for epoch, by in zip(self.epochs, self.rises, strict=True):
            if by:
                greatest = max((n for packet in last.packets for n in _numbers(packet, epoch)), default=0)
                least = min(_held(self.whole, first, epoch))
                found = max(found, 2 + -(-(greatest + offsets_of(self.whole.protocol) + 1 - least) // by))
        return found

    def goes_on(self, pattern: Sequence[State], taken: Sequence[Step], rounds: int) -> None:
        """Raises NotShown unless `taken`, which leads through the states of `pattern`, can be taken for ever, and that
        keeps all promises."""
        if self._bare(pattern[0], 1) != self._bare(pattern[-1], 0):
            raise NotShown(
                "the repeated steps lead to another state than the one in which they begin"
                + (", also where numbers rise" if any(self.rises) else "")
            )
        # Steps are added that only send what has no effect, until all that is promised is kept.
        added: set[Action] = set()
        while more := self._missing(pattern, taken, rounds, added):
            if more <= added:
                raise NotShown("what is promised only sends something, and what it sends has an effect")
            added |= more

    def _missing(self, pattern: Sequence[State], taken: Sequence[Step], rounds: int, added: set[Action]) -> set[Action]:
        """What has to be added yet."""
        try:
            return self._unkept(self._rounds(pattern, taken, rounds, added), pattern[-1].packets)
        except _Early as early:
            return early.actions

    def _bare(self, state: State, times: int) -> State | None:
        """Without what lies about, and with higher numbers."""
        return lowered(self.whole, state._replace(packets=frozenset()), self.epochs, [-by * times for by in self.rises])

    def _rounds(self, pattern: Sequence[State], taken: Sequence[Step], rounds: int, added: set[Action]) -> list[_Place]:
        """What the last of so many rounds passes through. Raises NotShown where a step cannot be taken, or counts on
        something that was sent before all rounds."""
        state, sent = pattern[0], set[Packet]()
        places: list[_Place] = []
        for number in range(rounds):
            is_last = number == rounds - 1
            for step, after in zip(taken, pattern[1:], strict=True):
                wanted = self._step(step, number)
                path = list(self._besides(state, added))
                before = path[-1].state if path else state
                assert before is not None
                path.append(self._next(before, wanted, self._bare(after, number), is_last=is_last))
                if is_last and self._is_sent_before(wanted, sent):
                    what = describe_step(self.whole, wanted)
                    raise NotShown(f"`{what}` is not possible for ever: nobody sends it again")
                for one in path:
                    if is_last:
                        places.append(_Place(state, one, self.possible(state)))
                    sent |= set(one.sent)
                    assert one.state is not None
                    state = one.state
        return places

    def _is_sent_before(self, step: Step, sent: set[Packet]) -> bool:
        """Whether a message is delivered that no round has sent, and that would have to be another one each time."""
        packet = step.packet
        return self.whole.network.is_growing_set and self.is_moving(packet) and packet not in sent

    def _besides(self, state: State, added: set[Action]) -> Iterator[Successor]:
        """Steps that only send what has no effect, one after the other."""
        for _ in range(MOST_ADDED):
            fitting = (
                one
                for one in self.possible(state)
                if without_arguments(action_of(one.step)) in added and self.is_silent(state, one)
            )
            one = next(fitting, None)
            if one is None:
                return
            yield one
            assert one.state is not None
            state = one.state

    def _step(self, step: Step, times: int) -> Step:
        if step.packet is None:
            return step
        arguments = list(step.packet.arguments)
        for epoch, by in zip(self.epochs, self.rises, strict=True):
            for message, position in epoch.arguments:
                if message == step.packet.message:
                    arguments[position] += by * times
        return step._replace(packet=step.packet._replace(arguments=tuple(arguments)))

    def _next(self, state: State, wanted: Step, after: State | None, *, is_last: bool) -> Successor:
        every = [one for one in steps(self.whole, state) if one.step == wanted and one.beyond is None]
        fitting = [one for one in every if one.state is not None and one.state._replace(packets=frozenset()) == after]
        what = describe_step(self.whole, wanted)
        if not fitting:
            raise NotShown(f"`{what}` cannot be taken again, or leads elsewhere then")
        if self.fairness.calm and wanted.kind in WRONG:
            raise NotShown(f"`{what}` is repeated for ever, and the run is to be calm in the end")
        if is_last and fitting[0] not in self.possible(state):
            early = [one for one in self.possible(state) if action_of(one.step).sort is Sort.DELIVER]
            for one in early:
                if not self.is_silent(state, one):
                    overtaken = describe_step(self.whole, one.step)
                    raise NotShown(f"`{what}` comes before `{overtaken}`, and timers are to be apart")
            raise _Early({without_arguments(action_of(one.step)) for one in early})
        return fitting[0]

    # Promises

    def _unkept(self, places: Sequence[_Place], old: frozenset[Packet]) -> set[Action]:
        """The promises that are not kept by a round, but could be by steps that only send. Raises NotShown where one
        is broken."""
        taken = {action_of(place.taken.step) for place in places}
        where: dict[Action, list[tuple[int, Successor]]] = {}
        for number, place in enumerate(places):
            for one in place.possible:
                packet = one.step.packet
                if self.is_moving(packet) and (not self.whole.network.is_growing_set or packet not in old):
                    continue  # another message in each round, and gone in the end
                known = where.setdefault(action_of(one.step), [])
                if not known or known[-1][0] != number:
                    known.append((number, one))
        found = set()
        for action, possible in where.items():
            strength = strength_of(self.whole, self.fairness, action)
            always = len(possible) == len(places)
            if strength is None or action in taken or (strength is Strength.WEAK and not always):
                continue
            if all(self.is_silent(places[number].state, one) for number, one in possible):
                found.add(without_arguments(action))
                continue
            often = "all the time" if always else "again and again"
            raise NotShown(
                f"a promise is broken: `{describe_step(self.whole, possible[0][1].step)}` is possible {often}, "
                "and is not among what is repeated"
            )
        return found


class _Early(Exception):
    """A timer waits for deliveries that only send what has no effect: they are taken first."""

    def __init__(self, actions: set[Action]) -> None:
        super().__init__()
        self.actions = actions


def _numbers(packet: Packet, epoch: Epoch) -> Iterator[int]:
    yield from (int(packet.arguments[at]) for message, at in epoch.arguments if message == packet.message)


def _held(model: Model, state: State, epoch: Epoch) -> Iterator[int]:
    for kind, variable in epoch.variables:
        for name in model.names[model.kind_index[kind]]:
            yield int(process_state(model, state, name).values[model.variable_index[kind, variable]])
