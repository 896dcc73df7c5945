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
from tests.exported import UNTIMED, instance_of
from tests.rumur import needs_rumur, run_rumur
from tests.spec.test_broken import BROKEN, promised, untimed_names

pytestmark = needs_rumur

SMALLER = {"prevote": (2,)}
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


@pytest.mark.parametrize("path", UNTIMED, ids=lambda path: path.stem)
def test_shipped_specs_hold(path: Path) -> None:
    protocol, _ = load(path)
    quick = next(check for check in protocol.checks if check.name == "quick")
    model = models_of(protocol, quick, Options())[0]
    model = replace(model, sizes=SMALLER.get(path.stem, model.sizes))
    result = run_rumur(murphi(instance_of(model), symmetry=True), symmetry=True)
    assert not result.violated, result.message
    assert not result.uncovered
    native = explorer(model, Reductions(symmetry=any(not kind.ordered for kind in protocol.kinds)))
    with NativeSearch(native, Limits()) as search:
        assert result.states == search.run().states
