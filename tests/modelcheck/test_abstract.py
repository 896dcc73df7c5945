"""Numbers that are known to be above a limit, and no more."""

from __future__ import annotations

from itertools import product

import pytest

from modelcheck.abstract import UNKNOWN, Above, KnownScope, abstract
from modelcheck.evaluate import arithmetic, compare
from modelcheck.model import Name
from spec.protocol import Arithmetic, Compare, Comparison, Local, Operator
from spec.types import NatType, Value
from tests.modelcheck.liveness.specs import RAFT, model

LIMIT = 3
VALUES: tuple[Value, ...] = (0, 2, 3, 4, 6, Above(LIMIT), UNKNOWN)
MODEL = model(RAFT, "3 nodes, term <= 1")


def meant(value: Value) -> range:
    """Enough of the numbers that it may be."""
    if isinstance(value, int):
        return range(value, value + 1)
    return range(LIMIT + 1 if isinstance(value, Above) else 0, 14)


@pytest.mark.parametrize(("left", "right"), list(product(VALUES, VALUES)))
def test_what_is_said_is_true_of_all_that_is_meant(left: Value, right: Value) -> None:
    one, other = (Local(number, name, NatType()) for number, name in enumerate("ab"))
    scope = KnownScope(MODEL, Name("node", 0), {}, {0: left, 1: right})
    pairs = list(product(meant(left), meant(right)))
    for comparison in Comparison:
        found = abstract(Compare(comparison, one, other), scope)
        assert found is UNKNOWN or {compare(comparison, *pair) for pair in pairs} == {found}
    for operator in Operator:
        found = abstract(Arithmetic(operator, one, other, NatType()), scope)
        results = {arithmetic(operator, *pair) for pair in pairs}
        if isinstance(found, Above):
            assert min(results) > found.limit
        else:
            assert found is UNKNOWN or results == {found}
