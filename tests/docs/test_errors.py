"""docs/errors.md has a section for each diagnostic code in the code, and its examples print what the page shows."""

from __future__ import annotations

import os
import re
from itertools import pairwise

import pytest

from codegen.instance import Instance
from codegen.murphi import murphi
from modelcheck.check import Options, models_of
from modelcheck.model import Model
from spec.check import check
from spec.diagnostics import Diagnostic, SpecError
from spec.render import render, summary
from spec.source import Source
from tests.docs.markdown import ROOT, Block, blocks, prose, replaced

PAGE = ROOT / "docs" / "errors.md"
CODE = re.compile(r"[EW]\d{4}")
EXAMPLES = [
    (spec, shown)
    for spec, shown in pairwise(blocks(PAGE))
    if spec.info == ("elect", "wrong") and shown.language == "text"
]


def test_every_code_has_a_section_and_every_section_a_code() -> None:
    in_code = {
        code
        for package in ("spec", "modelcheck", "codegen", "oneleader")
        for path in (ROOT / package).rglob("*.py")
        for code in re.findall(r'"([EW]\d{4})"', path.read_text(encoding="utf-8"))
    }
    sections = re.findall(r"^## (.+)$", prose(PAGE), flags=re.MULTILINE)
    assert sorted(sections) == sorted(in_code)
    assert {spec.heading for spec, _ in EXAMPLES} == in_code, "every section has an example"
    listed = re.findall(r"^\| \[(.+?)\]", prose(PAGE), flags=re.MULTILINE)
    assert listed == sections, "the table at the top lists the sections in order"


@pytest.mark.parametrize(("spec", "shown"), EXAMPLES, ids=lambda block: block.name)
def test_the_example_prints_what_the_page_shows(spec: Block, shown: Block) -> None:
    found = diagnostics(spec.text)[1]
    assert {one.code for one in found} == {spec.heading}, "an example raises its own code and no other"
    if os.environ.get("UPDATE_GOLDEN"):
        replaced(shown, printed(spec.text))
        return
    assert printed(spec.text) == shown.text


def printed(text: str) -> str:
    """What is printed about a spec, but for the line that counts."""
    source, found = diagnostics(text)
    return render(source, found).removesuffix(f"\n{summary(found)}\n")


def diagnostics(text: str) -> tuple[Source, tuple[Diagnostic, ...]]:
    """What is found wrong, or odd, with a spec, with its checks, and with exporting it."""
    source = Source("p.elect", text)
    try:
        protocol, warnings = check(source)
        models = [model for one in protocol.checks for model in models_of(protocol, one, Options())]
        if not warnings:
            for model in models:
                murphi(_instance(model), symmetry=True)
    except SpecError as problem:
        return problem.source, problem.diagnostics
    return source, warnings


def _instance(model: Model) -> Instance:
    caps = model.caps
    return Instance(
        model.protocol,
        model.sizes,
        caps.variables,
        caps.arguments,
        caps.token,
        model.network,
        model.faults,
        model.channel,
    )
