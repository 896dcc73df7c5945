"""Every ```elect block in the docs is parsed and checked; one that is a whole spec is explored as well.

The words after `elect` say what a block is: nothing, a whole spec; `context`, the spec that the page's other blocks are
parts of; `items`, `statements`, `expressions` (of any type) and `conditions` (of properties), parts of it; `alone`,
items that need no more than a `protocol` line; `wrong`, a spec with errors, which another test looks at; `file=NAME`, a
file of the tutorial, which its commands check.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from modelcheck.check import Options, run_check
from modelcheck.verdict import Answer
from spec.check import check
from spec.diagnostics import SpecError
from spec.format import format_source
from spec.render import render
from spec.source import Source
from tests.docs.markdown import PAGES, Block, blocks_of

ELSEWHERE = ("wrong",)
BLOCKS = [b for b in blocks_of("elect") if not b.option("file") and not set(ELSEWHERE) & set(b.info)]


def _is_file(block: Block) -> bool:
    return block.option("file") is not None or block.info[1:] in ((), ("context",), ("alone",))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_the_spec_is_right(block: Block) -> None:
    source = Source(block.name, whole(block))
    try:
        protocol, warnings = check(source)
    except SpecError as problem:
        pytest.fail(render(source, problem.diagnostics))
    if len(block.info) == 1:
        assert not warnings, render(source, warnings)
        assert protocol.checks, "a whole spec says how to check it"
        for one in protocol.checks:
            verdict = run_check(protocol, one, Options())
            assert verdict.answer is Answer.HOLDS, verdict.reason


@pytest.mark.parametrize("block", [b for b in blocks_of("elect") if _is_file(b)], ids=lambda block: block.name)
def test_a_whole_spec_is_in_canonical_form(block: Block) -> None:
    text = whole(block) if "alone" in block.info else block.text
    assert format_source(Source(block.name, text)) == text


def test_every_kind_of_block_is_known() -> None:
    known = {(), ("context",), ("items",), ("statements",), ("expressions",), ("conditions",), ("alone",)}
    assert {block.info[1:] for block in BLOCKS} <= known


def whole(block: Block) -> str:
    """The spec that a block stands for."""
    match block.info[1:]:
        case () | ("context",):
            return block.text
        case ("alone",):
            return f"protocol example\n\n{block.text}"
        case ("items",):
            return f"{_context(block.page)}\n{block.text}"
        case ("statements",):
            return f"{_context(block.page)}\naction in_the_docs:\n{textwrap.indent(block.text, '    ')}"
        case ("expressions",):
            lines = [f"    let e{i} = {line}\n" for i, line in enumerate(block.text.splitlines())]
            return f"{_context(block.page)}\naction in_the_docs:\n{''.join(lines)}"
        case ("conditions",):
            lines = [f"safety c{i}: {line}\n" for i, line in enumerate(block.text.splitlines())]
            return f"{_context(block.page)}\n{''.join(lines)}"
        case other:
            raise AssertionError(f"what is a block of {other}?")


def _context(page: Path) -> str:
    (found,) = (block for block in blocks_of("elect", PAGES) if block.page == page and block.info[1:] == ("context",))
    return found.text
