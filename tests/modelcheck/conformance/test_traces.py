"""Recorded runs: those of real nodes are behaviours of the model, and what is changed in one is found."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelcheck.conformance.recorded import BadTrace, Line, packet_of, read_traces, state_of
from modelcheck.model import Caps, Model, Name, State, Step, StepKind
from modelcheck.semantics import initial, offers, process_state
from spec.check import load
from tests.modelcheck.conformance.runs import (
    RAFT,
    ROOT,
    Files,
    changed,
    hand_made,
    lines_of,
    protocol_of,
    refused_at,
    simulated,
    text_of,
    validated,
)
from tests.modelcheck.conformance.walks import walked


@pytest.mark.parametrize("seed", range(12))
def test_runs_of_real_nodes_are_behaviours(seed: int) -> None:
    files = simulated(seed, nodes=3 + seed % 3, times=12)
    found = validated(files)
    assert found.refusal is None
    assert found.steps == sum("step" in line for lines in lines_of(files).values() for line in lines)
    assert (found.lost, found.cut, found.silent) == ((), (), ())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("spec", "sizes"),
    [("raft", (3,)), ("prevote", (3,)), ("ring", (4,)), ("lock_service", (2, 1, 1))],
    ids=["raft", "prevote", "ring", "lock_service"],
)
def test_walks_of_the_reference_semantics_are_behaviours(spec: str, sizes: tuple[int, ...], seed: int) -> None:
    protocol = load(ROOT / "spec" / "protocols" / f"{spec}.elect")[0]
    found = validated(walked(protocol, sizes, seed, 60), protocol)
    assert found.refusal is None, (found.refusal.place, found.refusal.reason)
    assert found.steps > sum(sizes)


# A change, and where it is found ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files() -> Files:
    return simulated(3, times=10)


def where(files: Files, wanted: Any, last: bool = False) -> tuple[str, int]:
    """The first line, or the last, for which something holds."""
    found = [
        (file, number)
        for file, lines in sorted(lines_of(files).items())
        for number, line in enumerate(lines, 1)
        if "step" in line and wanted(line)
    ]
    return found[-1 if last else 0]


def test_a_wrong_term(files: Files) -> None:
    file, number = where(files, lambda line: line["state"]["role"] == "leader")
    spoiled = changed(files, file, number, lambda line: line["state"].update(term=line["state"]["term"] + 1))
    assert refused_at(spoiled) == (file, number, "the step leads to another state")


def test_a_timer_that_is_forgotten(files: Files) -> None:
    file, number = where(files, lambda line: "sent" in line)
    spoiled = changed(files, file, number, lambda line: line["state"].update(armed=[]))
    assert refused_at(spoiled)[:2] == (file, number)


def test_a_second_vote_in_a_term() -> None:
    """A node that has voted for one candidate votes for another in the same term."""
    files = simulated(5, times=1, happenings=())
    votes = "request_vote"
    file, number = where(files, lambda line: line.get("message", [""])[0] == votes and "sent" in line)
    receipt = lines_of(files)[file][number - 1]
    other = next(n for n in range(3) if n not in (receipt["from"][1], int(file[4]) - 1))

    def vote(line: dict[str, Any]) -> None:
        line["state"]["voted_for"] = other
        line["sent"][0][1] = other

    assert refused_at(changed(files, file, number, vote))[:2] == (file, number)


def test_a_message_that_was_never_sent(files: Files) -> None:
    file, number = where(files, lambda line: "from" in line)
    line = lines_of(files)[file][number - 1]
    spoiled = changed(files, file, number, lambda line: line.update(letter=12345))
    sender = Name(*line["from"])
    assert refused_at(spoiled) == (file, number, f"{sender} has not sent letter 12345, by all that is recorded")


def test_another_content(files: Files) -> None:
    file, number = where(files, lambda line: line.get("message", [""])[0] == "heartbeat")
    spoiled = changed(files, file, number, lambda line: line.update(message=["heartbeat", line["message"][1] + 1]))
    assert refused_at(spoiled)[:2] == (file, number)


def test_another_sender(files: Files) -> None:
    file, number = where(files, lambda line: "from" in line)
    me = int(file[4]) - 1
    other = next(n for n in range(3) if n not in (me, lines_of(files)[file][number - 1]["from"][1]))
    assert refused_at(changed(files, file, number, lambda line: line.update({"from": ["node", other]})))[:2] == (
        file,
        number,
    )


def test_a_receipt_before_its_sending() -> None:
    """The answer to a message is received before the message is sent: by no clock, by what comes after what."""
    two = protocol_of(PING)
    ping: dict[str, Any] = {"event": "go", "state": {"gone": True, "armed": []}, "sent": [["node", 1, 10, ["ping"]]]}
    pong = {
        "event": "receive",
        "from": ["node", 1],
        "letter": 20,
        "message": ["pong"],
        "state": {"gone": False, "armed": []},
    }
    answer = {
        "event": "receive",
        "from": ["node", 0],
        "letter": 10,
        "message": ["ping"],
        "state": {"gone": False, "armed": []},
        "sent": [["node", 0, 20, ["pong"]]],
    }
    starts = [{"event": "start", "letter": number, "state": {"gone": False, "armed": []}} for number in (10, 20)]
    ordered = hand_made(two, "node", {"node": 2}, {0: [starts[0], ping, pong], 1: [starts[1], answer]})
    assert validated(ordered, two).refusal is None
    circular = hand_made(two, "node", {"node": 2}, {0: [starts[0], pong, ping], 1: [starts[1], answer]})
    file, line, reason = refused_at(circular, two)
    assert (file, line) in (("node1.ndjson", 3), ("node2.ndjson", 3))
    assert "only after what follows from this receipt" in reason


PING = """protocol small
process node:
    gone: bool = false
