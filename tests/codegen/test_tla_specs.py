"""TLC finds in the exports of the shipped specs what their checks promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codegen.tla import tla
from modelcheck.check import Options, models_of
from modelcheck.native.engine import NativeSearch, explorer
from modelcheck.outcome import Limits
from modelcheck.reductions import Reductions
from spec.check import load
from tests.codegen.test_murphi_specs import SMALLER, model_of_broken
from tests.exported import UNTIMED, instance_of
from tests.spec.test_broken import promised, untimed_names
from tests.tlc import needs_tlc, run_tlc

pytestmark = [needs_tlc, pytest.mark.slow]


@pytest.mark.parametrize("name", untimed_names())
def test_broken_specs_as_short_as_promised(name: str) -> None:
    result = run_tlc(*tla(instance_of(model_of_broken(name)), symmetry=True))
    assert (result.violated, result.length) == (promised(name).violated, promised(name).length), result.output


@pytest.mark.parametrize("path", UNTIMED, ids=lambda path: path.stem)
def test_shipped_specs_hold(path: Path) -> None:
    protocol, _ = load(path)
    quick = next(check for check in protocol.checks if check.name == "quick")
    model = models_of(protocol, quick, Options())[0]
    model = replace(model, sizes=SMALLER.get(path.stem, model.sizes))
    result = run_tlc(*tla(instance_of(model), symmetry=True))
    assert not result.violated, result.output
    native = explorer(model, Reductions(symmetry=any(not kind.ordered for kind in protocol.kinds)))
    with NativeSearch(native, Limits()) as search:
        assert result.states == search.run().states
