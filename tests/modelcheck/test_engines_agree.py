"""Small specs on which an engine, or a reduction, once said something else than the reference semantics."""

from __future__ import annotations

import pytest

from modelcheck.bounds import caps
from modelcheck.check import Options, run_check
from modelcheck.engines import Choice, NoEngine, Wanted
from modelcheck.outcome import Limits
from modelcheck.reductions import ALL
from spec.check import check
from spec.diagnostics import SpecError
from spec.source import Source

Found = tuple[str, str, dict[str, tuple[str, int | None]], frozenset[str]]


def found(text: str, choice: Choice) -> Found:
    """The answer and its reason, the properties' results with the lengths of their runs, and the bounds reached."""
    protocol, _ = check(Source("small.elect", text))
    verdict = run_check(protocol, protocol.checks[0], Options(Limits(threads=1), choice))
    (one,) = verdict.explorations
    assert one.outcome is not None
    results = {of.name: (of.result.value, of.length) for of in one.properties}
    return verdict.answer.value, verdict.reason, results, one.outcome.reached


def agreed(text: str) -> Found:
    """What all engines find, which has to be the same, with all reductions and with each alone."""
    expected = found(text, Choice(Wanted.PYTHON))
    for reductions in (frozenset[str](), ALL, *(frozenset((one,)) for one in ALL)):
        assert found(text, Choice(Wanted.NATIVE, reductions)) == expected
    return expected


@pytest.mark.parametrize(
    "action",
    ["action store: term := level", "action ask: broadcast ask(level)", "action call if level < 0: forget(level)"],
)
def test_a_number_below_zero_is_no_nat_wherever_it_comes_from(action: str) -> None:
    answer, reason, _, _ = agreed(f"""protocol below
process node:
    level: int -1..0 = 0
    term: nat = 0
message ask(term: nat)
action sink if level == 0: level := level - 1
{action}
on ask(t) from asker: term := t
procedure forget(t: nat):
    if t == 0: term := 0
check small: 2 nodes, term <= 1
""")
    assert (answer, reason) == ("violated", "2 nodes: failure: violated after 2 steps")


def test_a_bound_below_the_initial_value_is_refused() -> None:
    """It would be taken for that value, and the verdict would be of another bound than the one asked for."""
    protocol, _ = check(
        Source(
            "small.elect",
            """protocol late
process node:
    term: nat = 2
action count: term := term + 1
check small: 1 node, term <= 1
""",
        )
    )
    with pytest.raises(SpecError, match="`term` starts at 2, and this check bounds it by 1"):
        caps(protocol, (1,), protocol.checks[0].rows[0].bounds)


def test_a_number_of_more_than_64_bits_is_not_cut_off() -> None:
    text = """protocol growth
process node:
    x: int 0..2 = 2
define squared(n: int 0..2): n * n
action grow: x := squared(squared(squared(squared(squared(squared(x))))))
safety small: x <= 2
check small: 1 node
"""
    assert found(text, Choice(Wanted.PYTHON))[1] == "1 node: failure: violated after 1 step"
    with pytest.raises(NoEngine, match="more than 64 bits"):
        found(text, Choice(Wanted.NATIVE))


def test_a_change_of_the_upper_half_of_a_word_is_looked_at() -> None:
    """Whether a property may tell two states apart was once cut off to 32 bits, and what it was false in passed by."""
    answer, reason, _, _ = agreed("""protocol wide
process node:
    one: int 0..1000000 = 0
    other: int 0..1000000 = 0
    flag: bool = false
action raise_it if one == other: flag := true
safety never: not flag
check small: 1 node
""")
    assert (answer, reason) == ("violated", "1 node: never: violated after 1 step")
