"""Whether, from every reachable state, what is wanted can still be reached once nothing goes wrong any more.

The question is about single states and what they lead to, whichever way the steps are counted: two states that one step
after the other cannot tell apart have the same answer. That is why symmetry and the other reductions, which take such
states for one, leave every answer as it is (a goal is the same for processes under other names: the language has no
process that is named). A bound could change answers, since what would have recovered may be stopped by it. So the calm
has higher bounds than the check, and where they stop steps after all, "it cannot" is not said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from operator import eq

from modelcheck.concrete import followed
from modelcheck.layout import Unsupported
from modelcheck.liveness import reference
from modelcheck.liveness.graph import Compiled, Graph, Recovery, Stopped, compiled, goals_of, graph
from modelcheck.liveness.phases import Phase
from modelcheck.liveness.prepared import prepared
from modelcheck.model import Model, Name, State, Successor
from modelcheck.native.build import CompilerFailed, NoCompiler
from modelcheck.outcome import Limits, Status
from modelcheck.properties import is_quorum
from modelcheck.reductions import ALL, reductions_of
from modelcheck.semantics import initial, steps
from modelcheck.trace import Trace, Violation
from spec.protocol import Property
from spec.show import show

MORE = (1, 2)
"""By how much the bounds are raised in the calm: by the second, where the first stops steps that matter."""


@dataclass(frozen=True)
class Found:
    """What was found out about a `recovers`. `asked` are the states (each with who is gone, where that matters),
    `explored` all states looked at in the calm; `more` is what the bounds were raised by. `lost` are those from which
    nothing that is wanted can be reached, `cut` those from which it was not reached, though a bound in `bounds` stopped
    steps. `stopped` is the limit that ended it early; then nothing else is known. `trace` leads to the first of the
    lost, else of the cut. `native` and `symmetric` say how it was looked for."""

    claim: Property
    asked: int
    explored: int
    lost: int
    cut: int
    more: int
    bounds: tuple[str, ...]
    seconds: float
    native: bool
    symmetric: bool
    gone: int = 0
    stopped: Status | None = None
    trace: Trace | None = None

    @property
    def is_violated(self) -> bool:
        return self.lost > 0

    @property
    def holds(self) -> bool:
        return self.stopped is None and not self.lost and not self.cut


def groups_of(model: Model, kind: str) -> tuple[tuple[Name, ...], ...]:
    """Whom a quorum of a kind can do without: for each least quorum, all others of the kind."""
    names = model.names[model.kind_index[kind]]
    numbers = range(len(names))
    quorums: list[frozenset[int]] = []
    for size in range(len(names) + 1):
        for some in map(frozenset, combinations(numbers, size)):
            if not any(one <= some for one in quorums) and is_quorum(model, kind, some):
                quorums.append(some)
    return tuple(tuple(name for name in names if name.number not in some) for some in quorums)


def asked_of(model: Model, claim: Property) -> tuple[Sequence[tuple[Name, ...]], Phase]:
    """Who may be gone, group by group (mostly: nobody), and what may happen then. Where there is no quorum at all, or
    it takes everybody, nobody may be."""
    groups = groups_of(model, claim.quorum_of) if claim.quorum_of is not None else ()
    return (groups, Phase.CUT_OFF) if any(groups) else (((),), Phase.CALM)


def more_of(model: Model) -> tuple[int, ...]:
    """By how much the bounds of a model are raised in the calm, in turn."""
    return MORE if model.caps.declared else (0,)


def recovers(
    model: Model, claim: Property, limits: Limits, wanted: frozenset[str] = ALL, *, native: bool = True
) -> Found:
    """Looks at a `recovers` property, whose model is explored within its bounds without a violation."""
    began = time.monotonic()
    groups, phase = asked_of(model, claim)
    found = None
    for raised in more_of(model):
        whole = prepared(model, claim, raised, may_be_down=claim.quorum_of is not None)
        left = replace(
            limits, seconds=max(limits.seconds - (time.monotonic() - began), 0.01) if limits.seconds else 0.0
        )
        found = _native(model, whole, raised, phase, groups, left, wanted) if native else None
        found = found or _plain(model, whole, raised, phase, groups, watch_of(left))
        found = replace(found, seconds=time.monotonic() - began, gone=max(map(len, groups), default=0))
        if found.stopped is not None or found.lost or not found.cut:
            break
    assert found is not None
    return found


def _native(
    model: Model,
    whole: Model,
    more: int,
    phase: Phase,
    groups: Sequence[tuple[Name, ...]],
    limits: Limits,
    wanted: frozenset[str],
) -> Found | None:
    """None where the model cannot be compiled."""
    (claim,) = whole.protocol.properties
    try:
        of = compiled(whole, goals_of(claim), reductions_of(whole, wanted))
    except (NoCompiler, CompilerFailed, Unsupported):
        return None
    symmetric = of.explorer.reductions.symmetry
    try:
        with graph(of, limits) as reached, graph(of, limits) as after:
            reached.reach()
            after.seed(reached, [mask_of(whole, some) for some in groups], phase)
            asked = len(after)
            said = after.recover(phase)
            trace = _trace(model, of, reached, after, said, phase, groups)
            bounds = tuple(sorted(after.bounds)) if said.cut or said.lost else ()
            return Found(claim, asked, len(after), said.lost, said.cut, more, bounds, 0.0, True, symmetric, trace=trace)
    except Stopped as stop:
        return Found(claim, 0, 0, 0, 0, more, (), 0.0, True, symmetric, stopped=stop.status)
    except MemoryError:
        return Found(claim, 0, 0, 0, 0, more, (), 0.0, True, symmetric, stopped=Status.MEMORY)


def mask_of(model: Model, names: Sequence[Name]) -> int:
    """A bit for each process, numbered over all kinds."""
    everyone = [name for of_kind in model.names for name in of_kind]
    return sum(1 << everyone.index(name) for name in names)


def _trace(
    model: Model,
    of: Compiled,
    reached: Graph,
    after: Graph,
    said: Recovery,
    phase: Phase,
    groups: Sequence[tuple[Name, ...]],
) -> Trace | None:
    number = said.first_lost if said.first_lost is not None else said.first_cut
    if number is None:
        return None
    origin = after.parent(number)
    assert origin is not None
    path = [reached.words(one) for one in reached.path(origin)]
    explorer = of.explorer

    def through(words: tuple[int, ...]) -> Callable[[State], bool]:
        return lambda state: explorer.canonicalise(explorer.encode(state)) == words

    taken, last = followed(reference.while_faulty(of.model), [through(words) for words in path])
    (claim,) = of.model.protocol.properties
    target = after.words(number)
    gone = next(
        some
        for some in groups
        if reference.is_asked(of.model, last, some)
        and explorer.canonicalise(explorer.encode(reference.silenced(of.model, last, some) if some else last)) == target
    )
    future = after.future(number, phase)
    trace = renamed(model, taken)
    lost = said.first_lost is not None
    return replace(trace, violation=violation_of(model, claim, gone, future, lost, sorted(after.bounds)))


def renamed(model: Model, taken: Sequence[Successor]) -> Trace:
    """The same steps in the model that is checked. (A prepared one keeps no record of who has led, so its states are
    others.)"""
    start = state = initial(model).state
    assert start is not None and state is not None
    found = []
    for one in taken:
        assert one.state is not None
        fitting = (s for s in steps(model, state) if s.step == one.step)
        here = next(s for s in fitting if s.state is not None and same(s.state, one.state))
        found.append(here)
        assert here.state is not None
        state = here.state
    return Trace(model, start, tuple(found))


def same(one: State, other: State) -> bool:
    """Whether two states are one, but for who has led and how often bounded faults have happened."""
    return one._replace(led=frozenset(), spent=()) == other._replace(led=frozenset(), spent=())


def violation_of(
    model: Model, claim: Property, gone: Sequence[Name], future: int, lost: bool, bounds: Sequence[str]
) -> Violation:
    """What is wrong with the last state of a trace, in words."""
    return Violation(claim.name, show(claim.expression), tuple(_clauses(gone, future, lost, bounds)))


def _clauses(gone: Sequence[Name], future: int, lost: bool, bounds: Sequence[str]) -> Iterator[str]:
    who = " and ".join(map(str, gone))
    without = f", with {who} down and cut off for good" if gone else ""
    states = "1 state can" if future == 1 else f"{future:,} states can"
    yield f"from here on, if nothing goes wrong any more{without}, {states} be reached, this one among them"
    if lost:
        yield "it is true in none of them, and no bound stops a step between them: it never comes about again"
    else:
        yield f"it is true in none of them, but what lies behind {', '.join(bounds)} is not known"


def watch_of(limits: Limits) -> reference.Watched:
    """What ends a search by the reference semantics: the limit of time."""
    until = time.monotonic() + limits.seconds

    def watched() -> None:
        if limits.seconds and time.monotonic() > until:
            raise Stopped(Status.TIME)

    return watched


def _plain(
    model: Model,
    whole: Model,
    more: int,
    phase: Phase,
    groups: Sequence[tuple[Name, ...]],
    watched: reference.Watched,
) -> Found:
    """By the reference semantics, state by state."""
    (claim,) = whole.protocol.properties
    try:
        good, lost, cut = reference.recovery(whole, claim, phase, groups, watched)
    except Stopped as stop:
        return Found(claim, 0, 0, 0, 0, more, (), 0.0, False, False, stopped=stop.status)
    trace = None
    stopped: list[str] = []
    parents = reference.reachable(whole)
    bad = lost or cut
    if bad:
        origin, gone = next(
            (state, some)
            for state in parents
            for some in groups
            if reference.is_asked(whole, state, some)
            and (reference.silenced(whole, state, some) if some else state) in bad
        )
        path = [origin]
        while (parent := parents[path[-1]]) is not None:
            path.append(parent)
        taken, _ = followed(reference.while_faulty(whole), [partial(eq, one) for one in reversed(path)])
        seed = reference.silenced(whole, origin, gone) if gone else origin
        ahead, stopping = reference.future([seed], lambda state: reference.calm_steps(whole, state, phase))
        stopped = sorted({s.beyond for at in stopping for s in reference.calm_steps(whole, at, phase) if s.beyond})
        trace = replace(
            renamed(model, taken), violation=violation_of(model, claim, gone, len(ahead), bool(lost), stopped)
        )
    asked = len(good) + len(lost) + len(cut)
    return Found(claim, asked, asked, len(lost), len(cut), more, tuple(stopped), 0.0, False, False, trace=trace)
