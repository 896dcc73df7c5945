"""Certificates: a true one is confirmed, and every way to tamper with one that was thought of is found out."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from errno import ENOSPC
from os import strerror
from pathlib import Path
from typing import Any

import pytest

from modelcheck.proof.certificate import MANIFEST, aside, digest, report_of, save
from modelcheck.proof.prove import HEADING, Wanted, prove
from modelcheck.proof.recheck import NoCertificate, Rechecked, recheck
from spec.check import check, load
from spec.protocol import Protocol
from spec.source import Source

SPEC = """protocol one_vote

"Whoever has a quorum of the only vote that there is leads, for ever."

process node:
    durable voted_for: node? = none
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
    if quorum(votes):
        leads := true

leader if leads with token 1, elected by {n in node if n.voted_for == self}

invariant sent: forall vote() from v to c: v.voted_for == c
invariant counted: forall n, m in node: m in n.votes implies m.voted_for == n
invariant leading: leads implies quorum({n in node if n.voted_for == self})
invariant led: forall n led with t: quorum({m in node if m.voted_for == n}) and t == 1

check small: 3 nodes
"""
faults = "faults: restart\n"


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return check(Source("one_vote.elect", SPEC))[0]


@pytest.fixture(scope="module")
def original(protocol: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates") / "one_vote"
    proof = prove(protocol, Wanted((3, None), search=False), _silent)
    assert proof.proved, proof.unproved
    save(proof, folder, "0", _silent)
    return folder


@pytest.fixture
def certificate(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "certificate"))


def _silent(_: str) -> None:
    pass


def rechecked(folder: Path, spec: Protocol | None = None, seconds: float = 1.0) -> Rechecked:
    return recheck(folder, spec, seconds, 2, _silent)


def changed(folder: Path, change: Callable[[dict[str, Any]], None], sealed: bool = True) -> None:
    """Changes the manifest and, if `sealed`, makes all hashes and the report fit again, as a forger would."""
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    if sealed:
        (folder / "report.md").write_text(report_of(manifest))
        names = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST]
        manifest["files"] = {name: digest((folder / name).read_bytes()) for name in names}
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_a_true_certificate_is_confirmed(certificate: Path, protocol: Protocol) -> None:
    found = rechecked(certificate, protocol, 20.0)
    assert found.holds, (found.wrong, found.open)
    assert found.proved == ("3 nodes", "any number of nodes")
    assert found.counted.obligations > 10
    assert found.counted.refutations > 5
    assert "NOT" not in found.assumptions


def test_cvc5_gives_its_own_proof_of_every_goal(certificate: Path, tmp_path: Path) -> None:
    found = recheck(certificate, None, 20.0, 2, _silent, tmp_path / "proofs")
    assert found.holds, (found.wrong, found.open)
    proofs = [path.read_text() for path in (tmp_path / "proofs").rglob("*.cpc")]
    assert len(proofs) == found.counted.goals
    assert all("(step " in proof or "(assume " in proof for proof in proofs)
    with pytest.raises(FileExistsError):
        recheck(certificate, None, 1.0, 2, _silent, tmp_path / "proofs")


@pytest.mark.parametrize("name", ["spec.elect", "proof.elect", "report.md", "3/initial.smt2", "any/step-01.smt2"])
def test_a_file_that_was_changed_is_found(certificate: Path, name: str) -> None:
    path = certificate / name
    path.write_text(path.read_text().replace("vote", "veto", 1) + "\n")
    assert any(name in one and "hash" in one for one in rechecked(certificate).wrong)


def test_a_missing_and_a_further_file_are_found(certificate: Path) -> None:
    (certificate / "3" / "initial.smt2").unlink()
    (certificate / "3" / "more.smt2").write_text("(check-sat)\n")
    wrong = rechecked(certificate).wrong
    assert "3/initial.smt2 is missing" in wrong
    assert "3/more.smt2 is not in the manifest" in wrong


def test_an_obligation_that_was_dropped_is_found_though_all_hashes_fit(certificate: Path) -> None:
    (certificate / "3" / "step-01.smt2").unlink()

    def drop(manifest: dict[str, Any]) -> None:
        size = manifest["sizes"][0]
        size["obligations"] = [one for one in size["obligations"] if one["name"] != "step-01"]

    changed(certificate, drop)
    assert any("3/step-01.smt2: the obligation is missing" in one for one in rechecked(certificate).wrong)


def test_an_obligation_that_was_made_easy_is_found(certificate: Path) -> None:
    path = certificate / "3" / "step-01.smt2"
    path.write_text(path.read_text().replace("(check-sat)", "(assert false)\n(check-sat)"))
    changed(certificate, lambda _: None)
    assert any("is not the obligation that follows from the spec" in one for one in rechecked(certificate).wrong)


def test_a_goal_that_was_dropped_is_found(certificate: Path) -> None:
    def drop(manifest: dict[str, Any]) -> None:
        size = next(size for size in manifest["sizes"] if size["size"] == "3")
        next(one for one in size["obligations"] if one["name"] == "step-02")["goals"].pop()

    changed(certificate, drop)
    assert any("lists other obligations than the spec has" in one for one in rechecked(certificate).wrong)


def test_hypotheses_that_are_not_enough_are_found(certificate: Path) -> None:
    def drop(manifest: dict[str, Any]) -> None:
        for size in manifest["sizes"]:
            for one in size["obligations"]:
                for goal in one["goals"]:
                    if goal["name"] == "leading" and "uses" in goal:
                        goal["uses"] = ["nothing_of_this_name"]

    changed(certificate, drop)
    found = rechecked(certificate)
    assert any("leading does not hold" in one for one in found.wrong), "even of the texts that it asks for"
    assert any("is not the obligation that follows from the spec" in one for one in found.wrong)


def test_a_clause_left_out_of_the_invariant_is_found(certificate: Path) -> None:
    changed(certificate, lambda manifest: manifest["invariant"].remove("counted"))
    assert not rechecked(certificate).holds


def test_a_certificate_of_another_spec_is_found(certificate: Path) -> None:
    other = check(Source("other.elect", SPEC + faults))[0]
    assert "the certificate is about another spec: the texts differ" in rechecked(certificate, other).wrong


def test_a_proof_about_another_protocol_than_the_spec_is_found(certificate: Path) -> None:
    path = certificate / "proof.elect"
    path.write_text(path.read_text().replace("if quorum(votes):", "if votes == node:"))
    changed(certificate, lambda _: None)
    assert any("proof.elect" in one for one in rechecked(certificate).wrong)


ENDS_IN_A_PROPERTY = """protocol tiny

