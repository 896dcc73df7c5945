"""Runs a check: every size of every row, then coverage over all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from modelcheck.bounds import caps
from modelcheck.engines import Choice, Wanted, engine_for
from modelcheck.explain import explain, explain_failure, explain_standard
from modelcheck.liveness.futures import Future, futures
from modelcheck.liveness.led import FoundLed
from modelcheck.liveness.recovers import Found
from modelcheck.model import Model
from modelcheck.outcome import Hit, Limits, Outcome, Progress, Status
from modelcheck.properties import (
    QUORUMS_INTERSECT,
    STANDARD_TEXTS,
    Checked,
    checked,
    disjoint_quorums,
    quorum_definitions,
)
from modelcheck.semantics import initial
from modelcheck.timed import stated_without, with_time
from modelcheck.trace import Trace, Violation
from modelcheck.verdict import STANDARD, Answer, Coverage, Exploration, PropertyResult, Result, Verdict
from spec.fairness import Fairness
from spec.names import STANDARD_PROPERTIES
from spec.protocol import (
    CHECKED_BY_EXPLORATION,
    Check,
    Fault,
    Network,
    Property,
    PropertyKind,
    Protocol,
    Row,
    Timing,
)

DEFAULT_CHANNEL = 2
"""Messages that a link holds at most, where the network is no growing set and the check says nothing."""
REACHABLE = PropertyKind.REACHABLE.value
SHARE_OF_MEMORY = 0.8
"""How much of the machine's free memory a search takes at most, unless told otherwise."""


@dataclass(frozen=True)
class Options:
    """How to check. `network`, `faults`, `fairness` and `timing` replace the spec's, where given; `only` names the
    properties to look for."""

    limits: Limits = field(default_factory=Limits)
    choice: Choice = field(default_factory=Choice)
    network: Network | None = None
    faults: tuple[Fault, ...] | None = None
    only: frozenset[str] | None = None
    fairness: Fairness | None = None
    timing: Timing | None = None


Watch = Callable[[Model, Progress], None]
"""Called now and then while a model is searched."""
Told = Callable[[Exploration], None]
"""Called with each exploration as it ends."""
Remarked = Callable[[str], None]
"""Called, before a model is searched, with each remark on the engine that is going to."""


def model_of(
    protocol: Protocol, row: Row, sizes: tuple[int, ...], options: Options, claims: frozenset[str] | None = None
) -> Model:
    """The model of one size under a row's bounds, with some of the spec's properties, or all. Raises SpecError where a
    `nat` has no bound."""
    network = options.network or protocol.network
    faults = protocol.faults if options.faults is None else options.faults
    fair = protocol if options.fairness is None else replace(protocol, fairness=options.fairness)
    if options.timing is not None:
        fair = replace(fair, timing=options.timing)
    timed = with_time(fair, network, faults)  # how far clocks count does not depend on which properties are looked at
    kept = tuple(claim for claim in timed.properties if claims is None or claim.name in claims)
    return Model(
        replace(timed, properties=kept),
        sizes,
        caps(protocol, sizes, row.bounds),
        network,
        faults,
        row.channel or DEFAULT_CHANNEL,
        options.only,
    )


def models_of(protocol: Protocol, check: Check, options: Options) -> list[Model]:
    """The models of a check, in order: of each size one, and one for each set of faults that some properties are stated
    without. Raises SpecError where a `nat` has no bound."""
    looked_for = options.only
    found = []
    for row in check.rows:
        # What the command line says replaces the row's restriction, too.
        faults = tuple(f for f in protocol.faults if f.kind not in row.without)
        faults = faults if options.faults is None else options.faults
        for sizes in row.sizes:
            for without, claims in stated_without(protocol, faults).items():
                left = tuple(fault for fault in faults if fault.kind not in without)
                stated = frozenset(claim.name for claim in claims)
                names = stated if without else stated | set(STANDARD_PROPERTIES)
                if looked_for is not None and not names & looked_for:
                    continue
                only = looked_for if not without else names if looked_for is None else names & looked_for
                found.append(model_of(protocol, row, sizes, replace(options, faults=left, only=only), stated))
    return found


