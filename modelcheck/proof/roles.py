"""What a clause is for, in a few words, and a name made of them: `vote sent, so its term is at least that`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelcheck.proof.arrange import Arranged
from modelcheck.proof.speech import Phrase, Speaker
from spec.protocol import Apply, Compare, Comparison, Connected, Expression, Filtered, Led, Local, Protocol

LONGEST = 60
"""How long a name may be; one that would be longer says only the first of what is supposed."""
FILLERS = frozenset(("a", "an", "is", "it", "its", "one", "that", "the"))
"""Words that a name does without."""
LED = Phrase("led with a token", "led")


@dataclass(frozen=True)
class Role:
    """The sentence, and names that are made of it, the best one first."""

    text: str
    names: tuple[str, ...]


def role_of(protocol: Protocol, clause: Arranged) -> Role:
    speaker = Speaker(protocol, clause)
    opened, rest = list(clause.opened), list(clause.supposed)
    impossible = opened.pop() if opened and not clause.concluded else None
    supposed = [speaker.opening(atom) for atom in opened]
    rest = [one for one in rest if one.condition not in speaker.told]
    exception = rest.pop() if rest and rest[-1].otherwise is not None and (opened or len(rest) > 1) else None
    supposed += [speaker.condition(one.condition) for one in rest]
    speaker.following = True
    if impossible is not None:
        follows = speaker.never(impossible)
    else:
        said = [speaker.condition(one) for one in clause.concluded]
        follows = Phrase(" or ".join(one.text for one in said), " or ".join(one.short for one in said))
        if not supposed:
            follows = Phrase(f"always {follows.text}", f"always {follows.short}")
    speaker.following = False
    unless = exception.otherwise if exception is not None else None
    return _role(supposed, follows, speaker.condition(unless).text if unless is not None else "")


def role_of_backing(protocol: Protocol, claim: Expression) -> Role:
    """Of a clause that says what quorum stands behind one who has led."""
    follows = Phrase("backed by a quorum")
    match claim:
        case Led(_, who, token, Apply(_, _, (Filtered(member, _, condition),))):
            match condition:
                case Connected(_, Compare(Comparison.EQUAL, Local() as one, Local() as other), atom) if {
                    one,
                    other,
                } == {
                    who,
                    member,
                }:
                    condition = atom
            if not isinstance(condition, Connected):
                nothing = Arranged((who, member), (), (), None, (), (), None)
                speaker = Speaker(protocol, nothing)
                speaker.subject = who
                speaker.spoken[member] = "a quorum"
                speaker.numbers[token] = "that token"
                follows = speaker.condition(condition)
    return _role([LED], follows, "")


def _role(supposed: list[Phrase], follows: Phrase, unless: str) -> Role:
    text = f"{' and '.join(one.text for one in supposed)}, so {follows.text}" if supposed else follows.text
    text += f" unless {unless}" if unless else ""
    whole = _named([one.short for one in supposed], follows.short)
    brief = _named([one.short for one in supposed[:1]], follows.short)
    return Role(
        text,
        tuple(dict.fromkeys(_cut(name) for name in (whole, brief, slug(text)) if len(name) <= LONGEST))
        or (_cut(brief),),
    )


def _named(supposed: list[str], follows: str) -> str:
    return slug(f"{' and '.join(supposed)} so {follows}" if supposed else follows)


def slug(text: str) -> str:
    """A text as a name in a spec."""
    found = re.findall(r"[A-Za-z0-9_]+", text.replace("'s", ""))
    name = "_".join(word for word in found if word not in FILLERS) or "clause"
    return f"clause_{name}" if name[0].isdigit() else name


def _cut(name: str) -> str:
    """A name that is not too long, whole words only."""
    while len(name) > LONGEST and "_" in name.strip("_"):
        name = name.rpartition("_")[0]
    return name[:LONGEST]