process node:
    x: nat = 0

action up if x < 3:
    x := x + 1

check small: 2 nodes, x <= 3

safety small: x < 2
"""


@pytest.mark.parametrize(
    "more", ["    or true\n", "\n# no\n    or true\n\ninvariant fine: true\n", "  implies false\n"]
)
def test_a_proof_that_goes_on_with_the_last_property_is_found(more: str, tmp_path: Path) -> None:
    original = check(Source("tiny.elect", ENDS_IN_A_PROPERTY))[0]
    forged = check(Source("tiny.elect", f"{ENDS_IN_A_PROPERTY}\n{HEADING}\n{more}"))[0]
    proof = prove(forged, Wanted((2, None), search=False, seconds=2.0), _silent)
    save(replace(proof, original=original), tmp_path / "forged", "0", _silent)
    assert any(one.startswith("proof.elect") for one in rechecked(tmp_path / "forged").wrong)


def test_odd_line_breaks_in_a_comment_are_none(tmp_path: Path) -> None:
    text = ENDS_IN_A_PROPERTY.replace("x < 2", "x < 4  # a\u2028b\u2028c\x0cd")
    proof = prove(check(Source("tiny.elect", text))[0], Wanted((2, None), search=True), _silent)
    save(proof, tmp_path / "odd", "0", _silent)
    assert rechecked(tmp_path / "odd").holds


MALFORMED: list[Callable[[dict[str, Any]], object]] = [
    lambda m: m.update(made_by="oneleader 1\n- Proved for: everything"),
    lambda m: m.update(solver="z3\r\n"),
    lambda m: m.update(proved="3"),
    lambda m: m.update(more=1),
    lambda m: m["network"].update(loss="no"),
    lambda m: m["faults"].append({"kind": "restart", "up_to": "1"}),
    lambda m: m["faults"].append({"kind": "restart", "up_to": -1}),
    lambda m: m["faults"].append({"kind": "weather", "up_to": None}),
    lambda m: m["sizes"].append(m["sizes"][0]),
    lambda m: m["sizes"][0].update(size="03"),
    lambda m: m["sizes"][0].update(size=3),
    lambda m: m["sizes"][0]["obligations"][0]["goals"][0].update(uses="all"),
]


@pytest.mark.parametrize("change", MALFORMED)
def test_a_manifest_of_another_shape_is_none(change: Callable[[dict[str, Any]], object], certificate: Path) -> None:
    manifest = json.loads((certificate / MANIFEST).read_text())
    change(manifest)
    (certificate / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(NoCertificate):
        rechecked(certificate)


def test_a_claim_without_all_goals_shown_is_found(certificate: Path) -> None:
    changed(certificate, lambda m: m["sizes"][0]["obligations"][0]["goals"][0].update(answer="sat"))
    assert any("with goals that are not shown" in one for one in rechecked(certificate).wrong)


def test_a_certificate_that_claims_nothing_does_not_hold(certificate: Path) -> None:
    changed(certificate, lambda manifest: manifest.update(proved=[]))
    assert "it claims no proof of any size" in rechecked(certificate).wrong


def test_a_certificate_holds_the_sizes_that_are_proved(tmp_path: Path) -> None:
    text = SPEC.replace("invariant led:", "invariant few: forall n in node: size(n.votes) <= 9\n\ninvariant led:")
    proof = prove(check(Source("one_vote.elect", text))[0], Wanted((3, None), search=False), _silent)
    assert [one.proved for one in proof.sizes] == [True, False]
    save(proof, tmp_path / "part", "0", _silent)
    found = rechecked(tmp_path / "part", seconds=20.0)
    assert found.holds, (found.wrong, found.open)
    assert found.proved == ("3 nodes",)
    assert (tmp_path / "part" / "report.md").read_text().startswith("# one_vote: proved for 3 nodes\n")


def test_proofs_of_cvc5_are_not_put_into_the_certificate(certificate: Path) -> None:
    with pytest.raises(FileExistsError):
        recheck(certificate, None, 1.0, 2, _silent, certificate / "proofs")
    assert not (certificate / "proofs").exists()


def test_a_weaker_network_is_named(certificate: Path) -> None:
    changed(certificate, lambda manifest: manifest["network"].update(duplication=False))
    found = rechecked(certificate)
    assert "NOT those that the spec names" in found.assumptions
    assert not found.holds  # the obligations are other ones, too


def test_a_size_that_was_only_claimed_is_found(certificate: Path) -> None:
    changed(certificate, lambda manifest: manifest["proved"].append("7"))
    assert any("claims a proof for 7" in one for one in rechecked(certificate).wrong)


def test_a_certificate_without_obligations_shows_nothing(certificate: Path) -> None:
    shutil.rmtree(certificate / "3")
    shutil.rmtree(certificate / "any")
    changed(certificate, lambda manifest: manifest.update(sizes=[], proved=[]))
    assert "it has no obligations" in rechecked(certificate).wrong


def test_a_refutation_that_is_none_is_found(certificate: Path) -> None:
    path = next(p for p in sorted((certificate / "3").glob("step*.drup")) if p.read_text().count("\n") > 3)
    path.write_text("0\n")
    changed(certificate, lambda _: None)
    assert any(path.name in one and "is no refutation" in one for one in rechecked(certificate).wrong)


def test_a_refutation_that_was_dropped_is_found(certificate: Path) -> None:
    path = min((certificate / "3").glob("step-02.*.drup"))
    path.unlink()
    changed(certificate, lambda manifest: manifest["sizes"][0]["refuted_propositionally"].pop(path.stem))
    assert any("neither refuted propositionally nor left out" in one for one in rechecked(certificate).wrong)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"format": "oneleader-proof", "version": 2}'])
def test_what_is_no_certificate_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(NoCertificate):
        rechecked(tmp_path)


def test_an_empty_folder_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(NoCertificate):
        rechecked(tmp_path)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path, protocol: Protocol) -> None:
    (tmp_path / "precious").write_text("!")
    proof = prove(protocol, Wanted((3,), search=False), _silent)
    with pytest.raises(FileExistsError):
        save(proof, tmp_path, "0", _silent)
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_the_shipped_invariant_of_raft_is_one() -> None:
    path = Path(__file__).with_name("raft_with_invariant.elect")
    proof = prove(load(path)[0], Wanted((3, None), search=False), _silent)
    assert proof.proved, proof.unproved


@pytest.mark.parametrize("scratch", [None, "inside"])
def test_a_full_disk_leaves_what_was_there_and_is_told_of_the_folder(scratch: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "certificate"
    folder.mkdir()
    (folder / "older").write_text("!")

    def filled() -> None:
        with aside(folder) as made:
            (made / "half").write_text("?")
            raise OSError(ENOSPC, strerror(ENOSPC), None if scratch is None else str(made / scratch))

    with pytest.raises(OSError, match="No space left") as full:
        filled()
    assert full.value.filename == str(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["certificate"]
    assert [path.name for path in folder.iterdir()] == ["older"]


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "certificate"
    for name in ("older", "newer"):
        with aside(folder) as made:
            (made / name).write_text("!")
    assert [path.name for path in folder.iterdir()] == ["newer"]
    assert [path.name for path in folder.parent.iterdir()] == ["certificate"]


def test_what_another_file_lacks_is_told_of_that_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as lacking, aside(tmp_path / "certificate"):
        (tmp_path / "nowhere").read_text()
    assert lacking.value.filename == str(tmp_path / "nowhere")
