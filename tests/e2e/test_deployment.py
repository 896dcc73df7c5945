"""`--with-deployment` as a person uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("z3", reason="what is emitted is proved with Z3")

ROOT = Path(__file__).parents[2]
FILES = {
    "Dockerfile",
    "compose.node.toml",
    "compose.yaml",
    "kubernetes.yaml",
    "node.example.toml",
    "raft-election.service",
}


def run(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "oneleader", command, "spec/protocols/raft.elect", "--quiet", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, cwd=ROOT, check=False)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_wheel_and_what_deploys_it_may_share_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "dist"
    arguments = ("--out", str(out), "--version", "1.0", "--with-deployment", str(out))
    done = run("bundle", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert names(out) == FILES | {"raft_election-1.0-py3-none-any.whl"}


def test_what_was_changed_by_hand_is_not_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "deploy" / "Dockerfile"
    mine.parent.mkdir()
    mine.write_text("mine\n", encoding="utf-8")
    done = run("generate", "--out", str(tmp_path / "raft"), "--with-deployment", str(mine.parent))
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert names(tmp_path) == {"deploy"}
    assert (names(mine.parent), mine.read_text(encoding="utf-8")) == ({"Dockerfile"}, "mine\n")


@pytest.mark.parametrize("folder", ["raft", "raft/deploy", "no/folder"])
def test_a_folder_that_cannot_be_is_refused(folder: str, tmp_path: Path) -> None:
    done = run("generate", "--out", str(tmp_path / "raft"), "--with-deployment", str(tmp_path / folder))
    assert done.returncode == 2
    assert "--with-deployment: " in done.stderr
    assert names(tmp_path) == set()


def test_a_package_and_what_deploys_it(tmp_path: Path) -> None:
    done = run("generate", "--out", str(tmp_path / "raft"), "--with-deployment", str(tmp_path / "deploy"))
    assert (done.returncode, done.stderr) == (0, "")
    assert names(tmp_path / "deploy") == FILES
