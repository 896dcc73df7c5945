import json
from pathlib import Path
from typing import Any

import pytest

from modelcheck.itf import itf
from modelcheck.trace import Trace
from tests.golden import assert_golden
from tests.modelcheck.behaviours import forgetful_trace, locks_trace, split_trace, witness_trace

TRACES = [forgetful_trace(), split_trace(), locks_trace(), witness_trace()]


def is_expression(value: Any) -> bool:
    """Whether a JSON value is an expression of the format, as ADR 015 (revised 2023-09-14) defines them."""
    match value:
        case bool() | str():
            return True
        case list():
            return all(map(is_expression, value))
        case {"#bigint": str(digits), **rest}:
            return not rest and digits.removeprefix("-").isdecimal()
        case {"#tup": list(parts), **rest} | {"#set": list(parts), **rest}:
            return not rest and all(map(is_expression, parts))
        case {"#map": list(pairs), **rest}:
            return not rest and all(isinstance(p, list) and len(p) == 2 and all(map(is_expression, p)) for p in pairs)
        case dict():
            return all(not key.startswith("#") and is_expression(part) for key, part in value.items())
        case _:
            return False


@pytest.mark.parametrize("trace", TRACES)
def test_every_state_gives_every_variable_a_value(trace: Trace) -> None:
    written = json.loads(itf(trace))
    assert set(written) == {"#meta", "vars", "states"}
    assert len(written["states"]) == len(trace.states)
    assert len(set(written["vars"])) == len(written["vars"])
    for index, state in enumerate(written["states"]):
        assert state.pop("#meta")["index"] == index
        assert list(state) == written["vars"]
        assert all(is_expression(value) for value in state.values())


def test_values_are_those_of_the_states() -> None:
    written = json.loads(itf(forgetful_trace()))
    last = written["states"][-1]
    assert last["node_voted_for"] == {"#map": [["node1", "node1"], ["node2", "node3"], ["node3", "node3"]]}
    assert last["node_votes"]["#map"][0] == ["node1", {"#set": ["node1", "node2"]}]
    assert last["node_term"]["#map"][0] == ["node1", {"#bigint": "1"}]
    assert last["led"] == {"#set": [{"#tup": ["node1", {"#bigint": "1"}]}, {"#tup": ["node3", {"#bigint": "1"}]}]}
    assert written["states"][0]["node_voted_for"]["#map"][0] == ["node1", "none"]
    assert written["#meta"]["violated"] == "one_leader_now"


def test_a_partition_and_what_is_under_way_are_there() -> None:
    states = json.loads(itf(split_trace()))["states"]
    assert [state["partition"]["#set"] for state in states[5:7]] == [[], ["node3"]]
    assert states[4]["links"]["#map"] == [
        [
            {"#tup": ["node2", "node1"]},
            [
                {
                    "message": "welcome",
                    "sender": "node2",
                    "receiver": "node1",
                    "arguments": {"epoch": {"#bigint": "1"}, "followed": "node1"},
                }
            ],
        ]
    ]


def test_a_failing_step_is_in_the_comment() -> None:
    failed = json.loads(itf(locks_trace()))["#meta"]["failed"]
    assert failed == {"step": "service1 receives acquire(2) from client2", "reason": "free = -1 is no int 0..1"}


def test_a_trace_can_be_read_by_a_person() -> None:
    assert_golden(Path(__file__).parent / "golden" / "locks.itf.json", itf(locks_trace()))
