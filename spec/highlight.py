"""Colours for specs, in the terminal and, by a TextMate grammar made from the same table, in editors.

The table works as TextMate does: line by line, at each place the rule that matches first, of several the one that
stands first here. It takes any text; what it does not know it leaves plain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from rich.text import Text

from spec.tokens import BUILT_IN_WORDS, EXPRESSION_WORDS, STATEMENT_WORDS

NAME = "[A-Za-z_][A-Za-z0-9_]*"


@dataclass(frozen=True, slots=True)
class Rule:
    """`pattern` is understood alike by Python and by the engines of editors. Each of its groups has a scope of
    TextMate's; one without groups has one for all of it."""

    pattern: str
    scopes: tuple[str, ...]


def _words(words: tuple[str, ...]) -> str:
    return rf"\b({'|'.join(words)})\b"


NAMED = (
    *("protocol", "type", "process", "action", "input", "procedure", "define", "check"),
    *("safety", "invariant", "step", "reachable", "recovers", "leads_to"),
)
VALUES = ("exists", "forall", "then")
CONTROL = tuple(w for w in STATEMENT_WORDS if w not in ("send", "broadcast", "reset", "stop"))

RULES = (
    Rule(r"#.*$", ("comment.line.number-sign",)),
    Rule(r'"[^"]*"', ("string.quoted.double",)),
    Rule(r'"[^"]*$', ("invalid.illegal.unclosed-text",)),
    Rule(rf"^({'|'.join(NAMED)})\s+({NAME})", ("keyword.declaration", "entity.name.type")),
    Rule(rf"^(message)\s+({NAME})", ("keyword.declaration", "entity.name.function")),
    Rule(r"^(on)\s+(start|timeout)\b", ("keyword.declaration", "keyword.declaration")),
    Rule(rf"^(on)\s+({NAME})", ("keyword.declaration", "entity.name.function")),
    Rule(r"^(leader|network|faults|fairness|timed|writes)\b", ("keyword.declaration",)),
    Rule(r"^\s+(durable)\b", ("storage.modifier",)),
    Rule(rf"^\s+(timer)\s+({NAME})\s*(?=:)", ("keyword.declaration", "entity.name.type")),
    Rule(r"(?<=\S)\s+(ordered)\s*(?=:|$)", ("storage.modifier",)),
    Rule(rf"\b(send|broadcast)\s+({NAME})", ("keyword.control", "entity.name.function")),
    Rule(rf"^\s+(reset|stop)\s+({NAME})\s*(?=#|$|since\b)", ("keyword.control", "entity.name.type")),
    Rule(rf"\b(since|until)\s+({NAME})\s*(?=#|$|,)", ("keyword.other", "entity.name.type")),
    Rule(r"\b(without)\s+(?=pause|drift|restart|crash|disk|partition)", ("keyword.other",)),
    Rule(rf"\b(to|from|at)\s+(?={NAME}|self)", ("keyword.other",)),
    Rule(r"\b(with)\s+(token)\b", ("keyword.other", "keyword.other")),
    Rule(rf"\b(exists|forall)\s+({NAME})\s*(?=\()", ("keyword.control", "entity.name.function")),
    Rule(rf"\b(before)\s+({NAME})\s*(?=\()", ("keyword.other", "entity.name.function")),
    Rule(r"\b(led)\s+(with)\b", ("keyword.other", "keyword.other")),
    Rule(r"\b(elected|confirmed)\s+(by)\b", ("keyword.other", "keyword.other")),
    Rule(r"\b(with)\s+(a)\s+(quorum)\b", ("keyword.other", "keyword.other", "keyword.other")),
    Rule(r"\b(a)\s+(quorum)\s+(within)\b", ("keyword.other", "keyword.other", "keyword.other")),
    Rule(r"\b(up)\s+(to)\s+(?=[0-9])", ("keyword.other", "keyword.other")),
    Rule(_words(CONTROL), ("keyword.control",)),
    Rule(_words(VALUES), ("keyword.control",)),
    Rule(_words(tuple(w for w in EXPRESSION_WORDS if w not in VALUES)), ("keyword.operator.word",)),
    Rule(r"\b(true|false|none)\b", ("constant.language",)),
    Rule(r"\b(self)\b", ("variable.language",)),
    Rule(r"\b(set)\s+(of)\b", ("support.type", "support.type")),
    Rule(r"\b(map)\s+(from)\b", ("support.type", "support.type")),
    Rule(r"\b(bool|nat|int)\b", ("support.type",)),
    Rule(rf"\b({'|'.join((*BUILT_IN_WORDS, 'up', 'quorum'))})\s*(?=\()", ("support.function",)),
    Rule(r"\b([0-9]+)\s*(ms|s|min)\b", ("constant.numeric", "keyword.other.unit")),
    Rule(r"\b([0-9]+)", ("constant.numeric",)),
    Rule(r":=|~>|==|!=|<=|>=|\.\.|[-+*&<>=|?]", ("keyword.operator",)),
    # A name is taken whole, so that no rule begins within it.
    Rule(NAME, ("",)),
)

