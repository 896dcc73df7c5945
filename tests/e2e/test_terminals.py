"""Terminals and pipes that cannot show everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BROKEN = ROOT / "spec" / "broken" / "vote_forgotten.elect"


@pytest.mark.parametrize(("command", "status"), [("check", 1), ("show", 0)])
def test_an_ascii_terminal_gets_ascii(command: str, status: int, tmp_path: Path) -> None:
    spec = tmp_path / "accented.elect"
    spec.write_text(BROKEN.read_text(encoding="utf-8") + "# déjà vu\n", encoding="utf-8")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    found = subprocess.run(
        [sys.executable, "-m", "oneleader", command, str(spec)],
        capture_output=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    assert b"Traceback" not in found.stderr
    assert found.stdout.isascii()
    assert found.returncode == status
