"""Lines out of a text that knows where it may be broken (after Wadler's "A prettier printer"), with comments.

A document is a text, a `Break` (a blank, or a new line where its group does not fit), documents one after another
(a tuple), an `Indent` (its new lines stand further right) or a `Group` (all of its own breaks are new lines, or
none is).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from spec.tokens import code, scan

WIDTH = 100
STEP = 4


@dataclass(frozen=True, slots=True)
class Break:
    """`flat` is what stands here where the line goes on: a blank, or nothing."""

    flat: str = " "


@dataclass(frozen=True, slots=True)
class Indent:
    inner: Document


@dataclass(frozen=True, slots=True)
class Group:
    inner: Document


Document = str | Break | Indent | Group | tuple["Document", ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A comment, by whether it has a line of its own."""

    text: str
    alone: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output. `code` is empty where a comment stands alone; `hanging` is one that goes on with the comment
    behind the line above, below it."""

    indent: int
    code: str
    comment: str = ""
    hanging: bool = False


def separated(documents: Iterable[Document], separator: Document) -> Document:
    """The documents with the separator between any two."""
    joined: list[Document] = []
    for document in documents:
        joined += [separator, document] if joined else [document]
    return tuple(joined)


def bracketed(opening: str, inner: Document, closing: str) -> Document:
    """In brackets, the inner document on lines of its own where it does not fit."""
    return Group((opening, Indent((Break(""), inner)), Break(""), closing))


def token_count(document: Document) -> int:
    """How many words and signs the document holds."""
    match document:
        case str():
            return len(code(document))
        case tuple():
            return sum(token_count(part) for part in document)
        case Indent(inner) | Group(inner):
            return token_count(inner)
    return 0


def lines(document: Document, indent: int, notes: Mapping[int, Sequence[Note]]) -> tuple[Line, ...]:
    """The document's lines, the first one at `indent` blanks.

    `notes[k]` follow the document's first `k` tokens; a line ends after a comment wherever it stands. All lines but
    the first are indented further where the document has not said so itself.
    """
    printer = _Printer(indent, notes)
    printer.run(document)
    return printer.finished()


@dataclass
class _Printer:
    """The line being written is `text`, to stand at `at`; `taken` tokens have been written so far."""

    indent: int
    notes: Mapping[int, Sequence[Note]]
    done: list[Line] = field(default_factory=list)
    text: str = ""
    at: int = 0
    taken: int = 0
    alone: list[str] = field(default_factory=list)
    """Comments for lines of their own, at the indentation of the next line."""

    def __post_init__(self) -> None:
        self.at = self.indent

    def finished(self) -> tuple[Line, ...]:
        self._end_line(self.indent)
        return tuple(self.done)

    def run(self, document: Document) -> None:
        stack: list[tuple[int, bool, Document]] = [(self.indent, False, document)]
        while stack:
            indent, flat, part = stack.pop()
            match part:
                case str():
                    self._put(part, indent)
                case Break(blank):
                    if not flat:
                        self._end_line(indent)
                    elif self.text:
                        self.text += blank
                case Indent(inner):
                    stack.append((indent + STEP, flat, inner))
                case Group(inner):
                    stack.append((indent, flat or self._fits(inner, stack), inner))
                case tuple():
                    stack += [(indent, flat, inner) for inner in reversed(part)]

    def _put(self, text: str, indent: int) -> None:
        for token in scan(text):
            if token.kind == "blank":
                self.text += token.text if self.text else ""
                continue
            self.done += [Line(self.at, "", comment) for comment in self.alone]
            self.alone = []
            self.text += token.text
            self.taken += 1
            for note in self.notes.get(self.taken, ()):
                self._note(note, max(indent, self.indent + STEP))

    def _note(self, note: Note, indent: int) -> None:
        """A comment, after which a new line begins, whatever the document says."""
        if note.alone:
            self._end_line(indent)
            self.alone.append(note.text)
        else:
            self.done.append(Line(self.at, self.text.rstrip(), note.text))
        self.text, self.at = "", indent

    def _end_line(self, indent: int) -> None:
        if self.text.strip():
            self.done.append(Line(self.at, self.text.rstrip()))
        self.text, self.at = "", indent

    def _fits(self, inner: Document, stack: list[tuple[int, bool, Document]]) -> bool:
        """Whether a group, with all that cannot be parted from its end, fits on the rest of the line."""
        if self.notes:
            end = self.taken + token_count(inner)
            if any(self.taken < place < end for place in self.notes):
                return False
        room = WIDTH - self.at - len(self.text) - _flat_width(inner)
        for _, flat, part in reversed(stack):
            width, broken = (_flat_width(part), False) if flat else _width_to_break(part)
            room -= width
            if broken or room < 0:
                break
        return room >= 0


def _flat_width(document: Document) -> int:
    match document:
        case str():
            return len(document)
        case Break(blank):
            return len(blank)
        case tuple():
            return sum(_flat_width(part) for part in document)
        case Indent(inner) | Group(inner):
            return _flat_width(inner)


def _width_to_break(document: Document) -> tuple[int, bool]:
    """How wide a document is up to where it may be broken for the first time, and whether it may be at all."""
    match document:
        case Break():
            return 0, True
        case str():
            return len(document), False
        case Indent(inner) | Group(inner):
            return _width_to_break(inner)
        case tuple():
            total = 0
            for part in document:
                width, broken = _width_to_break(part)
                total += width
                if broken:
                    return total, True
            return total, False
