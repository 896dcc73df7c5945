"""Which crashes and partitions a size survives, as an engine found out scenario by scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from modelcheck.model import Name
from modelcheck.survival import Answer, Scenario, Survived, Survives, crashes, partitions, shape
from spec.protocol import Protocol

SURVIVED = (Answer.SURVIVES, Answer.KEEPS)


@dataclass(frozen=True)
class Tolerance:
    """`crashes` are the scenarios without a partition, `partitions` those with one in which nobody is down."""

    crashes: tuple[Survived, ...]
    partitions: tuple[Survived, ...]

    @property
    def largest(self) -> int | None:
        """The largest number of processes, whichever they are, that may be down; None where not even with nobody down a
        leader can be elected, or it is not known whether."""
        return _largest(self.crashes)

    @property
    def is_exact(self) -> bool:
        """Whether it is known that one more crash is too much, at least of some processes."""
        return _is_exact(self.crashes)

    @property
    def keeps(self) -> bool:
        """Whether among the crashes of at most so many processes there is one after which the present leader is, in
        some states, all that there can be."""
        largest = self.largest
        return largest is not None and any(
            one.answer is Answer.KEEPS for one in self.crashes if len(one.scenario.down) <= largest
        )

    @property
    def survived_partitions(self) -> tuple[Survived, ...]:
        return tuple(one for one in self.partitions if one.answer in SURVIVED)

    @property
    def unknown(self) -> tuple[Survived, ...]:
        return tuple(one for one in (*self.crashes, *self.partitions) if one.answer is Answer.UNKNOWN)

    @property
    def split_brain(self) -> tuple[Survived, ...]:
        """The partitions in which more than one side wins: each can have a leader at the same time."""
        return tuple(one for one in self.partitions if len(one.winners) > 1)

    def largest_of(self, kind: str) -> tuple[int | None, bool]:
        """As `largest` and `is_exact`, where processes of one kind alone are down."""
        of_kind = tuple(one for one in self.crashes if all(name.kind == kind for name in one.scenario.down))
        return _largest(of_kind), _is_exact(of_kind)


def tolerance_of(
    protocol: Protocol, sizes: tuple[int, ...], survives: Survives, told: Callable[[Scenario], None] | None = None
) -> Tolerance:
    """Asks an engine about each scenario, up to symmetry. `told` is called with each one before."""

    def asked(scenario: Scenario) -> Survived:
        if told is not None:
            told(scenario)
        return survives(protocol, sizes, scenario)

    apart = [scenario for scenario in partitions(protocol, sizes) if len(scenario.sides) > 1]
    return Tolerance(tuple(asked(one) for one in crashes(protocol, sizes)), tuple(asked(one) for one in apart))


def _largest(crashed: tuple[Survived, ...]) -> int | None:
    found = None
    for down in sorted({len(one.scenario.down) for one in crashed}):
        if any(one.answer not in SURVIVED for one in crashed if len(one.scenario.down) == down):
            return found
        found = down
    return found


def _is_exact(crashed: tuple[Survived, ...]) -> bool:
    largest = _largest(crashed)
    following = 0 if largest is None else largest + 1
    answers = [one.answer for one in crashed if len(one.scenario.down) == following]
    return not answers or Answer.DOES_NOT in answers


# Availability --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Availability:
    """How much of the time there can be a leader. The two differ by the sets of processes of which it is not known
    whether the others can elect."""

    least: float
    most: float


def availability_of(protocol: Protocol, sizes: tuple[int, ...], tolerance: Tolerance, each: float) -> Availability:
    """Where each process is up for a part `each` of the time, whatever the others do: the sum, over all sets of
    processes that may be down, of how likely just these are down, as far as the others survive that."""
    answers = {shape(protocol, one.scenario.down): one.answer for one in tolerance.crashes}
    names = [Name(kind.name, n) for kind, size in zip(protocol.kinds, sizes, strict=True) for n in range(size)]
    least = unknown = 0.0
    for are_down in product((False, True), repeat=len(names)):
        down = frozenset(name for name, is_down in zip(names, are_down, strict=True) if is_down)
        likely = (1 - each) ** len(down) * each ** (len(names) - len(down))
        answer = answers[shape(protocol, down)]
        least += likely if answer in SURVIVED else 0.0
        unknown += likely if answer is Answer.UNKNOWN else 0.0
    return Availability(least, min(least + unknown, 1.0))
