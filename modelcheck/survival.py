"""What a cluster survives: with which processes down for good, and split in which way, it can still elect a leader.

A *scenario* says which processes are down for good, and how the others are split into *sides* that hear nothing of each
other. It is imposed on a state as follows.

- A process that is down in the scenario crashes: it loses what is volatile, and never starts again. What it has sent
  before is still under way, and may arrive on any side.
- A process that is not down in the scenario is up, or may start again: that ends a fault, and is none.
- What is under way from one side to another is lost, and so is what is sent there later, or to a process that is down.
- Nothing else goes wrong from then on: nobody crashes, restarts or loses a disk, nothing on a side is lost or
  duplicated (but in a network of which both are part, where what was sent is a set that only grows), and nothing
  heals. All else that the model allows may happen: deliveries in any order that the network has, timeouts, actions
  and inputs.

A side *can elect* from such a state if some sequence of these steps, each of a process of the side, leads to one in
which a process of the side leads **with a token greater than every token that anybody has led with before** the
scenario was imposed. So an old leader that is cut off, or alone, and still believes that it leads, does not count: it
has its old token.

A cluster *survives* a scenario if from **every** reachable state, with the scenario imposed on it, some side can elect.
The reachable states are those of the spec's own network and faults, so they include those in which votes are split,
terms differ, old leaders have not heard of new ones, and messages of all ages are under way.

There are protocols in which nobody replaces a leader who lives: a ring that elects once, a bully. They do not survive,
in this sense, what takes nothing from the leader; but they *keep* him. A cluster keeps a leader in a scenario if from
every reachable state some side can elect, or somebody is *in office* there: he leads in that very state with the
greatest token that anybody has led with, and is on a side that can elect from the initial state. (An old leader on a
side that could never have elected him is not in office.) That is less than to survive: nothing says that anybody
follows who is in office, nor that he can be replaced when he fails in a way that the others do not see.

This says more than that there is a way out of today's state: **the side can elect again and again**. A step that a side
takes in a scenario is a step of the model as well (the others are merely slow), and a crash of others commutes with it.
So what the side reaches is once more a reachable state with the scenario imposed, and from there, too, it can elect
with a token greater than all before. No step of its own leads a surviving side into a place from which there is no
way on, and it does not suffice that somebody is elected once by a vote that a crashed process left under way.

It does not say that it *will* elect, nor how soon: messages and timeouts could come at the worst of times again and
again (Fischer, Lynch and Paterson, "Impossibility of distributed consensus with one faulty process", Journal of the ACM
32(2), 1985). How long it takes is measured, not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product

from modelcheck.model import Name
from spec.protocol import Protocol


@dataclass(frozen=True)
class Scenario:
    """Which processes are `down` for good, and the `sides` of the others: the groups within which messages pass. No
    side is empty; there is none where all are down."""

    down: frozenset[Name]
    sides: tuple[frozenset[Name], ...]


class Answer(Enum):
    SURVIVES = "survives"
    """From every reachable state within the bounds some side can elect."""
    KEEPS = "keeps its leader"
    """From every reachable state within the bounds some side can elect, or a leader is in office; that some side can
    elect even where one is was not found for all of them."""
    DOES_NOT = "does not"
    """There is a reachable state in which nobody is in office and from which no side can elect, whatever the numbers:
    no bound was met in showing that."""
    UNKNOWN = "unknown"
    """For some reachable state no election was found, and a bound or a limit ended the search; `reason` says which."""


@dataclass(frozen=True)
class Survived:
    """Whether a scenario is survived.

    `winners` are the sides, by their index, that can elect (or keep a leader) from every reachable state, each by
    itself. It is empty
    where no side can; it may be empty, too, where it takes one side in some states and another one in others.
    `states` are the reachable states that the scenario was imposed on, counted as the engine at work counts them; 0
    where the answer did not take any. `reason` says in words how it is known, or what is missing."""

    scenario: Scenario
    answer: Answer
    winners: tuple[int, ...]
    states: int
    seconds: float
    reason: str


Survives = Callable[[Protocol, tuple[int, ...], Scenario], Survived]
"""Whether a protocol with so many processes of each kind survives a scenario. Raises SpecError where a `nat` of the
spec has no bound."""


# All scenarios, one for each up to symmetry --------------------------------------------------------------------------

Counts = tuple[int, ...]
"""How many of each species. Processes of a kind are one species where they are interchangeable; each process of an
`ordered` kind is one of its own."""


def crashes(protocol: Protocol, sizes: tuple[int, ...]) -> Iterator[Scenario]:
    """All scenarios without a partition, from nobody down to all: one for each up to symmetry."""
    species = _species(protocol, sizes)
    everyone = _counts(species)
    for down in sorted(_up_to(everyone), key=lambda some: (sum(some), [-n for n in some])):
        live = tuple(n - d for n, d in zip(everyone, down, strict=True))
        yield _scenario(species, (live,) if any(live) else ())


def partitions(protocol: Protocol, sizes: tuple[int, ...]) -> Iterator[Scenario]:
    """All scenarios in which nobody is down, from one side to as many as there are processes: one for each up to
    symmetry. For one interchangeable kind these are the integer partitions of its size; for an ordered one, all
    partitions of the set."""
    species = _species(protocol, sizes)
    for sides in sorted(_splits(_counts(species)), key=len):
        yield _scenario(species, sides)


def scenarios(protocol: Protocol, sizes: tuple[int, ...]) -> Iterator[Scenario]:
    """All scenarios, crashes and partitions together: one for each up to symmetry."""
    species = _species(protocol, sizes)
    everyone = _counts(species)
    for down in sorted(_up_to(everyone), key=lambda some: (sum(some), [-n for n in some])):
        live = tuple(n - d for n, d in zip(everyone, down, strict=True))
        for sides in sorted(_splits(live), key=len):
            yield _scenario(species, sides)


def _species(protocol: Protocol, sizes: tuple[int, ...]) -> tuple[tuple[Name, ...], ...]:
    """The processes that can take each other's place."""
    found: list[tuple[Name, ...]] = []
    for kind, size in zip(protocol.kinds, sizes, strict=True):
        names = tuple(Name(kind.name, number) for number in range(size))
        found += [(name,) for name in names] if kind.ordered else [names]
    return tuple(found)


