"""The words and signs of a spec, cut from its text without parsing it.

The parser has a lexer of its own, which knows what may stand where. This one knows nothing of that and takes any
text whatever; it serves those who look at a text that may be wrong (error messages, highlighting) and those who
need each token's place (the formatter).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

ITEM_WORDS = (
    *("protocol", "type", "process", "message", "on", "action", "input", "procedure", "define", "leader", "safety"),
    *("invariant", "step", "reachable", "recovers", "leads_to", "network", "faults", "fairness"),
    *("check", "timed", "writes"),
)
"""What an item begins with."""

STATEMENT_WORDS = (
    *("if", "elif", "else", "for", "while", "send", "broadcast", "reset", "stop", "let", "pass", "assert"),
    "unreachable",
)
"""What a statement or an arm begins with, unless with a name."""

EXPRESSION_WORDS = ("and", "or", "not", "implies", "in", "exists", "forall", "then")
LITERAL_WORDS = ("true", "false", "none", "self")
TYPE_WORDS = ("bool", "nat", "int", "set", "of", "map")
CLAUSE_WORDS = (
    *("led", "before"),
    *("start", "timeout", "from", "to", "at", "with", "token", "elected", "by", "confirmed", "a", "quorum", "within"),
    *("ordered", "durable", "timer", "up", "until", "without", "since"),
)
"""Words that mean something in one place of an item and may be names elsewhere."""

BUILT_IN_WORDS = ("size", "min", "max", "next", "armed", "elapsed", "paused", "successor", "predecessor")

PATTERNS = (
    ("comment", r"#[^\n]*"),
    ("text", r'"[^"\n]*"'),
    ("open text", r'"[^\n]*'),
    ("number", r"[0-9]+"),
    ("word", r"[A-Za-z_][A-Za-z0-9_]*"),
    ("sign", r":=|==|!=|<=|>=|~>|\.\.|[-+*&<>=:|.,?()\[\]{}]"),
    ("line", r"\n"),
    ("blank", r"[ \t]+|\r+(?=\n|\Z)"),
    ("other", r"[^\n]"),
)
"""Every character of every text belongs to exactly one of these."""

_TOKEN = re.compile("|".join(f"(?P<{kind.replace(' ', '_')}>{pattern})" for kind, pattern in PATTERNS))

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = {close: opening for opening, close in OPENING.items()}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is one of `PATTERNS`'; line and column count from 1, `start` (the index in the text) from 0."""

    kind: str
    text: str
    start: int
    line: int
    column: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def scan(text: str) -> Iterator[Token]:
    """All of the text, in order; the tokens' texts put together are the text again."""
    line, line_start = 1, 0
    for found in _TOKEN.finditer(text):
        kind = (found.lastgroup or "").replace("_", " ")
        yield Token(kind, found.group(), found.start(), line, found.start() - line_start + 1)
        if kind == "line":
            line, line_start = line + 1, found.end()


def code(text: str) -> tuple[Token, ...]:
    """The tokens that mean something: neither blanks nor line ends nor comments."""
    return tuple(token for token in scan(text) if token.kind not in ("blank", "line", "comment"))


def open_brackets(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """The brackets that are opened and not closed again, the outermost first."""
    opened: list[Token] = []
    for token in tokens:
        if token.text in OPENING:
            opened.append(token)
        elif token.text in CLOSING and opened:
            opened.pop()
    return tuple(opened)
