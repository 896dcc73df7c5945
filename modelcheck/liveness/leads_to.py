"""Whether, wherever something holds, what it is to lead to comes about sooner or later, in every fair run.

It does not, if a run can hold the first, never come to the second, and yet keep all that fairness promises. Such a run
ends in a part of the graph that it never leaves: what is looked for is a *lasso*, a way to such a part and a closed
walk within it.

Fairness is promised for every process and every link by itself, and exchanging processes exchanges what is promised.
Where states are counted up to symmetry, a closed walk of orbits may visit one process's turn to act and then another's,
so that no promise to any of them is ever seen to be broken. So symmetry is off here. The other reductions take states
for one only where each has the same steps under the same names.

A bound must not end a run either: a run that is stopped by one seems to break every promise to go on. A step that
passes a bound counts as possible, and a part of the graph with such a step is not said to be without other ways on. In
the calm the bounds are higher; and numbers of which only order and successor matter are shifted (`modelcheck.epochs`),
so that a bound says how far apart they may be and a lasso may go through any number of terms.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modelcheck.bounds import caps
from modelcheck.concrete import EnginesDisagree
from modelcheck.epochs import Epoch, lowered
from modelcheck.layout import Layout
from modelcheck.liveness.arrays import edges_of, holding
from modelcheck.liveness.fair import BEYOND, Edges, Flags, Promises, cycle, fair_sets, reachable, walks
from modelcheck.liveness.graph import Compiled, Graph, compiled, goals_of, graph
from modelcheck.liveness.phases import Phase
from modelcheck.liveness.prepared import prepared
from modelcheck.liveness.recovers import renamed
from modelcheck.model import Model, State, Successor
from modelcheck.native.labels import (
    Action,
    Sort,
    action_of,
    actions_of,
    without_arguments,
)
from modelcheck.outcome import Limits
from modelcheck.reductions import ALWAYS_ARMED, DEAD_MESSAGES, REBASED, reductions_of
from modelcheck.semantics import steps
from modelcheck.trace import Trace, Violation
from spec.protocol import Bound, Fairly, Fairness, Promise, Property, Strength
from spec.show import show

KEPT = frozenset((DEAD_MESSAGES, ALWAYS_ARMED, REBASED))
"""The reductions under which each step keeps its name: what it is that is promised."""
NOTHING = Fairness(False, False, ())
"""What holds where a spec promises nothing."""


@dataclass(frozen=True)
class Lasso:
    """States by number: the way to the closed walk, from the first on, and the walk (each step's action and the state
    after it); no walk where the run stops."""

    stem: tuple[int, ...]
    walk: tuple[tuple[int, int], ...]


def promises_of(layout: Layout, epochs: Sequence[Epoch], fairness: Fairness) -> Promises:
    """The actions that a spec's promises are about; a strong promise outdoes a weak one."""
    model = layout.model
    found: dict[Strength, set[int]] = {Strength.WEAK: set(), Strength.STRONG: set()}
    moving = {}
    for number, action in enumerate(actions_of(layout)):
        moving[number] = sum(
            1 << which
            for which, epoch in enumerate(epochs)
            if action.sort is Sort.DELIVER and any(message == action.name for message, _ in epoch.arguments)
        )
        for promise in fairness.promises:
            if _is_about(promise, action, model):
                found[promise.strength].add(number)
    strong = frozenset(found[Strength.STRONG])
    return Promises(frozenset(found[Strength.WEAK]) - strong, strong, moving)


def _is_about(promise: Promise, action: Action, model: Model) -> bool:
    sorts = {
        Fairly.DELIVERY: Sort.DELIVER,
        Fairly.TIMEOUT: Sort.TIMEOUT,
        Fairly.RECOVERY: Sort.RETURN,
        Fairly.ACTION: Sort.REQUEST,
        Fairly.INPUT: Sort.REQUEST,
    }
    if action.sort is not sorts[promise.what]:
        return False
    if action.sort is Sort.REQUEST:
        assert action.process is not None
        events = model.spontaneous[action.process.kind]
        is_input = any(event.name == action.name and hasattr(event, "parameters") for event in events)
        if is_input is not (promise.what is Fairly.INPUT):
            return False
    return not promise.name or promise.name == action.name


