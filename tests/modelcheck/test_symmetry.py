"""Renaming processes, on states whose orbits are known."""

from pathlib import Path

from modelcheck.bounds import caps
from modelcheck.explore import reachable
from modelcheck.model import Link, Model, Name, Packet, State, Step, StepKind, Successor
from modelcheck.semantics import initial
from modelcheck.symmetry import canonical, orbit, orbits, permuted, permuted_successor, renamings, state_order
from spec.check import check, load
from spec.protocol import Bound, Network
from spec.source import Source

ORACLE = Path(__file__).parents[1] / "oracles" / "raft_election.elect"

SPEC = """
protocol named
process node:
    friend: node? = none
    circle: set of node = {}
    heard: map from node to node? = none
process server ordered:
    first: node? = none
message hello(about: node, count: int 0..3) from node to node
input greet(who: node) at node:
    friend := who
leader at node if friend == self with token 1
"""


def named(network: Network | None = None) -> Model:
    protocol, _ = check(Source("named.elect", SPEC))
    return Model(protocol, (3, 2), caps(protocol, (3, 2), ()), network or protocol.network, (), 2)


def started(model: Model) -> State:
    state = initial(model).state
    assert state is not None
    return state


def test_the_oracle_has_the_orbits_that_were_counted() -> None:
    """Four nodes and one term: TLC counts 845 states, 67 up to symmetry."""
    protocol, _ = load(ORACLE)
    limits = caps(protocol, (4,), (Bound("node", "term", 1),))
    model = Model(protocol, (4,), limits, protocol.network, protocol.faults, 1)
    states = reachable(model).successors
    assert len(states) == 845
    assert orbits(model, states) == 67


def test_only_processes_without_an_order_are_renamed() -> None:
    found = renamings(named())
    assert len(found) == 6
    assert found[0] == {"node": (0, 1, 2), "server": (0, 1)}
    assert all(to["server"] == (0, 1) for to in found)


def test_every_name_in_a_state_is_renamed() -> None:
    model = named()
    to = {"node": (1, 2, 0), "server": (0, 1)}
    before = started(model)
    nodes, servers = before.processes
    nodes = (
        nodes[0]._replace(values=(1, frozenset({0, 2}), (None, 0, 2))),
        nodes[1]._replace(up=False),
        nodes[2],
    )
    servers = (servers[0]._replace(values=(2,)), servers[1])
    packet = Packet("hello", Name("node", 0), Name("node", 2), (1, 3))
    state = before._replace(
        processes=(nodes, servers),
        packets=frozenset({packet}),
        sides=((False, True, True), (True, False)),
        led=frozenset({(0, 1)}),
    )
    after = permuted(model, state, to)
    assert after.processes[0][1].values == (2, frozenset({1, 0}), (0, None, 1))
    assert [process.up for process in after.processes[0]] == [True, True, False]
    assert [process.values for process in after.processes[1]] == [(0,), (None,)]
    assert after.packets == {Packet("hello", Name("node", 1), Name("node", 0), (2, 3))}
    # The very first process, which was the third, is now on the side that is called False.
    assert after.sides == ((False, True, False), (False, True))
    assert after.led == {(1, 1)}
    back = {"node": (2, 0, 1), "server": (0, 1)}
    assert permuted(model, after, back) == state


def test_a_bag_stays_sorted_and_a_queue_in_its_order() -> None:
    to = {"node": (1, 0, 2), "server": (0, 1)}
    one, other = (Packet("hello", Name("node", 0), Name("node", 2), (about, 0)) for about in (0, 1))
    for network, expected in ((Network(True, False, True), (0, 1)), (Network(True, False, False), (1, 0))):
        model = named(network)
        state = started(model)._replace(links=frozenset({Link(one.sender, one.receiver, (one, other))}))
        (link,) = permuted(model, state, to).links
        assert (link.sender, link.receiver) == (Name("node", 1), Name("node", 2))
        assert tuple(packet.arguments[0] for packet in link.queue) == expected


def test_the_arguments_of_an_input_are_renamed() -> None:
    model = named()
    step = Step(StepKind.INPUT, Name("node", 0), "greet", (2,))
    successor = Successor(step, started(model), None, None, frozenset(), ())
    renamed = permuted_successor(model, successor, {"node": (1, 2, 0), "server": (0, 1)})
    assert renamed.step == Step(StepKind.INPUT, Name("node", 1), "greet", (0,))


def test_the_least_state_of_an_orbit_stands_for_it() -> None:
    model = named()
    before = started(model)
    nodes, servers = before.processes
    state = before._replace(processes=((nodes[0]._replace(values=(0, frozenset(), (None,) * 3)), *nodes[1:]), servers))
    assert len(orbit(model, state)) == 3
    assert {canonical(model, other) for other in orbit(model, state)} == {min(orbit(model, state), key=state_order)}
    assert orbits(model, orbit(model, state)) == 1
    assert orbits(model, [before, state]) == 2
