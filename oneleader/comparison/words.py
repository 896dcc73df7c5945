"""What the figures say about each other: each size beside the next larger one.

Every sentence is made from figures that were found. Of two that were measured it is only said that one is larger where
their intervals of 95 % do not touch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from modelcheck.survival import Answer as Survival
from modelcheck.survival import described
from modelcheck.verdict import Answer
from oneleader.comparison.result import Comparison, OfSize
from oneleader.comparison.wording import availability, joined, label, number, plural, rate, seconds
from oneleader.tuning.estimates import Estimate
from spec.protocol import Protocol


@dataclass(frozen=True)
class Difference:
    """Something in which a size differs from another one, and whether that is for the worse."""

    text: str
    is_worse: bool


def sentences(comparison: Comparison) -> tuple[str, ...]:
    """What is to be said of a comparison: first what is wrong, then each size beside the next one."""
    protocol = comparison.protocol
    found = [line for one in comparison.of_sizes for line in _warnings(protocol, one)]
    ordered = sorted(comparison.of_sizes, key=lambda one: one.nodes)
    found += [_beside(protocol, smaller, larger) for smaller, larger in pairwise(ordered)]
    return tuple(found)


def _warnings(protocol: Protocol, one: OfSize) -> Iterator[str]:
    name = label(protocol, one)
    if one.explored.answer is Answer.VIOLATED:
        yield f"{name}: the protocol is wrong ({one.explored.reason}): `oneleader check` shows how"
    for each in one.tolerance.split_brain:
        yield f"{name}: in the partition {described(protocol, each.scenario)}, {_winners(each.winners)} elect"
    kept = [each for each in one.tolerance.crashes if each.answer is Survival.KEEPS]
    if kept:
        said = joined([described(protocol, each.scenario) for each in kept[:3]])
        more = f" (and {len(kept) - 3} more)" if len(kept) > 3 else ""
        yield (
            f"{name}: with {said}{more} there are states from which nobody new was found to be elected; the leader who "
            "is in office there is all there can be"
        )
    if one.problem:
        yield f"{name}: nothing was measured: {one.problem}"


def _winners(winners: tuple[int, ...]) -> str:
    return "both sides" if len(winners) == 2 else f"{len(winners)} sides"


def _beside(protocol: Protocol, smaller: OfSize, larger: OfSize) -> str:
    one, other = label(protocol, smaller), label(protocol, larger)
    mine, theirs = larger.tolerance.largest, smaller.tolerance.largest
    pays = "They pay"
    if mine is None and larger.tolerance.is_exact:
        head = f"{other} elect nobody"
    elif not (smaller.tolerance.is_exact and larger.tolerance.is_exact) or mine is None:
        head = f"{other} beside {one}: which of them survive more crashes is not known"
    elif mine == theirs:
        head, pays = f"{other} survive as many crashes as {one}: {mine or 'none'}", "They pay more for it"
    else:
        head = f"{other} survive {plural(mine, 'crash') if mine else 'no crash'}, {one} {theirs or 'none'}"
    differences = list(_differences(smaller, larger))
    worse = [one.text for one in differences if one.is_worse]
    better = [one.text for one in differences if not one.is_worse]
    parts = [head]
    if worse:
        parts.append(f"{pays}: {joined(worse)}")
    else:
        parts.append("Nothing that was found costs more")
    if better:
        parts.append(f"They gain: {joined(better)}")
    return ". ".join(parts)


def _differences(smaller: OfSize, larger: OfSize) -> Iterator[Difference]:
    one, other = smaller.quorum, larger.quorum
    before = one.acknowledgements if one is not None else None
    after = other.acknowledgements if other is not None else None
    if before is not None and after is not None and before != after:
        yield Difference(f"a write waits for {plural(after, 'acknowledgement')} instead of {before}", after > before)
    if smaller.writes is not None and larger.writes is not None:
        yield from _measured("a write takes {} instead of {} on average", smaller.writes.mean, larger.writes.mean)
    if smaller.idle is not None and larger.idle is not None:
        a_second = smaller.idle.messages_per_second, larger.idle.messages_per_second
        yield from _measured("{} messages a second when idle instead of {}", *a_second, number)
    if smaller.elections is not None and larger.elections is not None:
        mine, theirs = larger.elections, smaller.elections
        yield from _measured("{} messages for an election instead of {}", theirs.messages, mine.messages, number)
        yield from _measured("an election in {} instead of {} (median)", theirs.median, mine.median)
        yield from _measured("split votes in {} of elections instead of {}", theirs.split, mine.split, rate)
    there, was_there = larger.availability, smaller.availability
    if there.least > was_there.most or there.most < was_there.least:
        text = f"a leader can be there {availability(there)} of the time instead of {availability(was_there)}"
        yield Difference(text, there.most < was_there.least)


def _measured(
    text: str, one: Estimate | None, other: Estimate | None, said: Callable[[float], str] = seconds
) -> Iterator[Difference]:
    """That the other one is more or less, where the intervals tell them apart. Of all that is measured, more is
    worse."""
    if one is not None and other is not None and (other.low > one.high or other.high < one.low):
        yield Difference(text.format(said(other.value), said(one.value)), other.value > one.value)
