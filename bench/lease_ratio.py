"""Which LeaseDuration is long enough for which drift of clocks, in spec/protocols/kubernetes_lease.elect.

    python -m bench.lease_ratio [--renew 10] [--retry 2] [--delay 0.5] [--tick 0.5] [--drift 20 ...] [--document]

For each drift, the checker is asked about one LeaseDuration after another, a tick apart, until two are found next to
each other of which the shorter one lets two clients lead at once and the longer one does not. `formula` is what a
LeaseDuration has to exceed in dense time, (retry + renew) (1 + r) / (1 - r) + delay (1 + r), and `documented` what it
has to by the ratio in client-go's documentation, renew (1 + r) / (1 - r).

What ticks do to it: limits are rounded outwards, the lease down, and each of the leader's two timers up. So what is
found safe is safe, and the LeaseDuration found is longer than the formula's by up to four ticks. `rounded` is the
formula with the same rounding: it has to be what was found, or the command fails. All durations in seconds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from bench.tables import markdown_table, replace_block
from modelcheck.check import Options, run_check
from modelcheck.verdict import Answer
from spec.check import load
from spec.overrides import check_from, timing_from
from spec.protocol import Protocol

ROOT = Path(__file__).parent.parent
SPEC = ROOT / "spec" / "protocols" / "kubernetes_lease.elect"
DOCUMENT = ROOT / "docs" / "leases.md"
COMMAND = "python -m bench.lease_ratio"
PROPERTY = "one_leads"
ROW = "2 clients, 1 api_server, version <= 2, channel <= 1, without pause"
DRIFTS = (0, 100, 50, 20, 10, 5, 4)


@dataclass(frozen=True)
class Timers:
    """Durations in milliseconds; a clock is wrong by 1 in `drift`, by nothing where that is 0."""

    renew: int
    retry: int
    delay: int
    tick: int
    drift: int

    @property
    def rate(self) -> Fraction:
        return Fraction(1, self.drift) if self.drift else Fraction(0)

    @property
    def formula(self) -> Fraction:
        """What a LeaseDuration has to exceed."""
        return ((self.retry + self.renew) / (1 - self.rate) + self.delay) * (1 + self.rate)

    @property
    def documented(self) -> Fraction:
        return self.renew * (1 + self.rate) / (1 - self.rate)

    @property
    def rounded(self) -> int:
        """The shortest LeaseDuration, in whole ticks, that is long enough when all limits are whole ticks."""
        longest = sum(_up(length / (1 - self.rate), self.tick) for length in (self.retry, self.renew))
        needed = (longest + _up(Fraction(self.delay), self.tick) + 1) * self.tick
        return _up(needed * (1 + self.rate), self.tick) * self.tick


@dataclass(frozen=True)
class Found:
    """The shortest LeaseDuration that holds, next to one that does not."""

    timers: Timers
    shortest: int
    states: int
    """Of the search in which it holds."""


def _up(length: Fraction, tick: int) -> int:
    """How many ticks, rounded upwards."""
    return -int(-length // tick)


def search(protocol: Protocol, timers: Timers) -> Found:
    """From where the formula says, downwards as long as it holds, or upwards until it does."""
    lease = _up(timers.formula, timers.tick) * timers.tick
    states = holds(protocol, timers, lease)
    if states is None:
        while states is None:
            lease += timers.tick
            states = holds(protocol, timers, lease)
        return Found(timers, lease, states)
    while (fewer := holds(protocol, timers, lease - timers.tick)) is not None:
        lease, states = lease - timers.tick, fewer
    return Found(timers, lease, states)


def holds(protocol: Protocol, timers: Timers, lease: int) -> int | None:
    """How many states there are with this LeaseDuration; None where two lead at once in one of them."""
    words = f"tick {timers.tick} ms, delay {timers.delay} ms, lease {lease} ms, deadline {timers.renew} ms"
    drift = f", drift 1 in {timers.drift}" if timers.drift else ""
    timing = timing_from(f"{words}, between {timers.retry} ms{drift}", protocol, COMMAND)
    row = check_from(ROW if timers.drift else f"{ROW}, without drift", protocol, COMMAND)
    verdict = run_check(protocol, row, Options(only=frozenset({PROPERTY}), timing=timing))
    if verdict.answer is Answer.VIOLATED:
        return None
    if verdict.answer is not Answer.HOLDS:
        raise RuntimeError(f"{COMMAND}: {verdict.reason}")
    return sum(one.outcome.states for one in verdict.explorations if one.outcome is not None)


# Tables --------------------------------------------------------------------------------------------------------------


def table(found: Sequence[Found]) -> str:
    titles = ("drift", "documented: more than", "formula: more than", "shortest that holds", "ratio", "states")
    return markdown_table(titles, list(_rows(found)))


def _rows(found: Sequence[Found]) -> Iterator[tuple[str, ...]]:
    for one in found:
        timers = one.timers
        yield (
            f"1 in {timers.drift}" if timers.drift else "none",
            f"{float(timers.documented) / 1000:.2f} s",
            f"{float(timers.formula) / 1000:.2f} s",
            f"{one.shortest / 1000:.2f} s",
            f"{one.shortest / timers.renew:.2f}",
            f"{one.states:,}",
        )


def heading(timers: Timers) -> str:
    return (
        f"RenewDeadline {timers.renew / 1000:g} s, RetryPeriod {timers.retry / 1000:g} s, "
        f"delay {timers.delay / 1000:g} s; ticks of {timers.tick} ms:\n\n"
    )


def differing(found: Sequence[Found]) -> list[Found]:
    """Where the checker has not found what the formula gives, with the same rounding."""
    return [one for one in found if one.shortest != one.timers.rounded]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--renew", type=_milliseconds, default=10_000, metavar="SECONDS", help="RenewDeadline")
    parser.add_argument("--retry", type=_milliseconds, default=2_000, metavar="SECONDS", help="RetryPeriod")
    parser.add_argument("--delay", type=_milliseconds, default=500, metavar="SECONDS", help="of a message, at most")
    parser.add_argument(
        "--tick", type=_milliseconds, default=500, metavar="SECONDS", help="a finer one has more states"
    )
    parser.add_argument(
        "--drift", type=_drift, nargs="+", default=DRIFTS, metavar="N", help="clocks are wrong by 1 in N; 0: not at all"
    )
    parser.add_argument("--document", action="store_true", help="write the table into docs/leases.md")
    chosen = parser.parse_args(arguments)
    protocol, _ = load(SPEC)
    every = [Timers(chosen.renew, chosen.retry, chosen.delay, chosen.tick, drift) for drift in chosen.drift]
    found = [search(protocol, timers) for timers in every]
    written = heading(every[0]) + table(found)
    sys.stdout.write(written)
    if chosen.document:
        replace_block(DOCUMENT, COMMAND, written)
    for one in differing(found):
        sys.stderr.write(f"{COMMAND}: {one.timers}: found {one.shortest} ms, expected {one.timers.rounded} ms\n")
    return 1 if differing(found) else 0


def _milliseconds(text: str) -> int:
    try:
        length = Fraction(text) * 1000
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds") from None
    if length.denominator != 1 or length <= 0:
        raise argparse.ArgumentTypeError(f"`{text}` is no whole number of milliseconds above 0")
    return int(length)


def _drift(text: str) -> int:
    if not text.isdigit() or text == "1":
        raise argparse.ArgumentTypeError(f"`{text}` is no N of `1 in N`: expected 0, or 2 and more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
