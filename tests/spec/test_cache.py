"""What is kept between runs: it saves time, and nothing depends on it."""

from pathlib import Path

import pytest

from spec import parser
from spec.cache import writable_cache
from spec.check import check
from spec.source import Source

SPEC = "protocol p\n\nprocess node:\n    ready: bool = false\n\naction go:\n    ready := true\n\ncheck one: 2 nodes\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ONELEADER_CACHE", str(tmp_path))
    parser._lark.cache_clear()
    return tmp_path


def test_the_parser_s_tables_are_kept_and_used(folder: Path) -> None:
    first = check(Source("p.elect", SPEC))[0]
    (kept,) = folder.glob("grammar-*.tables")
    before = kept.stat().st_mtime_ns
    parser._lark.cache_clear()
    assert check(Source("p.elect", SPEC))[0] == first
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_damaged_tables_are_made_again(folder: Path, content: bytes | None) -> None:
    check(Source("p.elect", SPEC))
    (kept,) = folder.glob("grammar-*.tables")
    kept.write_bytes(kept.read_bytes()[:-100] if content is None else content)
    parser._lark.cache_clear()
    assert check(Source("p.elect", SPEC))[0].name == "p"


def test_a_cache_that_cannot_be_written_to_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ONELEADER_CACHE", str(tmp_path / "file"))
    assert writable_cache() != tmp_path / "file"
    assert writable_cache().is_dir()