STYLES = {
    "comment": "italic bright_black",
    "string": "green",
    "invalid": "reverse red",
    "keyword.declaration": "bold magenta",
    "keyword.control": "magenta",
    "keyword.other.unit": "cyan",
    "keyword.other": "magenta",
    "keyword.operator.word": "magenta",
    "keyword.operator": "",
    "storage": "yellow",
    "entity.name.function": "bold blue",
    "entity.name.type": "bold",
    "support.type": "yellow",
    "support.function": "blue",
    "constant": "cyan",
    "variable": "cyan",
}
"""By the beginning of a scope, the longest that fits."""


def highlight(text: str) -> Text:
    """The text in colours, every character of it in its place, but for those that Rich never sends to a terminal
    (bell, backspace, vertical tab, form feed and carriage return)."""
    shown = Text(no_wrap=True, end="")
    for line in re.split(r"(?<=\n)", text):
        place = 0
        for start, end, scope in spans(line.rstrip("\r\n")):
            shown.append(line[place:start])
            shown.append(line[start:end], style(scope))
            place = end
        shown.append(line[place:])
    return shown


def spans(line: str) -> Iterator[tuple[int, int, str]]:
    """The stretches of a line that have a scope, as (start, end, scope), in order and apart from each other."""
    place = 0
    while place < len(line):
        matches = [(found, rule) for pattern, rule in _compiled() if (found := pattern.search(line, place))]
        if not matches:
            return
        found, rule = min(matches, key=lambda match: match[0].start())
        for group, scope in enumerate(rule.scopes, start=1 if found.re.groups else 0):
            if scope:
                yield (*found.span(group), scope)
        place = max(found.end(), place + 1)


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], Rule], ...]:
    return tuple((re.compile(rule.pattern), rule) for rule in RULES)


def style(scope: str) -> str:
    """How a scope looks in a terminal."""
    known = [beginning for beginning in STYLES if scope == beginning or scope.startswith(f"{beginning}.")]
    return STYLES[max(known, key=len)] if known else ""


def textmate_grammar() -> str:
    """The table as a TextMate grammar, which VS Code, JetBrains' editors and others understand: the text of
    spec/elect.tmLanguage.json."""
    grammar = {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "information_for_contributors": ["Generated from the table in spec/highlight.py; a test compares the two."],
        "name": "Oneleader",
        "scopeName": "source.elect",
        "fileTypes": ["elect"],
        "patterns": [_textmate(rule) for rule in RULES],
    }
    return json.dumps(grammar, indent=2) + "\n"


def _textmate(rule: Rule) -> dict[str, object]:
    if not any(rule.scopes):
        return {"match": rule.pattern}
    if re.compile(rule.pattern).groups == 0:
        return {"match": rule.pattern, "name": f"{rule.scopes[0]}.elect"}
    captures = {str(group): {"name": f"{scope}.elect"} for group, scope in enumerate(rule.scopes, start=1)}
    return {"match": rule.pattern, "captures": captures}
