"""What is read of emitted text: what its reader does not know is refused, and text that looks right and is not is
found."""

from __future__ import annotations

import random

import pytest

from modelcheck.conformance.source import NotRead, source_of
from tests.codegen.python.emitted import found_in
from tests.modelcheck.conformance.mutants import subjects

HEARTBEAT = "    if t > now.term:\n        catch_up(now, t)\n    step_down(now)\n"
START = '    now.reset("election")\n    return True\n\n\ndef on_timeout'
VOTES = "    now.votes = now.votes | frozenset({voter})\n"
DONE = "    _ = on_start(now)\n    return now.done()\n"
STATE = "class State(msgspec.Struct, frozen=True):\n"
INIT = "        super().__init__(me, state.armed)\n"
LAST = "    now.answered = now.answered | frozenset({follower_of_mine})\n    return True\n"
QUORUM = 'return 2 * len(s) > len(now.everyone["node"])'
CASE = "        case _:\n            raise TypeError(f"
RESTARTED = "    return State(\n        term=state.term,"

UNKNOWN = {
    "a loop left early": (START, f"    for n in sorted(now.votes):\n        break\n{START}"),
    "a loop that returns": (START, f"    for n in sorted(now.votes):\n        return True\n{START}"),
    "starred arguments": ("catch_up(now, t)", "catch_up(*(now, t))"),
    "a default": ("def catch_up(now: Now, t: int)", "def catch_up(now: Now, t: int = 3)"),
    "a default that can change": ("def step_down(now: Now)", "def step_down(now: Now, seen: object = set())"),
    "a default of a function that nobody calls": (
        STATE,
        f"def unused(seen: object = globals().update(natural=abs)) -> None:\n    pass\n\n\n{STATE}",
    ),
    "a default of a method": ("    def done(self)", "    def done(self, seen: object = print(1))"),
    "only by name": ("def catch_up(now: Now, t: int)", "def catch_up(now: Now, *, t: int)"),
    "a decorator": ("def on_vote(", "@quorum\ndef on_vote("),
    "a decorated method": ("    def done(self)", "    @staticmethod\n    def done(self)"),
    "a global": (START, f"    global elsewhere\n{START}"),
    "a nested function": (START, f"    def inner() -> bool:\n        return True\n\n{START}"),
    "a walrus": ("    if t > now.term:", "    if (old := t) > now.term:"),
    "try": (HEARTBEAT, "    try:\n        step_down(now)\n    finally:\n        pass\n"),
    "with": (HEARTBEAT, "    with now:\n        step_down(now)\n"),
    "while": (HEARTBEAT, "    while t > now.term:\n        catch_up(now, t)\n    step_down(now)\n"),
    "a lambda": (HEARTBEAT, "    (lambda: step_down(now))()\n"),
    "a chained comparison": ("    if t < now.term:\n", "    if now.term > t > 0:\n"),
    "attributes by name": (HEARTBEAT, '    setattr(now, "term", t)\n    step_down(now)\n'),
    "attributes of a class": (HEARTBEAT, "    now.__class__ = State\n    step_down(now)\n"),
    "a dictionary of attributes": (HEARTBEAT, "    now.__dict__.clear()\n    step_down(now)\n"),
    "an import inside": (START, f"    import os\n{START}"),
    "a deletion": (START, f"    del now.term\n{START}"),
    "an assertion": (START, f"    assert now.term\n{START}"),
    "a list": ("now.votes = frozenset({now.me})", "now.votes = frozenset([now.me])"),
    "a slice": (START, f"    now.votes[0:1]\n{START}"),
    "two targets": (START, f"    first = second = now.term\n{START}"),
    "execution": (START, f'    exec("now.term = 3")\n{START}'),
    "an asynchronous function": ("def on_vote(", "async def on_vote("),
    "a loop in a module": (STATE, f"for each in ():\n    pass\n\n\n{STATE}"),
    "a call in a module": (STATE, f"print(KINDS)\n\n\n{STATE}"),
    "everything imported": ("from .messages import KINDS,", "from .messages import *\nfrom .messages import KINDS,"),
    "annotations that run": ("from __future__ import annotations\n", ""),
}
"""What no emitted text has, in node.py of raft: what stands there, and what is put there."""

