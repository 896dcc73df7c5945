"""Which seeded change makes which goal of Raft's proof false. `python -m tests.modelcheck.proof.kills` tries all
changes on all goals, and writes the table that the tests go by: for each goal a change after which the solver has a
counterexample to it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from modelcheck.proof.forked import workers
from modelcheck.proof.scope import label
from modelcheck.proof.setting import Unprovable
from spec.check import check
from spec.protocol import Protocol
from spec.source import Source
from tests.modelcheck.proof.mutants import mutants
from tests.modelcheck.proof.questions import Key, Questions, questions

SPEC = Path(__file__).with_name("raft_with_invariant.elect")
TABLE = Path(__file__).with_name("kills.json")
SIZES = (3, None)
BRIEF = 5.0

Table = dict[str, list[Key]]
"""The goals that each change makes false."""


@dataclass(frozen=True)
class Kills:
    """What was found for one size. `by_premise` are the goals that no change of the spec makes false, each with the
    clause that it does not follow without; `never` are those left."""

    by_change: Table
    by_premise: Table
    never: list[Key]


def spec_text() -> str:
    return SPEC.read_text(encoding="utf-8")


def spec() -> Protocol:
    return check(Source(SPEC.name, spec_text()))[0]


def after(text: str, size: int | None) -> Questions | None:
    """What is asked of a changed spec; None where it is refused."""
    try:
        return questions(check(Source("mutant.elect", text))[0], size)
    except Unprovable:
        return None


def found_for(size: int | None) -> Kills:
    """Every change on every goal that none has made false yet; then as few of these changes as will do."""
    first = questions(spec(), size)
    left = dict.fromkeys((*first.asked, *first.quorums))
    useful: dict[str, Questions] = {}
    for name, mutant in mutants(spec_text()).items():
        changed = after(mutant.text, size) if mutant.is_a_spec else None
        if changed is None:
            continue
        killed = [key for key in left if is_killed(changed, key, first)]
        if killed:
            useful[name] = changed
            print(f"{label(size)}: {len(killed)} of {len(left)} goals: {name}", file=sys.stderr, flush=True)
        for key in killed:
            del left[key]
        if not left:
            break
    premises: Table = {}
    for claim in first.invariant.claims:
        for key in [key for key in left if key in first.asked and first.answer(key, {claim.name}, BRIEF) == "sat"]:
            premises.setdefault(claim.name, []).append(key)
            del left[key]
    every = [key for key in (*first.asked, *first.quorums) if key not in left]
    done = {key for keys in premises.values() for key in keys}
    table = {name: [k for k in every if k not in done and is_killed(now, k, first)] for name, now in useful.items()}
    return Kills(cover(table), premises, list(left))


def is_killed(changed: Questions, key: Key, first: Questions) -> bool:
    """Whether the goal is false after the change. What reads as before is as true as before."""
    if key not in changed.asked and key not in changed.quorums:
        return False
    return changed.text(key) != first.text(key) and changed.answer(key, (), BRIEF) == "sat"


def cover(table: Table) -> Table:
    """As few changes as will do, each with the goals that are left to it."""
    left = {key for keys in table.values() for key in keys}
    chosen: Table = {}
    while left:
        best = max(table, key=lambda name: len(left.intersection(table[name])))
        chosen[best] = [key for key in table[best] if key in left]
        left -= set(chosen[best])
    return chosen


def read() -> dict[str, Kills]:
    """The table, by size."""
    made = json.loads(TABLE.read_text(encoding="utf-8"))
    return {
        size: Kills(_keys(one["by change"]), _keys(one["by premise"]), [(a, b) for a, b in one["never"]])
        for size, one in made.items()
    }


def _keys(table: dict[str, list[list[str]]]) -> Table:
    return {name: [(obligation, goal) for obligation, goal in keys] for name, keys in table.items()}


def table_text() -> str:
    """The table anew; both sizes at once."""
    with workers(len(SIZES)) as pool:
        made = dict(zip(map(label, SIZES), pool.map(found_for, SIZES), strict=True))
    whole = {
        size: {"by change": one.by_change, "by premise": one.by_premise, "never": one.never}
        for size, one in made.items()
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table_text(), encoding="utf-8")
