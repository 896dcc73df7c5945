from collections.abc import Callable
from dataclasses import replace

import pytest

from modelcheck.replay import ReplayError, replay
from modelcheck.trace import Trace
from modelcheck.trace_json import SavedTrace, read_trace, write_trace
from spec.check import check
from spec.source import Source
from tests.exported import model_of as timed_model
from tests.modelcheck.behaviours import SPLIT, forgetful_trace, locks_trace, model_of, run, split_trace, witness_trace
from tests.timed import SLEPT


def saved(trace: Trace) -> SavedTrace:
    return read_trace(write_trace(trace), trace.model.protocol)


@pytest.mark.parametrize("trace", [forgetful_trace(), split_trace(), locks_trace(), witness_trace()])
def test_what_the_semantics_did_it_does_again(trace: Trace) -> None:
    assert replay(saved(trace)) == trace


def test_what_the_file_says_of_the_violation_is_not_believed() -> None:
    trace = forgetful_trace()
    assert trace.violation is not None
    lying = replace(trace, violation=replace(trace.violation, clauses=("it is the moon's fault",)))
    assert replay(saved(lying)) == trace


def test_a_step_that_cannot_happen_is_refused_with_what_can() -> None:
    trace = forgetful_trace()
    without_request = replace(saved(trace), steps=saved(trace).steps[1:])
    with pytest.raises(ReplayError) as refused:
        replay(without_request)
    assert refused.value.step == 1
    assert refused.value.reason == "`node2 receives request_vote(1) from node1` cannot happen"
    assert refused.value.possible == ("node1: action time_out", "node2: action time_out", "node3: action time_out")
    assert str(refused.value) == (
        "step 1 does not fit: `node2 receives request_vote(1) from node1` cannot happen\n"
        "possible there:\n"
        "  node1: action time_out\n"
        "  node2: action time_out\n"
        "  node3: action time_out"
    )


def changed(trace: Trace, change: Callable[[SavedTrace], SavedTrace]) -> ReplayError:
    with pytest.raises(ReplayError) as refused:
        replay(change(saved(trace)))
    return refused.value


def test_another_initial_state_is_refused() -> None:
    other = split_trace().states[1]
    error = changed(split_trace(), lambda trace: replace(trace, start=other))
    assert error.step == 0
    assert "node1.epoch 0 -> 1, node1.role follower -> leader, node1.silence disarmed" in error.reason
    assert "the messages under way differ, who has led so far differs" in error.reason


def test_a_step_that_leads_elsewhere_is_refused() -> None:
    def swap(trace: SavedTrace) -> SavedTrace:
        steps = list(trace.steps)
        steps[3] = replace(steps[3], state=steps[2].state)
        return replace(trace, steps=tuple(steps))

    error = changed(split_trace(), swap)
    assert error.step == 4
    assert "node2 down -> up" in error.reason
    assert "the faults counted so far differ" in error.reason


def test_a_step_that_sends_something_else_is_refused() -> None:
    def swap(trace: SavedTrace) -> SavedTrace:
        return replace(trace, steps=(replace(trace.steps[0], sent=trace.steps[0].sent[:1]), *trace.steps[1:]))

    error = changed(forgetful_trace(), swap)
    assert error.reason == (
        "it sends request_vote(1) to node2, request_vote(1) to node3, and the trace has it otherwise"
    )


def test_failures_are_those_of_the_semantics() -> None:
    def other(reason: str | None) -> Callable[[SavedTrace], SavedTrace]:
        def swap(trace: SavedTrace) -> SavedTrace:
            last = replace(trace.steps[-1], failure=reason, state=trace.steps[-2].state if reason is None else None)
            return replace(trace, steps=(*trace.steps[:-1], last))

        return swap

    assert changed(locks_trace(), other("rain")).reason == "it fails with `free = -1 is no int 0..1`, not with `rain`"
    assert changed(locks_trace(), other(None)).reason == "it fails here: free = -1 is no int 0..1"

    def fail_early(trace: SavedTrace) -> SavedTrace:
        return replace(trace, steps=(*trace.steps[:-2], replace(trace.steps[-2], failure="rain", state=None)))

    error = changed(locks_trace(), fail_early)
    assert (error.step, error.reason) == (4, "it does not fail, but the trace says: rain")


def test_a_step_beyond_a_bound_is_refused() -> None:
    higher = run(model_of(SPLIT, 2, limits={"node.epoch": 2}), "node1: timeout silence", "node1 crashes and restarts")
    lower = model_of(SPLIT, 2, limits={"node.epoch": 0})
    error = changed(higher, lambda trace: replace(trace, model=lower))
    assert (error.step, error.reason) == (1, "it passes the bound epoch <= 0")


def test_a_trace_must_show_what_it_says_it_shows() -> None:
    def shown(trace: Trace, name: str, violation: bool, steps: int | None = None) -> str:
        whole = saved(trace)
        with pytest.raises(ReplayError) as refused:
            replay(replace(whole, steps=whole.steps[:steps], shows=name, is_violation=violation))
        return refused.value.reason

    split, witness = split_trace(), witness_trace()
    assert shown(split, "one_leader", True, 10) == "the trace ends here, and does not violate `one_leader`"
    assert shown(split, "one_leader_per_token", True, 5).endswith("does not violate `one_leader_per_token`")
    assert shown(split, "epochs_grow", True) == "the trace ends here, and does not violate `epochs_grow`"
    assert shown(split, "epochs_grow", True, 0) == "the trace ends here, and does not violate `epochs_grow`"
    assert shown(split, "failure", True) == "the trace ends here, and does not violate `failure`"
    assert (
        shown(locks_trace(), "a_client_holds", True)
        == "the protocol has no property that can be violated `a_client_holds`"
    )
    assert shown(locks_trace(), "a_client_holds", False) == "the trace ends here, and `a_client_holds` is false"
    assert shown(witness, "someone_leads", False, 1) == "the trace ends here, and `someone_leads` is false"
    assert shown(witness, "one_leader", False) == "the protocol has no `reachable` property `one_leader`"


def test_a_step_property_is_found_false_in_the_last_step() -> None:
    # A disk that is lost takes the epoch with it.
    trace = run(
        model_of(SPLIT, 2, limits={"node.epoch": 1}), "node1: timeout silence", "node1 loses its disk and restarts"
    )
    found = replay(replace(saved(trace), shows="epochs_grow", is_violation=True)).violation
    assert found is not None
    assert found.clauses == ("self = node1: `next(epoch) >= epoch` is false (next(node1.epoch) = 0, node1.epoch = 1)",)


def test_a_trace_that_shows_nothing_is_a_behaviour_all_the_same() -> None:
    trace = replace(forgetful_trace(), violation=None)
    assert replay(saved(trace)) == trace


def test_a_property_that_is_stated_without_a_fault_says_nothing_of_runs_that_may_have_it() -> None:
    """It can be false at their ends, and that is no violation."""

    def at_the_end(faults: str) -> Trace:
        text = SLEPT.replace("pause of client up to 1", faults)
        text = text.replace("leader at", "safety never without pause: forall c in client: not c.holding\nleader at")
        steps = ("client1: input acquire()", "storage1 receives ask() from client1")
        trace = run(timed_model(text), *steps, "client1 receives granted(1) from storage1")
        whole = read_trace(write_trace(trace), check(Source("slept.elect", text))[0])
        return replay(replace(whole, shows="never", is_violation=True))

    assert at_the_end("none").violation is not None
    with pytest.raises(ReplayError, match="`never` is stated without pause, and these runs may have it"):
        at_the_end("pause")
