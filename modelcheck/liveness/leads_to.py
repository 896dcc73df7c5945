"""Whether, wherever something holds, what it is to lead to comes about sooner or later, in every fair run.

It does not, if a run can hold the first, never come to the second, and yet keep all that fairness promises. Such a run
ends in a part of the graph that it never leaves: what is looked for is a *lasso*, a way to such a part and a closed
walk within it.

Fairness is promised for every process and every link by itself, and exchanging processes exchanges what is promised.
Where states are counted up to symmetry, a closed walk of orbits may visit one process's turn to act and then another's,
so that no promise to any of them is ever seen to be broken. So symmetry is off where runs may go on for ever. (It
serves to find where that begins, since what goes on for ever from a state does so from each of its orbit, under other
names.) The other reductions take states for one only where each has the same steps under the same names.

A bound must not end a run either: a run that is stopped by one seems to break every promise to go on. A step that
passes a bound counts as possible, and a part of the graph with such a step is not said to be without other ways on. In
the calm the bounds are higher; and numbers of which only order and successor matter are shifted (`modelcheck.epochs`),
so that a bound says how far apart they may be and a lasso may go through any number of terms.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from modelcheck.bounds import caps
from modelcheck.concrete import EnginesDisagree, followed
from modelcheck.epochs import Epoch, lowered
from modelcheck.layout import Layout
from modelcheck.liveness.arrays import edges_of, holding, seeds_of
from modelcheck.liveness.fair import BEYOND, Edges, Flags, Promises, cycle, fair_sets, reachable, walks
from modelcheck.liveness.graph import Compiled, Graph, compiled, goals_of, graph
from modelcheck.liveness.led import (
    EVERY,
    NOTHING,
    SOME,
    STOPS_SHORT,
    UNFAIR,
    VACUOUS,
    FoundLed,
    rises_of,
    violation_of,
)
from modelcheck.liveness.phases import Phase
from modelcheck.liveness.prepared import prepared
from modelcheck.liveness.recovers import renamed
from modelcheck.liveness.reference import while_faulty
from modelcheck.model import Model, State, Successor
from modelcheck.native.labels import (
    Action,
    Sort,
    action_of,
    actions_of,
    without_arguments,
)
from modelcheck.outcome import Limits
from modelcheck.reductions import ALWAYS_ARMED, DEAD_MESSAGES, REBASED, SYMMETRY, reductions_of
from modelcheck.semantics import steps
from modelcheck.symmetry import permuted, permuted_successor, renamings
from modelcheck.trace import Trace
from spec.fairness import Fairly, Fairness, Promise, Strength
from spec.protocol import Bound, Constant, Property

KEPT = frozenset((DEAD_MESSAGES, ALWAYS_ARMED, REBASED))
"""The reductions under which each step keeps its name: what it is that is promised."""


FIRST_PAUSE = 100_000
"""A lasso is looked for when so many states are expanded, four times as many, and so on: there may be one long before
all is explored."""


FIRST_LOOK = 1_000
"""As `FIRST_PAUSE`, where any fair run will do."""


@dataclass(frozen=True)
class Lasso:
    """States by number: a way, and the closed walk at its end (each step's action and the state after it); no walk
    where the run stops."""

    way: tuple[int, ...]
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
    edges: Edges, faulty: Edges | None, first: Flags, then: Flags, promises: Promises, expanded: Flags | None = None
) -> Led:
    """Looks for a lasso, from where the first half holds on. `edges` are the steps that may go on for ever; `faulty`
    those before, where they are others. The steps of states that are not yet `expanded` are not known."""
    sources = first & ~then
    before = sources if faulty is None else reachable(faulty, sources, ~then)
    pending = reachable(edges, before, ~then)
    for members in fair_sets(edges, pending if expanded is None else pending & expanded, promises):
        way = _way(edges if faulty is None else _both(faulty, edges), sources, ~then, members)
        return Led(Lasso(tuple(way), tuple(cycle(edges, members, promises, way[-1]))), False, True, True)
    cut = bool((pending[edges.origin] & (edges.target == BEYOND)).any())
    everything = np.ones(edges.count, np.bool_)
    fair = next(fair_sets(edges, everything, promises), None) is not None
    return Led(None, cut, bool(first.any()), fair)


def _way(edges: Edges, sources: Flags, allowed: Flags, members: Flags) -> list[int]:
    """A shortest way from where the first half holds to the closed walk, without the second half."""
    ways = walks(edges, allowed & reachable(edges, sources, allowed))
    at_once = np.flatnonzero(sources & members)
    if len(at_once):
        return [int(at_once[0])]
    for source in np.flatnonzero(sources).tolist():
        way = ways.way(source, members)
        if way is not None:
            return way
    raise AssertionError("what was reached is not reached")


def _both(one: Edges, other: Edges) -> Edges:
    return Edges(
        other.count,
        np.concatenate((one.origin, other.origin)),
        np.concatenate((one.target, other.target)),
        np.concatenate((one.action, other.action)),
        np.concatenate((one.shifts, other.shifts)),
    )


def leads_to(model: Model, claim: Property, limits: Limits, more: int = 1, kept: frozenset[str] = KEPT) -> FoundLed:
    """Looks at a `leads_to` property of a model that is explored within its bounds without a violation, with the
    reductions `kept`, of `KEPT`. Raises Unsupported, NoCompiler, CompilerFailed, Stopped, TooLarge and MemoryError."""
    began = time.monotonic()
    fairness = model.protocol.fairness or NOTHING
    whole = prepared(model, claim, more if fairness.calm else 0)
    of = compiled(whole, goals_of(claim), reductions_of(whole, kept | {SYMMETRY}))
    promises = promises_of(of.explorer.emitted.layout, of.explorer.reductions.epochs, fairness)
    # Where the first half always holds it does not matter how a state was reached. Then one state of each orbit will
    # do to go on from, since whatever goes on for ever from one does so from all, under other names.
    anyhow = claim.expression == Constant(True, claim.expression.type, claim.expression.span)
    with ExitStack() as stack:
        if fairness.calm:
            reached = stack.enter_context(graph(of, limits, symmetric=anyhow, rebasing=False))
            reached.reach()
            states = stack.enter_context(graph(of, limits, symmetric=False))
            states.seed(reached)
            seeds = len(states)
        else:
            reached = states = stack.enter_context(graph(of, limits, symmetric=False))
            reached.reach()
            seeds = 0
        faulty = None
        if fairness.calm and not anyhow:
            reached.explore(Phase.FAULTY)
            faulty = edges_of(reached)
        phase = Phase.CALM if fairness.calm else Phase.FAULTY
        pause, done, trace = FIRST_PAUSE, False, None
        found, edges = Led(None, False, False, False), edges_of(states)
        while not done and trace is None:
            done = states.explore(phase, apart=fairness.apart, until=anyhow, pause=pause)
            edges = edges_of(states)
            before = _named_by(faulty, states, reached) if faulty is not None else None
            expanded = np.arange(len(states)) < pause
            found = Led(None, False, False, False)
            for subject in _subjects(whole, claim, all_of_them=anyhow):
                first, then = holding(states, 0, subject), holding(states, 1, subject)
                one = led(edges, before, first, then, promises, expanded)
                found = _worse(found, one)
                if one.lasso is not None:
                    trace = _Way(model, of, reached, states, seeds).trace(one.lasso, fairness, subject)
                    break
            pause *= 4
        bounds = tuple(sorted(states.bounds)) if found.cut else ()
        rebased = tuple(name for epoch in of.explorer.reductions.epochs for _, name in epoch.variables)
        limited = bool(reached.bounds or states.bounds)
        if anyhow and _answer(found, limited=limited)[0]:
            # What comes after the second half was left out, and stopping there is no fair run.
            found = replace(found, fair=_is_any_fair(of, limits, promises, fairness, reached))
        holds, reason = _answer(found, limited=limited)
        raised = more if fairness.calm else 0
        sizes = len(states), len(edges.origin)
    seconds = time.monotonic() - began
    return FoundLed(claim, fairness, holds, reason, *sizes, raised, bounds, rebased, seconds, "native", trace)


def _is_any_fair(of: Compiled, limits: Limits, promises: Promises, fairness: Fairness, reached: Graph) -> bool:
    """Whether any run keeps the promises: mostly one from the initial state, and one that is soon found."""
    phase = Phase.CALM if fairness.calm else Phase.FAULTY
    start = of.explorer.emitted.start.state
    assert start is not None
    with graph(of, limits, symmetric=False) as states:
        states.add(of.explorer.encode(start))
        for begun in (False, True):
            if begun:
                states.seed(reached)
            pause, done = FIRST_LOOK, False
            while not done:
                done = states.explore(phase, apart=fairness.apart, pause=pause)
                expanded = np.arange(len(states)) < pause
                if next(fair_sets(edges_of(states), expanded, promises), None) is not None:
                    return True
                pause *= 4
    return False


def _named_by(edges: Edges, states: Graph, reached: Graph) -> Edges:
    """Steps between states of one graph as steps between states of another that was seeded with them."""
    names = seeds_of(states, reached, 0, Phase.CALM)
    beyond = edges.target == BEYOND
    target = np.where(beyond, np.uint32(BEYOND), names[np.where(beyond, 0, edges.target)])
    return Edges(len(states), names[edges.origin], target, edges.action, edges.shifts)


def _answer(found: Led, *, limited: bool) -> tuple[bool | None, str]:
    """What came of it; `limited` is whether a bound stopped any step at all, behind which it may begin."""
    if found.lasso is not None:
        return False, SOME
    if found.cut:
        return None, STOPS_SHORT
    if not found.begins:
        return (None if limited else False), VACUOUS
    if not found.fair:
        return None, UNFAIR
    return True, EVERY


def _worse(one: Led, other: Led) -> Led:
    """Of two processes: what is found for any of them."""
    lasso = one.lasso or other.lasso
    return Led(lasso, one.cut or other.cut, one.begins or other.begins, one.fair or other.fair)


def _subjects(model: Model, claim: Property, *, all_of_them: bool) -> Iterator[int]:
    """The processes that a property is about, by number: where all states are there under all names, and processes are
    interchangeable, one will do."""
    if claim.about is None or not (all_of_them or model.protocol.kind(claim.about).ordered):
        yield 0
    else:
        yield from range(model.size(claim.about))


# The trace -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Way:
    """From packed states to a behaviour that the reference semantics takes. `states` was seeded with as many of those
    of `reached` as `seeds` says; 0 where they are one graph."""

    model: Model
    of: Compiled
    reached: Graph
    states: Graph
    seeds: int

    def trace(self, lasso: Lasso, fairness: Fairness, subject: int) -> Trace:
        """The lasso from the initial state on, the closed walk once."""
        model, whole = self.model, self.of.model
        back = [lasso.way[0]]
        while back[-1] >= self.seeds and (parent := self.states.parent(back[-1])) is not None:
            back.append(parent)
        first = back[-1]
        numbers = [*reversed(back), *lasso.way[1:], *(state for _, state in lasso.walk)]
        actions: list[int | None] = [*([None] * (len(numbers) - 1 - len(lasso.walk))), *(one for one, _ in lasso.walk)]
        # A run may pass through as many numbers as it has steps.
        origin = self.states.parent(first) if self.seeds else None
        before = self.reached.path(origin) if origin is not None else ()
        top = len(before) + len(numbers) + max(whole.caps.variables.values(), default=0) + 1
        bounds = tuple(Bound(kind, name, top) for kind, name in model.caps.declared)
        if self.of.explorer.reductions.epochs:
            model = replace(model, caps=caps(model.protocol, model.sizes, bounds))
            whole = replace(whole, caps=caps(whole.protocol, whole.sizes, bounds), lower=None)
        else:
            model = replace(model, caps=whole.caps)
            whole = replace(whole, lower=None)
        taken, state = self._before(before, first)
        taken += self._after(whole, state, [self.states.words(number) for number in numbers], actions)
        loop = len(taken) - len(lasso.walk)
        rises = rises_of(whole, self.of.explorer.reductions.epochs, taken, loop)
        violation = violation_of(whole, taken, loop, rises, fairness, subject)
        return replace(renamed(model, taken), violation=violation, loop=loop if lasso.walk else None)

    def _before(self, numbers: Sequence[int], first: int) -> tuple[list[Successor], State]:
        """The steps while anything may go wrong, with names such that they end in the very first state thereafter."""
        explorer = self.of.explorer
        if not numbers:
            start = explorer.emitted.start.state
            assert start is not None
            return [], start

        def through(words: tuple[int, ...]) -> Callable[[State], bool]:
            return lambda state: self.reached.canonicalise(explorer.encode(state)) == words

        taken, last = followed(while_faulty(self.of.model), [through(self.reached.words(number)) for number in numbers])
        wanted = self.states.words(first)
        for to in renamings(self.of.model):
            state = permuted(self.of.model, last, to)
            if self.states.canonicalise(explorer.encode(state)) == wanted:
                return [permuted_successor(self.of.model, step, to) for step in taken], state
        raise EnginesDisagree("a state is none of its orbit")

    def _after(
        self, whole: Model, state: State, path: Sequence[tuple[int, ...]], actions: Sequence[int | None]
    ) -> list[Successor]:
        """The steps thereafter. Their numbers are not shifted: `offsets` says by how much they are ahead of those of
        the packed states, epoch by epoch."""
        explorer, epochs = self.of.explorer, self.of.explorer.reductions.epochs
        named = [without_arguments(action) for action in actions_of(explorer.emitted.layout)]
        offsets = [_ahead(self.of.model, state, explorer.decode(path[0]), epoch) for epoch in epochs]
        taken = []
        for number, (words, action) in enumerate(zip(path[1:], actions, strict=True), 1):
            for successor in steps(whole, state):
                after = successor.state
                if after is None or successor.beyond is not None:
                    continue
                if action is not None and without_arguments(action_of(successor.step)) != named[action]:
                    continue
                lower = lowered(self.of.model, after, epochs, offsets)
                if lower is not None and self.states.canonicalise(explorer.encode(lower)) == words:
                    state = after
                    taken.append(successor)
                    offsets = [_ahead(self.of.model, after, explorer.decode(words), epoch) for epoch in epochs]
                    break
            else:
                raise EnginesDisagree(f"the reference semantics has no such step {number}")
        return taken


def _ahead(model: Model, state: State, packed: State, epoch: Epoch) -> int:
    kind, variable = epoch.variables[0]
    index, position = model.kind_index[kind], model.variable_index[kind, variable]
    return int(state.processes[index][0].values[position]) - int(packed.processes[index][0].values[position])
