"""`oneleader prove` and `oneleader recheck` as a person runs them: what goes wrong is said in a line or two."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RAFT = str(ROOT / "spec" / "protocols" / "raft.elect")


def run(*arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oneleader", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=ROOT, check=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prove", "nowhere.elect"), "nowhere.elect"),
        (("prove", RAFT, "--sizes", "3,x"), "`x` is no size"),
        (("prove", RAFT, "--sizes", "3,3"), "named twice"),
        (("prove", RAFT, "--time", "0"), "--time"),
        (("prove", RAFT, "--faults", "crsh"), "crsh"),
        (("prove", RAFT, "--out", "docs"), "holds other files"),
        (("prove", RAFT, "--out", "README.md"), "README.md: Not a directory"),
        (("prove", RAFT, "--invariant", "docs"), "no file that can be written"),
        (("prove", RAFT, "--no-search", "--invariant", "found.elect"), "--no-search"),
        (("recheck", "docs", "--time", "nan"), "more than 0 seconds"),
        (("recheck", "docs"), "no certificate"),
        (("recheck", "nowhere"), "no certificate"),
    ],
)
def test_bad_input_is_told_and_ends_with_2(arguments: tuple[str, ...], said: str) -> None:
    found = run(*arguments)
    assert found.returncode == 2, found.stderr
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_interrupting_a_search_leaves_no_traceback() -> None:
    command = [sys.executable, "-m", "oneleader", "prove", RAFT]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        said = ""
        while "atoms" not in said:
            said = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
        assert process.returncode == 130
    assert "Traceback" not in rest


@pytest.mark.parametrize("missing", ["z3", "pysat"])
def test_a_missing_solver_is_told_before_the_work(missing: str, tmp_path: Path) -> None:
    (tmp_path / f"{missing}.py").write_text("raise ImportError\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "oneleader", "prove", RAFT, "--out", str(tmp_path / "certificate"), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "is not installed" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "certificate").exists()


def test_a_violated_spec_is_no_certificate_and_says_so(tmp_path: Path) -> None:
    spec = str(ROOT / "spec" / "broken" / "vote_forgotten.elect")
    found = run("prove", spec, "--out", str(tmp_path / "certificate"), "--quiet")
    assert found.returncode == 1
    assert "a property is violated, and no certificate is written" in found.stderr
    assert not (tmp_path / "certificate").exists()


def test_a_pasted_invariant_is_used_and_no_other_looked_for() -> None:
    spec = ROOT / "tests" / "modelcheck" / "proof" / "raft_with_invariant.elect"
    found = run("prove", str(spec), "--sizes", "3,any")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "own invariant" in found.stderr
    assert "candidates" not in found.stderr


def test_a_step_that_breaks_a_clause_is_drawn_and_not_called_reachable(tmp_path: Path) -> None:
    text = (ROOT / "tests" / "modelcheck" / "proof" / "raft_with_invariant.elect").read_text()
    weak = text.replace("n != o and n.term <= t implies n.voted_for == o", "n != o implies t <= n.term")
    assert weak != text
    spec = tmp_path / "weak.elect"
    spec.write_text(weak)
    found = run("prove", str(spec), "--no-search", "--sizes", "3", "--time", "1", "--quiet")
    assert found.returncode == 3, found.stderr
    assert found.stdout.splitlines()[1].startswith("not inductive: ")
    assert "necessarily reachable" in found.stdout
    assert "raft: unknown" in found.stdout


def test_a_proof_from_nothing_is_rechecked_and_its_spec_is_one_like_any(tmp_path: Path) -> None:
    spec, folder = str(ROOT / "spec" / "protocols" / "raft.elect"), str(tmp_path / "certificate")
    found = run("prove", spec, "--sizes", "any", "--out", folder, "--quiet")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "raft: proved for any number of nodes" in found.stdout
    rechecked = run("recheck", folder, spec)
    assert rechecked.returncode == 0, rechecked.stdout + rechecked.stderr
    assert "raft: the certificate holds" in rechecked.stdout
    again = f"{folder}/proof.elect"
    assert run("fmt", "--check", again).returncode == 0
    assert run("prove", again, "--no-search", "--sizes", "any", "--quiet").returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("protocol", sorted(path.stem for path in (ROOT / "spec" / "protocols").glob("*.elect")))
def test_every_shipped_protocol_is_proved_for_every_size(protocol: str, tmp_path: Path) -> None:
    spec, folder = str(ROOT / "spec" / "protocols" / f"{protocol}.elect"), str(tmp_path / "certificate")
    found = run("prove", spec, "--out", folder, "--quiet", seconds=900)
    assert found.returncode == 0, found.stdout + found.stderr
    rechecked = run("recheck", folder, spec, seconds=900)
    assert rechecked.returncode == 0, rechecked.stdout + rechecked.stderr
    again = f"{folder}/proof.elect"
    assert run("fmt", "--check", again).returncode == 0
    assert run("prove", again, "--no-search", "--sizes", "any", "--quiet", seconds=900).returncode == 0
