"""Bounded model checking and k-induction: what no run of up to so many steps does, at fixed sizes and for all numbers.

The steps are unrolled from the initial state; after each, a solver is asked for a run that ends in a violation there.
The first that it finds is a shortest one. It is believed only once the reference semantics has taken the same steps.

*k-induction*: where no run of fewer than k steps violates anything, and no k steps through states (any states, whether
they can be reached or not) that violate nothing lead to a violation, nothing is ever violated.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from modelcheck.bounds import caps, is_nat
from modelcheck.explain import explain, explain_failure, explain_standard
from modelcheck.model import Link, Model, Name, Packet, State, Step, StepKind, Successor, packet_order
from modelcheck.proof.claims import (
    MINORITY_CANNOT_ELECT,
    Claim,
    StepClaim,
    assumed,
    declared,
    declared_steps,
    recorded,
    standard,
)
from modelcheck.proof.concrete import Raw, arguments_of, evaluated, state_of
from modelcheck.proof.logic import Term
from modelcheck.proof.setting import Setting
from modelcheck.proof.solvers import z3_version
from modelcheck.proof.spell import BEFORE, at, cell_name
from modelcheck.proof.templates import Choice
from modelcheck.proof.unroll import Unrolling
from modelcheck.proof.z3_session import Reply, Session
from modelcheck.properties import Checked, checked, found_in_state, found_in_step
from modelcheck.semantics import attempts, initial
from modelcheck.trace import Trace, Violation
from spec.diagnostics import SpecError
from spec.protocol import Bound, OnAction, OnInput, OnTimeout, PropertyKind

INDUCTION_SECONDS = 20.0
"""How long one induction step may take where no limit is given: a solver may never end on formulas with quantifiers."""


class EnginesDisagree(Exception):
    """What the solver found is no run of the reference semantics: one of the two is wrong."""


class Ended(Enum):
    VIOLATED = "violated"
    CLEAN = "no violation"
    PROVED = "proved"
    UNKNOWN = "unknown"
    TIME = "out of time"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class Outcome:
    """`steps` is up to how many steps there is no violation (-1: nothing is known); `k` the induction that proves there
    never is one, and `tried` how far that was tried. `reason` says what the solver says where it does not know."""

    ended: Ended
    steps: int
    queries: int
    seconds: float
    solver: str
    trace: Trace | None = None
    k: int | None = None
    tried: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Limits:
    depth: int = 10
    seconds: float | None = None
    induction: bool = False


Told = Callable[[int, float], None]
"""Called with each number of steps that is found clean, and the seconds so far."""


def state_claims(setting: Setting, only: frozenset[str] | None) -> tuple[Claim, ...]:
    """The properties of states that are looked for: the spec's own and the standard ones."""
    found = (*declared(setting, (PropertyKind.SAFETY, PropertyKind.INVARIANT)), *standard(setting))
    return tuple(c for c in found if c.name != MINORITY_CANNOT_ELECT and (only is None or c.name in only))


def step_claims(setting: Setting, only: frozenset[str] | None) -> tuple[StepClaim, ...]:
    return tuple(c for c in declared_steps(setting) if only is None or c.name in only)


def search(setting: Setting, limits: Limits, only: frozenset[str] | None = None, told: Told | None = None) -> Outcome:
    """Looks for a shortest violation of up to so many steps. `only` names the properties to look for; a step that fails
    is found all the same.

    Raises NoSolver, Unprovable, EnginesDisagree, and ValueError where the initial state cannot be made."""
    return _Search(setting, limits, only, told).run()