WRONG = {
    "sets are compared for a difference": (
        "    if quorum(now, now.answered):",
        "    if not (now.votes < now.answered):",
    ),
    "a process is stored as a set": ("now.votes = frozenset({now.me})", "now.votes = now.me"),
    "a set is stored as a process": ("now.voted_for = now.me", "now.voted_for = frozenset({now.me})"),
    "a set that can change is stored": ("now.votes = frozenset({now.me})", "now.votes = {now.me}"),
    "a tuple is stored": ("now.votes = frozenset({now.me})", "now.votes = (now.me,)"),
    "a set and a process are joined": (VOTES, "    now.votes = now.votes | voter\n"),
    "a set and a tuple are joined": (VOTES, "    now.votes = now.votes | (voter,)\n"),
    "a member of an optional process": ("now.voted_for in (None, candidate)", "candidate in now.voted_for"),
    "numbers are compared as things": ("t == now.term and now.voted_for in", "t is now.term and now.voted_for in"),
    "truth of a number": (
        "    if t > now.term:\n        catch_up(now, t)\n    if",
        "    if t - now.term:\n        pass\n    if",
    ),
    "truth of an optional process": ("now.voted_for in (None, candidate)", "not now.voted_for"),
    "a number for a truth": ("    if t < now.term:\n        return False", "    if t < now.term:\n        return 0"),
    "a process for a number": ("    now.term = t\n", "    now.term = now.me\n"),
    "a truth for a number": ("    now.term = t\n", "    now.term = True\n"),
    "nothing is returned on some paths": (
        '    if now.role == "leader":\n        return False\n    now.term = now.term + 1',
        '    if now.role == "leader":\n        pass\n    elif now.term > 5:\n        return True\n    now.term = t',
    ),
    "no return at the end": (LAST, LAST.replace("    return True\n", "")),
    "another error": (HEARTBEAT, f'    if t < 0:\n        raise TypeError("no")\n{HEARTBEAT}'),
    "an error in an error": (HEARTBEAT, f"    if t < 0:\n        raise Impossible(nothing)\n{HEARTBEAT}"),
    "a name that there is not on some paths": (
        HEARTBEAT,
        "    if t > now.term:\n        higher = t\n    catch_up(now, higher)\n    step_down(now)\n",
    ),
    "a loop changes a name": (
        '    now.send("node", sender, HeartbeatAck',
        '    for sender in sorted(now.everyone["node"]):\n        pass\n    now.send("node", sender, HeartbeatAck',
    ),
    "a parameter hides a function": (
        "def catch_up(now: Now, t: int) -> None:",
        "def catch_up(now: Now, step_down: int) -> None:",
    ),
    "a local hides a function": (HEARTBEAT, f"    quorum = 1\n{HEARTBEAT}"),
    "a local hides what Python has": (HEARTBEAT, f"    len = 1\n{HEARTBEAT}"),
    "a comprehension hides a message": (
        HEARTBEAT,
        f"    some = frozenset(Vote for Vote in now.votes if Vote == t)\n{HEARTBEAT}",
    ),
    "a name that is assigned where nobody looks": (
        CASE,
        "        case _:\n            on_vote = 1\n            raise TypeError(f",
    ),
    "a generator": (CASE, "        case _:\n            yield 1\n            raise TypeError(f"),
    "no error for what is unknown": (CASE, "        case _:\n            print(f"),
    "a step begins anew": (DONE, "    _ = on_start(now)\n    now = Now(me, everyone, state)\n    return now.done()\n"),
    "a step ends too soon": (DONE, "    ended = now.done()\n    _ = on_start(now)\n    return ended\n"),
    "effects are forgotten": (DONE, "    _ = on_start(now)\n    now.effects = frozenset()\n    return now.done()\n"),
    "effects of something else": (DONE, "    _ = on_start(now)\n    return Step(state, tuple(self.effects))\n"),
    "a step begins again at its end": (
        '        """The step, at its end."""\n',
        '        """The step, at its end."""\n        super().__init__(self.me, self.armed)\n',
    ),
    "a timer is armed and nobody told": (START, START.replace('now.reset("election")', 'now.armed |= {"election"}')),
    "a timer is stopped and nobody told": ('now.stop("heartbeat")', 'now.armed -= {"heartbeat"}'),
    "a step that begins without its state": (INIT, f"{INIT}        return\n"),
    "a step that begins without its state at times": (INIT, f"{INIT}        if me == 0:\n            return\n"),
    "a state is changed": (DONE, "    state.term = 3\n    _ = on_start(now)\n    return now.done()\n"),
    "a state is asked for an effect": (DONE, '    state.reset("election")\n    return now.done()\n'),
    "a new attribute": (START, f"    now.other = 1\n{START}"),
    "another process": (START, f"    now.me = 0\n{START}"),
    "a method without its object": ("    def done(self)", "    def done()"),
    "another name for an object": ("    def done(self)", "    def done(this)"),
    "another method": (
        "    def done(self)",
        "    def reset(self, timer: str) -> None:\n        pass\n\n    def done(self)",
    ),
    "a property": ("    def done(self)", "    term = property(lambda self: 3)\n\n    def done(self)"),
    "an attribute of the class": ("    __slots__ = (", "    send = print\n    __slots__ = ("),
    "other slots": ('        "answered",\n        "everyone",', '        "everyone",'),
    "a slot that is a method": (
        '        "answered",\n        "everyone",',
        '        "answered",\n        "send",\n        "everyone",',
    ),
    "a default of a state": ('    role: Role = "follower"', '    role: Role = "leader"'),
    "a default that is something else": (
        "    votes: frozenset[int] = frozenset()",
        "    votes: frozenset[int] = frozenset({0})",
    ),
    "a default that can change": ("    votes: frozenset[int] = frozenset()", "    votes: frozenset[int] = set()"),
    "a field in parentheses": ("    term: int = 0", "    (term): int = 0"),
    "a field of another type": ("    voted_for: int | None = None", "    voted_for: int = None"),
    "a method of a state": (
        "    armed: frozenset[str] = frozenset()\n",
        "    armed: frozenset[str] = frozenset()\n\n    def __post_init__(self) -> None:\n        pass\n",
    ),
    "a constant": (STATE, f"reach = KINDS\n\n\n{STATE}"),
    "a function that hides": (STATE, f"def sorted(of: object) -> object:\n    return of\n\n\n{STATE}"),
    "a name of another": (
        "import KINDS, MESSAGES, PROTOCOL, SPEC_SHA256, Heartbeat, HeartbeatAck",
        "import KINDS, MESSAGES, PROTOCOL, SPEC_SHA256, Heartbeat as HeartbeatAck, HeartbeatAck as Heartbeat",
    ),
    "a name that is not imported": ("import Step, Turn", "import Step"),
    "a message that is not imported": ("HeartbeatAck, Message", "Message"),
    "another runtime": ("from runtime.process import", "from another.process import"),
    "modules of two runtimes": ("from runtime.steps import", "from another.steps import"),
    "what is a quorum": (QUORUM, 'return 2 * len(s) >= len(now.everyone["node"])'),
    "what confirms a leader": ("return quorum(Now(0, everyone, initial(everyone)), some)", "return True"),
    "whom a quorum is asked of": (
        "everyone, initial(everyone)), some)",
        'everyone, initial(everyone)), everyone["node"])',
    ),
    "a restart that fails": (RESTARTED, f'    if state.term > 5:\n        raise Impossible("no")\n{RESTARTED}'),
    "a set is sent to": ('now.send("node", sender,', 'now.send("node", frozenset({sender}),'),
    "a process is broadcast to": ('now.send("node", sender,', 'now.broadcast("node", sender,'),
    "something done in a condition": (
        "    if quorum(now, now.answered):",
        "    if any(catch_up(now, n) is None for n in now.answered):",
    ),
    "arguments by turns": ("def catch_up(now: Now, t: int)", "def catch_up(t: int, now: Now)"),
    "one parameter twice": ("def catch_up(now: Now, t: int)", "def catch_up(now: Now, now: Now)"),
    "a process before its functions": (
        "PROCESS: Process[State, Message] = Process(",
        "PROCESS: Process[State, Message] = Process(*(),",
    ),
    "another's kind": ('kind="node"', 'kind="nodes"'),
}
"""What looks like emitted text and is something else."""


