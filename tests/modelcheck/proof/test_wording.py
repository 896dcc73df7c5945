"""How found clauses are written: as a person would, and with the meaning that they were found with."""

import random
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelcheck.evaluate import evaluate, scope_of
from modelcheck.model import Model, State
from modelcheck.proof.atoms import sample_of
from modelcheck.proof.candidates import Candidate, Shape, shapes_of
from modelcheck.proof.english import affirmed_of, denied_of, says_what_it_did, with_article
from modelcheck.proof.prove import with_clauses
from modelcheck.proof.roles import LONGEST, slug
from modelcheck.proof.scope import setting_of, singletons
from modelcheck.proof.setting import Setting
from modelcheck.proof.wording import Worded, worded, worded_claim
from spec.check import check
from spec.protocol import Expression, Protocol
from spec.show import show
from spec.source import Source
from spec.types import ProcessType, is_number
from tests.golden import assert_golden
from tests.properties.specs import ROOT
from tests.properties.test_relation import Encoded, drawn, perturbed, protocols, states_of, walked

HERE = Path(__file__).parent
PROVED = ("lock_service", "prevote", "raft", "ring")
Clause = Candidate | Expression


@cache
def loaded(name: str) -> Protocol:
    path = ROOT / "spec" / "protocols" / f"{name}.elect"
    return check(Source(path.name, path.read_text()))[0]


@cache
def shapes(name: str) -> tuple[Shape, ...]:
    protocol = loaded(name)
    return shapes_of(protocol, singletons(protocol), 0)


def found(name: str) -> Iterator[Clause]:
    """The clauses that a search for a shipped protocol's invariant ended with: each is a line for each literal, or what
    is said of a quorum."""
    for paragraph in (HERE / "found" / f"{name}.txt").read_text().strip().split("\n\n"):
        if paragraph.startswith("claim "):
            text = f"{loaded(name).source.text}\ninvariant one: {paragraph.removeprefix('claim ')}\n"
            yield check(Source("claim.elect", text))[0].properties[-1].expression
        else:
            yield read(shapes(name), paragraph.split("\n"))


def read(among: tuple[Shape, ...], lines: list[str]) -> Candidate:
    wanted = {(line.removeprefix("not "), not line.startswith("not ")) for line in lines}
    for shape in among:
        known = {show(atom.expression): index for index, atom in enumerate(shape.atoms)}
        if all(atom in known for atom, _ in wanted):
            return Candidate(shape, tuple(sorted((known[atom], sign) for atom, sign in wanted)))
    raise AssertionError(lines)


def written(protocol: Protocol, clauses: list[Clause]) -> tuple[Worded, ...]:
    words: list[Worded] = []
    taken = {p.name for p in protocol.properties}
    for clause in clauses:
        if isinstance(clause, Candidate):
            one = worded(protocol, taken, clause)
        else:
            one = worded_claim(protocol, taken, clause)
        taken.add(one.name)
        words.append(one)
    return tuple(words)


@pytest.mark.parametrize("name", PROVED)
def test_the_invariant_of_a_shipped_protocol_reads_well(name: str) -> None:
    words = written(loaded(name), list(found(name)))
    assert_golden(HERE / "found" / f"{name}.elect", "".join(one.text for one in words))


UNTUNED = """
protocol untuned

process worker:
    is_ready: bool = false
    hears_others: bool = false
    taking_part: bool = false
    phase: idle | busy | done = idle
    colour: red | green = red
    owned_by: worker? = none
    parent: worker? = none
    seen: map from worker to nat = 0
    age: nat = 0

message offer(final: bool, whom: worker)
message thanks()

action begin if is_ready:
    broadcast offer(true, self)

on offer(f, w) from s if age >= 1:
    broadcast thanks()

on thanks() from s if age == 3:
    phase := done

leader if phase == done and is_ready with token age

network: reordering, loss
faults: crash

check small: 3 workers, age <= 2
"""

OFFER = (
    "not exists offer(final, whom) from sender to receiver: "
    "sender == p1 and receiver == p2 and final == true and whom == {}"
)
ROLES = {
    ("p1.is_ready", "p1.hears_others"): "does not hear others, so is ready",
    ("p1.taking_part", "not p1.colour == green"): "its colour is green, so taking part",
    ("p1.taking_part", "not p2.hears_others"): "hears others, so every other is taking part",
    ("p2.taking_part", "not p1.phase == busy"): "busy, so every other is taking part",
    ("not p1.owned_by == none", "p1.phase == idle"): "owned by nobody, so idle",
    ("p1.owned_by == p2", "p1.phase == idle"): "not idle, so owned by every other",
    ("not p1.parent == p2", "not p2.owned_by == p1"): "owned by another, so that one's parent is not it",
    ("p1.age < p1.seen[p2]", "not p1.phase == done"): "done, so its age is below its seen of every other",
    ("up(p1) and (p1.phase == done and p1.is_ready)", "p1.age < 1"): "its age is at least 1, so leading",
    ("not up(p1) and (p1.phase == done and p1.is_ready)", "p2.taking_part"): "leading, so every other is taking part",
    (OFFER.format("p2"), "p1.taking_part"): "offer under way with final naming the receiver, so taking part",
    (OFFER.format("p1"), "not p2.is_ready"): "offer under way with final naming itself, so the receiver is not ready",
}


