"""Finding an inductive invariant without help.

States of small instances throw candidates away; Houdini leaves those that all steps keep, at one size; what the
properties need of them is found from the solver's cores, and held against other sizes. What holds at one size only is
thrown away there, and the search goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace

from modelcheck.evaluate import evaluate, scope_of
from modelcheck.proof.atoms import about, atoms_of, equality, sample_of
from modelcheck.proof.candidates import Candidate, candidates_of, rows_of, shapes_of, weaker
from modelcheck.proof.claims import Claim, assumed, declared, of_expression, recorded
from modelcheck.proof.forked import forked
from modelcheck.proof.houdini import Search, proof_of, search_of, strongest, support
from modelcheck.proof.obligations import properties_of
from modelcheck.proof.samples import walks
from modelcheck.proof.setting import Setting, Unprovable
from spec.lint import nodes
from spec.protocol import (
    Apply,
    Connected,
    Connective,
    Everyone,
    Expression,
    Filtered,
    Led,
    Local,
    Network,
    PropertyKind,
    Protocol,
    Quantifier,
    Underway,
)
from spec.types import BOOL, NAT, ProcessType, SetType

SIZES = (3, 4, 5)
"""The sizes that clauses are held against, in this order. At 3 a quorum is so small that much is true there alone, and
what is true at 3 and 4 may not be at 5."""
BACKED = "backed_"
"""Begins the names of clauses that say who stands behind a leader."""
SMALLEST = 1
"""A single process is one of any number, and much that is said of two says nothing of it."""
ALL_SIZES = (SMALLEST, 2, *SIZES)
FEWER = 3
"""Of the larger sizes' samples, one in so many is looked at for all ways to choose three processes: each has many."""
SAMPLES = {1: 60, 2: 100, 3: 400, 4: 250, 5: 120}
WEAKENED = 400
"""So many clauses at most are made of those that turned out not to be inductive, where the others are not enough."""
TOLD = 80
"""So many states of each size, in which somebody has led, refute what may be said of who stands behind a leader."""


@dataclass(frozen=True)
class Found:
    """An inductive invariant, and what is left to be shown: the properties that it does not imply."""

    clauses: tuple[Candidate | Claim, ...]
    unproved: tuple[str, ...]


Tell = Callable[[str], None]


def infer(
    settings: dict[int, Setting],
    singletons: frozenset[str],
    effort: int,
    tell: Tell,
    anywhere: bool = False,
    enough: Callable[[Found], bool] = lambda _: False,
) -> Found:
    """An inductive invariant of the settings, by size. `singletons` are the kinds of one process. One that is to hold
    `anywhere`, on any network, says nowhere that a message is under way. Whoever asks may say when what is inductive at
    the first sizes is `enough`; else it is held against the others. Raises Unprovable."""
    first = settings[SIZES[0]]
    clocks = first.protocol.clocks
    if clocks is not None and clocks.delay is not None:
        raise Unprovable("the limit of a message's delay", clocks.timing.span)
    tried = _candidates(settings, singletons, effort, tell)
    candidates = (*_given(first), *(one for one in tried if not anywhere or not _awaits(one)))
    alive = set(range(len(candidates)))
    sizes = [SIZES[0], SMALLEST]
    searches = _searches(settings, sizes, candidates)
    may_weaken = not anywhere
    while True:
        # What is needed at other sizes may need more than itself here.
        needed, left, unproved = _needed_at(searches, alive, tell)
        if unproved and may_weaken:
            may_weaken = False
            dropped, kept = (
                [one for one in map(candidates.__getitem__, some) if isinstance(one, Candidate)]
                for some in (sorted(alive - left), sorted(left))
            )
            if more := weaker(dropped, kept, WEAKENED):
                tell(f"{', '.join(unproved)}: not implied; trying {len(more)} weaker clauses")
                candidates = (*candidates, *more)
                alive = set(range(len(candidates)))  # what was thrown away may hold together with a weaker one
                searches = _searches(settings, sizes, candidates)
                continue
        alive = left
        chosen = tuple(candidates[index] for index in sorted(needed))
        found = Found(chosen, unproved)
        if unproved or enough(found):
            return found
        failed = _first_failure(settings, chosen, tell)
        if failed is None:
            return found
        sizes.append(failed)
        searches += _searches(settings, [failed], candidates)


def _searches(
    settings: dict[int, Setting], sizes: list[int], candidates: tuple[Candidate | Claim, ...]
) -> tuple[Search, ...]:
    return tuple(
        search_of(one, assumed(one), _moved(one, candidates), any_quorums=size == SIZES[0])
        for size, one in ((size, settings[size]) for size in sizes)
    )


