"""A certificate: a folder that says what was proved, with all that another solver needs to check it.

spec.elect          the spec, as it was given
proof.elect         the spec with the invariant in it, from which every obligation follows
manifest.json       what is claimed, which hypotheses each goal needs, and the SHA-256 of every other file
report.md           the same in words
3/NAME.smt2         an obligation for 3 processes, complete in itself: a solver has to answer `unsat` to each question
3/NAME.GOAL.drup    a refutation of the clauses of one of its goals, where they are propositional
any/NAME.smt2       an obligation for any number of processes
without-pause/      the same of what is stated without pauses, and supposes that there are none
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from errno import ENOTDIR
from os import strerror
from pathlib import Path
from typing import Any

from modelcheck.proof.cnf import clauses_of
from modelcheck.proof.discharge import Answered, SizeProof, obligations_of
from modelcheck.proof.drup import write_dimacs, write_drup
from modelcheck.proof.forked import forked
from modelcheck.proof.obligations import Obligation, Uses
from modelcheck.proof.prove import Proof, left_open, statement
from modelcheck.proof.sat import refute
from modelcheck.proof.scope import label
from modelcheck.proof.setting import Setting, Unprovable
from modelcheck.proof.solvers import UNSAT
from modelcheck.report import time_to_json
from spec.protocol import Fault, FaultKind, Network

FORMAT = "oneleader-proof"
VERSION = 2
MANIFEST = "manifest.json"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def network_to_json(network: Network) -> dict[str, bool]:
    return {"loss": network.loss, "duplication": network.duplication, "reordering": network.reordering}


def faults_to_json(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    return [
        {"kind": fault.kind.value, "up_to": fault.up_to, **({} if fault.of is None else {"of": fault.of})}
        for fault in faults
    ]


def without_to_json(without: Iterable[FaultKind]) -> list[str]:
    return sorted(kind.value for kind in without)


def folder_of(without: Iterable[FaultKind]) -> str:
    """Where in a certificate the obligations lie of what is stated without some faults; nothing, or it ends in `/`."""
    words = [word.replace(" ", "-") for word in without_to_json(without)]
    return f"without-{'-'.join(words)}/" if words else ""


def propositional(
    setting: Setting, clauses: tuple[str, ...], uses: Mapping[str, Uses]
) -> Iterator[tuple[str, str, Obligation]]:
    """What is refuted propositionally, goal by goal, at a fixed size: its file's name, its title, and the goal as an
    obligation of its own, with the hypotheses that it needs. Nothing of a spec with time: with the constants that
    clocks are compared with, there are too many axioms of whole numbers to make clauses of."""
    if setting.any_number or setting.protocol.clocks is not None:
        return
    for one in obligations_of(setting, clauses):
        for goal in one.goals:
            needed = uses.get(one.name, {}).get(goal.name)
            held = tuple(held for held in one.hypotheses if needed is None or held.name in needed)
            yield f"{one.name}.{goal.name}", f"{one.title}: {goal.name}", replace(one, hypotheses=held, goals=(goal,))


def refuse_other(folder: Path) -> None:
    """Raises FileExistsError for a folder that a certificate must not replace, OSError for what is no folder."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(ENOTDIR, strerror(ENOTDIR), str(folder))
    if folder.exists() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
        raise FileExistsError(f"{folder} holds other files; name a new folder")


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """A folder that takes the place of `folder` when all is in it. Raises OSError, which names `folder` and not what
    stands in for it."""
    hidden = f".{folder.name}."
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=hidden) as made:
            beside = Path(made) / "whole"
            beside.mkdir()
            yield beside
            if folder.exists():
                folder.rename(Path(made) / "old")
            beside.rename(folder)
    except OSError as problem:
        if problem.filename is not None and hidden not in str(problem.filename):
            raise
        raise OSError(problem.errno, problem.strerror, str(folder)) from None


