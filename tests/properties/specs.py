"""Texts to test the language's tools with: the shipped specs, and those with something changed."""

from pathlib import Path

from hypothesis import strategies as st

from spec import foreign
from spec.tokens import ITEM_WORDS, STATEMENT_WORDS, scan

ROOT = Path(__file__).parent.parent.parent
SHIPPED = sorted([*ROOT.glob("spec/protocols/*.elect"), *ROOT.glob("spec/broken/*.elect")])

ADDITIONS = (
    *(*ITEM_WORDS, *STATEMENT_WORDS, *foreign.SIGNS, *foreign.CHARACTERS, *foreign.QUOTES),
    *("x", "0", "7", "99999999999", '"text"', '"open', "# note", "\n", "\n    ", "\n        ", "\t", "\r\n", "\r"),
    *(" ", "\u00a0", "\x00", "\ufeff", "\x0c", "\u2028", "\U0001f600", "\u00df", ":", ",", "(", ")", "{", "}", "["),
    *(
        "]",
        ":=",
        "=",
        "==",
        "<=",
        "..",
        "~>",
        "|",
        "?",
        "-",
        "+",
        "&",
        "not",
        "in",
        "and",
        "implies",
        "exists",
        "forall",
    ),
    *("true", "none", "self", "to", "from", "at", "with", "token", "elected", "by", "confirmed", "quorum", "within"),
    *("led", "before"),
)


def shipped_texts() -> st.SearchStrategy[str]:
    """A few items, one after another, of one of the shipped specs."""

    def items(text: str) -> st.SearchStrategy[str]:
        starts = [0, *(i + 1 for i, c in enumerate(text[:-1]) if c == "\n" and text[i + 1] not in " #\n"), len(text)]
        return st.tuples(st.integers(0, len(starts) - 2), st.integers(1, 4)).map(
            lambda cut: text[starts[cut[0]] : starts[min(cut[0] + cut[1], len(starts) - 1)]]
        )

    return st.sampled_from(SHIPPED).map(lambda path: path.read_text(encoding="utf-8")).flatmap(items)


@st.composite
def mutated_texts(draw: st.DrawFn) -> str:
    """A shipped text of which tokens have been taken away, doubled, exchanged or put in."""
    parts = [token.text for token in scan(draw(shipped_texts()))]
    for _ in range(draw(st.integers(1, 4))):
        if not parts:
            break
        at, other = draw(st.integers(0, len(parts) - 1)), draw(st.integers(0, len(parts) - 1))
        match draw(st.sampled_from(("delete", "insert", "swap", "double", "cut"))):
            case "delete":
                del parts[at]
            case "insert":
                parts.insert(at, draw(st.sampled_from(ADDITIONS)))
            case "swap":
                parts[at], parts[other] = parts[other], parts[at]
            case "double":
                parts.insert(at, parts[at])
            case _:
                parts[at] = parts[at][: len(parts[at]) // 2]
    return "".join(parts)
