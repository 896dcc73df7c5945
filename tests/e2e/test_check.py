"""`oneleader check` as people and scripts run it: what it prints, and the status that it ends with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RAFT = "spec/protocols/raft.elect"
HOLDS, VIOLATED, BAD_INPUT, UNKNOWN = 0, 1, 2, 3
LARGE = "6 nodes, term <= 4"
"""More states than any limit of these tests lets pass."""

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "oneleader", "check", *arguments]


def environment(**changes: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def run(*arguments: str, folder: Path = ROOT, **changes: str) -> subprocess.CompletedProcess[str]:
    """The command run to its end, its output captured: neither stream is a terminal."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def forgetful(tmp_path: Path) -> str:
    """Raft whose nodes forget their votes when they restart."""
    text = (ROOT / RAFT).read_text(encoding="utf-8")
    assert text.count("durable voted_for") == 1
    broken = tmp_path / "forgetful.elect"
    broken.write_text(text.replace("durable voted_for", "voted_for"), encoding="utf-8")
    return str(broken)


# Verdicts -------------------------------------------------------------------------------------------------------------


def test_a_protocol_that_holds() -> None:
    done = run(RAFT, "--check", "quick")
    assert done.returncode == HOLDS
    assert done.stdout.startswith("raft: holds within bounds (check quick; spec ")
    assert "the bound term <= 2 was reached" in done.stdout
    assert done.stderr == ""


def test_a_protocol_that_is_violated(forgetful: str) -> None:
    done = run(forgetful, "--check", "quick")
    assert done.returncode == VIOLATED
    assert "raft: violated (check quick; spec " in done.stdout
    assert "violated after " in done.stdout


def test_what_never_happens_fails_the_check() -> None:
    done = run(RAFT, "--within", "3 nodes, term <= 1")
    assert done.returncode == VIOLATED
    assert "no witness: reachable a_second_term_is_led" in done.stdout


def test_output_to_a_file_has_no_colour_and_no_progress(forgetful: str) -> None:
    for spec in (RAFT, forgetful):
        done = run(spec, "--check", "quick")
        assert "\x1b" not in done.stdout + done.stderr
        assert "\r" not in done.stdout + done.stderr


def test_json_is_one_document_and_says_the_same(forgetful: str) -> None:
    for spec, status, answer in ((RAFT, HOLDS, "holds within bounds"), (forgetful, VIOLATED, "violated")):
        done = run(spec, "--check", "quick", "--json")
        assert done.returncode == status
        verdict = json.loads(done.stdout)
        assert (verdict["answer"], verdict["exit_status"]) == (answer, status)


def test_engines_agree(forgetful: str) -> None:
    found = []
    for engine in ("native", "python") if shutil.which("cc") else ("python",):
        done = run(forgetful, "--within", "3 nodes, term <= 2", "--engine", engine, "--json")
        exploration = json.loads(done.stdout)["explorations"][0]
        assert exploration["engine"] == engine
        found.append((done.returncode, exploration["answer"], exploration["reason"]))
    assert len(set(found)) == 1
    assert found[0][0] == VIOLATED


