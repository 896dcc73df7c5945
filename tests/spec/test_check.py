"""From text to the typed protocol: what names mean and which types things have."""

from __future__ import annotations

from pathlib import Path

import pytest

from spec.check import check, load
from spec.diagnostics import Diagnostic, SpecError
from spec.protocol import (
    Apply,
    Assign,
    Bound,
    Comparison,
    Connected,
    Connective,
    Constant,
    Fault,
    FaultKind,
    Handler,
    If,
    Led,
    Local,
    Member,
    Network,
    Not,
    OneOf,
    OnMessage,
    Protocol,
    Quantified,
    Read,
    Self,
    Subset,
    Underway,
)
from spec.show import show
from spec.source import NOWHERE, Source
from spec.types import NAT, NUMBER, EnumType, IntType, MapType, OptionType, ProcessType, SetType

RAFT = Path(__file__).parents[2] / "spec" / "protocols" / "raft.elect"
NODE = ProcessType("node")

HEAD = """protocol p
process node:
    durable term: nat = 0
    vote: node? = none
    role: follower | candidate | leader = follower
    votes: set of node = {}
    seen: map from node to nat = 0
    level: int -2..2 = -1
    timer patience: 1 s .. 2 min
message ask(term: nat)
"""


def protocol(text: str, head: str = HEAD) -> Protocol:
    return check(Source("p.elect", head + text))[0]


def errors(text: str, head: str = HEAD) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as raised:
        check(Source("p.elect", head + text))
    return raised.value.diagnostics


def claim(expression: str) -> object:
    return protocol(f"safety claim: {expression}\n").properties[0].expression


def test_raft_is_without_fault() -> None:
    raft, warnings = load(RAFT)
    assert warnings == ()
    assert [kind.name for kind in raft.kinds] == ["node"]
    assert raft.leader is not None
    assert raft.leader.confirmed_by is not None
    assert (raft.leader.confirmed_by.message, raft.leader.confirmed_by.timer) == ("heartbeat_ack", "election")
    assert raft.network == Network(loss=True, duplication=True, reordering=True)


def test_variables_have_their_types_and_initial_values() -> None:
    (kind,) = protocol("").kinds
    found = {v.name: (v.type, v.initial, v.durable) for v in kind.variables}
    assert found == {
        "term": (NAT, 0, True),
        "vote": (OptionType(NODE), None, False),
        "role": (EnumType(("follower", "candidate", "leader")), "follower", False),
        "votes": (SetType(NODE), frozenset(), False),
        "seen": (MapType(NODE, NAT), 0, False),
        "level": (IntType(-2, 2), -1, False),
    }
    assert [(t.name, t.low, t.high) for t in kind.timers] == [("patience", 1000, 120_000)]


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("term == 0 or term == 1 and term == 2", "term == 0 or (term == 1 and term == 2)"),
        ("not term == 0 and term == 1", "(not term == 0) and term == 1"),
        ("term == 0 implies term == 1 implies term == 2", "term == 0 implies (term == 1 implies term == 2)"),
        ("term + 2 * 3 == 7 - 1 - 1", "term + (2 * 3) == (7 - 1) - 1"),
        ("forall n in node: n.term == 0 or term == 1", "forall n in node: (n.term == 0 or term == 1)"),
        (
            "term == 0 and exists n in node: n.term == 0 or term == 1",
            "term == 0 and (exists n in node: (n.term == 0 or term == 1))",
        ),
        ("votes - {self} <= votes + votes & votes", "(votes - {self}) <= ((votes + votes) & votes)"),
        ("if term == 0 then true else term == 1 or term == 2", "if term == 0 then true else (term == 1 or term == 2)"),
    ],
)
def test_operators_bind_as_the_reference_says(text: str, grouped: str) -> None:
    assert claim(text) == claim(grouped)


def test_an_option_compares_with_what_it_may_hold() -> None:
    found = claim("vote in {none, self}")
    assert isinstance(found, OneOf)
    assert found.alternatives == (Constant(None, OptionType(NODE)), Self(NODE))
    member = claim("vote in votes")
    assert isinstance(member, Member)
    assert isinstance(claim("vote not in votes"), Not)
    assert isinstance(claim("votes <= node"), Subset)


def test_several_variables_are_several_quantifiers() -> None:
    found = claim("forall n, m in node: n == m or n.term != m.term")
    assert isinstance(found, Quantified)
    assert isinstance(found.body, Quantified)
    assert found.variable.identity != found.body.variable.identity


def test_properties_look_at_messages_under_way() -> None:
    found = claim("forall ask(t) from a to b before ask(u): t <= u and a != b")
    assert isinstance(found, Underway)
    assert (found.message, [p.type for p in found.parameters]) == ("ask", [NAT])
    assert (found.sender.type, found.receiver.type) == (NODE, NODE)
    assert found.later is not None
    message, (behind,) = found.later
    assert (message, behind.name, behind.type) == ("ask", "u", NAT)


