"""The canonical form of a spec: one way to write each tree, with the author's comments and paragraphs in it.

- Four blanks a level; a block stands on lines of its own; expressions longer than a line are broken before `and`,
  `or`, `implies` and within brackets.
- Comments stay where they are: before the same line, after the same word. Those at the ends of lines begin in one
  column, further right only where neighbouring lines of one block need it. A comment on a line of its own keeps the
  block that its indentation puts it in.
- Where the author left blank lines between statements or one-line items, one is left. Items of several lines have
  one before and one after them, and so do groups of one-line items of different sorts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from spec import syntax, unparse
from spec.parser import parse, plain
from spec.pretty import STEP, Document, Line, Note, lines, token_count
from spec.source import Source
from spec.syntax import Comment
from spec.tokens import Token, code

COMMENT_COLUMN = 42
"""How many characters stand before a comment at the end of a line, unless its neighbours are longer."""


def format_source(source: Source) -> str:
    """The canonical form of the source's text; of a text in canonical form, the text itself.

    Raises SpecError where the source cannot be parsed.
    """
    file = parse(source)
    tokens = code(plain(source.text))
    pieces = _pieces(file, tokens)
    written = _aligned([line for piece in _spaced(pieces) for line in piece])
    return "".join(line + "\n" for line in written)


@dataclass(frozen=True)
class _Entry:
    """What stands on lines of its own: a statement, a head, a member, a row, an item. `begins` and `ends` are the
    numbers of the file's tokens before its first and up to its last one."""

    depth: int
    document: Document
    begins: int
    ends: int
    section: str = ""
    arm: bool = False


@dataclass(frozen=True)
class _Piece:
    """An entry's lines, or a comment on a line of its own, with the lines of the source that it was.

    `section` is set for what begins an item, and tells which sort of item; `arm` for an `elif` or `else`.
    """

    depth: int
    lines: tuple[Line, ...]
    first: int
    last: int
    section: str = ""
    arm: bool = False
    comment: bool = False


# The tree's lines ----------------------------------------------------------------------------------------------------


def _entries(file: syntax.File, tokens: Sequence[Token]) -> Iterator[_Entry]:
    after = 0
    for depth, document, section, arm in _documents(file, tokens):
        before, after = after, after + token_count(document)
        yield _Entry(depth, document, before, after, section, arm)
    assert after == len(tokens), "the tree holds other words than the text"


_Spot = tuple[int, Document, str, bool]


def _documents(file: syntax.File, tokens: Sequence[Token]) -> Iterator[_Spot]:
    following = {(a.line, a.column): b for a, b in pairwise(tokens)}
    for item in file.items:
        described = False
        if isinstance(item, syntax.PropertyItem):
            described = following[item.name.span.line, item.name.span.column].kind == "text"
        yield 0, unparse.head(item, described), _section(item), False
        match item:
            case syntax.ProcessItem():
                yield from ((1, unparse.member(member), "", False) for member in item.members)
            case syntax.HandlerItem() | syntax.ProcedureItem():
                yield from _block(item.body, 1)
            case syntax.CheckItem(_, rows, True, _):
                yield from ((1, unparse.row(row), "", False) for row in rows)


def _block(statements: tuple[syntax.Statement, ...], depth: int) -> Iterator[_Spot]:
    for statement in statements:
        if isinstance(statement, syntax.IfStatement):
            for index, arm in enumerate(statement.arms):
                yield depth, unparse.arm(arm, first=index == 0), "", index > 0
                yield from _block(arm.body, depth + 1)
            continue
        yield depth, unparse.statement(statement), "", False
        if isinstance(statement, syntax.ForStatement | syntax.WhileStatement):
            yield from _block(statement.body, depth + 1)


def _section(item: syntax.Item) -> str:
    """Items of one section may stand without a blank line between them."""
    match item:
        case syntax.NetworkItem() | syntax.FaultsItem() | syntax.FairnessItem() | syntax.TimedItem():
            return "world"
        case syntax.LeaderItem() | syntax.WritesItem():
            return "belief"
        case _:
            return type(item).__name__


# Comments ------------------------------------------------------------------------------------------------------------


