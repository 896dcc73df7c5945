"""Whatever is changed in a spec, the checker gives a protocol or says what is wrong, at places in the text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from spec.check import check
from spec.diagnostics import Diagnostic, SpecError
from spec.render import render
from spec.source import Source
from spec.tokens import code
from tests.properties.specs import SHIPPED


@st.composite
def changed_specs(draw: st.DrawFn) -> str:
    """A whole shipped spec in which words stand in the place of others."""
    text = draw(st.sampled_from(SHIPPED)).read_text(encoding="utf-8")
    for _ in range(draw(st.integers(1, 3))):
        tokens = code(text)
        place, other = (tokens[draw(st.integers(0, len(tokens) - 1))] for _ in range(2))
        text = text[: place.start] + draw(st.sampled_from((other.text, "", "none", "self", "x"))) + text[place.end :]
    return text


@settings(max_examples=60, deadline=None)
@given(changed_specs())
def test_changed_specs(text: str) -> None:
    source = Source("changed.elect", text)
    found: tuple[Diagnostic, ...]
    try:
        _, found = check(source)
    except SpecError as refused:
        found = refused.diagnostics
        assert any(problem.is_error for problem in found)
    assert all(1 <= problem.span.line <= len(source.lines) for problem in found)
    assert render(source, found).endswith("\n") or not found