# What is found -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Led:
    """What was found out about a `leads_to` in the graph of a model: `lasso` is a fair run against it; `cut` says that
    some run against it passes a bound; `begins` that the first half holds somewhere at all, `fair` that some run is
    fair."""

    lasso: Lasso | None
    cut: bool
    begins: bool
    fair: bool


def led(
    edges: Edges, faulty: Edges | None, first: Flags, then: Flags, promises: Promises, parents: Sequence[int]
) -> Led:
    """Looks for a lasso. `edges` are the steps that may go on for ever; `faulty` those before, where they are others;
    `parents` lead back to the first state (-1: none)."""
    sources = first & ~then
    before = sources if faulty is None else reachable(faulty, sources, ~then)
    pending = reachable(edges, before, ~then)
    for members in fair_sets(edges, pending, promises):
        start = int(np.flatnonzero(members)[0])
        stem = _stem(edges, faulty, sources, ~then, members, parents)
        start = stem[-1]
        return Led(Lasso(tuple(stem), tuple(cycle(edges, members, promises, start))), False, True, True)
    cut = bool((pending[edges.origin] & (edges.target == BEYOND)).any())
    everything = np.ones(edges.count, np.bool_)
    fair = next(fair_sets(edges, everything, promises), None) is not None
    return Led(None, cut, bool(first.any()), fair)


def _stem(
    edges: Edges, faulty: Edges | None, sources: Flags, allowed: Flags, members: Flags, parents: Sequence[int]
) -> list[int]:
    """A way from the first state to one where the first half holds, and on to the closed walk without the second."""
    whole = edges if faulty is None else _both(faulty, edges)
    ways = walks(whole, allowed & reachable(whole, sources, allowed))
    for source in np.flatnonzero(sources).tolist():
        way = ways.way(source, members)
        if way is not None:
            back = [source]
            while parents[back[-1]] >= 0:
                back.append(parents[back[-1]])
            return [*reversed(back), *way[1:]]
    raise AssertionError("what was reached is not reached")


def _both(one: Edges, other: Edges) -> Edges:
    return Edges(
        other.count,
        np.concatenate((one.origin, other.origin)),
        np.concatenate((one.target, other.target)),
        np.concatenate((one.action, other.action)),
        np.concatenate((one.shifts, other.shifts)),
    )


@dataclass(frozen=True)
class FoundLed:
    """What was found out about a `leads_to`: under what `fairness`, over how many `states` and `steps`; `reason` says
    in words what came of it. `holds` is None where it is not known. `rebased` names the numbers that are counted from
    the least of them on; `bounds` are those that stopped a run that might have been against it."""

    claim: Property
    fairness: Fairness
    holds: bool | None
    reason: str
    states: int
    steps: int
    more: int
    bounds: tuple[str, ...]
    rebased: tuple[str, ...]
    seconds: float
    engine: str
    trace: Trace | None = None


VACUOUS = "what it begins with never holds"
UNFAIR = "no run keeps what fairness promises within the bounds"
STOPS_SHORT = "a run against it may pass a bound"


