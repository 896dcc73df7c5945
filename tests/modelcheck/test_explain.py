import pytest

from modelcheck.explain import explain, explain_standard, explain_witness
from modelcheck.model import Failure, ProcessState, State
from modelcheck.semantics import initial, steps
from tests.modelcheck.behaviours import (
    FORGETFUL,
    forgetful_trace,
    found,
    model_of,
)

SPEC = """protocol explained

process node:
    term: nat = 0
    role: follower | leader = follower
    votes: set of node = {{}}
    acks: map from node to nat = 0
    timer election: 100 ms

action promote if role == follower:
    role := leader
    votes := {{self}}
    term := term + 1
    acks[self] := 2

define ahead(other: node, by: nat): term > acks[other] + by
define highest(): max(term, 1)

{kind} claim:
    {expression}
"""


def explained(expression: str, nodes: int = 2, kind: str = "safety") -> tuple[str, ...]:
    """The clauses about the state in which node1 alone has been promoted (or about the step to it)."""
    model = model_of(SPEC.format(kind=kind, expression=expression), nodes, limits={"node.term": 1})
    before = initial(model).state
    assert before is not None
    after = steps(model, before)[0].state
    assert after is not None
    claim = model.protocol.properties[0]
    if kind == "reachable":
        return explain_witness(model, claim, after)
    return explain(model, claim, *((before, after) if kind == "step" else (after,))).clauses


@pytest.mark.parametrize(
    ("expression", "clauses"),
    [
        ("role == follower", ["self = node1: `role == follower` is false (node1.role = leader)"]),
        (
            "role == leader and acks[self] == 0",
            [
                "self = node1: `acks[self] == 0` is false (node1.acks[node1] = 2)",
                "likewise for self = node2",
            ],
        ),
        (
            "forall n in node: n.role == leader implies n.term > 1 and n.term < 5",
            [
                "n = node1: `n.role == leader` is true (node1.role = leader)",
                "`n.term > 1` is false (node1.term = 1)",
            ],
        ),
        (
            "forall n, m in node: n.term == m.term",
            [
                "n = node1, m = node2: `n.term == m.term` is false (node1.term = 1, node2.term = 0)",
                "likewise for n = node2, m = node1",
            ],
        ),
        (
            "forall n in node: exists m in n.votes: m.term == n.term",
            ["n = node2: `m.term == n.term` is true for no m in n.votes (node2.votes = {})"],
        ),
        (
            "exists n in node: n.term > 5",
            [
                "`n.term > 5` is true for no n in node",
                "n = node1: `n.term > 5` is false (node1.term = 1)",
                "n = node2: `n.term > 5` is false (node2.term = 0)",
            ],
        ),
        (
            "not (exists n in node: n.role == leader)",
            ["n = node1: `n.role == leader` is true (node1.role = leader)"],
        ),
        (
            "not (forall n in node: n.term <= 1)",
            ["`n.term <= 1` is true for every n in node"],
        ),
        (
            "forall n in node: n.term == 0 or quorum(n.votes)",
            [
                "n = node1: `n.term == 0` is false (node1.term = 1)",
                "`quorum(n.votes)` is false (node1.votes = {node1})",
            ],
        ),
        (
            "forall n, m in node: n.ahead(m, 1 - 1)",
            [
                "n = node1, m = node1: `n.ahead(m, 1 - 1)` is false",
                (
                    "self = node1, other = node1, by = 0: "
                    "`term > acks[other] + by` is false (node1.term = 1, node1.acks[node1] = 2)"
                ),
                "n = node1, m = node1: likewise for n = node2, m = node1; n = node2, m = node2",
            ],
        ),
        (
            "forall n in node: if n.role == leader then n.armed(election) else up(n)",
            [
                "n = node1: `n.role == leader` is true (node1.role = leader)",
                "`n.armed(election)` is false (node1.armed(election) = false)",
            ],
        ),
        (
            "forall n in node: n.highest() != 1 and n.votes <= {m in node if m.term == 0}",
            ["n = node1: `n.highest() != 1` is false (n.highest() = 1)", "likewise for n = node2"],
        ),
        (
            "forall n in node: n.votes <= {m in node if m.term == 0}",
            [
                (
                    "n = node1: `n.votes <= {m in node if m.term == 0}` is false "
                    "(node1.votes = {node1}, {m in node if m.term == 0} = {node2})"
                )
            ],
        ),
        (
            "forall n in node: not (n.role == leader and up(n) implies n.term in {0, 1})",
            [
                "n = node1: `n.term in {0, 1}` is true (node1.term = 1)",
                "likewise for n = node2",
            ],
        ),
        (
            "forall n in node: n not in n.votes",
            ["n = node1: `n not in n.votes` is false (node1.votes = {node1})"],
        ),
    ],
)
def test_the_false_clause_is_found(expression: str, clauses: list[str]) -> None:
    assert list(explained(expression)) == clauses


