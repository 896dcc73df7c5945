"""The files that deploy nodes: as they were found good, and read by what will read them, where that is at hand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from codegen.deployment.files import deployment_of, groups_of
from codegen.python.wheel import Wheel, wheel_name
from generated.raft.node import PROCESS
from runtime.config import Config, read_config, settings_of
from spec.check import check, load
from spec.source import Source
from tests.golden import assert_golden

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden" / "deployment"
INSTRUCTION = re.compile(
    r"FROM \S+|RUN .+|COPY \S+ \S+|VOLUME \S+|USER [0-9]+:[0-9]+|EXPOSE( [0-9]+)+|STOPSIGNAL SIG[A-Z]+"
    r"|HEALTHCHECK( --\S+)* +CMD \[.+\]|ENTRYPOINT \[.+\]|CMD \[.+\]",
    re.DOTALL,
)


def files(name: str) -> dict[str, str]:
    protocol, _ = load(ROOT / "spec" / "protocols" / f"{name}.elect")
    return {one.name: one.text for one in deployment_of(protocol, Wheel(wheel_name(protocol), "1.0"))}


RAFT = files("raft")


def documents(text: str) -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return list(yaml.safe_load_all(text))


@pytest.mark.parametrize("name", sorted(RAFT))
def test_the_files_are_as_they_were(name: str) -> None:
    assert_golden(GOLDEN / name, RAFT[name])


@pytest.mark.parametrize("name", ["raft", "prevote", "ring", "lock_service"])
def test_each_protocol_has_all_files(name: str) -> None:
    made = files(name)
    assert len(made) == len(RAFT)
    for text in made.values():
        assert "{{" not in text
        assert text.endswith("\n")
        assert not re.search(r"[ \t]$", text, flags=re.MULTILINE)


def test_of_what_is_one_in_every_check_one_is_deployed() -> None:
    protocol, _ = load(ROOT / "spec" / "protocols" / "lock_service.elect")
    groups = groups_of(protocol, "locks")
    assert [(group.kind, group.count) for group in groups] == [("client", 3), ("lock_service", 1), ("storage", 1)]
    assert groups[1].set == "locks-lock-service"


# Configurations


ALIKE = """protocol alike
process a_b:
    x: bool = false
process a__b:
    x: bool = false
