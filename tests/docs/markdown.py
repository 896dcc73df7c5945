"""What the tests read of a Markdown page: its fenced blocks, headings and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))


@dataclass(frozen=True)
class Block:
    """A fenced block. `info` are the words after the fence; `line` is where the fence stands, counted from 1;
    `heading` is the last heading above it."""

    page: Path
    line: int
    info: tuple[str, ...]
    text: str
    heading: str

    @property
    def language(self) -> str:
        return self.info[0] if self.info else ""

    @property
    def name(self) -> str:
        """For a test's name: the page and the line."""
        return f"{self.page.name}:{self.line}"

    def option(self, name: str) -> str | None:
        """The value of `name=value` in the info string."""
        return next((word.partition("=")[2] for word in self.info if word.startswith(f"{name}=")), None)


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks in order."""
    found: list[Block] = []
    heading = ""
    begun: tuple[int, tuple[str, ...], list[str]] | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if begun is None:
            if line.startswith("```"):
                begun = number, tuple(line[3:].split()), []
            elif line.startswith("#"):
                heading = line.lstrip("#").strip()
        elif line.rstrip() == "```":
            first, info, lines = begun
            found.append(Block(page, first, info, "".join(f"{one}\n" for one in lines), heading))
            begun = None
        else:
            begun[2].append(line)
    if begun is not None:
        raise AssertionError(f"{page}:{begun[0]}: this fence is never closed")
    return found


def blocks_of(language: str, pages: tuple[Path, ...] = PAGES) -> list[Block]:
    return [block for page in pages for block in blocks(page) if block.language == language]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the page's headings, and those written out as `<a id="...">`."""
    text = prose(page)
    found = set(re.findall(r'<a id="([^"]+)">', text))
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        plain = re.sub(r"<[^>]*>|[`*]", "", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def links(page: Path) -> list[str]:
    """The targets of the page's links and images."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def replaced(block: Block, text: str) -> None:
    """Writes a block's text anew into its page (`UPDATE_GOLDEN=1`); what stands above it may have grown since."""
    if text == block.text:
        return
    same = [b for b in blocks(block.page) if (b.info, b.text, b.heading) == (block.info, block.text, block.heading)]
    first = min(same, key=lambda b: abs(b.line - block.line)).line
    lines = block.page.read_text(encoding="utf-8").splitlines(keepends=True)
    end = next(i for i in range(first, len(lines)) if lines[i].rstrip() == "```")
    block.page.write_text("".join([*lines[:first], text, *lines[end:]]), encoding="utf-8")
