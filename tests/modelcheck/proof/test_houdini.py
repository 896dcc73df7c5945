"""Houdini: no clause is taken to be inductive that a step breaks."""

from pathlib import Path

from modelcheck.proof.candidates import Candidate, Shape, shapes_of, weaker
from modelcheck.proof.claims import assumed
from modelcheck.proof.houdini import search_of, strongest
from modelcheck.proof.scope import setting_of, singletons
from spec.check import check
from spec.protocol import Protocol
from spec.show import show
from spec.source import Source

LOCK_SERVICE = Path("spec/protocols/lock_service.elect")
GRANTED = "exists granted(token) from sender to receiver: sender == p2 and receiver == p1 and token == t"
AHEAD = (
    "exists granted(token) from sender to receiver before granted(token_later): "
    "sender == p2 and receiver == p1 and token == t and token_later == u"
)


def _lock_service() -> Protocol:
    return check(Source(str(LOCK_SERVICE), LOCK_SERVICE.read_text()))[0]


def _ordering_shape(protocol: Protocol) -> Shape:
    return next(shape for shape in shapes_of(protocol, singletons(protocol), 0) if len(shape.numbers) == 2)


def _clause(shape: Shape, *literals: tuple[str, bool]) -> Candidate:
    said = [show(atom.expression) for atom in shape.atoms]
    return Candidate(shape, tuple(sorted((said.index(text), sign) for text, sign in literals)))


def test_two_atoms_of_a_clause_may_speak_of_different_messages() -> None:
    """Two grants may follow each other; a first atom that speaks of one of them must not fix which the second means."""
    protocol = _lock_service()
    setting = setting_of(protocol, 3)
    clause = _clause(_ordering_shape(protocol), (GRANTED, False), (AHEAD, False))
    assert strongest(search_of(setting, assumed(setting), (clause,))) == set()


def test_what_a_hypothesis_says_that_there_is_is_not_what_is_violated() -> None:
    """`granted(t) is under way, so granted is under way ahead of another` says of some position; that a step breaks
    another clause at another position is not excluded by it."""
    protocol = _lock_service()
    setting = setting_of(protocol, 3)
    shape = _ordering_shape(protocol)
    supposed = _clause(shape, (GRANTED, False), (AHEAD, True))
    broken = _clause(shape, (AHEAD, False))
    search = search_of(setting, assumed(setting), (supposed, broken))
    assert 1 not in strongest(search)


def test_weaker_clauses_are_those_with_one_more_literal() -> None:
    protocol = _lock_service()
    shape = _ordering_shape(protocol)
    dropped = _clause(shape, (AHEAD, False))
    found = weaker([dropped], [], 1000)
    assert _clause(shape, (AHEAD, False), ("t < u", True)) in found
    assert all(len(one.literals) == 2 and set(dropped.literals) < set(one.literals) for one in found)
    kept = _clause(shape, ("t < u", True), (AHEAD, False))
    assert kept not in weaker([dropped], [kept], 1000)


def test_every_renaming_of_variables_takes_atoms_to_atoms() -> None:
    protocol = _lock_service()
    for shape in shapes_of(protocol, singletons(protocol), 0):
        for table in shape.renamings:
            assert sorted(table) == list(range(len(shape.atoms)))
        assert shape.renamings[0] == tuple(range(len(shape.atoms)))
