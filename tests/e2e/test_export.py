"""`oneleader export` as a person runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tlc import needs_tlc, run_tlc

ROOT = Path(__file__).parents[2]
DUEL = "tests/codegen/duel.elect"
NOTHING = "protocol p\nprocess node:\n    b: bool = false\naction a:\n    b := not b\ncheck small: 2 nodes\n"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oneleader", "export", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)


def test_an_inductive_export_comes_beside_the_plain_one(tmp_path: Path) -> None:
    plain = run(DUEL, "--to", "tla", "--out", str(tmp_path / "plain"))
    found = run(DUEL, "--to", "tla", "--inductive", "--out", str(tmp_path / "both"))
    assert (plain.returncode, found.returncode, found.stderr) == (0, 0, "")
    names = ["duel.tla", "duel.cfg", "duel_inductive.tla", "duel_inductive_init.cfg", "duel_inductive_step.cfg"]
    assert [Path(line).name for line in found.stdout.splitlines()] == names
    for name in names[:2]:
        assert (tmp_path / "both" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


@needs_tlc
@pytest.mark.slow
def test_what_prove_finds_is_inductive_for_tlc(tmp_path: Path) -> None:
    """The whole way: a spec without an invariant is proved; TLC goes through the states of what was found."""
    text = (ROOT / DUEL).read_text(encoding="utf-8")
    bare = tmp_path / "bare.elect"
    bare.write_text(text[: text.index("invariant ")], encoding="utf-8")
    command = [sys.executable, "-m", "oneleader", "prove", str(bare), "--quiet", "--out", str(tmp_path / "proof")]
    assert subprocess.run(command, capture_output=True, timeout=300, cwd=ROOT, check=False).returncode == 0
    spec = tmp_path / "proof" / "proof.elect"
    done = run(str(spec), "--to", "tla", "--inductive", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    module = (tmp_path / "duel_inductive.tla").read_text(encoding="utf-8")
    assert "invariant clause_1" in module
    for check in ("init", "step"):
        result = run_tlc(module, (tmp_path / f"duel_inductive_{check}.cfg").read_text(encoding="utf-8"))
        assert not result.violated, result.output


def test_a_spec_without_clauses_of_an_invariant_is_exported_with_a_word_about_it() -> None:
    done = run("spec/protocols/raft.elect", "--to", "tla", "--inductive")
    assert done.returncode == 0
    assert "has no `invariant`" in done.stderr
    assert "prove --invariant" in done.stderr
    assert "IndInv ==" in done.stdout


def test_only_tla_has_inductive_checks() -> None:
    done = run(DUEL, "--to", "murphi", "--inductive")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--to tla" in done.stderr


def test_a_spec_of_which_nothing_is_to_hold_is_refused(tmp_path: Path) -> None:
    spec = tmp_path / "p.elect"
    spec.write_text(NOTHING, encoding="utf-8")
    done = run(str(spec), "--to", "tla", "--inductive")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no invariant to check" in done.stderr


@pytest.mark.parametrize("to", ["murphi", "tla"])
def test_what_is_stated_without_a_fault_is_left_out_where_there_is_that_fault(to: str) -> None:
    done = run("spec/protocols/lease.elect", "--to", to)
    told = "left out: one_believes, stated without pause (spec/protocols/lease.elect:"
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"oneleader: {told}")
    assert done.stderr.endswith("; --faults 'none' is for it\n")
    assert told in done.stdout
    assert "faults: pause of client\n" in done.stdout
    other = run("spec/protocols/lease.elect", "--to", to, "--faults", "none")
    assert (other.returncode, other.stderr) == (0, "")
    assert "left out" not in other.stdout
    assert "one_believes" in other.stdout


def test_time_is_another_where_it_is_said_to_be() -> None:
    done = run(
        "spec/protocols/lease.elect", "--to", "murphi", "--faults", "drift", "--timed", "lease 30 s, drift 1 in 2"
    )
    assert done.returncode == 0, done.stderr
    assert "clocks run up to 1 in 2 too fast or too slow" in done.stdout
    assert "lease 20 s to 1 min; pace: any time" in done.stdout
    refused = run("spec/protocols/raft.elect", "--to", "murphi", "--timed", "tick 1 s")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the spec is not `timed`" in refused.stderr
