"""Whether the sizes are proved."""

from __future__ import annotations

from dataclasses import replace

from modelcheck.proof.prove import Proof, Wanted, prove
from modelcheck.proof.setting import Unprovable
from modelcheck.proof.solvers import NoSolver
from oneleader.comparison.result import NOT_PROVED, PROVED, Proved
from spec.protocol import Protocol


def proved(protocol: Protocol, nodes: tuple[int, ...], wanted: Wanted | None = None) -> dict[int, Proved]:
    """For each size whether the prover proves the standard properties and the spec's own for it, with no bound on
    numbers, steps or messages. All sizes are proved together: the invariant is looked for once."""
    try:
        proof = prove(protocol, replace(wanted or Wanted(), sizes=nodes), lambda _: None)
    except Unprovable as problem:
        return {size: Proved(NOT_PROVED, f"proofs do not cover {problem.reason}") for size in nodes}
    except NoSolver as problem:
        return {size: Proved(NOT_PROVED, str(problem)) for size in nodes}
    return {size: _of_size(proof, size) for size in nodes}


def _of_size(proof: Proof, size: int) -> Proved:
    one = next(found for found in proof.sizes if found.size == size)
    if one.proved:
        return Proved(PROVED, "", proof.solver)
    shown = sum(answer.shown for answer in one.answers)
    return Proved(NOT_PROVED, one.refused or f"{shown} of {len(one.answers)} obligations shown", proof.solver)