message ping()
message pong()
network: loss, duplication, reordering
faults: none
action go if not gone:
    gone := true
    broadcast ping()
on ping() from other:
    send pong() to other
on pong() from other:
    gone := false
"""


def test_a_step_left_out(files: Files) -> None:
    file, number = where(files, lambda line: line["step"] == 10)
    lines = lines_of(files)[file]
    del lines[number - 1]
    assert refused_at({**files, file: text_of(lines)}) == (
        file,
        number,
        "this says that it is step 11 of its run, and it is step 10",
    )


def test_a_line_twice(files: Files) -> None:
    file, number = where(files, lambda line: line["step"] == 10)
    lines = lines_of(files)[file]
    lines.insert(number, lines[number - 1])
    assert refused_at({**files, file: text_of(lines)})[:2] == (file, number + 1)


def test_lines_in_another_order(files: Files) -> None:
    file, number = where(files, lambda line: line["step"] == 10)
    lines = lines_of(files)[file]
    lines[number - 1], lines[number] = lines[number], lines[number - 1]
    assert refused_at({**files, file: text_of(lines)})[:2] == (file, number)


def test_a_restart_that_has_forgotten_what_it_stored() -> None:
    files, file, number = with_a_restart()
    spoiled = changed(files, file, number, lambda line: line["state"].update(term=0, voted_for=None))
    assert refused_at(spoiled) == (file, number, "the step leads to another state")


def with_a_restart() -> tuple[Files, str, int]:
    """A run with the line of a start after a restart, of a node that has stored something."""
    files = simulated(8, times=12)
    file, number = where(files, lambda line: line["event"] == "start" and line["state"]["term"] > 1)
    return files, file, number


LEADS = """protocol small
process node:
    durable token: nat = 0
    leads: bool = false
network: loss, duplication, reordering
faults: restart
action claim:
    leads := true
    token := 1
action higher:
    token := token + 1
action reset_it:
    token := 1
