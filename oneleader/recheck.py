"""`oneleader recheck`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import typer

from modelcheck.proof.recheck import NoCertificate, Rechecked, recheck
from modelcheck.proof.solvers import NoSolver
from modelcheck.proof.verdict_json import (
    EXIT_STATUS,
    HOLDS,
    NOT_CONFIRMED,
    WRONG,
    recheck_answer,
    recheck_to_json,
)
from oneleader.console import fail, printing, problems_told, read

UNDECIDED = 3
SHOWN = 20
"""So many reasons are listed."""
_SAID = {
    HOLDS: "the certificate holds",
    WRONG: "the certificate does NOT hold",
    NOT_CONFIRMED: "the certificate is not confirmed",
}


def run(folder: Path, spec: Path | None, seconds: float, proofs: Path | None, as_json: bool = False) -> None:
    """Checks a certificate; the first line of what is printed is the verdict, if it is no JSON."""
    if not seconds > 0:
        fail("--time: expected more than 0 seconds")
    about = read(spec) if spec is not None else None
    began = time.monotonic()

    def tell(line: str) -> None:
        print(f"oneleader: {line}", file=sys.stderr, flush=True)

    with problems_told(str(folder)):
        try:
            found = recheck(folder, about, seconds, 2, tell, proofs)
        except (NoCertificate, FileExistsError) as problem:
            fail(str(problem))
        except NoSolver as problem:
            print(f"oneleader: {problem}", file=sys.stderr)
            raise typer.Exit(UNDECIDED) from None
    took = time.monotonic() - began
    with printing():
        if as_json:
            print(json.dumps(recheck_to_json(found, about, took), indent=2))
        else:
            _show(found, took)
    raise typer.Exit(EXIT_STATUS[recheck_answer(found)])


def _show(found: Rechecked, seconds: float) -> None:
    some = ", and claims a part of what the spec states" if found.left_open else ""
    print(f"{found.protocol}: {_SAID[recheck_answer(found)]}{some}")
    print(f"  spec {found.spec_sha256[:12]}; claimed for: {'; '.join(found.proved) or 'no size'}")
    print(f"  {found.assumptions}; no bound on numbers, steps or messages")
    for claim in found.claims:
        stated = f", where there is no {', '.join(claim.without)}" if claim.without else ""
        print(f"  for {'; '.join(claim.sizes)}{stated}: {', '.join(claim.properties)}")
        for line in claim.time:
            print(f"    {line}")
    for line in found.left_open:
        print(f"  NOT claimed: {line}")
    counted = found.counted
    print(f"  {counted.obligations} obligations with {counted.goals} goals, rebuilt from the spec: ", end="")
    print(f"{found.solver}, {counted.solver_seconds:.1f} s")
    print(f"  {counted.refutations} propositional refutations checked: {counted.refutation_seconds:.1f} s")
    print(f"  {seconds:.1f} s in all")
    said = (*found.wrong, *found.open)
    for line in said[:SHOWN]:
        print(f"  - {line}")
    if len(said) > SHOWN:
        print(f"  - and {len(said) - SHOWN} more")
