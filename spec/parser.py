"""Text to syntax tree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, UnexpectedInput, UnexpectedToken
from lark.exceptions import UnexpectedCharacters, VisitError

from spec.diagnostics import Diagnostic, SpecError, suggestion
from spec.layout import IndentationError_, Layout
from spec.source import Source, Span
from spec.syntax import Comment, File, Item
from spec.tree import Builder

ITEM_WORDS = (
    *("protocol", "type", "process", "message", "on", "action", "input", "procedure", "define", "leader", "safety"),
    *("invariant", "step", "reachable", "recovers", "leads_to", "network", "faults", "check", "timed"),
)
STATEMENT_WORDS = ("if", "for", "send", "broadcast", "reset", "stop", "let", "pass", "assert", "unreachable")
EXPRESSION_STARTS = {"NAME", "NUMBER", "LPAR", "LBRACE", "TRUE", "FALSE", "NONE", "SELF", "QUANTIFIER", "NOT"}
SHOWN = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": 'a text in "quotes"',
    "_NL": "the end of the line",
    "_INDENT": "an indented block",
    "_DEDENT": "the end of the block",
    "COMPARISON": "a comparison",
    "PROPERTY": "a property",
    "$END": "the end of the file",
}


def parse(source: Source) -> File:
    """The syntax tree of a file.

    Raises SpecError with a diagnostic for each item that cannot be read: every item is parsed on its own, so that
    all of a file's mistakes are found at once (the first one of each item).
    """
    items: list[Item] = []
    problems: list[Diagnostic] = list(_tabs(source))
    for first_line, text in _items(source):
        builder = Builder(first_line - 1)
        try:
            items.append(builder.transform(_parser().parse(text)))
        except UnexpectedInput as problem:
            problems.append(_diagnostic(problem, text, first_line - 1))
        except IndentationError_ as problem:
            line = (problem.token.end_line or 1) + first_line - 1
            column = len(source.line(line)) - len(source.line(line).lstrip()) + 1
            place = Span(line, 1, line, column)
            problems.append(Diagnostic("E0103", "this line's indentation matches no block around it", place, "here"))
        except VisitError as problem:
            if not isinstance(problem.orig_exc, SpecError):
                raise
            problems.extend(problem.orig_exc.diagnostics)
    if problems:
        raise SpecError(source, tuple(sorted(problems, key=lambda p: p.span)))
    return File(source, tuple(items), tuple(_comments(source)))


@cache
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", postlex=Layout(), propagate_positions=True)


def _items(source: Source) -> Iterator[tuple[int, str]]:
    """The items as (number of the first line, text). An item begins where a line begins in column one."""
    first, gathered = 0, list[str]()
    for number, line in enumerate(source.lines, start=1):
        line = line.rstrip("\r")
        if line and line[0] not in " \t#)}]":
            if gathered:
                yield first, "\n".join(gathered) + "\n"
            first, gathered = number, [line]
        elif gathered:
            gathered.append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            first, gathered = number, [line]
    if gathered:
        yield first, "\n".join(gathered) + "\n"


def _tabs(source: Source) -> Iterator[Diagnostic]:
    for number, line in enumerate(source.lines, start=1):
        indentation = line[: len(line) - len(line.lstrip())]
        if "\t" in indentation and line.strip():
            at = indentation.index("\t") + 1
            yield Diagnostic(
                "E0102", "a tab in the indentation", Span(number, at, number, at + 1), "use spaces", "four a level"
            )


def _comments(source: Source) -> Iterator[Comment]:
    for number, line in enumerate(source.lines, start=1):
        at, quoted = 0, False
        while at < len(line) and (quoted or line[at] != "#"):
            quoted ^= line[at] == '"'
            at += 1
        if at < len(line):
            text = line[at:].rstrip()
            span = Span(number, at + 1, number, at + 1 + len(text))
            yield Comment(text, not line[:at].strip(), span)


def _diagnostic(problem: UnexpectedInput, text: str, offset: int) -> Diagnostic:
    line, column = max(problem.line, 1), max(problem.column, 1)
    if isinstance(problem, UnexpectedToken):
        token: Any = problem.token
        accepted = set(problem.accepts or problem.expected)
        if token.type in ("_NL", "$END", "_INDENT", "_DEDENT"):
            return _at_line_end(token, accepted, text, offset)
        width = max(len(str(token)), 1)
        found = f"`{token}`"
        word = str(token)
    else:
        assert isinstance(problem, UnexpectedCharacters)
        accepted = set(problem.allowed or ())
        rest = text.split("\n")[line - 1][column - 1 :]
        word = next((w for w in [_word(rest)] if w), rest[:1])
        width, found = max(len(word), 1), f"`{word}`"
    span = Span(line + offset, column, line + offset, column + width)
    message = f"{found} was not expected here"
    advice = _advice(word, accepted, column)
    if word == "=" and "NAME" not in accepted:
        advice = "an assignment is written `:=`, a comparison `==`"
    return Diagnostic("E0101", message, span, f"expected {_expected(accepted)}", advice)


def _at_line_end(token: Token, accepted: set[str], text: str, offset: int) -> Diagnostic:
    lines = text.rstrip("\n").split("\n")
    number = min(token.line or len(lines), len(lines))
    if token.type == "_INDENT":
        number = min(token.end_line or number, len(lines))
        indented = lines[number - 1]
        begin = len(indented) - len(indented.lstrip()) + 1
        span = Span(number + offset, 1, number + offset, begin)
        return Diagnostic("E0103", "this line is indented, but no block begins here", span, "too far to the right")
    content = lines[number - 1].split("#")[0].rstrip() if '"' not in lines[number - 1] else lines[number - 1].rstrip()
    at = len(content) + 1
    span = Span(number + offset, at, number + offset, at + 1)
    advice = "what belongs to it stands on the next lines, indented" if accepted == {"_INDENT"} else ""
    return Diagnostic("E0101", "the line ends too early", span, f"expected {_expected(accepted)}", advice)


def _word(rest: str) -> str:
    end = 0
    while end < len(rest) and (rest[end].isalnum() or rest[end] == "_"):
        end += 1
    return rest[:end]


def _advice(word: str, accepted: set[str], column: int) -> str:
    if column == 1:
        return suggestion(word, ITEM_WORDS)
    words = {name.lower() for name in accepted if name.isupper() and name.isalpha()}
    if "SEND" in accepted:
        words |= set(STATEMENT_WORDS)
    return suggestion(word, words - {word})


def _expected(accepted: set[str]) -> str:
    names = set(accepted)
    shown: list[str] = []
    if EXPRESSION_STARTS <= names:
        names -= EXPRESSION_STARTS | {"MINUS", "IF"}
        shown.append("an expression")
    if {"AND", "OR", "IMPLIES"} <= names:
        names -= {"AND", "OR", "IMPLIES", "COMPARISON", "PLUS", "MINUS", "AMPERSAND", "TIMES", "IN", "NOT"}
        names -= {"DOT", "LSQB"}
        shown.append("an operator")
    if "SEND" in names:
        names -= {word.upper() for word in STATEMENT_WORDS} | {"NAME", "WHILE"}
        shown.append("a statement")
    if {"PROTOCOL", "PROCESS"} <= names:
        return "an item such as `process`, `message`, `on`, `safety`, `check`"
    shown += sorted(_shown(name) for name in names if name not in ("CONTINUATION",))
    return ", ".join(shown[:-1]) + " or " + shown[-1] if len(shown) > 1 else "".join(shown) or "something else"


def _shown(name: str) -> str:
    if name in SHOWN:
        return SHOWN[name]
    terminal = next((t for t in _parser().terminals if t.name == name), None)
    return f"`{terminal.pattern.value.removesuffix(chr(92) + 'b')}`" if terminal else f"`{name.lower()}`"
