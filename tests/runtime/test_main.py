"""How the command of an emitted package ends where no node can run, and what it calls itself."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from generated.raft.node import PROCESS
from runtime.main import BAD_CONFIG, FAILED, main

ROOT = Path(__file__).parents[2]


def ends(folder: Path, text: str, node1: str = "127.0.0.1:0") -> int:
    """With which status a node does."""
    path = folder / "node.toml"
    members = f'[members]\nnode1 = "{node1}"\nnode2 = "127.0.0.2:1"\nnode3 = "127.0.0.3:1"\n'
    path.write_text(f'cluster = "test"\nnode = "node1"\nstate = "{folder}/state"\n{text}\n{members}', encoding="utf-8")
    return main({"node": PROCESS}, [str(path)])


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield f"127.0.0.1:{held.getsockname()[1]}"


def test_a_port_that_is_taken_ends_it_with_a_sentence(
    tmp_path: Path, taken: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert ends(tmp_path, "", taken) == FAILED
    assert f"cannot listen on {taken}" in caplog.text
    caplog.clear()
    assert ends(tmp_path, f'http = "{taken}"') == FAILED
    assert f"cannot answer over HTTP at {taken}" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("host", ["a..b", f"{'x' * 64}.example"])
def test_a_host_that_is_none_ends_it_with_a_sentence(
    host: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert ends(tmp_path, "", f"{host}:7000") == FAILED
    assert f"cannot listen on {host}:7000" in caplog.text
    caplog.clear()
    assert ends(tmp_path, f'http = "{host}:8000"') == FAILED
    assert f"cannot answer over HTTP at {host}:8000" in caplog.text


def test_what_is_wrong_with_the_configuration_has_another_status(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_bytes(b"x")
    assert ends(tmp_path, "") == BAD_CONFIG
    assert "is no state of a node" in caplog.text
    (tmp_path / "state").unlink()
    caplog.clear()
    assert ends(tmp_path, "", "0.0.0.0:0") == BAD_CONFIG
    (record,) = (one for one in caplog.records if one.levelno == logging.CRITICAL)
    assert "set [tls], listen on 127.0.0.1, or set insecure = true" in record.getMessage()


def test_a_folder_or_a_trace_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "node.toml"
    path.write_text('cluster = "test"\nnode = "node1"\nstate = "/no/such/state"\n[members]\nnode1 = "127.0.0.1:0"\n')
    assert main({"node": PROCESS}, [str(path)]) == FAILED
    assert "There is no folder /no/such" in caplog.text
    assert ends(tmp_path, 'trace = "/no/such/trace"') == FAILED
    assert "/no/such/trace" in caplog.text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_trace_that_cannot_be_begun_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert ends(tmp_path, 'trace = "/dev/full"') == FAILED
    assert "the trace /dev/full cannot be written: No space left on device" in caplog.text


def run(*line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("command", "called"),
    [
        (["-m", "generated.raft"], "python -m generated.raft"),
        (["{folder}/raft-election"], "raft-election"),
    ],
)
def test_it_calls_itself_what_it_was_called(command: list[str], called: str, tmp_path: Path) -> None:
    (tmp_path / "raft-election").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom generated.raft.__main__ import run\nsys.exit(run())\n"
    )
    line = [sys.executable, *(one.format(folder=tmp_path) for one in command)]
    done = run(*line, "--help")
    assert done.stdout.startswith(f"usage: {called} ")
    done = run(*line, "none.toml")
    assert (done.returncode, done.stderr) == (BAD_CONFIG, f"{called}: none.toml: No such file or directory\n")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_who_is_told_to_stop_says_so(how: signal.Signals, tmp_path: Path) -> None:
    members = "".join(f'node{n} = "127.0.0.{n}:{0 if n == 1 else 1}"\n' for n in (1, 2, 3))
    path = tmp_path / "node.toml"
    path.write_text(f'cluster = "test"\nnode = "node1"\nstate = "{tmp_path}/state"\n[members]\n{members}')
    line = (sys.executable, "-m", "generated.raft", str(path))
    with subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, text=True) as node:
        assert node.stderr is not None
        assert "node1 of test listens at" in node.stderr.readline()
        node.send_signal(how)
        assert f"node1 stops, by {how.name}\n" in node.stderr.read()
    assert node.returncode == 0


def test_a_check_finds_what_the_start_would_refuse(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "node.toml"

    def checked(more: str, address: str = "127.0.0.1:0") -> int:
        path.write_text(
            f'cluster = "test"\nnode = "node1"\nstate = "{tmp_path}/state"\n{more}\n[members]\nnode1 = "{address}"\n'
        )
        return main({"node": PROCESS}, ["--check", str(path)])

    assert checked("") == 0
    assert checked("", "0.0.0.0:7000") == BAD_CONFIG
    assert "set [tls], listen on 127.0.0.1, or set insecure = true" in caplog.text
    assert checked("insecure = true", "0.0.0.0:7000") == 0
    assert checked("", "no.such.host.invalid:7000") == FAILED
    tls = f'tls = {{ certificate = "{path}", key = "{path}", authority = "{path}" }}'
    assert checked(tls) == BAD_CONFIG
    assert not (tmp_path / "state").exists()


def test_it_says_which_spec_it_is_of() -> None:
    done = run(sys.executable, "-m", "generated.raft", "--version")
    assert done.stdout == f"raft, spec {PROCESS.spec_sha256[:12]}\n"
