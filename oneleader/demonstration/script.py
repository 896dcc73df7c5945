"""What is done to the nodes of a demonstration, as a person writes it: `kill leader; wait; restart all`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Verb = Literal["kill", "pause", "resume", "restart", "cut", "heal"]
Whom = int | Literal["leader", "all"]
"""A node by its number, from 1."""

SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?: ?s)?")
EXPECTED = (
    "expected `kill`, `pause`, `resume`, `restart`, `cut` or `heal` and whom (a node or its number, `leader`, `all`), "
    "or `wait`"
)


class BadScript(Exception):
    """A text is no script; says where, and what was expected."""


@dataclass(frozen=True)
class Act:
    """Something that is done to nodes. To cut a node is to cut all links between it and the others."""

    verb: Verb
    whom: Whom


@dataclass(frozen=True)
class Wait:
    """Until a node leads with a greater token than any before the last act; or, given seconds, so long."""

    seconds: float | None = None


Step = Act | Wait


def steps_of(text: str, names: Sequence[str]) -> tuple[Step, ...]:
    """The steps of a script for these nodes. Raises BadScript."""
    return tuple(_step(part.strip(), names) for part in text.split(";") if part.strip())


def _step(part: str, names: Sequence[str]) -> Step:
    verb, _, rest = part.partition(" ")
    rest = rest.strip()
    if verb == "wait":
        found = SECONDS.fullmatch(rest)
        if rest and found is None:
            raise BadScript(f"`{part}`: expected `wait` or `wait 2 s`")
        return Wait(float(found[1]) if found is not None else None)
    for known in get_args(Verb):
        if verb == known:
            return Act(known, _whom(part, rest, names))
    raise BadScript(f"`{part}`: {EXPECTED}")


def _whom(part: str, text: str, names: Sequence[str]) -> Whom:
    if text == "leader":
        return "leader"
    if text == "all":
        return "all"
    if text in names:
        return names.index(text) + 1
    if text.isdecimal() and 1 <= int(text) <= len(names):
        return int(text)
    raise BadScript(
        f"`{part}`: whom? expected one of {', '.join(names)}, a number up to {len(names)}, `leader` or `all`"
    )
