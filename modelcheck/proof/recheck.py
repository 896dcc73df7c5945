"""Checks a certificate without knowing how it was found: its files against its manifest, its obligations against the
spec, every obligation by another solver, every refutation by our own checker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from modelcheck.proof.certificate import (
    FORMAT,
    MANIFEST,
    VERSION,
    aside,
    digest,
    folder_of,
    propositional,
    report_of,
    without_to_json,
)
from modelcheck.proof.cnf import clauses_of
from modelcheck.proof.discharge import File, files_of
from modelcheck.proof.drup import ProofError, check_refutation, read_drup, write_dimacs
from modelcheck.proof.forked import forked, workers
from modelcheck.proof.obligations import Obligation, Uses, properties_of
from modelcheck.proof.prove import HEADING, left_open, names_of, said_without, statement_of
from modelcheck.proof.scope import ANY, LARGEST_SIZE, Assumptions, described, proof_setting, sizes_of
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.solvers import UNSAT, cvc5_answers, cvc5_proofs, cvc5_version
from modelcheck.report import described_faults_of, described_network, time_to_json
from modelcheck.timed import stated_without, with_time
from spec.check import check
from spec.diagnostics import SpecError
from spec.protocol import Fault, FaultKind, Network, PropertyKind, Protocol
from spec.show import show
from spec.source import Source


class NoCertificate(Exception):
    """The folder holds no certificate that can be read."""


@dataclass
class Counted:
    """How much was checked; `seconds` are those of the solver and of checking refutations, by the clock."""

    obligations: int = 0
    goals: int = 0
    refutations: int = 0
    solver_seconds: float = 0.0
    refutation_seconds: float = 0.0


@dataclass(frozen=True)
class Claim:
    """What a certificate claims of the properties that are stated without the same faults: of which, for which sizes,
    and what it supposes of time."""

    without: tuple[str, ...]
    sizes: tuple[str, ...]
    properties: tuple[str, ...]
    time: tuple[str, ...]


@dataclass(frozen=True)
class Rechecked:
    """`wrong` are the reasons not to believe it; `open` what the solver could not decide; `checked` how much was."""

    protocol: str
    spec_sha256: str
    proved: tuple[str, ...]
    assumptions: str
    solver: str
    counted: Counted
    wrong: tuple[str, ...]
    open: tuple[str, ...]
    claims: tuple[Claim, ...]
    left_open: tuple[str, ...]
    """The properties of the spec that it does not claim, in words."""

    @property
    def holds(self) -> bool:
        return not self.wrong and not self.open


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a manifest. What is of another shape is none."""


OneLine = Annotated[str, msgspec.Meta(pattern=r"\A[^\r\n]*\Z")]
Natural = Annotated[int, msgspec.Meta(ge=0)]


class _Goal(_Part, frozen=True):
    name: str
    answer: OneLine
    uses: tuple[str, ...] = ()


class _Obligation(_Part, frozen=True):
    name: str
    title: OneLine
    goals: tuple[_Goal, ...]
    seconds: float


class _Size(_Part, frozen=True):
    size: str
    description: OneLine
    obligations: tuple[_Obligation, ...]
    refuted_propositionally: dict[str, str]
    not_propositional: dict[str, str]


class _Network(_Part, frozen=True):
    loss: bool
    duplication: bool
    reordering: bool


class _Fault(_Part, frozen=True):
    kind: str
    up_to: Natural | None
    of: str | None = None


class _Stated(_Part, frozen=True):
    """What is claimed of the properties that are stated without some faults."""

    without: tuple[str, ...]
    proved: tuple[str, ...]
    properties: tuple[str, ...]
    invariant: tuple[str, ...]
    sizes: tuple[_Size, ...]
    time: tuple[OneLine, ...] = ()


class _Manifest(_Part, frozen=True):
    format: str
    version: int
    made_by: OneLine
    protocol: OneLine
    spec_sha256: OneLine
    network: _Network
    faults: tuple[_Fault, ...]
    solver: OneLine
    proved: tuple[str, ...]
    properties: tuple[str, ...]
    invariant: tuple[str, ...]
    sizes: tuple[_Size, ...]
    files: dict[str, str]
    time: tuple[OneLine, ...] = ()
    stated_without: tuple[_Stated, ...] = ()
    left_open: tuple[OneLine, ...] = ()


