"""TLC takes the invariants that we export for inductive ones where they are, and finds the step that breaks them
where they are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codegen.tla import tla
from codegen.tla_inductive import Inductive, inductive
from modelcheck.explore import reachable
from modelcheck.model import Model
from modelcheck.proof.prove import Wanted, prove
from spec.protocol import Fault, FaultKind, PropertyKind
from tests.codegen.test_tla import AGREEING
from tests.exported import BAG, LOCKS, PARTS, RING, instance_of, model_of, model_of_file, with_network
from tests.golden import assert_golden
from tests.tlc import needs_tlc, run_tlc

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
DUEL = model_of_file(HERE / "duel.elect")
CLAUSES = [prop.name for prop in DUEL.protocol.properties if prop.kind is PropertyKind.INVARIANT]
NOT_NEEDED = {
    "nobody_asks_itself": "a broadcast names no receiver, so no state has such a message",
    "one_vote_a_term": "of two, one alone can have voted for another",
    "leaders_have_not_voted_for_others": "of two, both have to vote for who leads",
}
"""The clauses that can be spared with two processes and one term, and why."""


def without(name: str) -> Model:
    """The duel with a clause left out."""
    kept = tuple(prop for prop in DUEL.protocol.properties if prop.name != name)
    assert len(kept) == len(DUEL.protocol.properties) - 1
    return replace(DUEL, protocol=replace(DUEL.protocol, properties=kept))


def of(model: Model, symmetry: bool = False) -> Inductive:
    return inductive(instance_of(model), symmetry)


def about_apalache(found: Inductive) -> list[str]:
    """What the module says of why it is not for Apalache; nothing if it is."""
    lines = found.module.splitlines()
    at = [number for number, line in enumerate(lines) if line.startswith("\\* Not for Apalache: ")]
    if not at:
        return []
    more = [line.removeprefix("\\*   ") for line in lines[at[0] + 1 :]]
    return [lines[at[0]].removeprefix("\\* Not for Apalache: "), *more[: more.index("\\*")]]


# With TLC ------------------------------------------------------------------------------------------------------------


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("symmetry", [False, True])
def test_an_inductive_invariant_is_one(symmetry: bool) -> None:
    """All states that TLC finds are those that it began with: no step leads out of the invariant."""
    found = of(DUEL, symmetry)
    assert not run_tlc(found.module, found.start).violated
    result = run_tlc(found.module, found.step)
    assert not result.violated, result.output
    assert result.states == (2886 if symmetry else 5712)
    assert "The depth of the complete state graph search is 1." in result.output


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("clause", CLAUSES)
def test_without_a_clause_a_step_breaks_another(clause: str) -> None:
    """And where TLC says so, the prover must not say that the rest is inductive."""
    model = without(clause)
    found = of(model)
    result = run_tlc(found.module, found.step)
    assert bool(result.violated) == (clause not in NOT_NEEDED), result.output
    if result.violated:
        assert result.length == 1
        assert not prove(model.protocol, Wanted((2,), None, None, False, 10.0), lambda line: None).proved


@needs_tlc
@pytest.mark.slow
def test_a_step_property_is_checked_too() -> None:
    text = (HERE / "duel.elect").read_text(encoding="utf-8")
    wrong = text.replace("next(term) >= term", "next(term) == term")
    found = of(model_of(wrong))
    assert run_tlc(found.module, found.step).violated == "terms_grow"


@needs_tlc
@pytest.mark.slow
def test_a_step_that_fails_is_found() -> None:
    text = (HERE / "duel.elect").read_text(encoding="utf-8")
    wrong = text.replace("    if quorum({self, voter}):\n", "    assert voter == self\n    if quorum({self, voter}):\n")
    found = of(model_of(wrong))
    assert "the assertion is false" in run_tlc(found.module, found.step).violated


@needs_tlc
@pytest.mark.slow
def test_a_start_without_the_invariant_is_found() -> None:
    text = (HERE / "duel.elect").read_text(encoding="utf-8")
    wrong = text + "\ninvariant somebody_votes: exists n in node: n.voted_for != none\n"
    found = of(model_of(wrong))
    assert run_tlc(found.module, found.start).violated == "somebody_votes"


@needs_tlc
@pytest.mark.slow
def test_narrowing_leaves_no_state_out() -> None:
    """What is said of single messages is said by the clauses as well, so that TLC finds the same states without it."""
    found = of(DUEL)
    whole = found.module.replace("SUBSET {one \\in Message : MayBeUnderWay(one)}", "SUBSET Message")
    whole = whole.replace("SUBSET {one \\in node \\X (0 .. 1) : MayHaveLed(one)}", "SUBSET (node \\X (0 .. 1))")
    assert whole.count("SUBSET {one") == 0
    assert run_tlc(whole, found.step).states == 5712


@needs_tlc
@pytest.mark.slow
@pytest.mark.parametrize("name", AGREEING)
def test_all_reachable_states_are_typed(name: str) -> None:
    """The values that variables can have within the bounds are at least those that they do have; and messages with
    fields added for Apalache make no state more and none less."""
    model = AGREEING[name]
    found = of(model)
    result = run_tlc(found.module, found.start.replace("NEXT Stay", "NEXT Next"))
    assert not result.violated, result.output
    assert result.states == len(list(reachable(model).successors))


# The text ------------------------------------------------------------------------------------------------------------


def test_text_of_the_duel() -> None:
    found = of(DUEL)
    assert_golden(GOLDEN / "duel_inductive.tla", found.module.replace(str(HERE) + "/", ""))
    assert_golden(GOLDEN / "duel_inductive_init.cfg", found.start)
    assert_golden(GOLDEN / "duel_inductive_step.cfg", found.step)


def test_text_of_links() -> None:
    assert_golden(GOLDEN / "queues_inductive.tla", of(AGREEING["queues as a bag"]).module)


def test_the_plain_export_says_nothing_of_it() -> None:
    module, _ = tla(instance_of(DUEL))
    assert "@type" not in module
    assert "IndInv" not in module


def test_names_of_the_spec_are_left_alone() -> None:
    text = (HERE / "duel.elect").read_text(encoding="utf-8").replace("tokens_are_terms", "indinv")
    found = of(model_of(text.replace("nobody_asks_itself", "message")))
    assert "\nIndInv_2 ==" in found.module
    assert "INIT IndInv_2" in found.step
    assert "--inv=IndInv_2" in found.module
    assert "\nMessage_2 ==" in found.module


def test_a_bound_of_the_history_is_that_of_tokens() -> None:
    assert "led \\in SUBSET (node \\X (0 .. 1))" in of(DUEL).module


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (model_of(BAG), ["messages wait on links, in queues or bags."]),
        (model_of(LOCKS.replace("DISK", "0")), ["`none` would have to be a value of Int and of PROCESS."]),
        (
            replace(
                model_of(with_network(RING, "loss, duplication, reordering")),
                faults=(Fault(FaultKind.PARTITION),),
            ),
            ["the sides of the network hold processes of an ordered kind."],
        ),
        (
            model_of(
                "protocol p\nprocess node:\n    b: bool? = none\n    n: int -1..1? = none\nmessage m(x: nat)\n"
                "message o(x: bool)\naction a:\n    broadcast m(0)\n    broadcast o(true)\n"
                "check small: 2 nodes"
            ),
            [
                "`none` would have to be a value of Bool and of Int.",
                "`none` would have to be told from negative numbers.",
                "the field `x` of messages would have to be Int and Bool.",
            ],
        ),
    ],
    ids=["links", "two sorts of none", "sides", "several"],
)
def test_why_it_is_not_for_apalache(model: Model, said: list[str]) -> None:
    found = of(model)
    assert about_apalache(found) == said
    assert "@type" not in found.module
    assert "ConstInit" not in found.module


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            with_network(RING, "loss, duplication, reordering"),
            ["  \\* @type: Int -> Int;\n  winner", "none = -1", "best |-> 0", "\\* @type: () => Set(<<Int, Int>>);"],
        ),
        (
            with_network(PARTS, "loss, duplication, reordering"),
            ["  \\* @type: PROCESS -> (PROCESS -> Set(PROCESS));\n  circle", "Set(Set(PROCESS));\n  sides"],
        ),
    ],
    ids=["ring", "parts"],
)
def test_types(text: str, parts: list[str]) -> None:
    found = of(model_of(text))
    assert not about_apalache(found)
    for part in parts:
        assert part in found.module
