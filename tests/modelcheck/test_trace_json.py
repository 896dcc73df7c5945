import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from modelcheck.replay import replay
from modelcheck.trace import Trace
from modelcheck.trace_json import TraceError, read_trace, trace_to_json, write_trace
from spec.check import check
from spec.source import Source
from tests.golden import assert_golden
from tests.modelcheck.behaviours import RAFT, forgetful_trace, locks_trace, split_trace, witness_trace

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "trace.schema.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TRACES = [forgetful_trace(), split_trace(), split_trace(5), locks_trace(), witness_trace()]


def read(trace: Trace, written: Any) -> object:
    return read_trace(json.dumps(written), trace.model.protocol)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("trace", TRACES)
def test_what_is_written_fits_the_schema_and_is_read_again(trace: Trace) -> None:
    text = write_trace(trace)
    VALIDATOR.validate(json.loads(text))
    saved = read_trace(text, trace.model.protocol)
    assert saved.model == trace.model
    assert saved.start == trace.start
    assert [(s.step, s.state, s.sent) for s in saved.steps] == [(s.step, s.state, s.sent) for s in trace.steps]
    assert replay(saved) == trace


def test_a_trace_file_can_be_read_by_a_person() -> None:
    short = Trace(locks_trace().model, locks_trace().start, locks_trace().steps[:1])
    assert_golden(Path(__file__).parent / "golden" / "trace_locks.json", write_trace(short))


def paths(whole: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value at which there is an object."""
    found = [path] if isinstance(whole, dict) else []
    items = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    return found + [inner for key, part in items for inner in paths(part, (*path, key))]


def at(whole: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        whole = whole[key]
    return whole


@pytest.mark.parametrize("trace", [locks_trace(), witness_trace()])
def test_every_field_is_needed_and_no_other_is_taken(trace: Trace) -> None:
    written = trace_to_json(Trace(trace.model, trace.start, trace.steps[:2], trace.violation))
    for path in paths(written):
        for key in at(written, path):
            if path == ("bounds",):
                continue  # fewer bounds are another model, and may well be one
            without = copy.deepcopy(written)
            del at(without, path)[key]
            with pytest.raises(TraceError):
                read(trace, without)
        more = copy.deepcopy(written)
        at(more, path)["surplus"] = 1
        with pytest.raises(TraceError):
            read(trace, more)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("format",), "else", "expected oneleader-trace version 1"),
        (("version",), 2, "expected oneleader-trace version 1"),
        (("version",), "1", r"Expected `int`, got `str` - at `\$.version`"),
        (("spec", "sha256"), "0" * 64, "another text than example.elect"),
        (("sizes", "node"), 0, "`sizes` must say"),
        (("sizes", "node"), 10**9, "`sizes` must say how many there are, 1 to 15"),
        (("bounds", "node.epoch"), None, r"Expected `int`, got `null`"),
        (("bounds", "node.age"), 3, "`bounds` speaks of `node.age`"),
        (("bounds", "node.role"), 3, "`bounds` speaks of `node.role`, which is no `nat`"),
        (("channel",), None, "Expected `int`, got `null`"),
        (("channel",), 0, "Expected `int` >= 1"),
        (("faults", 0, "fault"), "fire", "there is no fault `fire`"),
        (("faults", 0, "of"), "nobody", "there is no kind of process `nobody`"),
        (("faults", 2, "fault"), "crash", "`faults`: (?s:.)*`crash` stands here twice"),
        (("faults", 3, "of"), "node", "`faults`: (?s:.)*`partition` is not of one kind of process"),
        (("steps", 0, "kind"), "sleep", "step 1: there is no kind of step `sleep`"),
        (("steps", 0, "process"), "node9", "step 1: there is no process `node9`; there are: node1, node2, node3"),
        (("steps", 0, "process"), None, "step 1: a step `timeout` is taken by a process"),
        (("steps", 1, "message"), None, "step 2: a step `lose` has a message"),
        (("steps", 0, "arguments"), [1], "step 1: 1 arguments where 0 belong"),
        (("steps", 0, "failure"), "it burns", "step 1: a step leads to a `state` or has a `failure`"),
        (("steps", 1, "message", "message"), "fire", "step 2: the protocol has no message `fire`"),
        (("steps", 1, "message", "arguments", "epoch"), -1, "step 2: -1 is no `nat`"),
        (("steps", 1, "message", "arguments", "epoch"), True, "step 2: true is no `nat`"),
        (("start", "processes", "node1", "values", "role"), "boss", 'the start: node1.role: "boss" is no `follower'),
        (("start", "processes", "node1", "values", "heard", "node1"), "x", 'the start: node1.heard: "x" is no `nat`'),
        (("start", "processes", "node1", "armed"), ["silence", "silence"], "node1: `armed` may name"),
        (("start", "spent"), [], "`spent` must count the bounded faults: crash, disk loss, partition"),
        (("start", "led"), [{"process": "node4", "token": 1}], "there is no process `node4`"),
        (("fairness",), "weak sleep", "`fairness`: (?s:.)*there is no assumption of fairness `weak sleep`"),
        (("loop_from",), -1, "Expected `int` >= 0"),
        (("loop_from",), 99, "`loop_from` is 99, and there are .* steps: nothing is repeated"),
        (("shows", "result"), "proved", "`violated` or `witnessed`, not .* `proved`"),
        (("shows", "property"), "", "a trace shows a property"),
    ],
)
def test_a_file_that_says_something_else_is_refused(path: tuple[Any, ...], value: Any, problem: str) -> None:
    trace = split_trace()
    written = copy.deepcopy(trace_to_json(trace))
    at(written, path[:-1])[path[-1]] = value
    with pytest.raises(TraceError, match=problem):
        read(trace, written)


def test_sets_must_be_in_order_and_name_nobody_twice() -> None:
    trace = forgetful_trace()
    for votes in (["node2", "node1"], ["node1", "node1"], "node1"):
        written = copy.deepcopy(trace_to_json(trace))
        written["steps"][0]["state"]["processes"]["node1"]["values"]["votes"] = votes
        with pytest.raises(TraceError, match=r"step 1: node1.votes: .* is no `set of node`"):
            read(trace, written)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "oneleader-trace"}', b"\xff"])
def test_what_is_no_trace_is_refused(text: str | bytes) -> None:
    with pytest.raises(TraceError, match="this is no trace file"):
        read_trace(text, forgetful_trace().model.protocol)


def test_a_file_that_is_nested_without_end_is_refused() -> None:
    text = write_trace(forgetful_trace()).replace('"arguments": []', '"arguments": ' + "[" * 100_000 + "]" * 100_000, 1)
    with pytest.raises(TraceError, match="this is no trace file"):
        read_trace(text, forgetful_trace().model.protocol)


def test_a_trace_of_another_spec_is_refused() -> None:
    right, _ = check(Source("raft.elect", RAFT))
    with pytest.raises(TraceError, match=r"another text than raft.elect: it was made from example.elect"):
        read_trace(write_trace(forgetful_trace()), right)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("sizes",), {}),
        (("spec", "sha256"), "abc"),
        (("network", "loss"), 1),
        (("steps", 0, "kind"), "sleep"),
        (("steps", 0, "process"), "node0"),
        (("steps", 0, "state"), 5),
        (("start", "processes", "node1", "surplus"), 5),
        (("start", "led"), [{"process": "node1"}]),
    ],
)
def test_the_schema_refuses_too(path: tuple[Any, ...], value: Any) -> None:
    written = copy.deepcopy(trace_to_json(split_trace()))
    at(written, path[:-1])[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(written)
