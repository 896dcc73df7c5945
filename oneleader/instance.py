"""The instance of a protocol that commands about one instance work on."""

from __future__ import annotations

from modelcheck.check import Options, models_of
from modelcheck.model import Model
from oneleader.console import fail, problems_told
from spec.overrides import check_from, faults_from, timing_from
from spec.protocol import Protocol


def model_within(protocol: Protocol, within: str | None, faults: str | None = None, timed: str | None = None) -> Model:
    """The model of `--within`, or the first one of the spec's first check; with the faults of `--faults` and the time
    of `--timed`, where given. It has those properties only that are stated under all the faults."""
    if within is None and not protocol.checks:
        fail(f"{protocol.source.name} has no check; say --within '3 nodes'")
    with problems_told():
        check = protocol.checks[0] if within is None else check_from(within, protocol, "--within")
        options = Options(
            faults=None if faults is None else faults_from(faults, protocol, "--faults"),
            timing=None if timed is None else timing_from(timed, protocol, "--timed"),
        )
        return models_of(protocol, check, options)[0]
