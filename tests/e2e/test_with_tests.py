"""`--with-tests` as a person uses it, and the tests as whoever receives them runs them."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from oneleader import with_tests
from oneleader.console import write

pytest.importorskip("z3", reason="what is emitted is proved with Z3")

ROOT = Path(__file__).parents[2]
RAFT = "spec/protocols/raft.elect"
OTHERS = sorted(path.stem for path in ROOT.glob("spec/protocols/*.elect") if path.stem != "raft")
LONG = ("prevote",)
FILES = {"conftest.py", "steps.ndjson", *(f"test_elected_{of}.py" for of in ("steps", "values", "runs"))}
DONE, BAD_INPUT = 0, 2
PASSED, FAILED, MISUSED = 0, 1, 4
"""What pytest says."""


def generate(*arguments: str, spec: str = RAFT, seed: str = "random") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oneleader", "generate", spec, "--quiet", *arguments]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT, env=environment, check=False)


def pytest_on(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The tests of a folder, run as by somebody who knows nothing of this project; what is in `site` is installed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "PYTEST"))}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=1", *arguments]
    return subprocess.run(
        [*command, str(folder)],
        cwd=folder.parent,
        env={**environment, "PYTHONPATH": str(folder.parent / "site")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def raft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of Raft's election, and its tests. It is not to be changed."""
    folder = tmp_path_factory.mktemp("raft")
    done = generate("--out", str(folder / "elected"), "--with-tests", str(folder / "tests"))
    assert (done.returncode, done.stdout, done.stderr) == (DONE, "", "")
    return folder


@pytest.fixture
def copy(raft: Path, tmp_path: Path) -> Path:
    """As `raft`, to be changed."""
    return Path(shutil.copytree(raft, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__", ".hypothesis")))


def change(folder: Path, before: str, after: str) -> None:
    """Changes one place of the emitted steps."""
    path = folder / "elected/node.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_a_package_passes_its_tests(raft: Path) -> None:
    assert names(raft / "tests") >= FILES
    ran = pytest_on(raft / "tests")
    assert ran.returncode == PASSED, ran.stdout
    assert "passed" in ran.stdout


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in OTHERS])
def test_the_package_of_each_protocol_passes_its_tests(name: str, tmp_path: Path) -> None:
    spec = f"spec/protocols/{name}.elect"
    done = generate("--out", str(tmp_path / "elected"), "--with-tests", str(tmp_path / "tests"), spec=spec)
    assert (done.returncode, done.stderr) == (DONE, "")
    assert (names(tmp_path), names(tmp_path / "tests")) == ({"elected", "tests"}, FILES)
    ran = pytest_on(tmp_path / "tests")
    assert ran.returncode == PASSED, ran.stdout


def test_the_tests_import_nothing_but_the_package_and_what_they_name(raft: Path) -> None:
    allowed = {"msgspec", "pytest", "hypothesis", "elected", *sys.stdlib_module_names}
    for path in (raft / "tests").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in allowed


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("steps", "if t < now.term:", "if t <= now.term:", "steps.ndjson:"),
        ("steps", "now.voted_for = candidate\n", "pass\n", "steps.ndjson:"),
        ("values", '    durable=(\n        "term",\n', "    durable=(\n", "DURABLE"),
        ("values", "        voted_for=state.voted_for,\n    )", "    )", "voted_for"),
        ("runs", "return 2 * len(s) > len(now.everyone", "return 9 * len(s) > len(now.everyone", "TwoLeaders"),
    ],
)
def test_a_mistake_in_the_package_is_found(copy: Path, file: str, before: str, after: str, said: str) -> None:
    change(copy, before, after)
    for path in (copy / "tests").glob("test_*.py"):  # no smaller example is waited for, and luck is not needed
        text = path.read_text(encoding="utf-8").replace("deadline=None", "deadline=None, phases=[Phase.generate]")
        text = text.replace("max_examples=100)", "max_examples=2000)")
        path.write_text(text.replace("import HealthCheck", "import HealthCheck, Phase"), encoding="utf-8")
    ran = pytest_on(copy / "tests", "-k", f"test_elected_{file}")
    assert ran.returncode == FAILED
    assert said in ran.stdout


def test_a_package_that_is_not_there_is_told(copy: Path) -> None:
    (copy / "elected").rename(copy / "elsewhere")
    ran = pytest_on(copy / "tests")
    assert ran.returncode == MISUSED
    assert "No module named 'elected'" in ran.stderr
    assert f"is looked for in {copy}" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_tests_are_about_an_installed_package_where_there_is_none_beside_them(copy: Path) -> None:
    (copy / "site").mkdir()
    (copy / "elected").rename(copy / "site/elected")
    assert pytest_on(copy / "tests", "-k", "steps").returncode == PASSED


