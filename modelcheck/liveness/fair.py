"""Which parts of a graph a fair run can stay in for ever. Pure arrays: states are numbers, and so are actions.

A run that goes on for ever stays, from some time on, within one strongly connected component, and passes again and
again through some states of it. It is *weakly fair* to an action if the action is not possible in one of those states,
or is taken between two of them; *strongly fair* if it is possible in none of them, or is taken. A step that leaves a
state as it is can be taken at any time, and keeps its promise without getting anywhere. A run may also stop in a state:
then nothing that is promised may be possible there but such steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

BEYOND = 2**32 - 1
"""Whither a step leads that passes a bound."""

Numbers = NDArray[np.uint32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Edges:
    """Steps: `action` of each leads `origin` to `target` (`BEYOND` for one that passes a bound)."""

    count: int
    """Of states."""
    origin: Numbers
    target: Numbers
    action: Numbers
    shifts: Numbers
    """A bit for each epoch that the step has shifted (see `modelcheck.epochs`)."""


@dataclass(frozen=True)
class Promises:
    """The actions of which weak and strong fairness is promised; none is both."""

    weak: frozenset[int]
    strong: frozenset[int]
    moving: Mapping[int, int] = field(default_factory=dict)
    """By action: the epochs that it names, a bit for each. A message with a term is another one for every term. Where
    a run shifts the term again and again, each of them is at last below all others and gone: what is promised of it is
    kept."""


def components(edges: Edges, inside: Flags) -> tuple[int, NDArray[np.int32], NDArray[np.bool_]]:
    """How many strongly connected components there are; of each state the number of its own (-1 outside); and of each
    step whether it stays within one."""
    at = np.flatnonzero(inside)
    place = np.full(edges.count + 1, -1, np.int64)
    place[at] = np.arange(len(at))
    target = np.where(edges.target == BEYOND, edges.count, edges.target).astype(np.int64)
    origins, targets = place[edges.origin], place[target]
    both = (origins >= 0) & (targets >= 0)
    ones = np.ones(int(both.sum()), np.int8)
    matrix = csr_array((ones, (origins[both], targets[both])), shape=(len(at), len(at)))
    number, labels = connected_components(matrix, directed=True, connection="strong")
    found = np.full(edges.count + 1, -1, np.int32)
    found[at] = labels
    within = both & (found[edges.origin] == found[target])
    return int(number), found[:-1], within


def fair_sets(edges: Edges, inside: Flags, promises: Promises) -> Iterator[Flags]:
    """The largest sets of states in each of which a fair run can stay for ever, visiting all of them again and again
    (a single state: by stopping there). Those with lower numbers come first, but for what strong fairness divides."""
    order = np.argsort(edges.action, kind="stable")
    named, first = np.unique(edges.action[order], return_index=True)
    steps_of = dict(zip(named.tolist(), np.split(order, first[1:]), strict=False))
    promised = sorted((promises.weak | promises.strong) & steps_of.keys())
    waiting = [inside]
    while waiting:
        mask = waiting.pop()
        number, component, within = components(edges, mask)
        if not number:
            continue
        sizes = np.bincount(component[component >= 0], minlength=number)
        good = np.ones(number, np.bool_)
        again: dict[int, list[int]] = {}
        shifts = np.zeros(number, np.uint32)
        np.bitwise_or.at(shifts, component[edges.origin[within]], edges.shifts[within])
        for action in promised:
            steps = steps_of[action]
            origins = edges.origin[steps]
            possible = np.unique(origins[mask[origins]])
            enabled = np.bincount(component[possible], minlength=number)
            taken = np.bincount(component[origins[within[steps]]], minlength=number) > 0
            taken |= (shifts & promises.moving.get(action, 0)) > 0
            if action in promises.weak:
                good &= (enabled < sizes) | taken
            else:
                for one in np.flatnonzero((enabled > 0) & ~taken).tolist():
                    again.setdefault(one, []).append(action)
        nearest = np.full(number, edges.count)
        np.minimum.at(nearest, component[mask], np.flatnonzero(mask))
        for one in sorted(np.flatnonzero(good).tolist(), key=nearest.tolist().__getitem__):
            members = component == one
            if one not in again:
                yield members
                continue
            # Strong fairness: a run that stays here keeps away from where such an action is possible.
            for action in again[one]:
                members[edges.origin[steps_of[action]]] = False
            if members.any():
                waiting.append(members)


def reachable(edges: Edges, sources: Flags, inside: Flags) -> Flags:
    """The states within a set that can be reached from some of it, without leaving it."""
    keep = inside[edges.origin] & (edges.target != BEYOND)
    keep[keep] &= inside[edges.target[keep]]
    first, targets = _adjacent(edges.count, edges.origin[keep], edges.target[keep])
    found = sources & inside
    frontier = np.flatnonzero(found)
    while len(frontier):
        counts = first[frontier + 1] - first[frontier]
        starts = np.repeat(first[frontier] - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
        following = np.unique(targets[starts + np.arange(int(counts.sum()))])
        frontier = following[~found[following]]
        found[frontier] = True
    return found


def _adjacent(count: int, origin: Numbers, target: Numbers) -> tuple[NDArray[np.int64], Numbers]:
    """By state: where its targets begin among all targets."""
    order = np.argsort(origin, kind="stable")
    first = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(origin, minlength=count), out=first[1:])
    return first, target[order]


@dataclass(frozen=True)
class Walks:
    """Shortest ways within a set of states."""

    first: NDArray[np.int64]
    targets: Numbers
    actions: Numbers
    shifts: Numbers

    def steps(self, state: int) -> Iterator[tuple[int, int, int]]:
        """(action, state after it, epochs shifted)"""
        begin, end = int(self.first[state]), int(self.first[state + 1])
        parts = (self.actions, self.targets, self.shifts)
        yield from zip(*(part[begin:end].tolist() for part in parts), strict=True)

    def way(self, start: int, wanted: Flags) -> list[int] | None:
        """The states from one to the nearest of some others, both ends among them."""
        before = {start: start}
        waiting = deque([start])
        while waiting:
            state = waiting.popleft()
            if wanted[state]:
                path = [state]
                while path[-1] != start:
                    path.append(before[path[-1]])
                return path[::-1]
            for _, after, _ in self.steps(state):
                if after not in before:
                    before[after] = state
                    waiting.append(after)
        return None


def walks(edges: Edges, inside: Flags) -> Walks:
    keep = inside[edges.origin] & (edges.target != BEYOND)
    keep[keep] &= inside[edges.target[keep]]
    origin = edges.origin[keep]
    order = np.argsort(origin, kind="stable")
    first = np.zeros(edges.count + 1, np.int64)
    np.cumsum(np.bincount(origin, minlength=edges.count), out=first[1:])
    kept = (part[keep][order] for part in (edges.target, edges.action, edges.shifts))
    return Walks(first, *kept)


def cycle(edges: Edges, members: Flags, promises: Promises, start: int) -> list[tuple[int, int]]:
    """A closed walk through a set that `fair_sets` has found: each step's action and the state after it, at last
    `start`. Whatever is promised is kept on it: taken, or not possible somewhere (weak) or anywhere (strong). Empty
    where the run can stop as well."""
    ways = walks(edges, members)
    enabled: dict[int, set[int]] = {}
    for action in promises.weak | promises.strong:
        of_action = edges.origin[(edges.action == action) & members[edges.origin]]
        enabled[action] = set(np.unique(of_action).tolist())
    path: list[tuple[int, int, int]] = []
    here = start

    def is_kept(action: int) -> bool:
        moving = promises.moving.get(action, 0)
        if any(one == action or shifted & moving for one, _, shifted in path):
            return True
        if action in promises.weak:
            return any(state not in enabled[action] for state in (start, *(state for _, state, _ in path)))
        return not enabled[action]

    def go(wanted: Flags) -> int:
        way = ways.way(here, wanted)
        assert way is not None
        for one, other in pairwise(way):
            path.append(next(step for step in ways.steps(one) if step[1] == other))
        return way[-1]

    if not any(start in states for states in enabled.values()):
        return []
    while (unkept := next((one for one in sorted(enabled) if not is_kept(one)), None)) is not None:
        wanted = np.zeros(edges.count, np.bool_)
        if unkept in promises.weak:
            wanted |= members
            wanted[list(enabled[unkept])] = False
        moving = promises.moving.get(unkept, 0)
        of_action = ((edges.action == unkept) | ((edges.shifts & moving) > 0)) & members[edges.origin]
        of_action &= edges.target != BEYOND
        of_action[of_action] &= members[edges.target[of_action]]
        wanted[edges.origin[of_action]] = True
        here = go(wanted)
        if not is_kept(unkept):
            path.append(next(step for step in ways.steps(here) if step[0] == unkept or step[2] & moving))
            here = path[-1][1]
    if not path:
        path.append(next(ways.steps(start)))
        here = path[-1][1]
    if here != start:
        back = np.zeros(edges.count, np.bool_)
        back[start] = True
        go(back)
    return [(action, state) for action, state, _ in path]
