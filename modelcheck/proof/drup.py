"""Checks proofs that a formula in conjunctive normal form has no model. Whoever trusts a proof trusts this module only.

A *clause* is a tuple of literals, of which at least one is to be true; a literal is a variable's number, or minus that.
A *proof* adds clauses, one after the other, until it adds the empty one, which nothing makes true. A clause may be
added if it follows by *reverse unit propagation*: suppose that all its literals are false; make true, again and again,
the last literal of a clause whose others are false; in the end all literals of some clause are false. Then any model of
the clauses present is a model of the added one, too. So the empty clause is added to formulas without a model only.

A proof may delete clauses, so that later ones are checked faster. Here a deleted clause takes no part in what is
propagated from then on. What it made true before stays true, though: the literals that propagation yields without any
supposition are kept for good. They follow from the formula, whatever was deleted since. So does all that is ever used,
and no deletion makes a wrong proof pass; it can only make a right one fail. (Solvers count on literals being kept: they
delete clauses that a literal satisfies for good, among them the one from which that literal was derived.)

The empty clause has to be stated. To a formula that propagation alone refutes it may be added at once, but a proof that
ends before it does is refused: it was cut short. Steps after the empty clause are checked as all others are.

The formats are DIMACS and DRUP, as strict as can be: a line for each clause, which `0` ends, with a single blank
between two words; lines that start with `c` are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

Clause = tuple[int, ...]

LARGEST = 999_999_999
"""The largest number of a variable in a text."""


class ProofError(Exception):
    """The message says what is wrong with a formula or a proof, and in which line or step."""


class ProofStep(NamedTuple):
    """Adds a clause to those present, or deletes one of them."""

    clause: Clause
    deletes: bool = False


# Checking -------------------------------------------------------------------------------------------------------------


def check_refutation(clauses: Iterable[Clause], steps: Iterable[ProofStep]) -> None:
    """Raises ProofError unless every step is allowed and one of them adds the empty clause."""
    present = Present(clauses)
    refuted = False
    for number, step in enumerate(steps, 1):
        present.take(number, step)
        refuted = refuted or not (step.clause or step.deletes)
    if not refuted:
        raise ProofError("the proof ends without the empty clause")


Watched = list[int]
"""The literals of a clause, the two that it watches first."""


class Present:
    """The clauses present, and which literals are true because of them.

    Every clause with two literals or more that are not false for good watches two of those, its first two. As long as
    neither of them becomes false there is nothing to propagate from the clause, so only the watchers of a literal are
    looked at when it does. A clause with fewer has had its effect already, for good, and watches none."""

    def __init__(self, clauses: Iterable[Clause]) -> None:
        self.why: dict[int, Watched | None] = {}  # the true literals, and the clause that made each true
        self.false: set[int] = set()  # their opposites
        self.trail: list[int] = []  # the true literals again, in the order in which they became so
        self.watchers: dict[int, list[Watched]] = {}
        self.copies: dict[frozenset[int], list[Watched]] = {}  # the clauses present, by their literals
        self.conflict: Watched | None = None  # a clause whose literals are all false for good
        for clause in clauses:
            self._add(clause)

    def take(self, number: int, step: ProofStep, used: list[Watched] | None = None) -> Watched | None:
        """Takes a step, and gives the clause added, if it adds one. The clauses from which it follows, beside the
        literals that were true before, go to `used`. Raises ProofError if the step is not allowed."""
        if step.deletes:
            if not self._delete(step.clause):
                raise ProofError(f"step {number} deletes ({_shown(step.clause)}), which is not present")
            return None
        if not self._implies(step.clause, used):
            raise ProofError(f"step {number} adds ({_shown(step.clause)}), which does not follow by unit propagation")
        return self._add(step.clause)

    def _add(self, clause: Clause) -> Watched:
        """Adds a clause, and keeps for good what propagation makes of it."""
        if 0 in clause:
            raise ProofError(f"({_shown(clause)}) has the literal 0, which is none")
        literals = sorted(dict.fromkeys(clause), key=self.false.__contains__)  # those that are not false come first
        self.copies.setdefault(frozenset(clause), []).append(literals)
        open_literals = sum(literal not in self.false for literal in literals)
        if open_literals >= 2:
            for literal in literals[:2]:
                self.watchers.setdefault(literal, []).append(literals)
        elif self.conflict is None:
            if open_literals == 0:
                self.conflict = literals
            elif literals[0] not in self.why:
                self._make_true(literals[0], literals)
                self.conflict = self._propagate(len(self.trail) - 1)
        return literals

    def _delete(self, clause: Clause) -> bool:
        """Deletes a copy of the clause; whether there was one."""
        copies = self.copies.get(frozenset(clause))
        if not copies:
            return False
        deleted = copies.pop()
        for literal in deleted[:2]:
            if literal in self.watchers:
                self.watchers[literal] = [other for other in self.watchers[literal] if other is not deleted]
        return True

    def _implies(self, clause: Clause, used: list[Watched] | None) -> bool:
        """Whether the clause follows by reverse unit propagation."""
        known = len(self.trail)
        follows, conflict = self.conflict is not None, self.conflict
        for literal in () if follows else clause:
            if literal in self.why:  # it cannot be supposed false
                follows, conflict = True, self.why[literal]
                break
            if literal not in self.false:
                self._make_true(-literal, None)
        if not follows:
            conflict = self._propagate(known)
            follows = conflict is not None
        supposed = self.trail[known:]
        if used is not None and conflict is not None:
            self._explain(conflict, set(supposed), used)
        for literal in supposed:
            del self.why[literal]
            self.false.remove(-literal)
        del self.trail[known:]
        return follows

    def _explain(self, conflict: Watched, supposed: set[int], used: list[Watched]) -> None:
        """Adds to `used` the conflict, the clauses that made its literals false, and so on. Nothing rests on this."""
        used.append(conflict)
        seen = {id(conflict)}
        for clause in used:  # which grows
            for literal in clause:
                cause = self.why[-literal] if -literal in supposed else None
                if cause is not None and id(cause) not in seen:
                    seen.add(id(cause))
                    used.append(cause)

    def _make_true(self, literal: int, because: Watched | None) -> None:
        self.why[literal] = because
        self.false.add(-literal)
        self.trail.append(literal)

    def _propagate(self, start: int) -> Watched | None:
        """Makes true what has to be, given that the literals of the trail from `start` on have become true. The answer
        is a clause whose literals are all false, if there is one."""
        why, false, trail, watchers = self.why, self.false, self.trail, self.watchers
        while start < len(trail):
            falsified = -trail[start]
            start += 1
            watching = watchers.get(falsified, [])
            kept: list[Watched] = []
            for position, clause in enumerate(watching):
                other = clause[0]
                if other == falsified:
                    other = clause[0] = clause[1]
                    clause[1] = falsified
                if other in why:
                    kept.append(clause)
                    continue
                for index in range(2, len(clause)):
                    literal = clause[index]
                    if literal not in false:  # so it can be watched instead
                        clause[1] = literal
                        clause[index] = falsified
                        watchers.setdefault(literal, []).append(clause)
                        break
                else:
                    kept.append(clause)
                    if other in false:
                        watchers[falsified] = kept + watching[position + 1 :]
                        return clause
                    why[other] = clause
                    false.add(-other)
                    trail.append(other)
            watchers[falsified] = kept
        return None


# Reading and writing --------------------------------------------------------------------------------------------------


def read_dimacs(text: str) -> tuple[Clause, ...]:
    """The clauses of a text in DIMACS, which starts with `p cnf <variables> <clauses>`. Raises ProofError."""
    lines = _lines(text)
    number, header = next(lines, (1, ""))
    found = re.fullmatch(r"p cnf (0|[1-9][0-9]{0,8}) (0|[1-9][0-9]{0,8})", header)
    if found is None:
        raise ProofError(f"line {number}: expected `p cnf <variables> <clauses>`, found {_quoted(header)}")
    variables, count = int(found[1]), int(found[2])
    clauses: list[Clause] = []
    for number, line in lines:
        if len(clauses) == count:
            raise ProofError(f"line {number}: expected the end after {count} clauses, found {_quoted(line)}")
        clauses.append(_clause(number, line.split(" "), variables))
    if len(clauses) < count:
        raise ProofError(f"line {number + 1}: expected {count} clauses, found {len(clauses)}")
    return tuple(clauses)


def write_dimacs(clauses: Iterable[Clause], comments: Iterable[str] = ()) -> str:
    """The text that `read_dimacs` reads, the comments first."""
    notes = [f"c {line}".rstrip() for comment in comments for line in comment.splitlines() or [""]]
    written = list(clauses)
    variables = max((abs(literal) for clause in written for literal in clause), default=0)
    return "\n".join((*notes, f"p cnf {variables} {len(written)}", *map(_written, written), ""))


def read_drup(text: str) -> tuple[ProofStep, ...]:
    """The steps of a proof in DRUP: a clause to add, or `d` and a clause to delete. Raises ProofError."""
    steps = []
    for number, line in _lines(text):
        words = line.split(" ")
        deletes = words[0] == "d"
        steps.append(ProofStep(_clause(number, words[1:] if deletes else words, LARGEST), deletes))
    return tuple(steps)


def write_drup(steps: Iterable[ProofStep]) -> str:
    """The text that `read_drup` reads."""
    return "".join(f"{'d ' if step.deletes else ''}{_written(step.clause)}\n" for step in steps)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are no comments, numbered. The last one need not be ended."""
    for number, line in enumerate(text.removesuffix("\n").split("\n") if text else (), 1):
        if line != "c" and not line.startswith("c "):
            yield number, line


def _clause(line: int, words: list[str], variables: int) -> Clause:
    for word in words[:-1]:
        if re.fullmatch(r"-?[1-9][0-9]{0,8}", word) is None:
            raise ProofError(f"line {line}: expected a literal, found {_quoted(word)}")
        if abs(int(word)) > variables:
            raise ProofError(f"line {line}: expected a literal of one of {variables} variables, found {_quoted(word)}")
    if words[-1:] != ["0"]:
        raise ProofError(f"line {line}: expected `0` at the end, found {_quoted(' '.join(words[-1:]))}")
    return tuple(int(word) for word in words[:-1])


def _written(clause: Clause) -> str:
    for literal in clause:
        if not 0 < abs(literal) <= LARGEST:
            raise ProofError(f"{literal} is no literal, in ({_shown(clause)})")
    return " ".join(map(str, (*clause, 0)))


def _shown(clause: Clause) -> str:
    return " ".join(map(str, clause)) if len(clause) <= 12 else " ".join(map(str, clause[:12])) + " ..."


def _quoted(text: str) -> str:
    """Of a text that may be anything, the start, on one line."""
    return repr(text if len(text) <= 40 else text[:40] + "...") if text else "nothing"
