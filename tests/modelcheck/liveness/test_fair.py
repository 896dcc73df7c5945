"""Fair sets and closed walks against a search of all sets of states of small graphs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st

from modelcheck.liveness.fair import BEYOND, Edges, Promises, cycle, fair_sets, reachable, walks

STATES, ACTIONS = 5, 3
Step = tuple[int, int, int, int]
"""Origin, target, action, epochs shifted."""
targets = st.one_of(st.integers(0, STATES - 1), st.integers(0, STATES - 1), st.just(BEYOND))
steps_of = st.lists(
    st.tuples(st.integers(0, STATES - 1), targets, st.integers(0, ACTIONS - 1), st.sampled_from((0, 0, 0, 1, 2, 3))),
    max_size=12,
)
some = st.frozensets(st.integers(0, STATES - 1), min_size=1)


@st.composite
def promised(draw: st.DrawFn) -> Promises:
    strengths = draw(st.lists(st.sampled_from("-ws"), min_size=ACTIONS, max_size=ACTIONS))
    moving = draw(st.lists(st.sampled_from((0, 0, 1, 2)), min_size=ACTIONS, max_size=ACTIONS))
    weak, strong = (frozenset(a for a in range(ACTIONS) if strengths[a] == one) for one in "ws")
    return Promises(weak, strong, dict(enumerate(moving)))


def edges_of(steps: list[Step]) -> Edges:
    columns = zip(*steps, strict=True) if steps else ((), (), (), ())
    origin, target, action, shifts = (np.array(column, np.uint32) for column in columns)
    return Edges(STATES, origin, target, action, shifts)


def flags(states: frozenset[int]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.array([state in states for state in range(STATES)])


def around(steps: list[Step], inside: frozenset[int], start: int) -> set[int]:
    """What can be reached from a state without leaving some."""
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for origin, target, _, _ in steps:
            if origin == here and target in inside and target not in found:
                found.add(target)
                waiting.append(target)
    return found


def is_fair(steps: list[Step], inside: frozenset[int], promises: Promises) -> bool:
    """Whether a run can visit just these states for ever: there is a way from each to each, and all is kept."""
    if any(around(steps, inside, state) != inside for state in inside):
        return False
    within = [step for step in steps if step[0] in inside and step[1] in inside]
    shifted = {bit for _, _, _, shifts in within for bit in (1, 2) if shifts & bit}
    for action in promises.weak | promises.strong:
        enabled = {origin for origin, _, of, _ in steps if of == action and origin in inside}
        taken = any(of == action for _, _, of, _ in within) or bool(shifted & {promises.moving.get(action, 0)})
        wanted = enabled < inside if action in promises.weak else not enabled
        if not (taken or wanted):
            return False
    return True


def all_fair(steps: list[Step], inside: frozenset[int], promises: Promises) -> Iterator[frozenset[int]]:
    for size in range(len(inside), 0, -1):
        for chosen in combinations(sorted(inside), size):
            if is_fair(steps, frozenset(chosen), promises):
                yield frozenset(chosen)


@given(steps_of, some, promised())
def test_the_largest_fair_sets_are_found(steps: list[Step], inside: frozenset[int], promises: Promises) -> None:
    expected: list[frozenset[int]] = []
    for one in all_fair(steps, inside, promises):
        if not any(one < other for other in expected):
            expected.append(one)
    found = [frozenset(np.flatnonzero(one).tolist()) for one in fair_sets(edges_of(steps), flags(inside), promises)]
    event(f"{len(expected)} sets, strong" if promises.strong else f"{len(expected)} sets")
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))
    if not promises.strong:
        assert [min(one) for one in found] == sorted(min(one) for one in found), "the nearest first"


@given(steps_of, some, promised(), st.data())
def test_a_closed_walk_keeps_every_promise(
    steps: list[Step], inside: frozenset[int], promises: Promises, data: st.DataObject
) -> None:
    edges = edges_of(steps)
    for members in fair_sets(edges, flags(inside), promises):
        own = frozenset(np.flatnonzero(members).tolist())
        start = data.draw(st.sampled_from(sorted(own)))
        walk = cycle(edges, members, promises, start)
        within = [step for step in steps if step[0] in own and step[1] in own]
        possible = {action for origin, _, action, _ in steps if origin == start}
        assert (not walk) is not bool(possible & (promises.weak | promises.strong)), "it stops where it can"
        here, visited, shifted, acted = start, {start}, 0, set[int]()
        for action, state in walk:
            fitting = [one for one in within if one[:3] == (here, state, action)]
            assert fitting, "each step is one of the graph, and stays within the set"
            shifted |= max(one[3] for one in fitting) | min(one[3] for one in fitting)
            here = state
            visited.add(state)
            acted.add(action)
        assert here == start
        for action in promises.weak | promises.strong:
            enabled = {origin for origin, _, of, _ in steps if of == action}
            moved = bool(shifted & promises.moving.get(action, 0))
            away = bool(visited - enabled) if action in promises.weak else not visited & enabled
            assert action in acted or moved or away


@given(steps_of, some, some)
def test_what_can_be_reached_within_a_set(steps: list[Step], sources: frozenset[int], inside: frozenset[int]) -> None:
    found = reachable(edges_of(steps), flags(sources), flags(inside))
    assert set(np.flatnonzero(found).tolist()) == {
        state for source in sources & inside for state in around(steps, inside, source)
    }


@given(steps_of, some, st.integers(0, STATES - 1), some)
def test_a_way_is_a_shortest_one(steps: list[Step], inside: frozenset[int], start: int, wanted: frozenset[int]) -> None:
    inside |= {start}
    way = walks(edges_of(steps), flags(inside)).way(start, flags(wanted))
    level, seen, length = {start}, {start}, 0
    while level and not level & wanted:
        level = {t for o, t, _, _ in steps if o in level and t in inside} - seen
        seen |= level
        length += 1
    assert (way is None) is not bool(level & wanted)
    assert way is None or (len(way) == length + 1 and way[0] == start and way[-1] in wanted)


def test_a_run_may_stop_where_nothing_promised_is_possible() -> None:
    edges = edges_of([(0, 1, 0, 0), (1, 1, 1, 0)])
    inside = flags(frozenset({0, 1}))
    assert [np.flatnonzero(one).tolist() for one in fair_sets(edges, inside, Promises(frozenset(), frozenset()))] == [
        [0],
        [1],
    ]
    assert [
        np.flatnonzero(one).tolist() for one in fair_sets(edges, inside, Promises(frozenset({0}), frozenset()))
    ] == [[1]]


def test_a_step_that_passes_a_bound_is_possible() -> None:
    edges = edges_of([(0, BEYOND, 0, 0)])
    assert not list(fair_sets(edges, flags(frozenset({0})), Promises(frozenset({0}), frozenset())))


def test_strong_fairness_keeps_away_from_where_an_action_is_possible() -> None:
    steps = [(0, 1, 0, 0), (1, 0, 0, 0), (1, 2, 1, 0), (0, 0, 2, 0)]
    edges, inside = edges_of(steps), flags(frozenset({0, 1}))
    weak = list(fair_sets(edges, inside, Promises(frozenset({1}), frozenset())))
    assert [np.flatnonzero(one).tolist() for one in weak] == [[0, 1]]
    strong = list(fair_sets(edges, inside, Promises(frozenset(), frozenset({1}))))
    assert [np.flatnonzero(one).tolist() for one in strong] == [[0]]
