"""What a node answers over HTTP, with prometheus-client and without."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from generated.raft.node import PROCESS
from runtime.config import Config, settings_of
from runtime.http import serving
from runtime.node import Node, open_node
from runtime.transport.addresses import Address
from tests.runtime.test_node import cluster_of_three, ports

__all__ = ["ports"]  # a fixture

ANYWHERE = Address("127.0.0.1", 0)


async def ask(where: Address, path: str) -> tuple[str, str]:
    """The first line of an answer, and its body."""
    reader, writer = await asyncio.open_connection(*where)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head.partition("\r\n")[0], body


def alone(folder: Path, look: Callable[[Node], Awaitable[None]]) -> None:
    """Looks at a node whose peers are not there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        members = {"node1": "127.0.0.1:0"} | {f"node{n}": f"127.0.0.{n}:{held.getsockname()[1]}" for n in (2, 3)}
        config = Config(cluster="test", node="node1", members=members, state=str(folder / "state"))

        async def main() -> None:
            async with asyncio.timeout(20), open_node(settings_of(config, {"node": PROCESS}), PROCESS) as node:
                await look(node)

        asyncio.run(main())


def test_metrics_say_what_happened(tmp_path: Path, ports: list[int]) -> None:
    pytest.importorskip("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    async def main() -> None:
        async with cluster_of_three(tmp_path, ports) as cluster:
            number, token = await cluster.leader()
            node = cluster.nodes[number]
            while not all(node.status().connected.values()):
                await asyncio.sleep(0.01)
            async with serving(node, ANYWHERE) as where:
                line, body = await ask(where, "/metrics")
        assert line == "HTTP/1.1 200 OK"
        families = {one.name: one for one in text_string_to_metric_families(body)}
        assert all(name.startswith("oneleader_") and one.documentation for name, one in families.items())
        found = {(one.name, *one.labels.values()): one.value for each in families.values() for one in each.samples}
        assert found["oneleader_leader",] == 1
        assert found["oneleader_token",] == found["oneleader_variable", "term"] == token
        assert found["oneleader_elections_total", "won"] >= 1
        assert found["oneleader_election_seconds_count",] >= 1
        assert found["oneleader_leading_seconds_total",] > 0
        assert found["oneleader_store_seconds_bucket", "+Inf"] == found["oneleader_store_seconds_count",] > 0
        assert found["oneleader_messages_sent_total", "request_vote"] >= 2
        assert found["oneleader_messages_received_total", "vote"] >= 1
        assert found["oneleader_timeouts_total", "election"] >= 1
        assert found["oneleader_connects_total",] >= 2
        peers = {key[1] for key in found if key[0] == "oneleader_peer_connected"}
        assert peers == {f"node{n}" for n in (1, 2, 3) if n != number}
        for name in ("reconnects_total", "failed_dials_total", "failed", "hints_total", "messages_unreadable_total"):
            assert (f"oneleader_{name}",) in found
        assert found["oneleader_payloads_dropped_total", "stale"] == 0
        assert found["oneleader_handshakes_refused_total", "spec"] == 0
        assert found["oneleader_handshakes_refused_by_peer_total", "spec"] == 0

    asyncio.run(main())


def test_without_prometheus_client_all_else_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    monkeypatch.delitem(sys.modules, "runtime.metrics", raising=False)

    async def look(node: Node) -> None:
        async with serving(node, ANYWHERE) as where:
            line, body = await ask(where, "/metrics")
            assert line == "HTTP/1.1 501 Not Implemented"
            assert "pip install prometheus-client" in body
            assert await ask(where, "/healthz") == ("HTTP/1.1 200 OK", "ok\n")
            line, body = await ask(where, "/status")
            assert line == "HTTP/1.1 200 OK"
            said = json.loads(body)
            assert (said["node"], said["token"], said["sent"], said["received"]) == ("node1", None, {}, {})

    alone(tmp_path, look)


def test_a_node_imports_prometheus_client_when_it_serves_metrics_and_not_before() -> None:
    program = (
        "import sys, runtime.main; sys.exit('prometheus_client' in sys.modules or 'runtime.metrics' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", program], cwd=root, timeout=60, check=False).returncode == 0


def test_whoever_keeps_a_connection_open_does_not_keep_the_node(tmp_path: Path) -> None:
    """From Python 3.12 on, a server that is closed waits for those who are still connected."""

    async def look(node: Node) -> None:
        async with serving(node, ANYWHERE) as where:
            reader, writer = await asyncio.open_connection(*where)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        assert await reader.read() == b""
        writer.close()

    alone(tmp_path, look)
