"""Indentation, and where a line goes on: what stands between the lexer and the parser."""

from __future__ import annotations

from collections.abc import Iterator

from lark import Token
from lark.lark import PostLex

OPENING = {"LPAR", "LBRACE", "LSQB"}
CLOSING = {"RPAR", "RBRACE", "RSQB"}
JOINING = {
    *("COMPARISON", "PLUS", "MINUS", "AMPERSAND", "TIMES", "AND", "OR", "IMPLIES", "NOT", "IN", "COMMA"),
    *("EQUAL", "THEN", "WITH", "TOKEN", "BY", "QUANTIFIER_COLON", "LEADS", "VBAR"),
}
"""After one of these a line goes on in the next one; so does everything within brackets."""


class LayoutError(Exception):
    """What the lexer lets pass and the layout of a spec does not. `token` is where."""

    def __init__(self, reason: str, token: Token) -> None:
        super().__init__(reason)
        self.token = token


class MisindentedError(LayoutError):
    """A line that is indented less than the block it stands in and more than what is around that."""


class GluedError(LayoutError):
    """Two words with nothing between them, such as `onstart`: the lexer looks only for words that may stand there,
    and so takes the beginning of a word for one of them."""


class Layout(PostLex):
    """Turns changes of indentation into `_INDENT` and `_DEDENT`."""

    always_accept = ("_NL",)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        depth = 0
        quantifiers: list[int] = []
        indents = [0]
        previous = ""
        before: Token | None = None
        for token in stream:
            if before is not None and _glued(before, token):
                raise GluedError("two words in one", before)
            before = token
            if token.type == "_NL":
                if depth or previous in JOINING:
                    continue
                yield token
                indent = len(token.rpartition("\n")[2])
                if indent > indents[-1]:
                    indents.append(indent)
                    yield Token.new_borrow_pos("_INDENT", "", token)
                while indent < indents[-1]:
                    indents.pop()
                    if indent > indents[-1]:
                        raise MisindentedError("unindent does not match", token)
                    yield Token.new_borrow_pos("_DEDENT", "", token)
                previous = "_NL"
                continue
            depth += (token.type in OPENING) - (token.type in CLOSING)
            previous = token.type
            if token.type == "QUANTIFIER":
                quantifiers.append(depth)
            elif token.type == "COLON" and quantifiers and quantifiers[-1] == depth:
                # The colon of `forall n in node:` opens no block; its line may end there all the same.
                quantifiers.pop()
                previous = "QUANTIFIER_COLON"
            yield token


def _glued(before: Token, token: Token) -> bool:
    """A unit may follow its number at once (`300ms`); nothing else may touch the word before it."""
    return (
        before.end_pos == token.start_pos
        and (before[-1:].isalpha() or before.endswith("_"))
        and (token[:1].isalnum() or token.startswith("_"))
    )