check one: 3 a_b, 3 a__b
"""


def test_no_two_members_have_one_host() -> None:
    protocol, _ = check(Source("alike.elect", ALIKE))
    made = {one.name: one.text for one in deployment_of(protocol, Wheel("alike", "1.0"))}
    members = tomllib.loads(made["compose.node.toml"])["members"]
    assert len(set(members.values())) == len(members) == 6
    assert {address.split(":")[0] for address in members.values()} == set(
        documents(made["compose.yaml"])[0]["services"]
    )
    assert len({one.set for one in groups_of(protocol, "alike")}) == 2


def _uncommented(text: str) -> str:
    """With the settings that stand behind a `#`, as they are shown."""
    return re.sub(r"^#(?=[a-z-]+ = )", "", text, flags=re.MULTILINE)


@pytest.mark.parametrize("change", [str, _uncommented])
def test_the_example_is_a_configuration(change: Any, tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(change(RAFT["node.example.toml"]), encoding="utf-8")
    for name in ("node1", "node2", "node3"):
        settings = settings_of(read_config(path, name), {"node": PROCESS})
        assert settings.warnings == ()
        assert settings.config.state.endswith(f"/{name}.state")


def test_the_example_has_every_setting_with_its_default() -> None:
    shown = tomllib.loads(_uncommented(RAFT["node.example.toml"]))
    # What stands instead of members stands in a sentence.
    assert set(shown) | {"coordination"} == {field.encode_name for field in msgspec.structs.fields(Config)}
    assert (shown["hints"], shown["insecure"]) == (True, False)
    for timer in PROCESS.timers.values():
        assert timer.name in shown["timers"]


def test_compose_has_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(RAFT["compose.node.toml"], encoding="utf-8")
    assert settings_of(read_config(path, "node3"), {"node": PROCESS}).warnings == ()


def test_kubernetes_has_a_configuration_whose_members_are_its_pods(tmp_path: Path) -> None:
    found = documents(RAFT["kubernetes.yaml"])
    (config,) = (one for one in found if one["kind"] == "ConfigMap")
    (pods,) = (one for one in found if one["kind"] == "StatefulSet")
    path = tmp_path / "node.toml"
    path.write_text(config["data"]["node.toml"], encoding="utf-8")
    settings = settings_of(read_config(path, "node2"), {"node": PROCESS})
    assert settings.warnings == ()
    assert settings.listen.host == "0.0.0.0"
    name, service, first = pods["metadata"]["name"], pods["spec"]["serviceName"], pods["spec"]["ordinals"]["start"]
    assert [address.host for address in settings.addresses.values()] == [
        f"{name}-{first + number}.{service}" for number in range(pods["spec"]["replicas"])
    ]


# What runs nodes


@pytest.mark.parametrize("name", ["raft", "lock_service"])
def test_what_kubernetes_is_told_fits_together(name: str) -> None:
    found = documents(files(name)["kubernetes.yaml"])
    kinds = [one["kind"] for one in found]
    assert kinds[:2] == ["ConfigMap", "Service"]
    assert set(kinds[2:]) == {"PodDisruptionBudget", "StatefulSet"}
    service = found[1]["spec"]
    assert service["clusterIP"] == "None"
    for budget, pods in zip(found[2::2], found[3::2], strict=True):
        labels = pods["spec"]["template"]["metadata"]["labels"]
        chosen = pods["spec"]["selector"]["matchLabels"]
        assert budget["spec"]["selector"]["matchLabels"].items() == chosen.items() <= labels.items()
        assert service["selector"].items() <= labels.items()
        spec = pods["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert container[probe]["httpGet"] == {"path": "/healthz", "port": "http"}
        volumes = {one["name"] for one in spec["volumes"]}
        volumes |= {one["metadata"]["name"] for one in pods["spec"]["volumeClaimTemplates"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes
        (term,) = spec["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["labelSelector"]["matchLabels"] == chosen


def test_compose_runs_each_member() -> None:
    (whole,) = documents(RAFT["compose.yaml"])
    members = tomllib.loads(RAFT["compose.node.toml"])["members"]
    assert {f"{host}:7000" for host in whole["services"]} == set(members.values())
    for host, service in whole["services"].items():
        assert service["command"][:2] == ["--node", host]
        assert host in whole["volumes"]


def test_docker_reads_the_compose_file(tmp_path: Path) -> None:
    version = ["docker", "compose", "version"]
    if shutil.which("docker") is None or subprocess.run(version, capture_output=True, check=False).returncode != 0:
        pytest.skip("docker compose is not installed")
    for name, text in RAFT.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["docker", "compose", "config", "--quiet"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_dockerfile_has_instructions_only() -> None:
    lines = [line for line in RAFT["Dockerfile"].splitlines() if line and not line.startswith("#")]
    found = re.split(r"(?<!\\)\n", "\n".join(lines))
    assert found[0].startswith("FROM ")
    for instruction in found:
        assert INSTRUCTION.fullmatch(instruction.replace("\\\n", "")), instruction
    for instruction in found:
        if instruction.startswith(("ENTRYPOINT", "CMD")):
            msgspec.json.decode(instruction.partition(" ")[2], type=list[str])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_its_unit(tmp_path: Path) -> None:
    unit = tmp_path / "raft-election.service"
    # The command of a unit has to be there, and so has its user.
    unit.write_text(
        re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", RAFT["raft-election.service"]), encoding="utf-8"
    )
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, told) == (0, []), done.stderr
