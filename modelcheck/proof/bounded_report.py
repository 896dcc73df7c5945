"""What bounded model checking found, in words and as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from modelcheck.check import described_sizes
from modelcheck.model import Model
from modelcheck.proof.bounded import Ended, Outcome
from modelcheck.properties import QUORUMS_INTERSECT, STANDARD_TEXTS, checked, quorum_definitions
from modelcheck.report import described_faults, described_network, time_to_json
from modelcheck.trace_json import trace_to_json
from spec.described import described_time

EXIT_STATUS = {
    Ended.CLEAN: 0,
    Ended.PROVED: 0,
    Ended.VIOLATED: 1,
    Ended.UNKNOWN: 3,
    Ended.TIME: 3,
    Ended.INTERRUPTED: 3,
}


@dataclass(frozen=True)
class Instance:
    """What was found of one size. `outcome` is None where no solver was asked, and `reason` says why; `violated` is
    then whether that is a violation."""

    model: Model
    outcome: Outcome | None
    reason: str = ""
    violated: bool = False
    induction: bool = False

    @property
    def status(self) -> int:
        if self.outcome is None:
            return 1 if self.violated else 3
        if self.induction and self.outcome.ended is Ended.CLEAN:
            return 3
        return EXIT_STATUS[self.outcome.ended]


def steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def answer(instance: Instance) -> str:
    """The verdict in a few words."""
    outcome = instance.outcome
    if outcome is None:
        return f"violated: {instance.reason}" if instance.violated else f"unknown: {instance.reason}"
    clean = f"no violation within {steps(outcome.steps)}" if outcome.steps >= 0 else "nothing is known"
    match outcome.ended:
        case Ended.VIOLATED:
            assert outcome.trace is not None and outcome.trace.violation is not None
            return f"violated: {outcome.trace.violation.property}, after {steps(len(outcome.trace))}"
        case Ended.PROVED:
            return f"holds: proved by k-induction, k = {outcome.k}"
        case Ended.CLEAN if instance.induction:
            return f"unknown: {clean}, and no proof by k-induction up to k = {outcome.tried}"
        case Ended.CLEAN:
            return clean
        case Ended.TIME:
            return f"unknown: the time limit was reached; {clean}"
        case Ended.INTERRUPTED:
            return f"unknown: interrupted; {clean}"
        case Ended.UNKNOWN:
            return f"unknown: the solver gave up ({outcome.reason}); {clean}"


def looked_for(model: Model) -> list[tuple[str, str]]:
    """The properties that are looked for: what kind of property each is, and its name."""
    found = [
        (item.declared.kind.value if item.declared is not None else "standard", item.name)
        for item in checked(model)
        if item.is_violation
    ]
    asked = model.only is None or QUORUMS_INTERSECT in model.only
    if asked and any(True for _ in quorum_definitions(model)):
        found.append(("standard", QUORUMS_INTERSECT))
    return found


def report(instances: list[Instance]) -> str:
    return "\n".join(line for instance in instances for line in _lines(instance)) + "\n"


def _lines(instance: Instance) -> Iterator[str]:
    model, outcome = instance.model, instance.outcome
    protocol = model.protocol
    yield f"{protocol.name}: {answer(instance)} (spec {protocol.source.sha256[:12]})"
    yield f"  {described_sizes(model)}; numbers unbounded"
    yield f"  network: {described_network(model.network)}; faults: {described_faults(model)}"
    if protocol.clocks is not None:
        yield from (f"  {line}" for line in described_time(protocol.clocks, drifts=model.drifts))
    if not model.network.is_growing_set:
        yield "  links hold any number of messages"
    if outcome is not None:
        yield f"  {outcome.solver}: {outcome.queries} queries, {outcome.seconds:.2f} s"
        if outcome.ended is Ended.CLEAN:
            yield f"  nothing is said of runs of more than {steps(outcome.steps)}"
    names = [name for _, name in looked_for(model)]
    yield f"  looked for: {', '.join(names)}"


def to_json(instance: Instance) -> dict[str, Any]:
    """Plain values, ready for `json.dumps`."""
    model, outcome = instance.model, instance.outcome
    protocol = model.protocol
    trace = outcome.trace if outcome is not None else None
    return {
        "format": "oneleader-bmc",
        "version": 1,
        "protocol": protocol.name,
        "spec": {"name": protocol.source.name, "sha256": protocol.source.sha256},
        "answer": "not asked" if outcome is None else outcome.ended.value,
        "reason": answer(instance),
        "exit_status": instance.status,
        "sizes": {kind.name: size for kind, size in zip(protocol.kinds, model.sizes, strict=True)},
        "network": {
            "loss": model.network.loss,
            "duplication": model.network.duplication,
            "reordering": model.network.reordering,
        },
        "faults": [{"fault": fault.kind.value, "up_to": fault.up_to, "of": fault.of} for fault in model.faults],
        "time": time_to_json(protocol.clocks, model.faults),
        "numbers": "unbounded",
        "clean_steps": None if outcome is None or outcome.steps < 0 else outcome.steps,
        "induction": None if outcome is None else outcome.k,
        "solver": None if outcome is None else outcome.solver,
        "queries": None if outcome is None else outcome.queries,
        "seconds": None if outcome is None else round(outcome.seconds, 3),
        "properties": [
            {"name": name, "kind": kind, "text": STANDARD_TEXTS.get(name, "")} for kind, name in looked_for(model)
        ],
        "counterexample": None if trace is None else trace_to_json(trace),
    }