def test_properties_look_at_who_has_led() -> None:
    found = protocol("leader if role == leader with token term\nsafety a: exists n led with t: n.term > t\n")
    expression = found.properties[0].expression
    assert isinstance(expression, Led)
    assert (expression.process.type, expression.token.type) == (NODE, NAT)
    # The clause may stand behind the property, and `led`, `with` and `before` may be names.
    behind = protocol(
        "safety a: exists led led with before: led.term > before\nleader if role == leader with token term\n"
    )
    assert isinstance(behind.properties[0].expression, Led)


TWO_KINDS = """protocol two
process node:
    term: nat = 0
process client:
    waiting: bool = false
message ask(term: nat) from node to node
message ping() from client to node
"""


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("safety a: forall ask() from a to b: true", "E0311", "`ask` carries 1 argument, not 0"),
        ("safety a: forall ask(t) from a to b before ask(): true", "E0311", "`ask` carries 1 argument, not 0"),
        ("safety a: forall ping(t) from a to b: true", "E0311", "`ping` carries 0 arguments, not 1"),
        ("safety a: forall ask(t) from a to b before ping(): true", "E0304", "`ping` does not go the way of `ask`"),
        ("safety a: forall aks(t) from a to b: true", "E0404", "there is no message `aks`"),
        ("safety a: forall ask(t) from a to a: true", "E0211", "`a` would hide another name in use here"),
        ("safety a: forall ask(t) from a to b: t", "E0304", "this is `nat`"),
        ("safety a: forall ping() from c to n: c == n", "E0304", "this is `node`"),
        ("safety a: forall n led with t: true", "E0316", "this protocol has no `leader`"),
        (
            "step a: forall ask(t) from a to b: true",
            "E0310",
            "to look at what is under way is for properties of states",
        ),
        (
            "recovers a: exists ask(t) from a to b: true",
            "E0310",
            "to look at what is under way is for properties of states",
        ),
        (
            "define a(): exists ask(t) from a to b: true",
            "E0310",
            "to look at what is under way is for properties of states",
        ),
        (
            "action a at node if exists n led with t: true: pass",
            "E0310",
            "to look at who has led is for properties of states",
        ),
    ],
)
def test_what_cannot_be_looked_at(text: str, code: str, message: str) -> None:
    (found,) = errors(f"{text}\n", TWO_KINDS)
    assert (found.code, found.message) == (code, message)


def test_numbers_know_whether_they_may_be_negative() -> None:
    assert claim("min(term, 3) == 1").left.type == NAT  # type: ignore[attr-defined]
    assert claim("term - 1 == 1").left.type == NUMBER  # type: ignore[attr-defined]
    assert claim("level + 1 == 1").left.type == NUMBER  # type: ignore[attr-defined]


def test_a_sender_may_hide_a_value_of_an_enumeration() -> None:
    found = protocol("on ask(t) from candidate:\n    vote := candidate\n    role := leader\n").handlers[0]
    assert isinstance(found.event, OnMessage)
    assert found.event.sender.name == "candidate"
    assert found.body[0] == Assign("vote", None, found.event.sender)


def test_the_built_in_quorum_is_the_majority_unless_defined() -> None:
    built_in = protocol("safety q: quorum(votes)\n").definition("quorum")
    assert built_in.span == NOWHERE
    assert show(built_in.body) == "2 * size(s) > size(node)"
    own = protocol("define quorum(s: set of node): size(s) >= 2\nsafety q: quorum(votes)\n")
    assert show(own.definition("quorum").body) == "size(s) >= 2"


def test_a_definition_belongs_to_whose_variables_it_reads() -> None:
    found = protocol(
        "define leads(): role == leader\n"
        "define twice(n: nat): n + n\n"
        "safety a: forall n in node: n.leads() implies twice(n.term) >= 0\n"
    )
    assert (found.definition("leads").kind, found.definition("twice").kind) == ("node", None)
    body = found.properties[0].expression
    assert isinstance(body, Quantified)
    assert isinstance(body.body, Connected)
    assert body.body.connective is Connective.IMPLIES
    assert isinstance(body.body.left, Apply)
    assert isinstance(body.body.left.process, Local)


def test_a_property_about_one_process_is_about_each() -> None:
    assert protocol("safety a: term >= 0\n").properties[0].about == "node"
    assert protocol("safety a: forall n in node: n.term >= 0\n").properties[0].about is None


def test_checks_name_sizes_and_bounds() -> None:
    found = protocol("check full:\n    3, 4 nodes, term <= 2, channel <= 1\n    5 nodes, seen <= 1\n").checks[0]
    assert [row.sizes for row in found.rows] == [((3,), (4,)), ((5,),)]
    assert found.rows[0].bounds == (Bound("node", "term", 2),)
    assert found.rows[0].channel == 1
    assert found.rows[1].bounds == (Bound("node", "seen", 1),)


def test_network_and_faults() -> None:
    found = protocol("network: reordering\nfaults: crash up to 2, disk loss, pause\n")
    assert found.network == Network(loss=False, duplication=False, reordering=True)
    assert found.faults == (Fault(FaultKind.CRASH, 2), Fault(FaultKind.DISK_LOSS), Fault(FaultKind.PAUSE))
    assert protocol("").network == Network(loss=True, duplication=True, reordering=True)


