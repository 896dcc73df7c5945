"""Runs Rumur on Murphi text, to hold the exporter against the reference semantics."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS = 300
"""How long one verifier may run."""

needs_rumur = pytest.mark.skipif(
    shutil.which("rumur") is None, reason="rumur is not installed (on Debian: apt install rumur)"
)


@dataclass(frozen=True)
class RumurResult:
    """What Rumur's verifier found. `violated` is the message of the first violation, without where it is in the text
    ("" where there is none); `length` is its number of steps, counting the step that fails; `uncovered` are the cover
    properties with no witness. `states` are all states only where nothing is violated."""

    states: int
    violated: str
    length: int
    uncovered: tuple[str, ...]
    output: str

    @property
    def message(self) -> str:
        """What Rumur printed, for a test that fails."""
        return self.output[-4000:]


def run_rumur(text: str, symmetry: bool = False) -> RumurResult:
    """Checks a Murphi model breadth first, with one thread; with `symmetry`, it counts orbits.

    Raises AssertionError where Rumur, or the C compiler, refuses the text."""
    with tempfile.TemporaryDirectory(prefix="rumur-") as folder:
        (Path(folder) / "model.m").write_text(text)
        settings = {
            "threads": "1",
            "deadlock-detection": "off",
            "colour": "off",
            "set-capacity": "1048576",
            "symmetry-reduction": "exhaustive" if symmetry else "off",
            "output": "model.c",
        }
        options = [part for name, setting in settings.items() for part in (f"--{name}", setting)]
        _run(["rumur", "--quiet", *options, "model.m"], folder, text)
        # The verifier's lock-free set compares and swaps 16 bytes at once.
        wide = ["-mcx16"] if platform.machine() in {"x86_64", "AMD64"} else []
        _run(["cc", "-O1", "-w", *wide, "-o", "verifier", "model.c", "-lpthread"], folder, text)
        done = subprocess.run(["./verifier"], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    return read_result(done.stdout + done.stderr)


def read_result(output: str) -> RumurResult:
    """Reads what a verifier printed."""
    states = re.search(r"^\s*(\d+) states, \d+ rules fired", output, re.MULTILINE)
    assert states is not None, output[-4000:]
    violated = ""
    length = 0
    found = re.search(r"error trace for the error:\s*\n\s*\n\t(.*)\n", output)
    if found is not None:
        violated = re.sub(r"^(Assertion failed: )?(model\.m:\d+\.\d+(-(\d+\.)?\d+)?: )?", "", found[1]).strip()
        violated = re.sub(r'^invariant "(.*)" failed$', r"\1", violated)
        length = len(re.findall(r'^Rule ".*" fired\.|^Rule ".*", .* fired\.', output, re.MULTILINE))
    uncovered = tuple(re.findall(r'^\s*cover "(.*)" not hit', output, re.MULTILINE))
    return RumurResult(int(states[1]), violated, length, uncovered, output)


def _run(command: list[str], folder: str, text: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        numbered = "\n".join(f"{number:4} {line}" for number, line in enumerate(text.split("\n"), 1))
        raise AssertionError(f"{command[0]} failed:\n{done.stdout}{done.stderr}\n{numbered}")
