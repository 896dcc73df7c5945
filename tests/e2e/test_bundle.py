"""`oneleader bundle` as a person runs it, and the wheel in an environment without Oneleader."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from codegen.python.wheel import EXTRAS, PYTHON, REQUIRES
from tests.e2e.nodes import eventually, nodes

pytest.importorskip("z3", reason="what is emitted is proved with Z3")

ROOT = Path(__file__).parents[2]
RAFT = "spec/protocols/raft.elect"
MADE = "raft_election-1.0-py3-none-any.whl"


def bundle(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oneleader", "bundle", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel") / "dist"
    done = bundle(RAFT, "--out", str(folder), "--version", "1.0")
    assert done.returncode == 0, done.stderr
    assert "every emitted step is the spec's" in done.stdout
    assert [path.name for path in folder.iterdir()] == [MADE]
    return folder / MADE


def test_the_same_spec_makes_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    copied = tmp_path / "elsewhere" / "raft.elect"
    copied.parent.mkdir()
    shutil.copy(ROOT / RAFT, copied)
    done = bundle(str(copied), "--out", str(tmp_path), "--version", "1.0", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / MADE).read_bytes() == wheel.read_bytes()


def test_the_metadata_name_the_spec(wheel: Path) -> None:
    sha256 = hashlib.sha256((ROOT / RAFT).read_bytes()).hexdigest()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = Parser().parsestr(archive.read("raft_election-1.0.dist-info/METADATA").decode())
        assert archive.read("raft_election/raft.elect") == (ROOT / RAFT).read_bytes()
        listed = archive.read("raft_election-1.0.dist-info/RECORD").decode().splitlines()
    assert f"spec-sha256: {sha256}" in metadata.get_payload()
    assert f"spec-sha256-{sha256}" in metadata["Keywords"]
    assert [line.split(",")[0] for line in listed] == names
    assert "raft_election/py.typed" in names
    assert not any(name.startswith(("spec/", "modelcheck/", "oneleader/", "runtime/")) for name in names)


def test_a_wheel_needs_what_the_runtime_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert REQUIRES in project["dependencies"]
    assert project["requires-python"] == PYTHON
    assert project["optional-dependencies"]["metrics"] == [EXTRAS["metrics"]]
    assert set(EXTRAS) == {"metrics", "uvloop", "etcd", "zookeeper", "kubernetes", "consul"}
    for extra in ("etcd", "zookeeper", "kubernetes", "consul"):
        assert project["optional-dependencies"][extra] == [EXTRAS[extra]]


def test_without_a_version_the_wheel_says_of_which_spec_it_is(tmp_path: Path) -> None:
    sha256 = hashlib.sha256((ROOT / "spec/protocols/lock_service.elect").read_bytes()).hexdigest()
    done = bundle("spec/protocols/lock_service.elect", "--out", str(tmp_path), "--quiet", "--name", "our.Locks")
    assert done.returncode == 0, done.stderr
    (made,) = tmp_path.glob("our_locks-*.whl")
    assert f"+spec.{sha256[:12]}-" in made.name


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--name", "no name"), "is no name of a wheel"),
        (("--name", "asyncio"), "is taken"),
        (("--name", "class"), "is taken"),
        (("--version", "first"), "is no version"),
        (("--version", "1.0-1"), "is no version"),
    ],
)
def test_bad_names_are_refused(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = bundle(RAFT, "--out", str(tmp_path), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not any(tmp_path.iterdir())


def test_where_there_is_no_folder_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in ("file", "no/folder"):
        done = bundle(RAFT, "--out", str(tmp_path / out))
        assert done.returncode == 2
        assert "is no folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel and msgspec, and nothing else."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def install(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*pip, *arguments], capture_output=True, text=True, timeout=300, env=environment, check=False
        )

    if install("--retries", "0", str(wheel)).returncode != 0:  # there is no index here: msgspec is taken from our own
        found = importlib.util.find_spec("msgspec")
        if found is None or found.origin is None:
            pytest.skip("msgspec can neither be installed nor copied")
        ours = Path(found.origin).parent
        (theirs,) = (folder / "lib").glob("python3.*/site-packages")
        for each in (ours, *ours.parent.glob("msgspec-*.dist-info")):
            shutil.copytree(each, theirs / each.name)
        done = install("--no-deps", "--no-index", str(wheel))
        assert done.returncode == 0, done.stderr
    return python.parent


def test_three_nodes_from_the_wheel_elect_another_leader_when_theirs_is_killed(installed: Path, tmp_path: Path) -> None:
    alone = subprocess.run(
        [str(installed / "python"), "-I", "-c", "import oneleader"], capture_output=True, timeout=60, check=False
    )
    assert alone.returncode != 0, "Oneleader is in the environment"
    helped = subprocess.run([str(installed / "raft-election"), "--help"], capture_output=True, timeout=60, check=False)
    assert helped.stdout.startswith(b"usage: raft-election ")
    with nodes([str(installed / "raft-election")], tmp_path) as cluster:
        first, token = eventually(cluster.leader, "a leader")
        with pytest.raises(HTTPError) as refused:  # prometheus-client is not among what a wheel needs
            urlopen(f"http://127.0.0.1:{cluster.http[first]}/metrics", timeout=5)
        with refused.value as answer:
            assert (answer.code, answer.read()[:30]) == (501, b"metrics need prometheus-client")
        cluster.kill(first)
        second, next_token = eventually(lambda: cluster.leader(above=token), "another leader")
        assert second != first
        assert next_token > token
        cluster.start(first)
        eventually(lambda: cluster.status(first), "the node that was killed")
        assert cluster.stop() == [0, 0, 0]
