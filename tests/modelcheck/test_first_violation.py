"""Of violations of one length both engines show the one whose property comes first."""

from __future__ import annotations

import shutil

import pytest

from modelcheck.check import Options, explore, models_of
from modelcheck.engines import Choice, Wanted
from spec.check import check
from spec.source import Source

# The action that violates `second` is tried first.
SPEC = """\
protocol both
process node:
    one: bool = false
    two: bool = false
action make_two:
    two := true
action make_one:
    one := true
safety first: not one
safety second: not two
check c: 1 node
"""


@pytest.mark.parametrize("engine", [Wanted.PYTHON, Wanted.NATIVE])
def test_the_first_property_is_shown(engine: Wanted) -> None:
    if engine is Wanted.NATIVE and shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    protocol, _ = check(Source("both.elect", SPEC))
    (model,) = models_of(protocol, protocol.checks[0], Options())
    trace = explore(model, Options(choice=Choice(engine))).trace
    assert trace is not None
    assert trace.violation is not None
    assert trace.violation.property == "first"
