"""What is done to the nodes of a demonstration, as a person writes it: `kill leader; wait; restart all`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Verb = Literal["kill", "pause", "resume", "restart", "cut", "heal"]
Whom = int | Literal["leader", "all"]
"""A node by its number, from 1."""

SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?: ?s)?")
EXPECTED = (
    "expected `kill`, `pause`, `resume`, `restart`, `cut` or `heal` and whom (a number, `leader`, `all`), or `wait`"
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


def steps_of(text: str, size: int) -> tuple[Step, ...]:
    """The steps of a script for so many nodes. Raises BadScript."""
    return tuple(_step(part.strip(), size) for part in text.split(";") if part.strip())


def _step(part: str, size: int) -> Step:
    verb, _, rest = part.partition(" ")
    rest = rest.strip()
    if verb == "wait":
        found = SECONDS.fullmatch(rest)
        if rest and found is None:
            raise BadScript(f"`{part}`: expected `wait` or `wait 2 s`")
        return Wait(float(found[1]) if found is not None else None)
    for known in get_args(Verb):
        if verb == known:
            return Act(known, _whom(part, rest.removeprefix("node"), size))
    raise BadScript(f"`{part}`: {EXPECTED}")


def _whom(part: str, text: str, size: int) -> Whom:
    if text == "leader":
        return "leader"
    if text == "all":
        return "all"
    if text.isdecimal() and 1 <= int(text) <= size:
        return int(text)
    raise BadScript(f"`{part}`: whom? expected a number up to {size}, `leader` or `all`")
