"""Splitting what is split in the same way already is no step; any other split is one."""

from modelcheck.check import Options, models_of
from modelcheck.model import StepKind
from modelcheck.semantics import initial, splits, steps
from spec.check import check
from spec.source import Source

SPEC = """\
protocol split
process node:
    on: bool = false
action go:
    on := not on
faults: partition up to 2
safety always: true
check c: 3 nodes
"""


def test_the_same_split_twice_is_no_step() -> None:
    protocol, _ = check(Source("split.elect", SPEC))
    (model,) = models_of(protocol, protocol.checks[0], Options())
    start = initial(model).state
    assert start is not None
    split = next(s.state for s in steps(model, start) if s.step.kind is StepKind.PARTITION)
    assert split is not None
    again = [s for s in steps(model, split) if s.step.kind is StepKind.PARTITION]
    assert len(again) == len(splits(model)) - 1
    assert all(s.state is not None and s.state.sides != split.sides for s in again)
