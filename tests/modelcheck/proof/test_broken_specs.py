"""Negative controls: no broken spec is proved, whoever helps, and by whatever way."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from modelcheck.check import Options, run_check
from modelcheck.outcome import Limits
from modelcheck.proof.prove import Wanted, prove
from modelcheck.proof.scope import label
from modelcheck.proof.solvers import z3_answer
from modelcheck.properties import QUORUMS_INTERSECT
from modelcheck.verdict import Answer
from spec.check import check
from spec.protocol import Protocol
from spec.source import Source
from tests.modelcheck.proof.helped import (
    INVARIANTS,
    NOT_THERE,
    REFUSED,
    SIZES,
    asked_of,
    clauses_for,
    is_refutation,
    mended_text,
    read,
    with_help,
)
from tests.modelcheck.proof.questions import SECONDS
from tests.spec.test_broken import BROKEN, names, promised, text_of

ROOT = BROKEN.parents[1]
UNTIMED = [name for name in names() if not check(Source(name, text_of(name)))[0].timed]
"""What is wrong with the others is a matter of clocks, of which the search finds no clauses. Their runs are found by
`bmc`, see `test_bounded`; and by an exploration, as all are."""
CASES = [(name, size) for name in UNTIMED for size in SIZES]
THERE = [case for case in CASES if case not in NOT_THERE and case not in REFUSED]
LONG = {("bully", 4), ("lock_token_reused", None), ("term_forgotten", 4), ("term_set_back", 4), ("vote_expires", 4)}
"""Refutations that take a solver more than a few seconds."""
TABLE = read()
HARD = {"ballot_not_unique", "lock_without_fence", "prevotes_counted"}
"""Specs that the search does not prove even when they are mended: their help may fall short of a proof."""


def tag(case: tuple[str, int | None]) -> str:
    return f"{case[0]}-{label(case[1])}"


@cache
def helped(name: str) -> Protocol:
    return with_help(name, text_of(name))


def test_every_spec_and_size_is_accounted_for() -> None:
    assert {(name, label(size)) for name, size in THERE} == {(name, size) for name in TABLE for size in TABLE[name]}
    assert {path.stem for path in INVARIANTS.glob("*.clauses")} == set(UNTIMED)


@pytest.mark.parametrize(
    ("name", "size"),
    [pytest.param(*case, marks=pytest.mark.slow if case in LONG else (), id=tag(case)) for case in THERE],
)
def test_no_choice_of_clauses_proves_what_is_broken(name: str, size: int | None) -> None:
    """The invariant of the mended spec is all the help that there is, with the properties themselves. One clause after
    the other has a step that breaks it; the last is the property."""
    steps = TABLE[name][label(size)]
    asked = asked_of(helped(name), size)
    if steps[0][0] == QUORUMS_INTERSECT:
        assert [asked.answer(key) for _, key in steps] == ["sat"]
    else:
        assert is_refutation(asked, promised(name).violated, steps)


@pytest.mark.parametrize("name", UNTIMED)
def test_help_does_not_get_it_proved(name: str) -> None:
    """The same of the whole verdict, which says which steps are wrong, or which quorums."""
    size = 4 if (name, 3) in NOT_THERE else 3
    (only,) = prove(helped(name), Wanted((size,), search=False, seconds=2.0), lambda _: None).sizes
    assert not only.proved
    assert "sat" in [one.answer for one in only.answers] or "nobody in common" in only.refused


@pytest.mark.parametrize(("name", "size"), REFUSED, ids=map(tag, REFUSED))
def test_what_is_not_covered_is_refused_by_name(name: str, size: int | None) -> None:
    (only,) = prove(helped(name), Wanted((size,), search=False), lambda _: None).sizes
    assert not only.proved
    assert only.refused.startswith(f"not covered: {REFUSED[name, size]}")


@pytest.mark.parametrize(("name", "size"), NOT_THERE, ids=map(tag, NOT_THERE))
def test_where_nothing_is_broken_nothing_is_violated(name: str, size: int) -> None:
    """Which is why there is no control of these sizes."""
    text = re.sub(r"check quick: \d nodes", f"check quick: {size} nodes", text_of(name))
    protocol = check(Source(f"{name}.elect", text))[0]
    assert run_check(protocol, protocol.checks[0], Options(Limits(threads=2))).answer is Answer.HOLDS


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in UNTIMED if name not in HARD])
def test_the_same_help_proves_the_mended_spec(name: str) -> None:
    """So it is the flaw, and nothing else, for which the proof of the broken spec fails."""
    text = mended_text(name) + "\n" + "".join(clauses_for(name))
    protocol = check(Source(f"{name}.elect", text))[0]
    for size in SIZES:
        asked = asked_of(protocol, size)
        texts = {key: asked.text(key) for key in (*asked.asked, *asked.quorums)}
        assert {key: z3_answer(text, SECONDS) for key, text in texts.items()} == dict.fromkeys(texts, "unsat")


@pytest.mark.parametrize("name", names())
def test_prove_finds_how_a_broken_spec_is_violated(name: str) -> None:
    """The whole command, which explores the spec's own checks first."""
    command = [sys.executable, "-m", "oneleader", "prove", str(Path("spec", "broken", f"{name}.elect")), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=600, check=False)
    assert ended.returncode == 1, ended.stderr
    found = json.loads(ended.stdout)
    assert found["answer"] == "violated"
    assert f"{promised(name).violated}: violated" in found["reason"]
    assert found["trace"] is not None
    apart = {"half_is_enough": ["4"]}.get(name, [])
    assert [size["size"] for size in found["sizes"]] == apart, "nothing is asked of a solver any more"
    assert all("two quorums have nobody in common" in size["refused"] for size in found["sizes"])
