"""Proves a protocol for several sizes: finds an invariant where none is given, writes it into the spec's text, and has
a solver refute every obligation that follows from that text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace

from modelcheck.proof.candidates import Candidate
from modelcheck.proof.claims import RECORDED, Claim
from modelcheck.proof.forked import workers
from modelcheck.proof.infer import ALL_SIZES, Found, infer, on_any_network
from modelcheck.proof.obligations import Obligation, invariant_of, obligations, properties_of, text_of
from modelcheck.proof.quorums import quorum_files
from modelcheck.proof.scope import described, setting_of, singletons
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.solvers import z3_answer, z3_version
from modelcheck.proof.wording import Worded, worded, worded_claim
from modelcheck.properties import FAILURE, QUORUMS_INTERSECT, STANDARD_TEXTS, disjoint_quorums, quorum_definitions
from spec.check import check
from spec.protocol import Fault, Network, PropertyKind, Protocol
from spec.show import show
from spec.source import Source

HEADING = "# An inductive invariant, found by `oneleader prove`."


@dataclass(frozen=True)
class File:
    """One obligation as it is given to a solver. `goals` are the names of what it shows."""

    name: str
    title: str
    text: str
    goals: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """`answer` is `unsat` where the obligation is shown."""

    file: File
    answer: str
    seconds: float

    @property
    def shown(self) -> bool:
        return self.answer == "unsat"


@dataclass(frozen=True)
class SizeProof:
    """What was shown for one size. `refused` says why nothing could be, where the encoding does not cover the spec;
    `split` are the obligations that were shown goal by goal."""

    size: int | None
    description: str
    answers: tuple[Answered, ...]
    refused: str = ""
    split: frozenset[str] = frozenset()

    @property
    def proved(self) -> bool:
        return not self.refused and bool(self.answers) and all(one.shown for one in self.answers)


@dataclass(frozen=True)
class Proof:
    """`protocol` is the spec with the invariant in it; `clauses` are the names of the properties that make it up."""

    original: Protocol
    protocol: Protocol
    clauses: tuple[str, ...]
    found: tuple[Worded, ...]
    sizes: tuple[SizeProof, ...]
    solver: str
    network: Network
    faults: tuple[Fault, ...]
    unproved: tuple[str, ...]

    @property
    def proved(self) -> bool:
        return bool(self.sizes) and all(one.proved for one in self.sizes)


@dataclass(frozen=True)
class Wanted:
    """What to prove. `search` is whether an invariant is looked for; `seconds` the limit of each query."""

    sizes: tuple[int | None, ...] = (3, 4, 5, None)
    network: Network | None = None
    faults: tuple[Fault, ...] | None = None
    search: bool = True
    seconds: float = 10.0
    processes: int = 2


Tell = Callable[[str], None]


def prove(protocol: Protocol, wanted: Wanted, tell: Tell) -> Proof:
    """Raises Unprovable for a spec that no encoding covers, NoSolver where a solver is missing."""
    version = z3_version()
    network = wanted.network or protocol.network
    faults = protocol.faults if wanted.faults is None else wanted.faults
    own = [p.name for p in protocol.properties if p.kind in (PropertyKind.SAFETY, PropertyKind.INVARIANT)]
    if not wanted.search:
        sizes = _sizes(protocol, own, wanted, tell)
        return Proof(protocol, protocol, tuple(own), (), sizes, version, network, faults, _missing(sizes))
    settings = {size: setting_of(protocol, size, network, faults) for size in ALL_SIZES}
    last: Proof | None = None
    for tried in ([] if network.is_growing_set else [on_any_network(settings)]) + [settings]:
        tell(f"looking for an inductive invariant{'' if tried is settings else ' that holds on any network'}")
        found = infer(tried, singletons(protocol), 0, tell, tried is not settings)
        whole, clauses, words = _with_invariant(protocol, found)
        if found.unproved and tried is not settings:
            continue
        # What was not reached is put in as a clause, so that it is seen which step breaks it.
        names = {claim.name for claim in properties_of(settings[ALL_SIZES[0]])}
        clauses = (*clauses, *(name for name in found.unproved if name in names and name not in clauses))
        sizes = _sizes(whole, list(clauses), wanted, tell)
        if found.unproved and last is not None:
            break  # what was found before lacked only the solver's time
        last = Proof(protocol, whole, clauses, words, sizes, version, network, faults, _missing(sizes))
        if last.proved or any(one.refused for one in sizes):
            break
    assert last is not None
    return last


def _missing(sizes: tuple[SizeProof, ...]) -> tuple[str, ...]:
    """The names of what some size could not show."""
    names = [goal for size in sizes for one in size.answers if not one.shown for goal in one.file.goals]
    return tuple(dict.fromkeys(names))


def _with_invariant(protocol: Protocol, found: Found) -> tuple[Protocol, tuple[str, ...], tuple[Worded, ...]]:
    """The spec with the clauses found in it, from its text; and the names of all that the invariant is made of."""
    words: list[Worded] = []
    names: list[str] = []
    taken = {p.name for p in protocol.properties}
    for clause in found.clauses:
        if isinstance(clause, Claim) and (clause.name in taken or clause.expression is None):
            if clause.name != RECORDED:  # it is part of every invariant
                names.append(clause.name)
            continue
        one = _worded(protocol, taken, clause)
        taken.add(one.name)
        words.append(one)
        names.append(one.name)
    return with_clauses(protocol, tuple(words)), tuple(names), tuple(words)


def _worded(protocol: Protocol, taken: set[str], clause: Candidate | Claim) -> Worded:
    if isinstance(clause, Candidate):
        return worded(protocol, taken, clause)
    assert clause.expression is not None
    return worded_claim(protocol, taken, clause.expression)


def with_clauses(protocol: Protocol, words: tuple[Worded, ...]) -> Protocol:
    """The spec with further invariants at its end, read anew from its text."""
    if not words:
        return protocol
    text = protocol.source.text.rstrip("\n") + f"\n\n{HEADING}\n" + "".join(one.text for one in words)
    return check(Source(protocol.source.name, text))[0]


# One size ------------------------------------------------------------------------------------------------------------


def files_of(setting: Setting, clauses: tuple[str, ...], split: frozenset[str] = frozenset()) -> tuple[File, ...]:
    """Every obligation of one size, as text; those named in `split` as one for each goal. Raises Unprovable."""
    cache: dict[object, str] = {}
    made = obligations(setting, invariant_of(setting, clauses))
    found = [File(name, title, text, ("quorums_intersect",)) for name, title, text in quorum_files(setting)]
    for one in made:
        parts = split_of(one) if one.name in split else (one,)
        found += [_file(setting, part, cache) for part in parts]
    return tuple(found)


def split_of(obligation: Obligation) -> tuple[Obligation, ...]:
    """An obligation as one for each of its goals."""
    return tuple(replace(obligation, name=f"{obligation.name}-{goal.name}", goals=(goal,)) for goal in obligation.goals)


def _file(setting: Setting, obligation: Obligation, cache: dict[object, str]) -> File:
    names = tuple(goal.name for goal in obligation.goals)
    return File(obligation.name, obligation.title, text_of(setting, obligation, cache), names)


def _sizes(protocol: Protocol, clauses: list[str], wanted: Wanted, tell: Tell) -> tuple[SizeProof, ...]:
    names = tuple(clauses)
    with workers(wanted.processes) as pool:
        begun = []
        for size in wanted.sizes:
            setting = setting_of(protocol, size, wanted.network, wanted.faults)
            begun.append((size, setting, *_begin(pool, setting, names, wanted.seconds)))
        found = []
        for size, setting, futures, refused in begun:
            answers = tuple(_gathered(futures))
            split = frozenset(one.file.name for one in answers if one.answer == "unknown" and len(one.file.goals) > 1)
            if split:
                # Together the goals are too much for the solver; each of them may not be.
                known = {one.file.text: one for one in answers if one.file.name not in split}
                files = files_of(setting, names, split)
                again = {f.text: pool.submit(_answer, f.text, wanted.seconds) for f in files if f.text not in known}
                answers = tuple(known.get(f.text) or Answered(f, *again[f.text].result()) for f in files)
            found.append(SizeProof(size, described(setting), answers, refused, split))
            shown = sum(one.shown for one in answers)
            tell(f"{described(setting)}: {refused or f'{shown} of {len(answers)} obligations shown'}")
    return tuple(found)


def _begin(
    pool: ProcessPoolExecutor, setting: Setting, clauses: tuple[str, ...], seconds: float
) -> tuple[list[tuple[File, Future[tuple[str, float]]]], str]:
    try:
        if not setting.any_number and (apart := disjoint_quorums(setting.model)) is not None:
            kind, one, other = apart
            shown = [", ".join(f"{kind}{number + 1}" for number in sorted(some)) for some in (one, other)]
            return [], f"two quorums have nobody in common: {{{shown[0]}}} and {{{shown[1]}}}"
        files = files_of(setting, clauses)
    except Unprovable as problem:
        place = f" (line {problem.span.line})" if problem.span.line else ""
        return [], f"not covered: {problem.reason}{place}"
    return [(file, pool.submit(_answer, file.text, seconds)) for file in files], ""


def _answer(text: str, seconds: float) -> tuple[str, float]:
    began = time.monotonic()
    answer = z3_answer(text, seconds)
    return answer, time.monotonic() - began


def _gathered(futures: list[tuple[File, Future[tuple[str, float]]]]) -> Iterator[Answered]:
    for file, future in futures:
        yield Answered(file, *future.result())


def statement(proof: Proof) -> tuple[str, ...]:
    """The properties that a proof is about, each with what it says."""
    return statement_of(proof.original, proof.network, proof.faults)


def statement_of(protocol: Protocol, network: Network, faults: tuple[Fault, ...]) -> tuple[str, ...]:
    """The properties of a spec that are proved, each with what it says."""
    setting = setting_of(protocol, None, network, faults)
    said = [f"{FAILURE}: {STANDARD_TEXTS[FAILURE]}"]
    said += [f"{claim.name}: {claim.text}" for claim in properties_of(setting)]
    said += [
        f"{p.name}: {show(p.expression)}, at every step that changes something of it"
        for p in protocol.properties
        if p.kind is PropertyKind.STEP
    ]
    if any(True for _ in quorum_definitions(setting.model)):
        said.append(f"{QUORUMS_INTERSECT}: {STANDARD_TEXTS[QUORUMS_INTERSECT]}")
    return tuple(said)
