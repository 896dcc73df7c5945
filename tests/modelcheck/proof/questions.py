"""Obligations goal by goal, so that each can be asked by itself whether anything could make it fail."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import combinations

from modelcheck.proof.obligations import Invariant, Obligation, invariant_of, obligations, text_of
from modelcheck.proof.quorums import quorum_files
from modelcheck.proof.scope import setting_of
from modelcheck.proof.setting import Setting
from modelcheck.proof.solvers import alone, z3_answer
from modelcheck.properties import QUORUMS_INTERSECT
from spec.protocol import PropertyKind, Protocol

SECONDS = 20.0
"""Far more than any of these questions takes."""
BRIEFLY = 2.0
"""For whether a solver takes something for proved that it should not; it may well say `unknown`."""

INSTANCES = (3, 2, 1)
"""So many processes are looked at where there is any number. What is too much for the solver with three may not be with
fewer."""
SEEDS = (0, 1, 2)
"""What Z3 draws decides whether it comes upon a model at once or searches in vain."""

Key = tuple[str, str]
"""An obligation, by what it is about and not by its number; and a goal of it."""


@dataclass(frozen=True)
class Questions:
    """All that has to be shown for one size, by name. `quorums` are texts already."""

    setting: Setting
    invariant: Invariant
    asked: dict[Key, Obligation]
    quorums: dict[Key, str]
    texts: dict[object, str]

    def text(self, key: Key, without: Collection[str] = ()) -> str:
        """The question as SMT-LIB text, with what it supposes but for some clauses."""
        if key in self.quorums:
            return self.quorums[key]
        one = self.asked[key]
        kept = tuple(held for held in one.hypotheses if held.name not in without)
        return alone(text_of(self.setting, replace(one, hypotheses=kept), {}, self.texts))

    def answer(self, key: Key, without: Collection[str] = (), seconds: float = SECONDS) -> str:
        """What Z3 says to it; where there is any number of processes, to an instance of it."""
        text = self.text(key, without)
        if not self.setting.any_number or key in self.quorums:
            return z3_answer(text, seconds)
        ways = [(size, seed, BRIEFLY) for size in INSTANCES for seed in SEEDS]
        ways += [(size, SEEDS[0], seconds) for size in INSTANCES]
        answers: dict[int, str] = {}
        for size, seed, limit in ways:
            if answers.get(size) != "unsat":
                answers[size] = z3_answer(f"(set-option :smt.random_seed {seed})\n{instance_of(text, size)}", limit)
            if answers[size] == "sat":
                return "sat"
        return "unknown" if "unknown" in answers.values() else "unsat"


def clauses_of(protocol: Protocol) -> tuple[str, ...]:
    return tuple(p.name for p in protocol.properties if p.kind in (PropertyKind.SAFETY, PropertyKind.INVARIANT))


def questions(protocol: Protocol, size: int | None, clauses: Collection[str] | None = None) -> Questions:
    """All goals, with the spec's own clauses as the invariant where no others are named. Raises Unprovable."""
    setting = setting_of(protocol, size)
    invariant = invariant_of(setting, clauses_of(protocol) if clauses is None else clauses)
    asked: dict[Key, Obligation] = {}
    seen: dict[str, int] = {}
    for one in obligations(setting, invariant):
        # A guard that is changed is no other handler; handlers of one event are told apart by their order.
        about = one.title.split(" if ")[0]
        seen[about] = seen.get(about, 0) + 1
        name = about if seen[about] == 1 else f"{about} ({seen[about]})"
        for goal in one.goals:
            asked[name, goal.name] = replace(one, goals=(goal,))
    counted: dict[Key, str] = {(name, QUORUMS_INTERSECT): text for name, _, text in quorum_files(setting)}
    return Questions(setting, invariant, asked, counted, {})


# Instances -----------------------------------------------------------------------------------------------------------

KIND = re.compile(r"^\(declare-sort process/(\w+) 0\)$", re.MULTILINE)
NUMBERS = re.compile(r"^\(declare-sort (number|position) 0\)$", re.MULTILINE)


def instance_of(text: str, size: int) -> str:
    """An obligation about any number of processes with its sorts made what they stand for: so many processes, the
    natural numbers, all quorums of more than half. Only declarations become definitions, and every axiom stays. So a
    state that refutes the instance refutes the obligation; and a solver finds one, which it hardly ever does among
    orders without an end.

    Integers stand for the natural numbers, as in 0, -1, 1, -2, 2, ...: then no quantifier needs a condition."""

    def defined(text: str, old: str, new: Iterable[str]) -> str:
        assert text.count(f"\n{old}\n") == 1, f"{old!r} does not stand in the text once"
        return text.replace(f"\n{old}\n", "\n" + "\n".join(new) + "\n")

    for sort in NUMBERS.findall(text):
        text = defined(text, f"(declare-sort {sort} 0)", [f"(define-sort {sort} () Int)"])
        place = "(ite (<= 0 ?{0}) (* 2 ?{0}) (- (* (- 2) ?{0}) 1))"
        text = defined(
            text,
            f"(declare-fun {sort}/at-most ({sort} {sort}) Bool)",
            [f"(define-fun {sort}/at-most ((?a Int) (?b Int)) Bool (<= {place.format('a')} {place.format('b')}))"],
        )
        text = defined(
            text,
            f"(declare-fun {sort}/successor ({sort}) {sort})",
            [f"(define-fun {sort}/successor ((?a Int)) Int (ite (<= 0 ?a) (- (- ?a) 1) (- ?a)))"],
        )
        text = defined(text, f"(declare-fun {sort}/0 () {sort})", [f"(define-fun {sort}/0 () Int 0)"])
    for kind in KIND.findall(text):
        names = [f"{kind}.{index + 1}" for index in range(size)]
        text = defined(text, f"(declare-sort process/{kind} 0)", [_values(f"process/{kind}", names)])
        if f"(declare-sort quorum/{kind} 0)" in text:
            some = {"/".join(("quorum", *chosen)): chosen for chosen in combinations(names, size // 2 + 1)}
            inside = [f"(and (= ?q {name}) (= ?p {one}))" for name, chosen in some.items() for one in chosen]
            text = defined(text, f"(declare-sort quorum/{kind} 0)", [_values(f"quorum/{kind}", list(some))])
            text = defined(
                text,
                f"(declare-fun member/{kind} (process/{kind} quorum/{kind}) Bool)",
                [
                    f"(define-fun member/{kind} ((?p process/{kind}) (?q quorum/{kind})) Bool (or {' '.join(inside)}))",
                ],
            )
    return text


def _values(sort: str, names: list[str]) -> str:
    return f"(declare-datatypes (({sort} 0)) (({' '.join(f'({name})' for name in names)})))"
