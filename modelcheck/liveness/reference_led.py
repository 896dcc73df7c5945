"""What `leads_to` means, in Python over the reference semantics, with networkx: small, slow, obviously right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx as nx

from modelcheck.evaluate import evaluate, scope_of
from modelcheck.liveness.led import EVERY, SOME, STOPS_SHORT, UNFAIR, VACUOUS
from modelcheck.liveness.phases import Phase
from modelcheck.liveness.reference import Watched, calm_steps, reachable, unwatched, while_faulty
from modelcheck.model import Model, Name, State, Successor
from modelcheck.native.labels import Action, Sort, action_of
from modelcheck.semantics import steps
from spec.fairness import Fairly, Fairness, Strength
from spec.protocol import Expression, OnInput, Property

BEYOND = "beyond"
"""Whither a step leads that passes a bound."""


@dataclass(frozen=True)
class Whole:
    """`steps` are those that may go on for ever, each with its action; `faulty` all that may happen before. Nodes are
    states, and `BEYOND`."""

    model: Model
    steps: nx.MultiDiGraph[State | str]
    faulty: nx.MultiDiGraph[State | str]


def whole_graph(model: Model, fairness: Fairness, watched: Watched = unwatched) -> Whole:
    """The graphs of a prepared model."""
    before = while_faulty(model)
    faulty: nx.MultiDiGraph[State | str] = nx.MultiDiGraph()
    for state in reachable(model, watched):
        watched()
        _add(faulty, state, (s for s in steps(before, state) if s.failure is None))
    if not fairness.calm:
        return Whole(model, faulty, faulty)
    calm: nx.MultiDiGraph[State | str] = nx.MultiDiGraph()
    waiting = [state for state in faulty if isinstance(state, State)]
    while waiting:
        state = waiting.pop()
        if calm.has_node(state) and calm.nodes[state].get("done"):
            continue
        watched()
        found = list(calm_steps(model, state, Phase.CALM))
        if fairness.apart and any(action_of(s.step).sort is Sort.DELIVER for s in found):
            found = [s for s in found if action_of(s.step).sort is not Sort.TIMEOUT]
        _add(calm, state, iter(found))
        calm.nodes[state]["done"] = True
        waiting += [s.state for s in found if s.beyond is None and s.state is not None]
    return Whole(model, calm, faulty)


def _add(graph: nx.MultiDiGraph[State | str], state: State, found: Iterator[Successor]) -> None:
    graph.add_node(state)
    for successor in found:
        target = BEYOND if successor.beyond is not None else successor.state
        assert target is not None
        graph.add_edge(state, target, action=action_of(successor.step))


def strength_of(model: Model, fairness: Fairness, action: Action) -> Strength | None:
    """What is promised of an action; the strongest, of several."""
    kinds = {
        Fairly.DELIVERY: Sort.DELIVER,
        Fairly.TIMEOUT: Sort.TIMEOUT,
        Fairly.RECOVERY: Sort.RETURN,
        Fairly.ACTION: Sort.REQUEST,
        Fairly.INPUT: Sort.REQUEST,
    }
    found = set()
    for promise in fairness.promises:
        if kinds[promise.what] is not action.sort or promise.name not in ("", action.name):
            continue
        if action.sort is Sort.REQUEST:
            assert action.process is not None
            (event,) = (e for e in model.spontaneous[action.process.kind] if e.name == action.name)
            if isinstance(event, OnInput) is not (promise.what is Fairly.INPUT):
                continue
        found.add(promise.strength)
    return Strength.STRONG if Strength.STRONG in found else Strength.WEAK if found else None


def leads_to(
    model: Model, claim: Property, fairness: Fairness, watched: Watched = unwatched
) -> tuple[bool | None, str]:
    """Whether every fair run of a prepared model comes from the first half to the second, and what came of it, as of
    `modelcheck.liveness.led`."""
    assert claim.then is not None
    whole = whole_graph(model, fairness, watched)
    subjects: list[Name | None] = [None]
    if claim.about is not None:
        subjects = list(model.names[model.kind_index[claim.about]])
    answers = [_leads_to(whole, claim.expression, claim.then, subject, fairness) for subject in subjects]
    for wanted in (SOME, STOPS_SHORT, VACUOUS, UNFAIR, EVERY):
        for answer, reason in answers:
            if reason == wanted:
                return answer, reason
    raise AssertionError("a property is about some process")


def _leads_to(
    whole: Whole, first: Expression, then: Expression, subject: Name | None, fairness: Fairness
) -> tuple[bool | None, str]:
    def true(goal: Expression, state: State | str) -> bool:
        return isinstance(state, State) and bool(evaluate(goal, scope_of(whole.model, state, subject)))

    states = [state for state in whole.steps if isinstance(state, State)]
    missing = {state for state in states if not true(then, state)}
    pending = {state for state in missing if true(first, state)}
    begins = any(true(first, state) for state in states)
    for graph in (whole.faulty, whole.steps):
        waiting = list(pending)
        while waiting:
            state = waiting.pop()
            for after in graph.successors(state) if state in graph else ():
                if after in missing and after not in pending:
                    pending.add(after)
                    waiting.append(after)
    if next(fair_sets(whole, pending, fairness), None) is not None:
        return False, SOME
    if any(whole.steps.has_edge(state, BEYOND) for state in pending):
        return None, STOPS_SHORT
    if not begins:
        return (None if BEYOND in whole.steps or BEYOND in whole.faulty else False), VACUOUS
    if next(fair_sets(whole, set(states), fairness), None) is None:
        return None, UNFAIR
    return True, EVERY


def fair_sets(whole: Whole, inside: set[State], fairness: Fairness) -> Iterator[set[State]]:
    """As `modelcheck.liveness.fair.fair_sets`."""
    for component in list(nx.strongly_connected_components(whole.steps.subgraph(inside))):
        members: set[State] = {state for state in component if isinstance(state, State)}
        possible: dict[Action, set[State]] = {}
        taken: set[Action] = set()
        for state in members:
            for _, after, attributes in whole.steps.out_edges(state, data=True):
                action: Action = attributes["action"]
                possible.setdefault(action, set()).add(state)
                if after in members:
                    taken.add(action)
        keeps, away = True, set[State]()
        for action, where in possible.items():
            if action in taken:
                continue
            strength = strength_of(whole.model, fairness, action)
            if strength is Strength.WEAK and where == members:
                keeps = False
            if strength is Strength.STRONG:
                away |= where
        if keeps and not away:
            yield members
        elif keeps and members - away:
            yield from fair_sets(whole, members - away, fairness)
