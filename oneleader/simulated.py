"""What the commands that simulate are told alike: the cluster, and the durations of timers."""

from __future__ import annotations

from pathlib import Path

from oneleader.console import fail, problems_told
from runtime.durations import BadDuration, between
from spec.overrides import check_from
from spec.protocol import Protocol


def sizes_of_cluster(spec: Path, protocol: Protocol, within: str | None) -> tuple[int, ...]:
    """How many processes of each kind `--within` asks for; those of the spec's first check, if it is not said."""
    if within is None:
        if not protocol.checks:
            fail(f"{spec} has no check; say --within '3 nodes'")
        check = protocol.checks[0]
    else:
        with problems_told():
            check = check_from(within, protocol, "--within")
        for row in check.rows:
            if row.bounds or row.channel is not None:
                fail("--within: a simulation bounds no numbers and no links: give sizes alone, such as '3 nodes'")
            if len(row.sizes) > 1:
                fail("--within: expected one size of each kind of process")
    return check.rows[0].sizes[0]


def durations_of_timers(protocol: Protocol, texts: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """What each `--timer NAME=TIMES` says, in seconds."""
    known = {timer.name for kind in protocol.kinds for timer in kind.timers}
    found = {}
    for text in texts:
        name, equals, times = text.partition("=")
        if not equals:
            fail(f"--timer: expected a timer and its times, such as 'election=150 ms .. 300 ms', not {text!r}")
        if name not in known:
            fail(f"--timer: there is no timer `{name}`; the spec has {', '.join(sorted(known)) or 'none'}")
        try:
            found[name] = between(times, f"--timer: {name}")
        except BadDuration as problem:
            fail(str(problem))
        if not found[name][0] > 0:
            fail(f"--timer: {name}: {times!r} is no time at all")
    return found
