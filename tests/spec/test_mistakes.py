"""What people type wrong, and what they are told: a golden text for each typical mistake."""

from pathlib import Path

import pytest

from spec.diagnostics import SpecError
from spec.parser import parse
from spec.render import render
from spec.source import Source
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden" / "mistakes.txt"

PROCESS = "process node:\n"
START = "on start:\n"

MISTAKES = {
    # Heads and colons
    "a head without its colon": "on start\n    reset election\n",
    "a guard without its colon": "on timeout election if role == leader\n    reset election\n",
    "an if without its colon": START + "    if a == b\n        reset election\n",
    "an else without its colon": START + "    if a:\n        pass\n    else\n        pass\n",
    "a process without its colon": "process node\n    term: nat = 0\n",
    "a property without its colon": "safety fine term >= 0\n",
    "a property without a name": "safety: term >= 0\n",
    "a network without its colon": "network loss\n",
    "a check without its colon": "check quick 3 nodes\n",
    # Assignments and comparisons
    "`=` for `:=`": START + "    term = 1\n",
    "`==` for `:=`": START + "    term == 1\n",
    "`=` for `:=` at a map": START + "    sent[n] = 1\n",
    "`=` for `==`": START + "    if role = leader:\n        pass\n",
    "`:=` for `==`": "safety fine: role := leader\n",
    "`:=` for `=` after let": START + "    let t := term\n",
    "`:=` for `=` in a process": PROCESS + "    term: nat := 0\n",
    "`+=`": START + "    term += 1\n",
    "`++`": START + "    term++\n",
    "a value missing after `:=`": START + "    term :=\n    reset election\n",
    "an operand missing at the end of the line": START + "    term := term +\n    role := candidate\n",
    "two statements in one line": START + "    term := 1 role := leader\n",
    "a semicolon": START + "    term := 1;\n",
    # Operators of other languages
    "`&&`": "safety fine: a && b\n",
    "`||`": "safety fine: a || b\n",
    "`!`": "safety fine: !a\n",
    "`!` before parentheses": START + "    if !(a):\n        pass\n",
    "`=>`": "safety fine: a => b\n",
    "`->`": "safety fine: a -> b\n",
    "`<>`": "safety fine: a <> b\n",
    "`===`": "safety fine: a === b\n",
    "division": "define majority(): size(node) / 2 + 1\n",
    "a chain of comparisons": "safety fine: 0 < term < 3\n",
    "a question mark": START + "    term := a ? 1 : 2\n",
    "a choice as in Python": START + "    term := 1 if a else 2\n",
    "a part of a set as in mathematics": "define f(): {n in node | n.term > term}\n",
    "a part of a set with a colon": "define f(): {n in node : n.term > term}\n",
    "a part of what is no `in`": "define f(): {n if n.term > term}\n",
    "mathematical signs": "safety fine: term \u2264 3 \u2227 a\n",
    "a quantifier without `in`": "safety fine: forall n: n.term > 0\n",
    "a quantifier without its colon": "safety fine: forall n in node n.term > 0\n",
    "messages under way without an end": "safety fine: forall vote(t) from n: t > 0\n",
    "messages under way without a beginning": "safety fine: forall vote(t) to n: t > 0\n",
    "messages under way without ends": "safety fine: forall vote(t): t > 0\n",
    "messages under way as in a set": "safety fine: forall vote(t) in node: t > 0\n",
    "a second message without parentheses": "safety fine: forall vote(t) from n to m before ask: t > 0\n",
    "a second message with its ends": "safety fine: forall vote(t) from n to m before ask(u) from n to m: t > 0\n",
    "who has led without a token": "safety fine: forall n led: n.term > 0\n",
    "who has led without `with`": "safety fine: forall n led t: t > 0\n",
    # Words
    "a misspelt item": "mesage vote(term: nat)\n",
    "a misspelt property": "safty fine: a\n",
    "an unknown item": "function f():\n    pass\n",
    "an item of no language": "xyzzy\n",
    "a misspelt statement": START + "    brodcast vote(term)\n",
    "a misspelt event": "on timout election:\n    pass\n",
    "a misspelt word in a process": PROCESS + "    durabel term: nat = 0\n",
    "a misspelt operator": "safety fine: a implys b\n",
    "a misspelt quantifier": "safety fine: exist n in node: n.up\n",
    "`else if`": START + "    if a:\n        pass\n    else if b:\n        pass\n",
    "`elsif`": START + "    if a:\n        pass\n    elsif b:\n        pass\n",
    "`return`": START + "    return\n",
    "`return` with a value": "procedure f():\n    return term + 1\n",
    "`var`": START + "    var t = 1\n",
    "`when` for `on`": "when vote(t) from n:\n    pass\n",
    "`print` without parentheses": START + '    print "here"\n',
    "a word of the language as a variable": START + "    stop := 1\n",
    "a word of the language as a name": "message vote(if: nat)\n",
    "two words in one": "onstart:\n    pass\n",
    "two words in one, further on": START + "    send vote(term) tocandidate\n",
    # Messages and handlers
    "a handler without parentheses": "on vote from n:\n    pass\n",
    "a handler without `from`": "on vote(t):\n    pass\n",
    "a handler without a sender, with a guard": "on vote(t) if t == term:\n    pass\n",
    "types in a handler": "on vote(t: nat) from n:\n    pass\n",
    "a message named `start`": "on start(t) from n:\n    pass\n",
    "a message without types": "message vote(term)\n",
    "a message without parentheses": "message vote\n",
    "a send without `to`": START + "    send vote(term) candidate\n",
    "a send to nobody": START + "    send vote(term)\n",
    "a send without parentheses": START + "    send vote to candidate\n",
    "a broadcast to somebody": START + "    broadcast vote(term) to node\n",
    "a procedure without parentheses": "procedure f:\n    pass\n",
    "a definition with `=`": "define f(x: nat) = x + 1\n",
    "a leader without `if`": "leader role == leader with token term\n",
    "a leader without a token": "leader if role == leader\n",
    # Processes
    "a variable without a type": PROCESS + "    term = 0\n",
    "a variable without an initial value": PROCESS + "    term: nat\n",
    "an `int` without its range": PROCESS + "    term: int = 0\n",
    "an optional `int` without its range": PROCESS + "    term: int? = none\n",
    "a set without `of`": PROCESS + "    votes: set node = {}\n",
    "a timer without a unit": PROCESS + "    timer election: 300 .. 500 ms\n",
    "a timer with `=`": PROCESS + "    timer election = 300 ms\n",
    "a timer with `-`": PROCESS + "    timer election: 300 ms - 500 ms\n",
    "a variable named `timer`": PROCESS + "    timer: nat = 0\n",
    # Checks and faults
    "a check with `=`": "check quick: nodes = 3\n",
    "a check with `<`": "check quick: 3 nodes, term < 3\n",
    "faults without `up to`": "faults: crash 2\n",
    # Brackets and texts
    "an open parenthesis": START + "    term := (term + 1\n    role := leader\n",
    "an open parenthesis in a call": START + "    if quorum(votes:\n        pass\n",
    "an open brace": START + "    votes := {self\n    reset election\n\non timeout election:\n    pass\n",
    "an open bracket at the end of the file": START + "    sent[n := 1\n",
    "a bracket that closes nothing": START + "    term := term + 1)\n",
    "a bracket of another kind": START + "    votes := {self)\n",
    "a bracket of another kind in another line": START + "    votes := {\n        self)\n",
    "an open text": 'safety fine "it is fine: a\n',
    "curly quotes": "safety fine \u201cit is fine\u201d: a\n",
    "single quotes": "safety fine 'it is fine': a\n",
    # Layout
    "a tab": START + "\treset election\n\tterm := 1\n\trole := leader\n",
    "a line too far to the right": START + "    term := 1\n      role := leader\n",
    "a line between two levels": START + "    if a:\n        term := 1\n      role := leader\n",
    "an item not in the first column": "  protocol raft\n",
    "a block that is not indented": START + "reset election\nterm := 1\n\nprocess node:\n    term = 0\n",
    "a line that is not indented": START + "    reset election\nterm := 1\n",
    "an if whose block is not indented": START + "    if a:\n    term := 1\n",
    "a block missing before the next item": START + "\non timeout election:\n    pass\n",
    "a block missing at the end of the file": START,
    "a block of comments": START + "    # nothing to do\n",
    "a process with nothing in it": PROCESS + "\nprotocol raft\n",
    "text after the end": "protocol raft, a protocol\n",
    # Characters
    "a name with an umlaut": START + "    gr\u00f6\u00dfe := 1\n",
    "a blank that is none": START + "    term :=\u00a01\n",
    "a zero byte": "protocol ra\x00ft\n",
    "a currency sign": START + "    $term := 1\n",
    "a number too large": START + "    term := 10000000000\n",
    "nested too deep": "safety fine: " + "(" * 200 + "a" + ")" * 200 + "\n",
    "an empty file": "",
    "a file of comments": "# protocol raft\n\n# to be written\n",
    "line ends of Windows": "protocol raft\r\nprocess node:\r\n    term = 0\r\n",
    "a byte order mark": "\ufeffprotocol raft\non start:\n    term = 0\n",
    # What is written otherwise in other languages
    "a body behind `then`": START + "    if a then b := 1\n",
    "an ellipsis": "on vote(t) from n: ...\n",
    "braces for a block": "on start {\n    pass\n}\n",
    "braces for the block of an if": START + "    if a {\n        pass\n    }\n",
    "braces for an enumeration": PROCESS + "    role: {follower, leader} = follower\n",
    "angle brackets": PROCESS + "    votes: set<node> = {}\n",
    "a list": START + "    votes := [a, b]\n",
    "two words for `forall`": "safety fine: for all n in node: a\n",
    "a comma for a colon": "safety fine: exists n in node, n.a\n",
    "a prime": "step fine: term' >= term\n",
    "a method of a set": START + "    votes.add(self)\n",
    "a variable of another process": START + "    n.term := 1\n",
    "two variables at once": START + "    a, b := 1, 2\n",
    "a fraction of a clock's rate": "timed: tick 1 s, drift 0.1\n",
    "a fraction of a second": PROCESS + "    timer rest: 0.5 s\n",
    "a fraction": START + "    a := 1.5\n",
    "a name with a hyphen": "protocol my-protocol\n",
    "a name with a digit first": "protocol 3nodes\n",
    "a timeout with its words exchanged": "on election timeout:\n    pass\n",
    "a timeout in parentheses": "on timeout(election):\n    pass\n",
    "a type before its name": "message vote(nat term)\n",
    "`durable` behind the name": PROCESS + "    term: durable nat = 0\n",
    "`ordered` before the name": "process ordered node:\n    term: nat = 0\n",
    "an `else` without an `if`": START + "    else:\n        pass\n",
    "an `else` on the line of its `if`": START + "    if a: pass\n    if a: b := 1 else: c := 2\n",
    "two words for one statement": START + "    pass pass\n",
    "a missing comma": START + "    a := f(b c)\n",
    "a missing operand": START + "    a := not\n",
    "a comma missing between the parts of a check": "check quick: 3 nodes term <= 2\n",
    "a comma missing before `elected`": "leader if a with token b elected by c\n",
    "an incomplete confirmation": "leader if a with token b, confirmed by ack within election\n",
    "two messages in one handler": "on vote(t), heartbeat(t) from n:\n    pass\n",
    # All at once
    "several mistakes in one handler": (
        START + "    term = 1\n    if a:\n        role == leader\n        votes := {self}\n    brodcast vote(term)\n"
        "    let x := 1\n    if b\n        return\n"
    ),
    "several mistakes in one process": PROCESS + "    term = 0\n    votes: set node = {}\n    timer election: 3\n",
    "a mistake in every row of a check": "check full:\n    3 nodes, term < 3\n    4 nodes term <= 2\n",
    "several mistakes": (
        "protocl raft\n\nprocess node:\n    term: nat\n\nmessage vote(term)\n\non start:\n    term = 1\n\n"
        "safety fine: a && b\n\ncheck quick: 3 nodes, term < 3\n"
    ),
}