class _Run:
    """An unrolling and the solver that has been told of it."""

    def __init__(self, unrolling: Unrolling, claims: tuple[Claim, ...], steps: tuple[StepClaim, ...], session: Session):
        self.unrolling = unrolling
        self.session = session
        self._claims, self._steps = claims, steps
        self.moment = 0
        session.say(unrolling.begin())
        self._bad: str = self._any([f"(not holds/{claim.name}@0)" for claim in claims])

    def ask(self, most: float | None = None) -> Reply:
        """Whether there is a run that violates something for the first time after so many steps."""
        query = f"query@{self.moment}"
        self.session.say([f"(declare-fun {query} () Bool)\n(assert (=> {query} {self._bad}))"])
        return self.session.ask(query, most)

    def next(self) -> None:
        """Goes on to runs that are one step longer, and violate nothing until then."""
        self.session.say([f"(assert (not {self._bad}))"])
        if self.moment >= 2 and self.unrolling.start is not None:
            self.session.say([self.unrolling.ordered(self.moment - 2)])
        self.session.say(self.unrolling.next())
        at_step, self.moment = self.moment, self.moment + 1
        self._bad = self._any(
            [
                f"fails@{at_step}",
                *(f"(not holds/{claim.name}@{self.moment})" for claim in self._claims),
                *(f"(not holds/{claim.name}@{at_step})" for claim in self._steps),
            ]
        )

    def _any(self, parts: list[str]) -> str:
        return f"(or {' '.join(parts)} false)"


class _Search:
    def __init__(self, setting: Setting, limits: Limits, only: frozenset[str] | None, told: Told | None) -> None:
        self.began = time.monotonic()
        self.solver = z3_version()
        self.setting, self.limits, self.only, self.told = setting, limits, only, told
        self.deadline = None if limits.seconds is None else self.began + limits.seconds
        self.claims = state_claims(setting, only)
        self.steps = step_claims(setting, only)
        self.clean = -1
        self.tried = 0
        self.sessions: list[Session] = []

    def run(self) -> Outcome:
        try:
            return self._run()
        except KeyboardInterrupt:
            return self._outcome(Ended.INTERRUPTED)

    def _run(self) -> Outcome:
        start = initial(self.setting.model)
        if start.state is None:
            raise ValueError(start.failure.reason if start.failure is not None else "")
        forwards = self._begun(start.state)
        anywhere = self._begun(None) if self.limits.induction else None
        while True:
            reply = forwards.ask()
            if reply is Reply.POSSIBLE:
                return self._outcome(Ended.VIOLATED, trace=_Decoding(forwards, self.only).trace())
            if reply is not Reply.IMPOSSIBLE:
                return self._outcome(_ENDINGS[reply], reason=forwards.session.why)
            self.clean = forwards.moment
            if self.told is not None:
                self.told(self.clean, time.monotonic() - self.began)
            if anywhere is not None:
                anywhere.next()
                reply = anywhere.ask(INDUCTION_SECONDS if self.limits.seconds is None else self.limits.seconds / 4)
                self.tried = self.clean + 1
                if reply is Reply.IMPOSSIBLE:
                    return self._outcome(Ended.PROVED, k=self.clean + 1)
                if reply is Reply.INTERRUPTED:
                    return self._outcome(Ended.INTERRUPTED)
            if self.clean >= self.limits.depth:
                return self._outcome(Ended.CLEAN)
            forwards.next()

    def _begun(self, start: State | None) -> _Run:
        session = Session(self.deadline)
        self.sessions.append(session)
        claims = self.claims
        if start is None:
            history = recorded(self.setting)
            claims = (*assumed(self.setting), *((history,) if history is not None else ()), *claims)
        unrolling = Unrolling(self.setting, claims, self.steps, start, symmetric=start is not None)
        return _Run(unrolling, claims, self.steps, session)

    def _outcome(self, ended: Ended, *, trace: Trace | None = None, k: int | None = None, reason: str = "") -> Outcome:
        queries = sum(session.queries for session in self.sessions)
        seconds = time.monotonic() - self.began
        return Outcome(ended, self.clean, queries, seconds, self.solver, trace, k, self.tried, reason)


_ENDINGS = {Reply.UNKNOWN: Ended.UNKNOWN, Reply.TIME: Ended.TIME, Reply.INTERRUPTED: Ended.INTERRUPTED}


