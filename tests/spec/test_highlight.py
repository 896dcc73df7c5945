"""Colours stand where they should, and the editors' grammar is the table's."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spec.highlight import RULES, STYLES, highlight, spans, style, textmate_grammar
from spec.tokens import EXPRESSION_WORDS, ITEM_WORDS, LITERAL_WORDS, STATEMENT_WORDS
from tests.golden import assert_golden

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "golden"
RAFT = (ROOT / "spec" / "protocols" / "raft.elect").read_text(encoding="utf-8")
NEVER_SENT = {7: None, 8: None, 11: None, 12: None, 13: None}


def scopes(line: str) -> dict[str, str]:
    return {line[start:end]: scope for start, end, scope in spans(line)}


def test_the_editors_grammar_is_the_tables() -> None:
    assert_golden(ROOT / "spec" / "elect.tmLanguage.json", textmate_grammar())


def test_the_editors_grammar_names_a_scope_for_each_group() -> None:
    grammar = json.loads(textmate_grammar())
    assert grammar["scopeName"] == "source.elect"
    for pattern in grammar["patterns"]:
        groups = re.compile(pattern["match"]).groups
        assert sorted(pattern.get("captures", {})) == [str(group) for group in range(1, groups + 1)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.pattern)
def test_every_scope_has_a_look(rule: object) -> None:
    assert all(scope == "" or any(scope.startswith(known) for known in STYLES) for scope in rule.scopes)  # type: ignore[attr-defined]


def test_every_construct_in_colours() -> None:
    lines = (GOLDEN / "formatted.elect").read_text(encoding="utf-8").splitlines()
    shown = [f"{line}\n" + "".join(f"    {line[a:b]}  {s}\n" for a, b, s in spans(line)) for line in lines]
    assert_golden(GOLDEN / "highlighted.txt", "".join(shown))


@pytest.mark.parametrize("word", ITEM_WORDS)
def test_items_begin_with_keywords(word: str) -> None:
    assert scopes(f"{word} thing: x")[word] == "keyword.declaration"


@pytest.mark.parametrize("word", STATEMENT_WORDS)
def test_statements_begin_with_keywords(word: str) -> None:
    assert scopes(f"    {word} thing")[word] == "keyword.control"


@pytest.mark.parametrize("word", [*EXPRESSION_WORDS, *LITERAL_WORDS])
def test_words_of_expressions_are_not_plain(word: str) -> None:
    assert style(scopes(f"    x := {word} y")[word])


@pytest.mark.parametrize("line", ["    votes := android", "    iffy := nothing", "    x.self_made(1)", "    on2 := a1"])
def test_no_keyword_begins_within_a_name(line: str) -> None:
    assert set(scopes(line)) <= {":=", "1"}


def test_what_properties_look_at() -> None:
    line = "safety a: forall vote(t) from v to c before ask(u): b and exists n led with t: before(led, with)"
    assert scopes(line) == {
        "safety": "keyword.declaration",
        "a": "entity.name.type",
        "forall": "keyword.control",
        "vote": "entity.name.function",
        "from": "keyword.other",
        "to": "keyword.other",
        "before": "keyword.other",
        "ask": "entity.name.function",
        "and": "keyword.operator.word",
        "exists": "keyword.control",
        "led": "keyword.other",
        "with": "keyword.other",
    }


def test_a_text_with_a_number_sign_is_no_comment() -> None:
    assert scopes('safety a "not # this": b  # but this') == {
        "safety": "keyword.declaration",
        "a": "entity.name.type",
        '"not # this"': "string.quoted.double",
        "# but this": "comment.line.number-sign",
    }


def test_what_has_two_looks_has_the_longer_scopes() -> None:
    assert style("keyword.operator.word") != style("keyword.operator")
    assert style("unheard.of") == ""


def test_it_is_in_colours() -> None:
    assert {"bold magenta", "green", "cyan"} <= {str(span.style) for span in highlight(RAFT).spans}


@given(st.text() | st.text(alphabet=st.sampled_from('ab1 \t\n\r"#:=(){}\u7b2c\x1b')))
@example(RAFT)
@example("x\r\ny\n\n")
@example("a\u2028b\x85c\x1cd\n")
def test_no_character_is_lost(text: str) -> None:
    assert highlight(text).plain == text.translate(NEVER_SENT)
    for line in text.split("\n"):
        places = [place for start, end, _ in spans(line) for place in (start, end)]
        assert places == sorted(places)
