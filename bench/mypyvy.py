"""mypyvy (https://github.com/wilcoxjay/mypyvy), a yardstick of our proofs.

It is no package: a clone of its repository is run where it is, by the Python that runs this, with the z3 that our own
proofs use. Where the clone is comes from `--mypyvy` or from the environment variable MYPYVY.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Finished, run_process

VARIABLE = "MYPYVY"
SUCCESS = {"updr": "updr found inductive invariant!", "verify": "all ok!"}
"""What a mode prints at its end where it has succeeded."""


class PeerMissing(Exception):
    """There is no mypyvy to be measured, and why."""


class PeerFailed(Exception):
    """mypyvy did not do what it is known to do."""


@dataclass(frozen=True)
class Mypyvy:
    """A clone that can be run."""

    folder: Path
    version: str
    """Of the clone's commit; mypyvy has no releases."""


def found_at(place: str | None) -> Mypyvy:
    """The clone at a place, once it has been seen to run. Raises PeerMissing."""
    if not place:
        raise PeerMissing(f"no clone of it was named (--mypyvy PATH, or {VARIABLE} in the environment)")
    folder = Path(place).resolve()
    if not (folder / "src" / "mypyvy.py").is_file():
        raise PeerMissing(f"{place} holds no src/mypyvy.py")
    tried = run_process([sys.executable, "src/mypyvy.py", "typecheck", "examples/lockserv.pyv"], folder, seconds=60)
    if tried.exit_status != 0:
        raise PeerMissing(f"it does not run: {(tried.output.strip().splitlines() or ['no output'])[-1]}")
    return Mypyvy(folder, _commit(folder))


def _commit(folder: Path) -> str:
    try:
        shown = subprocess.run(
            ["git", "-C", str(folder), "log", "-1", "--format=%h %cs"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return "unknown"
    return shown.stdout.strip() or "unknown"


def run_mypyvy(mypyvy: Mypyvy, mode: str, file: str, seconds: float) -> tuple[str, Finished]:
    """What it says of a file, by its place in the clone or anywhere, and what that took. Raises PeerFailed."""
    done = run_process([sys.executable, "src/mypyvy.py", mode, file], mypyvy.folder, seconds=seconds)
    return answer_of(mode, file, done, seconds), done


def answer_of(mode: str, file: str, done: Finished, seconds: float) -> str:
    """`proved`, or that there was no answer in the time it had. Raises PeerFailed for anything else."""
    if done.exit_status < 0 and done.wall_seconds >= seconds:
        return f"none in {seconds:g} s"
    if done.exit_status != 0 or not re.search(rf"^{re.escape(SUCCESS[mode])}$", done.output, re.MULTILINE):
        raise PeerFailed(f"mypyvy {mode} {file}: status {done.exit_status}\n{done.output[-2000:]}")
    return "proved"