def leads_to(model: Model, claim: Property, limits: Limits, more: int = 1) -> FoundLed:
    """Looks at a `leads_to` property, natively. Raises Unsupported, NoCompiler, CompilerFailed, Stopped, TooLarge and
    MemoryError."""
    began = time.monotonic()
    fairness = model.protocol.fairness or NOTHING
    whole = prepared(model, claim, more if fairness.calm else 0)
    of = compiled(whole, goals_of(claim), reductions_of(whole, KEPT))
    promises = promises_of(of.explorer.emitted.layout, of.explorer.reductions.epochs, fairness)
    with graph(of, limits) as reached, graph(of, limits) as after:
        reached.reach()
        if fairness.calm:
            after.seed(reached)
            after.explore(Phase.CALM, apart=fairness.apart)
        states = after if fairness.calm else reached
        needs_faulty = not fairness.calm or not _all_begin(states, of)
        if needs_faulty:
            reached.explore(Phase.FAULTY, apart=False)
        edges = edges_of(states)
        faulty = replace(edges_of(reached), count=edges.count) if fairness.calm and needs_faulty else None
        found, trace = None, None
        for subject in _subjects(whole, claim):
            first, then = holding(states, 0, subject), holding(states, 1, subject)
            one = led(edges, faulty, first, then, promises, _Parents(reached, states))
            found = one if found is None else _worse(found, one)
            if one.lasso is not None:
                trace = _trace(model, of, states, one.lasso, fairness, subject)
                break
        assert found is not None
        bounds = tuple(sorted(states.bounds)) if found.cut else ()
        rebased = tuple(name for epoch in of.explorer.reductions.epochs for _, name in epoch.variables)
        holds, reason = _answer(found)
        seconds = time.monotonic() - began
        count, taken = len(states), len(edges.origin)
    return FoundLed(
        claim,
        fairness,
        holds,
        reason,
        count,
        taken,
        more if fairness.calm else 0,
        bounds,
        rebased,
        seconds,
        "native",
        trace,
    )


def _answer(found: Led) -> tuple[bool | None, str]:
    if found.lasso is not None:
        return False, "a fair run never comes to it"
    if found.cut:
        return None, STOPS_SHORT
    if not found.begins:
        return False, VACUOUS
    if not found.fair:
        return None, UNFAIR
    return True, "every fair run comes to it"


def _worse(one: Led, other: Led) -> Led:
    return Led(one.lasso or other.lasso, one.cut or other.cut, one.begins and other.begins, one.fair and other.fair)


def _all_begin(states: Graph, of: Compiled) -> bool:
    """Whether the first half holds wherever the second does not: then it does not matter how a state was reached."""
    (claim,) = of.model.protocol.properties
    for subject in _subjects(of.model, claim):
        if bool((~holding(states, 0, subject) & ~holding(states, 1, subject)).any()):
            return False
    return True


def _subjects(model: Model, claim: Property) -> Iterator[int]:
    """The processes that a property is about, by number: of a kind whose processes are interchangeable, one."""
    if claim.about is None or not model.protocol.kind(claim.about).ordered:
        yield 0
    else:
        yield from range(model.size(claim.about))


class _Parents(Sequence[int]):
    """By state: the one from which it was found first. What was reachable while anything might go wrong has the same
    numbers in both graphs."""

    def __init__(self, reached: Graph, states: Graph) -> None:
        self._reached = reached
        self._states = states

    def __len__(self) -> int:
        return len(self._states)

    def __getitem__(self, number: int) -> int:  # type: ignore[override]
        of = self._reached if number < len(self._reached) else self._states
        parent = of.parent(number)
        return -1 if parent is None else parent


# The trace -----------------------------------------------------------------------------------------------------------


def _trace(model: Model, of: Compiled, states: Graph, lasso: Lasso, fairness: Fairness, subject: int) -> Trace:
    """The lasso as a behaviour that the reference semantics takes, the closed walk once."""
    numbers = [*lasso.stem, *(state for _, state in lasso.walk)]
    labels: list[int | None] = [*([None] * (len(lasso.stem) - 1)), *(action for action, _ in lasso.walk)]
    path = [states.words(number) for number in numbers]
    top = len(numbers) + max(of.model.caps.variables.values(), default=0) + 1
    # A run may pass through as many numbers as it has steps.
    bounds = tuple(Bound(kind, name, top) for kind, name in model.caps.declared)
    large = replace(model, caps=caps(model.protocol, model.sizes, bounds)) if of.explorer.reductions.epochs else None
    whole = replace(of.model, caps=caps(of.model.protocol, model.sizes, bounds), lower=None) if large else of.model
    taken = _followed(of, whole, path, labels)
    shown = renamed(large or replace(model, caps=of.model.caps), taken)
    loop = len(lasso.stem) - 1
    return replace(
        shown, violation=_violation(of, whole, taken, loop, fairness, subject), loop=loop if lasso.walk else None
    )


