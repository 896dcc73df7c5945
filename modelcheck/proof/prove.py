"""Proves a protocol for several sizes: finds an invariant where none is given, writes it into the spec's text, and has
a solver refute every obligation that follows from that text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from modelcheck.proof.candidates import Candidate
from modelcheck.proof.claims import MINORITY_CANNOT_ELECT, RECORDED, Claim
from modelcheck.proof.discharge import SizeProof, discharge, quorums_apart
from modelcheck.proof.infer import ALL_SIZES, SIZES, Found, infer, on_any_network
from modelcheck.proof.obligations import IMPLIED, goals_of, step_goals_of
from modelcheck.proof.scope import ANY, Assumptions, assumptions_of, described, proof_setting, singletons, sizes_of
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.solvers import z3_version
from modelcheck.proof.wording import Worded, worded, worded_claim
from modelcheck.properties import FAILURE, QUORUMS_INTERSECT, STANDARD_TEXTS, quorum_definitions
from modelcheck.timed import stated_without
from spec.check import check
from spec.protocol import Fault, FaultKind, Network, PropertyKind, Protocol
from spec.show import show
from spec.source import Source

TRIAL_SECONDS = 2.0
"""The limit of each query where what was found at small sizes is tried at all: most of it holds, and is shown soon."""
HEADING = "# An inductive invariant, found by `oneleader prove`."


@dataclass(frozen=True)
class Proof:
    """`protocol` is the spec with the invariant in it; `clauses` are the names of the properties that make it up.

    It is about the properties that are stated without the faults in `without`, and supposes that they do not happen;
    about those that are stated under all `faults` where it is empty. `beside` are then the proofs of the others."""

    original: Protocol
    protocol: Protocol
    clauses: tuple[str, ...]
    found: tuple[Worded, ...]
    sizes: tuple[SizeProof, ...]
    solver: str
    network: Network
    faults: tuple[Fault, ...]
    unproved: tuple[str, ...]
    without: frozenset[FaultKind] = frozenset()
    beside: tuple[Proof, ...] = ()

    @property
    def parts(self) -> tuple[Proof, ...]:
        return (self, *self.beside)

    @property
    def shown(self) -> bool:
        """Whether all sizes are proved, of the properties that this part is about."""
        return bool(self.sizes) and all(one.proved for one in self.sizes)

    @property
    def proved(self) -> bool:
        """Whether all properties are, for all sizes."""
        return all(part.shown for part in self.parts)

    @property
    def assumptions(self) -> Assumptions:
        return Assumptions(self.network, self.faults, self.without)

    def setting(self, size: int | None) -> Setting:
        return proof_setting(self.protocol, sizes_of(self.protocol, size), self.assumptions)


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
    """Raises NoSolver where a solver is missing, SpecError for what time cannot give. What no encoding covers, each
    size says."""
    z3_version()
    assumptions = assumptions_of(protocol, wanted.network, wanted.faults)
    first = _proof(protocol, wanted, assumptions, tell)
    beside: list[Proof] = []
    for without in stated_without(protocol, assumptions.faults):
        if without:
            tell(f"now what is stated without {said_without(without)}")
            whole = beside[-1].protocol if beside else first.protocol
            beside.append(_proof(whole, wanted, replace(assumptions, without=without), tell, first.clauses))
    # One text holds all invariants.
    whole = beside[-1].protocol if beside else first.protocol
    parts = tuple(replace(one, original=protocol, protocol=whole) for one in beside)
    return replace(first, protocol=whole, beside=parts)


def said_without(without: frozenset[FaultKind]) -> str:
    """`drift, pause`."""
    return ", ".join(sorted(kind.value for kind in without))


def _proof(
    protocol: Protocol, wanted: Wanted, assumptions: Assumptions, tell: Tell, known: tuple[str, ...] = ()
) -> Proof:
    """Of the properties that are stated without just the faults that the assumptions leave out. `known` are the clauses
    that were enough for those that are stated under all faults."""
    if not wanted.search:
        return _with_own(protocol, wanted, assumptions, tell, known)
    settings = {size: _setting(protocol, size, assumptions) for size in ALL_SIZES}
    given = known or any(p.kind is PropertyKind.INVARIANT for p in settings[SIZES[0]].protocol.properties)
    if given and _is_enough(protocol, wanted, assumptions, known):
        tell("the spec's own invariant is inductive at a small size; trying it at all")
        own = _with_own(protocol, wanted, assumptions, tell, known)
        if own.shown:
            return own
    return _searched(protocol, wanted, settings, assumptions, tell, known)


def _setting(protocol: Protocol, size: int | None, assumptions: Assumptions) -> Setting:
    return proof_setting(protocol, sizes_of(protocol, size), assumptions)


def _searched(
    protocol: Protocol,
    wanted: Wanted,
    settings: dict[int, Setting],
    assumptions: Assumptions,
    tell: Tell,
    known: tuple[str, ...],
) -> Proof:
    """With an invariant that is looked for."""
    first = settings[ALL_SIZES[0]]
    network, faults, without = assumptions.network, assumptions.faults, assumptions.without
    standard = {claim.name for claim in goals_of(first)}

    def shown(found: Found, seconds: float) -> Proof:
        whole, clauses, words = _with_invariant(protocol, found, without)
        # What was not reached is put in as a clause, so that it is seen which step breaks it.
        clauses = (*clauses, *(name for name in found.unproved if name in standard and name not in clauses))
        sizes = _sizes(whole, list(clauses), replace(wanted, seconds=seconds), assumptions, tell)
        return Proof(protocol, whole, clauses, words, sizes, z3_version(), network, faults, _missing(sizes), without)

    trials: list[Proof] = []

    def is_enough(found: Found) -> bool:
        trials.append(shown(found, min(wanted.seconds, TRIAL_SECONDS)))
        return trials[-1].shown

    last: Proof | None = None
    for tried in ([] if network.is_growing_set else [on_any_network(settings)]) + [settings]:
        tell(f"looking for an inductive invariant{'' if tried is settings else ' that holds on any network'}")
        try:
            found = infer(tried, singletons(protocol), 0, tell, tried is not settings, is_enough)
        except Unprovable as problem:
            tell(f"the search does not cover {problem.reason}; going on with the spec's own clauses")
            return _with_own(protocol, wanted, assumptions, tell, known)
        if trials and trials[-1].shown:
            return trials[-1]
        if found.unproved and (tried is not settings or last is not None):
            continue  # what was found before lacked only the solver's time
        last = shown(found, wanted.seconds)
        if last.shown or any(one.refused for one in last.sizes):
            break
    assert last is not None
    return last


def _is_enough(protocol: Protocol, wanted: Wanted, assumptions: Assumptions, known: tuple[str, ...]) -> bool:
    """Whether the spec's own clauses are inductive at a small size, as far as a moment tells."""
    trial = replace(wanted, sizes=(SIZES[0],), seconds=min(wanted.seconds, 1.0))
    own = _own(protocol, assumptions, known)
    return _only_implied(_sizes(protocol, own, trial, assumptions, lambda _: None))