def save(proof: Proof, folder: Path, version: str, tell: Callable[[str], None], keep_cnf: bool = False) -> None:
    """Writes the certificate of the sizes that are proved, whole or not at all. Raises OSError, NoSolver,
    FileExistsError for a folder that holds something else."""
    refuse_other(folder)
    with aside(folder) as beside:
        _write(proof, beside, version, tell, keep_cnf)


def _write(proof: Proof, folder: Path, version: str, tell: Callable[[str], None], keep_cnf: bool) -> None:
    files: dict[str, bytes] = {
        "spec.elect": proof.original.source.text.encode(),
        "proof.elect": proof.protocol.source.text.encode(),
    }
    first = _part(proof, files, tell, keep_cnf)
    beside = [
        {"without": without_to_json(part.without), **_part(part, files, tell, keep_cnf)}
        for part in proof.beside
        if any(size.proved for size in part.sizes)
    ]
    proved = {part.without: [label(size.size) for size in part.sizes if size.proved] for part in proof.parts}
    missing = left_open(proof.original, proof.network, proof.faults, proved)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": f"oneleader {version}",
        "protocol": proof.original.name,
        "spec_sha256": proof.original.source.sha256,
        "network": network_to_json(proof.network),
        "faults": faults_to_json(proof.faults),
        "solver": proof.solver,
        **first,
        **({"stated_without": beside} if beside else {}),
        **({"left_open": list(missing)} if missing else {}),
    }
    files["report.md"] = report_of(manifest).encode()
    manifest["files"] = {name: digest(content) for name, content in sorted(files.items())}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _part(proof: Proof, files: dict[str, bytes], tell: Callable[[str], None], keep_cnf: bool) -> dict[str, Any]:
    """What is claimed of the properties that are stated without the same faults; the files that show it are added."""
    sizes: list[dict[str, Any]] = []
    under = folder_of(proof.without)
    for size in proof.sizes:
        if not size.proved:
            continue
        name = label(size.size)
        for one in size.answers:
            files[f"{under}{name}/{one.file.name}.smt2"] = one.file.text.encode()
        refuted, left_out = _refutations(proof, size, files, tell, keep_cnf)
        sizes.append(
            {
                "size": name,
                "description": size.description,
                "obligations": [
                    {
                        "name": one.file.name,
                        "title": one.file.title,
                        "goals": _goals(one, size.uses.get(one.file.name, {})),
                        "seconds": round(one.seconds, 3),
                    }
                    for one in size.answers
                ],
                "refuted_propositionally": refuted,
                "not_propositional": left_out,
            }
        )
    time = time_to_json(proof.setting(None).protocol.clocks, proof.assumptions.left)
    return {
        **({"time": time} if time else {}),
        "proved": [label(size.size) for size in proof.sizes if size.proved],
        "properties": list(statement(proof)),
        "invariant": list(proof.clauses),
        "sizes": sizes,
    }


def _goals(one: Answered, uses: Uses) -> list[dict[str, Any]]:
    return [
        {"name": goal, "answer": answer, **({"uses": list(uses[goal])} if goal in uses else {})}
        for goal, answer in zip(one.file.goals, one.answers, strict=True)
    ]


