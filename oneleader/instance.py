"""The instance of a protocol that commands about one instance work on."""

from __future__ import annotations

from modelcheck.check import Options, models_of
from modelcheck.model import Model
from oneleader.console import fail, problems_told
from spec.overrides import check_from
from spec.protocol import Protocol


def model_within(protocol: Protocol, within: str | None) -> Model:
    """The model of `--within`, or the first one of the spec's first check."""
    if within is None and not protocol.checks:
        fail(f"{protocol.source.name} has no check; say --within '3 nodes'")
    with problems_told():
        check = protocol.checks[0] if within is None else check_from(within, protocol, "--within")
        return models_of(protocol, check, Options())[0]
