import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import networkx as nx
import pytest

from modelcheck.explore import reachable
from modelcheck.graph import StateGraph, TooManyStatesError, dot, graphml, materialise
from modelcheck.graph_svg import MOST_WRITTEN, graph_svg, layers
from modelcheck.model import Model
from modelcheck.semantics import steps
from tests.golden import assert_golden
from tests.modelcheck.behaviours import LOCKS, RAFT, SPLIT, model_of

GOLDEN = Path(__file__).parent / "golden"
SVG = "{http://www.w3.org/2000/svg}"

CLAIM = """protocol claim

process node:
    role: follower | leader = follower
    term: nat = 0

message i_lead(term: nat)

network: duplication, reordering

action claim if role == follower:
    term := term + 1
    role := leader
    broadcast i_lead(term)

on i_lead(t) from other if t >= term:
    term := t
    role := follower

leader if role == leader with token term

step nobody_follows: next(role) == leader or role == follower
"""


def claim(limit: int = 1) -> Model:
    return model_of(CLAIM, 2, limits={"node.term": limit})


@cache
def graph_of_claim(limit: int = 1) -> StateGraph:
    return materialise(claim(limit))


@pytest.mark.parametrize(
    "model",
    [claim(), claim(2), model_of(RAFT, 2, limits={"node.term": 1}), model_of(SPLIT, 1, limits={"node.epoch": 2})],
)
def test_the_graph_is_what_is_reachable(model: Model) -> None:
    graph = materialise(model)
    explored = reachable(model)
    assert {graph.nodes[number]["state"] for number in graph} == set(explored.successors)
    for number in graph:
        node = graph.nodes[number]
        expected = {s.state for s in steps(model, node["state"]) if s.state is not None and s.beyond is None}
        assert {graph.nodes[other]["state"] for other in graph.successors(number)} == expected
        assert node["cut"] is any(s.beyond is not None for s in steps(model, node["state"]))
    assert dict(nx.single_source_shortest_path_length(graph, 0)) == {n: graph.nodes[n]["depth"] for n in graph}
    assert [graph.nodes[n]["depth"] for n in graph] == sorted(graph.nodes[n]["depth"] for n in graph)


def test_an_oracle_has_the_states_that_tlc_counted() -> None:
    graph = materialise(model_of(RAFT, 4, limits={"node.term": 1}))
    assert graph.number_of_nodes() == 845
    assert sum(len(graph.edges[edge]["steps"]) for edge in graph.edges) == 2572
    assert max(graph.nodes[number]["depth"] for number in graph) == 9


def test_states_and_steps_say_what_they_are() -> None:
    graph = graph_of_claim()
    assert graph.nodes[0]["label"] == "the start"
    assert graph.nodes[1]["label"] == "node1: role leader, term 1\ni_lead(1) node1 -> node2"
    assert graph.nodes[1]["leaders"] == "node1 with token 1"
    assert graph.edges[0, 1]["label"] == "node1: action claim"
    wrong = [number for number in graph if graph.nodes[number]["violates"]]
    assert {graph.nodes[number]["violates"] for number in wrong} == {("one_leader_per_token",)}
    assert min(graph.nodes[number]["depth"] for number in wrong) == 2
    assert "led before: node2 1" in graph.nodes[6]["label"]
    followed = [edge for edge in graph.edges if graph.edges[edge]["violates"]]
    assert {graph.edges[edge]["violates"] for edge in followed} == {("nobody_follows",)}
    assert all("receives i_lead(1)" in graph.edges[edge]["label"] for edge in followed)


def test_two_steps_between_the_same_states_are_one_edge() -> None:
    twice = CLAIM.replace(
        "action claim", "action also_claim if role == follower:\n    claimed()\n\naction claim"
    ).replace("    term := term + 1\n    role := leader\n    broadcast i_lead(term)\n", "    claimed()\n")
    text = twice + "\nprocedure claimed():\n    term := term + 1\n    role := leader\n    broadcast i_lead(term)\n"
    graph = materialise(model_of(text, 2, limits={"node.term": 1}))
    assert graph.number_of_nodes() == graph_of_claim().number_of_nodes()
    assert graph.edges[0, 1]["label"] == "node1: action also_claim or node1: action claim"
    assert len(graph.edges[0, 1]["steps"]) == 2


def test_failing_steps_are_kept_with_their_state() -> None:
    graph = materialise(model_of(LOCKS.replace("int 0..3", "int 0..1"), 2, 1), 5000)
    fails = {reason for number in graph for reason in graph.nodes[number]["fails"]}
    assert "service1 receives acquire(1) from client2: free = -1 is no int 0..1" in fails


def test_too_many_states_are_refused_and_just_enough_are_not() -> None:
    states = graph_of_claim().number_of_nodes()
    assert materialise(claim(), states).number_of_nodes() == states
    with pytest.raises(TooManyStatesError, match=rf"claim, 2 nodes: more than {states - 1} states; take fewer"):
        materialise(claim(), states - 1)


