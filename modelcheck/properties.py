"""What an exploration looks for: the spec's own properties, and those that every protocol with a leader must have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from modelcheck.evaluate import Scope, evaluate, scope_of
from modelcheck.model import Model, Name, State
from modelcheck.semantics import leads
from spec.protocol import CHECKED_BY_EXPLORATION, Definition, Property, PropertyKind
from spec.types import SetType

FAILURE = "failure"
ONE_LEADER_PER_TOKEN = "one_leader_per_token"
TOKEN_NEVER_GOES_BACKWARDS = "token_never_goes_backwards"
LEADER_HOLDS_QUORUM = "leader_holds_quorum"
QUORUMS_INTERSECT = "quorums_intersect"

STANDARD_TEXTS = {
    FAILURE: "no value leaves its type's range, no assertion fails, nothing unreachable is reached",
    ONE_LEADER_PER_TOKEN: "over the whole history, no two processes have led with one token",
    TOKEN_NEVER_GOES_BACKWARDS: "no process leads with a token lower than one it has led with before",
    LEADER_HOLDS_QUORUM: "whoever leads is backed by a quorum of durable votes",
    QUORUMS_INTERSECT: "any two quorums have a process in common",
}


@dataclass(frozen=True)
class Checked:
    """One thing looked for: a property of the protocol, a standard one (`declared` is None), or a step that fails.
    `is_violation` is false for what is wanted."""

    name: str
    is_violation: bool
    in_step: bool
    declared: Property | None = None

    @property
    def text(self) -> str:
        """What it says, in words or in the spec's own."""
        if self.declared is None:
            return STANDARD_TEXTS[self.name]
        return self.declared.description


def checked(model: Model) -> tuple[Checked, ...]:
    """In the order of their numbers, which decides between violations of one length. Where only some properties are
    looked for, a step that fails is found all the same: it leads nowhere."""
    found = [Checked(FAILURE, True, True)]
    for declared in model.protocol.properties:
        if declared.kind in CHECKED_BY_EXPLORATION:
            is_step = declared.kind is PropertyKind.STEP
            found.append(Checked(declared.name, declared.kind is not PropertyKind.REACHABLE, is_step, declared))
    leader = model.protocol.leader
    if leader is not None:
        found.append(Checked(ONE_LEADER_PER_TOKEN, True, False))
        found.append(Checked(TOKEN_NEVER_GOES_BACKWARDS, True, False))
        if leader.elected_by is not None:
            found.append(Checked(LEADER_HOLDS_QUORUM, True, False))
    return tuple(item for item in found if model.only is None or item.name in model.only or item.name == FAILURE)


def found_in_state(model: Model, item: Checked, state: State) -> bool:
    """Whether a state violates a property, or is the witness of a `reachable` one."""
    if item.declared is not None:
        return _holds(model, item.declared, state, None) != item.is_violation
    if item.name == ONE_LEADER_PER_TOKEN:
        tokens = [token for _, token in state.led]
        return len(set(tokens)) < len(tokens)
    if item.name == TOKEN_NEVER_GOES_BACKWARDS:
        return any(
            any(number == name.number and before > token for number, before in state.led)
            for name, token in leaders(model, state)
        )
    if item.name == LEADER_HOLDS_QUORUM:
        return any(not holds_quorum(model, state, name) for name, _ in leaders(model, state))
    return False


def found_in_step(model: Model, item: Checked, before: State, after: State) -> bool:
    """Whether a step (that does not fail) violates a step property. One that changes nothing of what the property
    reads does not; see `spec.lint.reads_of_step`."""
    if item.declared is None or not item.in_step:
        return False
    seen = model.reads_of_steps[item.name]
    if all(_read(model, before, place) == _read(model, after, place) for place in seen):
        return False
    return not _holds(model, item.declared, before, after)