def _own(protocol: Protocol, assumptions: Assumptions, known: tuple[str, ...]) -> list[str]:
    """The spec's own clauses, as far as they hold under the faults in force. Of those that are stated under all faults
    the `known` ones are enough, where they are given."""
    setting = _setting(protocol, None, assumptions)
    kinds = (PropertyKind.SAFETY, PropertyKind.INVARIANT)
    names = [p.name for p in setting.protocol.properties if p.kind in kinds]
    return [*known, *(n for n in names if n not in known and (not known or setting.is_goal(n)))]


def _with_own(
    protocol: Protocol, wanted: Wanted, assumptions: Assumptions, tell: Tell, known: tuple[str, ...]
) -> Proof:
    """With the spec's own clauses as the invariant, and those standard properties that need to be part of it."""
    own = _own(protocol, assumptions, known)
    sizes = _sizes(protocol, own, wanted, assumptions, tell)
    inductive = [one.removeprefix(IMPLIED) for one in _open(sizes)] if _only_implied(sizes) else []
    if inductive:  # not implied by the spec's clauses, but perhaps kept by every step together with them
        tell(f"with {', '.join(inductive)} as a clause of the invariant")
        own += inductive
        sizes = _sizes(protocol, own, wanted, assumptions, tell)
    network, faults, without = assumptions.network, assumptions.faults, assumptions.without
    return Proof(protocol, protocol, tuple(own), (), sizes, z3_version(), network, faults, _missing(sizes), without)


def not_tried(protocol: Protocol, wanted: Wanted) -> Proof:
    """What is known where nothing was asked of a solver: of which sizes two quorums have nobody in common."""
    assumptions = assumptions_of(protocol, wanted.network, wanted.faults)
    settings = {size: _setting(protocol, size, assumptions) for size in wanted.sizes}
    sizes = tuple(
        SizeProof(size, described(one), (), apart) for size, one in settings.items() if (apart := quorums_apart(one))
    )
    first = Proof(protocol, protocol, (), (), sizes, "", assumptions.network, assumptions.faults, ())
    groups = stated_without(protocol, assumptions.faults)
    return replace(first, beside=tuple(replace(first, sizes=(), without=without) for without in groups if without))


def _open(sizes: tuple[SizeProof, ...]) -> list[str]:
    """The obligations that some size could not show."""
    return list(dict.fromkeys(one.file.name for size in sizes for one in size.answers if not one.shown))


