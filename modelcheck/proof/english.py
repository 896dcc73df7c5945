"""English for names of a spec, of which nothing is known but how they are spelled."""

from __future__ import annotations

from spec.protocol import Comparison

PREPOSITIONS = ("for", "to", "by", "from", "with", "in", "at", "on", "of", "behind")
"""A variable whose name ends with one says what its process did: `voted_for`."""
PERIODS = ("term", "epoch", "round", "view", "ballot", "era", "generation", "period")
"""What something happens in; other numbers it has with it."""
CONDITIONS = ("state", "status", "mode", "phase", "stage")
"""A process is what such a variable says."""

AUXILIARIES = ("is", "has", "was", "can", "may", "must", "will", "should")

VERBS = {
    Comparison.EQUAL: "is",
    Comparison.DIFFERENT: "is not",
    Comparison.LESS: "is below",
    Comparison.LESS_EQUAL: "is at most",
    Comparison.GREATER: "is above",
    Comparison.GREATER_EQUAL: "is at least",
}
MIRRORED = {
    Comparison.EQUAL: Comparison.EQUAL,
    Comparison.DIFFERENT: Comparison.DIFFERENT,
    Comparison.LESS: Comparison.GREATER,
    Comparison.LESS_EQUAL: Comparison.GREATER_EQUAL,
    Comparison.GREATER: Comparison.LESS,
    Comparison.GREATER_EQUAL: Comparison.LESS_EQUAL,
}


def words(name: str) -> str:
    return name.replace("_", " ").strip() or name


def says_what_it_did(variable: str) -> bool:
    """Whether a variable reads as what its process did: `voted_for`."""
    verb, _, preposition = variable.strip("_").rpartition("_")
    return bool(verb) and preposition in PREPOSITIONS


def with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def affirmed_of(name: str) -> tuple[str, str]:
    """What the name of a condition says of a process, and the verb with which it says it."""
    return (name, "") if is_verb(name) else (name, "is")


def denied_of(name: str) -> tuple[str, str]:
    """The opposite."""
    if not is_verb(name):
        return f"not {name}", "is"
    verb, _, rest = name.partition(" ")
    if verb in AUXILIARIES:
        return f"{verb} not {rest}".rstrip(), ""
    stem = verb[:-2] if verb.endswith(("ches", "shes", "sses", "xes", "zes", "oes")) else verb[:-1]
    return f"does not {stem} {rest}".rstrip(), ""


def is_verb(name: str) -> bool:
    """Whether a name says what a process does: `hears_leader`, `is_ready`."""
    verb = name.partition(" ")[0]
    return verb in AUXILIARIES or (verb.endswith("s") and not verb.endswith(("ss", "us", "is")))
