"""What a check's bounds leave unbounded."""

from __future__ import annotations

import pytest

from spec.diagnostics import SpecError
from tests.modelcheck.behaviours import model_of

SQUARES = """
protocol squares
process node:
    n: nat = 2
    m: nat = 2
action go:
    n := n * m
    m := n * n
"""


def test_what_is_multiplied_without_end_is_told_soon() -> None:
    """Its digits double each time, so that nobody may wait for as many rounds as where numbers are added."""
    with pytest.raises(SpecError) as refused:
        model_of(SQUARES, 2)
    assert [(problem.code, problem.span.line) for problem in refused.value.diagnostics] == [("E0501", 4), ("E0501", 5)]


def test_products_of_what_is_bounded_are_bounded() -> None:
    assert model_of(SQUARES, 2, limits={"node.n": 3}).caps.variables == {("node", "n"): 3, ("node", "m"): 9}
