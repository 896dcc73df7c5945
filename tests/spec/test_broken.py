"""The broken specs: each is violated as its header says, and holds once its one flaw is mended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelcheck.check import Options, described_sizes, run_check
from modelcheck.engines import Choice, Wanted
from modelcheck.outcome import Limits
from modelcheck.verdict import Answer, Exploration, Verdict
from spec.check import check
from spec.source import Source

BROKEN = Path(__file__).parents[2] / "spec" / "broken"
HEADER = re.compile(r"^# Shortest counterexample: (\w+), (\d+) steps, at (.+)\.$", re.MULTILINE)

EXPECTED_WARNINGS = {"lease_without_fence": ["W0605"], "lock_without_fence": ["W0605"]}
"""That nothing reads what was written is the flaw itself."""
QUICK_IN_PYTHON = {
    "auto_down",
    "bully",
    "half_is_enough",
    "leader_takes_new_term",
    "lease_without_fence",
    "lock_token_reused",
    "takeover",
    "votes_as_a_number",
}

Mend = tuple[tuple[str, str], ...]
MENDS: dict[str, Mend] = {
    "auto_down": (("size(votes) > size(node - down)", "size(votes) > size(node)"),),
    "ballot_not_unique": (("if ballot >= promised:", "if ballot > promised:"),),
    "bully": (("leader if role == winner with", "leader if role == winner and quorum(accepted) with"),),
    "candidate_votes_again": (("candidate\n    voted_for := none", "candidate\n    voted_for := self"),),
    "consul_lock_delay": (("pause 11 s, ", "pause 10 s, "),),
    "demoted_leader_votes_again": (("        voted_for := none", "        pass"),),
    "half_is_enough": (("2 * size(some) >= size(node)", "2 * size(some) > size(node)"),),
    "heartbeat_clears_the_vote": (
        ("if t >= term:\n    catch_up(t)", "if t >= term:\n    if t > term:\n        catch_up(t)\n    step_down()"),
    ),
    "hosted_lock_does_not_wait": (
        ("    waiting := false                      # the", "    waiting := true                       # the"),
    ),
    "kubernetes_lease_skew": (("timer lease: 15 s", "timer lease: 24 s"),),
    "kubernetes_lease_works_on": (("timer shutdown: 10 s", "timer shutdown: 1 s"),),
    "leader_takes_new_term": (("    term := t\n", "    term := t\n    step_down()\n"),),
    "lease_without_fence": (("from writer:", "from writer if with_token >= newest:"),),
    "lock_token_reused": (("    last_token: nat = 0", "    durable last_token: nat = 0"),),
    "lock_without_fence": (("from writer:", "from writer if with_token >= written:"),),
    "prevotes_counted": (
        ("message vote(term: nat)", "message vote(term: nat, asked: bool)"),
        ("            send vote(t) to candidate\n    else:", "            send vote(t, true) to candidate\n    else:"),
        ("            send vote(t) to candidate\n\n", "            send vote(t, false) to candidate\n\n"),
        ("on vote(t) from voter if role == asking", "on vote(t, asked) from voter if asked and role == asking"),
        (
            "on vote(t) from voter if role == candidate",
            "on vote(t, asked) from voter if not asked and role == candidate",
        ),
    ),
    "ring_closes": (("    silent := silent + {other}", "    pass"),),
    "stale_vote_counted": (("if role == candidate:", "if role == candidate and t == term:"),),
    "takeover": (("    voted_for := self\n    term := term + 1\n    lead()", "    stand()"),),
    "term_forgotten": (("    term: nat = 0", "    durable term: nat = 0"),),
    "term_set_back": (("from sender:", "from sender if t >= term:"),),
    "vote_expires": (("vote_lease:\n    voted_for := none", "vote_lease:\n    pass"),),
    "vote_forgotten": (("    voted_for: node? = none", "    durable voted_for: node? = none"),),
    "votes_as_a_number": (
        ("    votes: nat = 0", "    votes: set of node = {}"),
        ("votes := 1", "votes := {self}"),
        ("votes := votes + 1", "votes := votes + {voter}"),
        ("if 2 * votes > size(node):", "if quorum(votes):"),
        ("        votes := 0\n        stop election", "        votes := {}\n        stop election"),
        ("    role := follower\n    votes := 0", "    role := follower\n    votes := {}"),
        (", votes <= 4", ""),
    ),
    "wiped_disk": ((", disk loss up to 1", ""),),
}
"""The flaw's text, which stands in the spec once, and what ought to stand there."""


