"""`oneleader validate-trace` as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from generated.raft.node import PROCESS
from modelcheck.conformance.recorded import read_traces
from modelcheck.conformance.traces import validate
from runtime.config import Settings, read_config, settings_of
from runtime.process import Name
from runtime.replica import Took
from runtime.simulation.cluster import cluster_of
from runtime.trace import recording
from tests.modelcheck.conformance.runs import RAFT, ROOT, Files, changed, simulated

SPEC = "spec/protocols/raft.elect"
SCHEMA = json.loads((ROOT / "docs" / "validate-trace.schema.json").read_text(encoding="utf-8"))
FILES = simulated(4)


def run(*arguments: str, spec: str = SPEC) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oneleader", "validate-trace", spec, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def written(folder: Path, files: Files) -> list[str]:
    for name, text in files.items():
        (folder / name).write_bytes(text)
    return [str(folder / name) for name in sorted(files)]


def spoiled() -> tuple[Files, str, int]:
    """A run in which a node that received a message from a leader has leapt to another term."""
    file = "node1.ndjson"
    lines = FILES[file].splitlines()
    number = next(n for n, line in enumerate(lines, 1) if b'"receive"' in line and b"heartbeat" in line and n > 20)
    return changed(FILES, file, number, lambda line: line["state"].update(term=77)), file, number


def test_a_run_of_real_nodes(tmp_path: Path) -> None:
    done = run(*written(tmp_path, FILES))
    assert (done.returncode, done.stderr) == (0, "")
    steps = sum(line.startswith(b'{"event"') for text in FILES.values() for line in text.splitlines())
    sha = RAFT.source.sha256[:12]
    assert done.stdout.endswith(f"{steps:,} steps of 3 processes are a behaviour of raft (spec {sha})\n")


def test_what_was_lost_is_said(tmp_path: Path) -> None:
    files = {**FILES, "node1.ndjson": FILES["node1.ndjson"][:-10]}
    done = run(*written(tmp_path, files))
    assert done.returncode == 0
    assert "is incomplete: the process was stopped while it wrote it" in done.stdout


def test_the_first_step_that_is_none(tmp_path: Path) -> None:
    files, file, number = spoiled()
    done = run(*written(tmp_path, files))
    assert (done.returncode, done.stderr) == (1, "")
    assert f"{tmp_path / file}:{number}: this is no step of the model: the step leads to another state" in done.stdout
    assert "-> 77" in done.stdout
    assert "node1 could have done there:" in done.stdout
    assert "before these steps" in done.stdout
    assert ", and with the one above they are none" in done.stdout


def test_the_answer_as_json(tmp_path: Path) -> None:
    validator = Draft202012Validator(SCHEMA)
    good = json.loads(run(*written(tmp_path, FILES), "--json").stdout)
    files, file, number = spoiled()
    done = run(*written(tmp_path, files), "--json")
    bad = json.loads(done.stdout)
    cut = json.loads(run(*written(tmp_path, {**FILES, "node1.ndjson": FILES["node1.ndjson"][:-10]}), "--json").stdout)
    for said in (good, bad, cut):
        validator.validate(said)
    assert (good["answer"], good["exit_status"], good["refused"]) == ("behaviour", 0, None)
    assert (bad["answer"], bad["exit_status"], done.returncode) == ("no behaviour", 1, 1)
    assert (bad["refused"]["file"], bad["refused"]["line"]) == (str(tmp_path / file), number)
    assert len(cut["cut"]) == 1
    for place in ((), ("refused",), ("refused", "leading_up", 0)):
        assert not validator.is_valid(with_more(bad, place))


def with_more(said: Any, place: tuple[str | int, ...]) -> Any:
    copied = json.loads(json.dumps(said))
    part = copied
    for key in place:
        part = part[key]
    part["more"] = 1
    return copied


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace(b'"protocol":"raft"', b'"protocol":"ring"'), ":1: this is a trace of ring"),
        (lambda text: text.replace(RAFT.source.sha256.encode(), b"0" * 64), ":1: the node ran another text"),
        (
            lambda text: text.replace(b'"oneleader-trace":1', b'"oneleader-trace":9'),
            ":1: expected a trace of version 1",
        ),
        (lambda text: text.replace(b'"step":3', b'"step":x'), ":4: this is no step"),
        (lambda text: text.replace(b'"follower"', b'"king"', 1), ':2: role: "king" is no'),
        (lambda text: text.replace(b'"process":["node",0]', b'"process":["node",8]'), ":1: there is no process node9"),
        (lambda text: b"", ":1: no line says whose steps these are"),
    ],
)
def test_bad_input(change: Any, said: str, tmp_path: Path) -> None:
    files = {**FILES, "node1.ndjson": change(FILES["node1.ndjson"])}
    done = run(*written(tmp_path, files))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"node1.ndjson{said}" in done.stderr


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    paths = written(tmp_path, FILES)
    (tmp_path / "again").write_bytes(FILES["node1.ndjson"])
    done = run(*paths, str(tmp_path / "again"))
    assert done.returncode == 2
    assert "put the runs of a process into one file" in done.stderr
    done = run(*paths[1:])
    assert done.returncode == 2
    assert "no trace of node1 was given" in done.stderr
    done = run(str(tmp_path / "nowhere"))
    assert (done.returncode, "nowhere" in done.stderr) == (2, True)


# What the recorder writes --------------------------------------------------------------------------------------------


def settings_for(folder: Path, node: str) -> Settings:
    path = folder / f"{node}.toml"
    members = "".join(f'node{n} = "127.0.0.1:{7000 + n}"\n' for n in (1, 2, 3))
    path.write_text(
        f'cluster = "c"\nnode = "{node}"\nstate = "{folder / node}"\n[members]\n{members}', encoding="utf-8"
    )
    return settings_of(read_config(path), {"node": PROCESS})


def test_files_that_the_recorder_wrote_are_read(tmp_path: Path) -> None:
    """With a line that was cut off when the process was killed, and a run after it."""
    sinks: dict[Name, Any] = {}
    contexts: dict[Name, Any] = {}

    def seen(name: Name, took: Took) -> None:
        if took.number == 1:
            contexts[name] = recording(tmp_path / f"{name}.ndjson", settings_for(tmp_path, str(name)), PROCESS)
            sinks[name] = contexts[name].__enter__()
        sinks[name](took)

    cluster = cluster_of({"node": PROCESS}, {"node": 3}, 7, seen=seen)
    cluster.run(3)
    victim = next(iter(cluster.members))
    cluster.kill(victim)
    contexts[victim].__exit__(None, None, None)
    path = tmp_path / f"{victim}.ndjson"
    path.write_bytes(path.read_bytes()[:-7])
    cluster.run(1)
    cluster.start(victim)
    cluster.run(2)
    cluster.close()
    for context in contexts.values():
        context.__exit__(None, None, None)
    texts = [(str(one), one.read_bytes()) for one in sorted(tmp_path.glob("*.ndjson"))]
    found = validate(RAFT, read_traces(texts, RAFT))
    assert found.refusal is None
    assert [place.file for place in found.cut] == [str(path)]
    assert texts[0][1].count(b'"oneleader-trace"') == 2


def test_a_record_that_cannot_be_written_any_more_ends_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[Took] = []
    cluster_of({"node": PROCESS}, {"node": 3}, 7, seen=lambda _, took: taken.append(took)).close()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with recording(tmp_path / "trace", settings_for(tmp_path, "node1"), PROCESS) as record:
        monkeypatch.setattr("runtime.trace._append", full)
        record(taken[0])
        monkeypatch.undo()
        record(taken[0])  # it does not go on after a gap
    assert (tmp_path / "trace").read_bytes().count(b"\n") == 1
    assert "ends before step 1: [Errno 28] No space left on device" in caplog.text
