"""What the command line says in the spec's own words is one line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spec.check import check
from spec.diagnostics import SpecError
from spec.overrides import check_from, fairness_from, faults_from, network_from, timing_from
from spec.protocol import Protocol
from spec.source import Source

PROTOCOL, _ = check(
    Source("p.elect", "protocol p\nprocess node:\n    timer t: 1 s\ntimed: tick 1 s\non timeout t:\n    reset t\n")
)


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (timing_from, "tick 1 s"),
        (faults_from, "pause"),
        (network_from, "loss"),
        (check_from, "2 nodes"),
        (fairness_from, "weak timeout"),
    ],
)
@pytest.mark.parametrize("more", ["faults: none", "\n", "    x", "3 nodes"])
def test_a_second_line_is_refused(read: Callable[[str, Protocol, str], object], text: str, more: str) -> None:
    read(text, PROTOCOL, "--option")
    read(f"{text}\n", PROTOCOL, "--option")
    with pytest.raises(SpecError) as refused:
        read(f"{text}\n{more}", PROTOCOL, "--option")
    (problem,) = refused.value.diagnostics
    assert (problem.code, problem.span.line) == ("E0101", 2)