@dataclass(frozen=True)
class _Group:
    """What a manifest claims of the properties that are stated without the same faults. `told` is that part of it."""

    told: dict[str, Any]
    assumptions: Assumptions

    @property
    def under(self) -> str:
        """The folder in which its files are."""
        return folder_of(self.assumptions.without)

    @property
    def sizes(self) -> tuple[dict[str, Any], ...]:
        return tuple(self.told["sizes"])

    @property
    def invariant(self) -> tuple[str, ...]:
        return tuple(self.told["invariant"])

    def setting(self, whole: Protocol, size: str) -> Setting:
        number = None if size == ANY else int(size)
        return proof_setting(whole, sizes_of(whole, number), self.assumptions)

    def described(self, whole: Protocol, size: str) -> str:
        without = self.assumptions.without
        return described(self.setting(whole, size)) + (f", without {said_without(without)}" if without else "")


@dataclass(frozen=True)
class _Claimed:
    """What a manifest claims, read and of the right shape. The first group is what is stated under all faults."""

    whole: dict[str, Any]
    network: Network
    faults: tuple[Fault, ...]
    groups: tuple[_Group, ...]
    files: dict[str, str]


Tell = Callable[[str], None]


def recheck(
    folder: Path, spec: Protocol | None, seconds: float, processes: int, tell: Tell, proofs: Path | None = None
) -> Rechecked:
    """With `spec`, the certificate has to be about that one; with `proofs`, cvc5's own proofs are written into that
    folder. Raises NoCertificate, OSError, NoSolver, FileExistsError."""
    if proofs is not None:
        if proofs.resolve().is_relative_to(folder.resolve()):
            raise FileExistsError(
                f"{proofs} is in the certificate, which has no room for more; name a folder elsewhere"
            )
        if proofs.exists() and any(proofs.iterdir()):
            raise FileExistsError(f"{proofs} holds other files; name a new folder")
        with aside(proofs) as made:
            return _recheck(folder, spec, seconds, processes, tell, made)
    return _recheck(folder, spec, seconds, processes, tell, None)