@pytest.mark.parametrize("lines", ROLES)
def test_a_protocol_that_nobody_tuned_it_for_has_roles(lines: tuple[str, str]) -> None:
    protocol = check(Source("untuned.elect", UNTUNED))[0]
    clause = read(shapes_of(protocol, frozenset(), 0), list(lines))
    assert written(protocol, [clause])[0].role == ROLES[lines]


def test_english() -> None:
    assert denied_of("hears leader") == ("does not hear leader", "")
    assert denied_of("watches") == ("does not watch", "")
    assert denied_of("is ready") == ("is not ready", "")
    assert denied_of("busy") == ("not busy", "is")
    assert affirmed_of("status") == ("status", "is")
    assert says_what_it_did("voted_for")
    assert not says_what_it_did("for")
    assert with_article("owner") == "an owner"


# What a clause means -------------------------------------------------------------------------------------------------


def holds(model: Model, clause: Candidate, state: State) -> bool:
    """What a clause says: of different processes and of any numbers, one of its literals is true."""
    sample = sample_of(model, state)
    ranges = []
    for local in clause.used:
        kind = local.type.kind if isinstance(local.type, ProcessType) else None
        ranges.append(range(model.size(kind)) if kind is not None else (*sample.numbers, 99))
    places = {local: index for index, local in enumerate(clause.used)}
    for chosen in product(*ranges):
        processes = [(v.type, one) for v, one in zip(clause.used, chosen, strict=True) if not is_number(v.type)]
        if len(set(processes)) < len(processes):
            continue
        if not any(
            atom.test(sample, tuple(chosen[places[local]] for local in atom.variables)) == sign
            for atom, sign in clause.parts
        ):
            return False
    return True


def means_the_same(setting: Setting, clauses: list[Candidate], states: list[State]) -> int:
    """Fails where a clause, read again from its text, differs in a state; otherwise how often one is false."""
    words = written(setting.protocol, list(clauses))
    assert len({one.name for one in words}) == len(words)
    protocol = with_clauses(setting.protocol, words)
    again = {p.name: p.expression for p in protocol.properties}
    model = Setting(protocol, setting.sizes, setting.network, setting.faults).model
    false = 0
    for state in states:
        for clause, one in zip(clauses, words, strict=True):
            expected = holds(model, clause, state)
            assert bool(evaluate(again[one.name], scope_of(model, state, None))) == expected, (one.text, state)
            false += not expected
    return false


def drawn_clause(shape: Shape, dice: random.Random) -> Candidate | None:
    """Some literals of a shape. None where nothing holds one of their numbers."""
    chosen: dict[int, bool] = {}
    binding = [index for index, atom in enumerate(shape.atoms) if atom.binds]
    if binding and dice.random() < 0.7:
        chosen[dice.choice(binding)] = False
    for _ in range(dice.randint(1, 3)):
        chosen.setdefault(dice.randrange(len(shape.atoms)), dice.random() < 0.5)
    clause = Candidate(shape, tuple(sorted(chosen.items())))
    bound = {local for atom, sign in clause.parts if atom.binds and not sign for local in atom.variables}
    return clause if bound.issuperset(v for v in clause.used if v in shape.numbers) else None


def drawn_clauses(all_shapes: tuple[Shape, ...], dice: random.Random, count: int) -> list[Candidate]:
    tried = (drawn_clause(dice.choice(all_shapes), dice) for _ in range(count))
    return [clause for clause in tried if clause is not None]


def states_for(setting: Setting, dice: random.Random, count: int) -> list[State]:
    walk = walked(setting.model, dice, 12)
    return [perturbed(setting.model, dice.choice(walk), dice) for _ in range(count)]


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("name", PROVED)
def test_what_is_found_means_the_same_when_it_is_written(name: str, size: int) -> None:
    setting = setting_of(loaded(name), size)
    clauses = [clause for clause in found(name) if isinstance(clause, Candidate)]
    false = means_the_same(setting, clauses, states_for(setting, random.Random(size), 60))
    assert false or size == 1, "some states are not reachable"


@pytest.mark.parametrize("name", PROVED)
@settings(drawn, max_examples=10)
@given(st.integers(0, 1 << 30))
def test_any_clause_means_the_same_when_it_is_written(name: str, seed: int) -> None:
    dice = random.Random(seed)
    usable = tuple(shape for shape in shapes(name) if shape.atoms)
    setting = setting_of(loaded(name), dice.choice([1, 2, 3]))
    means_the_same(setting, drawn_clauses(usable, dice, 12), states_for(setting, dice, 6))


@drawn
@given(protocols())
def test_clauses_of_any_protocol_mean_the_same_when_they_are_written(encoded: Encoded) -> None:
    setting = encoded.setting
    dice = random.Random(encoded.seed)
    usable = tuple(shape for shape in shapes_of(setting.protocol, frozenset(), 0) if shape.atoms)
    if usable:
        means_the_same(setting, drawn_clauses(usable, dice, 8), states_of(encoded, 4))


# Names ---------------------------------------------------------------------------------------------------------------


def test_a_name_that_is_taken_is_not_given_again() -> None:
    protocol = loaded("raft")
    clauses = [clause for clause in found("raft") if isinstance(clause, Candidate)]
    words = written(protocol, [*clauses, *clauses, *clauses])
    names = [one.name for one in words]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_0-9]+", name) and len(name) <= LONGEST + 3 for name in names)


@given(st.text())
def test_any_text_makes_a_name(text: str) -> None:
    assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", slug(text))
