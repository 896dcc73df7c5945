from pathlib import Path

import pytest

from modelcheck.mermaid import mermaid
from modelcheck.trace import Trace
from tests.golden import assert_golden
from tests.modelcheck.behaviours import forgetful_trace, locks_trace, split_trace, witness_trace

GOLDEN = Path(__file__).parent / "golden"
TRACES = {"forgetful": forgetful_trace(), "split": split_trace(), "locks": locks_trace(), "witness": witness_trace()}


@pytest.mark.parametrize("name", TRACES)
def test_a_diagram_is_as_it_was_when_it_was_found_good(name: str) -> None:
    assert_golden(GOLDEN / f"{name}.mmd", mermaid(TRACES[name]))


@pytest.mark.parametrize("trace", TRACES.values())
def test_only_who_is_active_is_deactivated(trace: Trace) -> None:
    active: set[str] = set()
    for line in mermaid(trace).splitlines():
        word, _, name = line.strip().partition(" ")
        if word == "activate":
            assert name not in active
            active.add(name)
        elif word == "deactivate":
            active.remove(name)
    assert len(active) <= 2


@pytest.mark.parametrize("trace", TRACES.values())
def test_nothing_in_the_text_means_anything_to_mermaid(trace: Trace) -> None:
    for line in mermaid(trace).splitlines()[2:]:
        _, colon, text = line.partition(": ")
        if colon:
            for escape in ("#gt;", "#lt;", "#35;", "#59;", "<br/>"):
                text = text.replace(escape, "")
            assert not set(text) & set("#;<>")
