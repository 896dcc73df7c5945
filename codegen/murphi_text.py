"""Scalars as Murphi text, and what can be made of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ATOM, SUM, COMPARISON, CONJUNCTION, DISJUNCTION, OTHER = range(6)


@dataclass(frozen=True)
class Code:
    """A scalar's text and how loosely it hangs together."""

    text: str
    level: int = ATOM

    def tight(self) -> str:
        """The text, fit to be any operand."""
        return self.text if self.level == ATOM else f"({self.text})"


TRUE, FALSE = Code("true"), Code("false")


# Operators -----------------------------------------------------------------------------------------------------------


def all_of(parts: Iterable[Code]) -> Code:
    return _chain(parts, "&", CONJUNCTION, TRUE, FALSE)


def any_of(parts: Iterable[Code]) -> Code:
    """A part is only looked at where those before it are false, and need not say so."""
    kept: list[Code] = []
    for part in parts:
        for before in kept:
            said = f"!{before.text} & "
            if part.level == CONJUNCTION and part.text.startswith(said):
                rest = part.text.removeprefix(said)
                part = Code(rest, CONJUNCTION if " & " in rest else COMPARISON)
        kept.append(part)
    return _chain(kept, "|", DISJUNCTION, FALSE, TRUE)


def _chain(parts: Iterable[Code], sign: str, level: int, neutral: Code, settled: Code) -> Code:
    kept = [part for part in parts if part != neutral]
    if settled in kept:
        return settled
    if len(kept) < 2:
        return kept[0] if kept else neutral
    fit = (ATOM, COMPARISON, level)
    return Code(f" {sign} ".join(part.text if part.level in fit else f"({part.text})" for part in kept), level)


def negated(part: Code) -> Code:
    if part in (TRUE, FALSE):
        return FALSE if part == TRUE else TRUE
    if part.text.startswith("!") and part.level == ATOM:
        return Code(part.text[1:])
    return Code(f"!{part.tight()}")


def implies(left: Code, right: Code) -> Code:
    if left == TRUE or right == TRUE:
        return right
    if left == FALSE:
        return TRUE
    if right == FALSE:
        return negated(left)
    return Code(f"{left.tight()} -> {right.tight()}", OTHER)


def either(condition: Code, yes: Code, no: Code) -> Code:
    if condition in (TRUE, FALSE):
        return yes if condition == TRUE else no
    if yes == no:
        return yes
    return Code(f"({condition.tight()} ? {yes.tight()} : {no.tight()})")


def compare(sign: str, left: Code, right: Code) -> Code:
    if sign == "=" and TRUE in (left, right):
        return right if left == TRUE else left
    if left == right and sign in ("=", "!="):
        return TRUE if sign == "=" else FALSE
    return Code(f"{operand(left)} {sign} {operand(right)}", COMPARISON)


def operand(part: Code) -> str:
    """The text, fit to be a side of a comparison or of a sum."""
    return part.text if part.level == SUM else part.tight()
