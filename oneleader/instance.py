"""The instance of a protocol that commands about one instance work on."""

from __future__ import annotations

from modelcheck.check import Options, models_of
from modelcheck.model import Model
from oneleader.console import fail, problems_told
from spec.overrides import check_from
from spec.protocol import Protocol


def model_within(protocol: Protocol, within: str | None) -> Model:
    """The model of `--within`, or the first one of the spec's first check."""
    with problems_told():
        if within is not None:
            return models_of(protocol, check_from(within, protocol, "--within"), Options())[0]
        if protocol.checks:
            return models_of(protocol, protocol.checks[0], Options())[0]
    fail(f"{protocol.source.name} has no check; say --within '3 nodes'")
