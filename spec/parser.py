"""Text to syntax tree."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import lark
from lark import Lark, Token, Tree, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from spec.cache import writable_cache
from spec.diagnostics import Diagnostic, SpecError, suggestion
from spec.failure import Failure, at
from spec.layout import GluedError, Layout, LayoutError, MisindentedError
from spec.mistakes import explain, misplaced_statement, without_line
from spec.source import Source, Span
from spec.syntax import Comment, File, Item
from spec.tokens import ITEM_WORDS, code, scan
from spec.tree import Builder

MAXIMUM_DEPTH = 100
"""How deep expressions and blocks may nest: far more than anybody can read, far less than a stack holds."""

MISTAKES_OF_AN_ITEM = 10
"""So many are reported of one item."""

GUESSES = 20
"""For so many mistakes of a file the parser is run again to find out what was meant."""

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class _ItemText:
    """The lines of one item, of which the first is the file's `first_line`."""

    first_line: int
    text: str


def parse(source: Source) -> File:
    """The syntax tree of a file.

    Raises SpecError with diagnostics for each item that cannot be read: every item is parsed on its own, and parsed
    again without a line that is wrong, so that all of a file's mistakes are found at once.
    """
    items: list[Item] = []
    problems: list[Diagnostic] = []
    text = plain(source.text)
    bodiless = False
    for item in _items(text):
        read = _read(item, guess=len(problems) < GUESSES)
        if not isinstance(read, tuple):
            items.append(read)
            bodiless = False
            continue
        # What should have been indented below a head begins items of its own: one mistake, not one for each line.
        tokens = code(item.text)
        stray = misplaced_statement(tokens)
        if not (stray and bodiless):
            problems += read
        bodiless = stray or any(problem.message == "a block is missing" for problem in read)
    if not items and not problems:
        first = Span(1, 1, 1, 2)
        problems.append(Diagnostic("E0107", "the file holds no protocol", first, "expected `protocol NAME`"))
    if problems:
        raise SpecError(source, tuple(sorted(problems, key=lambda p: p.span)))
    return File(source, tuple(items), tuple(_comments(text)))


def plain(text: str) -> str:
    """The text without what editors add unseen, a byte order mark and carriage returns at the ends of lines; what is
    left keeps its line and column."""
    text = " " + text[1:] if text.startswith(BYTE_ORDER_MARK) else text
    return re.sub(r"\r+(?=\n|\Z)", "", text)


def _read(item: _ItemText, guess: bool) -> Item | tuple[Diagnostic, ...]:
    """An item, or what is wrong with it."""
    problems = _indentation(item)
    try:
        tree = _lark().parse(item.text)
        problems += _too_deep(tree)
        if not problems:
            built: Item = Builder(item.first_line - 1).transform(tree)
            return built
    except (UnexpectedInput, LayoutError) as stopped:
        # A line that a tab moved out of its block is not wrong for another reason yet.
        if not any(problem.code == "E0102" for problem in problems):
            problems += _mistakes(stopped, item.text, guess)
    except VisitError as stopped:
        if not isinstance(stopped.orig_exc, SpecError):
            raise
        return stopped.orig_exc.diagnostics
    return tuple(replace(problem, span=_moved(problem.span, item.first_line - 1)) for problem in problems)


@cache
def _lark() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    # To make the tables takes longer than all that most commands do. Kept ones that cannot be read are made again.
    made_of = f"{grammar} {lark.__version__} {sys.version_info}"
    kept = writable_cache() / f"grammar-{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.tables"
    return Lark(grammar, parser="lalr", lexer="contextual", postlex=Layout(), propagate_positions=True, cache=str(kept))


def _items(text: str) -> Iterator[_ItemText]:
    """An item begins where a line begins in column one."""
    first, gathered = 0, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        if line and line[0] not in " \t#)}]":
            if gathered:
                yield _ItemText(first, "\n".join(gathered) + "\n")
            first, gathered = number, [line]
        elif gathered:
            gathered.append(line)
        elif line.strip() and not line.lstrip().startswith("#"):
            first, gathered = number, [line]
    if gathered:
        yield _ItemText(first, "\n".join(gathered) + "\n")


def _indentation(item: _ItemText) -> list[Diagnostic]:
    """Tabs (of an item, the first one), and an item that does not begin in the first column."""
    problems: list[Diagnostic] = []
    lines = item.text.split("\n")
    indentations = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines]
    tabbed = [
        number
        for number, (line, indentation) in enumerate(zip(lines, indentations, strict=True), start=1)
        if "\t" in indentation and not line.strip().startswith("#") and line.strip()
    ]
    if tabbed:
        column = indentations[tabbed[0] - 1].index("\t") + 1
        span = Span(tabbed[0], column, tabbed[0], column + 1)
        more = f", here and in {len(tabbed) - 1} more lines" if len(tabbed) > 2 else ""
        said = f"indent by four spaces a level{more}"
        problems.append(Diagnostic("E0102", "a tab in the indentation", span, "expected spaces", said))
    elif indentations[0] and not (item.first_line == 1 and len(indentations[0]) == 1):
        span = Span(1, 1, 1, len(indentations[0]) + 1)
        problems.append(Diagnostic("E0103", "an item begins in the first column", span, "too far to the right"))
    return problems


