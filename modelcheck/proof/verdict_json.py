"""What a proof, or the check of a certificate, has come to, as JSON; `docs/proof.schema.json` and
`docs/recheck.schema.json` say what stands in it."""

from __future__ import annotations

from typing import Any

from modelcheck.proof.certificate import network_to_json, without_to_json
from modelcheck.proof.prove import Proof, statement
from modelcheck.proof.recheck import Rechecked
from modelcheck.proof.scope import label
from modelcheck.report import time_to_json
from modelcheck.trace import Trace
from modelcheck.trace_json import trace_to_json
from spec.protocol import Protocol

VERSION = 1
PROVED, VIOLATED, UNKNOWN = "proved", "violated", "unknown"
HOLDS, WRONG, NOT_CONFIRMED = "holds", "does not hold", "not confirmed"
EXIT_STATUS = {PROVED: 0, VIOLATED: 1, UNKNOWN: 3, HOLDS: 0, WRONG: 1, NOT_CONFIRMED: 3}


def proof_to_json(proof: Proof, violated: bool, reason: str, trace: Trace | None, seconds: float) -> dict[str, Any]:
    """Plain values, ready for `json.dumps`. `violated` is whether the trace, or the reason, is about a run."""
    answer = VIOLATED if violated else PROVED if proof.proved else UNKNOWN
    return {
        "format": "oneleader-proof-verdict",
        "version": VERSION,
        "protocol": proof.original.name,
        "spec": {"name": proof.original.source.name, "sha256": proof.original.source.sha256},
        "answer": answer,
        "reason": reason,
        "exit_status": EXIT_STATUS[answer],
        "network": network_to_json(proof.network),
        "faults": [{"fault": fault.kind.value, "up_to": fault.up_to, "of": fault.of} for fault in proof.faults],
        "numbers": "unbounded",
        **_part(proof),
        "stated_without": [{"without": without_to_json(part.without), **_part(part)} for part in proof.beside],
        "solver": proof.solver,
        "seconds": round(seconds, 3),
        "trace": None if trace is None else trace_to_json(trace),
    }


def _part(proof: Proof) -> dict[str, Any]:
    """What is said of the properties that are stated without the same faults."""
    return {
        "time": time_to_json(proof.setting(None).protocol.clocks, proof.assumptions.left),
        "sizes": [
            {
                "size": label(size.size),
                "description": size.description,
                "proved": size.proved,
                "refused": size.refused or None,
                "obligations": len(size.answers),
                "shown": sum(one.shown for one in size.answers),
                "seconds": round(sum(one.seconds for one in size.answers), 3),
            }
            for size in proof.sizes
        ],
        "properties": list(statement(proof)),
        "not_shown": list(proof.unproved),
        "invariant": [one.text for one in proof.found],
    }


def recheck_answer(found: Rechecked) -> str:
    """Whether a certificate holds. What is wrong counts for more than what is open."""
    return WRONG if found.wrong else NOT_CONFIRMED if found.open else HOLDS


def recheck_to_json(found: Rechecked, about: Protocol | None, seconds: float) -> dict[str, Any]:
    """Plain values, ready for `json.dumps`. `about` is the spec with which the certificate was compared."""
    answer = recheck_answer(found)
    return {
        "format": "oneleader-recheck",
        "version": VERSION,
        "protocol": found.protocol,
        "spec_sha256": found.spec_sha256,
        "compared_with": None if about is None else {"name": about.source.name, "sha256": about.source.sha256},
        "answer": answer,
        "exit_status": EXIT_STATUS[answer],
        "claimed_for": list(found.proved),
        "claims": [
            {
                "without": list(claim.without),
                "sizes": list(claim.sizes),
                "properties": list(claim.properties),
                "time": list(claim.time),
            }
            for claim in found.claims
        ],
        "left_open": list(found.left_open),
        "assumptions": found.assumptions,
        "numbers": "unbounded",
        "solver": found.solver,
        "obligations": found.counted.obligations,
        "goals": found.counted.goals,
        "refutations": found.counted.refutations,
        "wrong": list(found.wrong),
        "open": list(found.open),
        "solver_seconds": round(found.counted.solver_seconds, 3),
        "refutation_seconds": round(found.counted.refutation_seconds, 3),
        "seconds": round(seconds, 3),
    }