def test_a_package_of_another_spec_is_told(copy: Path) -> None:
    path = copy / "elected/messages.py"
    path.write_text(path.read_text(encoding="utf-8").replace('SPEC_SHA256 = "', 'SPEC_SHA256 = "0'), encoding="utf-8")
    ran = pytest_on(copy / "tests", "-k", "steps")
    assert ran.returncode == FAILED
    assert "generate both again, together" in ran.stdout


def test_the_runtime_may_be_elsewhere_and_so_may_the_tests(tmp_path: Path) -> None:
    out, folder = tmp_path / "lib/elected", tmp_path / "a/tests"
    out.parent.mkdir()
    folder.parent.mkdir()
    done = generate("--out", str(out), "--with-tests", str(folder), "--runtime-from", "common.runtime")
    assert (done.returncode, done.stderr) == (DONE, "")
    for path in (ROOT / "runtime").rglob("*.py"):
        target = tmp_path / "lib/common/runtime" / path.relative_to(ROOT / "runtime")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8").replace("from runtime", "from common.runtime")
        target.write_text(text, encoding="utf-8")
    ran = pytest_on(folder, "-k", "steps or messages_survive")
    assert ran.returncode == PASSED, ran.stdout + ran.stderr


def test_other_files_are_not_written_over(tmp_path: Path) -> None:
    mine = tmp_path / "tests/conftest.py"
    mine.parent.mkdir()
    mine.write_text("mine = True\n", encoding="utf-8")
    done = generate("--out", str(tmp_path / "elected"), "--with-tests", str(mine.parent))
    assert done.returncode == BAD_INPUT
    assert "conftest.py is there already, and is not written over" in done.stderr
    assert names(tmp_path) == {"tests"}
    assert (names(mine.parent), mine.read_text(encoding="utf-8")) == ({"conftest.py"}, "mine = True\n")


def test_tests_that_were_generated_before_are_replaced_by_the_same_and_other_files_stay(raft: Path, copy: Path) -> None:
    folder = copy / "tests"
    (folder / "test_mine.py").write_text("", encoding="utf-8")
    for name in FILES:
        (folder / name).write_text((folder / name).read_text(encoding="utf-8")[:600], encoding="utf-8")
    done = generate("--out", str(copy / "elected"), "--with-tests", str(folder), seed="7")
    assert (done.returncode, done.stderr) == (DONE, "")
    assert names(folder) == FILES | {"test_mine.py"}
    for name in FILES:
        assert (folder / name).read_bytes() == (raft / "tests" / name).read_bytes()


@pytest.mark.parametrize(
    ("out", "folder", "said"),
    [
        ("elected", "elected", "is replaced whole"),
        ("elected", "elected/tests", "none can be made"),
        ("elected", "no/folder", "none can be made"),
        ("pytest", "tests", "another `pytest`"),
    ],
)
def test_what_cannot_be_is_refused(out: str, folder: str, said: str, tmp_path: Path) -> None:
    done = generate("--out", str(tmp_path / out), "--with-tests", str(tmp_path / folder))
    assert done.returncode == BAD_INPUT
    assert "--with-tests: " in done.stderr
    assert said in done.stderr
    assert names(tmp_path) == set()


def test_a_spec_without_a_check_is_refused(tmp_path: Path) -> None:
    spec = tmp_path / "p.elect"
    spec.write_text("protocol p\nprocess node:\n    b: bool = false\non start:\n    b := true\n", encoding="utf-8")
    done = generate("--out", str(tmp_path / "elected"), "--with-tests", str(tmp_path / "tests"), spec=str(spec))
    assert done.returncode == BAD_INPUT
    assert "no check" in done.stderr
    assert names(tmp_path) == {"p.elect"}


def test_where_one_file_cannot_be_written_all_are_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, last = tmp_path / "old.py", tmp_path / "new.py", tmp_path / "last.py"
    old.write_text("before", encoding="utf-8")

    def failing(path: Path, text: str) -> None:
        if path == last:
            raise typer.Exit(BAD_INPUT)
        write(path, text)

    monkeypatch.setattr(with_tests, "write", failing)
    with pytest.raises(typer.Exit):
        with_tests.replace_all({old: "after", new: "after", last: "after"})
    assert names(tmp_path) == {"old.py"}
    assert old.read_text(encoding="utf-8") == "before"