# What was found ------------------------------------------------------------------------------------------------------


class _Decoding:
    """A model of an unrolled run as a run of the reference semantics."""

    def __init__(self, run: _Run, only: frozenset[str] | None) -> None:
        self.unrolling = run.unrolling
        self.setting = run.unrolling.setting
        self.length = run.moment
        values = run.unrolling.speller.values
        self._read = run.session.reader(
            lambda sort: (
                None if sort.startswith("process/") else tuple(value.removeprefix("value/") for value in values[sort])
            )
        )
        self.model = replace(self.setting.model, only=only)

    def trace(self) -> Trace:
        """The run, each of its steps taken by the reference semantics, and what is violated at its end. Raises
        EnginesDisagree."""
        start = initial(self.model).state
        assert start is not None
        taken: list[Successor] = []
        state = start
        for moment in range(self.length):
            successor = self._step(moment, state)
            taken.append(successor)
            if successor.state is None:
                break
            state = successor.state
        trace = within_bounds(Trace(self.model, start, tuple(taken)))
        violation = violation_at_end(trace)
        if len(taken) != self.length or violation is None:
            raise EnginesDisagree(f"the run of {self.length} steps that the solver found violates nothing at its end")
        return replace(trace, violation=violation)

    def _step(self, moment: int, state: State) -> Successor:
        chosen = next(c for c in self.unrolling.choices if self._read(at(c.name, moment), "Bool"))
        fails = bool(self._read(f"fails@{moment}", "Bool"))
        after = None if fails else self.state(moment + 1)
        wanted = self._named(chosen, moment)
        for successor in attempts(self.model, state):
            if successor.state == after and _alike(successor.step, wanted):
                return successor
        raise EnginesDisagree(f"step {moment + 1}: the reference semantics does not take `{chosen.unit.name}` as found")

    def _named(self, chosen: Choice, moment: int) -> Step:
        """The step of a choice; an input's arguments, and how processes are split, are known by what they lead to."""
        unit = chosen.unit
        process = Name(unit.actor, chosen.processes["actor"]) if "actor" in chosen.processes else None
        packet = None
        if unit.step in (StepKind.DELIVER, StepKind.DELIVER_AND_KEEP, StepKind.LOSE):
            packet = self._packet(chosen, moment)
        event = unit.handler.event if unit.handler is not None else None
        name = ""
        if isinstance(event, OnTimeout):
            name = event.timer
        elif isinstance(event, OnAction | OnInput):
            name = event.name
        return Step(unit.step, process, name, (), packet)

    def _packet(self, chosen: Choice, moment: int) -> Packet:
        sent = chosen.message
        assert sent is not None
        symbol, _, places = sent.name.partition(BEFORE)
        message = self.setting.messages[symbol.removeprefix("sent/")]
        sender, receiver = (int(place) for place in places.split("/")[1:])
        columns = [self._value(column, moment) for column in sent.arguments]
        if self.setting.has_positions:
            columns = columns[1:]
        return Packet(
            message.name,
            Name(message.sender, sender),
            Name(message.receiver, receiver),
            arguments_of(self.setting, message.name, columns),
        )

    def _value(self, term: Term, moment: int) -> Raw:
        return evaluated(term, lambda name, sort: self._read(at(name, moment), sort))

    def state(self, moment: int) -> State:
        """The state after so many steps, as the solver has it."""

        def read(symbol: str, places: tuple[int, ...]) -> Raw:
            return self._read(at(cell_name(symbol, BEFORE, places), moment), self.setting.symbols[symbol].result)

        packets: set[Packet] = set()
        queues: dict[tuple[Name, Name], list[tuple[Raw, Packet]]] = {}
        led: set[tuple[int, int]] = set()
        for relation, entries in self.unrolling.entries[moment].items():
            symbol, _, places = relation.partition(BEFORE)
            numbers = [int(place) for place in places.split("/")[1:]]
            for entry in entries:
                if not self._value(entry.present, moment):
                    continue
                columns = [self._value(column, moment) for column in entry.columns]
                if symbol == "led":
                    led.add((numbers[0], int(columns[0])))
                    continue
                message = self.setting.messages[symbol.removeprefix("sent/")]
                ends = Name(message.sender, numbers[0]), Name(message.receiver, numbers[1])
                carried = columns[1:] if self.setting.has_positions else columns
                packet = Packet(message.name, *ends, arguments_of(self.setting, message.name, carried))
                if self.setting.has_positions:
                    queues.setdefault(ends, []).append((columns[0], packet))
                else:
                    packets.add(packet)
        return with_messages(self.setting, state_of(self.setting, read), packets, queues)._replace(led=frozenset(led))