@dataclass(frozen=True)
class Promised:
    """What the last line of a header says."""

    violated: str
    length: int
    sizes: str


def names() -> list[str]:
    return sorted(path.stem for path in BROKEN.glob("*.elect"))


def untimed_names() -> list[str]:
    """Those in which no time passes: for readers of specs that know nothing of time, or are not asked about it yet."""
    return [name for name in names() if "\ntimed" not in text_of(name)]


def text_of(name: str) -> str:
    return (BROKEN / f"{name}.elect").read_text(encoding="utf-8")


def promised(name: str) -> Promised:
    found = HEADER.findall(text_of(name))
    assert len(found) == 1, "the header says once how long the shortest counterexample is"
    violated, length, sizes = found[0]
    return Promised(violated, int(length), sizes)


def verdict(name: str, text: str, engine: Wanted) -> Verdict:
    protocol, _ = check(Source(f"{name}.elect", text))
    (only,) = protocol.checks
    return run_check(protocol, only, Options(Limits(threads=2), Choice(engine)))


def found(exploration: Exploration) -> Promised:
    assert exploration.outcome is not None
    first = exploration.outcome.violations[0]
    return Promised(first.checked.name, first.length, described_sizes(exploration.model))


def mended(name: str) -> str:
    text = text_of(name)
    for flaw, mend in MENDS[name]:
        assert text.count(flaw) == 1, f"{flaw!r} stands in {name} {text.count(flaw)} times"
        text = text.replace(flaw, mend)
    return text


def test_there_is_a_mend_for_each() -> None:
    assert names() == sorted(MENDS)


def test_the_table_says_what_the_headers_say() -> None:
    table = (BROKEN / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.elect\) \| .+ \| `(\w+)` \| (\d+) \| (.+) \|$", table, re.MULTILINE)
    assert [(name, file) for name, file, *_ in rows] == [(name, name) for name in names()]
    for name, _, violated, length, sizes in rows:
        assert Promised(violated, int(length), sizes) == promised(name)


@pytest.mark.parametrize("name", names())
def test_is_named_as_its_file_and_marks_its_flaw(name: str) -> None:
    text = text_of(name)
    assert text.startswith("# BROKEN on purpose: ")
    assert f"\nprotocol {name}\n" in text
    assert text.count("# the flaw: ") == 1
    assert "\n# Where this happened: " in text and "\n# The mend" in text


@pytest.mark.parametrize("name", names())
def test_warns_of_nothing_but_the_flaw(name: str) -> None:
    _, warnings = check(Source(f"{name}.elect", text_of(name)))
    assert [warning.code for warning in warnings] == EXPECTED_WARNINGS.get(name, [])


@pytest.mark.parametrize("name", names())
def test_is_violated_as_its_header_says(name: str) -> None:
    result = verdict(name, text_of(name), Wanted.AUTO)
    assert result.answer is Answer.VIOLATED
    (exploration,) = result.explorations
    assert found(exploration) == promised(name)
    assert exploration.trace is not None and len(exploration.trace.steps) == promised(name).length
    assert exploration.trace.violation is not None and exploration.trace.violation.property == promised(name).violated


@pytest.mark.parametrize(
    "name", [name if name in QUICK_IN_PYTHON else pytest.param(name, marks=pytest.mark.slow) for name in names()]
)
def test_is_violated_in_as_many_steps_in_plain_python(name: str) -> None:
    (exploration,) = verdict(name, text_of(name), Wanted.PYTHON).explorations
    assert found(exploration) == promised(name)


@pytest.mark.parametrize("name", names())
def test_holds_once_its_one_flaw_is_mended(name: str) -> None:
    result = verdict(name, mended(name), Wanted.AUTO)
    assert result.answer is Answer.HOLDS, result.reason