def test_several_kinds_of_process() -> None:
    head = """protocol lock
process client:
    token: nat? = none
process service:
    holder: client? = none
    next_token: nat = 1
message acquire() from client to service
message grant(token: nat) from service to client
"""
    found = protocol(
        "action want at client if token == none:\n    for s in service:\n        send acquire() to s\n"
        "on acquire() from c if holder == none:\n"
        "    holder := c\n    send grant(next_token) to c\n    next_token := next_token + 1\n"
        "on grant(t) from s:\n    token := t\n"
        "safety one: forall c, d in client: c.token == d.token and c.token != none implies c == d\n"
        "check quick: 2 clients, 1 service, next_token <= 3\n",
        head,
    )
    assert [handler.kind for handler in found.handlers] == ["client", "service", "client"]
    assert found.checks[0].rows[0].sizes == ((2, 1),)


def test_coverage_points_are_handlers_and_arms() -> None:
    found = protocol(
        "on ask(t) from other if t > 0:\n"
        "    if t == term:\n        pass\n    elif t > 5:\n        unreachable\n    else:\n        term := t\n"
    )
    handler = found.handlers[0]
    assert isinstance(handler, Handler)
    assert [(point.label, point.unreachable) for point in found.points] == [
        ("on ask(t) from other if t > 0", False),
        ("if t == term", False),
        ("elif t > 5", True),
        ("else", False),
    ]
    branch = handler.body[0]
    assert isinstance(branch, If)
    assert [arm.point for arm in branch.arms] == [1, 2, 3]


def test_layout_does_not_matter() -> None:
    flat = protocol("safety a: term == 0 and role == leader implies vote == self\n")
    tall = protocol(
        "# a remark\nsafety a:\n    term == 0  # why\n    and role == leader\n    implies (vote ==\n  self)\n"
    )
    assert flat.properties == tall.properties


def test_all_errors_of_a_file_at_once() -> None:
    found = errors(
        "on ask(t) from other:\n    trem := t\n    role := lead\n    if vote:\n        votes := other\n"
        "safety a: term == none\n"
        "check quick: 3 nodes, trm <= 2\n"
    )
    assert [(problem.code, problem.span.line) for problem in found] == [
        ("E0201", 12),
        ("E0201", 13),
        ("E0304", 14),
        ("E0304", 15),
        ("E0303", 16),
        ("E0201", 17),
    ]
    assert found[0].help == "did you mean `term`?"
    assert found[1].help == "did you mean `leader`?"


def test_an_unknown_local_is_reported_once() -> None:
    found = errors("on ask(t) from other:\n    let x = trem\n    term := x\n    term := x + 1\n")
    assert len(found) == 1


def test_comparisons_are_what_they_look_like() -> None:
    found = claim("term <= 3")
    assert found.comparison is Comparison.LESS_EQUAL  # type: ignore[attr-defined]
    assert isinstance(found.left, Read)  # type: ignore[attr-defined]


def test_that_time_does_not_pass_is_said_once() -> None:
    text = """protocol p
process node:
    timer rest: 1 s
on timeout rest:
    reset rest
safety one: elapsed(rest) <= 1
safety two: elapsed(rest) <= 2
"""
    with pytest.raises(SpecError) as refused:
        check(Source("p.elect", text))
    (problem,) = refused.value.diagnostics
    assert (problem.code, problem.span.line) == ("E0217", 6)
    check(Source("p.elect", f"{text}timed: tick 1 s\n"))


@pytest.mark.parametrize("word", ["delay", "tick", "free"])
def test_timers_are_not_called_as_the_words_of_time(word: str) -> None:
    text = f"protocol p\nprocess node:\n    timer {word}: 1 s\non timeout {word}:\n    reset {word}\n"
    check(Source("p.elect", text))
    with pytest.raises(SpecError) as refused:
        check(Source("p.elect", f"{text}timed: tick 1 s\n"))
    assert [(problem.code, problem.span.line) for problem in refused.value.diagnostics] == [("E0209", 3)]


def test_a_variable_is_not_called_as_the_count_of_a_timer_of_another_kind() -> None:
    text = "protocol p\nprocess a:\n    timer t: 1 s\nprocess b:\n    elapsed_t: nat = 0\ntimed: tick 1 s\n"
    with pytest.raises(SpecError) as refused:
        check(Source("p.elect", text))
    assert [(problem.code, problem.span.line) for problem in refused.value.diagnostics] == [("E0209", 5)]


def test_names_that_mean_something_else_where_there_is_time() -> None:
    text = """protocol p
process node:
    elapsed_rest: bool = false
    timer rest: 1 s
message m(age: int 0..2)
TIMED
on m(a) from other:
    elapsed_rest := a == 1
    reset rest
on timeout rest:
    broadcast m(1)
"""
    check(Source("p.elect", text.replace("TIMED", "")))
    with pytest.raises(SpecError) as refused:
        check(Source("p.elect", text.replace("TIMED", "timed: tick 1 s, delay 1 s\nnetwork: loss")))
    assert [(problem.code, problem.span.line) for problem in refused.value.diagnostics] == [("E0209", 3), ("E0209", 5)]
