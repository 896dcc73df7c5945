"""Time in the formulas, held against the reference semantics on small protocols that use all of it."""

import random
from dataclasses import replace

import pytest

from modelcheck.evaluate import evaluate, scope_of
from modelcheck.model import State, StepKind
from modelcheck.proof.claims import assumed, of_expression
from modelcheck.proof.concrete_view import Evaluation, state_of_tables
from modelcheck.proof.setting import Unprovable, base_view
from modelcheck.proof.steps import initial_view
from modelcheck.semantics import attempts, initial
from tests.modelcheck.proof.test_steps import encoded
from tests.modelcheck.proof.timed_specs import SPECS, WITH_DELAY
from tests.properties.test_relation import Encoded, compared, states_of, tables_for, walked

TIME = {StepKind.TICK, StepKind.PAUSE, StepKind.RESUME}
FORMS = ("fixed", "quantified", "any number")
every_spec = pytest.mark.parametrize("name", SPECS)
in_every_form = pytest.mark.parametrize("form", FORMS)


def formed(name: str, form: str) -> Encoded:
    found = encoded(SPECS[name])
    sizes = (None,) * len(found.setting.sizes)
    meant = {
        "fixed": found.setting,
        "quantified": replace(found.setting, quantified=True),
        "any number": replace(found.setting, sizes=sizes),
    }
    return replace(found, meant=meant[form])


def passed_through(found: Encoded) -> set[State]:
    return {state for seed in range(6) for state in walked(found.model, random.Random(seed), 12)}


def any_states(found: Encoded) -> set[State]:
    """Those of some walks, and others that need not be reachable."""
    return passed_through(found) | {state for seed in range(8) for state in states_of(replace(found, seed=seed), 4)}


def is_covered(name: str, form: str) -> bool:
    return form != "any number" or name not in WITH_DELAY


@every_spec
@in_every_form
def test_a_step_is_in_the_relation_if_and_only_if_the_reference_takes_it(name: str, form: str) -> None:
    found = formed(name, form)
    if not is_covered(name, form):
        with pytest.raises(Unprovable, match="limit of a message's delay"):
            _ = found.units
        return
    seen: set[StepKind] = set()
    expected: set[StepKind] = set()
    for state in sorted(any_states(found), key=repr):
        seen |= {kind for kind, *_ in compared(found, state)}
        expected |= {successor.step.kind for successor in attempts(found.model, state)}
    assert StepKind.TICK in seen
    assert seen & TIME == expected & TIME


def test_a_clock_that_the_formulas_do_not_look_at_is_noticed() -> None:
    """The comparison is able to fail: with a tick that nothing holds up, or a timer that fires too soon."""
    found = formed("ranges", "fixed")
    clocks = found.setting.protocol.clocks
    assert clocks is not None
    for wrong in (
        tuple(replace(clock, longest=clock.longest + 1) for clock in clocks.timers),
        tuple(replace(clock, shortest=0) for clock in clocks.timers),
        tuple(replace(clock, top=clock.top - 1) for clock in clocks.timers),
    ):
        protocol = replace(found.setting.protocol, clocks=replace(clocks, timers=wrong))
        other = replace(found, meant=replace(found.setting, protocol=protocol))
        with pytest.raises(AssertionError):
            agree(other, any_states(found))


def agree(found: Encoded, states: set[State]) -> None:
    for state in states:
        compared(found, state)


@every_spec
@in_every_form
def test_the_initial_state_and_what_is_taken_for_granted(name: str, form: str) -> None:
    if not is_covered(name, form):
        return
    found = formed(name, form)
    setting = found.setting
    view, _ = initial_view(found.meant)
    evaluation = found.evaluation(found.quorums)
    start = {symbol: evaluation.table(view, symbol) for symbol in setting.symbols}
    assert state_of_tables(setting, start) == initial(found.model).state
    claims = assumed(found.meant)
    clocks = setting.protocol.clocks
    assert clocks is not None
    names = {claim.name for claim in claims}
    assert {f"clock_of_{clock.kind}_{clock.timer}" for clock in clocks.timers} <= names
    for state in passed_through(found):
        evaluation = found.evaluation({**found.quorums, **tables_for(found, state)})
        for claim in claims:
            assert evaluation.is_true(claim.holds(base_view(found.meant))), (claim.name, state)


@every_spec
@in_every_form
def test_a_property_is_true_of_a_state_in_both(name: str, form: str) -> None:
    if not is_covered(name, form):
        return
    found = formed(name, form)
    answers = set()
    for state in any_states(found):
        evaluation = found.evaluation({**found.quorums, **tables_for(found, state)})
        for claim in found.setting.protocol.properties:
            formula = of_expression(found.meant, claim.name, claim.expression, claim.about).holds(
                base_view(found.meant)
            )
            expected = bool(evaluate(claim.expression, scope_of(found.model, state, None)))
            assert evaluation.is_true(formula) == expected, (claim.name, state)
            answers.add(expected)
    assert True in answers


NEGATIVE = """
protocol negative
process node:
    low: int -3..3 = -2
    high: int 0..9 = 0
    again: int -1..4? = none
message tell(n: {carried})
on start: again := low + 4
action raise at node if low < 3 and low + high < 9:
    low := low + 1
    high := high + 1
action copy at node if again != none: again := if low >= 0 then low else -1
on tell(n) from s: high := n
safety fine: forall a in node: {claim}
network: reliable
"""


def test_numbers_that_may_be_negative_are_integers_for_any_number_of_processes() -> None:
    text = NEGATIVE.format(carried="int 0..9", claim="a.low - 1 < 5 and min(a.low, 2) * 2 >= -6 and a.again != 9")
    text = text.replace(" and low + high < 9", "")
    found = encoded(text)
    found = replace(found, meant=replace(found.setting, sizes=(None,)))
    for state in any_states(found):
        compared(found, state)
        evaluation = Evaluation(found.setting, {**found.quorums, **tables_for(found, state)}, (), found.structure[0])
        (claim,) = found.setting.protocol.properties
        formula = of_expression(found.meant, claim.name, claim.expression, None).holds(base_view(found.meant))
        assert evaluation.is_true(formula) == bool(evaluate(claim.expression, scope_of(found.model, state, None)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (NEGATIVE.format(carried="int 0..9", claim="true"), "together with one that may not"),
        (NEGATIVE.format(carried="int -1..9", claim="true").replace(" and low + high < 9", ""), "that are carried"),
    ],
)
def test_what_mixes_them_with_others_is_refused(text: str, reason: str) -> None:
    found = encoded(text)
    with pytest.raises(Unprovable, match=reason):
        _ = replace(found, meant=replace(found.setting, sizes=(None,))).units
