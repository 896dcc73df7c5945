"""Every vote is on disk before it leaves: what a real node asks of the system, in which order."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 30.0


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


def write_configs(folder: Path) -> list[Path]:
    members = "".join(f'node{i + 1} = "127.0.0.1:{port}"\n' for i, port in enumerate(free_ports(3)))
    found = []
    for number in (1, 2, 3):
        path = folder / f"node{number}.toml"
        path.write_text(
            f'cluster = "test"\nnode = "node{number}"\nstate = "{folder}/node{number}.db"\n[members]\n{members}'
            '[timers]\nelection = "150 ms .. 300 ms"\nheartbeat = "50 ms"\n',
            encoding="utf-8",
        )
        found.append(path)
    return found


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_vote_leaves_after_it_is_on_disk(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    calls = "trace=fdatasync,fsync,sendto,sendmsg,write,recvfrom,read"
    traced, log = [tmp_path / f"calls{number}" for number in (1, 2, 3)], tmp_path / "log"
    nodes = []
    with log.open("w") as file:
        for path, config in zip(traced, write_configs(tmp_path), strict=True):
            strace = ["strace", "-f", "-s", "4000", "-e", calls, "-o", str(path)]
            command = [*strace, sys.executable, "-m", "generated.raft", str(config)]
            # A session of its own: what is sent to it reaches the node, not strace alone.
            nodes.append(subprocess.Popen(command, env=environment, stderr=file, start_new_session=True))
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end and not any(map(votes_of, traced)):
            time.sleep(0.2)
    finally:
        for node in nodes:
            os.killpg(node.pid, signal.SIGTERM)
        for node in nodes:
            node.wait()
    if "Operation not permitted" in log.read_text(encoding="utf-8"):
        pytest.skip("strace may not trace here")
    found = [is_safe for path in traced for is_safe in votes_of(path)]
    assert found, "nobody voted"
    assert all(found), "a vote left before anything was synchronised"


def votes_of(traced: Path) -> list[bool]:
    """For each vote that leaves, whether the disk was synchronised after the request came in that it answers."""
    if not traced.exists():
        return []
    found = []
    synchronised = 0
    for line in traced.read_text(encoding="utf-8", errors="replace").splitlines():
        if re.search(r"\b(fdatasync|fsync)\(.*= 0$", line):
            synchronised += 1
        elif re.search(r"\b(recvfrom|read)\(", line) and "request_vote" in line:
            synchronised = 0
        elif re.search(r"\b(sendto|sendmsg|write)\(", line) and re.search(r"(?<!request_)vote", line):
            found.append(synchronised > 0)
            synchronised = 0
    return found
