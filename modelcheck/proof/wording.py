"""Found clauses as a person would write them: in the spec language, each with a name and what it is for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from modelcheck.proof.arrange import arranged
from modelcheck.proof.candidates import Candidate
from modelcheck.proof.claims import MINORITY_CANNOT_ELECT, RECORDED
from modelcheck.proof.roles import Role, role_of, role_of_backing
from modelcheck.proof.writing import Writer
from spec.format import format_source
from spec.names import BUILT_IN, RESERVED, STANDARD_PROPERTIES
from spec.protocol import Expression, FaultKind, Protocol
from spec.show import show
from spec.source import Source


@dataclass(frozen=True)
class Worded:
    """A clause ready to be pasted into a spec."""

    name: str
    role: str
    expression: Expression
    without: frozenset[FaultKind] = frozenset()
    """The faults under which it is not said to hold."""

    @property
    def text(self) -> str:
        """As it stands in a spec, in the canonical form; it ends in a line break."""
        said = f' "{self.role}"' if self.role else ""
        said += f" without {', '.join(sorted(kind.value for kind in self.without))}" if self.without else ""
        return format_source(Source("", f"invariant {self.name}{said}: {show(self.expression)}\n"))


def worded(protocol: Protocol, taken: Collection[str], candidate: Candidate) -> Worded:
    """A clause, under a name that is not taken."""
    clause = arranged(candidate)
    role = role_of(protocol, clause)
    return Worded(_free(role, taken), role.text, Writer(protocol).whole(clause))


def worded_claim(protocol: Protocol, taken: Collection[str], expression: Expression) -> Worded:
    """A clause about who stands behind a leader."""
    role = role_of_backing(protocol, expression)
    return Worded(_free(role, taken), role.text, Writer(protocol).renamed(expression))


def _free(role: Role, taken: Collection[str]) -> str:
    """The first of a role's names that is free; failing that, one with a number."""
    unusable = {*taken, *RESERVED, *BUILT_IN, *STANDARD_PROPERTIES, RECORDED, MINORITY_CANNOT_ELECT}
    for name in role.names:
        if name not in unusable:
            return name
    number = 2
    while f"{role.names[0]}_{number}" in unusable:
        number += 1
    return f"{role.names[0]}_{number}"