def changed(old: str, new: str) -> dict[str, str]:
    _, texts = subjects()["raft"]
    assert old in texts["node.py"], "the change is of something that is there"
    return {**texts, "node.py": texts["node.py"].replace(old, new, 1)}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_not_known_is_not_read(what: str) -> None:
    found = found_in(subjects()["raft"][0], changed(*UNKNOWN[what]), (3,))
    assert any("not read" in one.what for one in found), found


@pytest.mark.parametrize("what", WRONG)
def test_what_only_looks_right_is_found(what: str) -> None:
    assert found_in(subjects()["raft"][0], changed(*WRONG[what]), (3, 4))


def test_a_package_that_does_something_is_found() -> None:
    protocol, texts = subjects()["raft"]
    assert not found_in(protocol, texts)
    assert found_in(protocol, {**texts, "__init__.py": "import os\n"})
    assert found_in(protocol, {**texts, "__init__.py": "print(1)\n"})
    assert found_in(protocol, {**texts, "other.py": ""})


def test_a_default_that_no_state_is_made_with_is_looked_at() -> None:
    """It is run all the same, as the class is declared."""
    protocol, texts = subjects()["raft"]
    everything = 'role="follower", votes=frozenset(), answered=frozenset(), armed=frozenset()'
    node = texts["node.py"]
    for old, new in (
        ("    return State()\n", f"    return State(term=0, voted_for=None, {everything})\n"),
        ("voted_for=state.voted_for,\n    )", f"voted_for=state.voted_for, {everything})"),
    ):
        assert old in node
        node = node.replace(old, new, 1)
    assert not found_in(protocol, {**texts, "node.py": node})
    field = "    votes: frozenset[int] = frozenset()"
    assert found_in(protocol, {**texts, "node.py": node.replace(field, field.replace("frozenset()", "print(1)"), 1)})