def _only_implied(sizes: tuple[SizeProof, ...]) -> bool:
    """Whether the spec's clauses are inductive, and only do not imply some property."""
    return all(one.startswith(IMPLIED) and one != IMPLIED + MINORITY_CANNOT_ELECT for one in _open(sizes)) and not any(
        one.refused for one in sizes
    )


def _missing(sizes: tuple[SizeProof, ...]) -> tuple[str, ...]:
    """The names of what some size could not show."""
    names = [goal for size in sizes for one in size.answers for goal in one.open]
    return tuple(dict.fromkeys(names))


def _with_invariant(
    protocol: Protocol, found: Found, without: frozenset[FaultKind]
) -> tuple[Protocol, tuple[str, ...], tuple[Worded, ...]]:
    """The spec with the clauses found in it, from its text; and the names of all that the invariant is made of."""
    words: list[Worded] = []
    names: list[str] = []
    taken = {p.name for p in protocol.properties}
    for clause in found.clauses:
        if isinstance(clause, Claim) and (clause.name in taken or clause.expression is None):
            if clause.name != RECORDED:  # it is part of every invariant
                names.append(clause.name)
            continue
        one = replace(_worded(protocol, taken, clause), without=without)
        taken.add(one.name)
        words.append(one)
        names.append(one.name)
    return with_clauses(protocol, tuple(words)), tuple(names), tuple(words)


def _worded(protocol: Protocol, taken: set[str], clause: Candidate | Claim) -> Worded:
    if isinstance(clause, Candidate):
        return worded(protocol, taken, clause)
    assert clause.expression is not None
    return worded_claim(protocol, taken, clause.expression)


def text_of_clauses(words: tuple[Worded, ...]) -> str:
    """Clauses as they stand in a spec, in canonical form."""
    return "\n".join(one.text for one in words)


def with_clauses(protocol: Protocol, words: tuple[Worded, ...]) -> Protocol:
    """The spec with further invariants at its end, read anew from its text."""
    if not words:
        return protocol
    text = protocol.source.text.rstrip("\n") + f"\n\n{HEADING}\n" + text_of_clauses(words)
    return check(Source(protocol.source.name, text))[0]


def _sizes(
    protocol: Protocol, clauses: list[str], wanted: Wanted, assumptions: Assumptions, tell: Tell
) -> tuple[SizeProof, ...]:
    settings = {size: _setting(protocol, size, assumptions) for size in wanted.sizes}
    return discharge(settings, tuple(clauses), wanted.seconds, wanted.processes, tell)


def statement(proof: Proof) -> tuple[str, ...]:
    """The properties that a proof, but for the proofs beside it, is about, each with what it says."""
    return statement_of(proof.original, proof.assumptions)


def statement_of(protocol: Protocol, assumptions: Assumptions) -> tuple[str, ...]:
    """The properties of a spec that are proved under some assumptions, each with what it says."""
    setting = _setting(protocol, None, assumptions)
    texts = {p.name: show(p.expression) for p in protocol.properties}
    said = [f"{claim.name}: {texts.get(claim.name, claim.text)}" for claim in goals_of(setting)]
    said += [
        f"{claim.name}: {texts[claim.name]}, at every step that changes something of it"
        for claim in step_goals_of(setting)
    ]
    if assumptions.without:
        return tuple(said)
    said.insert(0, f"{FAILURE}: {STANDARD_TEXTS[FAILURE]}")
    if any(True for _ in quorum_definitions(setting.model)):
        said.append(f"{QUORUMS_INTERSECT}: {STANDARD_TEXTS[QUORUMS_INTERSECT]}")
    return tuple(said)


def names_of(statements: Iterable[str]) -> list[str]:
    """The names of the properties of a statement."""
    return [line.partition(":")[0] for line in statements]


def left_open(
    protocol: Protocol,
    network: Network,
    faults: tuple[Fault, ...],
    proved: Mapping[frozenset[FaultKind], Sequence[str]],
) -> tuple[str, ...]:
    """The properties of a spec that are not among what is proved, and for which of the sizes that others are proved
    for. `proved` are the sizes by the faults without which properties are stated."""
    sizes = dict.fromkeys(size for found in proved.values() for size in found)
    found = []
    for without in stated_without(protocol, faults):
        missing = [size for size in sizes if size not in proved.get(without, ())]
        names = names_of(statement_of(protocol, Assumptions(network, faults, without)))
        if missing and names:
            stated = f" (stated without {said_without(without)})" if without else ""
            found.append(f"{', '.join(names)}{stated}, for {' or '.join(map(_of_size, missing))}")
    return tuple(found)


def _of_size(size: str) -> str:
    return "any number" if size == ANY else size
