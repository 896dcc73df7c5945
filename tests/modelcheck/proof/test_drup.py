"""Right proofs are accepted and wrong ones refused, with the step or the line at fault."""

from __future__ import annotations

import pytest

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
from tests.modelcheck.proof.formulas import accepts, pigeons, search_proof

SQUARE: tuple[Clause, ...] = ((1, 2), (1, -2), (-1, 2), (-1, -2))


def refusal(clauses: tuple[Clause, ...], proof: str) -> str:
    steps = read_drup(proof)
    assert not accepts(clauses, steps)
    with pytest.raises(ProofError) as refused:
        check_refutation(clauses, steps)
    return str(refused.value)


def check(clauses: tuple[Clause, ...], proof: str) -> None:
    steps = read_drup(proof)
    assert accepts(clauses, steps)
    check_refutation(clauses, steps)


# Checking -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clauses", "proof"),
    [
        (SQUARE, "1 0\n0\n"),
        (SQUARE, "c by cases\n2 0\n0\n"),
        (SQUARE, "1 1 0\n0"),
        (SQUARE, "1 -1 0\n7 -7 0\n1 0\n0\n"),
        (SQUARE, "1 2 9 0\n1 0\n0\n"),
        (SQUARE, "1 0\nd 2 1 0\nd 1 0\n0\n"),
        (SQUARE, "1 0\n0\n5 0\nd 5 0\n0\n"),
        (((1,), (-1,)), "0\n"),
        (((1,), (-1, 2), (-2,)), "0\n"),
        (((),), "0\n"),
        (((), (1, 2)), "0\n"),
        (((1, 1), (-1, -1, -1)), "0\n"),
        (((1, -1), *SQUARE), "d 1 -1 0\n1 0\n0\n"),
        ((*SQUARE, *SQUARE), "d 1 2 0\n1 0\n0\n"),
    ],
)
def test_accepted(clauses: tuple[Clause, ...], proof: str) -> None:
    check(clauses, proof)


@pytest.mark.parametrize(
    ("clauses", "proof", "message"),
    [
        (SQUARE, "", "the proof ends without the empty clause"),
        (SQUARE, "1 0\n", "the proof ends without the empty clause"),
        (SQUARE, "1 0\nd 1 2 0\n", "the proof ends without the empty clause"),
        (((1,), (-1,)), "", "the proof ends without the empty clause"),
        (((),), "", "the proof ends without the empty clause"),
        (((),), "d 0\n", "the proof ends without the empty clause"),
        (SQUARE, "0\n", "step 1 adds (), which does not follow by unit propagation"),
        (SQUARE, "3 0\n1 0\n0\n", "step 1 adds (3)"),
        (SQUARE[:3], "1 0\n0\n", "step 2 adds ()"),
        (SQUARE, "d 1 2 0\n1 0\n0\n", "step 2 adds (1)"),
        (SQUARE, "d 1 3 0\n1 0\n0\n", "step 1 deletes (1 3), which is not present"),
        (SQUARE, "d 0\n", "step 1 deletes (), which is not present"),
        (SQUARE, "1 0\n0\nd 1 2 0\nd 1 2 0\n", "step 4 deletes (1 2)"),
        ((), "0\n", "step 1 adds ()"),
        (((1, 2, 3),), "4 5 6 7 8 9 10 11 12 13 14 15 16 0", "step 1 adds (4 5 6 7 8 9 10 11 12 13 14 15 ...)"),
    ],
)
def test_refused(clauses: tuple[Clause, ...], proof: str, message: str) -> None:
    assert refusal(clauses, proof).startswith(message)


def test_what_a_deleted_unit_made_true_stays_true() -> None:
    check(((1,), (-1, 2), (-1, -2, 3), (-3, 4), (-3, -4)), "d 1 0\nd -1 2 0\n0\n")


