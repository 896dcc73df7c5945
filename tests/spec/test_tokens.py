"""The words of the language are listed once for messages and colours; the list is the grammar's."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spec import expected, tokens
from spec.tokens import code, open_brackets, scan

GRAMMAR = (Path(__file__).parent.parent.parent / "spec" / "grammar.lark").read_text(encoding="utf-8")


def test_every_word_of_the_grammar_is_listed() -> None:
    words = set(re.findall(r'"([a-z_]+)"', GRAMMAR)) | set(re.findall(r"/([a-z]+)\\b/", GRAMMAR)) | {"exists", "forall"}
    listed = {
        *(*tokens.ITEM_WORDS, *tokens.STATEMENT_WORDS, *tokens.EXPRESSION_WORDS, *tokens.LITERAL_WORDS),
        *(*tokens.TYPE_WORDS, *tokens.CLAUSE_WORDS),
    }
    assert words <= listed
    # `bool` and `nat` are names to the grammar.
    assert listed - words == {"bool", "nat"}


def test_every_sign_of_the_grammar_has_its_spelling() -> None:
    signs = dict(re.findall(r'^([A-Z_]+): "([^a-z"]+)"$', GRAMMAR, flags=re.MULTILINE))
    assert len(signs) > 5
    for name, sign in signs.items():
        assert expected.SIGNS[name] == sign


def test_every_item_and_statement_has_a_form() -> None:
    assert {form.split()[0] for form in expected.ITEM_FORMS} == set(tokens.ITEM_WORDS)
    assert set(expected.STATEMENT_FORMS) == set(tokens.STATEMENT_WORDS) - {"while"}


@given(st.text() | st.text(alphabet=st.sampled_from('ab1 \t\n\r"#:=<.(){}\u7b2c')))
def test_the_tokens_are_the_text(text: str) -> None:
    found = list(scan(text))
    assert "".join(token.text for token in found) == text
    for token in found:
        assert text[token.start : token.end] == token.text
        line = text.split("\n")[token.line - 1] + "\n"
        assert line[token.column - 1 :].startswith(token.text[:1])


def test_the_code_is_what_means_something() -> None:
    assert [token.text for token in code('a := b.c  # "x"\n"#"')] == ["a", ":=", "b", ".", "c", '"#"']


def test_brackets_that_are_never_closed() -> None:
    assert [token.column for token in open_brackets(code("( [ ] {"))] == [1, 7]
