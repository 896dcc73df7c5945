"""What the properties about the future take: `recovers` and `leads_to` of Raft, and what it is good for to count terms
from the least of them on.

    python -m bench.liveness [--most 4] [--runs 3] [--save docs/liveness.json] [--shown FILE] [--document]

The times are processor time of one thread, the least of all runs; the C compiler's are not among them. `--most` is the
largest bound of the terms in the second table.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.measure import ROOT, machine
from bench.tables import markdown_table, replace_block
from modelcheck.check import Options, model_of, models_of
from modelcheck.liveness.leads_to import KEPT, leads_to
from modelcheck.liveness.recovers import recovers
from modelcheck.model import Model
from modelcheck.outcome import Limits
from modelcheck.reductions import REBASED
from modelcheck.report import described_bounds
from spec.check import load
from spec.overrides import check_from, fairness_from
from spec.protocol import Property, PropertyKind, Protocol

COMMAND = "python -m bench.liveness"
DOCUMENT = ROOT / "docs" / "liveness.md"
SPEC = "spec/protocols/raft.elect"
SPLIT_VOTE = "eventually calm, weak delivery, weak timeout"
"""Under which nobody need ever be elected."""


@dataclass(frozen=True)
class Asked:
    """A property of a model: what was found, over how many states and steps, and the processor time."""

    property: str
    nodes: int
    bounds: str
    fairness: str
    rebased: bool
    found: str
    states: int
    steps: int
    seconds: float


@dataclass(frozen=True)
class Results:
    machine: str
    checked: tuple[Asked, ...]
    """As the spec's own check `full` has it."""
    terms: tuple[Asked, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=4, help="the largest bound of the terms")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the results as JSON")
    parser.add_argument("--shown", type=Path, metavar="FILE", help="measure nothing: show what was saved")
    parser.add_argument("--document", action="store_true", help="put the tables into docs/liveness.md")
    given = parser.parse_args(arguments)
    results = loaded(given.shown.read_text(encoding="utf-8")) if given.shown is not None else measured(given)
    if given.save is not None:
        given.save.write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    text = tables(results)
    if given.document:
        replace_block(DOCUMENT, COMMAND, text)
    print(text, end="")


def measured(given: argparse.Namespace) -> Results:
    protocol, _ = load(ROOT / SPEC)
    kinds = (PropertyKind.RECOVERS, PropertyKind.LEADS_TO)
    checked = [timed(model, of(protocol, kind), frozenset(), given.runs) for kind in kinds for model in full(protocol)]
    terms = [
        timed(bounded(protocol, most, fairness), of(protocol, PropertyKind.LEADS_TO), without, given.runs)
        for fairness in (str(protocol.fairness), SPLIT_VOTE)
        for most in range(1, given.most + 1)
        for without in (frozenset[str](), frozenset((REBASED,)))
    ]
    return Results(machine(), tuple(checked), tuple(terms))


def full(protocol: Protocol) -> list[Model]:
    (check,) = (one for one in protocol.checks if one.name == "full")
    return models_of(protocol, check, Options())


def bounded(protocol: Protocol, most: int, fairness: str) -> Model:
    row = check_from(f"3 nodes, term <= {most}", protocol, "--within").rows[0]
    options = Options(fairness=fairness_from(fairness, protocol, "--fairness"))
    return model_of(protocol, row, row.sizes[0], options)


def of(protocol: Protocol, kind: PropertyKind) -> Property:
    return next(claim for claim in protocol.properties if claim.kind is kind)


def timed(model: Model, claim: Property, without: frozenset[str], runs: int) -> Asked:
    """The first run is not counted: the C compiler runs in it."""
    return min((once(model, claim, without) for _ in range(runs + 1)), key=lambda one: one.seconds)


def once(model: Model, claim: Property, without: frozenset[str]) -> Asked:
    began = time.process_time()
    nodes, bounds = sum(model.sizes), described_bounds(model)
    if claim.kind is PropertyKind.RECOVERS:
        found = recovers(model, claim, Limits())
        said = "within reach of all" if found.holds else f"not found from {found.lost + found.cut}"
        steps = 0
        sizes, fairness, rebased = found.asked, "", False
    else:
        led = leads_to(model, claim, Limits(), kept=KEPT - without)
        said = {True: "holds", False: "violated", None: "unknown"}[led.holds]
        sizes, steps, fairness, rebased = led.states, led.steps, str(led.fairness), bool(led.rebased)
    return Asked(claim.name, nodes, bounds, fairness, rebased, said, sizes, steps, time.process_time() - began)


def loaded(text: str) -> Results:
    """Results that were saved as JSON."""
    saved = json.loads(text)
    checked, terms = (tuple(Asked(**one) for one in saved[name]) for name in ("checked", "terms"))
    return Results(saved["machine"], checked, terms)


def tables(results: Results) -> str:
    titles = ("property", "nodes", "bounds", "found", "states", "steps", "CPU")
    rows = [
        (f"`{one.property}`", str(one.nodes), f"`{one.bounds}`", one.found, f"{one.states:,}", _steps(one), _time(one))
        for one in results.checked
    ]
    return "\n".join([f"{results.machine}.\n", markdown_table(titles, rows), *_terms(results.terms)])


def _terms(terms: Sequence[Asked]) -> Iterator[str]:
    for fairness in dict.fromkeys(one.fairness for one in terms):
        yield f"`fairness: {fairness}`, 3 nodes:\n"
        rows = [
            (
                f"`{one.bounds}`",
                "how far apart they are" if one.rebased else "the terms themselves",
                one.found,
                f"{one.states:,}",
                _steps(one),
                _time(one),
            )
            for one in terms
            if one.fairness == fairness
        ]
        yield markdown_table(("bound", "it is on", "found", "states", "steps", "CPU"), rows)


def _steps(one: Asked) -> str:
    return f"{one.steps:,}" if one.steps else "-"


def _time(one: Asked) -> str:
    return f"{one.seconds:.2f} s"


if __name__ == "__main__":
    main()
