"""The formulas of states and steps, on small protocols: what a protocol drawn by chance seldom holds."""

from modelcheck.proof.claims import of_expression
from modelcheck.proof.concrete_view import Evaluation, quorum_tables, tables_of
from modelcheck.proof.setting import Setting, base_view
from modelcheck.semantics import initial
from spec.check import check
from spec.source import Source
from tests.properties.test_relation import Encoded


def encoded(text: str, *sizes: int) -> Encoded:
    protocol, _ = check(Source("small.elect", text))
    return Encoded(Setting(protocol, sizes, protocol.network, protocol.faults), 0)


def holds_initially(found: Encoded) -> bool:
    """Whether the only property does."""
    setting = found.setting
    (declared,) = setting.protocol.properties
    formula = of_expression(setting, declared.name, declared.expression, declared.about).holds(base_view(setting))
    start = initial(setting.model).state
    assert start is not None
    return Evaluation(setting, {**quorum_tables(setting), **tables_of(setting, start)}).is_true(formula)


MAPS = """
protocol maps
process node:
    seen: map from node to nat = 0
    told: map from node to node? = none

on start:
    {start}

safety alike: forall a, b in node: a.seen == b.seen and a.told == b.told
"""


def test_maps_are_compared_entry_by_entry() -> None:
    assert holds_initially(encoded(MAPS.format(start="seen := 1"), 2))
    assert not holds_initially(encoded(MAPS.format(start="seen[self] := 1"), 2))
    assert not holds_initially(encoded(MAPS.format(start="told[self] := self"), 2))