def _read(model: Model, state: State, place: tuple[str, str]) -> tuple[object, ...]:
    """What all processes of a kind hold in a variable; whether a timer of theirs is armed, whether they are up."""
    processes = state.processes[model.kind_index[place[0]]]
    if place in model.variable_index:
        return tuple(process.values[model.variable_index[place]] for process in processes)
    if place in model.timer_index:
        return tuple(process.armed[model.timer_index[place]] for process in processes)
    return tuple(process.up for process in processes)


def leaders(model: Model, state: State) -> Iterator[tuple[Name, int]]:
    """Who leads in a state, and with which token."""
    leader = model.protocol.leader
    if leader is not None:
        for name in model.names[model.kind_index[leader.kind]]:
            token = leads(model, state, name)
            if token is not None:
                yield name, token


def backers(model: Model, state: State, name: Name) -> frozenset[int]:
    """The processes whose durable state backs a leader, by the spec's `elected by`."""
    leader = model.protocol.leader
    assert leader is not None and leader.elected_by is not None
    found: frozenset[int] = evaluate(leader.elected_by, scope_of(model, state, name))
    return found


def holds_quorum(model: Model, state: State, name: Name) -> bool:
    leader = model.protocol.leader
    assert leader is not None and leader.elected_by is not None
    assert isinstance(leader.elected_by.type, SetType)
    return is_quorum(model, leader.elected_by.type.of.kind, backers(model, state, name))


def _holds(model: Model, declared: Property, before: State, after: State | None) -> bool:
    if declared.about is None:
        return bool(evaluate(declared.expression, scope_of(model, before, None, after)))
    names = model.names[model.kind_index[declared.about]]
    each = (bool(evaluate(declared.expression, scope_of(model, before, name, after))) for name in names)
    return any(each) if declared.kind is PropertyKind.REACHABLE else all(each)


# Quorums -------------------------------------------------------------------------------------------------------------


def quorum_definitions(model: Model) -> Iterator[tuple[str, Definition]]:
    """The quorum definitions in use, with the kind whose processes they are about."""
    for definition in model.protocol.definitions:
        if definition.name == "quorum" or definition.name.startswith("quorum:"):
            of = definition.parameters[0].type
            assert isinstance(of, SetType)
            yield of.of.kind, definition


def is_quorum(model: Model, kind: str, members: frozenset[int]) -> bool:
    """Whether a set of processes is a quorum by the spec's definition; the majority, where it has none."""
    for of, definition in quorum_definitions(model):
        if of == kind:
            scope = Scope(model, _reads_nothing, None, {definition.parameters[0].identity: members})
            return bool(evaluate(definition.body, scope))
    return 2 * len(members) > model.size(kind)


def disjoint_quorums(model: Model) -> tuple[str, frozenset[int], frozenset[int]] | None:
    """Two quorums of a kind with no process in common; None where any two intersect.

    Every subset is tried. For interchangeable processes one of each size stands for all of that size: a definition
    of a quorum reads nothing but the set."""
    for kind, _ in quorum_definitions(model):
        everyone = range(model.size(kind))
        if model.protocol.kind(kind).ordered:
            subsets = [frozenset(some) for size in range(len(everyone) + 1) for some in combinations(everyone, size)]
            quorums = {some for some in subsets if is_quorum(model, kind, some)}
            within: dict[frozenset[int], frozenset[int]] = {}
            for some in subsets:  # the smaller ones first: a quorum within each set, if there is one
                smaller = (within[some - {one}] for one in some if some - {one} in within)
                inside = some if some in quorums else next(smaller, None)
                if inside is not None:
                    within[some] = inside
            apart = ((one, within.get(frozenset(everyone) - one)) for one in sorted(quorums, key=sorted))
        else:
            sizes = [n for n in range(len(everyone) + 1) if is_quorum(model, kind, frozenset(everyone[:n]))]
            apart = (
                (frozenset(everyone[:one]), frozenset(everyone[one : one + other]))
                for one in sizes
                for other in sizes
                if one <= other and one + other <= len(everyone)
            )
        for one, other in apart:
            if other is not None:
                return kind, one, other
    return None


def _reads_nothing(process: Name, variable: str) -> object:
    raise AssertionError(f"a quorum reads no variable, but {variable} of {process}")
