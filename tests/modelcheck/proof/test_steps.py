"""The formulas of states and steps, on small protocols: what a protocol drawn by chance seldom holds."""

import random

from modelcheck.proof.claims import of_expression
from modelcheck.proof.concrete_view import Evaluation, quorum_tables, state_of_tables, tables_of
from modelcheck.proof.setting import Setting, base_view
from modelcheck.proof.steps import initial_view
from modelcheck.semantics import initial
from spec.check import check
from spec.source import Source
from tests.properties.test_relation import Encoded, compared, walked


def encoded(text: str, *sizes: int) -> Encoded:
    protocol, _ = check(Source("small.elect", text))
    return Encoded(Setting(protocol, sizes, protocol.network, protocol.faults), 0)


def agrees(found: Encoded, walks: int = 8) -> None:
    """The initial state and the steps along some walks are those of the reference."""
    setting, model = found.setting, found.model
    view, _ = initial_view(setting)
    evaluation = Evaluation(setting, {})
    start = {symbol: evaluation.table(view, symbol) for symbol in setting.symbols}
    assert state_of_tables(setting, start) == initial(model).state
    states = {state for seed in range(walks) for state in walked(model, random.Random(seed), 8)}
    for state in states:
        compared(found, state)


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


NAMED_LIKE_SYMBOLS = """
protocol names

type with_type = {value} | whole

process {one}:
    {variable}: nat = 0
    side: with_type = whole
    timer {cut}: 10 ms
    timer at_most: 10 ms

process {two}:
    {variable}: nat = 0
    timer {cut}: 10 ms

message {cut}({value}_: nat, given: bool) from {one} to {two}
message drop() from {two} to {one}

on start at {one}:
    reset {cut}
    broadcast {cut}({variable}, true)
on start at {two}:
    reset {cut}
on timeout {cut} at {one}:
    {variable} := {variable} + 1
    side := {value}
    reset at_most
on timeout {cut} at {two}: broadcast drop()
on {cut}(n, g) from s if g: {variable} := n
on drop() from s: reset {cut}
input ask(chosen: with_type, {cut}: bool) at {one} if {cut}: side := chosen

network: loss
faults: crash up to 1, partition, restart up to 1
"""


def test_names_of_a_spec_are_no_names_of_the_encoding() -> None:
    for one, two, cut, value in [
        ("sent", "end", "cut", "torn"),
        ("value", "after", "tick", "cut"),
        ("spent", "led", "position", "cut"),
        ("with", "process", "cut", "given"),
    ]:
        found = encoded(NAMED_LIKE_SYMBOLS.format(one=one, two=two, cut=cut, value=value, variable="actor"), 1, 1)
        names = [constant.name for unit in found.units for constant in unit.constants]
        names += [name for unit in found.units for name, _, _ in unit.functions]
        values = [v.name for values in found.setting.enumerations.values() for v in values]
        values += [p.name for processes in found.setting.processes.values() for p in processes]
        assert not set(found.setting.symbols) & {*names, *values}
        assert not set(names) & set(values)
        symbols = list(found.setting._symbols())
        assert len({symbol.name for symbol in symbols}) == len(symbols)
        agrees(found, walks=3)
