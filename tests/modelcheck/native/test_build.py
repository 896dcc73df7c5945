"""The emitted C on other processors and systems, under sanitizers, and where there is no compiler or a bad one."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelcheck.check import Options, models_of
from modelcheck.engines import HOW_TO_GET_A_COMPILER
from modelcheck.liveness.prepared import prepared, prepared_for_elections
from modelcheck.model import Model
from modelcheck.native.build import FLAGS, OPTIMISED
from modelcheck.native.emission import Goals
from modelcheck.native.emit import emit
from modelcheck.reductions import ALL, REBASED, reductions_of
from spec.check import load
from spec.overrides import check_from, faults_from, network_from
from spec.protocol import Constant, Property, PropertyKind
from spec.types import BOOL
from tests.modelcheck.native.test_emit import CASES

ROOT = Path(__file__).parents[3]
RAFT = ROOT / "spec" / "protocols" / "raft.elect"
ORACLE = ROOT / "tests" / "oracles" / "raft_election.elect"
DRIVER = Path(__file__).with_name("driver.c")

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def model(spec: Path, within: str, faults: str | None = None, network: str | None = None) -> Model:
    protocol, _ = load(spec)
    options = Options(
        network=network_from(network, protocol, "--network") if network is not None else None,
        faults=faults_from(faults, protocol, "--faults") if faults is not None else None,
    )
    return models_of(protocol, check_from(within, protocol, "--within"), options)[0]


def text_of(of: Model) -> str:
    return emit(of, reductions_of(of, ALL)).text


def text_with_goals(of: Model) -> str:
    """As a search for what can still be reached has it: with numbers shifted, and somebody down."""
    goal = Property(PropertyKind.RECOVERS, "never", "", None, Constant(False, BOOL))
    whole = prepared(of, goal, 1, may_be_down=True)
    return emit(whole, reductions_of(whole, ALL | {REBASED}), Goals((goal.expression, goal.expression))).text


def text_about_elections(of: Model) -> str:
    whole = prepared_for_elections(of, 1)
    return emit(whole, reductions_of(whole, ALL), Goals(elects=True)).text


def every_text() -> Iterator[tuple[str, str]]:
    for name, of in every_feature():
        yield name, text_of(of)
        yield f"{name}, with goals", text_with_goals(of)
        if of.protocol.leader is not None:
            yield f"{name}, elections", text_about_elections(of)


def every_feature() -> Iterator[tuple[str, Model]]:
    yield "raft", model(RAFT, "3 nodes, term <= 1", "crash, disk loss up to 1, partition up to 1")
    yield "raft over bags", model(RAFT, "3 nodes, term <= 1, channel <= 1", "restart", "loss, reordering")
    yield from ((name, CASES[name]) for name in ("lock", "maps", "ordered link", "failing", "ring"))


# Other processors and systems -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="ziglang is not installed")
@pytest.mark.parametrize(
    "target",
    ["x86_64-linux-gnu", "aarch64-linux-gnu", "aarch64-linux-musl", "aarch64-macos", "x86_64-macos"],
)
def test_it_compiles_for(target: str, tmp_path: Path) -> None:
    warnings = ("-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-Wno-parentheses-equality")
    flags = [OPTIMISED, *(flag for flag in FLAGS if flag != "-w")]
    for number, (name, text) in enumerate(every_text()):
        source = tmp_path / f"{number}.c"
        source.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "ziglang",
                "cc",
                "-target",
                target,
                *flags,
                *warnings,
                "-o",
                "model.so",
                source.name,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"
    magic = (tmp_path / "model.so").read_bytes()[:4]
    assert magic == (b"\xcf\xfa\xed\xfe" if target.endswith("macos") else b"\x7fELF")


# Sanitizers -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_sanitizers_find_nothing(sanitizer: str, tmp_path: Path) -> None:
    flags = ["-std=gnu11", "-O1", "-g", "-fno-strict-aliasing", "-w", "-pthread"]
    for name, of in every_feature():
        (tmp_path / "program.c").write_text(text_of(of) + DRIVER.read_text(encoding="utf-8"), encoding="utf-8")
        build = ["cc", *flags, f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", "-o", "program", "program.c"]
        built = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
        if "cannot find" in built.stderr:
            pytest.skip(f"the compiler comes without the {sanitizer} sanitizer")
        assert built.returncode == 0, built.stderr
        said = set()
        for threads in (1, 2, 4):
            done = subprocess.run(
                [tmp_path / "program", str(threads)], capture_output=True, text=True, check=False, timeout=300
            )
            assert (done.returncode, done.stderr) == (0, ""), name
            said.add(done.stdout)
        assert len(said) == 1, f"{name}: what is found depends on the threads"


@pytest.mark.slow
@needs_compiler
def test_sanitizers_find_nothing_in_what_looks_ahead(tmp_path: Path) -> None:
    flags = ["-std=gnu11", "-O1", "-g", "-fno-strict-aliasing", "-w", "-pthread"]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    for name, of in every_feature():
        if name == "failing":
            continue
        for text in (text_with_goals(of), *([text_about_elections(of)] if of.protocol.leader is not None else [])):
            program = text + DRIVER.with_name("driver_future.c").read_text(encoding="utf-8")
            (tmp_path / "program.c").write_text(program, encoding="utf-8")
            build = ["cc", *flags, *sanitize, "-o", "program", "program.c"]
            built = subprocess.run(build, cwd=tmp_path, capture_output=True, text=True, check=False)
            if "cannot find" in built.stderr:
                pytest.skip("the compiler comes without these sanitizers")
            assert built.returncode == 0, built.stderr
            done = subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=False, timeout=300)
            assert (done.returncode, done.stderr) == (0, ""), name
            assert done.stdout.count("steps: ") == 4


# No compiler, and bad ones --------------------------------------------------------------------------------------------


def run(cache: Path, *arguments: str, zig: bool = False, **changes: str) -> subprocess.CompletedProcess[str]:
    """`oneleader check` of the oracle with a cache of its own, and without ziglang unless it is wanted."""
    hidden = "" if zig else "sys.modules['ziglang'] = None; "
    program = f"import sys; {hidden}from oneleader.__main__ import main; main()"
    environment = {name: value for name, value in os.environ.items() if name not in {"CC", "ONELEADER_CC"}}
    done = subprocess.run(
        [sys.executable, "-c", program, "check", str(ORACLE), "--within", "3 nodes, term <= 1", *arguments],
        env={**environment, "PYTHONPATH": str(ROOT), "ONELEADER_CACHE": str(cache), **changes},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_without_a_compiler_the_python_engine_searches(tmp_path: Path) -> None:
    done = run(tmp_path / "cache", "--json", PATH=str(tmp_path))
    assert done.stderr == f"oneleader: {HOW_TO_GET_A_COMPILER}\n"
    assert "pip install 'oneleader[compiler]'" in done.stderr
    found = json.loads(done.stdout)["explorations"][0]
    assert found["engine"] == "python"
    if shutil.which("cc") is not None:
        native = json.loads(run(tmp_path / "cache", "--json", "--without", "symmetry").stdout)["explorations"][0]
        assert native["engine"] == "native"
        assert (native["answer"], native["search"]["depth"]) == (found["answer"], found["search"]["depth"])


def test_without_a_compiler_the_trace_is_as_long(tmp_path: Path) -> None:
    broken = tmp_path / "broken.elect"
    text = ORACLE.read_text(encoding="utf-8")
    broken.write_text(text.replace("durable voted_for", "voted_for"), encoding="utf-8")
    lengths = set()
    for path in {str(tmp_path), os.environ["PATH"]}:
        program = "import sys; sys.modules['ziglang'] = None; from oneleader.__main__ import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", program, "check", str(broken), "--check", "quick", "--json"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "ONELEADER_CACHE": str(tmp_path / "cache"), "PATH": path},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 1
        verdict = json.loads(done.stdout)
        lengths.add((verdict["answer"], verdict["reason"]))
    assert len(lengths) == 1


def test_the_native_engine_cannot_be_forced_without_a_compiler(tmp_path: Path) -> None:
    done = run(tmp_path / "cache", "--engine", "native", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "oneleader: no C compiler was found\n"


@pytest.mark.skipif(shutil.which("false") is None, reason="there is no `false`")
def test_a_compiler_that_fails(tmp_path: Path) -> None:
    done = run(tmp_path / "cache", CC="false")
    assert done.stderr.startswith("oneleader: the slower Python engine searches: the C compiler ")
    assert done.stderr.endswith("; set CC to one that works\n")
    assert done.stderr.count("\n") == 1
    assert "engine: python" in done.stdout


def test_a_compiler_that_makes_rubbish(tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho rubbish > "$2"\n', encoding="utf-8")
    compiler.chmod(0o755)
    done = run(tmp_path / "cache", CC=str(compiler))
    assert "the compiled model cannot be loaded" in done.stderr
    assert "engine: python" in done.stdout


@needs_compiler
def test_the_next_compiler_is_tried(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cc").write_text("#!/bin/sh\necho 'fatal error: stdint.h' >&2; exit 1\n", encoding="utf-8")
    (tools / "cc").chmod(0o755)
    (tools / "gcc").symlink_to(str(shutil.which("cc")))
    done = run(tmp_path / "cache", PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert done.stderr == ""
    assert "engine: native" in done.stdout


@needs_compiler
def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file where a folder should be", encoding="utf-8")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = run(occupied, TMPDIR=str(scratch))
    assert done.stderr == ""
    assert "engine: native" in done.stdout
    assert list(scratch.iterdir()) == []


@needs_compiler
@pytest.mark.parametrize("damage", ["cut short", "empty", "changed"])
def test_a_damaged_library_is_built_again(damage: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    before = run(cache, "--json")
    (library,) = cache.glob("*.so")
    whole = library.read_bytes()
    # As a new file: the pages of the old one may still be mapped by whoever loaded it.
    library.unlink()
    changed = {"cut short": whole[: len(whole) // 3], "empty": b"", "changed": whole[:-1] + bytes([whole[-1] ^ 1])}
    library.write_bytes(changed[damage])
    after = run(cache, "--json")
    assert (after.returncode, after.stderr) == (before.returncode, "")
    assert json.loads(after.stdout)["explorations"][0]["engine"] == "native"
    (mended,) = cache.glob("*.so")
    assert len(mended.read_bytes()) == len(whole)


@needs_compiler
def test_processes_that_build_the_same_model_at_once(tmp_path: Path) -> None:
    program = "from oneleader.__main__ import main; main()"
    command = [sys.executable, "-c", program, "check", str(ORACLE), "--within", "3 nodes, term <= 1", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ONELEADER_CACHE": str(tmp_path)}
    with tempfile.TemporaryFile() as errors:
        running = [
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors)
            for _ in range(4)
        ]
        verdicts = [json.loads(process.communicate(timeout=120)[0]) for process in running]
        errors.seek(0)
        assert errors.read() == b""
    assert {one["explorations"][0]["engine"] for one in verdicts} == {"native"}
    assert len({one["explorations"][0]["search"]["states"] for one in verdicts}) == 1
    assert {path.suffix for path in tmp_path.iterdir()} == {".so", ".tables"}
