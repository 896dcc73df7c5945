"""Rumur finds in the exports of the shipped specs what their checks promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codegen.murphi import murphi
from modelcheck.check import Options, described_sizes, models_of
from modelcheck.model import Model
from modelcheck.native.engine import NativeSearch, explorer
from modelcheck.outcome import Limits
from modelcheck.reductions import Reductions
from spec.check import load
from spec.protocol import PropertyKind
from tests.exported import SHIPPED, UNTIMED, instance_of
from tests.rumur import needs_rumur, run_rumur
from tests.spec.test_broken import BROKEN, promised, untimed_names

pytestmark = needs_rumur

SMALLER = {"prevote": (2,), "lease": (1, 1, 1)}
"""Sizes for Rumur, where it would take many minutes over those of the check."""


def model_of_broken(name: str) -> Model:
    """The model in which the header has counted."""
    protocol, _ = load(BROKEN / f"{name}.elect")
    (only,) = protocol.checks
    sizes = promised(name).sizes
    return next(model for model in models_of(protocol, only, Options()) if described_sizes(model) == sizes)


@pytest.mark.parametrize("name", untimed_names())
def test_broken_specs_as_short_as_promised(name: str) -> None:
    result = run_rumur(murphi(instance_of(model_of_broken(name)), symmetry=True), symmetry=True)
    assert (result.violated, result.length) == (promised(name).violated, promised(name).length), result.message


# Of the specs with time, the others take Rumur too long.
@pytest.mark.parametrize("path", [*UNTIMED, SHIPPED / "lease.elect"], ids=lambda path: path.stem)
def test_shipped_specs_hold(path: Path) -> None:
    protocol, _ = load(path)
    quick = next(check for check in protocol.checks if check.name == "quick")
    model = models_of(protocol, quick, Options())[0]
    model = replace(model, sizes=SMALLER.get(path.stem, model.sizes))
    result = run_rumur(murphi(instance_of(model), symmetry=True), symmetry=True)
    native = explorer(model, Reductions(symmetry=any(not kind.ordered for kind in protocol.kinds)))
    with NativeSearch(native, Limits()) as search:
        outcome = search.run()
    witnessed = {hit.checked.name for hit in outcome.witnesses}
    wanted = {prop.name for prop in protocol.properties if prop.kind is PropertyKind.REACHABLE}
    # A smaller instance need not have all witnesses, and then says so with an error.
    assert set(result.uncovered) == wanted - witnessed
    assert not outcome.violations
    assert not result.violated or result.uncovered, result.message
    assert result.states == outcome.states
    assert not result.uncovered or path.stem in SMALLER
