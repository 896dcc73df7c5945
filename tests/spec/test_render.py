"""Diagnostics read as they should: golden texts, and carets that stand under what they mean."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from spec.diagnostics import Diagnostic
from spec.render import render, render_rich, summary
from spec.source import NOWHERE, Source, Span
from tests.golden import assert_golden

GOLDEN = Path(__file__).parent / "golden" / "render.txt"

TEXT = """\
protocol raft

process node:
    term: nat = 0
\tvotes: nat = 0
    leader: nat = 0 # \u7b2c\u4e00 then
    \u7b2c: nat = \u7b2c\u4e00 + 1
on start:
    a := 1
    b := 2
    c := 3
    d := 4
    e := 5
    f := 6
    g := 7
"""
SOURCE = Source("cluster/raft.elect", TEXT)


def span_of(part: str, to: str = "") -> Span:
    """From where `part` first stands to its end, or to the end of where `to` first stands."""

    def place(index: int) -> tuple[int, int]:
        return TEXT.count("\n", 0, index) + 1, index - TEXT.rfind("\n", 0, index)

    end = to or part
    return Span(*place(TEXT.index(part)), *place(TEXT.index(end) + len(end)))


CASES = (
    Diagnostic("E0203", "there is no type `raft`", span_of("raft"), "not a type", "did you mean `node`?"),
    Diagnostic("W0301", "nobody reads `term`", span_of("term: nat = 0"), "declared here"),
    Diagnostic("E0102", "a tab in the indentation", Span(5, 1, 5, 2), "use spaces"),
    Diagnostic("E0203", "after a tab", span_of("votes"), "counts as four columns"),
    Diagnostic("E0203", "after wide characters", span_of("then"), "here"),
    Diagnostic("E0203", "under wide characters", span_of("\u7b2c\u4e00 + 1", "\u7b2c\u4e00 + 1"), "both"),
    Diagnostic("E0101", "the line ends too early", Span(3, 14, 3, 15), "expected `at`"),
    Diagnostic("E0101", "no label", span_of("protocol")),
    Diagnostic("E0101", "two lines", span_of("a := 1", "b := 2"), "these"),
    Diagnostic("E0101", "six lines", span_of("a := 1", "f := 6"), "all of them"),
    Diagnostic("E0101", "seven lines", span_of("a := 1", "g := 7"), "too many to show", "first line\nsecond line"),
    Diagnostic("E0101", "ends before the next line's first column", Span(8, 1, 9, 1), "the head alone"),
    Diagnostic("E0201", "no process is declared", NOWHERE, "expected `process NAME:`", "every protocol has one"),
    Diagnostic("E0101", "beyond the file", Span(99, 1, 99, 2), "nowhere"),
)


def test_the_texts_are_golden() -> None:
    assert_golden(GOLDEN, render(SOURCE, CASES))


def test_colours_change_no_character() -> None:
    coloured = render_rich(SOURCE, CASES)
    assert coloured.plain == render(SOURCE, CASES)
    assert {str(span.style) for span in coloured.spans} >= {"bold red", "bold yellow", "bold blue"}


def test_nothing_gives_nothing() -> None:
    assert render(SOURCE, ()) == ""
    assert summary(()) == ""


def test_the_summary_counts_each_severity() -> None:
    error, warning = CASES[0], CASES[1]
    assert summary([error]) == "1 error"
    assert summary([warning, error, error]) == "2 errors and 1 warning"
    assert summary([warning, warning]) == "2 warnings"


def test_what_would_move_the_cursor_is_shown_as_a_picture() -> None:
    text = render(
        Source("a\x1b[2J.elect", "x := \x1b[31m\u202e\x00\n"), [Diagnostic("E0101", "\x1b", Span(1, 6, 1, 7))]
    )
    assert text.replace("\n", "").isprintable()
    assert "\u241b" in text


def test_a_line_break_of_windows_leaves_no_trace() -> None:
    source = Source("a.elect", "protocol a\r\nx\r\n")
    shown = render(source, [Diagnostic("E0101", "x", Span(2, 1, 2, 2)), Diagnostic("E0101", "y", Span(1, 1, 2, 2))])
    assert not {"\r", "\u240d"} & set(shown)


@given(st.text(alphabet=st.sampled_from("ab \t\x1b\u00e9\u7b2c"), max_size=30), st.data())
def test_the_carets_stand_under_the_span(line: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(begin, len(line)))
    shown = render(Source("x", line), [Diagnostic("E0101", "m", Span(1, begin + 1, 1, end + 1), "label")])
    carets = shown.split("\n")[4]
    widths = {"\t": 4, "\u7b2c": 2}
    before = sum(widths.get(c, 1) for c in line[:begin])
    within = sum(widths.get(c, 1) for c in line[begin : max(end, begin + 1)])
    assert carets == "  | " + " " * before + "^" * max(within, 1) + " label"


@given(
    st.text(alphabet=st.sampled_from("ab \t\n\r\u7b2c"), max_size=60),
    st.tuples(*[st.integers(-1, 12)] * 4),
)
def test_no_span_is_refused(text: str, span: tuple[int, int, int, int]) -> None:
    assert render(Source("x", text), [Diagnostic("E0101", "m", Span(*span), "l", "h")]).endswith("\n1 error\n")