def _comments(text: str) -> Iterator[Comment]:
    code_in_line = 0
    for token in scan(text):
        if token.kind == "comment":
            written = token.text.rstrip()
            span = Span(token.line, token.column, token.line, token.column + len(written))
            yield Comment(written, code_in_line != token.line, span)
        elif token.kind not in ("blank", "line"):
            code_in_line = token.line


def _too_deep(tree: Tree[Token]) -> list[Diagnostic]:
    level: list[Tree[Token]] = [tree]
    for _ in range(MAXIMUM_DEPTH):
        level = [child for parent in level for child in parent.children if isinstance(child, Tree)]
        if not level:
            return []
    meta = level[0].meta
    span = Span(1, 1, 1, 2) if meta.empty else Span(meta.line, meta.column, meta.line, meta.column + 1)
    said = "name a part of it with `define` or `procedure`"
    return [Diagnostic("E0109", f"nested more than {MAXIMUM_DEPTH} levels deep", span, "too deep", said)]


def _mistakes(stopped: UnexpectedInput | LayoutError, text: str, guess: bool) -> list[Diagnostic]:
    """The mistake at which the parser stopped, and those that it finds in other lines once that one's is taken out."""
    problems = [_diagnostic(stopped, text, guess)]
    while len(problems) < MISTAKES_OF_AN_ITEM:
        shorter = without_line(text, problems[-1].span.line)
        if shorter is None:
            break
        text = shorter
        try:
            _lark().parse(text)
            break
        except (UnexpectedInput, LayoutError) as again:
            following = _diagnostic(again, text, guess)
        if following.code == "E0103" or following.span <= problems[-1].span:
            break  # it may be about the line that is missing now
        problems.append(following)
    return problems


def _diagnostic(stopped: UnexpectedInput | LayoutError, text: str, guess: bool) -> Diagnostic:
    tokens = code(text)
    index = _index(stopped, text)
    if isinstance(stopped, MisindentedError):
        line = next(token for token in tokens[index:])
        span = Span(line.line, 1, line.line, line.column)
        label = "expected the indentation of a line above"
        return Diagnostic("E0103", "this line's indentation matches no block around it", span, label)
    if isinstance(stopped, GluedError):
        word = tokens[index]
        said = suggestion(word.text, ITEM_WORDS) if index == 0 else ""
        label = "" if said else f"expected a blank after `{stopped.token}`"
        return Diagnostic("E0101", f"`{word.text}` was not expected here", at(word), label, said)
    kind = stopped.token.type if isinstance(stopped, UnexpectedToken) else ""
    ended = kind in ("_NL", "_DEDENT", "$END")
    failure = Failure(text, tokens, index, _accepted(text), ended, kind == "_INDENT", _reach if guess else lambda _: 0)
    return explain(failure)


def _reach(text: str) -> int:
    """How many tokens of an item the parser takes; one more if it takes them all and the item is whole."""
    try:
        _lark().parse(text)
    except (UnexpectedInput, LayoutError) as stopped:
        return _index(stopped, text)
    return len(code(text)) + 1


def _accepted(text: str) -> frozenset[str]:
    """The terminals that the parser would have taken where it stops.

    It has reduced what came before by then, as what it found allowed it, and so forgotten part of what it would have
    taken; this goes back to where it stood before that.
    """
    parser: Any = _lark().parse_interactive(text)
    state = parser.parser_state
    tokens = parser.lexer_thread.lex(state)
    with suppress(UnexpectedInput, LayoutError):
        while (token := next(tokens, None)) is not None:
            states, values = list(state.state_stack), list(state.value_stack)
            try:
                parser.feed_token(token)
            except UnexpectedInput:
                state.state_stack[:], state.value_stack[:] = states, values
                break
    return frozenset(parser.accepts())


def _index(stopped: UnexpectedInput | LayoutError, text: str) -> int:
    """How many tokens stand before the place where the parser stopped."""
    if isinstance(stopped, UnexpectedToken) and stopped.token.type == "$END":
        return len(code(text))
    if isinstance(stopped, UnexpectedToken | LayoutError):
        place = stopped.token.start_pos or 0
    else:
        place = stopped.pos_in_stream
    return sum(token.start < place for token in code(text))


def _moved(span: Span, lines: int) -> Span:
    return Span(span.line + lines, span.column, span.end_line + lines, span.end_column)
