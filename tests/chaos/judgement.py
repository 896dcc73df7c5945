"""Looks at what nodes did: their writes, and their traces."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.chaos.world import ROOT, SPEC, World


@dataclass
class Figures:
    """What has happened in a run, and what is wrong with it."""

    accepted: int = 0
    rejected: int = 0
    tokens: int = 0
    elections: int = 0
    steps: int = 0
    inferred: int = 0
    problems: list[str] = field(default_factory=list)


class _State(msgspec.Struct):
    role: str
    term: int


class _Line(msgspec.Struct):
    state: _State | None = None


def judged(world: World) -> Figures:
    """Every token was led with by one node, every write behind the fence is in the order of tokens, and what was
    recorded is a behaviour of the model; as the processes' ends were looked at before."""
    found = Figures(problems=list(world.problems))
    owners: dict[int, str] = {}
    _judge_writes(world, found, owners)
    _judge_leaders(world, found, owners)
    _judge_traces(world, found)
    return found


def _judge_writes(world: World, found: Figures, owners: dict[int, str]) -> None:
    with contextlib.closing(sqlite3.connect(world.writes)) as connection:
        rows = connection.execute("SELECT token, node FROM writes ORDER BY number").fetchall()
        rejected = connection.execute("SELECT token, node FROM rejected ORDER BY number").fetchall()
    newest = 0
    for token, _ in rows:
        if token < newest:
            found.problems.append(f"a write with token {token} was taken after one with {newest}")
        newest = max(newest, token)
    for token, node in (*rows, *rejected):
        _own(found, owners, token, node, "has written")
    found.accepted, found.rejected = len(rows), len(rejected)
    found.tokens = len({token for token, _ in rows})
    if not rows:
        found.problems.append("nobody has written anything")


def _own(found: Figures, owners: dict[int, str], token: int, node: str, did: str) -> None:
    other = owners.setdefault(token, node)
    problem = f"{node} {did} with token {token}, which is {other}'s"
    if other != node and problem not in found.problems:
        found.problems.append(problem)


def _judge_leaders(world: World, found: Figures, owners: dict[int, str]) -> None:
    """Who led by the protocol, whether the service was told or not."""
    for node in range(world.count):
        led: set[int] = set()
        for state in _states(world.trace(node)):
            if state.role == "leader" and state.term not in led:
                led.add(state.term)
                _own(found, owners, state.term, f"node{node + 1}", "has led")
        found.elections += len(led)


def _states(trace: Path) -> Iterator[_State]:
    decode = msgspec.json.Decoder(_Line).decode
    with trace.open("rb") as file:
        for line in file:
            with contextlib.suppress(msgspec.DecodeError):  # one that is cut off, which the validation looks at
                if (state := decode(line).state) is not None:
                    yield state


def _judge_traces(world: World, found: Figures) -> None:
    traces = [str(world.trace(node)) for node in range(world.count)]
    command = [sys.executable, "-m", "oneleader", "validate-trace", str(SPEC), *traces]
    done = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        found.problems.append(f"validate-trace has failed: {done.stdout}{done.stderr}")
        return
    found.steps, found.inferred = said["steps"], len(said["lost"])
    if done.returncode:
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        found.problems.append(f"what was recorded is no behaviour of the model:\n{shown.stdout}{shown.stderr}")
