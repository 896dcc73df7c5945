"""The spec's own lines, as docstrings of what was made of them."""

from __future__ import annotations

from pathlib import PurePath
from textwrap import fill

from spec.lint import nodes
from spec.protocol import Protocol
from spec.source import Span

INDENT = "    "
WIDTH = 110


def docstring(protocol: Protocol, part: object, span: Span, otherwise: str) -> str:
    """The lines of a part of the protocol as an indented docstring, with where they stand; other words for what stands
    nowhere. `span` is where the part begins."""
    if not span.line:
        return f'{INDENT}"""{otherwise}"""'
    spans = [getattr(one, "span", None) for one in nodes(part)]
    last = max((one.end_line for one in spans if isinstance(one, Span)), default=0)
    lines = protocol.source.text.split("\n")[span.line - 1 : max(last, span.end_line)]
    quoted = [f"{INDENT}{INDENT}{safe(line.rstrip())}" for line in lines if line.strip()]
    return "\n".join([f'{INDENT}"""{source_name(protocol)}:{span.line}', "", *quoted, f'{INDENT}"""'])


def source_name(protocol: Protocol) -> str:
    """The spec's file, wherever it is."""
    return safe(PurePath(protocol.source.name).name)


def described(protocol: Protocol, of: str) -> str:
    """The first lines of a module's docstring."""
    return fill(f"{of}{f': {safe(protocol.description)}' if protocol.description else '.'}", WIDTH)


def safe(line: str) -> str:
    """A text that stays inside of the docstring that it is put into."""
    printable = "".join(one if one.isprintable() else " " for one in line)
    return printable.replace("\\", "\\\\").replace('"""', "'''")