def _first_failure(settings: dict[int, Setting], chosen: tuple[Candidate | Claim, ...], tell: Tell) -> int | None:
    """The first size at which some clauses are not an inductive set."""

    def kept(size: int) -> int:
        setting = settings[size]
        return len(strongest(search_of(setting, assumed(setting), _moved(setting, chosen))))

    sizes = (2, *SIZES[1:])
    counts = dict(zip(sizes[::-1], forked(kept, sizes[::-1]), strict=True))
    for size in sizes:
        tell(f"of {len(chosen)} clauses {counts[size]} are inductive with {size}")
    return next((size for size in sizes if counts[size] < len(chosen)), None)


def _candidates(
    settings: dict[int, Setting], singletons: frozenset[str], effort: int, tell: Tell
) -> list[Candidate | Claim]:
    first = settings[SIZES[0]]
    shapes = shapes_of(first.protocol, singletons, effort)
    backings = _backings(first.protocol)

    def seen(size: int) -> tuple[list[list[int]], list[bool]]:
        """What the states of one size say: the rows of each shape, and which quorums they do not refute."""
        model = settings[size].model
        states = walks(model, SAMPLES[size])
        samples = tuple(sample_of(model, state) for state in states)
        counts = {kind: number or 0 for kind, number in settings[size].size.items()}
        after = [state for state in states if state.led]  # where nobody has led, nothing is said
        told = [scope_of(model, state) for state in after[:: len(after) // TOLD + 1]]
        held = [all(bool(evaluate(one, scope)) for scope in told) for one in backings]
        few = samples[::FEWER] if size > SIZES[0] else samples
        return [rows_of(s, few if len(s.processes) > 2 else samples, counts) for s in shapes], held

    _ = [shape.renamings for shape in shapes]  # once, for all
    by_size = forked(seen, ALL_SIZES[::-1])
    found: list[Candidate | Claim] = [
        of_expression(first, f"{BACKED}{number}", expression, None)
        for number, expression in enumerate(backings)
        if all(held[number] for _, held in by_size)
    ]
    for index, shape in enumerate(shapes):
        rows = set().union(*(rows[index] for rows, _ in by_size))
        more = candidates_of(shape, sorted(rows))
        tell(f"{len(more)} candidates over {len(shape.atoms)} atoms, refuted by none of {len(rows)} samples")
        found += more
    return found


def _awaits(one: Candidate | Claim) -> bool:
    """Whether a clause may be broken by a message's loss."""
    if isinstance(one, Claim):
        return any(isinstance(part, Underway) for part in nodes(one.expression))
    return any(sign and atom.carried is not None for atom, sign in one.parts)


WORST = Network(loss=True, duplication=True, reordering=True)
"""What every network does is done by this one, too."""


def on_any_network(settings: dict[int, Setting]) -> dict[int, Setting]:
    """The same settings with the worst of networks. An invariant there that says nowhere that a message is under way
    is one here, and it is easier to find: messages have no order."""
    return {
        size: replace(one, protocol=replace(one.protocol, network=WORST), network=WORST)
        for size, one in settings.items()
    }


def _size(setting: Setting) -> int:
    return max(size or 0 for size in setting.sizes)


def _given(setting: Setting) -> list[Claim]:
    """What is a clause of its own accord: that leaders are recorded, the properties, and what a person has written."""
    history = recorded(setting)
    own = declared(setting, (PropertyKind.SAFETY, PropertyKind.INVARIANT))
    known = {claim.name for claim in own}
    standard = [claim for claim in properties_of(setting) if claim.name not in known and "minority" not in claim.name]
    return [*([history] if history is not None else []), *own, *standard]


def _moved(setting: Setting, clauses: tuple[Candidate | Claim, ...]) -> tuple[Candidate | Claim, ...]:
    """Claims are made for one setting; the same ones for another."""
    known = {claim.name: claim for claim in _given(setting)}
    return tuple(
        (known.get(one.name) or of_expression(setting, one.name, one.expression, None))  # type: ignore[arg-type]
        if isinstance(one, Claim)
        else one
        for one in clauses
    )


def _needed_at(searches: tuple[Search, ...], among: set[int], tell: Tell) -> tuple[set[int], set[int], tuple[str, ...]]:
    """What the properties need of the clauses that are inductive at some sizes; all of these; and what they do not
    imply."""
    alive = _inductive_in_all(searches, among)
    needed: set[int] = set()
    unproved: list[str] = []
    for search in searches:
        more, missing = _needed(search, alive)
        needed |= more
        unproved += missing
    count = len(needed)
    needed = _thinned(searches, needed, tuple(unproved))
    sizes = " and ".join(str(_size(search.setting)) for search in searches)
    tell(
        f"of {len(among)} clauses {len(alive)} are inductive with {sizes}, {count} of them are used, "
        f"{len(needed)} needed; {sum(search.queries for search in searches)} queries"
    )
    return needed, alive, tuple(dict.fromkeys(unproved))


def _inductive_in_all(searches: tuple[Search, ...], among: set[int]) -> set[int]:
    """The largest set of clauses that is inductive at every size."""
    left = set(among)
    while True:
        before = set(left)
        for search in searches:
            search.alive = set(left)
            left = set(strongest(search))
        if left == before:
            return left


def _thinned(searches: tuple[Search, ...], needed: set[int], unproved: tuple[str, ...]) -> set[int]:
    """The clauses without those that the rest can do without, the longest first."""
    goals = [goal for goal in searches[0].goals if goal not in unproved]
    candidates = searches[0].candidates

    def weight(owner: int) -> tuple[int, int, int]:
        """What is said of quorums is the hardest to prove for any number of processes."""
        one = candidates[owner]
        if isinstance(one, Candidate):
            return 0, len(one.literals), owner
        size = sum(1 for _ in nodes(one.expression)) if one.expression is not None else 0
        return int(one.name.startswith(BACKED)), size, owner

    kept = set(needed)
    for owner in sorted(needed, key=weight, reverse=True):
        if owner in kept:
            rest = _inductive_in_all(searches, kept - {owner})
            if all(_is_proved(search, goal, rest) for search in searches for goal in goals):
                kept = rest
    return kept


def _is_proved(search: Search, goal: str, among: set[int]) -> bool:
    return (
        any(isinstance(one := search.candidates[index], Claim) and one.name == goal for index in among)
        or proof_of(search, goal, among) is not None
    )


def _needed(search: Search, alive: set[int]) -> tuple[set[int], tuple[str, ...]]:
    """The clauses that the properties rest on, and those that these rest on, and so on."""
    properties = {
        claim.name: index
        for index, claim in enumerate(search.candidates)
        if isinstance(claim, Claim) and claim.name in search.goals
    }
    waiting: list[int] = []
    unproved = []
    for goal in search.goals:
        own = properties.get(goal)
        others = alive - ({own} if own is not None else set())
        core = proof_of(search, goal, others)
        if core is None and own in alive and own is not None:
            core = {own}
        if core is None:
            unproved.append(goal)
        else:
            waiting += sorted(core)
    needed: set[int] = set()
    while waiting:
        owner = waiting.pop()
        if owner in needed:
            continue
        needed.add(owner)
        core = support(search, owner, alive, needed)
        assert core is not None, "an inductive clause has support"
        waiting += sorted(core - needed)
    return needed, tuple(unproved)


# Quorums -------------------------------------------------------------------------------------------------------------


def _backings(protocol: Protocol) -> list[Expression]:
    """What may be said of who stands behind one who has led: a quorum, each of which satisfies some atom."""
    leader = protocol.leader
    definitions = [d for d in protocol.definitions if d.name == "quorum" or d.name.startswith("quorum:")]
    if leader is None:
        return []
    who, token = Local(-20, "n", ProcessType(leader.kind)), Local(-21, "t", NAT)
    found: list[Expression] = []
    for definition in definitions:
        of = definition.parameters[0].type
        assert isinstance(of, SetType)
        member = Local(-22, "m", of.of)

        def backed(
            condition: Expression, of: SetType = of, member: Local = member, name: str = definition.name
        ) -> Expression:
            members = Filtered(member, Everyone(of), condition, of)
            return Led(Quantifier.FORALL, who, token, Apply(name, None, (members,), BOOL))

        if leader.elected_by is not None and leader.elected_by.type == of:
            general = _generalised(leader.elected_by, leader.token, who, token)
            found.append(Led(Quantifier.FORALL, who, token, Apply(definition.name, None, (general,), BOOL)))
        for atom in atoms_of(protocol, (who, member), (token,)):
            if member not in atom.variables:
                continue
            condition = atom.expression
            if who.type == member.type:
                condition = Connected(Connective.OR, equality(member, who), condition)
            backing = Filtered(member, Everyone(of), condition, of)
            found.append(Led(Quantifier.FORALL, who, token, Apply(definition.name, None, (backing,), BOOL)))
    return found


def _generalised(elected_by: Expression, token: Expression, who: Local, led: Local) -> Expression:
    """Who stands behind a leader, of one that has led: with its token then in the place of its token now."""
    replaced = _replaced(elected_by, token, led)
    general = about(replaced, who)
    assert not isinstance(general, tuple)
    return general  # type: ignore[no-any-return]


def _replaced(part: object, old: object, new: object) -> object:
    if part == old:
        return new
    if isinstance(part, tuple):
        return tuple(_replaced(one, old, new) for one in part)
    if is_dataclass(part) and not isinstance(part, type):
        changed = {
            one.name: _replaced(getattr(part, one.name), old, new)
            for one in fields(part)
            if isinstance(getattr(part, one.name), tuple) or is_dataclass(getattr(part, one.name))
        }
        return replace(part, **changed) if changed else part
    return part
