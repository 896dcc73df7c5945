"""Rumur and SPIN on Raft's election, the yardsticks of our own explorer.

Both get their best honest settings: a model without steps that change nothing, a table sized in advance,
an optimised build, one thread, and of their options those that made them fastest here. What is timed is
the search alone, not the build of the verifier. A count that differs from the known one is an error.

    python -m bench.peers --terms 3 4 --runs 5
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal

from bench.measure import Job, Measurement, measure_all, run_process

Symmetry = Literal["off", "heuristic", "exhaustive"]
Order = Literal["depth", "breadth"]

MODELS = Path(__file__).parent / "peers"

# Reachable states of RaftElection.tla on three nodes, by terms, as TLC counts them.
STATES = {2: 6_140, 3: 194_179, 4: 5_881_161}
ORBITS = {2: 1_061, 3: 32_514, 4: 980_769}

# Slots of SPIN's hash table (a power of two) and bytes of Rumur's, so that neither is too small nor
# costs more to clear than to use.
SPIN_SLOTS = {2: 14, 3: 20, 4: 24}
RUMUR_BYTES = {2: 1 << 20, 3: 8 << 20, 4: 128 << 20}


class PeerError(Exception):
    """A peer is missing, does not build, or does not find what it must find."""


@dataclass(frozen=True)
class Verifier:
    """A verifier that has been built and can be run any number of times."""

    engine: str
    setting: str
    version: str
    terms: int
    command: tuple[str, ...]
    states_pattern: str
    success: str
    expected_states: int | None
    """None where the engine does not promise an exact count."""


def run_rumur(terms: int, symmetry: Symmetry) -> Measurement:
    """Run Rumur's verifier once; it is built at the first call with these arguments."""
    return _measure(_build_rumur(terms, symmetry))


def run_spin(terms: int, order: Order = "depth") -> Measurement:
    """Run SPIN's verifier once; it is built at the first call with these arguments."""
    return _measure(_build_spin(terms, order))


@cache
def _build_rumur(terms: int, symmetry: Symmetry) -> Verifier:
    _check_terms(terms)
    rumur, version = _tool("rumur", "--version")
    folder = _new_folder()
    model = (MODELS / "raft_election.m").read_text().replace("TERMS: 3;", f"TERMS: {terms};")
    (folder / "model.m").write_text(model)
    settings = {
        "threads": "1",
        "deadlock-detection": "off",
        "counterexample-trace": "off",
        "pack-state": "off",
        "scalarset-schedules": "off",
        "set-capacity": str(RUMUR_BYTES[terms]),
        "symmetry-reduction": symmetry,
        "output": "model.c",
    }
    options = [text for name, value in settings.items() for text in (f"--{name}", value)]
    _build([rumur, "--quiet", *options, "model.m"], folder)
    # Its lock-free set compares and swaps 16 bytes at once. Code for this very processor makes it faster
    # (and SPIN's verifier slower, which therefore goes without).
    x86 = ["-mcx16", "-march=native"] if platform.machine() in {"x86_64", "AMD64"} else []
    _build([*_compiler(), *x86, "-o", "verifier", "model.c", "-lpthread"], folder)
    expected = {"off": STATES[terms], "heuristic": None, "exhaustive": ORBITS[terms]}[symmetry]
    return Verifier(
        engine="rumur",
        setting=f"symmetry {symmetry}",
        version=version,
        terms=terms,
        command=(str(folder / "verifier"),),
        states_pattern=r"^\s*(\d+) states, \d+ rules fired",
        success="No error found.",
        expected_states=expected,
    )