def run_check(
    protocol: Protocol,
    check: Check,
    options: Options,
    watch: Watch | None = None,
    told: Told | None = None,
    remarked: Remarked | None = None,
) -> Verdict:
    """The verdict of a check. It stops at the first size with a violation, or when it is interrupted.

    Raises SpecError for a spec that this check does not bound, and NoEngine."""
    models = models_of(protocol, check, options)
    explorations: list[Exploration] = []
    for model in models:
        explorations.append(explore(model, options, watch, remarked))
        if told is not None:
            told(explorations[-1])
        if explorations[-1].answer is Answer.VIOLATED or explorations[-1].is_interrupted:
            break
    skipped = tuple(described_sizes(model) for model in models[len(explorations) :])
    coverage = _coverage(protocol, explorations)
    answer, reason = _answer(explorations, coverage)
    return Verdict(protocol, check.name, tuple(explorations), coverage, skipped, answer, reason)


def explore(
    model: Model, options: Options, watch: Watch | None = None, remarked: Remarked | None = None
) -> Exploration:
    """The exploration of one model."""
    apart = disjoint_quorums(model) if model.only is None or QUORUMS_INTERSECT in model.only else None
    start = initial(model)
    engine = engine_for(model, options.choice) if start.state is not None and start.beyond is None else None
    if engine is None:
        return _without_search(model)
    if remarked is not None:
        for remark in engine.remarks:
            remarked(remark)
    limits = replace(options.limits, memory_bytes=options.limits.memory_bytes or free_memory())
    with engine.search(limits) as search:
        outcome = search.run((lambda progress: watch(model, progress)) if watch is not None else None)
        hit = next(iter(outcome.violations), None)
        trace = search.trace(hit) if hit is not None else None
    if hit is not None and trace is not None:
        trace = replace(trace, violation=_violation(trace, hit.checked))
    answer, reason = _exploration_answer(model, outcome, hit, trace, apart is not None)
    liveness: tuple[Future, ...] = ()
    if answer is Answer.HOLDS:
        native = options.choice.engine is not Wanted.PYTHON
        liveness = tuple(futures(model, limits, options.choice.reductions, native=native))
        answer, reason = _with_futures(liveness, answer, reason)
        trace = next((found.trace for found in liveness if found.is_violated), None)
    return Exploration(
        model,
        engine.name,
        limits.threads if engine.name == "native" else 1,
        engine.symmetric,
        engine.symmetry,
        engine.reductions,
        outcome,
        answer,
        reason,
        tuple(_results(model, outcome, apart is not None, liveness)),
        trace,
        (*engine.remarks, *_quorum_remark(model, apart), *_invariant_remark(model, hit)),
        liveness,
    )


def _with_futures(liveness: tuple[Future, ...], answer: Answer, reason: str) -> tuple[Answer, str]:
    """The answer with what is said of the future: the worst of all."""
    for found in liveness:
        if found.is_violated:
            return Answer.VIOLATED, f"{found.claim.name}: {_wrong(found)}"
    for found in liveness:
        if found.stopped is not None:
            return Answer.UNKNOWN, f"{found.claim.name}: {STOPPED[found.stopped]}"
        if isinstance(found, FoundLed) and found.holds is None:
            return Answer.UNKNOWN, f"{found.claim.name}: {found.reason}{_bounds(found.bounds)}"
        if isinstance(found, Found) and found.cut:
            states = "1 state" if found.cut == 1 else f"{found.cut:,} of {found.asked:,} states"
            return Answer.UNKNOWN, f"{found.claim.name}: not found from {states}{_bounds(found.bounds)}"
    return answer, reason


