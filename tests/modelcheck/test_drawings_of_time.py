"""How runs in time are drawn: ticks one after another as one, who is paused as such."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from modelcheck.chart import chart
from modelcheck.graph import dot, materialise
from modelcheck.itf import itf
from modelcheck.mermaid import mermaid
from modelcheck.model import StepKind
from modelcheck.story import FOR_EVER, story
from modelcheck.svg import svg
from modelcheck.trace import Trace
from tests.exported import model_of
from tests.golden import assert_golden
from tests.modelcheck.behaviours import found, run
from tests.timed import HOLDING, SLEPT

GOLDEN = Path(__file__).parent / "golden"
SLEPT_TRACE = found(model_of(SLEPT), "writes_follow_tokens")
NAP = """
protocol nap
process node:
    awake: bool = true
    timer rest: 1 s
message wake()
timed: tick 1 s, delay 1 s
network: loss
faults: pause up to 1
on start:
    reset rest
on timeout rest if awake:
    awake := false
    send wake() to self
on wake() from s:
    awake := not awake
safety in_time: forall n in node: paused(n) or n.elapsed(rest) <= 1
check small: 1 node, channel <= 1
"""


def both_asleep() -> Trace:
    """One who leads and one who does not are paused, cut off and not."""
    model = model_of(SLEPT.replace("pause of client up to 1", "pause of client, partition"))
    return run(
        model,
        "client1: input acquire()",
        "storage1 receives ask() from client1",
        "client1 receives granted(1) from storage1",
        "5 s pass",
        "client1 is paused",
        "client2 is paused",
        "5 s pass",
        "5 s pass",
        "partition: {client1, client2} | {storage1}",
        "partition: {client1, storage1} | {client2}",
        "client2 goes on",
        "client2 is paused",
        "partition: {client1} | {client2, storage1}",
        "the partition heals",
        "client1 goes on",
    )


def test_charts_are_as_they_were_when_they_were_found_good() -> None:
    assert_golden(GOLDEN / "chart_slept_100.txt", chart(SLEPT_TRACE))
    assert_golden(GOLDEN / "chart_asleep_80.txt", chart(both_asleep(), 80))
    assert_golden(GOLDEN / "chart_asleep_80_ascii.txt", chart(both_asleep(), 80, ascii_only=True))


def test_drawings_are_as_they_were_when_they_were_found_good() -> None:
    assert_golden(GOLDEN / "slept.svg", svg(SLEPT_TRACE))
    assert_golden(GOLDEN / "asleep.svg", svg(both_asleep()))
    assert_golden(GOLDEN / "slept.mmd", mermaid(SLEPT_TRACE))
    assert_golden(GOLDEN / "nap.dot", dot(materialise(model_of(NAP))))


def test_why_a_property_is_false_is_said_as_the_spec_asks_for_time() -> None:
    text = NAP.replace("paused(n) or n.elapsed(rest) <= 1", "not paused(n) or n.elapsed(rest) <= 0")
    violation = found(model_of(text), "in_time").violation
    assert violation is not None
    assert violation.text == "forall n in node: not paused(n) or n.elapsed(rest) <= 0"
    assert violation.clauses == (
        "n = node1: `not paused(n) or n.elapsed(rest) <= 0` is false (paused(node1) = true, node1.elapsed(rest) = 1)",
    )


def test_ticks_are_one_scene_and_keep_their_numbers() -> None:
    scenes = story(SLEPT_TRACE).scenes
    passing = [(scene.number, scene.ticks, scene.title) for scene in scenes if scene.kind is StepKind.TICK]
    assert passing == [(8, 4, "20 s pass (4 steps)"), (10, 1, "5 s pass")]
    assert scenes[-1].number == len(SLEPT_TRACE)
    numbers = [line.split()[0] for line in chart(SLEPT_TRACE).splitlines() if line[:6].strip().isdigit()]
    assert numbers == [str(scene.number) for scene in scenes]
    assert [scene.sent_in for scene in scenes if scene.arrow is not None] == [1, 2, 9, 12, 14, 17]


def test_those_who_are_paused_are_seen_to_be() -> None:
    paused = [scene.number for scene in story(SLEPT_TRACE).scenes if scene.standings[0].paused]
    assert paused == [4, 8, *range(9, 16)]
    assert "▓ paused, leads" in chart(SLEPT_TRACE)
    assert "paused" not in chart(run(SLEPT_TRACE.model, "client1: input acquire()"))


@pytest.mark.parametrize(("loop", "firsts"), [(4, [1, 2, 3, 4, 5, 9]), (6, [1, 2, 3, 4, 5, 7, 9])])
def test_what_is_gone_through_for_ever_may_begin_with_a_tick(loop: int, firsts: list[int]) -> None:
    """Also with one that others come before; the drawings say so once."""
    trace = replace(SLEPT_TRACE, steps=SLEPT_TRACE.steps[:9], violation=None, loop=loop)
    told = story(trace)
    assert [scene.first for scene in told.scenes] == firsts
    assert [scene.first for scene in told.scenes if told.repeats_from(scene)] == [loop + 1]
    assert chart(trace).count(FOR_EVER) == svg(trace).count(FOR_EVER) == 1


def test_itf_has_the_clocks_among_its_variables() -> None:
    whole = json.loads(itf(SLEPT_TRACE))
    assert {"client_elapsed_lease", "client_paused", "client_paused_for"} <= set(whole["vars"])
    asleep = [dict(state["client_paused_for"]["#map"])["client1"]["#bigint"] for state in whole["states"]]
    assert asleep[4:9] == ["0", "1", "2", "3", "4"]
    assert [state["#meta"].get("step") for state in whole["states"][4:6]] == ["client1 is paused", "5 s pass"]
    (link,) = whole["states"][10]["links"]["#map"]
    assert link[1][0]["arguments"]["age"] == {"#bigint": "1"}


@pytest.mark.parametrize("text", [NAP, HOLDING["watch"], HOLDING["free"], HOLDING["twice"]])
def test_no_two_states_are_drawn_alike(text: str) -> None:
    graph = materialise(model_of(text))
    labels = [node["label"] for _, node in graph.nodes(data=True)]
    assert len(set(labels)) == len(labels)
