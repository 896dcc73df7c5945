"""Properties that are stated without some faults: each is proved under its own assumptions; a certificate that claims
more is found out."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelcheck.proof.certificate import MANIFEST, save
from modelcheck.proof.prove import Proof, Wanted, prove, statement
from modelcheck.proof.recheck import NoCertificate
from modelcheck.proof.verdict_json import proof_to_json
from spec.check import check
from spec.protocol import FaultKind
from spec.source import Source
from tests.modelcheck.proof.test_certificate import changed, rechecked

pytest.importorskip("z3")
pytest.importorskip("cvc5")

WATCHDOG = """protocol watchdog

process node:
    missed: bool = false
    turns: nat = 0
    timer beat: 1 s
    timer wait: 3 s

on start:
    reset beat
    reset wait

on timeout beat:
    turns := turns + 1
    reset beat
    reset wait

on timeout wait:
    missed := true

timed: tick 1 s
faults: pause of node, restart

step turns_go_up without restart: next(turns) >= turns
safety none_is_missed without pause: forall n in node: not n.missed
invariant the_beat_runs: forall n in node: n.armed(beat)
invariant the_beat_comes_first without pause:
    forall n in node: n.armed(wait) and n.elapsed(wait) <= n.elapsed(beat)

check small: 2 nodes, turns <= 2
"""
PAUSE, RESTART = frozenset({FaultKind.PAUSE}), frozenset({FaultKind.RESTART})


def silent(_: str) -> None:
    pass


def proved(text: str, *sizes: int | None, search: bool = False) -> Proof:
    protocol, _ = check(Source("watchdog.elect", text))
    return prove(protocol, Wanted(sizes or (2, None), search=search, seconds=5.0), silent)


@pytest.fixture(scope="module")
def proof() -> Proof:
    return proved(WATCHDOG)


@pytest.fixture(scope="module")
def original(proof: Proof, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates") / "watchdog"
    save(proof, folder, "0", silent)
    return folder


@pytest.fixture
def certificate(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "certificate"))


def test_each_group_is_proved_under_its_own_faults(proof: Proof) -> None:
    assert proof.proved
    groups = {part.without: part for part in proof.parts}
    assert set(groups) == {frozenset(), PAUSE, RESTART}
    assert {fault.kind for fault in groups[PAUSE].assumptions.left} == {FaultKind.RESTART}
    names = {without: [line.split(":")[0] for line in statement(part)] for without, part in groups.items()}
    assert names[frozenset()] == ["failure", "the_beat_runs"]
    assert names[PAUSE] == ["none_is_missed", "the_beat_comes_first"]
    assert names[RESTART] == ["turns_go_up"]
    steps = {without: {one.file.title for one in part.sizes[0].answers} for without, part in groups.items()}
    assert any("crashes and restarts" in title for title in steps[PAUSE])
    assert not any("crashes and restarts" in title for title in steps[RESTART])


@pytest.mark.parametrize(
    ("without", "missing"),
    [("none_is_missed without pause", "none_is_missed"), ("turns_go_up without restart", "turns_go_up")],
)
def test_nothing_else_makes_them_true(without: str, missing: str) -> None:
    found = proved(WATCHDOG.replace(without, missing), 2)
    assert not found.proved
    assert missing in found.unproved


def test_what_is_supposed_is_named(proof: Proof, certificate: Path) -> None:
    told = proof_to_json(proof, False, "", None, 0.0)
    assert told["answer"] == "proved"
    assert [part["without"] for part in told["stated_without"]] == [["restart"], ["pause"]]
    assert told["faults"][0] == {"fault": "pause", "up_to": None, "of": "node"}
    assert "a pause lasts any time" in told["time"][0]
    report = (certificate / "report.md").read_text()
    assert "Faults: pause of node, restart." in report
    assert "## What holds where there is no pause, in every reachable state with 2 nodes or any number" in report
    assert (certificate / "without-pause" / "any" / "initial.smt2").is_file()


def test_a_true_certificate_is_confirmed(proof: Proof, certificate: Path) -> None:
    found = rechecked(certificate, proof.original, 20.0)
    assert found.holds, (found.wrong, found.open)
    assert "any number of nodes, without pause" in found.proved
    assert "NOT" not in found.assumptions


def test_a_certificate_says_which_properties_it_does_not_claim(tmp_path: Path) -> None:
    """That those it claims hold says nothing of the others."""
    unshown = WATCHDOG[: WATCHDOG.index("invariant the_beat_comes_first")] + "\ncheck small: 2 nodes, turns <= 2\n"
    save(proved(unshown), tmp_path / "part", "0", silent)
    found = rechecked(tmp_path / "part")
    assert found.holds, (found.wrong, found.open)
    assert found.left_open == ("none_is_missed (stated without pause), for 2 or any number",)
    assert [(claim.without, claim.properties) for claim in found.claims] == [
        ((), ("failure", "the_beat_runs")),
        (("restart",), ("turns_go_up",)),
    ]
    report = (tmp_path / "part" / "report.md").read_text()
    assert report.startswith("# watchdog: some properties proved for 2 nodes; any number of nodes\n")
    assert "- NOT proved: none_is_missed (stated without pause), for 2 or any number." in report
    changed(tmp_path / "part", lambda manifest: manifest.pop("left_open"))
    assert "what it says that it leaves open" in rechecked(tmp_path / "part").wrong[0]


def test_a_group_that_was_cut_out_is_missed(certificate: Path) -> None:
    changed(certificate, lambda manifest: manifest.pop("stated_without"))
    found = rechecked(certificate)
    assert "what it says that it leaves open is not what it leaves open of the spec" in found.wrong
    assert [line.split()[0] for line in found.left_open] == ["turns_go_up", "none_is_missed,"]


def dropped(manifest: dict[str, Any], kind: str) -> None:
    manifest["faults"] = [fault for fault in manifest["faults"] if fault["kind"] != kind]


def all_in_one(manifest: dict[str, Any]) -> None:
    for part in manifest["stated_without"]:
        manifest["properties"] += part["properties"]


def part_of(manifest: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(part for part in manifest["stated_without"] if part["without"] == [kind])


CLAIMS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (lambda m: dropped(m, "pause"), "the spec states nothing without just pause"),
    (lambda m: dropped(m, "restart"), "the properties that it lists are not those of the spec"),
    (lambda m: m["faults"][0].pop("of"), "NOT"),
    (lambda m: m["faults"][0].update(of="other"), "not what the spec says"),
    (lambda m: m["faults"][0].update(up_to=1), "is not the obligation that follows"),
    (all_in_one, "the properties that it lists are not those of the spec"),
    (lambda m: part_of(m, "pause").update(without=["pause", "restart"]), "states nothing without just pause, restart"),
    (lambda m: part_of(m, "pause").update(without=["drift"]), "states nothing without just drift"),
    (lambda m: part_of(m, "pause")["properties"].append("turns_go_up: next(turns) >= turns"), "properties"),
    (lambda m: part_of(m, "pause")["invariant"].remove("the_beat_comes_first"), "other obligations than the spec has"),
    (lambda m: m["invariant"].append("the_beat_comes_first"), "or not under these faults"),
    (lambda m: m.update(time=["clocks are true, and nobody is ever paused"]), "what it says of time"),
    (lambda m: part_of(m, "pause")["proved"].append("7"), "claims a proof for 7"),
]


@pytest.mark.parametrize(("change", "said"), CLAIMS)
def test_a_claim_of_more_is_found(change: Callable[[dict[str, Any]], None], said: str, certificate: Path) -> None:
    changed(certificate, change)
    found = rechecked(certificate, seconds=5.0)
    assert any(said in one for one in (*found.wrong, found.assumptions)), found.wrong
    assert not found.holds or said == "NOT"


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["stated_without"].append(m["stated_without"][0]),
        lambda m: m["stated_without"][0].update(without=[]),
        lambda m: m["stated_without"][0].update(without=["weather"]),
        lambda m: m["stated_without"][0].update(more=1),
    ],
)
def test_a_manifest_of_another_shape_is_none(change: Callable[[dict[str, Any]], object], certificate: Path) -> None:
    manifest = json.loads((certificate / MANIFEST).read_text())
    change(manifest)
    (certificate / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(NoCertificate):
        rechecked(certificate)


def test_a_clause_that_is_restricted_otherwise_in_the_proof_is_found(proof: Proof, tmp_path: Path) -> None:
    """The properties are those of the spec, with the faults that the spec leaves out."""
    stricter = WATCHDOG.replace("none_is_missed without pause", "none_is_missed")
    original, _ = check(Source("watchdog.elect", stricter))
    forged = replace(proof, original=original, beside=tuple(replace(p, original=original) for p in proof.beside))
    save(forged, tmp_path / "forged", "0", silent)
    assert not rechecked(tmp_path / "forged").holds


FOUND = """protocol votes

process node:
    voted_for: node? = none
    votes: set of node = {}
    leads: bool = false

message ask()
message vote()

action stand if voted_for == none:
    voted_for := self
    votes := {self}
    broadcast ask()

on ask() from candidate if voted_for in {none, candidate}:
    voted_for := candidate
    send vote() to candidate

on vote() from voter if voted_for == self:
    votes := votes + {voter}
    if votes == node:
        leads := true

network: loss, duplication, reordering
faults: restart

safety voters_are_known: forall n in node: n.leads implies n.leads
safety one_leads without restart: forall a, b in node: a.leads and b.leads implies a == b

check small: 3 nodes
"""


def test_what_is_found_for_a_group_is_written_down_with_its_faults(tmp_path: Path) -> None:
    found = proved(FOUND, 3, search=True)
    assert found.proved, [part.unproved for part in found.parts]
    (beside,) = found.beside
    assert beside.found
    assert all(" without restart" in clause.text for clause in beside.found)
    assert found.protocol is beside.protocol
    save(found, tmp_path / "found", "0", silent)
    again = rechecked(tmp_path / "found", found.original, 20.0)
    assert again.holds, (again.wrong, again.open)