def messages(text: str) -> str:
    with pytest.raises(SpecError) as refused:
        parse(Source("raft.elect", text))
    return render(refused.value.source, refused.value.diagnostics)


def test_the_messages_are_golden() -> None:
    shown = [f"=== {title}\n\n{messages(text)}\n" for title, text in MISTAKES.items()]
    assert_golden(GOLDEN, "".join(shown))


@pytest.mark.parametrize("title", MISTAKES)
def test_each_message_says_what_was_expected_within_the_text(title: str) -> None:
    text = MISTAKES[title]
    source = Source("raft.elect", text)
    with pytest.raises(SpecError) as refused:
        parse(source)
    for problem in refused.value.diagnostics:
        assert "expected" in problem.label or problem.code in ("E0103", "E0105", "E0106", "E0109")
        assert "ANON" not in problem.label
        assert 1 <= problem.span.line <= max(len(source.lines), 1)
        assert 1 <= problem.span.column <= len(source.line(problem.span.line)) + 1


def test_every_item_has_its_mistake_reported() -> None:
    with pytest.raises(SpecError) as refused:
        parse(Source("raft.elect", MISTAKES["several mistakes"]))
    assert [problem.span.line for problem in refused.value.diagnostics] == [1, 4, 6, 9, 11, 13]


def test_every_line_of_an_item_has_its_mistake_reported() -> None:
    with pytest.raises(SpecError) as refused:
        parse(Source("raft.elect", MISTAKES["several mistakes in one handler"]))
    assert [problem.span.line for problem in refused.value.diagnostics] == [2, 4, 6, 7, 8]


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake() -> None:
    plain = "protocol raft  # one\n\nprocess node:\n    term: nat = 0\n"
    marked = parse(Source("raft.elect", "\ufeff" + plain.replace("\n", "\r\n")))
    assert [item.span.line for item in marked.items] == [1, 3]
    assert [comment.text for comment in marked.comments] == ["# one"]
    assert marked.items[1:] == parse(Source("raft.elect", plain)).items[1:]
