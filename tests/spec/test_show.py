import pytest

from spec.check import check
from spec.show import show, show_value
from spec.source import Source
from spec.types import BOOL, NAT, EnumType, MapType, OptionType, ProcessType, SetType, Type, Value

SPEC = """protocol shown

process node ordered:
    term: nat = 0
    voted_for: node? = none
    role: follower | leader = follower
    votes: set of node = {{}}
    acks: map from node to nat = 0
    timer election: 100 ms

message hello(term: nat)

on start:
    reset election

on timeout election:
    broadcast hello(term)

on hello(t) from sender if t > term:
    term := t

define ahead(other: node): term > acks[other]

network: loss

step shown:
    {expression}
"""


def parsed_and_shown(text: str) -> str:
    protocol, _ = check(Source("shown.elect", SPEC.format(expression=text)))
    return show(protocol.properties[0].expression)


@pytest.mark.parametrize(
    "text",
    [
        "role == leader",
        "forall n, m in node: n.role == leader and m.role == leader and n.term == m.term implies n == m",
        "forall n in node: exists m in node: n.term <= m.term",
        "exists n in {n2 in node if n2.role == leader}: up(n) and n.armed(election) or armed(election)",
        "next(term) >= term",
        "(term == 1 implies term == 2) implies term == 3",
        "term == 1 implies term == 2 implies term == 3",
        "(term == 1 or term == 2) and not (term == 3 and term == 4)",
        "term - (1 - 2) - 3 == -term * (2 + 3)",
        "(exists n in node: n.term == 1) and forall n2 in node: n2.term == 1",
        "term == 1 and (exists n in node: n.term == 1) or term == 2",
        "term == 1 or exists n in node: n.term == 1",
        "(if role == leader then term else 0) + 1 == 1",
        "term == if role == leader then 1 else 2",
        "voted_for not in {none, self} or self not in votes",
        "votes + {self} - (node & votes) <= node",
        "size(votes) + min(term, 2) < max(1, 2)",
        "quorum(votes) or ahead(successor(self)) and successor(self).ahead(predecessor(self))",
        "acks[successor(self)] == successor(self).acks[self]",
        "votes == {}",
        "(term == 1) == true",
        "false",
    ],
)
def test_what_is_written_shortest_is_shown_as_written(text: str) -> None:
    assert parsed_and_shown(text) == text


LOOKS = SPEC.replace("step shown", "invariant shown").replace("hello(t)", "hello(t, w)") + (
    "\nleader if role == leader with token term\n"
)
LOOKS = LOOKS.replace("(term: nat)", "(term: nat, whom: node)").replace("hello(term)", "hello(term, self)")


@pytest.mark.parametrize(
    "text",
    [
        "forall hello(t, w) from a to b: t >= a.term and b != w",
        "(exists hello(t, w) from a to b: t == 1) or term == 1",
        "term == 1 or exists hello(t, w) from a to b before hello(t2, w2): t == t2 and w != w2",
        "forall n led with t: forall m led with u: n == m or t != u",
        "(forall n led with t: t > 0) and exists n led with t: n.term > t",
        "size({n in node if exists hello(t, w) from a to b: n == w}) == 1",
    ],
)
def test_what_looks_at_messages_and_leaders_is_shown_as_written(text: str) -> None:
    protocol, _ = check(Source("shown.elect", LOOKS.format(expression=text)))
    assert show(protocol.properties[0].expression) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("((term)) == (1)", "term == 1"),
        ("self.role == leader", "role == leader"),
        ("forall n in node: forall m in node: n == m", "forall n, m in node: n == m"),
        ("node >= votes", "votes <= node"),
        ("not (self in votes)", "self not in votes"),
        ("0 - term == 1", "-term == 1"),
    ],
)
def test_what_can_be_written_shorter_is(text: str, shown: str) -> None:
    assert parsed_and_shown(text) == shown


NODE = ProcessType("node")


@pytest.mark.parametrize(
    ("value", "of", "shown"),
    [
        (True, BOOL, "true"),
        (7, NAT, "7"),
        ("leader", EnumType(("follower", "leader")), "leader"),
        (0, NODE, "node1"),
        (None, OptionType(NODE), "none"),
        (2, OptionType(NODE), "node3"),
        (frozenset({2, 0}), SetType(NODE), "{node1, node3}"),
        (frozenset(), SetType(NODE), "{}"),
        ((0, 4), MapType(NODE, NAT), "{node1: 0, node2: 4}"),
        ((None, 1), MapType(NODE, OptionType(NODE)), "{node1: none, node2: node2}"),
    ],
)
def test_values_are_shown_in_the_syntax_of_the_language(value: Value, of: Type, shown: str) -> None:
    assert show_value(value, of) == shown
