"""What can still be reached: the native search against the reference semantics, on protocols drawn by chance."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import Phase as Stage
from hypothesis import strategies as st

from modelcheck.layout import Unsupported
from modelcheck.liveness import leads_to, reference, reference_led
from modelcheck.liveness.arrays import flags_of
from modelcheck.liveness.graph import compiled, goals_of, graph
from modelcheck.liveness.phases import Phase
from modelcheck.liveness.prepared import prepared
from modelcheck.liveness.recovers import recovers
from modelcheck.liveness.replayed import shown
from modelcheck.model import Model
from modelcheck.outcome import Limits
from modelcheck.reductions import ALL, REBASED, Reductions, reductions_of
from modelcheck.trace import is_behaviour
from spec.fairness import Fairly, Fairness, Promise, Strength
from spec.protocol import Constant, Property, PropertyKind
from spec.types import BOOL
from tests.compiler import needs_compiler
from tests.properties.protocols import Explored, models

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
drawn = settings(
    max_examples=12, deadline=None, suppress_health_check=SLOW, phases=[one for one in Stage if one is not Stage.shrink]
)
pytestmark = [needs_compiler, pytest.mark.usefixtures("quickly_compiled")]
LIMIT = 4000
"""States of a future that the reference is asked about."""


def claims(found: Explored) -> list[Property]:
    """What the protocol says of single states, as goals."""
    kinds = (PropertyKind.SAFETY, PropertyKind.REACHABLE, PropertyKind.INVARIANT)
    return [
        replace(claim, kind=PropertyKind.RECOVERS) for claim in found.model.protocol.properties if claim.kind in kinds
    ]


def agree(model: Model, claim: Property, phase: Phase, gone: int, reductions: Reductions) -> str:
    """Holds both against each other; says what came out."""
    names = [name for names in model.names for name in names]
    groups = [some for some in combinations(names, gone) if len({n.kind for n in some}) <= 1]
    expected = reference.recovery(model, claim, phase, groups)
    native = compiled(model, goals_of(claim), reductions)
    masks = [sum(1 << names.index(name) for name in some) for some in groups]
    with graph(native, Limits()) as reached, graph(native, Limits()) as after:
        reached.reach()
        canonical = {native.explorer.canonicalise(native.explorer.encode(s)) for s in reference.reachable(model)}
        assert {reached.words(number) for number in range(len(reached))} == canonical
        after.seed(reached, masks, phase)
        seeds = len(after)
        said = after.recover(phase)
        found: dict[int, set[tuple[int, ...]]] = {0: set(), 1: set(), 2: set()}
        for number, flags in enumerate(flags_of(after)[:seeds].tolist()):
            found[0 if flags & 1 else 2 if flags & 2 else 1].add(after.words(number))
        assert (said.good, said.lost, said.cut) == tuple(len(found[i]) for i in range(3))
        for number, states in enumerate(expected):
            assert found[number] == {native.explorer.canonicalise(native.explorer.encode(state)) for state in states}
        for first, which in ((said.first_lost, 1), (said.first_cut, 2)):
            assert (first is None) == (not found[which])
            assert first is None or after.words(first) in found[which]
    return f"{'some lost' if expected[1] else 'none lost'}, {'some cut' if expected[2] else 'none cut'}"


def is_small(model: Model, phase: Phase) -> bool:
    seen = set(reference.reachable(model))
    waiting = list(seen)
    while waiting and len(seen) < LIMIT:
        for successor in reference.calm_steps(model, waiting.pop(), phase):
            after = successor.state
            if after is not None and successor.beyond is None and after not in seen:
                seen.add(after)
                waiting.append(after)
    return not waiting


@drawn
@given(models(limit=300), st.data())
def test_the_native_search_is_the_reference(found: Explored, data: st.DataObject) -> None:
    candidates = claims(found)
    assume(candidates)
    claim = data.draw(st.sampled_from(candidates))
    gone = data.draw(st.sampled_from((0, 0, 1)))
    phase = Phase.CALM if not gone else data.draw(st.sampled_from((Phase.LEFT, Phase.CUT_OFF)))
    more = data.draw(st.sampled_from((0, 1)))
    model = prepared(found.model, claim, more, may_be_down=gone > 0)
    assume(is_small(model, phase))
    wanted = data.draw(st.sampled_from((ALL, frozenset[str]())))
    try:
        event(agree(model, claim, phase, gone, reductions_of(model, wanted)))
    except Unsupported:
        assume(False)


def promised(data: st.DataObject) -> Fairness:
    calm = data.draw(st.booleans())
    apart = calm and data.draw(st.booleans())
    strengths = st.sampled_from((None, Strength.WEAK, Strength.WEAK, Strength.STRONG))
    promises = [Promise(s, what) for what in Fairly if (s := data.draw(strengths)) is not None]
    return Fairness(calm, apart, tuple(promises))


@drawn
@given(models(limit=250), st.data())
def test_a_lasso_is_found_where_the_reference_has_one(found: Explored, data: st.DataObject) -> None:
    candidates = claims(found)
    assume(candidates)
    first, then = (data.draw(st.sampled_from(candidates)) for _ in range(2))
    assume(first.about == then.about)
    one = data.draw(st.sampled_from((Constant(True, BOOL), first.expression)))
    about = None if isinstance(one, Constant) and then.about is None else then.about
    claim = replace(first, kind=PropertyKind.LEADS_TO, expression=one, then=then.expression, about=about)
    fairness = promised(data)
    protocol = replace(found.model.protocol, properties=(claim,), fairness=fairness)
    model = replace(found.model, protocol=protocol)
    whole = prepared(model, claim, 1 if fairness.calm else 0)
    assume(is_small(whole, Phase.CALM))
    expected = reference_led.leads_to(whole, claim, fairness)
    try:
        said = leads_to.leads_to(model, claim, Limits(), kept=leads_to.KEPT - {REBASED})
    except Unsupported:
        assume(False)
    event(f"{said.holds} {said.reason}")
    assert (said.holds, said.reason) == expected
    if said.trace is not None:
        assert is_behaviour(said.trace)
        assert shown(said.trace, claim) == said.trace.violation
    rebased = leads_to.leads_to(model, claim, Limits())
    if rebased.rebased:
        event("rebased")
    assert not (rebased.holds is True and said.trace is not None)
    if rebased.trace is not None:
        event("rebased and replayed" if rebased.rebased else "replayed")
        assert shown(rebased.trace, claim) == rebased.trace.violation


@drawn
@given(models(limit=300), st.data())
def test_what_is_out_of_reach_is_seen_again(found: Explored, data: st.DataObject) -> None:
    candidates = claims(found)
    assume(candidates)
    claim = data.draw(st.sampled_from(candidates))
    protocol = replace(found.model.protocol, properties=(claim,))
    model = replace(found.model, protocol=protocol)
    assume(is_small(prepared(model, claim, 2), Phase.CALM))
    native, plain = (recovers(model, claim, Limits(), native=native) for native in (True, False))
    assert (native.holds, native.is_violated) == (plain.holds, plain.is_violated)
    event("lost" if native.lost else "cut" if native.cut else "holds")
    for said in (native, plain):
        if said.trace is not None and said.lost:
            assert shown(said.trace, claim).property == claim.name