def _wrong(found: Future) -> str:
    if isinstance(found, Found):
        return f"out of reach after {_steps(len(found.trace or ()))}"
    return found.reason


def _bounds(bounds: tuple[str, ...]) -> str:
    return f" ({', '.join(bounds)})" if bounds else ""


STOPPED = {
    Status.MEMORY: "the memory limit was reached",
    Status.TIME: "the time limit was reached",
    Status.CANCELLED: "interrupted",
}


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _violation(trace: Trace, item: Checked) -> Violation:
    """What is false at the end of a trace, and for whom."""
    last = trace.steps[-1] if trace.steps else None
    if last is not None and last.failure is not None:
        return explain_failure(trace.model, last.failure)
    if item.declared is None:
        return explain_standard(trace.model, item.name, trace.states[-1])
    if item.in_step:
        return explain(trace.model, item.declared, trace.states[-2], trace.states[-1])
    return explain(trace.model, item.declared, trace.states[-1])


def _invariant_remark(model: Model, hit: Hit | None) -> tuple[str, ...]:
    """An invariant may be there for a proof only: that it is false says nothing of what the protocol promises yet."""
    if hit is None or hit.checked.declared is None or hit.checked.declared.kind is not PropertyKind.INVARIANT:
        return ()
    stated = [
        claim.name for claim in model.protocol.properties if claim.kind in (PropertyKind.SAFETY, PropertyKind.STEP)
    ]
    alone = f": look for those alone with {chr(32).join(f'--property {name}' for name in stated)}" if stated else ""
    return (f"{hit.checked.name} is an `invariant`, from which others are proved; they may hold still{alone}",)


def _without_search(model: Model) -> Exploration:
    """The initial step itself fails, or is beyond a bound."""
    start = initial(model)
    if start.failure is not None:
        reason = f"the initial state cannot be made: {start.failure.reason} (line {start.failure.span.line})"
    else:
        reason = f"the initial state is beyond the bound {start.beyond}"
    answer = Answer.VIOLATED if start.failure is not None else Answer.UNKNOWN
    return Exploration(model, "none", 1, False, "off: nothing was searched", (), None, answer, reason, (), None)


def free_memory() -> int:
    """In bytes; 0 (no limit) where the machine does not say."""
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(int(line.split()[1]) * 1024 * SHARE_OF_MEMORY)
    except OSError:
        pass
    try:
        return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * SHARE_OF_MEMORY)
    except (ValueError, OSError, AttributeError):
        return 0


def _quorum_remark(model: Model, apart: tuple[str, frozenset[int], frozenset[int]] | None) -> Iterator[str]:
    if apart is not None:
        kind, one, other = apart
        shown = [", ".join(f"{kind}{number + 1}" for number in sorted(members)) for members in (one, other)]
        yield f"two quorums of {model.size(kind)} with nobody in common: {{{shown[0]}}} and {{{shown[1]}}}"


# Answers -------------------------------------------------------------------------------------------------------------


def _exploration_answer(
    model: Model, outcome: Outcome, hit: Hit | None, trace: Trace | None, apart: bool
) -> tuple[Answer, str]:
    if hit is not None:
        reason = f"{hit.checked.name}: violated after {hit.length} step{'' if hit.length == 1 else 's'}"
        if trace is None:
            reason += "; its trace was not found again within the limits"
        return Answer.VIOLATED, reason
    if apart:
        return Answer.VIOLATED, f"{QUORUMS_INTERSECT}: violated"
    depth = outcome.depth
    match outcome.status:
        case Status.MEMORY:
            return Answer.UNKNOWN, f"the memory limit was reached at depth {depth}"
        case Status.TIME:
            return Answer.UNKNOWN, f"the time limit was reached at depth {depth}"
        case Status.CANCELLED:
            return Answer.UNKNOWN, f"interrupted at depth {depth}"
        case Status.DEPTH:
            return Answer.UNKNOWN, f"not explored beyond depth {depth}"
        case _:
            return Answer.HOLDS, "every reachable state within the bounds was explored"


