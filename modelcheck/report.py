"""A verdict in words: what was explored, under which assumptions, and what that says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from modelcheck.check import described_sizes
from modelcheck.liveness.futures import Future
from modelcheck.liveness.led import FoundLed
from modelcheck.liveness.recovers import Found
from modelcheck.model import STEPPING_FAULTS, Model
from modelcheck.outcome import Status
from modelcheck.verdict import STANDARD, Answer, Exploration, PropertyResult, Result, Verdict
from spec.described import described_time
from spec.protocol import Clocks, Fault, FaultKind, Network


def report(verdict: Verdict) -> str:
    """The whole verdict but for counterexamples, as lines of at most about 100 columns."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    protocol = verdict.protocol
    yield f"{protocol.name}: {verdict.answer.value} (check {verdict.check}; spec {protocol.source.sha256[:12]})"
    if verdict.answer is not Answer.HOLDS:
        yield f"  {verdict.reason}"
    for exploration in verdict.explorations:
        yield from exploration_lines(exploration, _left_out(verdict, exploration))
    for sizes in verdict.skipped:
        yield f"  {sizes}: not explored"
    yield from _coverage_lines(verdict)
    yield from _property_lines(verdict)


def _left_out(verdict: Verdict, exploration: Exploration) -> tuple[str, ...]:
    """The faults that another exploration of this size under these bounds has, and this one has not, for it is of what
    is stated without them; also where there is no other one."""

    def place(of: Exploration) -> tuple[str, str]:
        return described_sizes(of.model), described_bounds(of.model)

    others = (of for of in verdict.explorations if place(of) == place(exploration))
    kinds = dict.fromkeys(fault.kind for of in others for fault in of.model.faults)
    own = {fault.kind for fault in exploration.model.faults}
    stated = [set(found.without) for found in exploration.properties if found.kind != STANDARD]
    alone = set.intersection(*stated) if stated else set()
    return tuple(kind.value for kind in FaultKind if kind not in own and (kind in kinds or kind.value in alone))


def exploration_lines(exploration: Exploration, left_out: Sequence[str] = ()) -> Iterator[str]:
    """One exploration: its answer, its assumptions and its figures. `left_out` are the faults that another one of the
    same size has."""
    model, outcome = exploration.model, exploration.outcome
    without = f", without {', '.join(left_out)}" if left_out else ""
    yield f"  {described_sizes(model)}, {described_bounds(model)}{without}: {exploration.answer.value}"
    yield f"    {exploration.reason}"
    yield f"    network: {described_network(model.network)}; faults: {described_faults(model)}"
    if model.protocol.clocks is not None:
        yield from (f"    {line}" for line in described_time(model.protocol.clocks, drifts=model.drifts))
    if outcome is not None:
        orbits = "state" if outcome.states == 1 else "states"
        orbits += f" up to symmetry {exploration.symmetry}" if exploration.symmetric else ""
        yield (
            f"    {outcome.states:,} {orbits}; {outcome.steps:,} steps; depth {outcome.depth}; "
            f"{outcome.seconds:.2f} s; {_megabytes(outcome.bytes)}"
        )
        if not exploration.symmetric:
            yield f"    symmetry {exploration.symmetry}"
        threads = "1 thread" if exploration.threads == 1 else f"{exploration.threads} threads"
        reductions = "; ".join(exploration.reductions) or "none"
        yield f"    engine: {exploration.engine}, {threads}; reductions: {reductions}"
        for bound in sorted(outcome.reached):
            stops = ", and time may stop there" if model.protocol.clocks is not None else ""
            yield f"    the bound {bound} was reached: nothing is said of runs that pass it{stops}"
        if outcome.status is Status.EXHAUSTED and not outcome.reached:
            yield "    no bound was reached: these are all the states that there are"
    for found in exploration.liveness:
        yield from _future_lines(found)
    for remark in exploration.remarks:
        yield f"    {remark}"


def _future_lines(found: Future) -> Iterator[str]:
    """How far a property about the future was looked at."""
    yield f"    {found.claim.kind.value} {found.claim.name}:"
    if found.stopped is not None:
        yield "      the search was cut short: nothing is known"
    elif isinstance(found, Found):
        yield from _recovery_lines(found)
    else:
        yield from _led_lines(found)