def test_a_start_that_fails_has_no_graph() -> None:
    text = CLAIM.replace("action claim", "on start:\n    assert term > 0\n\naction claim")
    with pytest.raises(ValueError, match="the initial state cannot be made: the assertion is false"):
        materialise(model_of(text, 2, limits={"node.term": 1}))


# Files ---------------------------------------------------------------------------------------------------------------


def test_graphml_can_be_read_again() -> None:
    graph = graph_of_claim()
    again = nx.parse_graphml(graphml(graph), node_type=int)
    assert nx.is_isomorphic(graph, again)
    assert {n: again.nodes[n]["label"] for n in again} == {n: graph.nodes[n]["label"] for n in graph}
    assert {n: again.nodes[n]["depth"] for n in again} == {n: graph.nodes[n]["depth"] for n in graph}
    assert again.nodes[4]["violates"] == "one_leader_per_token"
    assert {e: again.edges[e]["label"] for e in again.edges} == {e: graph.edges[e]["label"] for e in graph.edges}


def test_dot_names_every_state_and_step_once() -> None:
    graph = graph_of_claim(2)
    text = dot(graph)
    assert re.findall(r"^    (\d+) \[", text, re.MULTILINE) == [str(number) for number in graph]
    edges = re.findall(r"^    (\d+) -> (\d+) \[", text, re.MULTILINE)
    assert [(int(one), int(other)) for one, other in edges] == list(graph.edges)
    without_strings = re.sub(r'"(\\.|[^"\\])*"', "", text)
    assert '"' not in without_strings
    assert without_strings.count("{") == without_strings.count("}") == 1


def test_files_are_as_they_were_when_they_were_found_good() -> None:
    assert_golden(GOLDEN / "claim.dot", dot(graph_of_claim()))
    assert_golden(GOLDEN / "claim_graph.svg", graph_svg(graph_of_claim()))


# The drawing ---------------------------------------------------------------------------------------------------------


def test_layers_hold_every_state_once_at_its_depth() -> None:
    graph = graph_of_claim(2)
    found = layers(graph)
    assert sorted(number for layer in found for number in layer) == sorted(graph)
    assert all(graph.nodes[number]["depth"] == depth for depth, layer in enumerate(found) for number in layer)


def crossings(graph: StateGraph, order: list[list[int]]) -> int:
    """How many pairs of edges between neighbouring layers cross."""
    total = 0
    for upper, lower in pairwise(order):
        places = {number: position for position, number in enumerate(lower)}
        ends = [(at, places[o]) for at, number in enumerate(upper) for o in graph.successors(number) if o in places]
        total += sum((a - c) * (b - d) < 0 for i, (a, b) in enumerate(ends) for c, d in ends[i + 1 :])
    return total


def test_the_order_within_layers_lets_fewer_edges_cross() -> None:
    graph = materialise(model_of(RAFT, 2, limits={"node.term": 1}), 5000)
    as_found = [[n for n in graph if graph.nodes[n]["depth"] == depth] for depth in range(len(layers(graph)))]
    assert crossings(graph, layers(graph)) < crossings(graph, as_found)


@pytest.mark.parametrize("limit", [1, 2])
def test_boxes_stand_apart_and_inside_the_picture(limit: int) -> None:
    graph = graph_of_claim(limit)
    assert graph.number_of_nodes() <= MOST_WRITTEN
    picture = ElementTree.fromstring(graph_svg(graph))
    width, height = float(picture.attrib["width"]), float(picture.attrib["height"])
    boxes = [
        tuple(float(box.attrib[key]) for key in ("x", "y", "width", "height"))
        for box in picture.iter(f"{SVG}rect")
        if box.attrib.get("class", "").startswith("state")
    ]
    assert len(boxes) == graph.number_of_nodes()
    for position, (x, y, wide, high) in enumerate(boxes):
        assert x >= 0
        assert y >= 0
        assert x + wide <= width
        assert y + high <= height
        for other in boxes[position + 1 :]:
            apart = x + wide <= other[0] or other[0] + other[2] <= x or y + high <= other[1] or other[1] + other[3] <= y
            assert apart


def test_large_graphs_are_dots_that_say_what_they_are_when_pointed_at() -> None:
    graph = materialise(model_of(RAFT, 2, limits={"node.term": 2}))
    assert graph.number_of_nodes() > MOST_WRITTEN
    picture = ElementTree.fromstring(graph_svg(graph))
    assert len(list(picture.iter(f"{SVG}circle"))) == graph.number_of_nodes()
    assert len(list(picture.iter(f"{SVG}path"))) == graph.number_of_edges() + 1
    titles = [title.text or "" for title in picture.iter(f"{SVG}title")]
    assert any("node1: term 1" in title for title in titles)