def test_a_counterexample_is_saved_beside_json(forgetful: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    done = run(forgetful, "--check", "quick", "--json", "--trace", str(trace))
    assert json.loads(done.stdout)["answer"] == "violated"
    assert json.loads(trace.read_text(encoding="utf-8"))["format"] == "oneleader-trace"


def test_a_counterexample_for_a_folder_that_is_not_there(forgetful: str, tmp_path: Path) -> None:
    trace = tmp_path / "nowhere" / "trace.json"
    done = run(forgetful, "--check", "quick", "--trace", str(trace))
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")  # told before the search, and not after it
    assert f"oneleader: --trace: {trace} is no file that can be written" in done.stderr


# Bad input ------------------------------------------------------------------------------------------------------------


def test_a_spec_with_an_error(tmp_path: Path) -> None:
    spec = tmp_path / "wrong.elect"
    spec.write_text("protocol wrong\nprocess node:\n    term: nat = tru\n", encoding="utf-8")
    done = run(str(spec))
    assert done.returncode == BAD_INPUT
    assert done.stdout == ""
    assert f"--> {spec}:3:17" in done.stderr
    assert "^^^" in done.stderr


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    binary = tmp_path / "binary.elect"
    binary.write_bytes(b"protocol \xff\xfe\x00")
    empty = tmp_path / "empty.elect"
    empty.write_text("", encoding="utf-8")
    for file, complaint in (
        (tmp_path / "missing.elect", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "this is no UTF-8 text"),
        (empty, "error"),
    ):
        done = run(str(file))
        assert (done.returncode, done.stdout) == (BAD_INPUT, "")
        assert complaint in done.stderr
        assert str(file) in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--check", "fulll"), "has no check `fulll`; it has: quick, full"),
        (("--check", "quick", "--memory", "8X"), "--memory: `8X` is no amount of memory"),
        (("--check", "quick", "--memory", "-1G"), "--memory: expected more than nothing"),
        (("--check", "quick", "--memory", "nan"), "--memory: `nan` is no amount of memory"),
        (("--check", "quick", "--threads", "0"), "--threads: expected 1 or more"),
        (("--check", "quick", "--threads", "two"), "--threads"),
        (("--check", "quick", "--depth", "-1"), "--depth: expected 0 or more"),
        (("--check", "quick", "--time", "0"), "--time: expected more than 0 seconds"),
        (("--check", "quick", "--time", "nan"), "--time: expected more than 0 seconds"),
        (("--check", "quick", "--engine", "quantum"), "--engine"),
        (("--check", "quick", "--without", "luck"), "--without"),
        (("--check", "quick", "--within", "3 nodes, term <= 2"), "leave out --check"),
        (("--quick",), "--quick"),
    ],
)
def test_options_that_make_no_sense(arguments: tuple[str, ...], complaint: str) -> None:
    done = run(RAFT, *arguments)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("option", "words", "place", "carets", "help_text"),
    [
        ("--within", "3 nodez, term <= 2", "--within:1:23", "^^^^^", "did you mean `nodes`?"),
        ("--within", "3 nodes, turm <= 2", "--within:1:30", "^^^^", "did you mean `term`?"),
        ("--within", "", "--within:1:20", "^", "written `check NAME"),
        ("--network", "loss, duplicates", "--network:1:16", "^^^^^^^^^^", "did you mean `duplication`?"),
        ("--faults", "crush up to 1", "--faults:1:9", "^^^^^^^^^^^^^", "did you mean `crash`?"),
        ("--faults", "crash up to many", "--faults:1:21", "^^^^", "expected"),
    ],
)
def test_words_that_are_not_known_are_pointed_at(
    option: str, words: str, place: str, carets: str, help_text: str
) -> None:
    done = run(RAFT, *(() if option == "--within" else ("--check", "quick")), option, words)
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert place in done.stderr
    assert any(set(line.strip(" |").split()[:1]) == {carets} for line in done.stderr.splitlines())
    assert help_text in done.stderr


def test_a_row_without_a_bound() -> None:
    done = run(RAFT, "--within", "3 nodes")
    assert done.returncode == BAD_INPUT
    assert "`term` can grow without end" in done.stderr


# Limits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "reason"),
    [
        (("--depth", "3"), "not explored beyond depth 3"),
        (("--time", "0.2"), "the time limit was reached"),
        (("--memory", "4M"), "the memory limit was reached"),
    ],
)
@needs_compiler
def test_limits_give_no_bare_ok(limit: tuple[str, str], reason: str) -> None:
    done = run(RAFT, "--within", LARGE, *limit)
    assert done.returncode == UNKNOWN
    assert "raft: unknown" in done.stdout
    assert reason in done.stdout
    assert "not decided" in done.stdout


