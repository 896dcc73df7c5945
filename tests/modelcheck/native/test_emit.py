"""The native explorer against the reference semantics."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from modelcheck.explore import reachable, within
from modelcheck.model import Link, Model, Name, Packet, ProcessState, State
from modelcheck.native.engine import Explorer, NativeSearch, explorer
from modelcheck.outcome import Limits, Status
from modelcheck.reductions import ALL, SYMMETRY, Reductions, reductions_of
from modelcheck.semantics import packet_order
from spec.protocol import Fault, FaultKind, Network
from spec.types import MapType, OptionType, ProcessType, SetType, Type, Value
from tests.modelcheck.native import models

LIMIT = 600

CASES: dict[str, Model] = {
    "voting": models.model(models.VOTING, (3,), {"term": 1}),
    "voting, two terms": models.model(models.VOTING, (2,), {"term": 2}),
    "maps": models.model(models.MAPS, (2,)),
    "maps of three": models.model(models.MAPS, (3,)),
    "conditions": models.model(models.CONDITIONS, (2,)),
    "conditions of three": models.model(models.CONDITIONS, (3,)),
    "ring": models.model(models.RING, (3,)),
    "lock": models.model(models.LOCK, (2, 1), {"counter": 2, "token": 2}, channel=2),
    "lock, two services": models.model(models.LOCK, (2, 2), {"counter": 1, "token": 2}, channel=1),
    "failing": models.model(models.FAILING, (2,), {"credit": 2}, channel=2),
    "failing, three": models.model(models.FAILING, (3,), {"credit": 2}, channel=1),
    "ordered link": models.model(models.ORDERED_LINK, (2,), {"next_one": 2}, channel=2),
    "ordered link of three": models.model(models.ORDERED_LINK, (3,), {"next_one": 2}, channel=1),
}
CASES["negative numbers"] = models.model(models.NEGATIVE, (2,), {"term": 1})
CASES["voting over bags, with crashes"] = models.with_network(
    CASES["voting"],
    Network(True, False, True),
    (Fault(FaultKind.CRASH, 1), Fault(FaultKind.RESTART, None), Fault(FaultKind.PARTITION, 1)),
)
CASES["voting over queues"] = models.with_network(CASES["voting"], Network(False, False, False), channel=2)
CASES["voting, partitions"] = models.with_network(
    CASES["voting"], Network(True, True, True), (Fault(FaultKind.PARTITION, None), Fault(FaultKind.CRASH, None))
)


@pytest.mark.parametrize("name", CASES)
def test_same_states_and_steps(name: str) -> None:
    model = CASES[name]
    native = explorer(model, Reductions())
    graph = reachable(model, LIMIT)
    for state, successors in graph.successors.items():
        packed = native.encode(state)
        assert native.decode(packed) == state
        found = sorted(native.successors(packed))
        expected = sorted(native.encode(after) for after in within(successors))
        assert found == expected
    whole = len(graph.successors) < LIMIT
    with NativeSearch(
        native, Limits(stop_at_violation=False, max_depth=None if whole else len(graph.levels) - 1)
    ) as search:
        outcome = search.run()
        # An interrupted reference has expanded all of its levels.
        assert outcome.levels[: len(graph.levels)] == tuple(len(level) for level in graph.levels)
        if whole:
            assert outcome.status in (Status.EXHAUSTED, Status.VIOLATION)
            assert {native.decode(words) for words in search.states()} == set(graph.successors)


@pytest.mark.parametrize("name", CASES)
def test_canonical_form_is_that_of_the_orbit(name: str) -> None:
    model = CASES[name]
    native = explorer(model, Reductions(symmetry=True))
    for state in list(reachable(model, 300).successors)[:400]:
        canonical = native.canonicalise(native.encode(state))
        orbit = [native.encode(other) for other in renamed(model, state)]
        assert canonical in orbit
        assert {native.canonicalise(other) for other in orbit} == {canonical}


@pytest.mark.parametrize("name", CASES)
def test_orbits_and_threads(name: str) -> None:
    model = CASES[name]
    graph = reachable(model, LIMIT)
    native = explorer(model, Reductions(symmetry=True))
    orbits = [len({native.canonicalise(native.encode(s)) for s in level}) for level in graph.levels]
    outcomes = []
    for threads in (1, 2):
        limits = Limits(threads=threads, stop_at_violation=False, max_depth=len(graph.levels) - 1)
        with NativeSearch(native, limits) as search:
            outcomes.append(search.run())
    one, two = outcomes
    assert list(one.levels) == orbits
    assert (one.levels, one.steps, one.hits, one.covered, one.reached) == (
        two.levels,
        two.steps,
        two.hits,
        two.covered,
        two.reached,
    )


@pytest.mark.parametrize("name", CASES)
def test_bounds_and_failures(name: str) -> None:
    """What stops a step is found where the reference finds it, and at the same depth."""
    model = CASES[name]
    graph = reachable(model, LIMIT)
    beyond = {s.beyond for found in graph.successors.values() for s in found if s.beyond is not None}
    failures = [
        depth + 1
        for depth, level in enumerate(graph.levels)
        if any(s.failure is not None for state in level for s in graph.successors[state])
    ]
    depth = len(graph.levels)
    for symmetry in (False, True):
        with NativeSearch(
            explorer(model, Reductions(symmetry=symmetry)), Limits(stop_at_violation=False, max_depth=depth)
        ) as search:
            outcome = search.run()
            found = [hit.length for hit in outcome.hits if hit.checked.name == "failure"]
            assert found == failures[:1]
            for hit in outcome.hits:
                trace = search.trace(hit)
                assert trace is not None
                assert is_path(search.explorer, trace)
        assert outcome.reached == beyond


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("symmetry", [False, True])
def test_reductions_change_no_verdict(name: str, symmetry: bool) -> None:
    """With all reductions the same is found at the same depth, and the states are those of the reference, reduced."""
    model = CASES[name]
    graph = reachable(model, LIMIT)
    native = explorer(model, reductions_of(model, ALL if symmetry else ALL - {SYMMETRY}))
    limits = Limits(stop_at_violation=False, max_depth=len(graph.levels) - 1)
    with NativeSearch(native, limits) as search, NativeSearch(explorer(model, Reductions()), limits) as plain:
        outcome, expected = search.run(), plain.run()
        states = set(search.states())
    seen: set[tuple[int, ...]] = set()
    for depth, level in enumerate(graph.levels):
        new = {native.canonicalise(native.encode(state)) for state in level} - seen
        seen |= new
        if depth < len(outcome.levels):
            assert len(new) == outcome.levels[depth]
        else:
            assert not new
    assert seen == states
    assert {(h.checked.name, h.length) for h in outcome.hits} == {(h.checked.name, h.length) for h in expected.hits}
    assert outcome.covered == expected.covered


def is_path(native: Explorer, trace: tuple[tuple[int, ...], ...]) -> bool:
    steps = zip((None, *trace), trace, strict=False)
    return all(after in native.successors(before) for before, after in steps)


# All renamings of the processes of a state ------------------------------------------------------------------------


def renamed(model: Model, state: State) -> list[State]:
    choices = [
        [tuple(range(size))] if kind.ordered else list(permutations(range(size)))
        for kind, size in zip(model.protocol.kinds, model.sizes, strict=True)
    ]
    return [
        rename(model, state, {k.name: p for k, p in zip(model.protocol.kinds, chosen, strict=True)})
        for chosen in product(*choices)
    ]


def rename(model: Model, state: State, to: dict[str, tuple[int, ...]]) -> State:
    def value(of: Type, old: Value) -> Value:
        match of:
            case ProcessType(kind):
                return to[kind][old]
            case OptionType(inner):
                return None if old is None else value(inner, old)
            case SetType(ProcessType(kind)):
                return frozenset(to[kind][member] for member in old)
            case MapType(ProcessType(kind), inner):
                entries = list(old)
                for key, entry in enumerate(old):
                    entries[to[kind][key]] = value(inner, entry)
                return tuple(entries)
            case _:
                return old

    def name(old: Name) -> Name:
        return Name(old.kind, to[old.kind][old.number])

    def packet(old: Packet) -> Packet:
        types = [of for _, of in model.protocol.message(old.message).parameters]
        arguments = tuple(value(of, a) for of, a in zip(types, old.arguments, strict=True))
        return Packet(old.message, name(old.sender), name(old.receiver), arguments)

    processes = []
    for kind, states in zip(model.protocol.kinds, state.processes, strict=True):
        moved: list[ProcessState] = list(states)
        for number, process in enumerate(states):
            values = tuple(value(v.type, old) for v, old in zip(kind.variables, process.values, strict=True))
            moved[to[kind.name][number]] = process._replace(values=values)
        processes.append(tuple(moved))
    links = []
    for link in state.links:
        queue = [packet(old) for old in link.queue]
        if model.network.reordering:
            queue.sort(key=packet_order)
        links.append(Link(name(link.sender), name(link.receiver), tuple(queue)))
    sides = state.sides
    if sides:
        cut = []
        for kind, old in zip(model.protocol.kinds, state.sides, strict=True):
            new = list(old)
            for number, side in enumerate(old):
                new[to[kind.name][number]] = side
            cut.append(tuple(new))
        sides = tuple(tuple(side != cut[0][0] for side in of_kind) for of_kind in cut)
    leader = model.protocol.leader
    led = frozenset((to[leader.kind][number], token) for number, token in state.led) if leader else state.led
    return State(
        tuple(processes), frozenset(packet(p) for p in state.packets), frozenset(links), sides, state.spent, led
    )
