"""Emitted code of protocols drawn by chance: it is shown to be the protocol, and behaves as the reference semantics."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from codegen.python.expressions import NotEmitted
from codegen.python.loaded import loaded
from modelcheck.explore import within
from modelcheck.model import Model, State
from modelcheck.proof.setting import Unprovable
from modelcheck.semantics import initial, steps
from tests.codegen.python.emitted import Beside, found_in, protocol_of, texts_of
from tests.properties.declarations import Tape
from tests.properties.protocols import bounded, text_of

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
WITHOUT_SHRINKING = tuple(phase for phase in Phase if phase is not Phase.shrink)
drawn = settings(max_examples=40, deadline=None, suppress_health_check=SLOW, phases=WITHOUT_SHRINKING)
WALKS, LENGTH = 4, 15


def walked(model: Model, both: Beside, chosen: random.Random) -> None:
    """Random walks, at each state of which all that may happen is compared."""
    begun = initial(model)
    if begun.state is None or begun.beyond is not None:
        return
    for _ in range(WALKS):
        state: State = begun.state
        for _ in range(LENGTH):
            both.look(state)
            following = list(within(tuple(steps(model, state))))
            if not following:
                break
            state = chosen.choice(following)


@drawn
@given(st.binary(min_size=Tape.LENGTH, max_size=Tape.LENGTH), st.integers(0, 1000))
def test_emitted_code_behaves_as_the_reference_semantics(tape: bytes, seed: int) -> None:
    model = bounded(text_of(tape))
    if model is None:
        return
    try:
        texts = texts_of(model.protocol)
    except NotEmitted:
        return
    with loaded(model.protocol, texts) as modules:
        both = Beside(model, modules)
        both.begins()
        walked(model, both, random.Random(seed))


def told(tape: bytes) -> str:
    """What becomes of a protocol."""
    protocol = protocol_of(text_of(tape))
    try:
        found = found_in(protocol, texts_of(protocol), (2,))
    except NotEmitted:
        return "refused"
    except Unprovable:
        return "outside"
    if any("is not shown" not in one.what for one in found):
        raise AssertionError(f"{found}\n{protocol.source.text}")
    return "open" if found else "shown"


def test_nearly_all_emitted_code_is_shown_to_be_its_protocol() -> None:
    """A fixed draw, so that what is refused or stays open can be counted."""
    chosen = random.Random(7)
    counts = Counter(told(chosen.randbytes(Tape.LENGTH)) for _ in range(50))
    assert counts["shown"] >= 45, counts
    assert counts["open"] <= 1, counts


@drawn
@given(st.binary(min_size=Tape.LENGTH, max_size=Tape.LENGTH))
def test_no_emitted_code_is_found_to_differ(tape: bytes) -> None:
    told(tape)
