"""What is said of a sweep."""

from __future__ import annotations

from oneleader.tuning.advice import Choice
from oneleader.tuning.distributions import Constant, Exponential
from oneleader.tuning.measured import Measured, Sample
from oneleader.tuning.probe import Ground
from oneleader.tuning.roles import Roles
from oneleader.tuning.settings import Setting
from oneleader.tuning.trials import Election, Idle
from oneleader.tuning.verdict import Verdict
from oneleader.tuning.words import advice, configuration, false_elections, number, table, world_in_words
from oneleader.tuning.world import Pauses, World

GROUND = Ground({"node": 3}, World(), Roles("election", "heartbeat", "as you say"), True, 1)
SETTING = Setting(0.3, 0.2, 0.1)


def measured(seconds: float, count: int = 400, *, limited: int = 0) -> Measured:
    some = (Election(seconds, 1, seconds, split=False, messages=1),) * (count - limited)
    cut = (Election(10.0, 0, 10.0, split=True, messages=1, limited=True),) * limited
    return Measured(SETTING, Sample(some + cut, idle=(Idle(100.0, 8000, 0, 100.0),), nothing_rare=True))


def test_a_world_is_told() -> None:
    told = world_in_words(World(Constant(0.002), 0.01, 0.02, Constant(0.001), Pauses(3600.0, Exponential(0.2))))
    assert told == (
        "messages take 2 ms; 0.01 of them are lost; 0.02 arrive twice; a store takes 1 ms; "
        "each process pauses every 1 h or so, for exponential 200 ms"
    )
    assert world_in_words(World(Constant(0.002))).endswith("none is lost; a store takes 0 ms; nothing pauses")


def test_a_setting_is_told_as_a_node_reads_it() -> None:
    assert configuration(GROUND, SETTING) == ["[timers]", 'election = "300 ms .. 500 ms"', 'heartbeat = "100 ms"']


def test_a_table_stands_in_line() -> None:
    unstable = Measured(Setting(0.01, 0.01, 0.005), Sample(unstable=True))
    lines = table([("*", measured(0.4)), ("", unstable)]).splitlines()
    assert lines[1].startswith("  *  300 ms .. 500 ms, heartbeat 100 ms  400 ms [400 ms, 400 ms]")
    assert "none seen" in lines[1]
    assert lines[1].endswith("80")
    assert "no leader lasts" in lines[2]
    assert lines[0].index("failover, mean") == lines[1].index("400 ms [400")


def test_numbers_are_told_as_far_as_they_matter() -> None:
    assert [number(value) for value in (0.0, 3e-12, 0.01234, 3.456, 1234.0, float("inf"))] == [
        "0", "< 1e-9", "0.012", "3.5", "1,234", "?",
    ]  # fmt: skip
    waited = Measured(SETTING, Sample(measured(0.4).sample.elections, idle=(Idle(86_400.0, 1, 0, 1.0),)))
    assert false_elections(waited) == "none seen [0, 3.7]"


def test_where_nothing_is_good_enough_it_is_said_why() -> None:
    best = measured(0.4, limited=100)
    said = advice(GROUND, Verdict(Choice(None, (), ())), [best], best, 0.03, 7)
    assert said[0].startswith("of 7 settings none surely has at most 0.03 false elections a day")
    assert any("of its 400 failovers 100 had not ended after 20 times the longest timeout" in line for line in said)


def test_what_was_dropped_is_told() -> None:
    best = measured(0.4)
    verdict = Verdict(Choice(best, (best,), (best,)), best, dropped=(measured(0.3),))
    said = "\n".join(advice(GROUND, verdict, [best], best, 0.03, 7))
    assert "no election was seen without a crash" in said
    assert "looked better at first; measured anew, it may have more false elections than are acceptable" in said