def _recheck(
    folder: Path, spec: Protocol | None, seconds: float, processes: int, tell: Tell, proofs: Path | None
) -> Rechecked:
    claimed = _manifest(folder)
    solver = cvc5_version()
    wrong = list(_files(folder, claimed))
    try:
        report = report_of(claimed.whole)
        if (folder / "report.md").read_text(encoding="utf-8") != report:
            wrong.append("report.md does not say what the manifest says")
    except (OSError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        wrong.append("report.md cannot be compared with the manifest")
    still: list[str] = []
    counted = Counted()
    original, whole = _specs(folder, wrong)
    if whole is not None and (problem := _without_time(whole, claimed)):
        wrong.append(problem)
        original = whole = None
    if original is not None and whole is not None:
        wrong += _about(claimed, original, whole, spec)
        other = spec is not None and spec.source.sha256 != original.source.sha256
        for group, size in () if other else _sizes(claimed):
            _size(folder, claimed, group, size, whole, (wrong, still), counted, seconds, processes, tell, proofs)
    proved: tuple[str, ...] = ()
    timed = whole is not None and whole.timed
    faults = described_faults_of(claimed.faults, timed=timed)
    assumptions = f"network: {described_network(claimed.network)}; faults: {faults}"
    if whole is not None:
        proved = tuple(g.described(whole, s["size"]) for g, s in _sizes(claimed) if s["size"] in g.told["proved"])
        if (claimed.network, claimed.faults) != (whole.network, whole.faults):
            assumptions += " (NOT those that the spec names)"
        wrong += [
            f"{group.under}{size['size']}: it is described as `{size['description']}`"
            for group, size in _sizes(claimed)
            if size["description"] != described(group.setting(whole, size["size"]))
        ]
    return Rechecked(
        str(claimed.whole["protocol"]),
        str(claimed.whole["spec_sha256"]),
        proved,
        assumptions,
        solver,
        counted,
        tuple(wrong),
        tuple(still),
        tuple(_claims(claimed)),
        _left_open(original, claimed) if original is not None else (),
    )


def _claims(claimed: _Claimed) -> Iterator[Claim]:
    for group in claimed.groups:
        sizes = tuple(str(s["description"]) for s in group.sizes if s["size"] in group.told["proved"])
        if sizes:
            without = tuple(without_to_json(group.assumptions.without))
            yield Claim(without, sizes, tuple(names_of(group.told["properties"])), tuple(group.told.get("time", ())))


def _left_open(original: Protocol, claimed: _Claimed) -> tuple[str, ...]:
    proved = {group.assumptions.without: group.told["proved"] for group in claimed.groups}
    return left_open(original, claimed.network, claimed.faults, proved)


def _without_time(whole: Protocol, claimed: _Claimed) -> str:
    """Why the network and the faults that are claimed leave no model of a spec with time, or nothing."""
    try:
        with_time(whole, claimed.network, claimed.faults)
    except SpecError as problem:
        return f"under this network and these faults the spec means nothing: {problem}"
    return ""


def _sizes(claimed: _Claimed) -> list[tuple[_Group, dict[str, Any]]]:
    return [(group, size) for group in claimed.groups for size in group.sizes]


def _manifest(folder: Path) -> _Claimed:
    path = folder / MANIFEST
    if not path.is_file():
        raise NoCertificate(f"{folder} holds no {MANIFEST}, so it is no certificate")
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        read = msgspec.convert(whole, _Manifest)
        faults = tuple(Fault(FaultKind(fault.kind), fault.up_to, of=fault.of) for fault in read.faults)
        left_out = [frozenset(map(FaultKind, part.without)) for part in read.stated_without]
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise NoCertificate(f"{path} is no JSON: {problem}") from None
    except (msgspec.ValidationError, ValueError) as problem:
        raise NoCertificate(f"{path} lacks something, or something in it is of another kind: {problem}") from None
    if (read.format, read.version) != (FORMAT, VERSION):
        raise NoCertificate(f"{path} is of another format: expected {FORMAT}, version {VERSION}")
    for sizes in (read.sizes, *(part.sizes for part in read.stated_without)):
        names = [size.size for size in sizes]
        if len(set(names)) < len(names) or not all(map(_is_size, names)):
            raise NoCertificate(f"{path} lists sizes that are none, or one of them twice: {', '.join(names)}")
    if len(set(left_out)) < len(left_out) or frozenset() in left_out:
        raise NoCertificate(f"{path} tells twice of what is stated without the same faults")
    network = Network(read.network.loss, read.network.duplication, read.network.reordering)
    told = [(frozenset(), whole), *zip(left_out, whole.get("stated_without", ()), strict=True)]
    groups = tuple(_Group(part, Assumptions(network, faults, without)) for without, part in told)
    return _Claimed(whole, network, faults, groups, read.files)


def _is_size(name: str) -> bool:
    return name == ANY or (name.isdecimal() and str(int(name)) == name and 1 <= int(name) <= LARGEST_SIZE)


def _files(folder: Path, claimed: _Claimed) -> list[str]:
    """What is wrong with the files: each has its hash, none is missing and there is no other."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {MANIFEST}
    wrong = [f"{name} is not in the manifest" for name in sorted(found - set(claimed.files))]
    for name, expected in sorted(claimed.files.items()):
        if name not in found:
            wrong.append(f"{name} is missing")
        elif digest((folder / name).read_bytes()) != expected:
            wrong.append(f"{name} is not the file that the manifest names: its hash differs")
    whole = ("spec.elect", "proof.elect", "report.md")
    return [*wrong, *(f"{name} is not in the manifest" for name in whole if name not in claimed.files)]


def _specs(folder: Path, wrong: list[str]) -> tuple[Protocol | None, Protocol | None]:
    found: list[Protocol | None] = []
    for name in ("spec.elect", "proof.elect"):
        try:
            found.append(check(Source(name, (folder / name).read_text(encoding="utf-8")))[0])
        except (OSError, UnicodeDecodeError, SpecError) as problem:
            wrong.append(f"{name} cannot be read as a spec: {problem}")
            found.append(None)
    return found[0], found[1]


def _about(claimed: _Claimed, original: Protocol, whole: Protocol, spec: Protocol | None) -> list[str]:
    """What is wrong with what the certificate says that it is about."""
    wrong = [] if _sizes(claimed) else ["it has no obligations"]
    wrong += [] if any(group.told["proved"] for group in claimed.groups) else ["it claims no proof of any size"]
    if list(_left_open(original, claimed)) != claimed.whole.get("left_open", []):
        wrong.append("what it says that it leaves open is not what it leaves open of the spec")
    there_are = stated_without(original, claimed.faults)
    for group in claimed.groups:
        if group.assumptions.without not in there_are:
            names = ", ".join(without_to_json(group.assumptions.without))
            wrong.append(f"the spec states nothing without just {names}, under these faults")
        elif list(statement_of(original, group.assumptions)) != group.told["properties"]:
            wrong.append(f"{group.under}the properties that it lists are not those of the spec")
        clocks = group.setting(original, ANY).protocol.clocks
        if time_to_json(clocks, group.assumptions.left) != group.told.get("time", []):
            wrong.append(f"{group.under}what it says of time is not what the spec says")
    if original.source.sha256 != claimed.whole["spec_sha256"]:
        wrong.append("spec.elect is not the spec that the manifest names: its hash differs")
    if spec is not None and spec.source.sha256 != original.source.sha256:
        wrong.append("the certificate is about another spec: the texts differ")
    if original.name != claimed.whole["protocol"]:
        wrong.append(f"the spec is `{original.name}`, not `{claimed.whole['protocol']}`")
    wrong += _only_invariants_added(original.source.text, whole)
    for group in claimed.groups:
        known = {claim.name for claim in properties_of(group.setting(whole, ANY))}
        named, sizes = group.under, group.sizes
        wrong += [
            f"{named}the invariant names `{name}`, which the spec does not have, or not under these faults"
            for name in sorted(set(group.invariant) - known)
        ]
        there = [one["size"] for one in sizes]
        proved = group.told["proved"]
        wrong += [f"{named}it claims a proof for {s}, without obligations" for s in proved if s not in there]
        for size in sizes:
            answers = {goal["answer"] for one in size["obligations"] for goal in one["goals"]}
            if size["size"] in proved and answers != {UNSAT}:
                wrong.append(f"{named}it claims a proof for {size['size']}, with goals that are not shown")
    return wrong


def _only_invariants_added(original: str, whole: Protocol) -> list[str]:
    """The proof's spec is the given one with nothing but invariants after it."""
    text = whole.source.text
    if text == original:
        return []
    begun = original.rstrip("\n") + f"\n\n{HEADING}\n"
    if not text.startswith(begun):
        return ["proof.elect does not begin with the text of spec.elect"]
    # What comes after is invariants, each from the first column on: nothing goes on with the last item of the spec.
    first = next((line for line in text[len(begun) :].split("\n") if line.strip() and not line.startswith("#")), "")
    lines = begun.count("\n")
    added = [p for p in whole.properties if p.span.line > lines]
    if not first.startswith("invariant ") or any(p.kind is not PropertyKind.INVARIANT for p in added):
        return ["proof.elect adds more than invariants to spec.elect"]
    before = check(Source("spec.elect", original))[0]
    if not set(before.definitions) <= set(whole.definitions):  # the built-in majority may come in
        return ["proof.elect is not spec.elect with invariants added"]
    kept = replace(whole, properties=tuple(p for p in whole.properties if p.span.line <= lines))
    return [] if _told(before) == _told(kept) else ["proof.elect is not spec.elect with invariants added"]


def _told(protocol: Protocol) -> tuple[object, ...]:
    """A protocol but for its definitions, to be compared with another: locals may be numbered otherwise in it."""
    properties = [
        (p.kind, p.name, p.description, p.about, p.without, p.span, *(show(e) for e in (p.expression, p.then) if e))
        for p in protocol.properties
    ]
    parts = (protocol.name, protocol.description, protocol.types, protocol.kinds, protocol.messages)
    steps = (protocol.handlers, protocol.procedures, protocol.leader, protocol.timing)
    return (*parts, *steps, protocol.network, protocol.faults, protocol.checks, properties)


def _size(
    folder: Path,
    claimed: _Claimed,
    group: _Group,
    size: dict[str, Any],
    whole: Protocol,
    into: tuple[list[str], list[str]],
    counted: Counted,
    seconds: float,
    processes: int,
    tell: Tell,
    proofs: Path | None,
) -> None:
    """Rebuilds the obligations of one size from the spec, compares them, and has them answered."""
    wrong, still = into
    setting = group.setting(whole, size["size"])
    name = f"{group.under}{size['size']}"
    uses = _uses(size)
    try:
        rebuilt = files_of(setting, group.invariant, uses)
    except Unprovable as problem:
        wrong.append(f"{name}: the spec's obligations cannot be built: {problem}")
        return
    named = {f"{name}/{one.name}.smt2": one for one in rebuilt}
    there = {path for path in claimed.files if path.startswith(f"{name}/") and path.endswith(".smt2")}
    wrong += [f"{path}: the obligation is missing" for path in sorted(set(named) - there)]
    wrong += [f"{path} is no obligation of this spec" for path in sorted(there - set(named))]
    listed = [(str(one["name"]), tuple(str(goal["name"]) for goal in one["goals"])) for one in size["obligations"]]
    if listed != [(one.name, one.goals) for one in rebuilt]:
        wrong.append(f"{name}: the manifest lists other obligations than the spec has")
    for path in sorted(there & set(named)):
        try:
            text = (folder / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            text = ""
        if text != named[path].text:
            wrong.append(f"{path} is not the obligation that follows from the spec")
    # The texts rebuilt are what is asked: whatever the folder holds, these are the obligations.
    began = time.monotonic()
    with workers(processes) as pool:
        ask = _with_proofs if proofs is not None else _without_proofs
        found = list(pool.map(ask, [one.text for one in rebuilt], [seconds] * len(rebuilt)))
    answers = [[answer for answer, _ in said] for said in found]
    if proofs is not None:
        _keep(proofs / name, rebuilt, found)
    for one, said in zip(rebuilt, answers, strict=True):
        counted.obligations += 1
        counted.goals += len(one.goals)
        for goal, answer in zip(one.goals, said, strict=True):
            if answer == "sat":
                wrong.append(f"{name}/{one.name}: cvc5 says that {goal} does not hold")
            elif answer != UNSAT:
                still.append(f"{name}/{one.name}: cvc5 says {answer} of {goal}")
    counted.solver_seconds += time.monotonic() - began
    began = time.monotonic()
    refuted = _refutations(folder, setting, claimed, group, size, uses, wrong)
    counted.refutation_seconds += time.monotonic() - began
    counted.refutations += refuted
    shown = sum(all(answer == UNSAT for answer in said) for said in answers)
    more = f", {refuted} refutations checked" if refuted else ""
    tell(f"{size['description']}: {shown} of {len(answers)} obligations confirmed{more}")


Proved = list[tuple[str, bytes]]
"""Of each goal of an obligation, the answer and a proof."""


def _without_proofs(text: str, seconds: float) -> Proved:
    return [(answer, b"") for answer in cvc5_answers(text, seconds)]


def _with_proofs(text: str, seconds: float) -> Proved:
    return cvc5_proofs(text, seconds)


def _keep(folder: Path, files: tuple[File, ...], found: list[Proved]) -> None:
    """Writes the proofs of one size, a file for each goal."""
    folder.mkdir(parents=True, exist_ok=True)
    for one, said in zip(files, found, strict=True):
        for goal, (_, proof) in zip(one.goals, said, strict=True):
            if proof:
                (folder / f"{one.name}.{goal}.cpc").write_bytes(proof)


def _uses(size: dict[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    """The hypotheses that goals are said to need, by obligation and goal. To suppose less proves no more, so nothing
    hangs on their being right."""
    return {
        str(one["name"]): {str(goal["name"]): tuple(map(str, goal["uses"])) for goal in one["goals"] if "uses" in goal}
        for one in size["obligations"]
    }


def _refutations(
    folder: Path,
    setting: Setting,
    claimed: _Claimed,
    group: _Group,
    size: dict[str, Any],
    uses: Mapping[str, Uses],
    wrong: list[str],
) -> int:
    """Checks the propositional refutations of one size against clauses that are built anew."""
    name, done = f"{group.under}{size['size']}", 0
    listed: dict[str, str] = dict(size["refuted_propositionally"])
    known = {goal: (title, one) for goal, title, one in propositional(setting, group.invariant, uses)}
    proofs = [path for path in claimed.files if path.startswith(f"{name}/") and path.endswith(".drup")]
    there = {path.removeprefix(f"{name}/").removesuffix(".drup") for path in proofs}
    if there != set(listed):
        wrong.append(f"{name}: the refutations are not those that the manifest lists")
    missing = set(known) - set(listed) - set(size["not_propositional"])
    wrong += [f"{name}/{one}: neither refuted propositionally nor left out with a reason" for one in sorted(missing)]
    wrong += [f"{name}/{one}.drup refutes no goal of this spec" for one in sorted(set(listed) - set(known))]
    checked = sorted(set(listed) & set(known))

    def check_one(goal: str) -> list[str]:
        return _refutation(folder / name / f"{goal}.drup", setting, *known[goal], listed[goal])

    for goal, problems in zip(checked, forked(check_one, checked), strict=True):
        wrong += [f"{name}/{goal}{problem}" for problem in problems]
        done += not problems
    return done


def _refutation(path: Path, setting: Setting, title: str, goal: Obligation, expected: str) -> list[str]:
    """What is wrong with one refutation."""
    wrong = []
    try:
        clauses, meaning = clauses_of(setting, goal)
        if digest(write_dimacs(clauses, (title, *meaning)).encode()) != expected:
            wrong.append(": its clauses are not those that were refuted")
        check_refutation(clauses, read_drup(path.read_text(encoding="ascii")))
    except (ProofError, Unprovable, OSError, UnicodeDecodeError) as problem:
        wrong.append(f".drup is no refutation: {problem}")
    return wrong
