"""Tables in Markdown, and the blocks of a document that commands write."""

from collections.abc import Sequence
from pathlib import Path


def markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns stand in line; those of figures to the right."""
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    right = [all(_is_figure(row[column]) for row in rows) for column in range(len(titles))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if to_the_right else cell.ljust(width)
            for cell, width, to_the_right in zip(cells, widths, right, strict=True)
        )
        return "| " + " | ".join(padded) + " |\n"

    rule = [
        "-" * (width - 1) + ":" if to_the_right else "-" * width
        for width, to_the_right in zip(widths, right, strict=True)
    ]
    return line(titles) + line(rule) + "".join(line(row) for row in rows)


def _is_figure(cell: str) -> bool:
    return cell in {"", "-"} or cell.lstrip("><=~ ")[:1].isdigit()


def block_of(text: str, command: str) -> str:
    """What stands between the marks of a command in a document. Raises ValueError where they are missing."""
    begin, end = _marks(command)
    return text[text.index(begin) + len(begin) : text.index(end)].strip("\n") + "\n"


def replace_block(document: Path, command: str, written: str) -> None:
    """Puts a command's output between its marks. Raises ValueError where the document has none."""
    text = document.read_text(encoding="utf-8")
    begin, end = _marks(command)
    before, after = text[: text.index(begin) + len(begin)], text[text.index(end) :]
    stripped = written.strip("\n")
    document.write_text(f"{before}\n{stripped}\n{after}", encoding="utf-8")


def _marks(command: str) -> tuple[str, str]:
    return f"<!-- written by: {command} -->\n", f"<!-- end: {command} -->"
