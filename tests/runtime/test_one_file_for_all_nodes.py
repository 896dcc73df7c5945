"""A configuration that all nodes share: who a node is comes from its command line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from generated.raft.node import PROCESS
from runtime.config import BadConfig, Config, read_config, settings_of
from runtime.main import main
from runtime.process import Name
from runtime.transport.addresses import Address

KINDS = {"node": PROCESS}
SHARED = """
cluster = "orders"
state = "/var/lib/orders/{node}.state"
trace = "/var/log/orders/{node}.ndjson"
listen = "0.0.0.0:7000"

[members]
node1 = "a:7000"
node2 = "b:7000"
node3 = "c:7000"

[tls]
certificate = "/etc/orders/{node}.pem"
key = "/etc/orders/{node}.key"
authority = "/etc/orders/authority.pem"
"""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    path = tmp_path / "node.toml"
    path.write_text(SHARED, encoding="utf-8")
    return path


def test_paths_carry_the_name_of_the_node(shared: Path) -> None:
    config = read_config(shared, "node2")
    assert config.state == "/var/lib/orders/node2.state"
    assert config.trace == "/var/log/orders/node2.ndjson"
    assert config.tls is not None
    assert (config.tls.certificate, config.tls.key) == ("/etc/orders/node2.pem", "/etc/orders/node2.key")
    assert config.tls.authority == "/etc/orders/authority.pem"


def test_the_command_line_decides_over_the_file(shared: Path) -> None:
    shared.write_text(f'node = "node1"\n{SHARED}', encoding="utf-8")
    assert settings_of(read_config(shared), KINDS).me == Name("node", 0)
    assert settings_of(read_config(shared, "node3"), KINDS).me == Name("node", 2)


def test_a_node_listens_where_it_is_told(shared: Path) -> None:
    config = read_config(shared, "node1")
    assert settings_of(config, KINDS).listen == Address("0.0.0.0", 7000)
    assert settings_of(msgspec.structs.replace(config, listen=None), KINDS).listen == Address("a", 7000)


@pytest.mark.parametrize("option", ["listen", "http"])
def test_an_address_that_is_none_is_told_before_anything_is_opened(shared: Path, option: str) -> None:
    config: Config = msgspec.structs.replace(read_config(shared, "node1"), **{option: "here"})
    with pytest.raises(BadConfig, match=f"^{option}: "):
        settings_of(config, KINDS)


def test_without_a_name_there_is_no_node(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(KINDS, ["--check", str(shared)]) == 2
    assert "node" in capsys.readouterr().err
    shared.write_text("insecure = true\n" + SHARED.partition("[tls]")[0])
    assert main(KINDS, ["--check", "--node", "node1", str(shared)]) == 0
    assert main(KINDS, ["--check", "--node", "node9", str(shared)]) == 2
    assert "node9 is not among the members" in capsys.readouterr().err