def test_a_step_property_is_explained_by_both_states() -> None:
    assert explained("next(term) <= term and next(role == role)", kind="step") == (
        "self = node1: `next(term) <= term` is false (next(node1.term) = 1, node1.term = 0)",
    )


def test_a_step_that_leaves_alone_what_a_step_property_reads_is_none_of_its() -> None:
    with pytest.raises(ValueError, match="`claim` is true here"):
        explained("forall n in node: next(n.armed(election)) != n.armed(election)", kind="step")


def test_a_witness_is_explained_by_whom_it_is_true_for() -> None:
    assert explained("exists n in node: n.role == leader and (n.term >= 1 or n.term > 7)", kind="reachable") == (
        "n = node1: `n.role == leader and (n.term >= 1 or n.term > 7)` is true (node1.role = leader, node1.term = 1)",
    )
    assert explained("role == leader", kind="reachable") == (
        "self = node1: `role == leader` is true (node1.role = leader)",
    )


def test_many_witnesses_are_counted_and_not_listed() -> None:
    clauses = explained("forall n, m in node: n.term > 7 and m.term > 7", nodes=3)
    assert clauses[1] == "likewise for n = node1, m = node2; n = node1, m = node3; n = node2, m = node1; and 5 more"


def test_what_is_true_is_not_explained_away() -> None:
    with pytest.raises(ValueError, match="`claim` is true here"):
        explained("forall n in node: n.term <= 1")
    with pytest.raises(ValueError, match="`claim` is false here"):
        explained("exists n in node: n.term > 1", kind="reachable")


def test_two_leaders_of_one_term_are_named() -> None:
    violation = forgetful_trace().violation
    assert violation is not None
    assert violation.property == "one_leader_now"
    assert violation.text == (
        "forall n, m in node: n.role == leader and m.role == leader and n.term == m.term implies n == m"
    )
    assert violation.clauses == (
        (
            "n = node1, m = node3: `n.role == leader and m.role == leader and n.term == m.term` is true "
            "(node1.role = leader, node3.role = leader, node1.term = 1, node3.term = 1)"
        ),
        "`n == m` is false",
        "likewise for n = node3, m = node1",
    )


# Messages under way, and who has led -------------------------------------------------------------------------------


LOOKS = """protocol looks

process node:
    term: nat = 0
    granted: node? = none

message ask(term: nat)
message grant(term: nat, about: node?)

network: {network}

action stand if term == 0:
    term := 1
    broadcast ask(1)

on ask(t) from other if granted == none:
    granted := other
    send grant(t, none) to other
    send grant(t, other) to other

leader if term > 0 with token term

{kind} claim:
    {expression}
"""


def looked(expression: str, kind: str = "safety", network: str = "reliable", steps_taken: int = 2) -> tuple[str, ...]:
    """The clauses about the state in which node1 has stood, and node2 has granted it something twice."""
    text = LOOKS.format(network=network, kind=kind, expression=expression)
    model = model_of(text, 2, channel=2)
    state = initial(model).state
    for _ in range(steps_taken):
        assert state is not None
        state = steps(model, state)[0].state
    assert state is not None
    claim = model.protocol.properties[0]
    if kind == "reachable":
        return explain_witness(model, claim, state)
    return explain(model, claim, state).clauses


