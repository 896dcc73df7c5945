"""Proves a protocol for several sizes: finds an invariant where none is given, writes it into the spec's text, and has
a solver refute every obligation that follows from that text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from modelcheck.proof.candidates import Candidate
from modelcheck.proof.claims import MINORITY_CANNOT_ELECT, RECORDED, Claim
from modelcheck.proof.discharge import SizeProof, discharge, quorums_apart
from modelcheck.proof.infer import ALL_SIZES, SIZES, Found, infer, on_any_network
from modelcheck.proof.obligations import IMPLIED, properties_of
from modelcheck.proof.scope import described, setting_of, singletons
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.solvers import z3_version
from modelcheck.proof.wording import Worded, worded, worded_claim
from modelcheck.properties import FAILURE, QUORUMS_INTERSECT, STANDARD_TEXTS, quorum_definitions
from spec.check import check
from spec.protocol import Fault, Network, PropertyKind, Protocol
from spec.show import show
from spec.source import Source

TRIAL_SECONDS = 2.0
"""The limit of each query where what was found at small sizes is tried at all: most of it holds, and is shown soon."""
HEADING = "# An inductive invariant, found by `oneleader prove`."


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
    """Raises NoSolver where a solver is missing. What no encoding covers, each size says."""
    z3_version()
    network = wanted.network or protocol.network
    faults = protocol.faults if wanted.faults is None else wanted.faults
    if not wanted.search:
        return _with_own(protocol, wanted, network, faults, tell)
    settings = {size: setting_of(protocol, size, network, faults) for size in ALL_SIZES}
    if any(p.kind is PropertyKind.INVARIANT for p in protocol.properties) and _is_enough(protocol, wanted):
        tell("the spec's own invariant is inductive at a small size; trying it at all")
        own = _with_own(protocol, wanted, network, faults, tell)
        if own.proved:
            return own
    return _searched(protocol, wanted, settings, tell)


def _searched(protocol: Protocol, wanted: Wanted, settings: dict[int, Setting], tell: Tell) -> Proof:
    """With an invariant that is looked for."""
    first = settings[ALL_SIZES[0]]
    network, faults = first.network, first.faults
    standard = {claim.name for claim in properties_of(first)}

    def shown(found: Found, seconds: float) -> Proof:
        whole, clauses, words = _with_invariant(protocol, found)
        # What was not reached is put in as a clause, so that it is seen which step breaks it.
        clauses = (*clauses, *(name for name in found.unproved if name in standard and name not in clauses))
        sizes = _sizes(whole, list(clauses), replace(wanted, seconds=seconds), tell)
        return Proof(protocol, whole, clauses, words, sizes, z3_version(), network, faults, _missing(sizes))

    trials: list[Proof] = []

    def is_enough(found: Found) -> bool:
        trials.append(shown(found, min(wanted.seconds, TRIAL_SECONDS)))
        return trials[-1].proved

    last: Proof | None = None
    for tried in ([] if network.is_growing_set else [on_any_network(settings)]) + [settings]:
        tell(f"looking for an inductive invariant{'' if tried is settings else ' that holds on any network'}")
        try:
            found = infer(tried, singletons(protocol), 0, tell, tried is not settings, is_enough)
        except Unprovable as problem:
            tell(f"the search does not cover {problem.reason}; going on with the spec's own clauses")
            return _with_own(protocol, wanted, network, faults, tell)
        if trials and trials[-1].proved:
            return trials[-1]
        if found.unproved and (tried is not settings or last is not None):
            continue  # what was found before lacked only the solver's time
        last = shown(found, wanted.seconds)
        if last.proved or any(one.refused for one in last.sizes):
            break
    assert last is not None
    return last


def _is_enough(protocol: Protocol, wanted: Wanted) -> bool:
    """Whether the spec's own clauses are inductive at a small size, as far as a moment tells."""
    trial = replace(wanted, sizes=(SIZES[0],), seconds=min(wanted.seconds, 1.0))
    return _only_implied(_sizes(protocol, _own(protocol), trial, lambda _: None))


def _own(protocol: Protocol) -> list[str]:
    return [p.name for p in protocol.properties if p.kind in (PropertyKind.SAFETY, PropertyKind.INVARIANT)]


def _with_own(protocol: Protocol, wanted: Wanted, network: Network, faults: tuple[Fault, ...], tell: Tell) -> Proof:
    """With the spec's own clauses as the invariant, and those standard properties that need to be part of it."""
    own = _own(protocol)
    sizes = _sizes(protocol, own, wanted, tell)
    inductive = [one.removeprefix(IMPLIED) for one in _open(sizes)] if _only_implied(sizes) else []
    if inductive:  # not implied by the spec's clauses, but perhaps kept by every step together with them
        tell(f"with {', '.join(inductive)} as a clause of the invariant")
        own += inductive
        sizes = _sizes(protocol, own, wanted, tell)
    return Proof(protocol, protocol, tuple(own), (), sizes, z3_version(), network, faults, _missing(sizes))


def not_tried(protocol: Protocol, wanted: Wanted) -> Proof:
    """What is known where nothing was asked of a solver: of which sizes two quorums have nobody in common."""
    settings = {size: setting_of(protocol, size, wanted.network, wanted.faults) for size in wanted.sizes}
    sizes = tuple(
        SizeProof(size, described(one), (), apart) for size, one in settings.items() if (apart := quorums_apart(one))
    )
    faults = protocol.faults if wanted.faults is None else wanted.faults
    return Proof(protocol, protocol, (), (), sizes, "", wanted.network or protocol.network, faults, ())


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


def text_of_clauses(words: tuple[Worded, ...]) -> str:
    """Clauses as they stand in a spec, in canonical form."""
    return "\n".join(one.text for one in words)


def with_clauses(protocol: Protocol, words: tuple[Worded, ...]) -> Protocol:
    """The spec with further invariants at its end, read anew from its text."""
    if not words:
        return protocol
    text = protocol.source.text.rstrip("\n") + f"\n\n{HEADING}\n" + text_of_clauses(words)
    return check(Source(protocol.source.name, text))[0]


def _sizes(protocol: Protocol, clauses: list[str], wanted: Wanted, tell: Tell) -> tuple[SizeProof, ...]:
    settings = {size: setting_of(protocol, size, wanted.network, wanted.faults) for size in wanted.sizes}
    return discharge(settings, tuple(clauses), wanted.seconds, wanted.processes, tell)


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
