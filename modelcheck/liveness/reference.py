"""What recovery means, in Python over the reference semantics: small, slow, obviously right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from modelcheck.evaluate import evaluate, scope_of
from modelcheck.liveness.phases import WRONG, Phase
from modelcheck.model import Model, Name, State, StepKind, Successor
from modelcheck.semantics import crashed, initial, process_state, steps
from spec.protocol import Expression, Property


def while_faulty(model: Model) -> Model:
    """A prepared model with the bounds that hold while anything may go wrong."""
    return replace(model, caps=model.faulty_caps, lower=None)


Watched = Callable[[], None]
"""Called for each state that is looked at; raises what ends the search."""


def unwatched() -> None:
    """Nothing ends the search."""


def reachable(model: Model, watched: Watched = unwatched) -> dict[State, State | None]:
    """All states of a prepared model that are reachable within the bounds of the check, each with the one from which
    it was found first."""
    faulty = while_faulty(model)
    start = initial(faulty).state
    assert start is not None
    found: dict[State, State | None] = {start: None}
    waiting = [start]
    for state in waiting:
        watched()
        for successor in steps(faulty, state):
            after = successor.state
            if after is not None and successor.beyond is None and after not in found:
                found[after] = state
                waiting.append(after)
    return found


def calm_steps(model: Model, state: State, phase: Phase) -> Iterator[Successor]:
    """The steps of a phase in which nothing goes wrong any more: those that fail are left out, those that pass a bound
    are not."""
    for successor in steps(model, state):
        step = successor.step
        if successor.failure is not None or step.kind in WRONG:
            continue
        if step.kind is StepKind.RECOVER and phase is not Phase.CALM:
            continue
        packet = step.packet
        if phase is Phase.CUT_OFF and packet is not None and not process_state(model, state, packet.sender).up:
            continue
        if phase in (Phase.LEFT, Phase.CUT_OFF) and successor.state is not None:
            successor = successor._replace(state=_without_what_goes_nowhere(model, successor.state))
            if successor.state == state:
                continue
        yield successor


def _without_what_goes_nowhere(model: Model, state: State) -> State:
    """What is on a link to a process that is down for good is lost."""
    return state._replace(
        links=frozenset(link for link in state.links if process_state(model, state, link.receiver).up)
    )


def silenced(model: Model, state: State, gone: Sequence[Name]) -> State:
    """The state in which some processes have crashed and all others are connected."""
    processes = tuple(
        tuple(
            crashed(model, kind, process, disk=False, up=False) if name in gone else process
            for name, process in zip(names, of_kind, strict=True)
        )
        for kind, names, of_kind in zip(model.protocol.kinds, model.names, state.processes, strict=True)
    )
    return _without_what_goes_nowhere(model, state._replace(processes=processes, sides=()))


def is_asked(model: Model, state: State, gone: Sequence[Name]) -> bool:
    """Whether it is asked of a state what the others can do when some are gone for good: not where somebody else is
    down as well. Who comes up again does so in another state, of which it is asked."""
    return not gone or all(
        process.up or name in gone
        for names, of_kind in zip(model.names, state.processes, strict=True)
        for name, process in zip(names, of_kind, strict=True)
    )


def holds(model: Model, claim: Property, goal: Expression, state: State) -> bool:
    """Whether a goal holds in a state: for all processes that the claim is about."""
    subjects = [None] if claim.about is None else list(model.names[model.kind_index[claim.about]])
    return all(bool(evaluate(goal, scope_of(model, state, me))) for me in subjects)


def future(
    seeds: Sequence[State], step: Callable[[State], Iterator[Successor]], watched: Watched = unwatched
) -> tuple[dict[State, list[State]], set[State]]:
    """All that can be reached from some states, each with what it leads to; and those of which some step passes a
    bound."""
    found: dict[State, list[State]] = {}
    cut = set()
    waiting = list(seeds)
    while waiting:
        state = waiting.pop()
        if state in found:
            continue
        found[state] = []
        watched()
        for successor in step(state):
            if successor.beyond is not None:
                cut.add(state)
            elif successor.state is not None:
                found[state].append(successor.state)
                waiting.append(successor.state)
    return found, cut


def leading_to(successors: dict[State, list[State]], targets: set[State]) -> set[State]:
    """The states from which one of the targets can be reached."""
    before: dict[State, list[State]] = {state: [] for state in successors}
    for state, after in successors.items():
        for one in after:
            before[one].append(state)
    found = set(targets)
    waiting = list(targets)
    while waiting:
        for state in before[waiting.pop()]:
            if state not in found:
                found.add(state)
                waiting.append(state)
    return found


def recovery(
    model: Model,
    claim: Property,
    phase: Phase = Phase.CALM,
    gone: Sequence[Sequence[Name]] = ((),),
    watched: Watched = unwatched,
) -> tuple[set[State], set[State], set[State]]:
    """Of all reachable states of a prepared model (with the processes of each of `gone` in turn down for good, all
    others up): those
    from which a goal can be reached; those from which it cannot; those from which none was found, though some way on
    passes a bound."""
    seeds = [
        silenced(model, state, some) if some else state
        for state in reachable(model, watched)
        for some in gone
        if is_asked(model, state, some)
    ]
    successors, cut = future(seeds, lambda state: calm_steps(model, state, phase), watched)
    goals = {state for state in successors if holds(model, claim, claim.expression, state)}
    good = leading_to(successors, goals)
    lost = leading_to(successors, cut)
    asked = set(seeds)
    return asked & good, asked - good - lost, (asked & lost) - good
