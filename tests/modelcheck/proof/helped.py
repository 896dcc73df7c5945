"""The strongest help that one could give to the proof of a broken spec: the invariant that proves it once its flaw is
mended. `python -m tests.modelcheck.proof.helped` finds these invariants, and what becomes of each in the broken spec.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from modelcheck.proof.claims import MINORITY_CANNOT_ELECT
from modelcheck.proof.obligations import properties_of
from modelcheck.proof.prove import Wanted, prove
from modelcheck.proof.scope import label, setting_of
from modelcheck.properties import QUORUMS_INTERSECT
from spec.check import check
from spec.diagnostics import SpecError
from spec.protocol import Protocol
from spec.source import Source
from tests.modelcheck.proof.questions import Key, Questions, questions
from tests.spec.test_broken import mended, promised, text_of, untimed_names

INVARIANTS = Path(__file__).with_name("mended")
TABLE = Path(__file__).with_name("refutations.json")
SIZES = (3, 4, None)

COVERED = {"auto_down": ("2 * size(votes) > size(node)", "quorum(votes)")}
"""What to say in a mended spec so that proofs cover it."""
NOT_THERE: dict[tuple[str, int], str] = {
    ("demoted_leader_votes_again", 4): "any two quorums of 4 nodes share two of them, and only the leader votes twice",
    ("half_is_enough", 3): "half of 3 nodes is 2 of them, which is a majority",
    ("votes_as_a_number", 3): "with 3 nodes one vote besides one's own is a majority already",
}
"""Where a broken spec is as safe as a mended one."""
REFUSED: dict[tuple[str, int | None], str] = {
    ("auto_down", None): "`size` of a set, outside of the definition of `quorum`",
    ("votes_as_a_number", None): "`*` on numbers",
}
"""What proofs do not cover."""

Step = tuple[str, Key]
"""A clause, and a goal that says of it what is not so."""


def mended_text(name: str) -> str:
    text = mended(name)
    return text.replace(*COVERED[name]) if name in COVERED else text


def clauses_for(name: str) -> list[str]:
    """The invariant of the mended spec, clause by clause."""
    text = (INVARIANTS / f"{name}.clauses").read_text(encoding="utf-8")
    return [one for one in re.split(r"^(?=invariant )", text, flags=re.MULTILINE) if one]


def with_help(name: str, text: str) -> Protocol:
    """A spec with all clauses in it that mean something there."""
    kept = text.rstrip("\n") + "\n\n"
    with suppress(SpecError):
        return check(Source(f"{name}.elect", kept + "".join(clauses_for(name))))[0]
    protocol = check(Source(f"{name}.elect", text))[0]
    for clause in clauses_for(name):
        try:
            protocol = check(Source(f"{name}.elect", kept + clause))[0]
        except SpecError:
            continue
        kept += clause
    return protocol


def asked_of(protocol: Protocol, size: int | None) -> Questions:
    """What is to be shown where not only the clauses but the properties, too, are supposed before each step."""
    properties = (claim.name for claim in properties_of(setting_of(protocol, size)))
    return questions(protocol, size, [name for name in properties if name != MINORITY_CANNOT_ELECT])


# Refutations ---------------------------------------------------------------------------------------------------------


def refutation(asked: Questions, violated: str) -> list[Step] | None:
    """Why no choice among the clauses and properties proves the violated one: clauses, each with a goal that is false
    although all those that are not yet refuted are supposed; the last is the violated one. None if there is no such."""
    found: list[Step] = []
    while not any(name == violated for name, _ in found):
        new = _refuted(asked, violated, {name for name, _ in found}, 3.0)
        new = new or _refuted(asked, violated, {name for name, _ in found}, 30.0)
        if not new:
            return None
        found += new.items()
    found = found[: [name for name, _ in found].index(violated) + 1]
    for one in reversed(found[:-1]):
        fewer = [other for other in found if other is not one]
        if is_refutation(asked, violated, fewer):
            found = fewer
    return found


def _refuted(asked: Questions, violated: str, gone: set[str], seconds: float) -> dict[str, Key]:
    """Clauses with a goal that is false where those that are gone are not supposed."""
    new: dict[str, Key] = {}
    for key in sorted(asked.asked, key=lambda key: key[1] != violated):
        if key[1] not in gone and key[1] not in new and asked.answer(key, gone, seconds) == "sat":
            new[key[1]] = key
            if key[1] == violated:
                break
    return new


def is_refutation(asked: Questions, violated: str, steps: list[Step]) -> bool:
    """Each clause's goal is false where only those that went before are not supposed."""
    gone: set[str] = set()
    for name, key in steps:
        if name != key[1] or asked.answer(key, gone) != "sat":
            return False
        gone.add(name)
    return violated in gone


# The table -----------------------------------------------------------------------------------------------------------


def read() -> dict[str, dict[str, list[Step]]]:
    """The refutations, by spec and size."""
    made = json.loads(TABLE.read_text(encoding="utf-8"))
    return {
        name: {size: [(clause, (key[0], key[1])) for clause, key in steps] for size, steps in sizes.items()}
        for name, sizes in made.items()
    }


def refutations_of(name: str) -> dict[str, list[Step]]:
    """For each size at which a broken spec is broken and covered, why it is not proved there. The property of quorums
    is the whole of a refutation where it is false."""
    violated = promised(name).violated
    found: dict[str, list[Step]] = {}
    for size in SIZES:
        if (name, size) in NOT_THERE or (name, size) in REFUSED:
            continue
        asked = asked_of(with_help(name, text_of(name)), size)
        apart = [key for key in asked.quorums if asked.answer(key) == "sat"]
        steps = [(QUORUMS_INTERSECT, key) for key in apart] or refutation(asked, violated)
        if steps is None:
            raise AssertionError(f"{name} at {label(size)}: nothing of it is refuted")
        print(f"{name} at {label(size)}: {', '.join(clause for clause, _ in steps)}", file=sys.stderr, flush=True)
        found[label(size)] = steps
    return found


def search_invariants(chosen: list[str]) -> Iterator[tuple[str, str]]:
    """What proves each mended spec."""
    for name in chosen:
        proof = prove(check(Source(f"{name}.elect", mended_text(name)))[0], Wanted(), lambda _: None)
        print(f"{name}: {'proved' if proof.proved else proof.unproved}", file=sys.stderr, flush=True)
        yield name, "".join(one.text for one in proof.found)


if __name__ == "__main__":
    INVARIANTS.mkdir(exist_ok=True)
    for spec_name, clauses in search_invariants(sys.argv[1:] or untimed_names()):
        (INVARIANTS / f"{spec_name}.clauses").write_text(clauses, encoding="utf-8")
    TABLE.write_text(
        json.dumps({one: refutations_of(one) for one in untimed_names()}, indent=1) + "\n", encoding="utf-8"
    )