def test_a_text_that_python_reads_as_another_is_found() -> None:
    """In UTF-7, this comment has a line break in it."""
    protocol, texts = subjects()["raft"]
    head = "# -*- coding: utf-7 -*-\n# +AAo-print(1)\n"
    assert any("UTF-8" in one.what for one in found_in(protocol, {**texts, "node.py": head + texts["node.py"]}))
    assert found_in(protocol, {**texts, "node.py": f"# coding: nothing\n{texts['node.py']}"})


MAINS = {
    "another runtime": ("from runtime.main import", "from another.main import"),
    "another main": ("def run()", "def main(of: object) -> int:\n    return 0\n\n\ndef run()"),
    "a change of a process": ("def run()", 'object.__setattr__(node.PROCESS, "timeout", None)\n\n\ndef run()'),
    "another process": ('"node": node.PROCESS', '"node": node.OTHER'),
    "something more": ("    sys.exit(run())", "    print(1)\n    sys.exit(run())"),
    "something else": ("    sys.exit(run())", "    sys.exit(0)"),
}


@pytest.mark.parametrize("what", MAINS)
def test_a_command_that_does_something_else_is_found(what: str) -> None:
    protocol, texts = subjects()["raft"]
    old, new = MAINS[what]
    assert old in texts["__main__.py"]
    assert found_in(protocol, {**texts, "__main__.py": texts["__main__.py"].replace(old, new, 1)})


@pytest.mark.parametrize("text", ["def f(:", "\x00", "x = 1\n" * 3, "(" * 5000, "class A: pass\nclass A: pass"])
def test_what_is_no_module_is_not_read(text: str) -> None:
    with pytest.raises(NotRead):
        source_of(text)


def cut(text: str, chosen: random.Random) -> str:
    """A text with something in it taken away, doubled or exchanged."""
    lines = text.split("\n")
    at, other = chosen.randrange(len(lines)), chosen.randrange(len(lines))
    match chosen.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[other])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            words = lines[at].split(" ")
            words[chosen.randrange(len(words))] = chosen.choice(lines[other].split(" "))
            lines[at] = " ".join(words)
        case _:
            where = chosen.randrange(len(text))
            return text[:where] + chosen.choice("()[]{}.,:=<>+-*|&'\"0a \n") + text[where + chosen.randrange(2) :]
    return "\n".join(lines)


@pytest.mark.parametrize("spec", ["raft", "lock_service", "small"])
def test_no_text_makes_its_reader_fail(spec: str) -> None:
    """Whatever the text, the answer is what differs, or nothing."""
    protocol, texts = subjects()[spec]
    chosen = random.Random(3)
    for _ in range(60):
        file = chosen.choice(sorted(texts))
        found_in(protocol, {**texts, file: cut(texts[file], chosen)}, (2,))