def _counts(species: Sequence[tuple[Name, ...]]) -> Counts:
    return tuple(len(names) for names in species)


def _up_to(most: Counts) -> Iterator[Counts]:
    """Everything that is nowhere more, the largest first."""
    yield from product(*(range(most_of_one, -1, -1) for most_of_one in most))


def _splits(live: Counts, largest: Counts | None = None) -> Iterator[tuple[Counts, ...]]:
    """All ways to write a vector as a sum of vectors that are not zero, whatever their order; the largest first."""
    if not any(live):
        yield ()
        return
    first = next(index for index, count in enumerate(live) if count)
    for side in _up_to(live):
        # The largest side holds some of the first species that there still is.
        if side[first] and (largest is None or side <= largest):
            rest = tuple(n - s for n, s in zip(live, side, strict=True))
            for others in _splits(rest, side):
                yield (side, *others)


def _scenario(species: Sequence[tuple[Name, ...]], sides: tuple[Counts, ...]) -> Scenario:
    """The scenario with so many of each species on each side, and all others down: the first ones are up."""
    taken = [0] * len(species)
    groups = []
    for side in sides:
        group: set[Name] = set()
        for index, count in enumerate(side):
            group.update(species[index][taken[index] : taken[index] + count])
            taken[index] += count
        groups.append(frozenset(group))
    down = frozenset(name for names, start in zip(species, taken, strict=True) for name in names[start:])
    return Scenario(down, tuple(groups))


# In words ------------------------------------------------------------------------------------------------------------


def shape(protocol: Protocol, names: frozenset[Name]) -> str:
    """Who is in a group, as far as it matters: `2 nodes`; `1 client, 1 storage`; `node1, node3` of an ordered kind."""
    parts: list[str] = []
    for kind in protocol.kinds:
        own = sorted(name for name in names if name.kind == kind.name)
        if kind.ordered:
            parts += [str(name) for name in own]
        elif own:
            parts.append(f"{len(own)} {kind.name}{'' if len(own) == 1 else 's'}")
    return ", ".join(parts) or "nobody"


def described(protocol: Protocol, scenario: Scenario) -> str:
    """`1 node down`; `2 nodes | 1 node`; `nobody down`."""
    parts = [f"{shape(protocol, scenario.down)} down"] if scenario.down or len(scenario.sides) == 1 else []
    if len(scenario.sides) > 1:
        parts.append(" | ".join(shape(protocol, side) for side in scenario.sides))
    return "; ".join(parts)
