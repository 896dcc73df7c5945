"""What a cluster survives: known answers, and the search held against reachability in the whole graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest

from modelcheck.check import Options, model_of
from modelcheck.explore import reachable
from modelcheck.model import Model, Name, State, StepKind
from modelcheck.semantics import crashed, leads, steps
from modelcheck.survival import Answer, Scenario, crashes, described, partitions, scenarios, shape
from modelcheck.survival_reference import Found, Reference, Search, imposed
from spec.check import check, load
from spec.overrides import check_from
from spec.protocol import Protocol, Row
from spec.source import Source

SPECS = Path(__file__).parents[2] / "spec"
S, K, D, U = Answer.SURVIVES, Answer.KEEPS, Answer.DOES_NOT, Answer.UNKNOWN


def spec(name: str, row: str) -> tuple[Protocol, Row]:
    protocol, _ = load(SPECS / f"{name}.elect")
    return protocol, check_from(row, protocol, "test").rows[0]


def answers(name: str, row: str) -> dict[str, tuple[Answer, list[str]]]:
    """For each scenario that is only crashes or only a partition: the answer, and the sides that win."""
    protocol, bounds = spec(name, row)
    reference, sizes = Reference(protocol, bounds), bounds.sizes[0]
    found = {}
    for scenario in dict.fromkeys([*crashes(protocol, sizes), *partitions(protocol, sizes)]):
        one = reference(protocol, sizes, scenario)
        assert one.scenario == scenario and one.reason
        found[described(protocol, scenario)] = one.answer, [shape(protocol, scenario.sides[i]) for i in one.winners]
    return found


def test_raft_on_three_nodes() -> None:
    assert answers("protocols/raft", "3 nodes, term <= 1") == {
        "nobody down": (S, ["3 nodes"]),
        "1 node down": (S, ["2 nodes"]),
        "2 nodes down": (D, []),
        "3 nodes down": (D, []),
        "2 nodes | 1 node": (S, ["2 nodes"]),
        "1 node | 1 node | 1 node": (D, []),
    }


def test_raft_on_two_nodes() -> None:
    found = answers("protocols/raft", "2 nodes, term <= 2")
    assert {scenario: answer for scenario, (answer, _) in found.items()} == {
        "nobody down": S,
        "1 node down": D,
        "2 nodes down": D,
        "1 node | 1 node": D,
    }


def test_where_half_is_enough_both_sides_win() -> None:
    protocol, row = spec("broken/half_is_enough", "4 nodes, term <= 1")
    apart = next(one for one in partitions(protocol, (4,)) if [len(side) for side in one.sides] == [2, 2])
    found = Reference(protocol, row)(protocol, (4,), apart)
    assert (found.answer, found.winners) == (S, (0, 1))


def test_a_lock_service_survives_as_long_as_it_lives() -> None:
    found = answers("protocols/lock_service", "2 clients, 1 lock_service, 1 storage, last_token <= 1, channel <= 1")
    surviving = {scenario for scenario, (answer, _) in found.items() if answer is S}
    assert surviving == {
        "nobody down",
        "1 client down",
        "1 storage down",
        "1 client, 1 storage down",
        "2 clients, 1 lock_service | 1 storage",
        "1 client, 1 lock_service, 1 storage | 1 client",
        "1 client, 1 lock_service | 1 client, 1 storage",
        "1 client, 1 lock_service | 1 client | 1 storage",
    }
    assert {answer for answer, _ in found.values()} == {S, D}


def test_a_ring_elects_once_and_survives_nothing() -> None:
    found = answers("protocols/ring", "3 nodes, channel <= 2")
    assert found.pop("nobody down") == (K, ["node1, node2, node3"])
    assert len(found) == 11
    assert all(one == (D, []) for one in found.values())


def test_who_takes_over_alone_leads_on_every_side() -> None:
    found = answers("broken/takeover", "2 nodes, term <= 1")
    assert found["1 node | 1 node"] == (K, ["1 node", "1 node"])


DUEL = """\
protocol duel

process node:
    role: waiting | ready | leader = waiting
    durable term: nat = 0
    timer patience: 1 s

message ask(term: nat)
message yes(term: nat)

network: NETWORK
faults: FAULTS

on start:
    reset patience

on timeout patience if role != leader:
    term := term + 1
    role := ready
    broadcast ask(term)
    reset patience

on ask(t) from other if t > term and MAY:
    term := t
    role := waiting
    send yes(t) to other

on yes(t) from other if role == ready and t == term:
    role := leader

leader if role == leader with token term