def _pieces(file: syntax.File, tokens: Sequence[Token]) -> list[_Piece]:
    """The entries with the comments between them."""
    pieces: list[_Piece] = []
    waiting = list(_placed(file.comments, tokens))
    columns = [1]
    depth = 0
    hanging: Comment | None = None
    """The comment behind the last entry, or the last one below it that goes on with it in the same column."""

    def set_down(comment: Comment, next_depth: int) -> None:
        nonlocal hanging
        place = (hanging.span.line + 1, hanging.span.column) if hanging else None
        if place == (comment.span.line, comment.span.column):
            hanging, line = comment, Line(depth * STEP, "", comment.text, hanging=True)
            pieces[-1] = replace(pieces[-1], lines=(*pieces[-1].lines, line), last=comment.span.line)
        else:
            hanging = None
            pieces.append(_alone(comment, depth, next_depth, columns))

    for entry in _entries(file, tokens):
        first, last = tokens[entry.begins], tokens[entry.ends - 1]
        while waiting and waiting[0][0] <= entry.begins:
            set_down(waiting.pop(0)[1], entry.depth)
        depth = entry.depth
        columns[depth:] = [first.column]
        notes: dict[int, list[Note]] = {}
        hanging = None
        while waiting and (waiting[0][0] < entry.ends or (waiting[0][0] == entry.ends and not waiting[0][1].alone)):
            place, comment = waiting.pop(0)
            notes.setdefault(place - entry.begins, []).append(Note(comment.text, comment.alone))
            hanging = comment if place == entry.ends else None
        written = lines(entry.document, entry.depth * STEP, notes)
        pieces.append(_Piece(entry.depth, written, first.line, last.line, entry.section, entry.arm))
    for _, comment in waiting:
        set_down(comment, 0)
    return pieces


def _placed(comments: tuple[Comment, ...], tokens: Sequence[Token]) -> Iterator[tuple[int, Comment]]:
    """The comments, each with the number of tokens before it."""
    before = 0
    for comment in comments:
        place = (comment.span.line, comment.span.column)
        while before < len(tokens) and (tokens[before].line, tokens[before].column) < place:
            before += 1
        yield before, comment


def _alone(comment: Comment, before: int, after: int, columns: Sequence[int]) -> _Piece:
    """A comment between an entry of depth `before` and one of depth `after`: it belongs to the innermost of the
    blocks that may go on there and are not indented further than it; `columns` has their indentations."""
    depth = after
    for candidate in range(after + 1, before + 1):
        if columns[candidate] <= comment.span.column:
            depth = candidate
    line = Line(depth * STEP, "", comment.text)
    return _Piece(depth, (line,), comment.span.line, comment.span.line, comment=True)


# Blank lines ---------------------------------------------------------------------------------------------------------


def _spaced(pieces: Sequence[_Piece]) -> Iterator[tuple[Line, ...]]:
    """The pieces' lines, with blank lines between them."""
    apart = [_apart(pieces, index) for index in range(len(pieces))]
    starts = [index for index, piece in enumerate(pieces) if piece.section]
    for start, following in pairwise(starts):
        # The comments before an item may stand on their own or with it; somewhere before it there is a blank line.
        gaps = range(_end(pieces, start), following + 1)
        other = pieces[start].section != pieces[following].section
        needed = other or _several(pieces, following)
        if _several(pieces, start) or (needed and not any(apart[i] for i in gaps)):
            apart[gaps[0]] = True
    if starts and _end(pieces, starts[-1]) < len(pieces) and _several(pieces, starts[-1]):
        apart[_end(pieces, starts[-1])] = True
    for piece, blank in zip(pieces, apart, strict=True):
        if blank:
            yield (Line(0, ""),)
        yield piece.lines


def _apart(pieces: Sequence[_Piece], index: int) -> bool:
    """Whether the author left a blank line before a piece, where one may stand."""
    if index == 0:
        return False
    before, piece = pieces[index - 1], pieces[index]
    opens = piece.depth > before.depth and not before.comment
    return piece.first - before.last > 1 and not opens and not (piece.arm and not before.comment)


def _outside(piece: _Piece) -> bool:
    """Whether a piece is no longer part of the item before it."""
    return bool(piece.section) or (piece.comment and piece.depth == 0)


def _end(pieces: Sequence[_Piece], start: int) -> int:
    """Where the item ends that begins with a piece: the place of the next piece that is not a part of it."""
    return next((i for i in range(start + 1, len(pieces)) if _outside(pieces[i])), len(pieces))


def _several(pieces: Sequence[_Piece], start: int) -> bool:
    """Whether the item that begins with a piece has several lines, comments that hang below it not counted."""
    whole = [line for piece in pieces[start : _end(pieces, start)] for line in piece.lines]
    return sum(not line.hanging for line in whole) > 1


# Text ----------------------------------------------------------------------------------------------------------------


def _aligned(written: Sequence[Line]) -> Iterator[str]:
    """The lines as text. Comments behind the code of neighbouring lines of one indentation begin in one column."""
    for (_, beside), run in groupby(written, key=lambda line: (line.indent, bool(line.code) or line.hanging)):
        neighbours = list(run)
        widths = [line.indent + len(line.code) for line in neighbours if line.comment]
        for line in neighbours:
            text = " " * line.indent + line.code
            if line.comment:
                column = max(COMMENT_COLUMN, max(widths) + 2)
                text = f"{text:<{column}}{line.comment}" if beside else text + line.comment
            yield text.rstrip()
