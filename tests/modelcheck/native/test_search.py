"""The native search itself: known counts, threads, limits, traces; and its compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from modelcheck.bounds import caps
from modelcheck.model import Model
from modelcheck.native import build
from modelcheck.native.engine import NativeSearch, explorer
from modelcheck.outcome import Limits, Outcome, Progress, Status
from modelcheck.reductions import Reductions
from spec.check import load
from spec.protocol import Bound
from tests.modelcheck.native import models

ORACLE = Path(__file__).parents[2] / "oracles" / "raft_election.elect"
SYMMETRY = Reductions(symmetry=True)


def oracle(nodes: int, terms: int) -> Model:
    protocol, _ = load(ORACLE)
    bounds = (Bound("node", "term", terms),)
    return Model(protocol, (nodes,), caps(protocol, (nodes,), bounds), protocol.network, protocol.faults, 1)


def run(model: Model, reductions: Reductions, limits: Limits) -> Outcome:
    with NativeSearch(explorer(model, reductions), limits) as search:
        return search.run()


@pytest.mark.parametrize(
    ("nodes", "terms", "states", "orbits", "steps", "orbit_steps", "depth"),
    [
        (3, 2, 6_140, 1_061, 18_867, 3_269, 13),
        (3, 3, 194_179, 32_514, 639_858, 107_204, 19),
        (4, 1, 845, 67, 2_572, 205, 9),
        (4, 2, 114_801, 5_386, 497_156, 23_355, 17),
        (5, 1, 8_138, 168, 32_050, 670, 11),
    ],
)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_counts_of_the_oracle(
    nodes: int, terms: int, states: int, orbits: int, steps: int, orbit_steps: int, depth: int, threads: int
) -> None:
    model = oracle(nodes, terms)
    limits = Limits(threads=threads)
    plain, symmetric = run(model, Reductions(), limits), run(model, SYMMETRY, limits)
    assert (plain.status, plain.states, plain.steps, plain.depth) == (Status.EXHAUSTED, states, steps, depth)
    assert (symmetric.status, symmetric.states, symmetric.steps, symmetric.depth) == (
        Status.EXHAUSTED,
        orbits,
        orbit_steps,
        depth,
    )
    assert sum(plain.levels) == states


def test_same_violation_with_any_number_of_threads() -> None:
    model = models.model(models.LOCK, (2, 2), {"counter": 1, "token": 2})
    native = explorer(model)
    found = []
    for threads in (1, 2, 4):
        with NativeSearch(native, Limits(threads=threads)) as search:
            outcome = search.run()
            assert outcome.status is Status.VIOLATION
            (hit,) = outcome.violations
            found.append((outcome.states, outcome.levels, outcome.hits, search.trace(hit)))
    assert found[0] == found[1] == found[2]


def test_memory_limit_is_honest() -> None:
    outcome = run(oracle(3, 3), Reductions(), Limits(memory_bytes=2 << 20))
    assert outcome.status is Status.MEMORY
    assert 1_000 < outcome.states < 194_179
    assert outcome.bytes <= 3 << 20


@pytest.mark.parametrize("threads", [1, 2])
def test_time_limit_and_cancel(threads: int) -> None:
    endless = models.model(models.MAPS, (3,))
    outcome = run(endless, Reductions(), Limits(threads=threads, seconds=0.1))
    assert outcome.status is Status.TIME
    assert 0 < outcome.seconds < 2
    with NativeSearch(explorer(endless, Reductions()), Limits(threads=threads)) as search:
        timer = Timer(0.1, search.cancel)
        timer.start()
        seen: list[Progress] = []
        outcome = search.run(seen.append, every=0.02)
        timer.join()
    assert outcome.status is Status.CANCELLED
    assert outcome.states > 0
    assert seen
    assert seen[-1].states <= outcome.states


def test_library_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELEADER_CACHE", str(tmp_path))
    text = "int answer(void) { return 42; }"
    first = build.build(text)
    assert build.build(text) == first
    assert [path.name for path in tmp_path.iterdir()] == [first.name]


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELEADER_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(build.NoCompiler):
        build.build("int x;")


def test_refusing_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONELEADER_CACHE", str(tmp_path))
    with pytest.raises(build.CompilerFailed):
        build.build("this is no C")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["gcc", "clang", f"{sys.executable} -m ziglang cc"])
def test_other_compilers(compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which(compiler.split(maxsplit=1)[0]) is None:
        pytest.skip("not installed")
    monkeypatch.setenv("ONELEADER_CACHE", str(tmp_path))
    monkeypatch.setenv("ONELEADER_CC", compiler)
    assert run(oracle(3, 2), SYMMETRY, Limits(threads=2)).states == 1_061


def test_text_is_the_same_each_time() -> None:
    """Or it would be compiled each time: sets must not be gone through in an order that differs between runs."""
    program = (
        "import hashlib; from tests.modelcheck.native.test_search import oracle; "
        "from modelcheck.native.emit import emit; "
        "from modelcheck.reductions import reductions_of; model = oracle(3, 2); "
        "print(hashlib.sha256(emit(model, reductions_of(model)).text.encode()).hexdigest())"
    )
    root = Path(__file__).parents[3]
    texts = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