def _results(model: Model, outcome: Outcome, apart: bool, liveness: tuple[Future, ...]) -> Iterator[PropertyResult]:
    complete = outcome.status is Status.EXHAUSTED
    hits = {hit.checked.name: hit for hit in outcome.hits}
    for item in checked(model):
        kind = item.declared.kind.value if item.declared is not None else STANDARD
        hit = hits.get(item.name)
        if hit is not None:
            result = Result.VIOLATED if item.is_violation else Result.WITNESSED
        elif not complete:
            result = Result.UNDECIDED
        else:
            result = Result.HOLDS if item.is_violation else Result.NOT_WITNESSED
        length = hit.length if hit is not None else None
        yield PropertyResult(item.name, kind, item.text, result, length, _stated_without(item.declared))
    asked = model.only is None or QUORUMS_INTERSECT in model.only
    if asked and any(True for _ in quorum_definitions(model)):
        result = Result.VIOLATED if apart else Result.HOLDS
        yield PropertyResult(QUORUMS_INTERSECT, STANDARD, STANDARD_TEXTS[QUORUMS_INTERSECT], result)
    futures = {found.claim.name: found for found in liveness}
    for declared in model.protocol.properties:
        if declared.kind in CHECKED_BY_EXPLORATION or not (model.only is None or declared.name in model.only):
            continue
        found = futures.get(declared.name)
        result, length = Result.UNDECIDED, None
        if found is not None and found.holds:
            result = Result.HOLDS
        elif found is not None and found.is_violated:
            result, length = Result.VIOLATED, len(found.trace or ())
        kind, without = declared.kind.value, _stated_without(declared)
        yield PropertyResult(declared.name, kind, declared.description, result, length, without)


def _stated_without(declared: Property | None) -> tuple[str, ...]:
    return () if declared is None else tuple(sorted(kind.value for kind in declared.without))


def _coverage(protocol: Protocol, explorations: list[Exploration]) -> Coverage:
    outcomes = [exploration.outcome for exploration in explorations if exploration.outcome is not None]
    taken = frozenset(point for outcome in outcomes for point in outcome.covered)
    wanted = [(number, point) for number, point in enumerate(protocol.points) if not point.unreachable]
    complete = bool(outcomes) and all(outcome.status is Status.EXHAUSTED for outcome in outcomes)
    complete = complete and len(outcomes) == len(explorations)
    witnessed = {hit.checked.name for outcome in outcomes for hit in outcome.witnesses}
    reachable = list(dict.fromkeys(p.name for e in explorations for p in e.properties if p.kind == REACHABLE))
    missing = tuple((point.label, point.span.line) for number, point in wanted if number not in taken)
    return Coverage(
        sum(number in taken for number, _ in wanted),
        len(wanted),
        missing if complete else (),
        tuple(name for name in reachable if name not in witnessed) if complete else (),
        complete,
    )


def _answer(explorations: list[Exploration], coverage: Coverage) -> tuple[Answer, str]:
    """The worst of all, and whether what was explored was vacuous."""
    for wanted in (Answer.VIOLATED, Answer.UNKNOWN):
        for exploration in explorations:
            if exploration.answer is wanted:
                return wanted, f"{described_sizes(exploration.model)}: {exploration.reason}"
    if coverage.missing or coverage.unwitnessed:
        return Answer.VIOLATED, "vacuous: something that should happen never does within the bounds"
    return Answer.HOLDS, "every reachable state within the bounds was explored"


def described_sizes(model: Model) -> str:
    """`3 nodes`; `2 clients, 1 service`."""
    return ", ".join(
        f"{size} {kind.name}{'' if size == 1 else 's'}"
        for kind, size in zip(model.protocol.kinds, model.sizes, strict=True)
    )