def with_messages(
    setting: Setting,
    state: State,
    packets: set[Packet],
    queues: dict[tuple[Name, Name], list[tuple[Raw, Packet]]],
) -> State:
    """The state with messages under way: a set of them, or by their positions on each link."""
    links = set()
    for (sender, receiver), found in queues.items():
        if setting.network.reordering:
            queue = sorted((packet for _, packet in found), key=packet_order)
        else:
            queue = [packet for _, packet in sorted(found, key=lambda one: one[0])]
        if queue:
            links.add(Link(sender, receiver, tuple(queue)))
    return state._replace(packets=frozenset(packets), links=frozenset(links))


def _alike(step: Step, wanted: Step) -> bool:
    named = wanted.name or step.name
    return step._replace(arguments=(), sides=(), name=named) == wanted._replace(name=named)


def violation_at_end(trace: Trace) -> Violation | None:
    """What is violated at the end of a trace, if anything is: the first in the order of properties."""
    last = trace.steps[-1] if trace.steps else None
    if last is not None and last.failure is not None:
        return explain_failure(trace.model, last.failure)
    return next((_explained(trace, item) for item in checked(trace.model) if _is_violated(trace, item)), None)


def _is_violated(trace: Trace, item: Checked) -> bool:
    if not item.is_violation:
        return False
    if item.in_step:
        return bool(trace.steps) and found_in_step(trace.model, item, *trace.states[-2:])
    return found_in_state(trace.model, item, trace.states[-1])


def _explained(trace: Trace, item: Checked) -> Violation:
    if item.declared is None:
        return explain_standard(trace.model, item.name, trace.states[-1])
    return explain(trace.model, item.declared, *(trace.states[-2:] if item.in_step else trace.states[-1:]))


# Bounds --------------------------------------------------------------------------------------------------------------


def within_bounds(trace: Trace) -> Trace:
    """The trace under bounds that it just stays within, so that a file of it can be replayed. Where a message's
    argument has no bound that follows from those of variables, the trace as it is."""
    model = trace.model
    bounds = tuple(
        Bound(kind.name, variable.name, _largest(trace, kind.name, variable.name))
        for kind in model.protocol.kinds
        for variable in kind.variables
        if is_nat(variable.type)
    )
    longest = max((len(link.queue) for state in trace.states for link in state.links), default=0)
    try:
        found = caps(model.protocol, model.sizes, bounds)
    except SpecError:
        return trace
    bounded = replace(model, caps=found, channel=max(longest, 1))
    return replace(trace, model=bounded) if _fits(bounded, trace) else trace


def _largest(trace: Trace, kind: str, variable: str) -> int:
    model = trace.model
    place = model.variable_index[kind, variable]
    initially = model.kinds[kind].variable(variable).initial
    held = [p.values[place] for state in trace.states for p in state.processes[model.kind_index[kind]]]
    flat = [entry for value in held for entry in (value if isinstance(value, tuple) else (value,))]
    return max(int(entry or 0) for entry in (*flat, initially))


def _fits(model: Model, trace: Trace) -> bool:
    """Whether no step of the trace passes a bound."""
    states = trace.states
    return all(step in attempts(model, state) for state, step in zip(states, trace.steps, strict=False))
