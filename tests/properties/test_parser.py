"""Whatever the text, the parser gives a tree or says what is wrong with it."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spec.diagnostics import SpecError
from spec.parser import parse
from spec.render import render
from spec.source import Source
from tests.properties.specs import ADDITIONS, SHIPPED, mutated_texts


def refusal(text: str) -> SpecError | None:
    """What is said against the text; anything but a SpecError with places in the text fails the test."""
    source = Source("fuzz.elect", text)
    try:
        parse(source)
    except SpecError as raised:
        refused = raised
    else:
        return None
    assert refused.source is source
    assert refused.diagnostics
    for problem in refused.diagnostics:
        assert problem.is_error
        assert problem.message
        assert 1 <= problem.span.line <= len(source.lines)
        assert 1 <= problem.span.column <= len(source.line(problem.span.line)) + 1
        assert problem.label or problem.help
    assert render(source, refused.diagnostics)
    return refused


@settings(max_examples=200, deadline=None)
@given(mutated_texts())
def test_changed_specs(text: str) -> None:
    refusal(text)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_bytes(data: bytes) -> None:
    refusal(data.decode("latin-1"))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100))
@example("\ufeff")
@example("\ufeff  protocol a")
@example("\r")
@example("\r# note")
@example("\r\r\n \r")
@example("on start:\r    pass")
def test_any_text(text: str) -> None:
    refusal(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(ADDITIONS), max_size=25).map(" ".join))
def test_words_in_any_order(text: str) -> None:
    refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "safety a: " + "(" * 5000 + "a" + ")" * 5000,
        "safety a: " + "not " * 5000 + "a",
        "safety a: " + "a and " * 5000 + "a",
        "safety a: " + "a implies " * 5000 + "a",
        "safety a: " + "forall n in node: " * 5000 + "a",
        "safety a: " + "if a then " * 2000 + "a" + " else a" * 2000,
        "safety a: a" + ".b" * 5000,
        "safety a: " + "{" * 5000,
        "safety a: " + "9" * 5000,
        "on start:\n" + "".join(" " * depth + "if a:\n" for depth in range(1, 1000)) + " " * 1000 + "pass\n",
        "message m(" + "a: nat, " * 3000,
        "\n".join("x" for _ in range(1000)),
        '"' * 5001,
    ],
    ids=lambda text: text[:24],
)
def test_what_would_overflow_a_stack(text: str) -> None:
    assert refusal(text) is not None


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SHIPPED), st.data())
def test_every_wrong_assignment_is_reported_and_nothing_else(path: Path, data: st.DataObject) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    assignments = [number for number, line in enumerate(lines) if ":=" in line.partition("#")[0]]
    wrong = data.draw(st.sets(st.sampled_from(assignments), min_size=1, max_size=6))
    for number in wrong:
        lines[number] = lines[number].replace(":=", "=", 1)
    refused = refusal("\n".join(lines))
    assert refused is not None
    assert [problem.span.line for problem in refused.diagnostics] == sorted(number + 1 for number in wrong)
