"""What the bench of many elections runs and shows."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.many_elections import Failed, Host, Measured, Results, allow_files, main, results_from, settings_in, shown

HOSTS = tuple(Host(leads, 0.25, 60 * 2**20, 20 * 2**20, 711) for leads in (30, 40, 30))
RESULTS = Results("a machine", "1 s .. 2 s", "300 ms", 30.0, (Measured(100, 12.0, 1.5, 0, HOSTS),))


def test_nodes_of_one_host_have_addresses_and_files_of_their_own() -> None:
    found = [settings_in(cluster, 0, Path("at"), 7419, "1 s .. 2 s", "300 ms") for cluster in range(1000)]
    assert len({each.listen for each in found}) == 1000
    assert len({each.config.state for each in found}) == 1000
    peers = [settings_in(600, host, Path("at"), 7419, "1 s .. 2 s", "300 ms") for host in range(3)]
    assert len({each.listen for each in peers}) == 3
    assert all(each.addresses == peers[0].addresses for each in peers)


def test_tables_show_each_host() -> None:
    text = shown(RESULTS)
    assert "|       100 |      12.0 |          1.5 |            75.0% |                 0 |" in text
    assert "|       100 |    2 |    40 | 25.0% |           2,500 |  60 |        410 |        711 |" in text


def test_what_was_saved_is_shown_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "saved.json"
    file.write_text(json.dumps(asdict(RESULTS)), encoding="utf-8")
    assert results_from(file.read_text(encoding="utf-8")) == RESULTS
    assert main(["--shown", str(file)]) == 0
    assert capsys.readouterr().out == shown(RESULTS) + "\n"


def test_more_files_than_may_be_open_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    with pytest.raises(Failed, match="1000 elections need 7100 open files a process, and 4096 are allowed"):
        allow_files(1000)


def test_timers_with_which_no_leader_lasts_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--count", "1", "--election", "100 ms .. 200 ms"]) == 2
    assert "every leader is replaced" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs addresses in 127.0.0.0/8, and /proc")
def test_three_processes_hold_elections(tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    assert main(["--count", "5", "--seconds", "2", "--save", str(file), "--port", "7421"]) == 0
    (measured,) = results_from(file.read_text(encoding="utf-8")).measured
    assert sum(host.leads for host in measured.hosts) == 5
    assert all(host.descriptors >= 35 and host.memory > host.bare > 0 for host in measured.hosts)