def _refutations(
    proof: Proof, size: SizeProof, files: dict[str, bytes], tell: Callable[[str], None], keep_cnf: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """The refutations of one size, by obligation the hash of its clauses; and why there is none of some."""
    setting = proof.setting(size.size)
    goals = tuple(propositional(setting, proof.clauses, size.uses))
    refuted: dict[str, str] = {}
    left_out: dict[str, str] = {}
    every = forked(lambda index: _refuted(setting, *goals[index][1:]), range(len(goals)))
    for (name, _, _), made in zip(goals, every, strict=True):
        if isinstance(made, str):
            left_out[name] = made
            continue
        text, steps = made
        place = f"{folder_of(proof.without)}{label(size.size)}/{name}"
        files[f"{place}.drup"] = steps
        if keep_cnf:
            files[f"{place}.cnf"] = text
        refuted[name] = digest(text)
    if refuted:
        tell(f"{size.description}: {len(refuted)} of {len(refuted) + len(left_out)} goals refuted propositionally, too")
    return refuted, left_out


def _refuted(setting: Setting, title: str, obligation: Obligation) -> tuple[bytes, bytes] | str:
    """The clauses of a goal and a refutation of them, or why there is none."""
    try:
        clauses, meaning = clauses_of(setting, obligation)
    except Unprovable as problem:
        return problem.reason
    steps = refute(clauses)
    if steps is None:
        return "its clauses can be satisfied: instances with more numbers would be needed"
    return write_dimacs(clauses, (title, *meaning)).encode(), write_drup(steps).encode()


def report_of(manifest: dict[str, Any]) -> str:
    """What a manifest says, in words."""
    network = ", ".join(name for name, has in manifest["network"].items() if has) or "reliable"
    faults = ", ".join(map(_fault, manifest["faults"]))
    beside = manifest.get("stated_without", [])
    proved = _proved(manifest)
    missing = manifest.get("left_open", [])
    some = "some properties " if missing else ""
    named = "; ".join(dict.fromkeys(size for part in (manifest, *beside) for size in _proved(part)))
    lines = [
        f"# {manifest['protocol']}: {some}proved for {named}",
        "",
        f"- Spec: sha256 {manifest['spec_sha256']}",
        f"- Network: {network}. Faults: {faults or 'none'}. No bound on numbers, steps or messages.",
        *(f"- {line[:1].upper()}{line[1:]}." for line in manifest.get("time", [])),
        f"- Proved for: {named}. Nothing is said of other sizes.",
        f"- Solver: {manifest['solver']}. Made by {manifest['made_by']}.",
        *(f"- NOT proved: {line}." for line in missing),
        "",
    ]
    if proved:
        lines += _told(manifest, f"What holds in every reachable state of the model with {' or '.join(proved)}")
    for part in beside:
        without = ", ".join(part["without"])
        sizes = " or ".join(_proved(part))
        lines += _told(part, f"What holds where there is no {without}, in every reachable state with {sizes}")
        lines += [f"Supposed there, beside what is said above: no {without} ever happens.", ""]
        if part.get("time", []) != manifest.get("time", []):
            lines += [*(f"- {line[:1].upper()}{line[1:]}." for line in part.get("time", [])), ""]
    lines += [
        "To check it again, with another solver: `oneleader recheck` and the name of this folder.",
        "",
        "It is about the model: the spec under this network and these faults. It says nothing of a machine, a disk, a",
        "compiler or a program; and nothing of what happens at last, for it is about safety alone.",
    ]
    return "\n".join(lines) + "\n"


def _fault(fault: dict[str, Any]) -> str:
    of = f" of {fault['of']}" if "of" in fault else ""
    return f"{fault['kind']}{of}" + ("" if fault["up_to"] is None else f" up to {fault['up_to']}")


def _proved(part: dict[str, Any]) -> list[str]:
    return [size["description"] for size in part["sizes"] if size["size"] in part["proved"]]


def _told(part: dict[str, Any], heading: str) -> list[str]:
    """The properties, the invariant and the obligations of a part."""
    also = "and of " if part["invariant"] else ""
    lines = [
        f"## {heading}",
        "",
        *(f"- {line}" for line in part["properties"]),
        "",
        "## The invariant",
        "",
        f"`proof.elect` holds it. It consists of {''.join(f'`{one}`, ' for one in part['invariant'])}{also}what",
        "the encoding takes for granted of a state (types, positions in queues), which is proved with it.",
        "",
        "## Obligations",
        "",
        "| size | obligations | goals | shown | refuted propositionally, too | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for size in part["sizes"]:
        answers = [goal["answer"] for one in size["obligations"] for goal in one["goals"]]
        seconds = sum(one["seconds"] for one in size["obligations"])
        cells = (len(answers), answers.count(UNSAT), len(size["refuted_propositionally"]), f"{seconds:.2f}")
        lines.append(f"| {size['description']} | {len(size['obligations'])} | {' | '.join(map(str, cells))} |")
    return [*lines, ""]
