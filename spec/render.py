"""Diagnostics as a person reads them: the message, the place, the line with carets under it, what may help.

error[E0203]: there is no variable `trem`
 --> raft.elect:25:5
   |
25 |     trem := term + 1
   |     ^^^^ not declared
   |
   = help: did you mean `term`?
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.text import Text

from spec.diagnostics import Diagnostic
from spec.source import Source, Span

TAB = "    "
SHOWN_LINES = 6
"""A span over more lines than this is shown by its first and last ones."""

LONG_LINE = 160
"""Of a line of more cells than this only a part is shown."""

Piece = tuple[str, str]
"""A text and the style that it has in a terminal."""

SEVERITIES = {True: ("error", "bold red"), False: ("warning", "bold yellow")}
GUTTER, TITLE, LABEL = "bold blue", "bold", ""


def render(source: Source, diagnostics: Iterable[Diagnostic]) -> str:
    """The diagnostics as plain text, in the order given, a blank line after each, and last how many there are.

    Empty where there are none; otherwise ends in a line break.
    """
    return "".join(text for text, _ in _pieces(source, tuple(diagnostics)))


def render_rich(source: Source, diagnostics: Iterable[Diagnostic]) -> Text:
    """What `render` gives, in colours."""
    return Text.assemble(*_pieces(source, tuple(diagnostics)), end="", no_wrap=True)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are: `2 errors and 1 warning`; empty where there are none."""
    counts = {True: 0, False: 0}
    for diagnostic in diagnostics:
        counts[diagnostic.is_error] += 1
    words = [f"{count} {SEVERITIES[kind][0]}{'s' if count > 1 else ''}" for kind, count in counts.items() if count]
    return " and ".join(words)


def _pieces(source: Source, diagnostics: tuple[Diagnostic, ...]) -> Iterator[Piece]:
    for diagnostic in diagnostics:
        yield from _diagnostic(source, diagnostic)
        yield "\n", ""
    if diagnostics:
        worst = any(diagnostic.is_error for diagnostic in diagnostics)
        yield summary(diagnostics), SEVERITIES[worst][1]
        yield "\n", ""


def _diagnostic(source: Source, diagnostic: Diagnostic) -> Iterator[Piece]:
    severity, style = SEVERITIES[diagnostic.is_error]
    span = diagnostic.span
    yield f"{severity}[{diagnostic.code}]", style
    yield f": {_visible(diagnostic.message)}\n", TITLE
    placed = 0 < span.line <= len(source.lines)
    width = len(str(_last_line(source, span))) if placed else 1
    yield " " * width + "--> ", GUTTER
    yield _visible(source.name) + (f":{span.line}:{span.column}" if placed else "") + "\n", ""
    if placed:
        yield " " * width + " |\n", GUTTER
        if _last_line(source, span) == span.line:
            yield from _one_line(source, diagnostic, width, style)
        else:
            yield from _many_lines(source, diagnostic, width, style)
    elif diagnostic.label:
        yield " " * width + " = ", GUTTER
        yield f"{_visible(diagnostic.label)}\n", LABEL
    if diagnostic.help:
        if placed:
            yield " " * width + " |\n", GUTTER
        for number, line in enumerate(diagnostic.help.split("\n")):
            yield " " * width + (" = " if number == 0 else "   "), GUTTER
            yield ("help: " if number == 0 else "      "), TITLE
            yield f"{_visible(line)}\n", ""


def _one_line(source: Source, diagnostic: Diagnostic, width: int, style: str) -> Iterator[Piece]:
    span, line = diagnostic.span, source.line(diagnostic.span.line).rstrip("\r")
    begin = span.column - 1
    end = max(span.end_column - 1, begin + 1) if span.end_line <= span.line else len(line)
    before, within = _cells(line[:begin]), _cells(line[begin:end])
    # A place after the line's end, where something is missing, has its caret all the same.
    before += max(begin - len(line), 0)
    shown, cut = _window(line, begin, end)
    before -= cut
    yield f"{span.line:>{width}} |", GUTTER
    yield f" {shown}".rstrip() + "\n", ""
    yield " " * width + " | ", GUTTER
    yield " " * before + "^" * max(min(within, LONG_LINE // 2), 1), style
    yield f" {_visible(diagnostic.label)}".rstrip() + "\n", style


def _many_lines(source: Source, diagnostic: Diagnostic, width: int, style: str) -> Iterator[Piece]:
    """The lines of the span with a bar along them, which ends in a caret under the span's last character."""
    span = diagnostic.span
    last = _last_line(source, span)
    for number in range(span.line, last + 1):
        if last - span.line >= SHOWN_LINES and span.line + 1 < number < last - 1:
            if number == span.line + 2:
                yield " " * width + " ", GUTTER
                yield "... |\n", style
            continue
        yield f"{number:>{width}} | ", GUTTER
        yield ("/ " if number == span.line else "| "), style
        yield _shown(source.line(number).rstrip("\r")).rstrip() + "\n", ""
    end = span.end_column - 1 if last == span.end_line else len(source.line(last))
    under = max(_cells(source.line(last)[:end]) - 1, 0)
    yield " " * width + " | ", GUTTER
    yield "|_" + "_" * under + "^", style
    yield f" {_visible(diagnostic.label)}".rstrip() + "\n", style


def _window(line: str, begin: int, end: int) -> tuple[str, int]:
    """The line as shown, or of a very long one the part around a stretch of it; and by how many cells what is shown
    begins further left than it would."""
    if _cells(line) <= LONG_LINE:
        return _shown(line), 0
    first, last = max(begin - LONG_LINE // 2, 0), max(begin, min(end, begin + LONG_LINE // 2)) + LONG_LINE // 4
    dots = "..." if first else ""
    return dots + _shown(line[first:last]) + ("..." if last < len(line) else ""), _cells(line[:first]) - len(dots)


def _last_line(source: Source, span: Span) -> int:
    """The last line of which the span holds a character: one that ends before a line's first stops a line earlier."""
    last = min(max(span.end_line, span.line), len(source.lines))
    return last - 1 if last > span.line and last == span.end_line and span.end_column <= 1 else last


def _shown(text: str) -> str:
    """Source text as a terminal may show it: no tab of unknown width, nothing that moves the cursor or hides."""
    return "".join(_character(c) for c in text)


def _visible(text: str) -> str:
    """A message's text: like `_shown`, for it may quote the source."""
    return _shown(text) if not text.isprintable() else text


def _character(c: str) -> str:
    if c == "\t":
        return TAB
    if ord(c) < 0x20:
        return chr(0x2400 + ord(c))
    if c == "\x7f":
        return "\u2421"
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c


def _cells(text: str) -> int:
    return cell_len(_shown(text))
