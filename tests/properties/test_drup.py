"""Whatever the formula, the proof and their texts: a formula with a model is never refuted, and the fast checker agrees
with the slow one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelcheck.proof.drup import (
    Clause,
    ProofError,
    ProofStep,
    check_refutation,
    read_dimacs,
    read_drup,
    write_dimacs,
    write_drup,
)
from modelcheck.proof.trim import trim
from tests.modelcheck.proof.formulas import accepts, allows, has_model, search_proof

LITERALS = st.integers(1, 5).flatmap(lambda name: st.sampled_from((name, -name)))
CLAUSES = st.lists(LITERALS, min_size=1, max_size=4).map(tuple)
FORMULAS = st.lists(CLAUSES, max_size=40)
STEPS = st.lists(st.builds(ProofStep, st.lists(LITERALS, max_size=4).map(tuple), st.booleans()), max_size=12)


@st.composite
def refuted(draw: st.DrawFn) -> tuple[list[Clause], list[ProofStep]]:
    """A formula without a model, of which the shortest proofs are not too short, and a proof."""
    clauses = draw(st.lists(st.lists(LITERALS, min_size=2, max_size=3, unique_by=abs).map(tuple), max_size=8))
    while has_model(clauses):
        names = sorted({abs(literal) for clause in clauses for literal in clause} | {1, 2, 3})
        signs = draw(st.lists(st.sampled_from((1, -1)), min_size=len(names), max_size=len(names)))
        model = [sign * name for sign, name in zip(signs, names, strict=True)]
        if all(set(model).intersection(clause) for clause in clauses):
            clauses.append(tuple(-literal for literal in draw(st.permutations(model))[:3]))
        else:  # a draw that rules nothing out would have to be repeated for long
            clauses.append(tuple(-literal for literal in first_model(clauses, names)[:3]))
    return clauses, list(search_proof(clauses))


def first_model(clauses: Sequence[Clause], names: Sequence[int]) -> list[int]:
    model: list[int] = []
    for name in names:
        model.append(name if has_model([*clauses, *((literal,) for literal in model), (name,)]) else -name)
    return model


@st.composite
def corrupted(draw: st.DrawFn) -> tuple[list[Clause], list[ProofStep]]:
    """With a few changes, of which some do no harm."""
    clauses, steps = draw(refuted())
    if draw(st.booleans()):
        steps = list(trim(clauses, steps))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(steps) - 1)))
        change = draw(
            st.sampled_from(("drop", "flip", "forget", "formula", "cut", "swap", "delete", "repeat", "insert"))
        )
        if change == "formula" and clauses:
            clauses.pop(draw(st.integers(0, len(clauses) - 1)))
        elif change == "flip" and clauses and draw(st.booleans()):
            which = draw(st.integers(0, len(clauses) - 1))
            clauses[which] = (-clauses[which][0], *clauses[which][1:])
        elif change == "delete":
            steps.insert(at, ProofStep(draw(st.sampled_from([*clauses, *(s.clause for s in steps)])), deletes=True))
        elif change == "insert":
            steps.insert(at, draw(STEPS.filter(bool))[0])
        elif steps:
            steps = changed(draw, steps, at, change)
    return clauses, steps


def changed(draw: st.DrawFn, steps: list[ProofStep], at: int, change: str) -> list[ProofStep]:
    step = steps[at]
    match change:
        case "drop":
            return [*steps[:at], *steps[at + 1 :]]
        case "cut":
            return steps[:at]
        case "repeat":
            return [*steps[:at], step, *steps[at:]]
        case "swap":
            return draw(st.permutations(steps))
        case "flip" if step.clause:
            return [*steps[:at], step._replace(clause=(-step.clause[0], *step.clause[1:])), *steps[at + 1 :]]
        case "forget" if step.clause:
            return [*steps[:at], step._replace(clause=step.clause[1:]), *steps[at + 1 :]]
    return steps


def passes(clauses: Sequence[Clause], steps: Sequence[ProofStep]) -> bool:
    try:
        check_refutation(clauses, steps)
    except ProofError:
        return False
    return True


def agree(clauses: Sequence[Clause], steps: Sequence[ProofStep]) -> None:
    passed = passes(clauses, steps)
    assert passed == accepts(clauses, steps)
    if passed:
        assert not has_model(clauses)
        trimmed = trim(clauses, steps)
        assert passes(clauses, trimmed)
        assert accepts(clauses, trimmed)
        without = [step for step in trimmed if not step.deletes]
        assert passes(clauses, without)
        assert len(without) <= sum(not step.deletes for step in steps)


@settings(max_examples=100, deadline=None)
@given(refuted())
def test_right_proofs(case: tuple[list[Clause], list[ProofStep]]) -> None:
    clauses, steps = case
    assert passes(clauses, steps)
    agree(clauses, steps)


@settings(max_examples=300, deadline=None)
@given(corrupted())
def test_changed_proofs(case: tuple[list[Clause], list[ProofStep]]) -> None:
    agree(*case)


@settings(max_examples=200, deadline=None)
@given(FORMULAS, STEPS)
def test_any_steps(clauses: list[Clause], steps: list[ProofStep]) -> None:
    agree(clauses, [*steps, ProofStep(())])


@settings(max_examples=150, deadline=None)
@given(FORMULAS, STEPS)
def test_steps_that_are_allowed(clauses: list[Clause], steps: list[ProofStep]) -> None:
    """Those of any steps that the slow checker allows, so that many clauses come and go."""
    taken: list[ProofStep] = []
    for step in steps:
        if allows(clauses, [*taken, step]):
            taken.append(step)
    agree(clauses, [*taken, ProofStep(())])


@settings(max_examples=100, deadline=None)
@given(FORMULAS, st.text(alphabet="0123 -d\n", max_size=60))
def test_a_formula_with_a_model_is_not_refuted(clauses: list[Clause], text: str) -> None:
    assume(has_model(clauses))
    for proof in (text, "".join(line + " 0\n" for line in text.replace("0", "").split("\n")), text + "\n0\n"):
        try:
            steps = read_drup(proof)
        except ProofError:
            continue
        assert not passes(clauses, steps)


WORDS = st.sampled_from(
    ("0", "1", "-2", "3", "d", "c", "p cnf 3 2", "p", "cnf", "\n", "\n", " ", "-", "\r", "1_0", "٣")
)


def reads(read: Callable[[str], object], text: str) -> None:
    """Anything but a ProofError of one line fails the test."""
    try:
        read(text)
    except ProofError as problem:
        message = str(problem)
    else:
        return
    assert message.startswith("line ")
    assert len(message.splitlines()) == 1
    assert len(message) < 400


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=80), st.lists(WORDS, max_size=20).map(" ".join), st.lists(WORDS).map("".join)))
def test_any_text(text: str) -> None:
    reads(read_drup, text)
    reads(read_dimacs, text)
    reads(read_dimacs, "p cnf 3 2\n" + text)


@settings(max_examples=100, deadline=None)
@given(FORMULAS, STEPS, st.lists(st.text(max_size=20), max_size=3))
def test_what_is_written_is_read(clauses: list[Clause], steps: list[ProofStep], comments: list[str]) -> None:
    assert read_dimacs(write_dimacs(clauses, comments)) == tuple(clauses)
    assert read_drup(write_drup(steps)) == tuple(steps)


@settings(max_examples=100, deadline=None)
@given(FORMULAS, st.data())
def test_a_text_cut_short_is_another_formula_or_refused(clauses: list[Clause], data: st.DataObject) -> None:
    text = write_dimacs(clauses)
    cut = text[: data.draw(st.integers(0, len(text) - 2))]
    try:
        read = read_dimacs(cut)
    except ProofError:
        return
    assert not clauses
    assert read == ()
