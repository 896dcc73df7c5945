"""`oneleader fmt`, `new` and `show` as people run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spec.template import new_spec

ROOT = Path(__file__).parents[2]
RAFT = ROOT / "spec" / "protocols" / "raft.elect"
DONE, DIFFERENT, BAD_INPUT = 0, 1, 2


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "oneleader", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )


def test_fmt_rewrites_what_is_not_canonical_and_says_so(tmp_path: Path) -> None:
    untidy, tidy = tmp_path / "untidy.elect", tmp_path / "tidy.elect"
    untidy.write_text("protocol  a\nnetwork:loss,reordering\n", encoding="utf-8")
    tidy.write_text("protocol a\n", encoding="utf-8")
    done = run("fmt", "untidy.elect", "tidy.elect", folder=tmp_path)
    assert (done.returncode, done.stdout.decode()) == (DONE, "untidy.elect rewritten\n")
    assert untidy.read_text(encoding="utf-8") == "protocol a\n\nnetwork: loss, reordering\n"
    assert tidy.read_text(encoding="utf-8") == "protocol a\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tidy.elect", "untidy.elect"]


def test_fmt_check_changes_nothing_and_fails(tmp_path: Path) -> None:
    (tmp_path / "a.elect").write_text("protocol  a\n", encoding="utf-8")
    done = run("fmt", "--check", "a.elect", folder=tmp_path)
    assert (done.returncode, done.stdout.decode()) == (DIFFERENT, "a.elect is not in canonical form\n")
    assert (tmp_path / "a.elect").read_text(encoding="utf-8") == "protocol  a\n"


def test_fmt_check_passes_the_shipped_specs() -> None:
    specs = [str(path) for folder in ("protocols", "broken") for path in (ROOT / "spec" / folder).glob("*.elect")]
    done = run("fmt", "--check", *specs, folder=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (DONE, b"", b"")


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfprotocol a\n", b"protocol a\r\n", b"protocol a", b"\n\nprotocol a  \n"]
)
def test_fmt_takes_away_what_editors_leave(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.elect").write_bytes(content)
    assert run("fmt", "--check", "a.elect", folder=tmp_path).returncode == DIFFERENT
    assert run("fmt", "a.elect", folder=tmp_path).returncode == DONE
    assert (tmp_path / "a.elect").read_bytes() == b"protocol a\n"


def test_fmt_leaves_what_it_cannot_read_and_does_the_rest(tmp_path: Path) -> None:
    (tmp_path / "wrong.elect").write_text("protocol  a\non start\n    pass\n", encoding="utf-8")
    (tmp_path / "right.elect").write_text("protocol  a\n", encoding="utf-8")
    done = run("fmt", "wrong.elect", "right.elect", folder=tmp_path)
    assert done.returncode == BAD_INPUT
    assert b"error[E0101]: `:` is missing\n --> wrong.elect:2:9\n" in done.stderr
    assert b"Traceback" not in done.stderr
    assert (tmp_path / "wrong.elect").read_text(encoding="utf-8") == "protocol  a\non start\n    pass\n"
    assert (tmp_path / "right.elect").read_text(encoding="utf-8") == "protocol a\n"


@pytest.mark.parametrize("command", ["fmt", "show"])
def test_files_that_cannot_be_read_are_told(tmp_path: Path, command: str) -> None:
    (tmp_path / "binary.elect").write_bytes(b"protocol \xff\n")
    for name in ("binary.elect", "missing.elect"):
        done = run(command, name, folder=tmp_path)
        assert done.returncode == BAD_INPUT
        assert done.stderr.startswith(b"oneleader: ")
        assert b"Traceback" not in done.stderr


def test_new_writes_a_spec_that_is_right(tmp_path: Path) -> None:
    done = run("new", "lighthouse", folder=tmp_path)
    assert (done.returncode, done.stdout.decode()) == (
        DONE,
        "lighthouse.elect written; try: oneleader check lighthouse.elect\n",
    )
    assert (tmp_path / "lighthouse.elect").read_text(encoding="utf-8") == new_spec("lighthouse")
    assert run("fmt", "--check", "lighthouse.elect", folder=tmp_path).returncode == DONE


def test_new_never_writes_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.elect").write_text("mine", encoding="utf-8")
    done = run("new", "a", folder=tmp_path)
    assert done.returncode == BAD_INPUT
    assert b"a.elect is there already" in done.stderr
    assert (tmp_path / "a.elect").read_text(encoding="utf-8") == "mine"


def test_new_refuses_what_is_no_name(tmp_path: Path) -> None:
    done = run("new", "My-Protocol", folder=tmp_path)
    assert done.returncode == BAD_INPUT
    assert b"`my_protocol` would do" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_show_prints_the_text_as_it_is(tmp_path: Path) -> None:
    done = run("show", str(RAFT), folder=tmp_path)
    assert (done.returncode, done.stderr) == (DONE, b"")
    assert done.stdout.decode() == RAFT.read_text(encoding="utf-8")


def test_show_prints_what_is_wrong_all_the_same(tmp_path: Path) -> None:
    text = 'on start [red]:reset "x\n'
    (tmp_path / "wrong.elect").write_text(text, encoding="utf-8")
    assert run("show", "wrong.elect", folder=tmp_path).stdout.decode() == text