def test_a_deleted_clause_propagates_no_more() -> None:
    clauses = ((1, 2), (-2, 3), (-3, 1), (-1, 4, 5), (-4, 5), (-5, 6, 7), (-6, 7), (-7, -1))
    check(clauses, "1 0\n0\n")
    for clause in clauses[:3]:
        deletion = write_drup([ProofStep(clause, deletes=True)])
        assert refusal(clauses, deletion + "1 0\n0\n").startswith("step 2 adds (1)")


def test_a_clause_deleted_while_it_is_watched_by_others_copies() -> None:
    check((*SQUARE, *SQUARE), "d 2 1 0\nd -2 1 0\n1 0\nd 1 2 0\nd 1 -2 0\n0\n")
    assert refusal((*SQUARE, *SQUARE), "d 2 1 0\nd 1 2 0\n1 0\n0\n").startswith("step 3 adds (1)")


@pytest.mark.parametrize("clause", [(0,), (0, 0), (1, 0), (0, 1, 2)])
def test_zero_is_no_literal(clause: Clause) -> None:
    for clauses, steps in (((clause,), ()), (((1,), (-1,)), (ProofStep(clause), ProofStep(())))):
        with pytest.raises(ProofError):
            check_refutation(clauses, steps)
    with pytest.raises(ProofError):
        check_refutation(((1, 2), (-1, 2)), (ProofStep(clause),))
    with pytest.raises(ProofError):
        write_dimacs([clause])
    with pytest.raises(ProofError):
        write_drup([ProofStep(clause)])


def test_numbers_of_any_size() -> None:
    big = 10**30
    check_refutation(((big, 1), (big, -1), (-big,)), (ProofStep(()),))


@pytest.mark.parametrize("holes", [1, 2, 3])
def test_pigeons_without_a_solver(holes: int) -> None:
    clauses = pigeons(holes)
    steps = search_proof(clauses)
    check_refutation(clauses, steps)
    assert accepts(clauses, steps)
    trimmed = trim(clauses, steps)
    check_refutation(clauses, trimmed)
    assert accepts(clauses, trimmed)
    for clause in clauses:
        with pytest.raises(ProofError):
            check_refutation([other for other in clauses if other != clause], steps)


# Trimming -------------------------------------------------------------------------------------------------------------


def test_what_is_not_needed_is_left_out() -> None:
    useless = "1 2 8 0\n7 -7 0\n"
    assert write_drup(trim(SQUARE, read_drup(useless + "1 0\nd 1 2 0\n" + useless + "0\n3 0\n"))) == "1 0\n0\n"


def test_a_clause_is_deleted_after_its_last_use() -> None:
    clauses = tuple((a, b * 2, c * 3) for a in (1, -1) for b in (1, -1) for c in (1, -1))
    steps = read_drup("1 2 0\n1 -2 0\n1 0\n-1 2 0\n-1 -2 0\n0\n")
    assert write_drup(trim(clauses, steps)) == "1 2 0\n1 -2 0\n1 0\nd 1 -2 0\nd 1 2 0\n-1 2 0\n0\n"


def test_trimming_refuses_what_is_no_refutation() -> None:
    for proof in ("", "1 0\n", "0\n", "d 1 3 0\n1 0\n0\n"):
        with pytest.raises(ProofError):
            trim(SQUARE, read_drup(proof))


# Reading and writing --------------------------------------------------------------------------------------------------


def test_dimacs_round_trip() -> None:
    text = write_dimacs(SQUARE, ["what it says", "two\nlines", ""])
    assert text == "c what it says\nc two\nc lines\nc\np cnf 2 4\n1 2 0\n1 -2 0\n-1 2 0\n-1 -2 0\n"
    assert read_dimacs(text) == SQUARE
    assert read_dimacs(write_dimacs([])) == ()
    assert read_dimacs(write_dimacs([(), (7,)])) == ((), (7,))


