"""Where the parser stopped, and the words that what is said about it is put together from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from spec import expected
from spec.source import Span
from spec.tokens import Token

WITH_STATEMENTS = ("on", "action", "input", "procedure")
"""The items whose blocks are statements."""


@dataclass(frozen=True)
class Failure:
    """Where the parser stopped within one item.

    `tokens` are those of the item that mean something; it took the first `index` of them. `accepted` are the
    terminals that it would have taken next. `ended` means that it met the end of the line, the block or the item
    there, `indented` that it met a deeper indentation.
    `reach(text)` tells how many tokens of another text the parser takes (all, and one more, if it is right).
    """

    text: str
    tokens: tuple[Token, ...]
    index: int
    accepted: frozenset[str]
    ended: bool
    indented: bool
    reach: Callable[[str], int]

    @property
    def found(self) -> Token | None:
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    @property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    @property
    def line(self) -> tuple[Token, ...]:
        """The line of the failure: that of the token found, or of the one before where the line ends too early."""
        token = self.before if self.ended else self.found
        return tuple(t for t in self.tokens if token is not None and t.line == token.line)


def at(token: Token, last: Token | None = None) -> Span:
    """The place of a token, or from one token to another."""
    last = last or token
    return Span(token.line, token.column, last.line, last.column + len(last.text))


def after(token: Token) -> Span:
    """The place right after a token, where something is missing."""
    column = token.column + len(token.text)
    return Span(token.line, column, token.line, column + 1)


def wanted(failure: Failure, at_word: Token | None = None) -> str:
    """What the parser would have taken; at the beginning of a statement's line, a statement."""
    if at_word is not None and at_word is not failure.found:
        return "an item" if at_word.column == 1 else "a statement"
    return expected.described(failure.accepted) or "something else"


def form(tokens: tuple[Token, ...], line_of: Token) -> str:
    """How what stands in a line is written."""
    line = [t for t in tokens if t.line == line_of.line]
    form = next(_forms(tokens, line), "")
    return f"written `{form}`" if form else ""


def _forms(tokens: tuple[Token, ...], line: list[Token]) -> Iterator[str]:
    first, item = line[0].text, tokens[0].text
    if line[0].column == 1:
        second = line[1].text if len(line) > 1 else ""
        words = {token.text for token in line}
        if first == "process" and "ordered" in words:
            yield "process NAME ordered:"
        if first == "leader" and "confirmed" in words:
            yield "confirmed by MESSAGE from a quorum within TIMER"
        if first == "leader" and "elected" in words:
            yield "leader if CONDITION with token EXPRESSION, elected by SET"
        for head in (f"{first} {second}", first):
            if head in expected.ITEM_FORMS:
                yield expected.ITEM_FORMS[head]
    elif item == "leader":
        yield "confirmed by MESSAGE from a quorum within TIMER" if first == "confirmed" else "elected by SET"
    elif item == "process":
        yield expected.TIMER_FORM if first == "timer" else expected.VARIABLE_FORM
    elif item == "check":
        yield expected.ROW_FORM
    elif item in WITH_STATEMENTS and first in expected.STATEMENT_FORMS:
        yield expected.STATEMENT_FORMS[first]