@cache
def _build_spin(terms: int, order: Order) -> Verifier:
    _check_terms(terms)
    spin, version = _tool("spin", "-V")
    folder = _new_folder()
    _build([spin, f"-DTERMS={terms}", "-a", str(MODELS / "raft_election.pml")], folder)
    # One process and no temporal property: partial order, fairness and state compression only cost time.
    flags = ["-DSAFETY", "-DNOREDUCE", "-DNOFAIR", "-DNOBOUNDCHECK", "-DNOCOMP", "-DMEMLIM=16000"]
    _build([*_compiler(), *flags, *(["-DBFS"] if order == "breadth" else []), "-o", "pan", "pan.c"], folder)
    return Verifier(
        engine="spin",
        setting=f"{order} first",
        version=version,
        terms=terms,
        command=(str(folder / "pan"), "-m10000", f"-w{SPIN_SLOTS[terms]}", "-n"),
        states_pattern=r"^\s*(\d+) states, stored",
        success="errors: 0",
        expected_states=STATES[terms],
    )


def _measure(verifier: Verifier) -> Measurement:
    done = run_process(verifier.command, Path(verifier.command[0]).parent)
    return Measurement(
        engine=verifier.engine,
        setting=verifier.setting,
        version=verifier.version,
        model=f"3 nodes, term <= {verifier.terms}",
        states=count_states(verifier, done.exit_status, done.output),
        cpu_seconds=done.cpu_seconds,
        wall_seconds=done.wall_seconds,
        memory=done.memory,
    )


def count_states(verifier: Verifier, exit_status: int, output: str) -> int:
    """Read the state count from what a verifier printed; refuse a run that failed or miscounted."""
    name = f"{verifier.engine} ({verifier.setting}, {verifier.terms} terms)"
    found = re.search(verifier.states_pattern, output, re.MULTILINE)
    if exit_status != 0 or verifier.success not in output or found is None:
        raise PeerError(f"{name} failed with status {exit_status}:\n{output[-2000:]}")
    states = int(found[1])
    if verifier.expected_states not in {None, states}:
        raise PeerError(f"{name} found {states:,} states; there are {verifier.expected_states:,}")
    return states


def _check_terms(terms: int) -> None:
    if terms not in STATES:
        raise PeerError(f"the count for {terms} terms is not known; choose from {', '.join(map(str, STATES))}")


@cache
def _workshop() -> tempfile.TemporaryDirectory[str]:
    """Where verifiers are built; it goes when the program ends."""
    return tempfile.TemporaryDirectory(prefix="oneleader-peers-")


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(dir=_workshop().name))


def _tool(name: str, version_flag: str) -> tuple[str, str]:
    path = shutil.which(name)
    if path is None:
        raise PeerError(f"{name} is not installed (on Debian: apt install {name})")
    shown = subprocess.run([path, version_flag], capture_output=True, text=True, check=False).stdout
    found = re.search(r"[Vv]ersion\s+v?(\S+)", shown)
    return path, found[1] if found else "unknown"


def _compiler() -> list[str]:
    return [os.environ.get("CC", "cc"), "-O3", "-w"]


def _build(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        raise PeerError(f"{command[0]} is not installed") from missing
    if done.returncode != 0:
        raise PeerError(f"{command[0]} failed with status {done.returncode}:\n{(done.stderr + done.stdout)[-2000:]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the peers and print the medians as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers", description="Time Rumur and SPIN on Raft's election."
    )
    parser.add_argument("--terms", type=int, nargs="+", choices=sorted(STATES), default=[3])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", choices=["rumur", "spin"], nargs="+", default=["rumur", "spin"])
    options = parser.parse_args(arguments)

    symmetries: tuple[Symmetry, ...] = ("off", "heuristic", "exhaustive")
    orders: tuple[Order, ...] = ("depth", "breadth")
    peers: list[Callable[[], Measurement]] = []
    for terms in options.terms:
        if "rumur" in options.engine:
            peers += [partial(run_rumur, terms, symmetry) for symmetry in symmetries]
        if "spin" in options.engine:
            peers += [partial(run_spin, terms, order) for order in orders]
    try:
        measured = measure_all([Job(peer, options.runs) for peer in peers])
    except PeerError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps([asdict(one) for one in measured], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