@pytest.mark.parametrize(
    ("expression", "clauses"),
    [
        (
            "forall grant(t, p) from v to c: p == none",
            ["grant(t = 1, p = node1) from v = node2 to c = node1: `p == none` is false"],
        ),
        (
            "forall grant(t, p) from v to c: c.term > t",
            [
                "grant(t = 1, p = none) from v = node2 to c = node1: `c.term > t` is false (node1.term = 1)",
                "likewise for grant(t = 1, p = node1) from v = node2 to c = node1",
            ],
        ),
        (
            "forall grant(t, p) from v to c before grant(u, q): p == q",
            ["grant(t = 1, p = none) from v = node2 to c = node1 before grant(u = 1, q = node1): `p == q` is false"],
        ),
        ("exists ask(t) from a to b: t > 1", ["no ask(t) from a to b is under way"]),
        (
            "exists grant(t, p) from v to c: t > 1 and p == c",
            [
                "`t > 1 and p == c` is true for no grant(t, p) from v to c",
                "grant(t = 1, p = none) from v = node2 to c = node1: `t > 1` is false",
                "grant(t = 1, p = node1) from v = node2 to c = node1: `t > 1` is false",
            ],
        ),
        (
            "not (forall grant(t, p) from v to c: t == 1)",
            ["`t == 1` is true for every grant(t, p) from v to c"],
        ),
        (
            "forall n led with t: n.granted != none",
            ["n = node1 led with t = 1: `n.granted != none` is false (node1.granted = none)"],
        ),
        (
            "forall m in node: m.term == 1 or forall n led with t: m == n",
            [
                "m = node2: `m.term == 1` is false (node2.term = 0)",
                "m = node2, n = node1 led with t = 1: `m == n` is false",
            ],
        ),
    ],
)
def test_the_message_or_the_leader_at_fault_is_named(expression: str, clauses: list[str]) -> None:
    assert list(looked(expression)) == clauses


def test_a_message_that_is_under_way_twice_is_named_once() -> None:
    assert looked("forall ask(t) from a to b: t > 1", network="reordering", steps_taken=1) == (
        "ask(t = 1) from a = node1 to b = node2: `t > 1` is false",
    )


def test_a_message_or_a_leader_is_a_witness() -> None:
    assert looked("exists grant(t, p) from v to c: p == c", kind="reachable") == (
        "grant(t = 1, p = node1) from v = node2 to c = node1: `p == c` is true",
    )
    assert looked("forall n led with t: t > 1", kind="reachable", steps_taken=0) == ("nobody has ever led",)


# The standard properties ---------------------------------------------------------------------------------------------


def test_a_leader_of_the_past_counts() -> None:
    trace = found(model_of(FORGETFUL, 3, limits={"node.term": 1}), "one_leader_per_token")
    assert trace.violation is not None
    assert trace.violation.text == "over the whole history, no two processes have led with one token"
    assert trace.violation.clauses == ("node1 led before with token 1", "node3 leads now with token 1")
    assert len(trace) == 9


TOKENS = """protocol tokens

process node:
    durable term: nat = 0
    backing: set of node = {}

action up_to_two if term == 0:
    term := 2
action down_to_one if term == 2:
    term := 1

leader if term > 0 with token term, elected by {n in node if n.term == term}
"""


def test_a_token_that_goes_backwards_is_shown_before_and_now() -> None:
    violation = found(model_of(TOKENS, 2), "token_never_goes_backwards").violation
    assert violation is not None
    assert violation.clauses == ("node1 led before with token 2", "node1 leads now with token 1")


def test_what_an_election_rests_on_is_shown() -> None:
    violation = found(model_of(TOKENS, 3), "leader_holds_quorum").violation
    assert violation is not None
    assert violation.clauses == (
        "node1 leads with token 2",
        "its election rests on {node1}: `{n in node if n.term == term}`",
        "`quorum({node1})` is false",
    )


def test_no_standard_property_is_false_at_the_start() -> None:
    model = model_of(TOKENS, 2)
    start = initial(model).state
    assert start is not None
    for name in ("one_leader_per_token", "token_never_goes_backwards", "leader_holds_quorum"):
        with pytest.raises(ValueError, match=f"`{name}` is true here"):
            explain_standard(model, name, start)


# Failures ------------------------------------------------------------------------------------------------------------


def test_a_failed_step_is_explained_by_its_place_in_the_spec() -> None:
    text = TOKENS.replace("term := 1", "term := 1\n    assert term == 2")
    trace = found(model_of(text, 2), "failure")
    assert trace.violation is not None
    assert trace.violation.clauses == ("the assertion is false", "example.elect:11: `assert term == 2`")
    assert isinstance(trace.steps[-1].failure, Failure)


def test_a_down_process_does_not_lead() -> None:
    model = model_of(TOKENS, 3)
    down = ProcessState((2, frozenset()), (), False)
    up = ProcessState((0, frozenset()), (), True)
    state = State(((down, up, up),), frozenset(), frozenset(), (), (), frozenset({(0, 3)}))
    with pytest.raises(ValueError, match="is true here"):
        explain_standard(model, "token_never_goes_backwards", state)
