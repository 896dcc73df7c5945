"""Seeded changes of a spec's text: each leaves out, alters or puts in one thing, as a slip of the hand might."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from spec.check import check
from spec.diagnostics import SpecError
from spec.protocol import Protocol
from spec.source import Source

HANDLER = re.compile(r"on |action |input ")
CLAUSE = re.compile(r"(?:invariant|safety) (\w+)")
PLAIN = re.compile(r"    [\w.]+ :=|    (?:send|broadcast|reset|stop|assert) |    \w+\(.*\)$")
"""A statement of one line."""

SLIPS: tuple[tuple[str, str], ...] = (
    (" == ", " != "),
    (" != ", " == "),
    (" >= ", " <= "),
    (" >= ", " > "),
    (" > ", " < "),
    (" > ", " >= "),
    (" and ", " or "),
    (" or ", " and "),
    (" + 1", ""),
    (" + 1", " - 1"),
    (" + {", " - {"),
    (":= {self}", ":= {}"),
    (":= {}", ":= {self}"),
    (":= none", ":= self"),
    (":= self", ":= none"),
    ("{none, candidate}", "{none}"),
    ("{none, candidate}", "{candidate}"),
    ("durable ", ""),
    ("= none", "= self"),
    ("= {}", "= {self}"),
    ("= {}  ", "= node  "),
    (": nat = 0", ": nat = 1"),
    (": nat = 0", ": nat = -1"),
    (": node? = none", ": set of node = {}"),
    ("(term)", "(term + 1)"),
    ("(term)", "(term - 1)"),
    (" with token term", " with token term + 1"),
    (" with token term", " with token 0 - term"),
    (" with token term", " with token 1"),
    (" with token term", " with token term - 1"),
    ("faults: restart", "faults: restart, disk loss"),
    ("faults: restart", "faults: restart, crash"),
)
"""What stands in a line, and what a slip makes of it: everywhere that it stands, but one place at a time."""

ROLES = ("follower", "candidate", "leader")

WHOLE: tuple[tuple[tuple[str, str], ...], ...] = (
    (("on start:", "define quorum(some: set of node): 2 * size(some) >= size(node) - 1\n\non start:"),),
    (("on start:", "define quorum(some: set of node): size(some) == size(node) - 1\n\non start:"),),
    (("on start:", "define quorum(some: set of node): size(some) > size(node)\n\non start:"),),
    (("elected by {n in node if n.term > term or n.term == term and n.voted_for == self}", "elected by votes"),),
    (("leader = follower", "leader = leader"), ("with token term", "with token term + 1")),
)
"""Changes of more than a few characters, or of more than one place."""

INSERTED: tuple[str, ...] = (
    "role := leader",
    "role := candidate",
    "role := follower",
    "term := 0",
    "term := term + 1",
    "term := term - 1",
    "voted_for := none",
    "voted_for := self",
    "votes := node",
    "answered := {}",
    "assert false",
    "broadcast request_vote(term)",
    "broadcast request_vote(term + 1)",
    "broadcast request_vote(term - 1)",
    "broadcast vote(term)",
    "broadcast vote(term + 1)",
    "broadcast vote(term - 1)",
    "broadcast heartbeat(term - 1)",
    "broadcast heartbeat_ack(term - 1)",
    "send request_vote(term) to self",
    "broadcast request_vote(term); broadcast vote(term)",
    "voted_for := none; role := leader",
    "voted_for := self; role := leader",
)
"""Statements that a handler begins or ends with, without a reason. A semicolon parts lines."""


@dataclass(frozen=True)
class Mutant:
    """`name` says what was changed, and `protocol` is what came of it."""

    name: str
    text: str

    @property
    def protocol(self) -> Protocol:
        return check(Source("mutant.elect", self.text))[0]

    @property
    def is_a_spec(self) -> bool:
        try:
            return self.protocol is not None
        except SpecError:
            return False


def mutants_of(text: str) -> Iterator[Mutant]:
    """All of them, those that a person is likeliest to make first. Not all are specs that the checker takes."""
    lines = text.split("\n")
    end = next((n for n, line in enumerate(lines) if CLAUSE.match(line)), len(lines))

    def changed(number: int, *new: str) -> str:
        return "\n".join((*lines[:number], *new, *lines[number + 1 :]))

    for number, line in enumerate(lines[:end]):
        place = f"line {number + 1}"
        if PLAIN.search(line):
            indent = line[: len(line) - len(line.lstrip())]
            yield Mutant(f"{place}: `{line.strip()}` is left out", changed(number, f"{indent}pass"))
        if guarded := re.fullmatch(r"(\s*)((?:on|action|input) .*|el)? ?if (.*):", line.split("  #")[0].rstrip()):
            indent, head, condition = guarded.groups()
            new = f"{indent}{head}:" if head and head != "el" else f"{indent}{head or ''}if true:"
            yield Mutant(f"{place}: without `if {condition}`", changed(number, new))
        for old, new in SLIPS:
            for found in re.finditer(re.escape(old), line.split("  #")[0]):
                after = line[: found.start()] + new + line[found.end() :]
                if after != line:
                    what = f"{place}, column {found.start() + 1}: `{old.strip()}` is `{new.strip()}`"
                    yield Mutant(what, changed(number, after))
        for one in ROLES:
            for other in ROLES:
                if one != other and (now := re.sub(rf"((?::?=) ){one}(?=\s|$)", rf"\g<1>{other}", line)) != line:
                    yield Mutant(f"{place}: `{one}` is `{other}`", changed(number, now))
    for changes in WHOLE:
        if all(old in text for old, _ in changes):
            whole = text
            for old, new in changes:
                whole = whole.replace(old, new, 1)
            yield Mutant("; ".join(f"`{old}` becomes `{new.splitlines()[0]}`" for old, new in changes), whole)
    for number, line in enumerate(lines[:end]):
        if not HANDLER.match(line):
            continue
        last = next(n for n in range(number + 1, end) if not lines[n].strip() or not lines[n].startswith(" "))
        for statements in INSERTED:
            inside = [f"    {one.strip()}" for one in statements.split(";")]
            yield Mutant(f"line {number + 1}: begins with `{statements}`", changed(number, line, *inside))
            yield Mutant(f"line {number + 1}: ends with `{statements}`", changed(last - 1, lines[last - 1], *inside))


@cache
def mutants(text: str) -> dict[str, Mutant]:
    return {one.name: one for one in mutants_of(text)}
