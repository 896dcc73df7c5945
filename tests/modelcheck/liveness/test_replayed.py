"""Saved traces of what does not come about: real ones are accepted, and nothing is believed that they say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from modelcheck.replay import ReplayError, replay
from modelcheck.semantics import steps
from modelcheck.trace import Trace
from modelcheck.trace_json import read_trace, trace_to_json
from tests.compiler import needs_compiler
from tests.modelcheck.liveness.specs import (
    CLAIMS,
    RAFT,
    TURNS,
    changed,
    led_to,
    model,
    recovered,
)
from tests.modelcheck.liveness.test_recovers import COUNTS, FORKS

pytestmark = needs_compiler
CALM = "eventually calm, weak delivery, weak timeout"
STOPPED = """\
protocol stopped
process node:
    asked: bool = false
    got: bool = false
message ask()
message get()
action begin if not asked:
    asked := true
    broadcast ask()
on ask() from other:
    send get() to other
on get() from other:
    got := true
safety nothing: true
leads_to answered: asked ~> got
"""

MADE: dict[str, Callable[[], Trace | None]] = {
    "terms rise": lambda: led_to(model(RAFT, "3 nodes, term <= 1", CALM), "there_is_a_leader").trace,
    "strong promises": lambda: (
        led_to(
            model(RAFT, "3 nodes, term <= 1", CALM.replace("weak delivery", "strong delivery")), "there_is_a_leader"
        ).trace
    ),
    "no terms": lambda: led_to(model(TURNS, "2 nodes", "weak timeout, weak action"), "all_served").trace,
    "it stops": lambda: led_to(model(STOPPED, "2 nodes", "weak action, weak delivery of ask"), "answered").trace,
    "without fairness": lambda: led_to(model(STOPPED, "2 nodes", "none"), "answered").trace,
    "in queues": lambda: (
        led_to(model(CLAIMS, "2 nodes, term <= 2", "weak timeout, weak delivery", "loss"), "nobody").trace
    ),
    "claims": lambda: led_to(model(CLAIMS, "2 nodes, term <= 2", "weak timeout, weak delivery"), "nobody").trace,
    "a dead end": lambda: recovered(model(FORKS, "2 nodes", network="reliable"), "eats").trace,
}


@cache
def made(name: str) -> Trace:
    trace = MADE[name]()
    assert trace is not None
    return trace


def read(trace: Trace, written: Any) -> Trace:
    return replay(read_trace(json.dumps(written), trace.model.protocol))


@pytest.mark.parametrize("name", MADE)
def test_a_real_one_is_accepted(name: str) -> None:
    trace = made(name)
    again = read(trace, trace_to_json(trace))
    assert again.loop == trace.loop and again.violation is not None and trace.violation is not None
    assert again.violation.property == trace.violation.property
    if trace.loop is not None:
        assert again == trace


def refused(name: str, change: Callable[[Any], None], reason: str, trace: Trace | None = None) -> None:
    whole = trace if trace is not None else made(name)
    written = copy.deepcopy(trace_to_json(whole))
    change(written)
    with pytest.raises(ReplayError, match=reason):
        read(whole, written)


def put(**values: Any) -> Callable[[Any], None]:
    return lambda written: written.update(values)


def cut(to: int) -> Callable[[Any], None]:
    def change(written: Any) -> None:
        written["steps"] = written["steps"][:to]

    return change


def both(*changes: Callable[[Any], None]) -> Callable[[Any], None]:
    def change(written: Any) -> None:
        for one in changes:
            one(written)

    return change


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("terms rise", put(loop_from=None), "the run cannot stop here: `node.* is possible, and promised"),
        ("terms rise", put(loop_from=4), "the repeated steps lead to another state"),
        ("terms rise", put(loop_from=0), "the repeated steps lead to another state"),
        ("terms rise", both(cut(5), put(loop_from=3)), "the repeated steps lead to another state"),
        (
            "terms rise",
            put(fairness=f"{CALM}, timers apart"),
            r"`node.: timeout election` comes before `node. receives request_vote\(.*\) from node.`",
        ),
        ("no terms", put(fairness="strong action"), "a promise is broken: `node1: action serve` is possible again"),
        ("no terms", put(fairness="weak timeout, strong action"), "a promise is broken"),
        ("it stops", put(fairness="weak delivery"), r"the run cannot stop here: `node. receives get\(\)"),
        ("without fairness", put(fairness="weak action"), "the run cannot stop here"),
        ("without fairness", put(fairness="weak delivery"), "the run cannot stop here"),
        ("claims", put(loop_from=None), "the run cannot stop here"),
        ("a dead end", cut(1), "can still be reached from here"),
        ("a dead end", cut(0), "can still be reached from here"),
        ("a dead end", put(loop_from=0), "steps are said to be repeated"),
    ],
)
def test_what_is_not_so_is_refused(name: str, change: Callable[[Any], None], reason: str) -> None:
    refused(name, change, reason)


def test_a_step_that_goes_wrong_is_not_repeated_in_the_calm() -> None:
    restarts = changed(TURNS, ("leads_to ready_served: ready ~> served\n", ""))
    trace = led_to(model(restarts, "1 node", "none"), "all_served").trace
    assert trace is not None
    of = model(restarts, "1 node", "none", faults="restart")
    (tick,) = (one for one in steps(of, trace.start) if one.step.name == "tick")
    assert tick.state is not None
    back = next(one for one in steps(of, tick.state) if one.state == trace.start and one.step.kind.value == "restart")
    looped = Trace(of, trace.start, (tick, back), trace.violation, loop=0)
    assert read(looped, trace_to_json(looped)).loop == 0
    refused("", put(fairness="eventually calm"), "node1 crashes and restarts` is repeated for ever", looped)


def test_the_second_half_has_to_be_false() -> None:
    trace = made("no terms")
    of = trace.model
    ready = next(one for one in steps(of, trace.start) if one.step.name == "tick")
    assert ready.state is not None
    serve = next(one for one in steps(of, ready.state) if one.step.name == "serve")
    assert serve.state is not None
    own = Trace(of, trace.start, (ready, serve), trace.violation)
    other = next(name for name in of.names[0] if name != serve.step.process)
    # The other one was never served: a run may stop here, where nothing is promised.
    assert read(own, trace_to_json(own) | {"fairness": None}).violation is not None
    again = next(one for one in steps(of, serve.state) if one.step.name == "tick" and one.step.process == other)
    assert again.state is not None
    last = next(one for one in steps(of, again.state) if one.step.name == "serve" and one.step.process == other)
    served = Trace(of, trace.start, (ready, serve, again, last), trace.violation)
    refused("", put(fairness=None), "`served` is true in the state in which it stops", served)


def test_what_lies_behind_a_bound_is_not_out_of_reach() -> None:
    trace = recovered(model(COUNTS, "1 node, count <= 2"), "high").trace
    assert trace is not None
    refused("", put(), "`exists n in node: n.count >= 5` may lie behind the bound count <= 4", trace)


def test_another_property_is_not_about_what_is_repeated() -> None:
    def change(written: Any) -> None:
        written["shows"] |= {"property": "nothing"}

    refused("no terms", change, "steps are said to be repeated, and `nothing` is not about")

    def witness(written: Any) -> None:
        written["shows"] |= {"property": "some", "result": "witnessed"}

    refused("no terms", witness, "steps are said to be repeated, and nothing to be violated")


def test_a_message_that_nobody_sends_again_is_not_delivered_for_ever() -> None:
    """Each round delivers what was sent before all rounds, of a number that each round would have higher."""
    trace = made("claims")
    of = trace.model
    start = trace.start
    first = next(one for one in steps(of, start) if one.step.name == "claim" and one.step.process == of.names[0][0])
    assert first.state is not None
    heard = next(one for one in steps(of, first.state) if one.step.packet is not None)
    wrong = Trace(of, start, (first, heard), trace.violation, loop=1)
    refused("", put(fairness=None), "lead to another state", wrong)
