"""The canonical form, by example; that it keeps the meaning is held by tests/properties/test_format.py."""

from pathlib import Path

import pytest

from spec.diagnostics import SpecError
from spec.format import format_source
from spec.source import Source
from tests.golden import assert_golden

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SHIPPED = sorted([*ROOT.glob("spec/protocols/*.elect"), *ROOT.glob("spec/broken/*.elect")])


def formatted(text: str) -> str:
    return format_source(Source("a.elect", text))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_specs_are_in_canonical_form(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


def test_there_are_shipped_specs() -> None:
    assert ROOT / "spec" / "protocols" / "raft.elect" in SHIPPED


def test_a_spec_in_disorder() -> None:
    assert_golden(HERE / "golden" / "formatted.elect", formatted((HERE / "disorder.elect").read_text(encoding="utf-8")))


def test_what_cannot_be_parsed_is_refused() -> None:
    with pytest.raises(SpecError):
        formatted("protocol\n")


def test_blocks_stand_below_their_heads() -> None:
    assert formatted("on start: reset a\n") == "on start:\n    reset a\n"


def test_four_blanks_a_level() -> None:
    assert formatted("on start:\n  if a:\n   b:=1\n  c:=2\n") == ("on start:\n    if a:\n        b := 1\n    c := 2\n")


def test_byte_order_marks_carriage_returns_and_blanks_at_the_end_go() -> None:
    assert formatted("\ufeffprotocol a  \r\n\r\n\r\n\r\ntimed\r\n\r\n") == "protocol a\n\ntimed\n"


def test_parentheses_stay() -> None:
    assert formatted("safety a: ((b)) and (c or d)\n") == "safety a: ((b)) and (c or d)\n"


def test_an_empty_text_of_a_property_stays() -> None:
    assert formatted('safety a "" : b\n') == 'safety a "": b\n'


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("message a()\nmessage b()\n", True),
        ("message a()\n\nmessage b()\n", True),
        ("message a()\n# b\nmessage b()\n", True),
        ("message a()\nnetwork: loss\n", False),
        ("network: loss\nfaults: restart\n", True),
        ("define a(): 1\ndefine b(): 2\n", True),
        ("on start:\n    pass\non timeout a:\n    pass\n", False),
        ("on start:\n    pass\n# next\non timeout a:\n    pass\n", False),
        ("on start:\n    pass\n\n# next\non timeout a:\n    pass\n", True),
        ("on start:\n    pass\n\n# next\n\non timeout a:\n    pass\n", True),
        ("on start:\n\n    pass\n", False),
        ("on start:\n    pass\n\n    pass\n", True),
        ("on start:\n    pass\n\n\n    pass\n", False),
        ("on start:\n    if a:\n        pass\n\n    else:\n        pass\n", False),
        ("on start:\n    if a:\n        pass\n\n    # otherwise\n    else:\n        pass\n", True),
        ("# licence\n\nprotocol a\n", True),
        ("# licence\nprotocol a\n", True),
        ("\nprotocol a\n", False),
        ("protocol a\n# the end\n", True),
        ("on start:\n    pass\n# the end\n", False),
        ("on start:\n    pass\n\n# the end\n", True),
        ("on start:\n    pass\n    # the end\n", True),
    ],
)
def test_blank_lines(text: str, same: bool) -> None:
    assert (formatted(text) == text) is same


def test_a_comment_keeps_its_block() -> None:
    text = (
        "on start:\n"
        "  # first\n"
        "  if a:\n"
        "      pass\n"
        "      # in the if\n"
        "  # in the handler\n"
        "  pass\n"
        "     # in the handler, too\n"
        "# outside\n"
    )
    assert formatted(text) == (
        "on start:\n"
        "    # first\n"
        "    if a:\n"
        "        pass\n"
        "        # in the if\n"
        "    # in the handler\n"
        "    pass\n"
        "    # in the handler, too\n"
        "\n"
        "# outside\n"
    )


def test_comments_behind_neighbouring_lines_are_aligned() -> None:
    long = "x" * 50
    text = f"on start:  # far\n    a := 1 # one\n    b := 2\n    {long} := 3 # three\n\n    c := 4 # four\n"
    assert formatted(text) == (
        f"{'on start:':<42}# far\n"
        f"{'    a := 1':<61}# one\n"
        "    b := 2\n"
        f"    {long} := 3  # three\n"
        "\n"
        f"{'    c := 4':<42}# four\n"
    )


def test_a_comment_within_an_expression_ends_its_line() -> None:
    text = "safety a:\n  b and ( # why\n # really\n c)\n"
    assert formatted(text) == (f"safety a:\n    b\n{'    and (':<42}# why\n        # really\n        c\n    )\n")


def test_a_comment_goes_on_below_in_its_column() -> None:
    text = "network: loss  # one\n               # two\n               # three\n       # not four\n\nfaults: restart\n"
    assert formatted(text) == (
        f"{'network: loss':<42}# one\n"
        f"{'':<42}# two\n"
        f"{'':<42}# three\n"
        "# not four\n"
        "\n"
        "faults: restart\n"
    )  # fmt: skip