def _recovery_lines(found: Found) -> Iterator[str]:
    states = f"{found.asked:,} states" + (" up to symmetry" if found.symmetric else "")
    if found.holds:
        yield f"      it can come about from each of {states}"
    if found.lost:
        yield f"      it cannot come about any more from {found.lost:,} of {states}"
    if found.cut:
        yield f"      it was not found from {found.cut:,} of {states}; {', '.join(found.bounds)} stopped steps"
    if found.claim.quorum_of is not None and found.gone:
        kind = found.claim.quorum_of
        gone = f"any {found.gone} {kind}s" if found.gone > 1 else f"any one {kind}"
        yield f"      with {gone} down and cut off, as long as a quorum stays"
    elif found.claim.quorum_of is not None:
        yield f"      with nobody missing: no set of {found.claim.quorum_of}s but all of them is a quorum, if any is"
    engine = "native" if found.native else "python"
    yield f"      once nothing goes wrong, {_raised(found.more)}; engine: {engine}; {found.seconds:.2f} s"


def _led_lines(found: FoundLed) -> Iterator[str]:
    yield f"      {found.reason}"
    yield f"      fairness: {found.fairness}" if str(found.fairness) else "      no fairness is promised"
    if found.bounds:
        yield f"      {', '.join(found.bounds)} stopped steps"
    if found.rebased:
        names = ", ".join(found.rebased)
        yield f"      {names}: counted from the least on, so that its bound says how far it may be apart"
    size = f"{found.states:,} states without symmetry, {found.steps:,} steps; " if found.states else ""
    calm = f"{_raised(found.more)} in the calm; " if found.fairness.calm else ""
    yield f"      {size}{calm}engine: {found.engine}; {found.seconds:.2f} s"


def _raised(more: int) -> str:
    return f"bounds raised by {more}" if more else "bounds as they are"


def _coverage_lines(verdict: Verdict) -> Iterator[str]:
    coverage = verdict.coverage
    if coverage.complete:
        yield f"  coverage: {coverage.taken} of {coverage.total} handlers and branches taken"
    else:
        yield f"  coverage: {coverage.taken} of {coverage.total} taken so far; the search was cut short"
    for label, line in coverage.missing:
        yield f"    never taken: line {line}: {label}"
    for name in coverage.unwitnessed:
        yield f"    no witness: reachable {name}"
    if coverage.missing or coverage.unwitnessed:
        yield "    mark what cannot happen `unreachable`, or raise the bounds"


def _property_lines(verdict: Verdict) -> Iterator[str]:
    """Every property once, with its worst result over all explorations."""
    order = [
        Result.VIOLATED,
        Result.UNDECIDED,
        Result.WITNESSED,
        Result.NOT_WITNESSED,
        Result.HOLDS,
    ]
    worst: dict[str, PropertyResult] = {}
    for exploration in verdict.explorations:
        for found in exploration.properties:
            before = worst.get(found.name)
            if before is None or order.index(found.result) < order.index(before.result):
                worst[found.name] = found
    if worst:
        yield "  properties:"
        width = max(len(f"{one.kind} {one.name}") for one in worst.values())
        for one in worst.values():
            without = f", stated without {', '.join(one.without)}" if one.without else ""
            yield f"    {f'{one.kind} {one.name}':<{width}}  {one.result.value}{without}"


def described_network(network: Network) -> str:
    words = [
        word
        for word, said in (
            ("loss", network.loss),
            ("duplication", network.duplication),
            ("reordering", network.reordering),
        )
        if said
    ]
    return ", ".join(words) or "reliable, in order on each link"


COVERED = "covered: any process may be slow for any time"
"""Why faults that only slow a process down add nothing to an untimed model."""


def described_faults(model: Model) -> str:
    return described_faults_of(model.faults, timed=model.protocol.clocks is not None)


def described_faults_of(faults: tuple[Fault, ...], *, timed: bool = False) -> str:
    if not faults:
        return "none"
    shown = []
    for fault in faults:
        text = str(fault)
        if fault.kind is FaultKind.RESTART:
            text += " (crash and restart in one step)"
        if fault.kind not in STEPPING_FAULTS and not timed:
            text += f" ({COVERED})"
        shown.append(text)
    return ", ".join(shown)


def time_to_json(clocks: Clocks | None, faults: Iterable[Fault]) -> list[str]:
    """What is supposed of time, in words."""
    drifts = any(fault.kind is FaultKind.DRIFT for fault in faults)
    return [] if clocks is None else [" ".join(line.split()) for line in described_time(clocks, drifts=drifts)]


def described_bounds(model: Model) -> str:
    """The bounds of the check; a link's capacity, where the network keeps what is under way."""
    bounds = [f"{variable} <= {model.caps.variables[kind, variable]}" for kind, variable in model.caps.declared]
    if not model.network.is_growing_set:
        bounds.append(f"channel <= {model.channel}")
    return ", ".join(bounds) or "no bounds"


def _megabytes(amount: int) -> str:
    return f"{amount / 2**20:,.1f} MiB" if amount < 2**30 else f"{amount / 2**30:,.2f} GiB"