# Interruptions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", [pytest.param("native", marks=needs_compiler), "python"])
def test_ctrl_c_gives_the_partial_verdict(engine: str) -> None:
    asked = command(RAFT, "--within", LARGE, "--engine", engine, "--progress")
    with subprocess.Popen(
        asked, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        process.stderr.read(1)  # the first word of progress: the search has begun
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        shown, told = process.communicate(timeout=60)
    assert time.monotonic() - began < 5  # far less where nothing else runs
    assert process.returncode == UNKNOWN
    assert b"raft: unknown" in shown
    assert b"interrupted at depth" in shown
    assert b"Traceback" not in told


@needs_compiler
def test_ctrl_c_again_and_again_ends_no_worse() -> None:
    asked = command(RAFT, "--within", LARGE, "--progress")
    with subprocess.Popen(
        asked, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        process.stderr.read(1)
        for _ in range(5):
            process.send_signal(signal.SIGINT)
            time.sleep(0.01)
        _, told = process.communicate(timeout=60)
    assert process.returncode in {UNKNOWN, 130, -signal.SIGINT}  # the last: after all is said
    assert b"Traceback" not in told


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_has_had_enough_changes_no_verdict(form: tuple[str, ...]) -> None:
    with subprocess.Popen(
        command(RAFT, "--check", "quick", *form),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == HOLDS
    assert told == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_no_verdict() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(RAFT, "--check", "quick"),
            cwd=ROOT,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == BAD_INPUT
    assert done.stderr == "oneleader: standard output: No space left on device\n"


def test_it_runs_in_any_folder(tmp_path: Path) -> None:
    done = run(str(ROOT / RAFT), "--check", "quick", folder=tmp_path)
    assert done.returncode == HOLDS
    assert list(tmp_path.iterdir()) == []


def test_a_property_that_would_not_be_looked_for_is_refused(tmp_path: Path) -> None:
    """Else the verdict would be that it holds."""
    spec = tmp_path / "spec.elect"
    spec.write_text(
        "protocol still\nprocess node:\n    led: bool = false\naction lead: led := true\n"
        "recovers a_leader_emerges: led\nsafety fine: led implies led\ncheck small: 1 node\n"
    )
    done = run(str(spec), "--property", "quorums_intersect")
    assert done.returncode == BAD_INPUT
    assert "there is no property `quorums_intersect`" in done.stderr
    done = run(str(spec), "--property", "a_leader_emerges")
    assert done.returncode == HOLDS
    assert "recovers a_leader_emerges  holds within bounds" in done.stdout


SPLIT = "eventually calm, weak delivery, weak timeout"


@needs_compiler
def test_a_run_that_goes_on_for_ever_is_shown_saved_and_replayed(tmp_path: Path) -> None:
    saved = tmp_path / "split.json"
    done = run(RAFT, "--within", "3 nodes, term <= 2", "--fairness", SPLIT, "--trace", str(saved))
    assert done.returncode == VIOLATED
    assert "after step 6 there_is_a_leader can be put off for ever" in done.stdout
    assert "from here on, for ever:" in done.stdout
    assert "steps 4 to 6 can be taken again and again for ever, each time with `term` 1 higher" in done.stdout
    assert json.loads(saved.read_text(encoding="utf-8"))["loop_from"] == 3
    replayed = subprocess.run(
        [sys.executable, "-m", "oneleader", "replay", RAFT, str(saved)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert replayed.returncode == 0
    assert "after step 6 there_is_a_leader can be put off for ever" in replayed.stdout


@needs_compiler
def test_timers_apart_are_enough_for_raft() -> None:
    done = run(RAFT, "--within", "3 nodes, term <= 2", "--fairness", f"{SPLIT} election, timers apart", "--json")
    assert done.returncode == HOLDS
    recovers, leads_to = json.loads(done.stdout)["explorations"][0]["future"]
    assert (recovers["property"], recovers["holds"], recovers["gone"]) == ("a_leader_emerges", True, 1)
    assert (leads_to["property"], leads_to["holds"], leads_to["rebased"]) == ("there_is_a_leader", True, ["term"])


@needs_compiler
def test_without_fairness_a_run_may_stop() -> None:
    done = run(RAFT, "--within", "3 nodes, term <= 2", "--fairness", "none", "--property", "there_is_a_leader")
    assert done.returncode == VIOLATED
    assert "there_is_a_leader can be put off for ever" in done.stdout
    assert "here the run may stop" in done.stdout
    assert "the spec promises no fairness at all" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("weak delivery, timers apart", "error[E0507]: timers can be apart from some time on only"),
        ("weak timeouts", "did you mean `weak timeout`?"),
        ("weak timeout of election", "say `weak timeout election`"),
        ("weak delivery of", "of which message?"),
        ("weak delivery of votes", "did you mean `vote`?"),
        ("", "written `fairness: eventually calm, weak delivery, weak timeout`"),
    ],
)
def test_fairness_that_there_is_not(words: str, said: str) -> None:
    done = run(RAFT, "--fairness", words)
    assert done.returncode == BAD_INPUT
    assert said in done.stderr
    assert "--fairness" in done.stderr
