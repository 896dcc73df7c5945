"""`oneleader demo` as a person runs it: real processes, of which none is left."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oneleader.demonstration.cluster import CannotStart, Cluster, Member
from oneleader.demonstration.events import Story
from oneleader.demonstration.keys import Quit, pressed
from oneleader.demonstration.script import Act, BadScript, Wait, steps_of
from oneleader.demonstration.show import plain

pytest.importorskip("z3", reason="what is emitted is proved with Z3")

ROOT = Path(__file__).parents[2]
NODES = ("node1", "node2", "node3")
LEADS = re.compile(r" s  (node[0-9]) leads with token ([0-9]+)")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "oneleader", "demo", *arguments]


def run(temporary: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("--plain", *arguments),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(temporary), "HOME": str(temporary)},
        check=False,
    )


def left(folder: Path) -> list[str]:
    """Processes that were started in a folder."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    cwds = []
    for line in listed.splitlines():
        pid = line.split()[0]
        try:
            where = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            continue
        if where.is_relative_to(folder):
            cwds.append(line)
    return cwds


def test_a_script_is_played_to_its_end(tmp_path: Path) -> None:
    script = "kill leader; wait; restart all; wait; pause leader; wait; resume all; cut leader; wait; heal all"
    done = run(tmp_path, "--script", script)
    assert (done.returncode, done.stderr) == (0, "")
    found = LEADS.findall(done.stdout)
    tokens = [int(token) for _, token in found]
    assert len(tokens) >= 5
    assert len(set(tokens)) == len(tokens)
    for said in ("was killed", "was started anew", "was paused", "goes on", "was cut off", "connected to the others"):
        assert said in done.stdout
    assert done.stdout.count("goes on") == done.stdout.count("connected to the others") == 1
    assert list(tmp_path.glob("oneleader-demo-*")) == []
    assert left(tmp_path) == []


def test_several_kinds_of_process_are_asked_for_what_they_can_do(tmp_path: Path) -> None:
    script = "wait; kill storage1; restart client1; restart 5; wait"
    done = run(tmp_path, "spec/protocols/lock_service.elect", "--script", script)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set(re.findall(r"client[123] leads with token ([0-9]+)", done.stdout))) >= 2
    assert "storage1 was killed" in done.stdout
    assert left(tmp_path) == []


def test_an_action_that_nobody_else_takes_is_asked_for(tmp_path: Path) -> None:
    done = run(tmp_path, "spec/protocols/ring.elect", "--script", "wait")
    assert (done.returncode, done.stderr) == (0, "")
    assert LEADS.search(done.stdout)


def test_a_script_that_does_not_end_in_time_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, "--seconds", "0.5", "--script", "kill all; wait")
    assert done.returncode == 1
    assert "did not come to its end" in done.stderr
    assert left(tmp_path) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_stops_it_nothing_is_left(sign: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--plain"), stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PATH": "/bin", "TMPDIR": str(tmp_path)}
    )
    with process:
        assert process.stdout is not None
        assert LEADS.search(process.stdout.readline())
        process.send_signal(sign)
        process.stdout.read()
        assert process.wait(60) == 0
    assert list(tmp_path.glob("oneleader-demo-*")) == []
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--nodes", "4"), "--nodes: 4; expected 3 or 5"),
        (("--seconds", "0"), "--seconds: 0 is no time"),
        (("--script", "kill 4"), "`kill 4`: whom?"),
        (("--script", "stop 1"), "`stop 1`: expected `kill`"),
        (("--script", "wait for it"), "expected `wait` or `wait 2 s`"),
        (
            ("spec/protocols/lock_service.elect", "--script", "kill storage2"),
            "lock_service1, storage1, a number up to 5",
        ),
        (("nowhere.elect",), "nowhere.elect"),
    ],
)
def test_bad_input_is_refused(arguments: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


def test_a_node_that_cannot_start_ends_it(tmp_path: Path) -> None:
    package = tmp_path / "refuses"
    main = package / "runtime" / "main.py"
    main.parent.mkdir(parents=True)
    main.write_text("import sys\nprint('no', file=sys.stderr)\nsys.exit(2)\n", encoding="utf-8")
    with pytest.raises(ExceptionGroup) as found:
        asyncio.run(plain(package, NODES, (), None))
    assert found.group_contains(CannotStart, match=r"node[123] has ended: no")
    assert left(tmp_path) == []


def test_what_a_node_sent_is_what_its_status_says(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"token": None, "sent": {"vote": 2, "heartbeat": 3}, "received": {"request_vote": 4}}

    async def ask(port: int, path: str) -> str:
        return json.dumps(said) if path == "/status" else ""

    async def main() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=subprocess.PIPE)
        member = Member(1, "node1", 0, 0, process, "runs")
        cluster = Cluster(Path(), {1: member}, {})
        watching = asyncio.create_task(cluster.watch(1))
        async with asyncio.timeout(60):
            while member.status is None:
                await asyncio.sleep(0.01)
        assert (member.sent, member.received) == (5, 4)
        watching.cancel()
        await cluster.kill(1)

    monkeypatch.setattr("oneleader.demonstration.cluster.ask", ask)
    asyncio.run(main())


def test_a_script_is_read() -> None:
    assert steps_of("kill leader; wait ;wait 1.5 s; heal node2; restart all;", NODES) == (
        Act("kill", "leader"),
        Wait(),
        Wait(1.5),
        Act("heal", 2),
        Act("restart", "all"),
    )
    with pytest.raises(BadScript):
        steps_of("cut 0", NODES)


def test_keys_are_a_verb_and_whom() -> None:
    assert pressed(None, "k", 3) == ("kill", None)
    assert pressed("kill", "2", 3) == (None, Act("kill", 2))
    assert pressed("heal", "a", 3) == (None, Act("heal", "all"))
    assert pressed("kill", "4", 3) == (None, None)
    assert pressed("kill", "c", 3) == ("cut", None)
    with pytest.raises(Quit):
        pressed("kill", "q", 3)


def test_who_leads_is_told_once() -> None:
    story = Story()
    assert list(story.seen({"a": None, "b": None}, 0.5)) == []
    assert list(story.seen({"a": 1, "b": None}, 1.0)) == ["a leads with token 1, 1.00 s after nobody did"]
    assert list(story.seen({"a": 1, "b": 2}, 2.0)) == ["b leads with token 2"]
    assert story.current() == ("b", 2, 2.0)
    assert list(story.seen({"a": None, "b": 2}, 3.0)) == ["a is not known to lead any more; it led for 2.00 s"]
    assert list(story.seen({"a": None, "b": None}, 4.0)) == ["b is not known to lead any more; it led for 2.00 s"]
    assert (story.current(), story.vacant) == (None, 4.0)