def _followed(
    of: Compiled, whole: Model, path: Sequence[tuple[int, ...]], labels: Sequence[int | None]
) -> list[Successor]:
    """The steps of the reference semantics through packed states. Its own numbers are not shifted: `offsets` says by
    how much they are ahead of those of the packed states, epoch by epoch."""
    explorer, epochs = of.explorer, of.explorer.reductions.epochs
    actions = [without_arguments(action) for action in actions_of(explorer.emitted.layout)]
    start = of.explorer.emitted.start.state
    assert start is not None
    state, offsets = start, [_ahead(of.model, start, explorer.decode(path[0]), epoch) for epoch in epochs]
    if explorer.canonicalise(explorer.encode(state)) != path[0]:
        raise EnginesDisagree("the initial states differ")
    taken = []
    for number, (words, label) in enumerate(zip(path[1:], labels, strict=True), 1):
        for successor in steps(whole, state):
            after = successor.state
            if after is None or successor.beyond is not None:
                continue
            if label is not None and without_arguments(action_of(successor.step)) != actions[label]:
                continue
            lower = lowered(of.model, after, epochs, offsets)
            if lower is not None and explorer.canonicalise(explorer.encode(lower)) == words:
                state = after
                taken.append(successor)
                decoded = explorer.decode(words)
                offsets = [_ahead(of.model, after, decoded, epoch) for epoch in epochs]
                break
        else:
            raise EnginesDisagree(f"the reference semantics has no such step {number}")
    return taken


def _ahead(model: Model, state: State, packed: State, epoch: Epoch) -> int:
    kind, variable = epoch.variables[0]
    index, position = model.kind_index[kind], model.variable_index[kind, variable]
    return int(state.processes[index][0].values[position]) - int(packed.processes[index][0].values[position])


def _violation(
    of: Compiled, whole: Model, taken: Sequence[Successor], loop: int, fairness: Fairness, subject: int
) -> Violation:
    (claim,) = whole.protocol.properties
    return Violation(
        claim.name, claim.description or claim.name, tuple(_clauses(of, whole, taken, loop, fairness, subject))
    )


def _clauses(
    of: Compiled, whole: Model, taken: Sequence[Successor], loop: int, fairness: Fairness, subject: int
) -> Iterator[str]:
    (claim,) = whole.protocol.properties
    assert claim.then is not None
    whom = f" of {whole.names[whole.kind_index[claim.about]][subject]}" if claim.about is not None else ""
    if loop == len(taken):
        yield f"here the run may stop, and `{show(claim.then)}`{whom} is never true"
    else:
        which = f"step {loop + 1}" if loop + 1 == len(taken) else f"steps {loop + 1} to {len(taken)}"
        yield f"{which} can be taken again and again for ever{_risen(of, taken, loop)}"
        yield f"`{show(claim.then)}`{whom} is true in no state from where `{show(claim.expression)}` held on"
    yield f"this keeps all that is promised: {fairness}" if str(fairness) else "the spec promises no fairness at all"


def _risen(of: Compiled, taken: Sequence[Successor], loop: int) -> str:
    """What is not as it was after the closed walk but greater."""
    explorer = of.explorer
    before = taken[loop - 1].state if loop else explorer.emitted.start.state
    after = taken[-1].state
    assert before is not None and after is not None
    parts = []
    for epoch in explorer.reductions.epochs:
        kind, variable = epoch.variables[0]
        index, position = of.model.kind_index[kind], of.model.variable_index[kind, variable]
        by = int(after.processes[index][0].values[position]) - int(before.processes[index][0].values[position])
        if by:
            parts.append(f"`{variable}` {by} higher")
    return f", each time with {' and '.join(parts)}" if parts else ""
