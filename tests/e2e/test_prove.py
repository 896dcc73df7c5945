"""`oneleader prove` and `oneleader recheck` as a person runs them: what goes wrong is said in a line or two."""

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


def test_a_step_that_breaks_a_clause_is_drawn_and_not_called_reachable(tmp_path: Path) -> None:
    text = (ROOT / "tests" / "modelcheck" / "proof" / "raft_with_invariant.elect").read_text()
    weak = text.replace("n != o and n.term <= t implies n.voted_for == o", "n != o implies t <= n.term")
    assert weak != text
    spec = tmp_path / "weak.elect"
    spec.write_text(weak)
    found = run("prove", str(spec), "--no-search", "--sizes", "3", "--quiet")
    assert found.returncode == 3, found.stderr
    assert "necessarily reachable" in found.stdout
    assert "raft: unknown" in found.stdout


def test_a_proof_from_nothing_is_rechecked_and_its_spec_is_one_like_any(tmp_path: Path) -> None:
    spec, folder = str(ROOT / "spec" / "protocols" / "lock_service.elect"), str(tmp_path / "certificate")
    found = run("prove", spec, "--sizes", "any", "--out", folder, "--quiet")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "lock_service: proved for any number of clients, 1 lock_service, 1 storage" in found.stdout
    rechecked = run("recheck", folder, spec)
    assert rechecked.returncode == 0, rechecked.stdout + rechecked.stderr
    assert "lock_service: the certificate holds" in rechecked.stdout
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