def test_drup_round_trip() -> None:
    steps = (ProofStep((1, -2)), ProofStep((1, -2), deletes=True), ProofStep(()))
    assert write_drup(steps) == "1 -2 0\nd 1 -2 0\n0\n"
    assert read_drup(write_drup(steps)) == steps
    assert read_drup("") == ()
    assert read_drup("c nothing\nc") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected `p cnf <variables> <clauses>`, found nothing"),
        ("c\n1 0\n", "line 2: expected `p cnf <variables> <clauses>`, found '1 0'"),
        ("p cnf 2\n", "line 1: expected `p cnf"),
        ("p cnf 2 1 \n1 0\n", "line 1: expected `p cnf"),
        ("p cnf -2 1\n", "line 1: expected `p cnf"),
        ("p cnf 02 1\n1 0\n", "line 1: expected `p cnf"),
        ("p cnf \u0662 1\n1 0\n", "line 1: expected `p cnf"),
        ("p cnf 1_0 1\n1 0\n", "line 1: expected `p cnf"),
        ("p cnf 2 1\n", "line 2: expected 1 clauses, found 0"),
        ("p cnf 2 2\n1 0\nc\n", "line 3: expected 2 clauses, found 1"),
        ("p cnf 2 1\n1 0\n2 0\n", "line 3: expected the end after 1 clauses, found '2 0'"),
        ("p cnf 2 1\n1 0\n\n", "line 3: expected the end after 1 clauses, found nothing"),
        ("p cnf 2 1\n\n1 0\n", "line 2: expected `0` at the end, found nothing"),
        ("p cnf 2 1\n1 2\n", "line 2: expected `0` at the end, found '2'"),
        ("p cnf 2 1\n1 0 2 0\n", "line 2: expected a literal, found '0'"),
        ("p cnf 2 1\n1 3 0\n", "line 2: expected a literal of one of 2 variables, found '3'"),
        ("p cnf 2 1\n1  2 0\n", "line 2: expected a literal, found nothing"),
        ("p cnf 2 1\n1 +2 0\n", "line 2: expected a literal, found '+2'"),
        ("p cnf 2 1\n1 -0 0\n", "line 2: expected a literal, found '-0'"),
        ("p cnf 2 1\n1 2 00\n", "line 2: expected `0` at the end, found '00'"),
        ("p cnf 2 1\n1 2 0\r\n", "line 2: expected `0` at the end, found '0\\r'"),
        ("p cnf 2 1\n1 \u0662 0\n", "line 2: expected a literal, found '\u0662'"),
        ("p cnf 2 1\n" + "9" * 5000 + " 0\n", "line 2: expected a literal, found '" + "9" * 40 + "...'"),
        ("p cnf 2 1\np cnf 2 1\n1 0\n", "line 2: expected a literal, found 'p'"),
        ("p cnf 2 1\nd 1 0\n", "line 2: expected a literal, found 'd'"),
    ],
)
def test_malformed_dimacs(text: str, message: str) -> None:
    with pytest.raises(ProofError) as refused:
        read_dimacs(text)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "line 1: expected `0` at the end, found nothing"),
        ("1 0\n\n0\n", "line 2: expected `0` at the end, found nothing"),
        ("1 0\n2", "line 2: expected `0` at the end, found '2'"),
        ("d\n", "line 1: expected `0` at the end, found nothing"),
        ("d d 1 0\n", "line 1: expected a literal, found 'd'"),
        ("1 d 0\n", "line 1: expected a literal, found 'd'"),
        ("D 1 0\n", "line 1: expected a literal, found 'D'"),
        ("1 0 0\n", "line 1: expected a literal, found '0'"),
        ("1 0 \n", "line 1: expected a literal, found '0'"),
        (" 1 0\n", "line 1: expected a literal, found nothing"),
        ("1\u00a00\n", "line 1: expected `0` at the end, found '1\\xa00'"),
        ("1 1000000000 0\n", "line 1: expected a literal, found '1000000000'"),
        ("cc\n", "line 1: expected `0` at the end, found 'cc'"),
    ],
)
def test_malformed_drup(text: str, message: str) -> None:
    with pytest.raises(ProofError) as refused:
        read_drup(text)
    assert str(refused.value).startswith(message)
