"""The canonical form means the same, is its own canonical form, and loses no comment."""

import dataclasses
from typing import Any

from hypothesis import HealthCheck, assume, given, settings

from spec.diagnostics import SpecError
from spec.format import format_source
from spec.parser import parse
from spec.source import Source, Span
from tests.properties.specs import mutated_texts
from tests.properties.texts import grammatical_texts


def without_places(tree: Any) -> Any:
    """A tree's content: what is left of it without its spans."""
    if isinstance(tree, tuple):
        return tuple(without_places(part) for part in tree)
    if not dataclasses.is_dataclass(tree):
        return tree
    fields = [getattr(tree, field.name) for field in dataclasses.fields(tree)]
    return (type(tree).__name__, *(without_places(part) for part in fields if not isinstance(part, Span)))


def assert_canonical(text: str) -> None:
    before = parse(Source("a.elect", text))
    formatted = format_source(Source("a.elect", text))
    after = parse(Source("a.elect", formatted))
    assert without_places(after.items) == without_places(before.items)
    assert [(c.text, c.alone) for c in after.comments] == [(c.text, c.alone) for c in before.comments]
    assert format_source(Source("a.elect", formatted)) == formatted
    lines = formatted.split("\n")
    assert lines[-1] == ""
    assert lines[0] != ""
    assert "\n\n\n" not in formatted
    assert all(line == line.rstrip() for line in lines)
    assert not {"\t", "\r", "\ufeff"} & {c for line in lines if '"' not in line and "#" not in line for c in line}


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(grammatical_texts(most=2))
def test_every_grammatical_text(text: str) -> None:
    assert_canonical(text)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated_texts())
def test_changed_specs_that_can_be_parsed(text: str) -> None:
    try:
        parse(Source("a.elect", text))
    except SpecError:
        assume(False)
    assert_canonical(text)
