import pytest

from modelcheck.model import Step, StepKind
from modelcheck.story import Scene, Tone, describe_step, folded, story
from modelcheck.trace import Trace
from tests.modelcheck.behaviours import SPLIT, forgetful_trace, locks_trace, model_of, run, split_trace

HELLO = """protocol hello

process node:
    greeted: set of node = {}
    seen: map from node to bool = false
    tired: bool = false
    timer rest: 1 s

message hello()
message thanks(whom: node?)

network: reordering

on start:
    broadcast hello()
    reset rest

on hello() from friend if not tired:
    greeted := greeted + {friend}
    seen[friend] := true
    send thanks(friend) to friend

on thanks(whom) from friend if whom == self:
    greeted := greeted

on timeout rest:
    tired := true

action greet_again if tired:
    broadcast hello()

leader if tired with token size(greeted)
"""


def scenes(*descriptions: str, nodes: int = 2) -> tuple[Scene, ...]:
    return story(run(model_of(HELLO, nodes), *descriptions)).scenes


def test_the_start_says_how_each_begins_and_what_was_sent() -> None:
    start = story(run(model_of(HELLO, 2))).start
    assert start.changes == ("each node has greeted = {}, seen = false for each node, tired = false, rest armed",)
    assert start.sends == ("node1 sends hello() to node2", "node2 sends hello() to node1")
    assert (start.number, start.notes) == (0, ())


def test_processes_that_begin_differently_are_described_one_by_one() -> None:
    text = HELLO.replace("broadcast hello()\n    reset rest", "greeted := {self}")
    start = story(run(model_of(text, 2))).start
    assert [change.split(",")[0] for change in start.changes] == [
        "node1 has greeted = {node1}",
        "node2 has greeted = {node2}",
    ]


def test_a_step_says_who_did_what_and_only_what_changed() -> None:
    (scene,) = scenes("node2 receives hello() from node1")
    assert scene.title == "node2 receives hello() from node1"
    assert scene.changes == ("greeted {} -> {node1}", "seen[node1] false -> true")
    assert scene.sends == ("sends thanks(node1) to node1",)
    assert scene.sent_in == 0
    assert scene.arrow is not None
    assert (str(scene.arrow.sender), str(scene.arrow.receiver), scene.arrow.label) == ("node1", "node2", "hello()")


def test_who_leads_is_noted_when_it_changes() -> None:
    scene = scenes("node1: timeout rest")[0]
    assert scene.changes == ("tired false -> true", "rest disarmed")
    assert [(note.text, note.tone) for note in scene.notes] == [("node1 now leads with token 0", Tone.LEADS)]
    assert [standing.token for standing in scene.standings] == [0, None]


def test_a_message_without_effect_says_why() -> None:
    *_, ignored = scenes("node2: timeout rest", "node2 receives hello() from node1")
    assert [note.text for note in ignored.notes] == ["no handler takes it"]
    *_, thanked = scenes("node2 receives hello() from node1", "node1 receives thanks(node1) from node2")
    assert [note.text for note in thanked.notes] == ["it changes nothing"]


def test_which_of_two_equal_messages_it_was_is_not_pretended_to_be_known() -> None:
    once = scenes("node1: timeout rest", "node2 receives hello() from node1")
    assert once[-1].sent_in == 0
    twice = scenes("node1: timeout rest", "node1: action greet_again", "node2 receives hello() from node1")
    assert twice[-1].sent_in is None


def test_of_equal_messages_on_a_reliable_link_it_is_the_one_whose_turn_it_is() -> None:
    model = model_of(HELLO.replace("network: reordering", "network: reliable"), 2)
    hello = "node2 receives hello() from node1"
    told = story(run(model, "node1: timeout rest", "node1: action greet_again", hello, hello))
    assert [scene.sent_in for scene in told.scenes] == [None, None, 0, 2]


def test_where_messages_stay_the_first_that_sent_it_is_named() -> None:
    told = story(forgetful_trace())
    assert [scene.sent_in for scene in told.scenes] == [None, 1, 2, None, None, None, 5, 7, None]


def test_a_failing_step_sends_nothing_and_changes_nothing() -> None:
    last = story(locks_trace()).scenes[-1]
    assert (last.changes, last.sends) == ((), ())
    assert [(note.text, note.tone) for note in last.notes] == [("the step fails: free = -1 is no int 0..1", Tone.FAILS)]


def test_the_ending_says_when_what_is_false() -> None:
    assert story(split_trace()).ending.verdict == "one_leader is false after step 11"
    assert story(split_trace()).ending.description == "no two nodes lead at once"
    assert story(locks_trace()).ending.verdict == "step 5 fails"
    whole = split_trace()
    assert story(Trace(whole.model, whole.start, ())).ending.verdict == "the trace ends at the start"


@pytest.mark.parametrize(
    ("cut_off", "shown"),
    [
        ({4}, "partition: the others | {node5}"),
        ({1, 2, 3, 4}, "partition: {node1} | the others"),
        ({3, 4}, "partition: {node1, node2, node3} | {node4, node5}"),
    ],
)
def test_the_larger_side_of_a_partition_is_the_others(cut_off: set[int], shown: str) -> None:
    sides = (tuple(number in cut_off for number in range(5)),)
    assert describe_step(model_of(SPLIT, 5, limits={"node.epoch": 1}), Step(StepKind.PARTITION, sides=sides)) == shown


def test_what_is_compared_stays_on_one_line() -> None:
    text = "role = follower, votes = {}, rest armed, term 0 -> 1"
    assert folded(text, 16, "  ") == ["role = follower,", "  votes = {},", "  rest armed,", "  term 0 -> 1"]
    # What is too long for a line by itself is broken all the same.
    assert all(len(line) <= 12 for line in folded(text, 12))
