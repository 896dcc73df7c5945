"""The files that docs/editors.md has one write fit the grammar that they stand beside."""

import json
import re
from itertools import pairwise

from tests.docs.markdown import ROOT, blocks

PACKAGE, LANGUAGE, SETTINGS = (json.loads(block.text) for block in blocks(ROOT / "docs" / "editors.md"))
GRAMMAR = json.loads((ROOT / "spec" / "elect.tmLanguage.json").read_text(encoding="utf-8"))
RAFT = (ROOT / "spec" / "protocols" / "raft.elect").read_text(encoding="utf-8").splitlines()


def test_the_package_names_the_grammar() -> None:
    (grammar,) = PACKAGE["contributes"]["grammars"]
    (language,) = PACKAGE["contributes"]["languages"]
    assert grammar["scopeName"] == GRAMMAR["scopeName"]
    assert grammar["path"] == "./elect.tmLanguage.json"
    assert grammar["language"] == language["id"]
    assert language["extensions"] == [f".{kind}" for kind in GRAMMAR["fileTypes"]]
    assert f"[{language['id']}]" in SETTINGS


def test_indentation_grows_where_blocks_begin() -> None:
    begins = re.compile(LANGUAGE["indentationRules"]["increaseIndentPattern"])
    indents = [len(line) - len(line.lstrip()) for line in RAFT]
    deeper = [below > above for above, below in pairwise(indents)]
    marked = [bool(begins.search(line)) for line in RAFT[:-1]]
    blocks_begin = [grows and not line.endswith(",") for grows, line in zip(deeper, RAFT, strict=False)]
    assert any(blocks_begin)
    assert marked == blocks_begin


def test_indentation_shrinks_at_else() -> None:
    shrinks = re.compile(LANGUAGE["indentationRules"]["decreaseIndentPattern"])
    assert shrinks.search("    else:")
    assert shrinks.search("        elif a == b:  # or so")
    assert not shrinks.search("    elsewhere := 1")
