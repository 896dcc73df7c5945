"""The spec to begin with is right, and what it says about itself is true."""

import pytest

from modelcheck.check import Options, run_check
from modelcheck.engines import Choice, Wanted
from modelcheck.verdict import Answer
from spec.check import check
from spec.format import format_source
from spec.source import Source
from spec.template import new_spec

TEXT = new_spec("lighthouse")
CHECKS = {one.name: one for one in check(Source("lighthouse.elect", TEXT))[0].checks}


def test_it_bears_the_name() -> None:
    protocol, warnings = check(Source("lighthouse.elect", TEXT))
    assert protocol.name == "lighthouse"
    assert warnings == ()


def test_it_is_in_canonical_form_and_fits_a_screen() -> None:
    assert format_source(Source("lighthouse.elect", TEXT)) == TEXT
    assert max(len(line) for line in TEXT.splitlines()) <= 100


@pytest.mark.parametrize("engine", [Wanted.AUTO, pytest.param(Wanted.PYTHON, marks=pytest.mark.slow)])
def test_its_quick_check_holds(engine: Wanted) -> None:
    protocol, _ = check(Source("lighthouse.elect", TEXT))
    verdict = run_check(protocol, CHECKS["quick"], Options(choice=Choice(engine)))
    assert verdict.answer is Answer.HOLDS, verdict.reason


@pytest.mark.slow
def test_its_full_check_holds() -> None:
    protocol, _ = check(Source("lighthouse.elect", TEXT))
    assert run_check(protocol, CHECKS["full"], Options()).answer is Answer.HOLDS


@pytest.mark.parametrize("variable", ["term", "voted_for"])
def test_without_durable_it_breaks_as_its_comment_says(variable: str) -> None:
    assert "take `durable` away" in TEXT
    protocol, warnings = check(Source("lighthouse.elect", TEXT.replace(f"durable {variable}", variable)))
    assert {warning.code for warning in warnings} == {"W0609"}
    assert run_check(protocol, CHECKS["quick"], Options()).answer is Answer.VIOLATED


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the name is empty"),
        ("Raft", "`raft` would do"),
        ("my-protocol", "`my_protocol` would do"),
        ("my protocol!", "`my_protocol` would do"),
        ("3nodes", "`nodes` would do"),
        ("_raft", "`raft` would do"),
        ("\u00fc", "begins with a letter"),
        ("../etc/passwd", "`etc_passwd` would do"),
        ("raft\n", "`raft` would do"),
        ("if", "a word of the language; `if_election` would do"),
        ("class", "a word of Python"),
        ("Class", "begins with a letter"),
    ],
)
def test_what_cannot_be_a_name_is_refused_with_a_reason(name: str, reason: str) -> None:
    with pytest.raises(ValueError, match="name") as refused:
        new_spec(name)
    assert reason in str(refused.value)


@pytest.mark.parametrize("name", ["a", "raft2", "leader", "step", "my_protocol"])
def test_names_that_mean_something_elsewhere_will_do(name: str) -> None:
    assert check(Source("a.elect", new_spec(name)))[0].name == name