leader if leads with token token
"""


def leading(*steps: tuple[str, int, bool]) -> list[dict[str, Any]]:
    return [
        {"event": event, "state": {"token": token, "leads": leads, "armed": []}}
        | ({"letter": 5} if event == "start" else {})
        for event, token, leads in steps
    ]


def test_two_leaders_of_one_token() -> None:
    small = protocol_of(LEADS)
    both = leading(("start", 0, False), ("claim", 1, True))
    files = hand_made(small, "node", {"node": 2}, {0: both, 1: both})
    file, line, reason = refused_at(files, small)
    assert (file, line) == ("node2.ndjson", 3)
    assert reason == "node1 has led with token 1, too: one_leader_per_token is false"


def test_two_leaders_of_one_token_though_one_has_restarted_since() -> None:
    small = protocol_of(LEADS)
    one = leading(("start", 0, False), ("claim", 1, True), ("start", 1, False))
    other = leading(("start", 0, False), ("claim", 1, True))
    assert "one_leader_per_token" in refused_at(hand_made(small, "node", {"node": 2}, {0: one, 1: other}), small)[2]


def test_a_token_that_goes_backwards() -> None:
    small = protocol_of(LEADS)
    steps = leading(("start", 0, False), ("claim", 1, True), ("higher", 2, True), ("reset_it", 1, True))
    files = hand_made(small, "node", {"node": 1}, {0: steps})
    file, line, reason = refused_at(files, small)
    assert (file, line) == ("node1.ndjson", 5)
    assert "token_never_goes_backwards" in reason


def test_a_restart_where_the_spec_has_none() -> None:
    small = protocol_of(LEADS.replace("faults: restart", "faults: none"))
    steps = leading(("start", 0, False), ("start", 0, False))
    assert "no such fault" in refused_at(hand_made(small, "node", {"node": 1}, {0: steps}), small)[2]


# Networks -----------------------------------------------------------------------------------------------------------


def passing(network: str, received: list[int]) -> tuple[Files, Any]:
    """Node 1 sends three pings, and node 2 receives some, by their letters."""
    small = protocol_of(
        "protocol small\nprocess node:\n    at: nat = 0\nmessage ping(at: nat)\n"
        f"network: {network}\nfaults: none\n"
        "action go:\n    at := at + 1\n    broadcast ping(at)\non ping(n) from other:\n    pass\n"
    )
    start = {"event": "start", "letter": 1, "state": {"at": 0, "armed": []}}
    sends = [{"event": "go", "state": {"at": n, "armed": []}, "sent": [["node", 1, n, ["ping", n]]]} for n in (1, 2, 3)]
    receipts = [
        {"event": "receive", "from": ["node", 0], "letter": n, "message": ["ping", n], "state": {"at": 0, "armed": []}}
        for n in received
    ]
    return hand_made(small, "node", {"node": 2}, {0: [start, *sends], 1: [start, *receipts]}), small


@pytest.mark.parametrize(
    ("network", "received", "line"),
    [
        ("reliable", [1, 2, 3], None),
        ("reliable", [1, 2], None),
        ("reliable", [2], 3),
        ("reliable", [1, 1], 4),
        ("loss", [1, 3], None),
        ("loss", [3, 1], 4),
        ("loss, duplication", [1, 1, 3, 3], None),
        ("loss, duplication", [1, 3, 1], 5),
        ("reordering", [3, 1, 2], None),
        ("loss, reordering", [3, 1], None),
        ("loss, reordering", [3, 1, 3], 5),
        ("loss, duplication, reordering", [3, 1, 3], None),
    ],
)
def test_what_the_network_may_do(network: str, received: list[int], line: int | None) -> None:
    refusal = validated(*passing(network, received)).refusal
    assert (refusal.place.line if refusal else None) == line


# What a crash leaves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30, 42))
def test_a_step_whose_line_is_lost_at_a_restart_is_made_up_for(seed: int) -> None:
    """The last line before any restart may be missing, and only that."""
    files = simulated(seed, times=8)
    for file, lines in lines_of(files).items():
        ends = [at for at, line in enumerate(lines) if "step" not in line and at] + [len(lines)]
        for end in ends:
            if "step" in lines[end - 1]:
                found = validated({**files, file: text_of(lines[: end - 1] + lines[end:])})
                assert found.refusal is None, found.refusal.reason
                assert len(found.lost) <= 1


def test_what_a_lost_step_stored_and_sent_is_accounted_for() -> None:
    files, file, number = with_a_lost_candidacy()
    found = validated(files)
    assert found.refusal is None
    (lost,) = found.lost
    assert (lost.after.file, lost.after.line) == (file, number)
    assert lost.description.endswith("timeout election")


def with_a_lost_candidacy() -> tuple[Files, str, int]:
    """A run in which the line of a node that began a term, and was stopped then, is missing: where it would be the
    last one."""
    files = simulated(5, times=1, happenings=())
    file, number = where(files, lambda line: line.get("sent", [[0, 0, 0, [""]]])[0][3][0] == "request_vote")
    lines = lines_of(files)
    kept = lines[file][: number - 1]
    gone = {letter[2] for line in lines[file][number:] for letter in line.get("sent", [])}
    others = {other: _without(some, gone) for other, some in lines.items() if other != file}
    return {file: text_of(kept), **{other: text_of(some) for other, some in others.items()}}, file, number - 1


def _without(lines: list[dict[str, Any]], gone: set[int]) -> list[dict[str, Any]]:
    """The lines before the first that could know of letters that are gone."""
    for at, line in enumerate(lines):
        if line.get("letter") in gone:
            return lines[:at]
    return lines


def test_what_a_lost_step_cannot_have_sent_is_refused() -> None:
    files, _, _ = with_a_lost_candidacy()
    file, number = where(files, lambda line: line.get("message", [""])[0] == "request_vote")
    spoiled = changed(files, file, number, lambda line: line.update(message=["request_vote", 7]))
    assert refused_at(spoiled)[:2] == (file, number)


def test_two_lost_steps_are_too_many() -> None:
    files, file, number = with_a_restart()
    lines = lines_of(files)[file]
    cut = next(
        at
        for at in range(number - 2, 0, -1)
        if lines[at - 1].get("state", {}).get("term", 0) < lines[number - 1]["state"]["term"] - 1
    )
    spoiled = {**files, file: text_of(lines[:cut] + lines[number - 2 :])}
    assert validated(spoiled).refusal is not None


def test_an_incomplete_line_is_said() -> None:
    files, file, number = with_a_restart()
    lines = files[file].splitlines(keepends=True)
    torn = b"".join([*lines[: number - 3], lines[number - 3][:40] + b"\n", *lines[number - 2 :]])
    found = validated({**files, file: torn})
    assert found.refusal is None
    assert [(place.file, place.line) for place in found.cut] == [(file, number - 2)]
    found = validated({**files, file: files[file][:-20]})
    assert found.refusal is None
    assert [(place.file, place.line) for place in found.cut] == [(file, len(lines))]


def test_a_run_of_which_only_the_header_is_left() -> None:
    files, file, number = with_a_restart()
    lines = files[file].splitlines(keepends=True)
    found = validated({**files, file: b"".join([*lines[: number - 1], lines[number - 2], *lines[number - 1 :]])})
    assert found.refusal is None


def test_a_process_that_was_never_heard_of(files: Files) -> None:
    small = protocol_of(LEADS)
    found = validated(hand_made(small, "node", {"node": 2}, {0: leading(("start", 0, False))}), small)
    assert found.silent == (Name("node", 1),)
    with pytest.raises(BadTrace, match="no trace of node1 was given"):
        validated({file: text for file, text in files.items() if file != "node1.ndjson"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{}", "no line says|does not say|no step"),
        (b'{"oneleader-trace":7}', "does not say"),
        (b"junk", "no step"),
    ],
)
def test_what_is_no_trace(line: bytes, reason: str, files: Files) -> None:
    with pytest.raises(BadTrace, match=reason):
        read_traces([("some", line + b"\n" + files["node1.ndjson"])], RAFT)


# All single changes --------------------------------------------------------------------------------------------------

SMALL = simulated(2, times=2)
SMALL_LINES = lines_of(SMALL)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_single_change_is_refused_or_is_a_behaviour(data: st.DataObject) -> None:
    """What is accepted is taken step by step by the reference semantics, over whole states; or a run lacks its end."""
    file = data.draw(st.sampled_from(sorted(SMALL)))
    lines = json.loads(json.dumps(SMALL_LINES[file]))
    at = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["drop", "twice", "swap", "value", "value", "value"]))
    match kind:
        case "drop":
            del lines[at]
        case "twice":
            lines.insert(at, lines[at])
        case "swap":
            lines[at - 1], lines[at] = lines[at], lines[at - 1]
        case _:
            spoil(data, lines[at])
    files = {**SMALL, file: text_of(lines)}
    try:
        found = validated(files)
    except BadTrace:
        return
    if found.refusal is None and not found.lost:
        assert_behaviour(files)


def spoil(data: st.DataObject, line: dict[str, Any]) -> None:
    """Changes one value somewhere in a line."""
    places: list[tuple[Any, Any]] = []

    def walk(holder: Any) -> None:
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            places.append((holder, key))
            if isinstance(holder[key], dict | list):
                walk(holder[key])

    walk(line)
    holder, key = data.draw(st.sampled_from(places))
    value = holder[key]
    others: list[Any] = [None]
    if isinstance(value, int):
        others = [value + 1, value - 1, 0, None]
    elif isinstance(value, str):
        others = ["leader", "follower", "candidate", "heartbeat", "election", "start", "receive", "vote", ""]
    elif isinstance(value, list):
        others = [[], value[:-1], [*value, 0], [*value, "election"], value[::-1]]
    elif value is None:
        others = [0, 1, 2]
    if data.draw(st.booleans()) and isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = data.draw(st.sampled_from(others))


def assert_behaviour(files: Files) -> None:
    """Takes all lines, in some order in which they can be, with the reference semantics alone."""
    traces = read_traces(files.items(), RAFT)
    model = Model(RAFT, traces.sizes, Caps({}, {}, 0), RAFT.network, RAFT.faults, 0)
    state = initial(model).state
    assert state is not None
    ways: dict[Name, list[Line]] = {}
    for history in traces.histories:
        lines = [line for run in history.runs for line in run.steps]
        ways[history.process] = lines[1:]
        assert state_of(model, "node", bytes(lines[0].state)) == process_state(model, state, history.process)
    while any(ways.values()):
        for name, lines in ways.items():
            after = _taken(model, state, name, lines[0]) if lines else None
            if after is not None:
                state = after
                lines.pop(0)
                break
        else:
            raise AssertionError(
                f"no step of the reference semantics: {[lines[0] for lines in ways.values() if lines]}"
            )


def _taken(model: Model, state: State, name: Name, line: Line) -> State | None:
    wanted = Step(StepKind.TIMEOUT, name, line.name)
    if line.event == "start":
        wanted = Step(StepKind.RESTART, name)
    elif line.sender is not None:
        packet = packet_of(model, Name(*line.sender), name, bytes(line.message))
        wanted = Step(StepKind.DELIVER, name, packet=packet)
    for offer in offers(model, state):
        if offer.step == wanted:
            successor = offer.taken()
            assert successor.state is not None
            assert process_state(model, successor.state, name) == state_of(model, "node", bytes(line.state))
            sent = tuple(packet_of(model, name, Name(kind, to), bytes(raw)) for kind, to, _, raw in line.sent)
            assert sent == successor.sent
            return successor.state
    return None


def test_what_is_wrong_with_a_trace_comes_back_from_another_process() -> None:
    problem = pickle.loads(pickle.dumps(BadTrace("node1.ndjson", 7, "this is no step")))
    assert str(problem) == "node1.ndjson:7: this is no step"
