"""`oneleader generate` as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from oneleader.generate import Request
from oneleader.generate import run as run_here

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "runtime"
RAFT = "spec/protocols/raft.elect"
DONE, BAD_INPUT = 0, 2
EMITTED = {"__init__.py", "__main__.py", "messages.py", "node.py"}
FILES = EMITTED | {f"runtime/{path.relative_to(RUNTIME).as_posix()}" for path in RUNTIME.rglob("*.py")}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oneleader", "generate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def test_the_package_is_written_and_stands_alone(tmp_path: Path) -> None:
    out = tmp_path / "elected"
    done = run(RAFT, "--out", str(out))
    assert (done.returncode, done.stderr) == (DONE, "")
    assert "every emitted step is the spec's" in done.stdout
    assert files(out) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["elected"]
    child = (
        "import sys, elected.node as node\n"
        "everyone = {'node': frozenset({0, 1, 2})}\n"
        "process = node.PROCESS\n"
        "step = process.start(0, everyone, process.initial(everyone))\n"
        "step = process.timeout(0, everyone, step.state, 'election')\n"
        "print(step.state.role, [one.to for one in step.effects if hasattr(one, 'to')])\n"
        "print(sorted({'spec', 'modelcheck', 'codegen', 'oneleader', 'runtime', 'z3', 'lark'} & set(sys.modules)))\n"
        "print(sorted({name.split('.')[0] for name in sys.modules if 'elected' in name}))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-c", child],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout.split("\n")[:3] == ["candidate [1, 2]", "[]", "['elected']"]


def test_a_package_is_written_over_an_older_one(tmp_path: Path) -> None:
    out = tmp_path / "elected"
    assert run(RAFT, "--out", str(out), "--quiet").returncode == DONE
    (out / "left_over.py").write_text("", encoding="utf-8")
    done = run("spec/protocols/lock_service.elect", "--out", str(out), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")
    kinds = {"client.py", "lock_service.py", "storage.py"}
    assert files(out) == FILES - {"node.py"} | kinds
    assert [path.name for path in tmp_path.iterdir()] == ["elected"]


def test_a_package_is_known_however_much_its_spec_says_of_itself(tmp_path: Path) -> None:
    spec = tmp_path / "small.elect"
    said = "word " * 200
    spec.write_text(
        f'protocol small\n"{said}"\nprocess node:\n    x: bool = false\ncheck one: 1 node\n', encoding="utf-8"
    )
    for _ in range(2):
        assert run(str(spec), "--out", str(tmp_path / "elected")).returncode == DONE


def test_an_older_package_that_was_left_over_is_in_nobodys_way(tmp_path: Path) -> None:
    """A run that was killed may leave one behind."""
    out = tmp_path / "elected"
    assert run(RAFT, "--out", str(out), "--quiet").returncode == DONE
    (tmp_path / ".elected.before").mkdir()
    (tmp_path / ".elected.before" / "messages.py").touch()
    assert run(RAFT, "--out", str(out), "--quiet").returncode == DONE


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    out = tmp_path / "elected"
    out.mkdir()
    assert run(RAFT, "--out", str(out), "--quiet").returncode == DONE
    assert files(out) == FILES


def test_the_runtime_may_be_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "elected"
    assert run(RAFT, "--out", str(out), "--quiet", "--runtime-from", "runtime").returncode == DONE
    assert files(out) == EMITTED
    for name in files(out):
        assert (out / name).read_bytes() == (ROOT / "generated/raft" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "said"),
    [("no-name", "no name of a Python package"), ("class", "no name"), ("1st", "no name"), ("not/there", "no folder")],
)
def test_a_folder_that_can_be_no_package_is_refused(name: str, said: str, tmp_path: Path) -> None:
    done = run(RAFT, "--out", str(tmp_path / name))
    assert done.returncode == BAD_INPUT
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "elected"
    out.mkdir()
    for name, text in (("notes.txt", "mine"), ("messages.py", "# mine, too\n")):
        (out / name).write_text(text, encoding="utf-8")
        done = run(RAFT, "--out", str(out))
        assert (done.returncode, done.stdout) == (BAD_INPUT, "")
        assert "holds other files" in done.stderr
        assert (out / name).read_text(encoding="utf-8") == text
    assert {path.name for path in out.iterdir()} == {"notes.txt", "messages.py"}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "elected"
    out.write_text("mine", encoding="utf-8")
    done = run(RAFT, "--out", str(out))
    assert done.returncode == BAD_INPUT
    assert "no folder" in done.stderr
    assert out.read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="whoever may write anywhere is not refused")
def test_nothing_is_left_where_nothing_may_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        done = run(RAFT, "--out", str(tmp_path / "elected"))
    finally:
        tmp_path.chmod(0o700)
    assert done.returncode == BAD_INPUT
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_emitted_is_said(tmp_path: Path) -> None:
    spec = tmp_path / "twice.elect"
    spec.write_text(
        "protocol p\nprocess node:\n    b: bool = false\nmessage one_two()\nmessage OneTwo()\n"
        "action a:\n    broadcast one_two()\n    broadcast OneTwo()\non one_two() from n:\n    b := true\n"
        "on OneTwo() from n:\n    b := false\nnetwork: loss\ncheck small: 2 nodes, channel <= 1\n",
        encoding="utf-8",
    )
    done = run(str(spec), "--out", str(tmp_path / "elected"))
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert "no node is emitted from messages `one_two` and `OneTwo`" in done.stderr
    assert not (tmp_path / "elected").exists()


def test_a_spec_with_a_mistake_is_told(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.elect"
    spec.write_text("protocol p\nprocess node:\n    b: bool = 3\n", encoding="utf-8")
    done = run(str(spec), "--out", str(tmp_path / "elected"))
    assert done.returncode == BAD_INPUT
    assert done.stderr
    assert not (tmp_path / "elected").exists()


def test_an_older_package_stays_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "elected"
    out.mkdir()
    (out / "messages.py").write_text("# by Oneleader\n", encoding="utf-8")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if Path(target) == out and ".before" not in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(typer.Exit):
        run_here(Request(ROOT / RAFT, out, quiet=True))
    assert [path.name for path in tmp_path.iterdir()] == ["elected"]
    assert (out / "messages.py").read_text(encoding="utf-8") == "# by Oneleader\n"


@pytest.mark.parametrize("command", ["generate", "bundle", "simulate", "demo"])
def test_what_is_not_installed_is_told(command: str, tmp_path: Path) -> None:
    (tmp_path / "jinja2.py").write_text('raise ModuleNotFoundError("No module named \'jinja2\'", name="jinja2")\n')
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    out = ["--out", str(tmp_path / "made")] if command in ("generate", "bundle") else []
    line = [sys.executable, "-m", "oneleader", command, str(RAFT), *out]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr == "oneleader: jinja2 is not installed, and this needs it: pip install 'oneleader[generate]'\n"
    assert not (tmp_path / "made").exists()
