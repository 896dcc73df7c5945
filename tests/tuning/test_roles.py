"""Which timers are tuned."""

from __future__ import annotations

import pytest

from oneleader.tuning.roles import NoRoles, roles_of
from spec.check import check, load
from spec.protocol import Protocol
from spec.source import Source
from tests.docs.markdown import ROOT


def shipped(name: str) -> Protocol:
    return load(ROOT / "spec" / f"{name}.elect")[0]


@pytest.mark.parametrize(
    ("name", "election", "heartbeat"),
    [
        ("protocols/raft", "election", "heartbeat"),
        ("protocols/prevote", "election", "heartbeat"),
        ("protocols/lock_service", "lease", "renewal"),
        ("broken/ballot_not_unique", "election", None),
    ],
)
def test_timers_are_found_by_what_they_do(name: str, election: str, heartbeat: str | None) -> None:
    found = roles_of(shipped(name))
    assert (found.election, found.heartbeat) == (election, heartbeat)


def test_what_confirms_a_leader_elects_whatever_else_changes_variables() -> None:
    text = (ROOT / "spec/protocols/raft.elect").read_text(encoding="utf-8")
    text = text.replace("    timer heartbeat: 100 ms\n", "    timer heartbeat: 100 ms\n    timer rest: 1 s\n")
    text = text.replace("on timeout heartbeat", "on timeout rest:\n    votes := {}\n\non timeout heartbeat", 1)
    protocol, _ = check(Source("more.elect", text))
    assert roles_of(protocol).election == "election"


def test_where_it_is_not_clear_it_is_said_what_to_name() -> None:
    with pytest.raises(NoRoles, match=r"^name it with --election-timer: .* it may be answer or suspicion$"):
        roles_of(shipped("broken/bully"))
    found = roles_of(shipped("broken/bully"), election="suspicion", heartbeat="announcement")
    assert (found.election, found.heartbeat) == ("suspicion", "announcement")


def test_what_is_named_is_taken() -> None:
    raft = shipped("protocols/raft")
    assert roles_of(raft, heartbeat="none").heartbeat is None
    assert roles_of(raft, "heartbeat", "election").election == "heartbeat"
    with pytest.raises(
        NoRoles, match=r"^--heartbeat-timer: there is no timer `beat`; the spec has election, heartbeat$"
    ):
        roles_of(raft, heartbeat="beat")
    with pytest.raises(NoRoles, match="cannot be both"):
        roles_of(raft, "election", "election")
    with pytest.raises(NoRoles, match=r"^--heartbeat-timer: `election` elects: a leader is confirmed within"):
        roles_of(raft, heartbeat="election")
    assert "no other timer only sends" in roles_of(raft, "heartbeat").reason


def test_a_spec_with_nothing_to_tune_is_refused() -> None:
    with pytest.raises(NoRoles, match="no timers"):
        roles_of(shipped("protocols/ring"))