check small: 2 nodes, term <= 1
"""


def duel(may: str = "true", network: str = "reordering, loss, duplication", faults: str = "none") -> Protocol:
    text = DUEL.replace("MAY", may).replace("NETWORK", network).replace("FAULTS", faults)
    protocol, _ = check(Source("duel.elect", text))
    return protocol


def test_a_place_without_a_way_on_is_found() -> None:
    """Once a leader has heard of nobody newer, nobody deposes it: two nodes that wait for each other's consent are
    stuck where one leads already and refuses the other."""
    stubborn = duel("role != leader")
    found = Reference(stubborn, stubborn.checks[0].rows[0])(stubborn, (2,), next(crashes(stubborn, (2,))))
    assert found.answer is K
    assert "in office" in found.reason


def test_a_bound_that_is_met_is_told() -> None:
    """A node that needs the other's consent goes on asking for ever. That numbers are not known makes its condition
    possible as well, so that nothing is shown either way."""
    text = DUEL.replace("MAY", "true").replace("NETWORK", "loss, duplication, reordering").replace("FAULTS", "none")
    late = text.replace("if role == ready and t == term:", "if role == ready and t == term and t > 7:")
    protocol, _ = check(Source("late.elect", late))
    found = Reference(protocol, protocol.checks[0].rows[0])(protocol, (2,), next(crashes(protocol, (2,))))
    assert found.answer is U
    assert "term <= 3" in found.reason


@pytest.mark.parametrize("seconds", [3.0, 15.0])
def test_a_limit_of_time_is_told(seconds: float) -> None:
    protocol = duel()
    clock = iter(range(1000))
    reference = Reference(protocol, protocol.checks[0].rows[0], seconds=seconds, clock=lambda: float(next(clock)))
    found = reference(protocol, (2,), next(crashes(protocol, (2,))))
    assert (found.answer, found.reason) == (U, f"{seconds:g} s were over")


# Against the whole graph ---------------------------------------------------------------------------------------------

WITHIN = {StepKind.DELIVER, StepKind.TIMEOUT, StepKind.ACTION, StepKind.INPUT, StepKind.RECOVER}


def plainly(model: Model, state: State, scenario: Scenario) -> State:
    """The scenario imposed by the model's own means: processes put down, and the network cut in two."""
    processes = tuple(
        tuple(
            crashed(model, model.kinds[name.kind], process, disk=False, up=False) if name in scenario.down else process
            for name, process in zip(names, of_kind, strict=True)
        )
        for names, of_kind in zip(model.names, state.processes, strict=True)
    )
    sides: tuple[tuple[bool, ...], ...] = ()
    if len(scenario.sides) == 2:
        sides = tuple(tuple(name in scenario.sides[1] for name in names) for names in model.names)
    return state._replace(processes=processes, sides=sides, spent=())


def goes_on(model: Model, scenario: Scenario, state: State) -> dict[State, Name]:
    """The states after one step that is no fault, each with who took it."""
    return {
        after.state: after.step.process
        for after in steps(model, state)
        if after.state is not None
        and after.beyond is None
        and after.step.kind in WITHIN
        and after.step.process is not None
        and after.step.process not in scenario.down
    }


def electing(model: Model, scenario: Scenario, starts: list[State]) -> dict[State, set[int]]:
    """For each state, the sides that can elect from it with a token greater than all before: by reachability in the
    graph of all that may follow."""
    graph: nx.DiGraph[State] = nx.DiGraph()
    graph.add_nodes_from(starts)
    waiting = list(starts)
    while waiting:
        state = waiting.pop()
        for after in goes_on(model, scenario, state):
            if after not in graph:
                waiting.append(after)
            graph.add_edge(state, after)
    found: dict[State, set[int]] = {}
    for state in starts:
        floor = max((token for _, token in state.led), default=-1)
        found[state] = {
            index
            for after in nx.descendants(graph, state)
            for index, side in enumerate(scenario.sides)
            for name in side
            if (token := leads(model, after, name)) is not None and token > floor
        }
    return found


@pytest.mark.parametrize(
    ("protocol", "row"),
    [
        (duel(), "2 nodes, term <= 1"),
        (duel("role != leader", faults="restart, crash up to 1, partition"), "2 nodes, term <= 1"),
        (duel(network="loss", faults="restart"), "2 nodes, term <= 1, channel <= 1"),
        (spec("protocols/raft", "2 nodes, term <= 1")[0], "2 nodes, term <= 1"),
        (spec("broken/takeover", "2 nodes, term <= 1")[0], "2 nodes, term <= 1"),
    ],
)
def test_the_search_finds_what_is_reachable(protocol: Protocol, row: str) -> None:
    bounds = check_from(row, protocol, "test").rows[0]
    sizes = bounds.sizes[0]
    model = model_of(protocol, bounds, sizes, Options())
    further = Reference(protocol, bounds, further=1)._further(sizes)
    states = [state for level in reachable(model).levels for state in level]
    compared = 0
    for scenario in scenarios(protocol, sizes):
        plain = {state: plainly(further, state, scenario) for state in states}
        known = electing(further, scenario, list(dict.fromkeys(plain.values())))
        for index, side in enumerate(scenario.sides):
            search = Search(further, side)
            for state in states:
                found = search.elects(imposed(further, state, scenario, side))
                assert (found is Found.YES) == (index in known[plain[state]]), (described(protocol, scenario), state)
                compared += 1
    assert compared > len(states)


def test_what_a_side_reaches_is_again_a_reachable_state_with_the_scenario_imposed() -> None:
    """So that a side which can elect from every reachable state can elect again and again."""
    protocol, row = spec("protocols/raft", "2 nodes, term <= 1")
    model = model_of(protocol, row, (2,), Options())
    calm = replace(model, faults=())
    states = [state for level in reachable(model).levels for state in level]
    for scenario in scenarios(protocol, (2,)):
        for side in scenario.sides:
            search = Search(calm, side)
            all_imposed = {imposed(model, state, scenario, side).state for state in states}
            for state in states:
                for after in search._following(imposed(model, state, scenario, side)):
                    assert isinstance(after, Found) or after.state in all_imposed
